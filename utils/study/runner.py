"""Runs the unfinished cases of a study: one after another, or in several processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, nullcontext
from dataclasses import asdict, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits

from .. import VERSION, progress
from ..errors import CannotDo, TooLong, Unobtainable, UserError
from ..models import distributed
from ..models.openai import session
from ..paths import INSTALLED, ROOT
from ..progress import Mail
from ..results import Busy, Results, StorageError
from . import budget, costs, display, pool, ray, records
from .board import Board
from .display import Display
from .forecast import Forecast
from .plans import BUSY, DONE, Case, Outcome, Plan, Work, by_rows, kin, seen
from .tracking import Tracker

if TYPE_CHECKING:
    import pandas as pd

    from ..learners import Learner
    from .cases import Trial

DISK_NEEDED = 50 * 2**20  # bytes that must be free before a study starts; rows and answers need far less


class Runner:
    """Runs the cases of one experiment and stores their results.

    Args:
        config: the flags, a `study.Config`.
        build: turns a case into a trial.
        results: where the rows are stored.
    """

    def __init__(self, config, build: Callable[[Case, object], Trial], results: Results):
        self.config, self.build, self.results = config, build, results
        self._trials: dict[str, Trial] = {}  # by case, until the checks before the run are done
        self.session = session.current()
        self.left_out: dict[str, Unobtainable] = {}  # data sets that could not be obtained
        self.tracker: Tracker | None = None
        self.mail: Mail | None = None  # reports the progress of cases; None with --quiet
        spec = build.__globals__.get("__spec__")  # of the script, whose __name__ is __main__
        self.module = spec.name if spec else build.__module__

    def __getstate__(self) -> dict[str, object]:
        """State for worker processes, which do not use the tracker."""
        return {**vars(self), "tracker": None}

    def run(self, cases: Iterable[Case]) -> int:
        """Runs the missing cases and returns the number of failed cases plus skipped data sets.

        Every case is checked before the first one runs, so that a misspelt name costs nothing. A known data set that
        cannot be obtained is reported and skipped.

        Raises:
            UserError: before anything ran: an unknown name, an unusable table, too little disk space, or no case or
                data set that can be run at all. Later: results that cannot be written.
        """
        if self.config.log_to != "none" and distributed.is_first():
            self.tracker = Tracker(self.config.log_to, f"{self.results.path.parent.name}-{self.results.experiment}")
        _check_disk(self.results)
        self.results.sweep()
        is_shown = distributed.is_first() and not self.config.quiet
        counted = nullcontext() if is_shown else progress.listening(None)
        with budget.offline(self.config.spending, self.config.results_dir), counted:
            earlier = self.results.frame()
            finished = set() if self.config.redo or not len(earlier) else set(earlier["key"])
            plans = self._look_at(list(cases), finished)
            pending = [plan for plan in plans if plan.key not in finished]
            if len(pending) < len(plans):
                done = len(plans) - len(pending)
                print(f"{done} of {len(plans)} cases are finished already, see {self.results.path}", flush=True)
        impossible = [plan for plan in pending if plan.problem]
        forecast = Forecast(seen(plans, earlier))
        order = distributed.broadcast(forecast.order({plan.key: plan.work for plan in pending if not plan.problem}))
        by_key = {plan.key: plan for plan in plans}
        possible = [by_key[key] for key in order]
        if impossible and len(impossible) == len(plans):
            raise UserError(impossible[0].problem)
        self._agree(possible)
        waiting = [*impossible, *possible]
        with tempfile.TemporaryDirectory(prefix="lift-", ignore_cleanup_errors=True) as folder:
            mail = Mail(Path(folder))
            self.mail = mail if is_shown else None
            board = Board(self.results.experiment, plans, waiting, earlier, forecast, mail, self._n_slots())
            with display.of(board, quiet=not is_shown or not waiting) as shown:
                for plan in impossible:
                    shown.note(Outcome(plan, self.failed(plan, plan.problem)))
                self._run_all(possible, shown)
        self.results.sweep()  # a worker or another copy of the study may have been killed meanwhile
        return board.n_failed + len(self.left_out)

    def trial(self, case: Case) -> Trial:
        """The case's trial, cached for the table's preview, the case's key, its check and its quote."""
        if str(case) not in self._trials:
            self._trials[str(case)] = self.build(case, self.config)
        return self._trials[str(case)]

    def _look_at(self, cases: list[Case], finished: set[str]) -> list[Plan]:
        """The plans of all cases without duplicates; those that can never run are marked with the reason.

        Checking a LIFT case is expensive: it loads the model. If it can run with one seed, or did so earlier, it is
        assumed to run with the others, which use the same table; a prompt that is too long for one seed only fails
        when that case runs. For cases that cost money, every one is checked.
        """
        plans: dict[str, tuple[int, Plan]] = {}
        works: dict[tuple[str, ...], Work] = {}  # seeds have equally many rows, so they cost the same
        fine: set[tuple[str, ...]] = set()
        with progress.counting("checking case", len(cases)) as count:
            for i in by_rows(cases):
                count.step()
                if cases[i].dataset in self.left_out:
                    continue
                try:
                    trial = self.trial(cases[i])
                except Unobtainable as error:
                    self.left_out[cases[i].dataset] = error
                    continue
                plan = self._plan(cases[i], trial, works)
                if not plans:
                    self.results.check_columns([*plan.head, *trial.columns(), "commit", "finished_at"])
                own = {plan.kin()} if plan.work.kind == "lift" and not plan.is_remote else set()
                if plan.key in finished:
                    fine |= own
                elif plan.key not in plans and plan.kin() not in fine:
                    try:
                        trial.check()
                        fine |= own
                    except (CannotDo, TooLong) as error:  # concerns this table and learner only
                        plan = replace(plan, problem=str(error))
                if not plan.is_remote:
                    del self._trials[str(cases[i])]  # the rows of many cases would fill the memory
                plans.setdefault(plan.key, (i, plan))
        if self.left_out and not plans:
            raise next(iter(self.left_out.values()))
        for name, error in self.left_out.items() if distributed.is_first() else ():
            print(f"left out: {name}: {error}", file=sys.stderr, flush=True)
        return [plan for _, plan in sorted(plans.values(), key=lambda pair: pair[0])]

    def _plan(self, case: Case, trial: Trial, works: dict[tuple[str, ...], Work]) -> Plan:
        head = {
            "key": trial.key(case.seed, case.settings),
            "experiment": self.results.experiment,
            "dataset": trial.dataset,
            "source": trial.source,
            "method": case.method,
            "model": _model(trial.learner),
            "options": trial.learner.options(),
            "protocol": trial.split.protocol or self.config.protocol,
            "limit": self.config.limit,
            "seed": case.seed,
            **case.settings,
        }
        work = works.get(kin(head, head))
        if work is None:
            work = works[kin(head, head)] = costs.of(trial, case.method, case.settings)
        return Plan(case, head, work, budget.is_remote(trial))

    def _agree(self, plans: list[Plan]) -> None:
        """Shows what the models on a server would cost, and ends the study unless the user agrees."""
        remote = [plan.case for plan in plans if plan.is_remote]
        if remote:
            trials = ((f"{case.dataset} {case.method}", self._trials.pop(str(case))) for case in remote)
            budget.agree(trials, self.config.spending, self.config.results_dir)
        elif self.config.spending.dry_run:
            print("nothing here costs money: none of the remaining cases uses a model on a server")
            raise budget.DryRun
        self._trials.clear()
        self.session = session.current()

    def _run_all(self, plans: list[Plan], shown: Display) -> None:
        commit, busy = _commit(), []
        with closing(self._outcomes(plans, commit, shown)) as outcomes:
            for outcome in outcomes:
                if outcome.status == BUSY:
                    busy.append(outcome.plan)
                else:
                    self._note(outcome, shown)
        for plan in busy:  # another process runs them; wait for it, and run those it does not finish
            self._note(self.run_one(plan, commit, wait=True), shown)

    def _note(self, outcome: Outcome, shown: Display) -> None:
        complete = self._with_row(outcome)
        shown.note(complete)
        if self.tracker is not None and complete.row is not None:
            self.tracker.note(str(complete.plan.case), complete.plan.head, complete.row)

    def _outcomes(self, plans: list[Plan], commit: str, shown: Display) -> Iterator[Outcome]:
        workers = min(self._n_slots(), len(plans))
        if self.config.engine == "ray" and distributed.world() == 1:
            yield from ray.outcomes(self, plans, commit)
            return
        if workers <= 1:
            yield from (self.run_one(plan, commit) for plan in plans)
            return
        yield from pool.outcomes(self, plans, commit, workers, shown.outputs)

    def run_one(self, plan: Plan, commit: str, wait: bool = False) -> Outcome:
        """Runs one case and stores it."""
        session.use(self.session)  # a worker process has none yet
        try:
            with self.results.claim(plan.key, wait or distributed.world() > 1):
                if distributed.broadcast(not self.config.redo and plan.key in self.results.finished()):
                    return Outcome(plan, DONE)
                began = time.time()
                follow = self.mail.case(plan.key) if self.mail else progress.listening(None)
                with follow as listener, threadpool_limits(self.config.n_threads()):
                    scores, answers = self.build(plan.case, self.config).run()
                row = self.store(plan, scores, answers, commit)
                reported = listener.lead, listener.number, listener.share
                return Outcome(plan, DONE, row, time.time() - began, *reported)
        except Busy:
            return Outcome(plan, BUSY)
        except StorageError:
            raise
        except UserError as error:
            return Outcome(plan, self.failed(plan, str(error)))
        except Exception as error:  # an unexpected error is printed in full and does not stop the other cases
            if distributed.world() > 1:
                raise  # the other processes would wait for this one
            traceback.print_exc()
            return Outcome(plan, self.failed(plan, f"{type(error).__name__}: {error}"))

    def _with_row(self, outcome: Outcome) -> Outcome:
        """The outcome with its row, which another process may have written."""
        if outcome.status != DONE or outcome.row is not None:
            return outcome
        rows = self.results.frame()
        found = rows[rows["key"] == outcome.plan.key].to_dict("records") if len(rows) else []
        return replace(outcome, row=found[0] if found else None)

    def _n_slots(self) -> int:
        """Number of cases at a time; 0 if a cluster decides."""
        if distributed.world() > 1:
            return 1
        return 0 if self.config.engine == "ray" else self.config.n_workers()

    def store(self, plan: Plan, scores: dict[str, object], answers: pd.DataFrame, commit: str) -> dict[str, object]:
        """Adds a finished case to the results; returns its row."""
        row = {**plan.head, **scores, "commit": commit, "finished_at": _now()}
        self.results.add(row, answers, self.config.redo, self._record(plan.case))
        return row

    def _record(self, case: Case) -> dict[str, object]:
        """What `utils.verify` needs to run the case again."""
        return {"module": self.module, "config": records.encode(self.config), "case": asdict(case)}

    def failed(self, plan: Plan, reason: str) -> str:
        """Records a failed case and returns the reason."""
        self.results.fail({**plan.head, "reason": reason, "failed_at": _now()})
        return reason


def _check_disk(results: Results) -> None:
    folder = next(parent for parent in results.path.resolve().parents if parent.exists())
    free = shutil.disk_usage(folder).free
    if free < DISK_NEEDED:
        raise UserError(
            f"only {free / 2**20:.0f} MiB are free under {folder}, {DISK_NEEDED / 2**20:.0f} MiB are needed; "
            "free some space or give another --results-dir"
        )


def _model(learner: Learner) -> str:
    """The model's name in result rows: as typed, or relative to the repository for a model inside it."""
    name = str(learner.model)
    return Path(name).relative_to(ROOT).as_posix() if name.startswith(f"{ROOT}{os.sep}") else name


def _commit() -> str:
    """The commit of the running code, with "+" if there are changes; the version if the package is installed."""
    if INSTALLED:
        return VERSION  # a surrounding repository would be another one
    git = subprocess.run(
        ["git", "describe", "--always", "--dirty=+"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return git.stdout.strip()


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
