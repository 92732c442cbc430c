"""Every paid call as a line of a CSV, and the limit on the total."""

from __future__ import annotations

import csv
import io
import threading
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from filelock import FileLock

from ...errors import UserError
from ...storage import append as append_line

COLUMNS = (
    "at",
    "host",
    "model",
    "kind",
    "id",
    "training_tokens",
    "prompt_tokens",
    "completion_tokens",
    "usd",
    "counted",
)


class OverBudget(UserError):
    """The next call would exceed the limit."""


class Ledger:
    """Payments so far, by all runs that share the folder.

    Args:
        path: the CSV; created with the first line.
        limit: maximum total in USD; None for no limit.
    """

    def __init__(self, path: Path, limit: float | None) -> None:
        self.path, self.limit = path, limit
        self._reserved, self._guard = 0.0, threading.Lock()
        self._read, self._spent, self._ids = 0, 0.0, set()

    def spent(self) -> float:
        """Total USD, including lines of other processes."""
        with self._guard:
            return self._sum()

    @contextmanager
    def reserving(self, usd: float, purpose: str):
        """Reserves `usd` while a call is under way.

        Raises:
            OverBudget: spending, calls under way and this call together would exceed the limit.
        """
        with self._guard:
            total = self._sum() + self._reserved + usd
            if self.limit is not None and total > self.limit:
                raise OverBudget(
                    f"{purpose} would cost {usd:.4f} USD at most and bring the sum to {total:.4f} USD, above --max-usd "
                    f"{self.limit:g}; what was paid for is kept in {self.path.parent}: raise --max-usd and run the "
                    "same command again"
                )
            self._reserved += usd
        try:
            yield
        finally:
            with self._guard:
                self._reserved -= usd

    def add(self, *, host: str, model: str, kind: str, id: str, usd: float, counted: str, **tokens: int) -> None:
        """Records a paid call, once for each id and kind.

        Args:
            kind: "training", "answer", "batch" or "correction" (of a training's estimate).
            counted: "server", "estimate", or "quote" if the server's count is impossible.
            tokens: training, prompt, completion.
        """
        at = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        numbers = [tokens.get(name, 0) for name in ("training", "prompt", "completion")]
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n").writerow([at, host, model, kind, id, *numbers, f"{usd:.8f}", counted])
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._guard, FileLock(self.path.with_name(f".{self.path.name}.lock")):
            self._sum()
            if (kind, id) not in self._ids:
                append_line(self.path, buffer.getvalue(), header=",".join(COLUMNS) + "\n")

    def _sum(self) -> float:
        """Reads lines added since the last read."""
        if not self.path.exists():
            return self._spent
        with self.path.open("rb") as file:
            file.seek(self._read)
            text = file.read()
        text = text[: text.rfind(b"\n") + 1]
        for row in csv.reader(io.StringIO(text.decode())):
            if row and row[0] != COLUMNS[0]:
                self._spent += float(row[COLUMNS.index("usd")])
                self._ids.add((row[COLUMNS.index("kind")], row[COLUMNS.index("id")]))
        self._read += len(text)
        return self._spent
