"""A stateful server with an OpenAI-compatible fine-tuning API that tunes small local models. See README.md.

python -m others.rehearsal.server --models test=data/models/lift-tiny --port 8700 --folder results/rehearsal/server
"""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import threading
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from others.rehearsal import checks, engine, files
from others.rehearsal.answers import Answers
from others.rehearsal.batches import Batches
from others.rehearsal.catalogue import Catalogue
from others.rehearsal.faults import JSON, Faults, Reply, reply
from others.rehearsal.files import Files
from others.rehearsal.jobs import Jobs
from others.rehearsal.refusal import Refusal
from others.rehearsal.routes import ROOT, Routes
from others.rehearsal.store import Store
from others.rehearsal.transport import Listener, Request
from others.rehearsal.tuner import Rules, Tuner

BYTES = "application/octet-stream"


@dataclass
class Entry:
    """A request in the server's log.

    Attributes:
        path: with /v1, without the query.
        body: the JSON object; for an upload its fields and the file's name and size; None without.
        status: of the answer; None if there is none yet, or the connection was closed instead.
        at: Unix time of receipt.
    """

    method: str
    path: str
    body: dict[str, Any] | None
    status: int | None
    at: float


class Server:
    """The server; it runs inside a `with`.

    Args:
        models: id → folder of a Hugging Face model; {"test": lift-tiny} by default.
        key: the only accepted API key; None for any.
        lines: "completion", "chat" or "both": which training lines and which inference endpoints are served.
        min_rows: fewest lines of a training file.
        checkpoints: of so many last epochs the models are kept; None for all.
        base_rate: the learning rate is this × learning_rate_multiplier.
        seconds_per_step: makes jobs slower.
        shutdown_date: id → Unix time of a model's last day.
        folder: for all state, which then survives a restart; a temporary folder by default.
        port: 0 for any free port.

    Attributes:
        log: every request, in order.
        violations: of OpenAI's API description by requests and answers, and errors of the server itself.
        faults: injected faults.
    """

    def __init__(
        self,
        models: dict[str, Path | str] | None = None,
        *,
        key: str | None = None,
        lines: str = "both",
        min_rows: int = 10,
        checkpoints: int | None = None,
        base_rate: float = 1e-3,
        seconds_per_step: float = 0.0,
        shutdown_date: dict[str, float] | None = None,
        folder: Path | str | None = None,
        port: int = 0,
    ) -> None:
        self.log: list[Entry] = []
        self.violations: list[str] = []
        self.faults = Faults()
        self._models = {id: Path(path) for id, path in (models or {"test": engine.LIFT_TINY}).items()}
        self._key, self._form, self._last_days = key, lines, shutdown_date or {}
        self._rules = Rules(lines, min_rows, checkpoints, base_rate, seconds_per_step)
        self._folder, self._port = folder, port
        self._usage = {"training": 0, "prompt": 0, "completion": 0}
        self._lock, self._ending = threading.Lock(), threading.Event()

    def __enter__(self) -> Server:
        self._scratch = None if self._folder else tempfile.TemporaryDirectory(prefix="protocol-")
        store = Store(Path(self._folder or self._scratch.name))
        models, self._files = engine.Engine(), Files(store)
        catalogue = Catalogue(store, self._models, self._last_days)
        self._jobs = Jobs(store, self._files, catalogue)
        answers = Answers(models, catalogue, self._form, lambda p, c: self._bill(prompt=p, completion=c))
        self._batches = Batches(store, self._files, self._answer_line, self._report)
        bill = {"bill": lambda n: self._bill(training=n), "report": self._report}
        self._tuner = Tuner(store, self._files, self._jobs, catalogue, models, self._rules, **bill)
        self._routes = Routes(self._files, self._jobs, self._batches, catalogue, answers)
        self._listener = Listener(self._port, self._answer)
        self._port = self._listener.server_address[1]
        for part in (self._batches, self._tuner, self._listener):
            part.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ending.set()
        for part in (self._listener, self._tuner, self._batches):
            part.end()
        if self._scratch is not None:
            self._scratch.cleanup()

    @property
    def url(self) -> str:
        """The base URL, with /v1."""
        return f"{self._host}{ROOT}"

    @property
    def usage(self) -> dict[str, int]:
        """Billed tokens: training, prompt, completion."""
        with self._lock:
            return dict(self._usage)

    @property
    def _host(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def _answer(self, request: Request) -> Reply | None:
        entry = Entry(request.method, request.path, _shown(request), None, time.time())
        self.log.append(entry)
        try:
            self._check_key(request)
            self._check(request)
            answered = self._spoilt(request)
        except Refusal as refusal:
            answered = self._checked(request, reply(refusal.status, refusal.body()))
        except Exception as error:
            self._report(error)
            answered = reply(500, Refusal(500, "The server failed.", kind="server_error").body())
        entry.status = answered and answered.status
        return answered

    def _check_key(self, request: Request) -> None:
        scheme, _, key = request.header("authorization").partition(" ")
        if scheme != "Bearer" or not key.strip() or self._key not in (None, key):
            shown = f"{key[:3]}****{key[-4:]}" if len(key) > 16 else "****"
            raise Refusal(401, f"Incorrect API key provided: {shown}.", code="invalid_api_key")

    def _check(self, request: Request) -> None:
        """Raises a refusal if a request violates the API description."""
        sent = (request.query, request.headers, request.body)
        wrong = checks.request(self._host, request.method, request.path, *sent)
        if wrong:
            self._violation(f"{request.method} {request.path}: {wrong}")
            raise Refusal(404 if "PathNotFound" in wrong else 400, wrong)

    def _spoilt(self, request: Request) -> Reply | None:
        """The reply, possibly changed by a fault."""
        fault = self.faults.take(request.method, request.path)
        if fault is None:
            return self._checked(request, self._served(request))
        query = {key: value for key, value in request.query.items() if key not in fault.answer.ignored}
        request = Request(request.method, request.path, query, request.headers, request.body)
        true = self._served(request) if fault.do == "after" or fault.answer.true else None
        self._ending.wait(fault.answer.wait)
        return fault.answer.spoil(true)

    def _served(self, request: Request) -> Reply:
        """The true reply."""
        try:
            made = self._routes.serve(request)
        except Refusal as refusal:
            return reply(refusal.status, refusal.body())
        return Reply(200, made, BYTES) if isinstance(made, bytes) else reply(200, made)

    def _checked(self, request: Request, made: Reply) -> Reply:
        """The reply itself; its violations are recorded."""
        if made.content_type == JSON:
            wrong = checks.response(self._host, request.method, request.path, made.status, made.content_type, made.body)
            if wrong and "PathNotFound" not in wrong and "OperationNotFound" not in wrong:
                self._violation(f"the answer to {request.method} {request.path}: {wrong}")
        return made

    def _answer_line(self, path: str, body: dict) -> tuple[int, dict]:
        """Status and body of the answer to one line of a batch, checked like a separate request."""
        headers = [("Content-Type", "application/json"), ("Authorization", "Bearer batch")]
        request = Request("POST", path, {}, headers, json.dumps(body).encode())
        try:
            self._check(request)
            made = self._checked(request, self._served(request))
        except Refusal as refusal:
            return refusal.status, refusal.body()
        return made.status, json.loads(made.body)

    def _bill(self, **tokens: int) -> None:
        with self._lock:
            for name, n in tokens.items():
                self._usage[name] += n

    def _violation(self, text: str) -> None:
        with self._lock:
            self.violations.append(text)

    def _report(self, error: BaseException) -> None:
        self._violation("the server failed: " + "".join(traceback.format_exception(error)))


def _shown(request: Request) -> dict | None:
    """A request's body for the log."""
    try:
        if request.header("content-type").startswith("multipart/"):
            fields, name, data = files.form(request.header("content-type"), request.body)
            return fields | {"file": name, "bytes": len(data or b"")}
        return request.json()
    except Refusal:
        return None


def main(
    models: tuple[str, ...] = (),
    port: int = 8700,
    folder: Path | None = None,
    lines: Literal["completion", "chat", "both"] = "both",
    min_rows: int = 10,
    checkpoints: int | None = None,
    base_rate: float = 1e-3,
    seconds_per_step: float = 0.0,
) -> None:
    """Serves an OpenAI-compatible fine-tuning API on 127.0.0.1 until Ctrl-C, with local models, at no cost.

    Args:
        models: name=folder of each base model; default test=data/models/lift-tiny.
        port: port to listen on.
        folder: folder for files, jobs and tuned models; without it nothing is kept.
        lines: which training lines and which inference endpoints are served.
        min_rows: fewest lines of a training file.
        checkpoints: of so many last epochs the models are kept; all without.
        base_rate: the learning rate is this times learning_rate_multiplier.
        seconds_per_step: makes jobs slower.
    """
    wrong = [model for model in models if not all(model.partition("="))]
    if wrong:
        sys.exit(f"--models takes name=folder, not {wrong[0]}")
    chosen = {name: Path(path) for name, _, path in (model.partition("=") for model in models)} or None
    rules = {"min_rows": min_rows, "checkpoints": checkpoints, "base_rate": base_rate}
    engine.hush()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with Server(chosen, lines=lines, folder=folder, port=port, seconds_per_step=seconds_per_step, **rules) as server:
        print(f"Serving {', '.join(chosen or ('test',))}. In the shell of the client:")
        print(f"    export OPENAI_BASE_URL={server.url} OPENAI_API_KEY=any", flush=True)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()
    print(f"{len(server.log)} requests; billed tokens: {', '.join(f'{k} {n}' for k, n in server.usage.items())}")
    for violation in server.violations:
        print(f"violation: {violation}")


if __name__ == "__main__":
    import tyro

    tyro.cli(main)
