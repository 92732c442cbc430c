"""Fine-tuning jobs, their events and checkpoints: /fine_tuning/jobs."""

from __future__ import annotations

import queue

from others.rehearsal import settings
from others.rehearsal.catalogue import Catalogue
from others.rehearsal.files import Files
from others.rehearsal.refusal import Refusal
from others.rehearsal.store import Store, new_id, now, page

WAITING = ("validating_files", "queued")
UNFINISHED = (*WAITING, "running")


class Jobs:
    """The jobs of a store. A record has an object, events and checkpoints, the last two oldest first.

    Attributes:
        waiting: ids for the tuner, in order; None stops it.
    """

    def __init__(self, store: Store, files: Files, catalogue: Catalogue) -> None:
        self._store, self._files, self._catalogue = store, files, catalogue
        self.waiting: queue.Queue[str | None] = queue.Queue()
        for record in reversed(store.newest("jobs")):  # left by a stopped server
            if record["object"]["status"] in UNFINISHED:
                store.change("jobs", record, status="validating_files")
                self.waiting.put(record["object"]["id"])

    # ---- endpoints ---------------------------------------------------------------------------------------------------

    def create(self, request: dict) -> dict:
        """POST /fine_tuning/jobs."""
        chosen = settings.read(request)
        base = request["model"]
        self._catalogue.folder(base)
        for which in ("training_file", "validation_file"):
            if request.get(which) is not None or which == "training_file":
                self._files.of(request.get(which), "fine-tune", which)
        made = {"id": new_id("ftjob-"), "object": "fine_tuning.job", "created_at": now(), "finished_at": None}
        made |= {"model": base, "organization_id": "org-lift", "status": "validating_files", "error": None}
        made |= {"training_file": request["training_file"], "validation_file": request.get("validation_file")}
        made |= {"hyperparameters": chosen.values, "method": chosen.method(), "seed": chosen.seed}
        made |= {"fine_tuned_model": None, "trained_tokens": None, "result_files": [], "estimated_finish": None}
        made |= {"user_provided_suffix": request.get("suffix"), "integrations": []}
        made |= {"metadata": request["metadata"]} if request.get("metadata") is not None else {}
        record = self._store.add("jobs", made, events=[], checkpoints=[])
        self.add_event(record, f"Created fine-tuning job: {made['id']}")
        shown = self._store.view(record)
        self.waiting.put(made["id"])
        return shown

    def list(self, query: dict[str, str]) -> dict:
        """GET /fine_tuning/jobs: limit, after, metadata[k]=v (all must match)."""
        required = {k[9:-1]: v for k, v in query.items() if k.startswith("metadata[")}
        found = [self._store.view(record) for record in self._store.newest("jobs")]
        found = [job for job in found if required.items() <= (job.get("metadata") or {}).items()]
        return page(found, query, 20)

    def get(self, id: str) -> dict:
        """GET /fine_tuning/jobs/ID."""
        return self._store.view(self.record(id))

    def cancel(self, id: str) -> dict:
        """POST /fine_tuning/jobs/ID/cancel."""
        message = f"Fine-tuning job {id} was cancelled"
        return self._moved(id, (*UNFINISHED, "paused"), "cancelled", message, finished_at=now())

    def pause(self, id: str) -> dict:
        """POST /fine_tuning/jobs/ID/pause."""
        return self._moved(id, UNFINISHED, "paused", f"Fine-tuning job {id} was paused")

    def resume(self, id: str) -> dict:
        """POST /fine_tuning/jobs/ID/resume: the job restarts, which gives the same model."""
        moved = self._moved(id, ("paused",), "queued", f"Fine-tuning job {id} was resumed")
        self.waiting.put(id)
        return moved

    def events(self, id: str, query: dict[str, str]) -> dict:
        """GET /fine_tuning/jobs/ID/events, newest first."""
        with self._store.lock:
            return page(self.record(id)["events"][::-1], query, 20)

    def checkpoints(self, id: str, query: dict[str, str]) -> dict:
        """GET /fine_tuning/jobs/ID/checkpoints, newest first."""
        with self._store.lock:
            return page(self.record(id)["checkpoints"][::-1], query, 10)

    # ---- for the tuner -----------------------------------------------------------------------------------------------

    def record(self, id: str) -> dict:
        """A job's record; raises a refusal if it is unknown."""
        message = f"Could not find fine tune: {id}"
        return self._store.get("jobs", id, lambda: Refusal(404, message, code="fine_tune_not_found", param="id"))

    def add_event(self, record: dict, message: str, data: dict | None = None) -> None:
        """Adds an event; with data it contains metrics."""
        event = {"object": "fine_tuning.job.event", "id": new_id("ftevent-"), "created_at": now(), "level": "info"}
        event |= {"message": message, "type": "metrics" if data else "message", "data": data or {}}
        with self._store.lock:
            record["events"].append(event)
            self._store.save("jobs", record)

    def move(self, record: dict, before: tuple[str, ...], after: str, message: str, **changes: object) -> bool:
        """Changes the state of a job if it is in one of the states `before`; otherwise returns False."""
        with self._store.lock:
            if record["object"]["status"] not in before:
                return False
            self._store.change("jobs", record, status=after, **changes)
            self.add_event(record, message)
            return True

    def _moved(self, id: str, before: tuple[str, ...], after: str, message: str, **changes: object) -> dict:
        record = self.record(id)
        if not self.move(record, before, after, message, **changes):
            state = record["object"]["status"]
            raise Refusal(400, f"Job {id} has status {state!r}; it cannot become {after!r}", code="invalid_job_status")
        return self._store.view(record)
