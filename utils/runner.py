"""Runs the cases of a study that are not finished yet: one after another, or several processes at a time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path

import pandas as pd
from joblib import Parallel, delayed
from joblib.externals.loky.process_executor import TerminatedWorkerError
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from utils import cluster, progress, records, spending
from utils.errors import CannotDo, TooLong, UserError
from utils.estimators import LIFT
from utils.models import parallel
from utils.models.protocol import session
from utils.results import ROOT, Busy, Results, StorageError
from utils.trial import Trial

DISK_NEEDED = 50 * 2**20  # bytes that must be free before a study starts; rows and answers take far less


@dataclass(frozen=True)
class Case:
    """One cell of an experiment: a data set, a method, a seed, and what the experiment varies beside them."""

    dataset: str
    method: str
    seed: int
    settings: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        varied = "".join(f" {name}={value}" for name, value in self.settings.items())
        return f"{self.dataset} {self.method}{varied} seed {self.seed}"


@dataclass(frozen=True)
class Plan:
    """A case that was looked at: the columns that identify its row, and why it cannot run, if so."""

    case: Case
    head: dict[str, object]
    problem: str = ""

    @property
    def key(self) -> str:
        return str(self.head["key"])


class Runner:
    """The cases of one experiment on their way into its results.

    Args:
        config: the flags, a `study.Config`.
        build: turns a case into a trial.
        results: where rows go.
    """

    def __init__(self, config, build: Callable[[Case, object], Trial], results: Results):
        self.config, self.build, self.results = config, build, results
        self.session = session.current()
        spec = build.__globals__.get("__spec__")  # of the script, which calls itself __main__
        self.module = spec.name if spec else build.__module__

    def run(self, cases: Iterable[Case]) -> int:
        """Runs what is missing and returns the number of cases that failed.

        Every case is looked at before the first one runs, so that a misspelt name costs nothing.

        Raises:
            UserError: before anything ran: a wrong name, a table that cannot be learnt from, too little disk, no case
                that could run at all. Later: results that cannot be written.
        """
        _check_disk(self.results)
        with spending.offline(self.config.spending, self.config.results_dir):
            plans = self._look_at(list(cases))
            finished = set() if self.config.redo else self.results.finished()
            pending = [plan for plan in plans if plan.key not in finished]
            if len(pending) < len(plans):
                done = len(plans) - len(pending)
                print(f"{done} of {len(plans)} cases are finished already, see {self.results.path}")
            pending = self._check(pending)
        impossible = [plan for plan in pending if plan.problem]
        wanted = set(parallel.told([plan.key for plan in pending if not plan.problem]))
        possible = [plan for plan in plans if plan.key in wanted]
        if impossible and len(impossible) == len(plans):
            raise UserError(impossible[0].problem)
        self._agree(possible)
        for plan in impossible:
            self.failed(plan, plan.problem)
        return len(impossible) + self._run_all(possible)

    def _look_at(self, cases: list[Case]) -> list[Plan]:
        plans = []
        for case in tqdm(cases, desc="looking at the cases", unit="case", leave=False, disable=None, delay=2):
            trial = self.build(case, self.config)
            lift = isinstance(trial.learner, LIFT)
            head = {
                "key": trial.key(case.seed, case.settings),
                "experiment": self.results.experiment,
                "dataset": trial.dataset,
                "source": trial.source,
                "method": case.method,
                "model": _model(trial.learner) if lift else "",
                "options": trial.learner.options() if lift else "",
                "protocol": self.config.protocol,
                "limit": self.config.limit,
                "seed": case.seed,
                **case.settings,
            }
            if not plans:
                self.results.check_columns([*head, *trial.columns(), "commit", "finished_at"])
            plans.append(Plan(case, head))
        return list({plan.key: plan for plan in plans}.values())

    def _check(self, plans: list[Plan]) -> list[Plan]:
        """The plans, those that can never run marked with the reason."""
        checked = []
        for plan in plans:
            problem = ""
            try:
                self.build(plan.case, self.config).check()
            except (CannotDo, TooLong) as error:  # of this pair of table and learner; the other pairs may well run
                problem = str(error)
            checked.append(Plan(plan.case, plan.head, problem))
        return checked

    def _agree(self, plans: list[Plan]) -> None:
        """Shows what models behind the protocol would cost, and ends the study unless the user agrees."""
        trials = ((plan, self.build(plan.case, self.config)) for plan in plans)
        paid = [
            (f"{plan.case.dataset} {plan.case.method}", trial) for plan, trial in trials if spending.is_remote(trial)
        ]
        if paid:
            spending.agree(paid, self.config.spending, self.config.results_dir)
        elif self.config.spending.dry_run:
            print("nothing here costs money: no case that is still to run has a model behind the protocol")
            raise spending.DryRun
        self.session = session.current()

    def _run_all(self, plans: list[Plan]) -> int:
        # the longest first, so that none runs alone
        plans = sorted(plans, key=lambda plan: not plan.case.method.startswith("lift"))
        workers = min(self.config.n_workers(), len(plans)) if parallel.world() == 1 else 1
        commit, failed, busy = _commit(), 0, []
        with tqdm(total=len(plans), desc=self.results.experiment, unit="case", disable=None if plans else True) as bar:
            for plan, outcome in self._outcomes(plans, workers, commit):
                if outcome == "busy":
                    busy.append(plan)
                    continue
                bar.update()
                if outcome != "done":
                    failed += 1
                    bar.write(f"failed: {plan.case}: {outcome}", file=sys.stderr)
            for plan in busy:  # another process has them; wait for it, and run what it leaves behind
                failed += self.run_one(plan, commit, wait=True)[1] != "done"
                bar.update()
        return failed

    def _outcomes(self, plans: list[Plan], workers: int, commit: str):
        if self.config.engine == "ray" and parallel.world() == 1:
            yield from cluster.outcomes(self, plans, commit)
            return
        if workers <= 1:
            yield from (self.run_one(plan, commit) for plan in plans)
            return
        try:
            lifetime = {"initializer": _end_with, "initargs": (os.getpid(),)}
            pool = Parallel(workers, return_as="generator_unordered", batch_size=1, pre_dispatch="all", **lifetime)
            with warnings.catch_warnings():  # the pool replaces a worker that has grown by 300 MB; no case is lost
                warnings.filterwarnings("ignore", message="A worker stopped while some jobs")
                yield from pool(delayed(self.run_one)(plan, commit, quiet=True) for plan in plans)
        except TerminatedWorkerError as error:
            raise UserError(
                "a worker process was killed, most often for want of memory; finished cases are kept: run the same "
                f"command again with fewer --workers than {workers}"
            ) from error

    def run_one(self, plan: Plan, commit: str, wait: bool = False, quiet: bool = False) -> tuple[Plan, str]:
        """Runs one case and stores it; returns the plan and "done", "busy" or the reason of the failure."""
        if quiet:
            progress.hide()
        session.use(self.session)  # a worker process has none yet
        try:
            with self.results.claim(plan.key, wait or parallel.world() > 1):
                if parallel.told(not self.config.redo and plan.key in self.results.finished()):
                    return plan, "done"
                with threadpool_limits(self.config.n_threads()):
                    scores, answers = self.build(plan.case, self.config).run()
                self.store(plan, scores, answers, commit)
                return plan, "done"
        except Busy:
            return plan, "busy"
        except StorageError:
            raise
        except UserError as error:
            return plan, self.failed(plan, str(error))
        except Exception as error:  # a fault of one case is told in full and does not end the others
            if parallel.world() > 1:
                raise  # the other processes would wait for this one
            traceback.print_exc()
            return plan, self.failed(plan, f"{type(error).__name__}: {error}")

    def store(self, plan: Plan, scores: dict[str, object], answers: pd.DataFrame, commit: str) -> None:
        """Adds a finished case to the results."""
        row = {**plan.head, **scores, "commit": commit, "finished_at": _now()}
        self.results.add(row, answers, self.config.redo, self._record(plan.case))

    def _record(self, case: Case) -> dict[str, object]:
        """What is needed to run the case again; `utils.verify` does."""
        return {"module": self.module, "config": records.encode(self.config), "case": asdict(case)}

    def failed(self, plan: Plan, reason: str) -> str:
        """Writes a failed case down and returns the reason."""
        self.results.fail({**plan.head, "reason": reason, "failed_at": _now()})
        return reason


def _end_with(parent: int) -> None:
    """Ends this worker within a second of its parent, which may be killed: an orphan would go on, unseen."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _check_disk(results: Results) -> None:
    folder = next(parent for parent in results.path.resolve().parents if parent.exists())
    free = shutil.disk_usage(folder).free
    if free < DISK_NEEDED:
        raise UserError(
            f"{free / 2**20:.0f} MiB are free under {folder}, {DISK_NEEDED / 2**20:.0f} MiB are needed; "
            "free some space or give another --results-dir"
        )


def _model(lift: LIFT) -> str:
    """What rows call a model: as it was typed; one that the project made for itself, by its place in the project."""
    name = str(lift.model)
    return Path(name).relative_to(ROOT).as_posix() if name.startswith(f"{ROOT}{os.sep}") else name


def _commit() -> str:
    """The commit of the code that runs, with "+" if it was changed since; empty outside a repository."""
    git = subprocess.run(
        ["git", "describe", "--always", "--dirty=+"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return git.stdout.strip()


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
