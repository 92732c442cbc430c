"""The thread that runs jobs, one after another."""

from __future__ import annotations

import csv
import io
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from others.rehearsal import lines
from others.rehearsal.catalogue import Catalogue
from others.rehearsal.engine import Engine
from others.rehearsal.files import Files
from others.rehearsal.jobs import WAITING, Jobs
from others.rehearsal.lines import BadFile
from others.rehearsal.refusal import Refusal
from others.rehearsal.store import Store, new_id, now
from utils.errors import TooLong, UserError

POLL_SECONDS = 0.05  # seconds between checks whether a job may continue


class Interrupted(Exception):
    """The job was cancelled or paused, or the server is shutting down."""


@dataclass(frozen=True)
class Rules:
    """How the server tunes; see `others.rehearsal.server.Server`."""

    form: str
    min_rows: int
    checkpoints: int | None
    base_rate: float
    seconds_per_step: float


class Tuner(threading.Thread):
    """Validates the files of jobs and tunes.

    Args:
        bill: called with the tokens of a job that succeeded.
        report: called with errors of the server itself.
    """

    def __init__(
        self,
        store: Store,
        files: Files,
        jobs: Jobs,
        catalogue: Catalogue,
        engine: Engine,
        rules: Rules,
        bill: Callable[[int], None],
        report: Callable[[BaseException], None],
    ) -> None:
        super().__init__(name="tuner", daemon=True)
        self._store, self._files, self._jobs, self._catalogue = store, files, jobs, catalogue
        self._engine, self._rules, self._bill, self._report = engine, rules, bill, report
        self._ending = threading.Event()

    def end(self) -> None:
        """Ends the thread, at the latest after the epoch; the job restarts when the server is started again."""
        self._ending.set()
        self._jobs.waiting.put(None)
        self.join()

    def run(self) -> None:
        """Until `end`."""
        while (id := self._jobs.waiting.get()) is not None and not self._ending.is_set():
            record = self._jobs.record(id)
            try:
                self._work(record)
            except Interrupted:
                pass
            except (BadFile, Refusal, UserError) as error:
                self._fail(record, error)
            except Exception as error:
                self._report(error)
                self._fail(record, error)

    def _work(self, record: dict) -> None:
        job, jobs = record["object"], self._jobs
        if job["status"] not in WAITING:
            return
        files = f"training file: {job['training_file']}"
        files += f" and validation file: {job['validation_file']}" if job["validation_file"] else ""
        if job["status"] == "validating_files":
            jobs.add_event(record, f"Validating {files}")
        rows = self._rows(job["training_file"], "training", self._rules.min_rows)
        held_out = self._rows(job["validation_file"], "validation", 0) if job["validation_file"] else []
        jobs.move(record, ("validating_files",), "queued", "Files validated, moving job to queued state")
        if not jobs.move(record, ("queued",), "running", "Fine-tuning job started"):
            return
        with self._store.lock:
            record["checkpoints"] = []
        epochs, size = job["hyperparameters"]["n_epochs"], job["hyperparameters"]["batch_size"]
        run = _Run(self, record, epochs, math.ceil(len(rows) / size))
        self._engine.tune(
            self._catalogue.folder(job["model"]),
            [lines.example(row) for row in rows],
            [lines.example(row) for row in held_out],
            learning_rate=self._rules.base_rate * job["hyperparameters"]["learning_rate_multiplier"],
            epochs=epochs,
            batch_size=size,
            seed=job["seed"],
            on_epoch=run.epoch,
        )
        self._succeed(record, run, self._tokens(job["model"], rows) * epochs)

    def _rows(self, file: str, which: str, fewest: int) -> list[dict]:
        try:
            data = self._files.content(file)
        except Refusal:
            raise BadFile(which, f"The {which} file {file} was deleted.") from None
        return lines.read(data, which, self._rules.form, fewest)

    def _tokens(self, model: str, rows: list[dict]) -> int:
        """Billed tokens of one epoch."""
        billed = [lines.billed(row) for row in rows]
        texts = [text for texts, _ in billed for text in texts]
        return sum(self._engine.count(self._catalogue.folder(model), texts)) + sum(beside for _, beside in billed)

    def _succeed(self, record: dict, run: _Run, n_tokens: int) -> None:
        job = record["object"]
        with self._store.lock:
            if job["status"] != "running":
                raise Interrupted
            self._catalogue.add(run.name, run.folder(run.n_steps), self._catalogue.base(job["model"]))
            results = self._files.make("step_metrics.csv", run.table(), "fine-tune-results")["id"]
            made = {"fine_tuned_model": run.name, "trained_tokens": n_tokens, "result_files": [results]}
            self._jobs.add_event(record, f"New fine-tuned model created: {run.name}")
            message = "The job has successfully completed"
            self._jobs.move(record, ("running",), "succeeded", message, finished_at=now(), **made)
        self._bill(n_tokens)

    def _fail(self, record: dict, error: Exception) -> None:
        failure = {"code": "server_error", "message": str(error), "param": None}
        if isinstance(error, TooLong):
            failure |= {"code": "invalid_training_file", "param": "training_file"}
        failure = error.error if isinstance(error, BadFile) else failure
        going = (*WAITING, "running")
        self._jobs.move(record, going, "failed", str(error), error=failure, finished_at=now())

    def check(self, record: dict, seconds: float) -> None:
        """Waits; raises Interrupted as soon as the job must stop."""
        until = time.monotonic() + seconds
        while True:
            if self._ending.is_set() or record["object"]["status"] != "running":
                raise Interrupted
            left = until - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, POLL_SECONDS))


