"""Objects of the server, one JSON file each, so that they survive a restart."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path

from others.rehearsal.refusal import Refusal

KINDS = ("files", "jobs", "batches", "models")


class Store:
    """Records by kind and id. A record is a dict: "order" (of creation), "object" (the API object) and more.

    Args:
        folder: created if missing; existing contents are read.

    Attributes:
        lock: must be held while a record is read or changed in several steps.
        contents: folder with the bytes of uploaded and created files.
        weights: folder of tuned models.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.contents = self.folder / "contents"
        self.weights = self.folder / "weights"
        self.lock = threading.RLock()
        self._records: dict[str, dict[str, dict]] = {kind: {} for kind in KINDS}
        for kind in KINDS:
            (self.folder / kind).mkdir(parents=True, exist_ok=True)
            for file in (self.folder / kind).glob("*.json"):
                record = json.loads(file.read_text("utf-8"))
                self._records[kind][record["object"]["id"]] = record
        self.contents.mkdir(exist_ok=True)
        self.weights.mkdir(exist_ok=True)

    def add(self, kind: str, object: dict, **more: object) -> dict:
        """A new record; its object has an id."""
        with self.lock:
            record = {"order": time.time_ns(), "object": object, **more}
            self._records[kind][object["id"]] = record
            self.save(kind, record)
            return record

    def save(self, kind: str, record: dict) -> None:
        """Writes a changed record atomically."""
        with self.lock:
            name = record["object"]["id"].replace("/", "%2F").replace(":", "%3A")
            file = self.folder / kind / f"{name}.json"
            new = file.with_suffix(".new")
            new.write_text(json.dumps(record) + "\n", "utf-8")
            new.replace(file)

    def change(self, kind: str, record: dict, **changes: object) -> None:
        """Changes fields of a record's object."""
        with self.lock:
            record["object"].update(changes)
            self.save(kind, record)

    def find(self, kind: str, id: object) -> dict | None:
        """A record, or None."""
        with self.lock:
            return self._records[kind].get(id)

    def get(self, kind: str, id: str, refusal: Callable[[], Refusal]) -> dict:
        """A record; raises a refusal if there is none."""
        record = self.find(kind, id)
        if record is None:
            raise refusal()
        return record

    def newest(self, kind: str) -> list[dict]:
        """All records of a kind, newest first."""
        with self.lock:
            return sorted(self._records[kind].values(), key=lambda record: -record["order"])

    def remove(self, kind: str, id: str) -> None:
        """Deletes a record."""
        with self.lock:
            del self._records[kind][id]
            (self.folder / kind / f"{id}.json").unlink()

    def view(self, record: dict) -> dict:
        """A copy of a record's current object."""
        with self.lock:
            return json.loads(json.dumps(record["object"]))


def new_id(prefix: str) -> str:
    """A unique id."""
    return prefix + secrets.token_hex(12)


def now() -> int:
    """Unix time in whole seconds."""
    return int(time.time())


def page(objects: list[dict], query: dict[str, str], default: int, most: int = 100) -> dict[str, object]:
    """A page of a list, according to `limit` and `after` in the query."""
    limit = int(query.get("limit", default))
    if not 1 <= limit <= most:
        raise Refusal(400, f"limit is {limit}; it must be from 1 to {most}", param="limit")
    ids = [object["id"] for object in objects]
    if "after" in query:
        if query["after"] not in ids:
            raise Refusal(400, f"no object {query['after']!r} to begin after", param="after")
        objects = objects[ids.index(query["after"]) + 1 :]
    shown = objects[:limit]
    ends = {"first_id": shown[0]["id"], "last_id": shown[-1]["id"]} if shown else {"first_id": "", "last_id": ""}
    return {"object": "list", "data": shown, **ends, "has_more": len(objects) > limit}
