"""The distribution of a numeric answer over the levels of its target: mean, median, quantiles, spread, CRPS.

A level is a bin: it stands for all numbers nearer to it than to its neighbours. Its probability is spread evenly over
that bin, so the distribution function is continuous and piecewise linear, and everything below is exact for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .. import metrics


@dataclass(frozen=True, eq=False)
class Distribution:
    """One distribution per row, in the target's units.

    A bin extends halfway to the neighbouring levels; the first and last, which also stand for everything beyond, extend
    as far outwards as inwards. A median is therefore seldom a level: the lowest level at which half of the probability
    is reached is off by a quarter of a bin on average, and interpolating from level to level is half a bin too low;
    interpolating within the bin has neither error. Levels that are all equal (a constant target) give bins of width 0.

    Attributes:
        probabilities: (n, n_levels), non-negative; rows are normalised to sum to 1.
        levels: (n_levels,) finite numbers in ascending order.

    Raises:
        ValueError: mismatched shapes, a row without probability, or unordered levels.
    """

    probabilities: np.ndarray
    levels: np.ndarray

    def __post_init__(self):
        shape, levels = np.shape(self.probabilities), np.asarray(self.levels, dtype=float)
        if levels.ndim != 1 or len(shape) != 2 or shape[1] != len(levels) or not len(levels):
            raise ValueError(f"probabilities of shape {shape} for levels of shape {levels.shape}")
        if not np.isfinite(levels).all() or (np.diff(levels / 2) < 0).any():
            raise ValueError("levels must be finite numbers in ascending order")
        probabilities = np.asarray(self.probabilities, dtype=float)
        total = probabilities.sum(axis=1, keepdims=True)
        if not ((probabilities >= 0).all() and (total > 0).all() and np.isfinite(total).all()):
            raise ValueError("probabilities must not be negative, and each row needs a positive sum")
        object.__setattr__(self, "levels", levels)
        object.__setattr__(self, "probabilities", probabilities / total)

    @cached_property
    def edges(self) -> np.ndarray:
        """The edges of the bins, (n_levels + 1,), ascending."""
        half = np.diff(self.levels / 2)  # halved before the difference, which could overflow
        first, last = (half[0], half[-1]) if len(half) else (0.0, 0.0)
        largest = np.finfo(float).max
        with np.errstate(over="ignore"):
            ends = np.clip([self.levels[0] - first, self.levels[-1] + last], -largest, largest)
        return np.concatenate([ends[:1], self.levels[:-1] + half, ends[1:]])

    @cached_property
    def cumulative(self) -> np.ndarray:
        """The distribution function at the edges, (n, n_levels + 1), from 0 to exactly 1."""
        sums = np.cumsum(self.probabilities, axis=1)
        return np.concatenate([np.zeros((len(sums), 1)), sums / sums[:, -1:]], axis=1)

    def mean(self) -> np.ndarray:
        """(n,) expected values."""
        return self.probabilities @ (self.edges[:-1] / 2 + self.edges[1:] / 2)

    def std(self) -> np.ndarray:
        """(n,) standard deviations; an answer in a single bin has width / √12."""
        unit = np.abs(self.edges).max() or 1.0  # squares of 1e200 would overflow
        edges = self.edges / unit
        middle, width = (edges[:-1] + edges[1:]) / 2, np.diff(edges)
        distance = middle - (self.mean() / unit)[:, None]
        return unit * np.sqrt((self.probabilities * (distance**2 + width**2 / 12)).sum(axis=1))

    def median(self) -> np.ndarray:
        """(n,) medians, the quantiles at 0.5."""
        return self.quantiles([0.5])[:, 0]

    def quantiles(self, q: Sequence[float]) -> np.ndarray:
        """(n, len(q)): the lowest numbers at which these probabilities are reached, interpolated within a bin.

        At 0 this is the lower edge of the first bin with any probability, at 1 the upper edge of the last.

        Raises:
            ValueError: a probability outside 0..1.
        """
        shares = np.asarray(q, dtype=float)
        if shares.ndim != 1 or not ((shares >= 0) & (shares <= 1)).all():
            raise ValueError(f"quantiles must be a list of probabilities from 0 to 1, not {q}")
        rows, low, high = np.arange(len(self.probabilities)), self.cumulative[:, :-1], self.cumulative[:, 1:]
        columns = []
        for share in shares:
            bins = ((high >= share) & (high > low)).argmax(axis=1)
            below, above = low[rows, bins], high[rows, bins]
            part = (share - below) / (above - below)
            columns.append(self.edges[bins] * (1 - part) + self.edges[bins + 1] * part)
        return np.stack(columns, axis=1) if columns else np.empty((len(rows), 0))

    def interval(self, coverage: float = 0.9) -> np.ndarray:
        """(n, 2): the ends of the central interval with probability `coverage`."""
        return self.quantiles([(1 - coverage) / 2, (1 + coverage) / 2])

    def crps(self, y: Sequence[float]) -> np.ndarray:
        """(n,) continuous ranked probability scores of the true values `y`, in the target's units; 0 is best.

        ∫ (F(x) - [x ≥ y])² dx: for a point answer it equals the absolute error, and it is as easy to read. Exact, since
        quantiles are linear between the edges and y, where two-point Gauss quadrature integrates the pinball loss.
        """
        y = np.asarray(y, dtype=float)
        if y.shape != (len(self.probabilities),):
            raise ValueError(f"{y.shape} true values for {len(self.probabilities)} rows")
        low, before = self.edges[:-1] + np.zeros(np.shape(self.probabilities)), self.cumulative[:, :-1]
        cut = np.clip(y[:, None], low, self.edges[1:])  # where the bin is split: at y, or at one of its ends
        part = np.divide(cut - low, self.edges[1:] - low, out=np.zeros(cut.shape), where=self.edges[1:] > low)
        at = before + (self.cumulative[:, 1:] - before) * part
        knots, shares = (np.stack(pair, axis=-1).reshape(len(y), -1) for pair in ((low, cut), (before, at)))
        knots, shares = (
            np.pad(v, ((0, 0), (0, 1)), constant_values=end) for v, end in ((knots, self.edges[-1]), (shares, 1.0))
        )
        width, weight = np.diff(knots, axis=1), np.diff(shares, axis=1)
        return sum(
            metrics.crps(knots[:, :-1] + node * width, shares[:, :-1] + node * weight, y, weight / 2)
            for node in (0.5 - np.sqrt(1 / 12), 0.5 + np.sqrt(1 / 12))
        )
