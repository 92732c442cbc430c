"""The state of a pretraining run between sessions: one checkpoint, a log, and a lock while it runs."""

from __future__ import annotations

import json
import math
import pickle
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout

from utils.errors import UserError
from utils.storage import write_text

LOSSES = ("loss", "late_class_loss", "late_number_loss")  # nats per token of an answer
UNREADABLE = (OSError, EOFError, RuntimeError, pickle.UnpicklingError, KeyError)


class Scratch:
    """The folder of a run.

    Args:
        folder: created by `locked`.
        identity: the settings that determine the weights after a number of updates; other checkpoints are refused.
    """

    def __init__(self, folder: Path, identity: Callable[[int], dict[str, Any]]):
        self.folder, self.identity = folder, identity
        self.checkpoint_path, self.log_path = folder / "checkpoint.pt", folder / "log.jsonl"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Locks the folder against a second run that would write its checkpoint. Raises UserError if it is locked."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"{self.folder} cannot be made ({error.strerror}); give another --scratch") from error
        lock = FileLock(self.folder / ".lock", timeout=0)
        try:
            lock.acquire()
        except Timeout as error:
            raise UserError(
                f"another run is writing to {self.folder}; wait for it, or give another --scratch"
            ) from error
        try:
            yield
        finally:
            lock.release()

    def adopt(self, other: Path) -> None:
        """Starts from the checkpoint and log of another folder if they have the same settings and there are none
        here yet."""
        theirs = other / self.checkpoint_path.name
        if self.checkpoint_path.is_file() or not theirs.is_file():
            return
        state = torch.load(theirs, map_location="cpu", weights_only=True)
        if state["identity"] == self.identity(state["step"]):
            shutil.copyfile(other / self.log_path.name, self.log_path)
            shutil.copyfile(theirs, self.checkpoint_path)

    def save(self, state: dict[str, Any]) -> None:
        """Writes the checkpoint atomically."""
        fresh = self.checkpoint_path.with_suffix(".new")
        torch.save({"identity": self.identity(state["step"]), **state}, fresh)
        fresh.replace(self.checkpoint_path)

    def load(self, device: str) -> dict[str, Any] | None:
        """The checkpoint's state; None without one.

        Raises:
            UserError: it cannot be read, or belongs to other settings.
        """
        path = self.checkpoint_path
        if not path.is_file():
            return None
        try:
            state = torch.load(path, map_location=device, weights_only=True)
            theirs, ours = state["identity"], self.identity(state["step"])
        except UNREADABLE as error:
            raise UserError(f"{path} cannot be read; delete it to start over, or give another --scratch") from error
        if theirs != ours:
            unlike = sorted(name for name in ours | theirs if theirs.get(name) != ours.get(name))
            raise UserError(
                f"{path} was made with other settings ({', '.join(unlike)}); use the same ones, delete it to start "
                "over, or give another --scratch"
            )
        return state

    def rewind(self, step: int) -> None:
        """Removes the log's lines on updates after the checkpoint, which will be repeated."""
        kept = [line for line in self.lines() if line["step"] <= step]
        write_text(self.log_path, "".join(json.dumps(line) + "\n" for line in kept))

    def report(self, step: int, tokens: float, seconds: float, recent: list[tuple[float, ...]]) -> dict[str, Any]:
        """Adds a line to the log and returns it: updates, time, and the mean losses of the recent updates."""
        columns = dict(zip(LOSSES, np.array(recent, float).T, strict=True))
        means = {name: _mean(values[~np.isnan(values)].tolist()) for name, values in columns.items()}
        line = {"step": step, "million_tokens": round(tokens / 1e6, 3), "seconds": round(seconds), **means}
        with self.log_path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        return line

    def last_losses(self, n_lines: int = 10) -> dict[str, float | None]:
        """The mean losses of the last lines; None for a loss that none of them has."""
        lines = self.lines()[-n_lines:]
        found = {name: [line[name] for line in lines if line[name] is not None] for name in LOSSES}
        return {name: _mean([value for value in values if not math.isnan(value)]) for name, values in found.items()}

    def lines(self) -> list[dict[str, Any]]:
        """The log, without a truncated last line."""
        if not self.log_path.exists():
            return []
        text = self.log_path.read_text("utf-8")
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def _mean(values: list[float]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None


@contextmanager
def interrupts() -> Iterator[threading.Event]:
    """An event that Ctrl-C sets, so that no update is interrupted; a second Ctrl-C stops at once."""
    interrupted = threading.Event()
    before = signal.getsignal(signal.SIGINT)

    def note(number, frame):
        if interrupted.is_set():
            raise KeyboardInterrupt
        interrupted.set()

    if threading.current_thread() is not threading.main_thread() or before is signal.SIG_IGN:
        yield interrupted
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)
