"""The models that the server knows: base models, tuned models, checkpoints: /models."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

from others.rehearsal.refusal import unknown_model
from others.rehearsal.store import Store, now


class Catalogue:
    """Models by id.

    Args:
        bases: id → folder.
        last_days: id → Unix time of the day on which a model and models tuned from it are shut down.
    """

    def __init__(self, store: Store, bases: dict[str, Path], last_days: dict[str, float]) -> None:
        self._store, self._bases, self._last_days, self._since = store, bases, last_days, now()

    def add(self, id: str, folder: Path, base: str) -> None:
        """Adds a tuned model; its folder is in the store."""
        made = {"id": id, "object": "model", "created": now(), "owned_by": "lift"}
        path = folder.relative_to(self._store.weights).as_posix()
        self._store.add("models", made, folder=path, base=base)

    def list(self) -> dict:
        """GET /models."""
        tuned = [record["object"]["id"] for record in self._store.newest("models")]
        return {"object": "list", "data": [self.get(id) for id in [*self._bases, *tuned]]}

    def get(self, id: str) -> dict:
        """GET /models/ID. The last day is a date, as the API description requires."""
        record = self._store.find("models", id)
        if id not in self._bases and record is None:
            raise unknown_model(id)
        model = record and self._store.view(record)
        model = model or {"id": id, "object": "model", "created": self._since, "owned_by": "system"}
        last = self._last_days.get(id, self._last_days.get(self.base(id)))
        day = None if last is None else datetime.fromtimestamp(last, timezone.utc).strftime("%Y-%m-%d")
        return model | ({"shutdown_date": day} if day else {})

    def folder(self, id: object) -> Path:
        """The weights of a model; raises a refusal if it is unknown."""
        record = self._store.find("models", id)
        if record is not None:
            return self._store.weights / record["folder"]
        if id not in self._bases:
            raise unknown_model(id)
        return self._bases[id]

    def base(self, id: str) -> str:
        """The base from which a model was tuned, or its own id."""
        record = self._store.find("models", id)
        return record["base"] if record else id
