"""Many requests as one file: /batches. Each batch is processed immediately, in its own thread."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable

from others.rehearsal.files import Files
from others.rehearsal.refusal import Refusal
from others.rehearsal.store import Store, new_id, now, page

ENDPOINTS = ("/v1/completions", "/v1/chat/completions")
DAY = 86_400
UNFINISHED = ("validating", "in_progress", "finalizing")


class Batches:
    """The batches of a store.

    Args:
        answer: called with an endpoint's path and a request; returns status and body.
        report: called with errors of the server itself.
    """

    def __init__(
        self,
        store: Store,
        files: Files,
        answer: Callable[[str, dict], tuple[int, dict]],
        report: Callable[[BaseException], None],
    ) -> None:
        self._store, self._files, self._answer, self._report = store, files, answer, report
        self._ending = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Restarts batches that a stopped server left unfinished."""
        for record in reversed(self._store.newest("batches")):
            if record["object"]["status"] in UNFINISHED:
                self._begin(record)

    def end(self) -> None:
        """Ends all threads."""
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def create(self, request: dict) -> dict:
        """POST /batches."""
        if request["endpoint"] not in ENDPOINTS:
            raise Refusal(400, f"This server has no batches for {request['endpoint']}", param="endpoint")
        self._files.of(request["input_file_id"], "batch", "input_file_id")
        made = {"id": new_id("batch_"), "object": "batch", "endpoint": request["endpoint"], "status": "validating"}
        made |= {"input_file_id": request["input_file_id"], "completion_window": request["completion_window"]}
        made |= {"created_at": now(), "expires_at": now() + DAY, "metadata": request.get("metadata")}
        made |= {"request_counts": {"total": 0, "completed": 0, "failed": 0}}
        record = self._store.add("batches", made)
        shown = self._store.view(record)
        self._begin(record)
        return shown

    def list(self, query: dict[str, str]) -> dict:
        """GET /batches."""
        return page([self._store.view(record) for record in self._store.newest("batches")], query, 20)

    def get(self, id: str) -> dict:
        """GET /batches/ID."""
        return self._store.view(self._record(id))

    def cancel(self, id: str) -> dict:
        """POST /batches/ID/cancel; existing answers are kept."""
        record = self._record(id)
        with self._store.lock:
            state = record["object"]["status"]
            if state not in UNFINISHED:
                raise Refusal(409, f"Cannot cancel a batch with status '{state}'.")
            self._store.change("batches", record, status="cancelling", cancelling_at=now())
            return self._store.view(record)

    def _record(self, id: str) -> dict:
        return self._store.get("batches", id, lambda: Refusal(404, f"No batch found with id '{id}'.", param="id"))

    def _begin(self, record: dict) -> None:
        thread = threading.Thread(target=self._work, args=(record,), name=record["object"]["id"], daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self, record: dict) -> None:
        try:
            self._requests(record)
        except Exception as error:
            self._report(error)
            self._store.change("batches", record, status="failed", failed_at=now())

    def _requests(self, record: dict) -> None:
        batch = record["object"]
        lines = self._files.content(batch["input_file_id"]).decode("utf-8").removesuffix("\n").split("\n")
        requests, errors = _read(lines, batch["endpoint"])
        if errors:
            failure = {"errors": {"object": "list", "data": errors}}
            self._store.change("batches", record, status="failed", failed_at=now(), **failure)
            return
        counts = {"total": len(requests), "completed": 0, "failed": 0}
        with self._store.lock:
            if batch["status"] != "cancelling":
                self._store.change("batches", record, status="in_progress", in_progress_at=now())
        good, bad = [], []
        for line in requests:
            if self._ending.is_set():
                return
            if batch["status"] == "cancelling":
                break
            status, body = self._answer(batch["endpoint"], line["body"])
            reply = {"status_code": status, "request_id": new_id("req_"), "body": body}
            (good if status == 200 else bad).append(
                {"id": new_id("batch_req_"), "custom_id": line["custom_id"], "response": reply, "error": None}
            )
            counts = counts | {"completed": len(good), "failed": len(bad)}
            self._store.change("batches", record, request_counts=counts)
        made = {}
        for key, replies in (("output_file_id", good), ("error_file_id", bad)):
            if replies:
                name = f"{batch['id']}_{key.partition('_')[0]}.jsonl"
                made[key] = self._files.make(name, _shuffled(replies), "batch_output")["id"]
        with self._store.lock:
            state = "cancelled" if batch["status"] == "cancelling" else "completed"
            self._store.change("batches", record, status=state, **{f"{state}_at": now()}, **made)


def _read(lines: list[str], endpoint: str) -> tuple[list[dict], list[dict]]:
    """The requests in a batch's file, and the errors of its lines."""
    requests, errors, seen = [], [], set()
    for number, text in enumerate(lines, 1):
        try:
            line = json.loads(text)
        except ValueError:
            line = None
        problem = None
        if not isinstance(line, dict) or set(line) != {"custom_id", "method", "url", "body"}:
            problem = ("invalid_json_line", "This line is not a JSON object of custom_id, method, url and body.")
        elif line["method"] != "POST" or line["url"] != endpoint:
            problem = ("mismatched_endpoint", f"This line is not a POST to {endpoint}.")
        elif line["custom_id"] in seen:
            problem = ("duplicate_custom_id", f"The custom_id {line['custom_id']!r} was there before.")
        if problem:
            errors.append({"code": problem[0], "message": problem[1], "param": None, "line": number})
        else:
            seen.add(line["custom_id"])
            requests.append(line)
    return requests, errors


def _shuffled(replies: list[dict]) -> bytes:
    """Replies as lines, deliberately not in the order of the requests."""
    order = list(range(len(replies)))
    while order == sorted(order) and len(order) > 1:
        random.shuffle(order)
    return "".join(json.dumps(replies[i]) + "\n" for i in order).encode()
