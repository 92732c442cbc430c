"""Progress of long computations: the code that does the work counts its steps, a listener shows them.

    with progress.counting("update", total=1200, epochs=10) as count:
        for batch in batches:
            count.losses = [update(batch)]
            count.step()

In a plain Python session, a line on the terminal shows the count. A study has its own listener: each case, in whichever
process it runs, writes its latest count to a file (`Mail`), and the process that started the study reads these files.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

EVERY = 0.5  # seconds between two writes of a listener
MIN_EPOCHS_SHOWN = 10  # from this many epochs on, epochs are shown instead of steps


class Count:
    """Work in progress, in steps of about equal duration.

    Attributes:
        what: name of a step, such as "update", "answer" or "case".
        done, total: steps.
        epochs: number of epochs, with equally many steps each; 0 for work without epochs.
        losses: of the latest step, one for each fine-tune run in parallel.
    """

    def __init__(self, what: str, total: int, epochs: int, listener: Listener) -> None:
        self.what, self.total, self.epochs = what, total, epochs
        self._listener = listener
        self.done = 0
        self.losses: list[float] = []

    def step(self) -> None:
        """Counts one step."""
        self.done += 1
        self._listener.look(self)


class Listener:
    """Follows the counts of one process; this base class does not show them.

    Attributes:
        lead: seconds until the first fine-tune began, once it has.
        number, share: number of the latest fine-tune, from 1, and the share of its steps done; 0 before the first.
    """

    lead, number, share = 0.0, 0, 0.0

    def begin(self, count: Count) -> None:
        """Called when the work begins."""

    def look(self, count: Count) -> None:
        """Called after a step."""

    def end(self, count: Count) -> None:
        """Called when the work is done or has failed."""


class Line(Listener):
    """Shows one line on the terminal, if there is one, and removes it when the work is done."""

    def __init__(self) -> None:
        self._since = self._shown = 0.0

    def begin(self, count: Count) -> None:
        self._since = time.monotonic()
        self._show(count, "")

    def look(self, count: Count) -> None:
        now = time.monotonic()
        if now - self._shown >= EVERY:
            self._show(count, f"{clock((now - self._since) * (count.total - count.done) / count.done)} left")

    def end(self, count: Count) -> None:
        self._print("")

    def _show(self, count: Count, left: str) -> None:
        self._shown = time.monotonic()
        position = where(count.what, count.done, count.total, count.epochs)
        self._print("  ".join(filter(None, [position, loss(count.losses), left])))

    def _print(self, text: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


_listener: Listener | None = Line()


@contextmanager
def counting(what: str, total: int, epochs: int = 0) -> Iterator[Count]:
    """A count followed by the listener of this process; see `Count` for the arguments."""
    listener = _listener or Listener()
    count = Count(what, total, epochs, listener)
    listener.begin(count)
    try:
        yield count
    finally:
        listener.end(count)


@contextmanager
def listening(listener: Listener | None) -> Iterator[Listener]:
    """Inside this context, `listener` follows the counts of this process; None for no listener."""
    global _listener
    before, _listener = _listener, listener
    try:
        yield listener or Listener()
    finally:
        _listener = before


def hide() -> None:
    """Turns off all progress output of this process."""
    global _listener
    _listener = None


def say(text: str) -> None:
    """Prints a line on stderr, unless progress output is off."""
    if _listener is not None:
        over = "\r\x1b[K" if isinstance(_listener, Line) and sys.stderr.isatty() else ""
        print(f"{over}{text}", file=sys.stderr, flush=True)


def where(what: str, done: int, total: int, epochs: int) -> str:
    """The position in the work: by epoch if there are enough of them, else by step."""
    if epochs >= MIN_EPOCHS_SHOWN:
        return f"epoch {min(epochs, done * epochs // max(1, total) + 1)}/{epochs}"
    return f"{what} {done}/{total}"


def loss(losses: Sequence[float]) -> str:
    """Losses as text; empty if there are none."""
    return f"loss {' '.join(f'{value:.3f}' for value in losses)}" if losses else ""


def clock(seconds: float) -> str:
    """Seconds in readable form: 45 s, 12:05, 3 h 05."""
    total = max(0, round(seconds))
    if total < 60:
        return f"{total} s"
    return f"{total // 60}:{total % 60:02d}" if total < 3600 else f"{total // 3600} h {total % 3600 // 60:02d}"


@dataclass(frozen=True)
class Report:
    """The latest report of a running case.

    Attributes:
        since: when it began, a `time.time()` value.
        at: when the report was written.
        number: the current fine-tune of the case, from 1; 0 before the first.
        lead: seconds until the first fine-tune began (loading, writing texts).
        what, done, total, epochs, losses: see `Count`.
    """

    since: float
    at: float
    number: int = 0
    lead: float = 0.0
    what: str = ""
    done: int = 0
    total: int = 0
    epochs: int = 0
    losses: tuple[float, ...] = ()


class Mail:
    """A folder in which each running case has a small file with its latest report.

    Files are replaced atomically, so a reader never sees half a report; a process that is killed leaves at worst a
    stale file. A report that cannot be written is skipped; no case fails because of it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def case(self, key: str) -> Iterator[Follower]:
        """Inside this context, the case is running, and the counts of this process belong to it."""
        follower = Follower(self.folder / f"{key}.json")
        try:
            with listening(follower):
                yield follower
        finally:
            self._forget(key)

    @contextmanager
    def elsewhere(self, key: str) -> Iterator[None]:
        """Inside this context, the case is running on another machine and reports no progress."""
        Follower(self.folder / f"{key}.json")
        try:
            yield
        finally:
            self._forget(key)

    def _forget(self, key: str) -> None:
        with suppress(OSError):
            (self.folder / f"{key}.json").unlink(missing_ok=True)

    def read(self) -> dict[str, Report]:
        """The latest report of each running case, by key, the oldest case first."""
        found = {}
        for file in self.folder.glob("*.json"):
            with suppress(OSError):  # its case has just ended
                values = json.loads(file.read_text("utf-8"))
                found[file.stem] = Report(**{**values, "losses": tuple(values["losses"])})
        return dict(sorted(found.items(), key=lambda item: (item[1].since, item[0])))


class Follower(Listener):
    """Writes the counts of one case to its file, at most a few times a second."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._since, self._written = time.time(), 0.0
        self._write(Report(self._since, self._since))

    def begin(self, count: Count) -> None:
        if count.epochs:
            self.number += 1
            self.lead = self.lead or time.time() - self._since
        self._report(count)

    def look(self, count: Count) -> None:
        if time.monotonic() - self._written >= EVERY:
            self._report(count)

    def end(self, count: Count) -> None:
        if count.epochs:
            self.share = count.done / max(1, count.total)
        self._report(count)

    def _report(self, count: Count) -> None:
        position = {"what": count.what, "done": count.done, "total": count.total, "epochs": count.epochs}
        losses = tuple(value for value in count.losses if math.isfinite(value))
        self._write(Report(self._since, time.time(), self.number, self.lead, **position, losses=losses))

    def _write(self, report: Report) -> None:
        self._written = time.monotonic()
        new = self.file.with_suffix(f".{os.getpid()}")
        with suppress(OSError):
            new.write_text(json.dumps(asdict(report)), "utf-8")
            new.replace(self.file)
