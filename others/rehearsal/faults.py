"""Faults that a test can inject: which requests they hit, whether these take effect, and what is answered.

With an answer that modifies the true one (`content_filter`, `job_state`, …) the request always takes effect.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

JSON = "application/json"
TEXTS = {  # status → message, type, code
    401: ("Incorrect API key provided: sk-****.", "invalid_request_error", "invalid_api_key"),
    403: (
        "Fine-tuning is no longer available for this organization.",
        "invalid_request_error",
        "training_not_available",
    ),
    404: ("The model does not exist or you do not have access to it.", "invalid_request_error", "model_not_found"),
    409: ("Another request changes the same object.", "invalid_request_error", "conflict"),
    429: ("Rate limit reached for requests per minute.", "requests", "rate_limit_exceeded"),
    500: ("The server had an error while processing your request.", "server_error", None),
    503: ("The server is overloaded. Please try again later.", "server_error", "server_is_overloaded"),
}


@dataclass(frozen=True)
class Reply:
    """The bytes sent over the wire."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What is done instead of, or with, the true answer.

    Attributes:
        spoil: called with the true reply, or None if the request had no effect; returns a reply, or None to close
            the connection without one.
        true: whether the request always takes effect.
        wait: seconds before anything is sent.
        ignored: query parameters that are ignored.
        times: how often, if the fault does not say.
    """

    spoil: Callable[[Reply | None], Reply | None]
    true: bool = False
    wait: float = 0.0
    ignored: tuple[str, ...] = ()
    times: int | None = None


def reply(status: int, body: object) -> Reply:
    """A JSON object as a reply."""
    return Reply(status, json.dumps(body).encode())


def status(code: int, body: dict | None = None, headers: dict[str, str] | None = None) -> Answer:
    """An error status, with OpenAI's body for 401, 403 (training), 404 (model), 409, 429, 500 and 503."""
    message, kind, name = TEXTS.get(code, (f"Error {code}.", "server_error", None))
    body = body or {"error": {"message": message, "type": kind, "param": None, "code": name}}
    return Answer(lambda true: Reply(code, json.dumps(body).encode(), headers=headers or {}))


def no_money() -> Answer:
    """429 because the quota is used up."""
    message = "You exceeded your current quota, please check your plan and billing details."
    error = {"message": message, "type": "insufficient_quota", "param": None, "code": "insufficient_quota"}
    return status(429, {"error": error})


def not_yet(times: int | None = None) -> Answer:
    """404, as for a model tuned a minute ago."""
    return Answer(status(404).spoil, times=times)


def html() -> Answer:
    """200 with an HTML page, as from a proxy."""
    return Answer(lambda true: Reply(200, b"<html><body>Please log in.</body></html>", "text/html"))


def cut_json() -> Answer:
    """200 with the first half of a JSON object."""
    return Answer(lambda true: Reply(200, true.body[: len(true.body) // 2] if true else b'{"id": "x", "object": "li'))


def empty() -> Answer:
    """200 without a body."""
    return Answer(lambda true: Reply(200, b""))


def drop() -> Answer:
    """The connection is closed without an answer."""
    return Answer(lambda true: None)


def slow(seconds: float) -> Answer:
    """The true answer, delayed; if the request has no effect ("before"), the connection is closed instead."""
    return Answer(lambda true: true, wait=seconds)


def content_filter() -> Answer:
    """A withheld answer: no text, no usage."""

    def change(body: dict) -> None:
        for choice in body["choices"]:
            choice["finish_reason"], choice["logprobs"] = "content_filter", None
            if "message" in choice:
                choice["message"]["content"] = None
            else:
                choice["text"] = ""
        body["usage"] = None

    return _changed(change)


def length() -> Answer:
    """A text cut short by the token limit: its first half, with at least one non-space character."""

    def change(body: dict) -> None:
        for choice in body["choices"]:
            holder, key = (choice["message"], "content") if "message" in choice else (choice, "text")
            choice["finish_reason"] = "length"
            text = holder[key]
            holder[key] = text[: max((len(text) + 1) // 2, len(text) - len(text.lstrip()) + 1)]

    return _changed(change)


def shuffled_choices() -> Answer:
    """Choices out of order."""
    return _changed(lambda body: body["choices"].reverse())


def job_state(state: str, error: str | dict | None = None) -> Answer:
    """A job or batch in any state, including unknown ones."""

    def change(body: dict) -> None:
        body["status"] = state
        if state != "succeeded" and "fine_tuned_model" in body:
            failure = {"code": "server_error", "message": "The job failed.", "param": None}
            failure |= {"message": error} if isinstance(error, str) else error or {}
            body |= {"fine_tuned_model": None, "trained_tokens": None}
            body["error"] = failure if error or state == "failed" else None

    return _changed(change)


def succeeded_without_model() -> Answer:
    """A job that succeeded without naming a model."""
    return _changed(lambda body: body.update(status="succeeded", fine_tuned_model=None))


def file_error(details: str = "The file could not be read.") -> Answer:
    """An uploaded file in status error."""
    return _changed(lambda body: body.update(status="error", status_details=details))


def endless_events() -> Answer:
    """A list that ignores `after` and never ends."""
    return _changed(lambda body: body.update(has_more=True), ignored=("after",))


def _changed(change: Callable[[dict], object], ignored: tuple[str, ...] = ()) -> Answer:
    def spoil(true: Reply | None) -> Reply | None:
        if true is None or true.status != 200:
            return true
        body = json.loads(true.body)
        change(body)
        return reply(200, body)

    return Answer(spoil, true=True, ignored=ignored)


@dataclass
class Fault:
    """A fault: requests that go wrong.

    Attributes:
        method, path: of the requests; the path is a regular expression, searched in "/v1/…" without the query.
        times: how many of them go wrong; None for all.
        after: number of requests served normally before.
        do: "before": the request has no effect; "after": it takes effect, and only its answer is replaced.
        answer: the answer; by default status 500.
        hits: number of requests hit so far.
    """

    method: str
    path: str
    times: int | None = 1
    after: int = 0
    do: str = "before"
    answer: Answer = field(default_factory=lambda: status(500))
    hits: int = 0

    def __post_init__(self) -> None:
        if self.do not in ("before", "after"):
            raise ValueError(f'do is {self.do!r}; it is "before" or "after"')
        self.times = self.answer.times or self.times
        self._passed = 0

    def take(self, method: str, path: str) -> bool:
        """Whether this request is hit; counts it."""
        if method != self.method or not re.search(self.path, path) or self.hits == self.times:
            return False
        if self._passed < self.after:
            self._passed += 1
            return False
        self.hits += 1
        return True


class Faults:
    """The faults of a server; if several match a request, the first one hits."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> Fault:
        """Adds a fault and returns it, for its `hits`."""
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Removes all faults."""
        with self._lock:
            self._faults.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that hits a request, or None."""
        with self._lock:
            return next((fault for fault in self._faults if fault.take(method, path)), None)
