"""A server without a model: immediate canned answers, each of which can be replaced by arbitrary bytes."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from others.rehearsal import files
from utils.models.openai.ledger import Ledger
from utils.models.openai.live import PaidBackend
from utils.models.openai.providers import Price, Provider
from utils.models.openai.session import Session
from utils.models.openai.store import Store
from utils.models.openai.token_counts import Counter

Script = Callable[[Any], Iterable[bytes]]  # called with the normal body, an object or bytes; yields the bytes to send

JOB = {"id": "ftjob-1", "object": "fine_tuning.job", "status": "succeeded", "fine_tuned_model": "ft:test:1"}
BATCH = {"id": "batch_1", "object": "batch", "status": "completed", "output_file_id": "file-out", "error_file_id": None}


def live(connection: Any, provider: Provider, folder: Path, **flags: Any) -> PaidBackend:
    """A back end without waiting times, with prices and without a spending limit."""
    session = Session(folder=folder, approved=True, job_hours=0.0, retry_minutes=0.0, **flags)
    price, counter = Price(8.0, 2.0, 4.0, 0.5, "2026-01-01"), Counter(provider, "test")
    store, ledger = Store(folder), Ledger(folder / "ledger.csv", None)
    return PaidBackend(connection, connection, session, provider, price, counter, store, ledger)


@dataclass(frozen=True)
class Got:
    """A received request."""

    method: str
    path: str
    headers: Message
    body: bytes


def http(body: object, status: int = 200, **headers: str) -> bytes:
    """A complete response; an object becomes JSON. Headers are written with _ for -."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"Content-Type": "application/json", "Content-Length": str(len(data)), "Connection": "close"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Told\r\n{head}\r\n".encode() + data


class Scripted(ThreadingHTTPServer):
    """Listens on a free port of 127.0.0.1 inside a `with`.

    Attributes:
        got: every request, in order.
        ending: set on exit, for scripts that wait.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[Got] = []
        self.ending = threading.Event()
        self._scripts: list[tuple[str, str, Script]] = []
        self._jobs: list[dict] = []
        self._batches: list[dict] = []
        self._lines: list[dict] = []

    def __enter__(self) -> Scripted:
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.ending.set()
        self.shutdown()
        self.server_close()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def url(self) -> str:
        return f"{self.origin}/v1"

    def script(self, method: str, path: str, script: Script) -> None:
        """Answers requests with that method and path (a regular expression) with what the script yields from now on."""
        self._scripts.insert(0, (method, path, script))

    def reset(self) -> None:
        """Forgets scripts, requests and jobs."""
        for collection in (self._scripts, self.got, self._jobs, self._batches, self._lines):
            collection.clear()

    def count(self, method: str, path: str) -> int:
        """The number of such requests received."""
        return sum(got.method == method and re.search(path, got.path) is not None for got in self.got)

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignores clients that disconnect."""

    def answer(self, got: Got) -> Iterable[bytes]:
        """The bytes sent over the wire."""
        self.got.append(got)
        good = self._good(got)
        for method, path, script in self._scripts:
            if method == got.method and re.search(path, got.path):
                return script(good)
        return [http(good)]

    def _good(self, got: Got) -> Any:
        key, parts = (got.method, got.path.split("?")[0].removeprefix("/v1")), got.path.split("?")[0].split("/")
        if key == ("POST", "/files"):
            data = files.form(got.headers["content-type"], got.body)[2] or b""
            self._lines = [json.loads(line) for line in data.splitlines()]
            return {"id": "file-1", "object": "file", "status": "processed"}
        if key[0] == "POST" and key[1].endswith("completions"):
            return completion(json.loads(got.body))
        if key == ("POST", "/fine_tuning/jobs"):
            request = json.loads(got.body)
            self._jobs.append(
                JOB | {"metadata": request.get("metadata"), "user_provided_suffix": request.get("suffix")}
            )
            return self._jobs[-1] | {"status": "queued", "fine_tuned_model": None}
        if key == ("POST", "/batches"):
            self._batches.append(BATCH | {"metadata": json.loads(got.body).get("metadata")})
            return self._batches[-1]
        if parts[-1] == "content":
            return "".join(json.dumps(_line(line)) + "\n" for line in self._lines).encode()
        if "fine_tuning" in parts and len(parts) == 5:
            return JOB
        if "batches" in parts and len(parts) == 4:
            return BATCH
        events = [{"object": "fine_tuning.job.event", "id": "ftevent-1", "message": "begun"}]
        kept = [{"step_number": 2, "fine_tuned_model_checkpoint": "ft:test:1:2"}]
        lists = {"events": events, "checkpoints": kept, "models": [{"id": "test", "object": "model"}]}
        lists |= {"jobs": self._jobs, "batches": self._batches}
        return {"object": "list", "data": lists.get(parts[-1], []), "has_more": False}


def completion(request: dict) -> dict:
    """An answer to a request: the text " 1", or log-probabilities of -1, those of first tokens for " 0" and " 1"."""
    usage = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
    if request.get("echo"):
        words = request["prompt"]
        logprobs = {"tokens": list(words), "token_logprobs": [None, *[-1.0] * (len(words) - 1)]}
        logprobs |= {"text_offset": list(range(len(words)))}
        choices = [{"index": 0, "text": words, "logprobs": logprobs, "finish_reason": "length"}]
    elif request.get("logprobs") and "prompt" in request:
        logprobs = {"tokens": [" 1"], "token_logprobs": [-1.0], "top_logprobs": [{" 0": -1.0, " 1": -1.0}]}
        logprobs |= {"text_offset": [0]}
        choices = [{"index": 0, "text": " 1", "logprobs": logprobs, "finish_reason": "length"}]
    elif request.get("logprobs"):
        top = [{"token": token, "logprob": -1.0} for token in ("0", "1")]
        content = [{"token": "1", "logprob": -1.0, "top_logprobs": top}]
        message = {"role": "assistant", "content": "1"}
        choices = [{"index": 0, "message": message, "logprobs": {"content": content}, "finish_reason": "length"}]
    else:
        answer = {"message": {"content": " 1"}} if "messages" in request else {"text": " 1"}
        choices = [{"index": i, **answer, "finish_reason": "stop"} for i in range(request.get("n", 1))]
    return {"id": "cmpl-1", "model": request["model"], "choices": choices, "usage": usage}


def _line(request: dict) -> dict:
    reply = {"status_code": 200, "body": completion(request["body"])}
    return {"custom_id": request["custom_id"], "response": reply, "error": None}


class _Handler(BaseHTTPRequestHandler):
    server: Scripted

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.close_connection = True
        with suppress(OSError):  # the client has disconnected
            for part in self.server.answer(Got(self.command, self.path, self.headers, body)):
                self.wfile.write(part)

    do_GET = do_POST = _serve

    def log_message(self, *args: object) -> None:
        """Silent: the server keeps its own list."""
