"""In which order the cases of a study run, and how long it will take, learnt from the cases that ran.

The seconds of a case are its cost (`costs`) times a factor. The factor is a mean of those that were seen, in the
logarithm, first of all cases of one kind (LIFT or classical), drawn from there towards the cases of one method, and
from there towards the cases of one method on one table, the more of them there are.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from .plans import Work

EARLY = 0.02  # share of all work, in the cheapest cases, that comes first
UNSEEN = 0.1  # share of all seconds that cases may have of a kind of which none was seen
OWN = (1.0, 0.3)  # cases of a method, and of a method on a table, that count as much as the wider group
SHORTEST = 1e-3  # seconds; the logarithm of less would say nothing about longer cases


class Factors:
    """Means of observed factors by group; a narrow group that was seen little leans on the wider one."""

    def __init__(self) -> None:
        self.sums: dict[tuple, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))

    def copy(self) -> Factors:
        """The same means, which then go their own way."""
        other = Factors()
        other.sums.update(self.sums)
        return other

    def add(self, work: Work, seconds: float, expected: float, weight: float = 1.0) -> None:
        """A case took `seconds` where `expected` were foreseen."""
        value = math.log(max(seconds, SHORTEST) / max(expected, 1e-12))
        for group in ((), *work.groups):
            total, weights = self.sums[group]
            self.sums[group] = total + weight * value, weights + weight

    def knows(self, work: Work) -> bool:
        """Whether a case of this kind was seen."""
        return work.groups[0] in self.sums

    def of(self, work: Work) -> float:
        """The factor of a case; of all cases where none of its kind was seen, and 1 where none at all was."""
        kind, *narrower = work.groups
        total, weights = self.sums.get(kind) or self.sums.get((), (0.0, 1.0))
        mean = total / weights
        for group, prior in zip(narrower, OWN, strict=True):
            total, weights = self.sums.get(group, (0.0, 0.0))
            mean = (total + prior * mean) / (weights + prior)
        return math.exp(mean)


@dataclass(frozen=True)
class Running:
    """A case under way.

    Attributes:
        elapsed: seconds since it began.
        lead: of them, those before its first fine-tune: loading a model, which a process does once.
        behind: share of its work that is done; 0 where nothing tells.
    """

    work: Work
    elapsed: float
    lead: float = 0.0
    behind: float = 0.0


class Forecast:
    """What is expected of the cases of one study.

    Args:
        earlier: works of cases that finished in earlier runs, with their seconds; they tell how costs compare, and
            what a unit is worth until cases of this run tell it better.
    """

    def __init__(self, earlier: Iterable[tuple[Work, float]] = ()) -> None:
        self._earlier, self._now = Factors(), Factors()
        self._ends = [0.2, 0.2]  # sum and number of the shares of work at which cases said to be done; at first, all
        for work, seconds in earlier:
            self._earlier.add(work, seconds, work.cost)

    def expected(self, work: Work, now: Factors | None = None) -> float:
        """Seconds of a case; in units of their own as long as nothing like it was seen."""
        return self._base(work) * (now or self._now).of(work)

    def order(self, works: Mapping[str, Work]) -> list[str]:
        """The keys of cases in the order in which they should run.

        The cheapest come first, as many as together are a fiftieth of the work: there are results soon. Then a cheap
        one of each kind that is not among them: soon something is known of each. Then the longest first: in the end no
        worker is left alone with a long one.
        """
        seconds = {key: self.expected(work) for key, work in works.items()}
        ascending = sorted(seconds, key=seconds.__getitem__)
        so_far = accumulate(seconds[key] for key in ascending)
        most = EARLY * sum(seconds.values())
        first = [key for key, total in zip(ascending, so_far, strict=True) if total <= most]
        cheapest = {works[key].kind: key for key in reversed(ascending)}
        first += [key for kind, key in cheapest.items() if kind not in {works[one].kind for one in first}]
        rest = sorted((key for key in works if key not in set(first)), key=lambda key: -seconds[key])
        return [*first, *rest]

    def finished(self, work: Work, seconds: float, lead: float = 0.0, behind: float = 0.0) -> None:
        """A case of this run ended, the last that was heard of it with this share of its work behind it."""
        self._now.add(work, seconds - lead, self._base(work))
        if behind:
            self._ends[0] += behind
            self._ends[1] += 1

    def left(self, running: Sequence[Running], waiting: Sequence[Work], places: int) -> float | None:
        """Seconds until all is done, with `places` cases at a time; None as long as nobody can know.

        Args:
            waiting: in their order.
        """
        now = self._now.copy()
        for one in running:
            share = self._share(one)
            if share:
                seconds = (one.elapsed - one.lead) / share
                now.add(one.work, seconds, self._base(one.work), math.sqrt(share))
        works = [*(one.work for one in running), *waiting]
        whole = [self.expected(work, now) for work in works]
        unseen = [
            taken
            for work, taken in zip(works, whole, strict=True)
            if not (self._earlier.knows(work) or now.knows(work))
        ]
        if sum(unseen) > UNSEEN * sum(whole):
            return None
        ends = [self.remaining(one, now) for one in running]
        ends += [0.0] * (places - len(ends))
        heapq.heapify(ends)
        for taken in whole[len(running) :]:
            heapq.heappush(ends, heapq.heappop(ends) + taken)
        return max(ends, default=0.0)

    def remaining(self, one: Running, now: Factors | None = None) -> float:
        """Seconds that a case under way still takes."""
        share, whole = self._share(one), self.expected(one.work, now)
        return (1 - share) * whole if share else max(0.0, whole - (one.elapsed - one.lead))

    def known(self, one: Running) -> float | None:
        """Seconds that a case under way still takes, by itself where it tells how far it is; None if nobody knows."""
        share = self._share(one)
        if share:
            return (one.elapsed - one.lead) * (1 - share) / share
        known = self._earlier.knows(one.work) or self._now.knows(one.work)
        return self.remaining(one) if known else None

    def _base(self, work: Work) -> float:
        return work.cost * self._earlier.of(work)

    def _share(self, one: Running) -> float:
        """The share of its work that a case has behind it, if it ends where others did."""
        return min(0.99, one.behind * self._ends[1] / self._ends[0])
