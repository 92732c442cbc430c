"""The order in which the cases of a study run, and how long it will take, learnt from finished cases.

The seconds of a case are its cost (`costs`) times a factor. The factor is a hierarchical mean of logarithms: starting
from the mean over all cases of a kind (LIFT or classical), it moves towards that of the method, and then towards that
of the method on the table, the more of these cases have been observed.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from .plans import Work

EARLY = 0.02  # share of all work that runs first, in the cheapest cases
UNSEEN = 0.1  # largest share of all seconds in kinds of cases never observed for which a forecast is made
OWN = (1.0, 0.3)  # prior weight of the wider group, in cases of a method, and of a method on a table
SHORTEST = 1e-3  # seconds; shorter times say nothing about longer cases


class Factors:
    """Means of observed factors by group; a narrow group with few observations is shrunk towards the wider one."""

    def __init__(self) -> None:
        self.sums: dict[tuple, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))

    def copy(self) -> Factors:
        """An independent copy."""
        other = Factors()
        other.sums.update(self.sums)
        return other

    def add(self, work: Work, seconds: float, expected: float, weight: float = 1.0) -> None:
        """Records that a case took `seconds` where `expected` were predicted."""
        value = math.log(max(seconds, SHORTEST) / max(expected, 1e-12))
        for group in ((), *work.groups):
            total, weights = self.sums[group]
            self.sums[group] = total + weight * value, weights + weight

    def knows(self, work: Work) -> bool:
        """Whether a case of this kind was observed."""
        return work.groups[0] in self.sums

    def of(self, work: Work) -> float:
        """The factor of a case; the mean of all cases if none of its kind was observed, 1 if none at all was."""
        kind, *narrower = work.groups
        total, weights = self.sums.get(kind) or self.sums.get((), (0.0, 1.0))
        mean = total / weights
        for group, prior in zip(narrower, OWN, strict=True):
            total, weights = self.sums.get(group, (0.0, 0.0))
            mean = (total + prior * mean) / (weights + prior)
        return math.exp(mean)


@dataclass(frozen=True)
class Running:
    """A running case.

    Attributes:
        elapsed: seconds since it began.
        lead: the part of them before its first fine-tune, such as loading a model, which a process does once.
        behind: share of its work that is done; 0 if unknown.
    """

    work: Work
    elapsed: float
    lead: float = 0.0
    behind: float = 0.0


class Forecast:
    """Predicts the seconds of the cases of one study.

    Args:
        earlier: works of cases that finished in earlier runs, with their seconds; they calibrate the relative costs,
            and the seconds per unit until cases of this run give a better value.
    """

    def __init__(self, earlier: Iterable[tuple[Work, float]] = ()) -> None:
        self._earlier, self._now = Factors(), Factors()
        self._ends = [0.2, 0.2]  # sum and number of the shares of work at which cases ended; initially 1 on average
        for work, seconds in earlier:
            self._earlier.add(work, seconds, work.cost)

    def expected(self, work: Work, now: Factors | None = None) -> float:
        """Seconds of a case; in arbitrary units as long as nothing comparable was observed."""
        return self._base(work) * (now or self._now).of(work)

    def order(self, works: Mapping[str, Work]) -> list[str]:
        """The keys of the cases in the order in which they should run.

        First the cheapest, up to a fiftieth of the work, so that there are results soon. Then a cheap case of each
        remaining kind, so that the forecast knows all kinds early. Then the rest, longest first, so that no worker is
        left with a long case at the end.
        """
        seconds = {key: self.expected(work) for key, work in works.items()}
        ascending = sorted(seconds, key=seconds.__getitem__)
        so_far = accumulate(seconds[key] for key in ascending)
        most = EARLY * sum(seconds.values())
        first = [key for key, total in zip(ascending, so_far, strict=True) if total <= most]
        cheapest = {works[key].kind: key for key in reversed(ascending)}
        first += [key for kind, key in cheapest.items() if kind not in {works[chosen].kind for chosen in first}]
        rest = sorted((key for key in works if key not in set(first)), key=lambda key: -seconds[key])
        return [*first, *rest]

    def finished(self, work: Work, seconds: float, lead: float = 0.0, behind: float = 0.0) -> None:
        """Records that a case of this run ended; `behind` is the share of its work in its last report."""
        self._now.add(work, seconds - lead, self._base(work))
        if behind:
            self._ends[0] += behind
            self._ends[1] += 1

    def left(self, running: Sequence[Running], waiting: Sequence[Work], n_slots: int) -> float | None:
        """Seconds until all cases are done, with `n_slots` at a time; None if too little is known.

        Args:
            waiting: in the order in which they will run.
        """
        now = self._now.copy()
        for case in running:
            share = self._share(case)
            if share:
                seconds = (case.elapsed - case.lead) / share
                now.add(case.work, seconds, self._base(case.work), math.sqrt(share))
        works = [*(case.work for case in running), *waiting]
        expected = [self.expected(work, now) for work in works]
        unseen = [
            taken
            for work, taken in zip(works, expected, strict=True)
            if not (self._earlier.knows(work) or now.knows(work))
        ]
        if sum(unseen) > UNSEEN * sum(expected):
            return None
        ends = [self.remaining(case, now) for case in running]
        ends += [0.0] * (n_slots - len(ends))
        heapq.heapify(ends)
        for taken in expected[len(running) :]:
            heapq.heappush(ends, heapq.heappop(ends) + taken)
        return max(ends, default=0.0)

    def remaining(self, case: Running, now: Factors | None = None) -> float:
        """Seconds that a running case still needs."""
        share, total = self._share(case), self.expected(case.work, now)
        return (1 - share) * total if share else max(0.0, total - (case.elapsed - case.lead))

    def known(self, case: Running) -> float | None:
        """Seconds that a running case still needs, from its own progress if it reports any; None if unknown."""
        share = self._share(case)
        if share:
            return (case.elapsed - case.lead) * (1 - share) / share
        is_known = self._earlier.knows(case.work) or self._now.knows(case.work)
        return self.remaining(case) if is_known else None

    def _base(self, work: Work) -> float:
        return work.cost * self._earlier.of(work)

    def _share(self, case: Running) -> float:
        """The share of its work that a case has done, assuming it ends where others did."""
        return min(0.99, case.behind * self._ends[1] / self._ends[0])
