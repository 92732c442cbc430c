"""HTTP/1.1 over TCP: requests, replies, and connections closed without a reply."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from others.rehearsal.faults import Reply
from others.rehearsal.refusal import Refusal

PATIENCE = 5.0  # seconds that shutdown waits for requests under way


@dataclass(frozen=True)
class Request:
    """A received request.

    Attributes:
        path: as sent, without the query.
        query: the last value of each parameter.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        """A header, or ""."""
        return next((value for key, value in self.headers if key.lower() == name), "")

    def json(self) -> dict:
        """The body as a JSON object; raises a refusal if it is not one."""
        try:
            body = json.loads(self.body)
        except ValueError:
            raise Refusal(400, "We could not parse the JSON body of your request.") from None
        if not isinstance(body, dict):
            raise Refusal(400, "The body of a request is a JSON object.")
        return body


class Listener(ThreadingHTTPServer):
    """Listens on 127.0.0.1.

    Args:
        answer: called with a request; returns a reply, or None to close the connection.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, answer: Callable[[Request], Reply | None]) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.answer = answer
        self._open: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        self._loop = threading.Thread(target=self.serve_forever, args=(0.05,), name="listener", daemon=True)

    def start(self) -> None:
        """Starts listening."""
        self._loop.start()

    def end(self) -> None:
        """Closes all connections."""
        self.shutdown()
        self._loop.join()
        with self._lock:
            still = dict(self._open)
        for connection, thread in still.items():
            _shut_down(connection)
            thread.join(PATIENCE)
        self.server_close()

    def process_request_thread(self, request: socket.socket, client_address: object) -> None:
        """One connection, in its own thread."""
        with self._lock:
            self._open[request] = threading.current_thread()
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._open.pop(request, None)

    def handle_error(self, request: socket.socket, client_address: object) -> None:
        """Ignores clients that disconnect."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body are sent together
    server: Listener

    def _serve(self) -> None:
        size = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not size.isdigit():
            return self.send_error(411)
        body = self.rfile.read(int(size))
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        reply = self.server.answer(Request(self.command, parts.path, query, self.headers.items(), body))
        if reply is None:
            self.close_connection = True
            return _shut_down(self.connection)
        self.send_response(reply.status)
        for name, value in {"Content-Type": reply.content_type, **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)
        self.wfile.flush()

    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = _serve

    def log_message(self, *args: object) -> None:
        """Silent: the server keeps its own log."""


def _shut_down(connection: socket.socket) -> None:
    with suppress(OSError):  # closed by the other side
        connection.shutdown(socket.SHUT_RDWR)