class _Run:
    """One run of a job: what is written after each epoch.

    Attributes:
        name: of the resulting model.
        n_steps: total updates.
    """

    def __init__(self, tuner: Tuner, record: dict, epochs: int, per_epoch: int) -> None:
        job = record["object"]
        self._tuner, self._record, self._per_epoch, self._epochs = tuner, record, per_epoch, epochs
        self.n_steps = epochs * per_epoch
        suffix = job["user_provided_suffix"] or ""
        self._base = tuner._catalogue.base(job["model"])
        self.name = f"ft:{self._base}:lift:{suffix}:{job['id'].removeprefix('ftjob-')[:8]}"
        self._rows: list[dict] = []

    def folder(self, step: int) -> Path:
        """The folder of the weights after an update."""
        return self._tuner._store.weights / self._record["object"]["id"] / f"step-{step}"

    def epoch(self, epoch: int, save: Callable[[Path], None], loss: float, held_out: float | None) -> None:
        """Saves the model of an epoch and reports its losses. Raises Interrupted."""
        rules, jobs, store = self._tuner._rules, self._tuner._jobs, self._tuner._store
        self._tuner.check(self._record, rules.seconds_per_step * self._per_epoch)
        step = epoch * self._per_epoch
        losses = {"train_loss": round(loss, 6)} | ({} if held_out is None else {"valid_loss": round(held_out, 6)})
        self._rows.append({"step": step, **losses})
        kept = rules.checkpoints is None or epoch > self._epochs - rules.checkpoints
        if kept or epoch == self._epochs:
            save(self.folder(step))
        more = "" if held_out is None else f", validation loss={held_out:.4f}"
        with store.lock:
            if kept:
                name = f"{self.name}:ckpt-step-{step}"
                self._tuner._catalogue.add(name, self.folder(step), self._base)
                self._record["checkpoints"].append(
                    {
                        "object": "fine_tuning.job.checkpoint",
                        "id": new_id("ftckpt_"),
                        "created_at": now(),
                        "fine_tuning_job_id": self._record["object"]["id"],
                        "fine_tuned_model_checkpoint": name,
                        "step_number": step,
                        "metrics": {"step": step, **losses},
                    }
                )
            message = f"Step {step}/{self.n_steps}: training loss={loss:.4f}{more}"
            jobs.add_event(self._record, message, {"step": step, "total_steps": self.n_steps, **losses})

    def table(self) -> bytes:
        """The losses as the job's result file."""
        text = io.StringIO(newline="")
        table = csv.DictWriter(text, list(self._rows[0]))
        table.writeheader()
        table.writerows(self._rows)
        return text.getvalue().encode()
