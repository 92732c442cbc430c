"""The table of endpoints and handlers."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote

from others.rehearsal.answers import Answers
from others.rehearsal.batches import Batches
from others.rehearsal.catalogue import Catalogue
from others.rehearsal.files import Files, form
from others.rehearsal.jobs import Jobs
from others.rehearsal.refusal import Refusal
from others.rehearsal.transport import Request

ROOT = "/v1"
FILE, JOB, BATCH = "/files", "/fine_tuning/jobs", "/batches"


class Routes:
    """The endpoints of a server."""

    def __init__(self, files: Files, jobs: Jobs, batches: Batches, catalogue: Catalogue, answers: Answers) -> None:
        table: dict[tuple[str, str], Callable] = {  # functions of the request and its path parameters
            ("POST", FILE): lambda r: files.upload(*form(r.header("content-type"), r.body)),
            ("GET", FILE): lambda r: files.list(r.query),
            ("GET", f"{FILE}/(.+)/content"): lambda r, id: files.content(id),
            ("GET", f"{FILE}/(.+)"): lambda r, id: files.get(id),
            ("DELETE", f"{FILE}/(.+)"): lambda r, id: files.delete(id),
            ("POST", JOB): lambda r: jobs.create(r.json()),
            ("GET", JOB): lambda r: jobs.list(r.query),
            ("POST", f"{JOB}/(.+)/cancel"): lambda r, id: jobs.cancel(id),
            ("POST", f"{JOB}/(.+)/pause"): lambda r, id: jobs.pause(id),
            ("POST", f"{JOB}/(.+)/resume"): lambda r, id: jobs.resume(id),
            ("GET", f"{JOB}/(.+)/events"): lambda r, id: jobs.events(id, r.query),
            ("GET", f"{JOB}/(.+)/checkpoints"): lambda r, id: jobs.checkpoints(id, r.query),
            ("GET", f"{JOB}/(.+)"): lambda r, id: jobs.get(id),
            ("POST", "/completions"): lambda r: answers.complete(r.json()),
            ("POST", "/chat/completions"): lambda r: answers.chat(r.json()),
            ("POST", BATCH): lambda r: batches.create(r.json()),
            ("GET", BATCH): lambda r: batches.list(r.query),
            ("POST", f"{BATCH}/(.+)/cancel"): lambda r, id: batches.cancel(id),
            ("GET", f"{BATCH}/(.+)"): lambda r, id: batches.get(id),
            ("GET", "/models"): lambda r: catalogue.list(),
            ("GET", "/models/(.+)"): lambda r, id: catalogue.get(id),
        }
        self._table = [(method, re.compile(ROOT + path), serve) for (method, path), serve in table.items()]

    def serve(self, request: Request) -> dict | bytes:
        """The result of the request's endpoint; raises a refusal if there is none."""
        for method, path, serve in self._table:
            found = path.fullmatch(request.path)
            if found and method == request.method:
                return serve(request, *map(unquote, found.groups()))
        raise Refusal(404, f"Invalid URL ({request.method} {request.path})")
