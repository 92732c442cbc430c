"""How far a long piece of work is: whoever does it counts its steps, whoever listens shows them.

    with progress.counting("update", total=1200, epochs=10) as count:
        for batch in batches:
            count.losses = [update(batch)]
            count.step()

In a plain Python session a line on the terminal follows the count. A study listens itself: each of its cases leaves its
latest count in a file of its own (`Mail`), wherever it runs, and the process that started the study reads them.
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

EVERY = 0.5  # seconds between two looks of a listener that writes
TELLING = 10  # epochs from which on they are told instead of steps


class Count:
    """Some work under way, in steps of about the same length.

    Attributes:
        what: what a step is, as "update", "answer" or "case".
        done, total: steps.
        epochs: into which the steps are divided evenly; 0 for work without epochs.
        losses: of the latest step, one for each fine-tune that the steps belong to.
    """

    def __init__(self, what: str, total: int, epochs: int, listener: Listener) -> None:
        self.what, self.total, self.epochs = what, total, epochs
        self._listener = listener
        self.done = 0
        self.losses: list[float] = []

    def step(self) -> None:
        """One step more."""
        self.done += 1
        self._listener.look(self)


class Listener:
    """Follows the counts of one process; this one does nothing with them.

    Attributes:
        lead: seconds until the first fine-tune began, once it has.
        number, share: the latest fine-tune, from 1, and the share of its steps that was done; 0 before the first.
    """

    lead, number, share = 0.0, 0, 0.0

    def begin(self, count: Count) -> None:
        """The work begins."""

    def look(self, count: Count) -> None:
        """A step was done."""

    def end(self, count: Count) -> None:
        """The work is done, or failed."""


class Line(Listener):
    """One line on the terminal, if there is one, which goes when the work is done."""

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
        place = where(count.what, count.done, count.total, count.epochs)
        self._print("  ".join(filter(None, [place, loss(count.losses), left])))

    def _print(self, text: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


_listener: Listener | None = Line()


@contextmanager
def counting(what: str, total: int, epochs: int = 0) -> Iterator[Count]:
    """A count that the listener of this process follows; see `Count` for the arguments."""
    listener = _listener or Listener()
    count = Count(what, total, epochs, listener)
    listener.begin(count)
    try:
        yield count
    finally:
        listener.end(count)


@contextmanager
def listening(listener: Listener | None) -> Iterator[Listener]:
    """Inside, `listener` follows the counts of this process; None for nobody."""
    global _listener
    before, _listener = _listener, listener
    try:
        yield listener or Listener()
    finally:
        _listener = before


def hide() -> None:
    """From now on nothing of this process is shown."""
    global _listener
    _listener = None


def say(text: str) -> None:
    """A line on stderr, unless nothing is to be shown."""
    if _listener is not None:
        over = "\r\x1b[K" if isinstance(_listener, Line) and sys.stderr.isatty() else ""
        print(f"{over}{text}", file=sys.stderr, flush=True)


def where(what: str, done: int, total: int, epochs: int) -> str:
    """A place in the work: by epoch where there are enough of them to tell, else by step."""
    if epochs >= TELLING:
        return f"epoch {min(epochs, done * epochs // max(1, total) + 1)}/{epochs}"
    return f"{what} {done}/{total}"


def loss(losses: Sequence[float]) -> str:
    """Losses in words; nothing where there are none."""
    return f"loss {' '.join(f'{value:.3f}' for value in losses)}" if losses else ""


def clock(seconds: float) -> str:
    """Seconds as people say them: 45 s, 12:05, 3 h 05."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60}:{whole % 60:02d}" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60:02d}"


@dataclass(frozen=True)
class Report:
    """What a case under way has told last.

    Attributes:
        since: when it began, as `time.time()` has it.
        at: when this was told.
        number: which of the case's fine-tunes it is at, from 1; 0 before the first.
        lead: seconds until the first fine-tune began: loading, writing texts.
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
    """A folder in which each case under way has a small file with its latest report.

    A file is replaced as a whole, so that a reader never sees half of one; a process that is killed leaves at worst a
    file about a case of which nothing more is heard. A report that cannot be written is left out: no case fails for it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def case(self, key: str) -> Iterator[Follower]:
        """Inside, the case is under way, and the counts of this process are its."""
        follower = Follower(self.folder / f"{key}.json")
        try:
            with listening(follower):
                yield follower
        finally:
            self._forget(key)

    @contextmanager
    def elsewhere(self, key: str) -> Iterator[None]:
        """Inside, the case is under way on another machine and tells nothing."""
        Follower(self.folder / f"{key}.json")
        try:
            yield
        finally:
            self._forget(key)

    def _forget(self, key: str) -> None:
        with suppress(OSError):
            (self.folder / f"{key}.json").unlink(missing_ok=True)

    def read(self) -> dict[str, Report]:
        """The latest report of each case under way, by key, the oldest case first."""
        found = {}
        for file in self.folder.glob("*.json"):
            with suppress(OSError):  # its case has just ended
                values = json.loads(file.read_text("utf-8"))
                found[file.stem] = Report(**{**values, "losses": tuple(values["losses"])})
        return dict(sorted(found.items(), key=lambda item: (item[1].since, item[0])))


class Follower(Listener):
    """Writes the counts of one case into its file, a few times a second at most."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._since, self._written = time.time(), 0.0
        self._write(Report(self._since, self._since))

    def begin(self, count: Count) -> None:
        if count.epochs:
            self.number += 1
            self.lead = self.lead or time.time() - self._since
        self._tell(count)

    def look(self, count: Count) -> None:
        if time.monotonic() - self._written >= EVERY:
            self._tell(count)

    def end(self, count: Count) -> None:
        if count.epochs:
            self.share = count.done / max(1, count.total)
        self._tell(count)

    def _tell(self, count: Count) -> None:
        place = {"what": count.what, "done": count.done, "total": count.total, "epochs": count.epochs}
        told = tuple(value for value in count.losses if math.isfinite(value))
        self._write(Report(self._since, time.time(), self.number, self.lead, **place, losses=told))

    def _write(self, report: Report) -> None:
        self._written = time.monotonic()
        new = self.file.with_suffix(f".{os.getpid()}")
        with suppress(OSError):
            new.write_text(json.dumps(asdict(report)), "utf-8")
            new.replace(self.file)
