"""Where a function is asked beside its test rows: a grid over its range and beyond, and the zones of that grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from utils import synthetic, variants
from utils.errors import UserError
from utils.grids import Grid
from utils.splits import Split

ZONES = ("inside", "hole", "outside")
LARGEST = 2  # inputs that a picture can show


@dataclass(frozen=True)
class Domain:
    """The points at which a function of one or two inputs is asked.

    Attributes:
        table: the function.
        axis: ascending coordinates, the same along every input.
    """

    table: synthetic.SyntheticTable
    axis: np.ndarray

    @property
    def p(self) -> int:
        """Number of inputs."""
        return self.table.options.p

    def frame(self) -> pd.DataFrame:
        """All points as rows of a table with the columns x1 and, of two inputs, x2; x1 runs fastest."""
        return pd.DataFrame({"x1": self.axis}) if self.p == 1 else self.grid().frame()

    def grid(self) -> Grid:
        """The square grid of a function of two inputs."""
        return Grid(("x1", "x2"), self.axis, self.axis)

    def truth(self) -> np.ndarray:
        """The function without noise at all points, shape (n_points,)."""
        return synthetic.function(self.table.base, self.frame())

    def box(self) -> tuple[float, float]:
        """The range of the training inputs."""
        return self.table.options.lo, self.table.options.hi

    def hole(self) -> tuple[float, float] | None:
        """The middle third of the range where the function has no training rows in it, else None."""
        low, high = self.box()
        third = (high - low) / 3
        return (low + third, high - third) if self.table.options.hole else None

    def zones(self) -> np.ndarray:
        """Of each point "inside" the box of the training rows, in its "hole", or "outside"; shape (n_points,)."""
        points = self.frame().to_numpy(float)
        zones = np.where(_within(points, self.box()), "inside", "outside")
        if self.hole() is not None:
            zones[_within(points, self.hole())] = "hole"
        return zones

    def measures(self, split: Split, zones: Sequence[str]) -> dict[str, Callable[[pd.DataFrame], float]]:
        """Relative absolute errors against the function without noise, for `Trial.measures`.

        `grid_rae` is that of the points inside the box, `grid_rae_hole` and `grid_rae_outside` those of the other
        zones: the mean absolute error in the zone over the mean absolute deviation of the function in the whole box,
        hole included. That unit is the same for all zones, so that they compare; without a hole, `grid_rae` is the RAE
        of these points. An unreadable answer counts as the mean of the training targets; a zone without points has nan.

        Args:
            split: the rows of the trial; its queries must be `frame()`.
            zones: which of ZONES.
        """
        truth, zone = self.truth(), self.zones()
        box = truth[zone != "outside"]
        unit = np.abs(box - box.mean()).mean() if len(box) else np.nan
        names = {name: "grid_rae" if name == "inside" else f"grid_rae_{name}" for name in zones}

        def measure(rows: np.ndarray) -> Callable[[pd.DataFrame], float]:
            def relative_error(answers: pd.DataFrame) -> float:
                if not rows.any() or not unit > 0:
                    return float("nan")
                answered = pd.to_numeric(answers["parsed"].iloc[len(split.y_test) :]).to_numpy(float)
                filled = np.where(np.isfinite(answered), answered, split.y_train.mean())
                return float(np.abs(filled - truth)[rows].mean() / unit)

            return relative_error

        return {names[name]: measure(zone == name) for name in zones}


def over(name: str, size: int, widen: float) -> Domain:
    """A domain of `size` points along each input, over the function's range and `widen` times it further on each side.

    The points of a function of whole inputs are whole, and each is there once.

    Raises:
        UserError: no function, more than two inputs, fewer than 2 points, or a negative widening.
    """
    table = variants.table(name)
    options = table.options
    if options.p > LARGEST:
        raise UserError(f"{name} has {options.p} inputs, and pictures have room for {LARGEST}; use p=1 or p=2")
    if size < 2 or widen < 0:
        raise UserError(
            f"{size} points widened by {widen} are no grid; give 2 points or more, and a share of 0 or more"
        )
    room = widen * (options.hi - options.lo)
    axis = np.linspace(options.lo - room, options.hi + room, size)
    return Domain(table, np.unique(np.rint(axis).astype(np.int64)) if options.integer else axis)


def _within(points: np.ndarray, ends: tuple[float, float]) -> np.ndarray:
    return ((points >= ends[0]) & (points <= ends[1])).all(axis=1)
