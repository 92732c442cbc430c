"""The HTTP client of a connection: restricted to one origin, with limits on size and time of responses."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import openai

from .reading import LARGEST
from .replies import Redirected
from .wire import BadAnswer

ANSWER_BYTES, ANSWER_SECONDS = LARGEST, 180.0  # limits for one response, the time from request to last byte
FILE_BYTES, FILE_SECONDS = 256 * 2**20, 1800.0  # the same for files sent or fetched
HOPS = 5  # redirects followed within the origin

T = TypeVar("T")


class Client(openai.DefaultHttpxClient):
    """Sends requests for the client package; every response is complete or an error.

    Args:
        most: maximum bytes of a response's body.
        seconds: for request and response together, since a server that sends a byte now and then never hits the
            timeout between bytes.
    """

    def __init__(self, most: int, seconds: float) -> None:
        super().__init__(follow_redirects=False, headers={"Accept-Encoding": "identity"})
        self._most, self._seconds = most, seconds

    def send(self, request: Any, **how: Any) -> Any:
        """The response with its body read.

        Raises:
            Redirected: the redirect leads to another origin; nothing was sent there.
            BadAnswer: the body is too large, or compressed.
            TimeoutError: it took too long.
        """
        deadline = time.monotonic() + self._seconds
        how |= {"stream": True, "follow_redirects": False}
        return _within(self._seconds, lambda: self._followed(request, how, deadline))

    def _followed(self, request: Any, how: dict[str, Any], deadline: float) -> Any:
        for _ in range(HOPS + 1):
            response = super().send(request, **how)
            try:
                if not response.has_redirect_location:
                    return self._read_body(response, deadline)
                request = _next(response)
            finally:
                response.close()
        raise Redirected(f"{_origin(request.url)} redirected the request {HOPS + 1} times", response.status_code)

    def _read_body(self, response: Any, deadline: float) -> Any:
        """The response without its stream."""
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise BadAnswer("a compressed text, which was not asked for")  # a few bytes could expand to gigabytes
        claimed = response.headers.get("content-length", "")
        size, parts = int(claimed) if claimed.isdecimal() else 0, []
        if size <= self._most:
            size = 0
            for part in response.iter_raw():
                size += len(part)
                parts.append(part)
                if size > self._most:
                    break
                if time.monotonic() > deadline:
                    raise TimeoutError(f"no whole answer within {self._seconds:g} s")
        if size > self._most:
            raise BadAnswer(f"a text of more than {self._most / 2**20:g} MiB")
        body = b"".join(parts)
        return type(response)(response.status_code, headers=response.headers, content=body, request=response.request)


def _next(response: Any) -> Any:
    """The request that a redirect asks for.

    Raises:
        Redirected: the redirect leads to another origin or to no valid address.
    """
    request, here = response.next_request, _origin(response.request.url)
    if request is None:
        raise Redirected(f"{here} redirected the request to no address that can be read", response.status_code)
    there = _origin(request.url)
    if there != here:
        raise Redirected(
            f"{here} redirects requests to another server, {there} ({response.status_code}); nothing was sent there: "
            "if it is meant, name it in OPENAI_BASE_URL, so that the quote names it too",
            response.status_code,
        )
    return request


def _origin(url: Any) -> str:
    """Scheme, host and port of a URL, without user or password."""
    host = f"[{url.host}]" if ":" in url.host else url.host
    return f"{url.scheme}://{host}{f':{url.port}' if url.port else ''}"


def _within(seconds: float, call: Callable[[], T]) -> T:
    """What `call` returns or raises. A thread that takes longer is abandoned, since slow headers cannot be interrupted.

    Raises:
        TimeoutError: it took longer.
    """
    answers: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put((call(), None))
        except BaseException as error:
            answers.put((None, error))

    threading.Thread(target=run, name="request", daemon=True).start()
    try:
        answer, error = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"no whole answer within {seconds:g} s") from None
    if error is not None:
        raise error
    return answer
