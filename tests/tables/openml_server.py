"""A small server on this machine that answers as OpenML does, and as it should not."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server:
    """Pages by path; `faults` are statuses, "cut" or "slow", answered first, one per request of the data file."""

    def __init__(self):
        self.pages, self.faults, self.asked = {}, [], []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answer(self)

            def log_message(self, *args):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}"
        self.released = threading.Event()

    def answer(self, handler):
        self.asked.append(handler.path)
        fault = self.faults.pop(0) if self.faults and handler.path.startswith("/file") else None
        if fault == "slow":
            self.released.wait(600)  # longer than any client waits
            return
        content = self.pages.get(handler.path, b"")
        handler.send_response(fault if isinstance(fault, int) else 200 if handler.path in self.pages else 412)
        handler.send_header("Content-Length", str(len(content) + (100 if fault == "cut" else 0)))
        handler.end_headers()
        handler.wfile.write(content)

    def add(self, number, arff, columns, target, ignored=(), name="demo", **about):
        content = arff.encode()
        description = {
            "id": str(number),
            "name": name,
            "version": "1",
            "url": f"{self.address}/file/{number}",
            "md5_checksum": hashlib.md5(content).hexdigest(),
        } | about
        features = [
            {
                "name": column,
                "data_type": kind,
                "is_target": str(column in target).lower(),
                "is_ignore": str(column in ignored).lower(),
                "is_row_identifier": "false",
            }
            for column, kind in columns
        ]
        self.put(f"/api/v1/json/data/{number}", {"data_set_description": description})
        self.put(f"/api/v1/json/data/features/{number}", {"data_features": {"feature": features}})
        self.pages[f"/file/{number}"] = content

    def put(self, path, answer):
        self.pages[path] = json.dumps(answer).encode()
