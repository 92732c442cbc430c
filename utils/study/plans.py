"""The cases of a study in their stages: what they are, what is known before they run, and how they ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

DONE, BUSY = "done", "busy"


@dataclass(frozen=True)
class Case:
    """One cell of an experiment: a data set, a method, a seed, and the settings that the experiment varies."""

    dataset: str
    method: str
    seed: int
    settings: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_lift(self) -> bool:
        """Whether the method is LIFT, with or without options."""
        return self.method.partition(":")[0] == "lift"

    def __str__(self) -> str:
        varied = "".join(f" {name}={value}" for name, value in self.settings.items())
        return f"{self.dataset} {self.method}{varied} seed {self.seed}"


@dataclass(frozen=True)
class Work:
    """The expected cost of a case.

    Attributes:
        cost: total, in units common to all cases of a study.
        parts: of each fine-tune, in order; empty for learners that do not report progress.
        groups: names of the groups of cases whose costs are off by similar factors, widest first.
    """

    cost: float
    parts: tuple[float, ...]
    groups: tuple[tuple[object, ...], ...]

    @property
    def kind(self) -> object:
        """ "lift" or "classical"."""
        return self.groups[0][0]

    def behind(self, number: int, share: float) -> float:
        """The share of the work that is done when fine-tune `number` (from 1) is done to this `share`."""
        if not number or not self.parts:
            return 0.0
        more = [self.parts[-1]] * (number - len(self.parts))  # unexpected fine-tunes
        parts = [*self.parts, *more]
        return min(1.0, (sum(parts[: number - 1]) + share * parts[number - 1]) / (self.cost + sum(more)))


@dataclass(frozen=True)
class Plan:
    """A checked case: the columns that identify its row, its expected cost, and the reason if it cannot run."""

    case: Case
    head: dict[str, object]
    work: Work
    is_remote: bool = False
    problem: str = ""

    @property
    def key(self) -> str:
        return str(self.head["key"])

    def kin(self) -> tuple[str, ...]:
        """What its row shares with those of other seeds."""
        return kin(self.head, self.head)


@dataclass(frozen=True)
class Outcome:
    """How the run of a case ended.

    Attributes:
        status: DONE, BUSY (another process runs it), or the reason of a failure.
        row: its result row; None if the case failed or another process ran it.
        seconds: its duration.
        lead, number, share: as in the `progress.Listener` that followed it.
    """

    plan: Plan
    status: str
    row: Mapping[str, object] | None = None
    seconds: float = 0.0
    lead: float = 0.0
    number: int = 0
    share: float = 0.0


def kin(row: Mapping[str, object], names: Iterable[str]) -> tuple[str, ...]:
    """What a row shares with the rows of the same case with other seeds; `names` are its identifying columns."""
    return tuple(str(row[name]) for name in names if name not in ("key", "source", "seed"))


def by_rows(cases: Sequence[Case]) -> list[int]:
    """Indices of the cases, grouped by table and seed, which share their rows."""
    tables = {name: i for i, name in enumerate(dict.fromkeys(case.dataset for case in cases))}
    return sorted(range(len(cases)), key=lambda i: (tables[cases[i].dataset], cases[i].seed))


def seen(plans: Sequence[Plan], rows: pd.DataFrame) -> list[tuple[Work, float]]:
    """The work and seconds of cases of earlier runs that match a case of this study, seed aside."""
    works = {plan.kin(): plan.work for plan in plans}
    pairs = ((works.get(kin(row, plans[0].head)), seconds(row)) for row in rows.to_dict("records"))
    return [(work, taken) for work, taken in pairs if work is not None]


def seconds(row: Mapping[str, object]) -> float:
    """Seconds of a finished case, fitting and predicting."""
    return float(row["seconds_fit"]) + float(row["seconds_predict"])
