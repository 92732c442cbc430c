"""Purchases, on disk before anything is awaited: answers by request, jobs and batches by what was sent.

FOLDER/answers/MODEL.jsonl   one line per answered request: key, request, response
FOLDER/jobs/KEY.json         one file per job or batch: what was sent, its id on the server, its progress
FOLDER/ledger.csv            every paid call
"""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from ...storage import BEGUN, write_text
from ...storage import append as append_line
from .wire import digest


class Store:
    """The memory of all runs that share a folder; any number of threads and processes may use it at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self._answers: dict[Path, dict[str, dict]] = {}
        self._read: dict[Path, int] = {}
        self._guard = threading.Lock()

    def answer(self, url: str, path: str, request: dict[str, object]) -> dict[str, object] | None:
        """The stored response of this server to this exact request, or None."""
        file = self._file(url, request)
        key = digest([url, path, request])
        with self._guard:
            if key not in self._answers.get(file, {}):
                self._catch_up(file)
            return self._answers.get(file, {}).get(key)

    def keep_answer(self, url: str, path: str, request: dict[str, object], response: dict[str, object]) -> None:
        """Stores a response; on return it is on disk."""
        file = self._file(url, request)
        record = {"key": digest([url, path, request]), "url": url, "path": path, "request": request}
        text = json.dumps(record | {"response": response}, ensure_ascii=True) + "\n"
        file.parent.mkdir(parents=True, exist_ok=True)
        with self._guard, FileLock(file.with_name(f".{file.name}.lock")):
            append_line(file, text)
            self._answers.setdefault(file, {})[record["key"]] = response

    @contextmanager
    def purchase(self, key: str):
        """The state of a job or batch, a `State` locked by this process; {} at first."""
        file = self.state_file(key)
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(file.with_name(f".{file.name}.lock")):
            for begun in file.parent.glob(f".{file.name}.*{BEGUN}"):  # by a process that was killed
                begun.unlink(missing_ok=True)
            yield State(file)

    def state(self, key: str) -> State:
        """The state of a job or batch, read-only."""
        return State(self.state_file(key))

    def state_file(self, key: str) -> Path:
        """The file with the state of a job or batch."""
        return self.folder / "jobs" / f"{key}.json"

    def _file(self, url: str, request: dict[str, object]) -> Path:
        return self.folder / "answers" / f"{digest([url, request['model']])[:16]}.jsonl"

    def _catch_up(self, file: Path) -> None:
        """Reads lines added since the last read, by this or another process."""
        if not file.exists():
            return
        with file.open("rb") as stream:
            stream.seek(self._read.get(file, 0))
            text = stream.read()
        text = text[: text.rfind(b"\n") + 1]
        self._read[file] = self._read.get(file, 0) + len(text)
        answers = self._answers.setdefault(file, {})
        for line in text.splitlines():
            record = json.loads(line)
            answers[record["key"]] = record["response"]


class State(dict):
    """A small JSON file as a dict; `put` changes it, on disk before it returns."""

    def __init__(self, file: Path) -> None:
        super().__init__(json.loads(file.read_text("utf-8")) if file.exists() else {})
        self.file = file

    def put(self, **values: object) -> None:
        """Sets values, or removes those that are None."""
        for name, value in values.items():
            if value is None:
                self.pop(name, None)
            else:
                self[name] = value
        write_text(self.file, json.dumps(self, indent=2) + "\n")
