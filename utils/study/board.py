"""The state of a running study: scores so far, running cases, and the estimated time left."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .. import reporting
from ..progress import Mail, Report
from .forecast import Forecast, Running
from .plans import DONE, Outcome, Plan

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class Cell:
    """The cases of one method on one table with one combination of settings: one for each seed."""

    n: int = 0
    scores: list[float] = field(default_factory=list)
    n_failed: int = 0
    n_running: int = 0


@dataclass(frozen=True)
class UnderWay:
    """A running case, its latest report, and the seconds it has taken and is expected to take."""

    plan: Plan
    report: Report
    elapsed: float
    left: float | None


class Board:
    """What is known about the cases of one study.

    Args:
        experiment: its name.
        plans: all its cases, including those finished in earlier runs.
        waiting: the cases to run now, in order.
        earlier: the rows already in the results.
        n_slots: number of cases that run at the same time; 0 if unknown.
        clock: returns the time, like `time.time`.

    Attributes:
        mail: delivers the reports of running cases.
        n_done, n_failed: counts among the cases to run now.
    """

    def __init__(
        self,
        experiment: str,
        plans: Sequence[Plan],
        waiting: Sequence[Plan],
        earlier: pd.DataFrame,
        forecast: Forecast,
        mail: Mail,
        n_slots: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.experiment, self.plans, self.mail = experiment, plans, mail
        self.total, self.n_done, self.n_failed = len(waiting), 0, 0
        self._waiting = {plan.key: plan for plan in waiting}
        self._forecast, self._n_slots = forecast, n_slots
        self._seen: dict[str, Running] = {}  # running cases, as last seen
        self._seconds = 0.0  # taken by the finished cases, summed over parallel ones
        self._clock, self._since = clock, clock()
        self.score = ""
        self._scores: dict[str, float] = {}
        self._failed: set[str] = set()
        finished = {plan.key for plan in plans} - set(self._waiting)
        for row in earlier.to_dict("records"):
            if row["key"] in finished:
                self._keep(str(row["key"]), row)

    def note(self, outcome: Outcome) -> None:
        """Records that a case ended, successfully or not."""
        key = outcome.plan.key
        self._waiting.pop(key, None)
        self.n_done += 1
        self._seen.pop(key, None)
        if outcome.status != DONE:
            self.n_failed += 1
            self._failed.add(key)
        elif outcome.row is not None:
            self._keep(key, outcome.row)
        if outcome.seconds:
            work = outcome.plan.work
            self._seconds += outcome.seconds
            self._forecast.finished(work, outcome.seconds, outcome.lead, work.behind(outcome.number, outcome.share))

    def under_way(self) -> list[UnderWay]:
        """The running cases, the oldest first."""
        now, found = self._clock(), []
        self._seen = {}
        for key, report in self.mail.read().items():
            if (plan := self._waiting.get(key)) is None:
                continue  # it has ended since
            share = report.done / report.total if report.total and report.epochs else 0.0
            # the forecast is as of the moment of the report
            running = Running(plan.work, report.at - report.since, report.lead, plan.work.behind(report.number, share))
            self._seen[key] = running
            left = self._forecast.known(running)
            silent = now - report.at
            found.append(UnderWay(plan, report, now - report.since, None if left is None else max(0.0, left - silent)))
        return found

    def left(self) -> float | None:
        """Estimated seconds until all cases are done, from what `under_way` saw last."""
        waiting = [plan.work for key, plan in self._waiting.items() if key not in self._seen]
        n_slots = self._n_slots or max(1, round(self._seconds / max(1.0, self.elapsed())))
        return self._forecast.left(list(self._seen.values()), waiting, n_slots)

    def elapsed(self) -> float:
        """Seconds since the first case began."""
        return self._clock() - self._since

    def cells(self) -> dict[tuple[tuple[str, ...], str], Cell]:
        """Cells by row of the table (the data set and the varying settings) and method, in the order of the cases."""
        names = self.varied()
        cells: dict[tuple[tuple[str, ...], str], Cell] = {}
        for plan in self.plans:
            case = plan.case
            row = (case.dataset, *(str(case.settings.get(name, "")) for name in names))
            cell = cells.setdefault((row, case.method), Cell())
            cell.n += 1
            if plan.key in self._scores:
                cell.scores.append(self._scores[plan.key])
            cell.n_failed += plan.key in self._failed
            cell.n_running += plan.key in self._seen
        return cells

    def varied(self) -> list[str]:
        """Names of the settings that differ between cases."""
        values: dict[str, set[str]] = {}
        for plan in self.plans:
            for name, value in plan.case.settings.items():
                values.setdefault(name, set()).add(str(value))
        return [name for name, found in values.items() if len(found) > 1]

    def _keep(self, key: str, row) -> None:
        self.score = self.score or reporting.main_score(row)
        self._scores[key] = float(row[self.score])
