"""What a study prints while it runs: a live table on a terminal, lines in a log file, or only failures."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

from .. import progress
from ..models import distributed
from .board import Board, UnderWay
from .plans import DONE, Outcome, seconds

QUIET_SPELL = 60.0  # seconds without output after which a log file gets a line about the running cases
NAMED = 3  # running cases that such a line names


class Display:
    """Follows a study from its first case to its last, in a `with` statement; this base class reports only failures.

    Attributes:
        every: seconds between two updates from the board; 0 for none.
        outputs: a folder into which the output of worker processes is redirected, so that the display can show it;
            None to leave it alone.
    """

    every = 0.0
    outputs: Path | None = None

    def __init__(self, board: Board) -> None:
        self.board = board
        self.lock = threading.Lock()  # of the board, which one thread updates and another shows
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Display:
        self.start()
        if self.every:
            self._thread.start()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._stopped.set()
        if self.every:
            self._thread.join()
        self.stop()

    def note(self, outcome: Outcome) -> None:
        """Called when a case ended. Failures go to stderr, whatever the display."""
        with self.lock:
            self.board.note(outcome)
        if outcome.status != DONE and distributed.is_first():
            print(f"failed: {outcome.plan.case}: {outcome.status}", file=sys.stderr, flush=True)
        elif outcome.status == DONE:
            self.finished(outcome)

    def start(self) -> None:
        """Called before the first case."""

    def stop(self) -> None:
        """Called after the last case, or when the study was stopped."""

    def finished(self, outcome: Outcome) -> None:
        """Called when a case has its row."""

    def look(self) -> None:
        """Shows the current state of the board."""

    def _follow(self) -> None:
        while not self._stopped.wait(self.every):
            self.look()


class Lines(Display):
    """Prints a line for each finished case, and a progress line after a minute without one."""

    every = 1.0

    def start(self) -> None:
        self._last_print = time.monotonic()

    def finished(self, outcome: Outcome) -> None:
        board, row = self.board, outcome.row
        parts = [f"{board.score} {float(row[board.score]):.4g}", f"{seconds(row):.2f} s"] if row else ["by another run"]
        self._say(f"{outcome.plan.case}: {', '.join(parts)}")

    def look(self, now: float | None = None) -> None:
        """Prints what is running if nothing was printed for long; `now` is a `time.monotonic()` value."""
        now = time.monotonic() if now is None else now
        if now - self._last_print < QUIET_SPELL:
            return
        with self.lock:
            found = self.board.under_way()
            left = self.board.left()
        more = [f"and {len(found) - NAMED} more"] if len(found) > NAMED else []
        cases = "; ".join([*map(described, found[:NAMED]), *more])
        if cases:
            self._say(f"under way: {cases}; {rest(left)}", now)

    def _say(self, text: str, now: float | None = None) -> None:
        self._last_print = time.monotonic() if now is None else now
        width = len(str(self.board.total))
        print(f"[{self.board.n_done:{width}}/{self.board.total}] {text}", flush=True)


def of(board: Board, quiet: bool) -> Display:
    """The display that suits the study's output."""
    if quiet:
        return Display(board)
    if on_terminal():
        from .screen import Screen  # loads rich

        return Screen(board)
    return Lines(board)


def on_terminal() -> bool:
    """Whether stdout and stderr are a terminal that can be drawn on."""
    return sys.stdout.isatty() and sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def described(case: UnderWay) -> str:
    """A running case in one line."""
    return ", ".join([str(case.plan.case), *details(case).values()])


def details(case: UnderWay) -> dict[str, str]:
    """The progress of a case: its fine-tune, step and loss, if reported, and its time."""
    report, found = case.report, {}
    if report.total:
        if len(case.plan.work.parts) > 1 or report.number > 1:
            found["fine-tune"] = f"fine-tune {report.number}/{max(report.number, len(case.plan.work.parts))}"
        found["place"] = progress.where(report.what, report.done, report.total, report.epochs)
        if report.losses:
            found["loss"] = progress.loss(report.losses)
    left = f", {progress.clock(case.left)} left" if case.left and case.left >= 1 else ""  # otherwise it is about to end
    return found | {"time": f"{progress.clock(case.elapsed)}{left}"}


def rest(left: float | None) -> str:
    """The time left for the whole study, in words."""
    return "time left unknown" if left is None else f"about {progress.clock(rounded(left))} left"


def rounded(left: float) -> float:
    """Seconds rounded to the precision of an estimate."""
    unit = next(unit for most, unit in ((60, 5), (600, 30), (float("inf"), 60)) if left <= most)
    return max(unit, round(left / unit) * unit)


class Outputs:
    """Captures the output of worker processes, which must not reach the terminal directly: one file per process.

    The output of a process that was killed is kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[Path, int] = {}

    @staticmethod
    def divert(folder: Path) -> None:
        """Redirects stdout and stderr of this process, including its C libraries, to its file."""
        handle = os.open(folder / f"{os.getpid()}.out", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        os.close(handle)

    def new(self, whole_lines: bool = True) -> str:
        """What was printed since the last call; with `whole_lines`, an incomplete line is left for the next call."""
        found = []
        for file in sorted(self.folder.glob("*.out")):
            with file.open("rb") as stream:
                stream.seek(self._read.get(file, 0))
                text = stream.read()
            if whole_lines:
                text = text[: text.rfind(b"\n") + 1]
            self._read[file] = self._read.get(file, 0) + len(text)
            found.append(text.decode("utf-8", "replace"))
        return "".join(found)
