"""Points on a square grid, for plots of decision regions; box-counting dimension of their boundaries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..errors import UserError

MARGIN = 0.05  # share of the range, on every side


@dataclass(frozen=True)
class Grid:
    """The points (x, y) of a grid.

    Attributes:
        names: names of the two columns.
        x, y: ascending coordinates, shapes (columns,) and (rows,).
    """

    names: tuple[str, str]
    x: np.ndarray
    y: np.ndarray

    def frame(self) -> pd.DataFrame:
        """All points as rows of a table, the lowest y first, ascending x within."""
        x, y = np.meshgrid(self.x, self.y)
        return pd.DataFrame({self.names[0]: x.ravel(), self.names[1]: y.ravel()})

    def square(self, values: Sequence) -> np.ndarray:
        """One value per point of `frame`, as an array of shape (rows, columns), the lowest y first."""
        return np.asarray(values).reshape(len(self.y), len(self.x))


def over(X: pd.DataFrame, size: int, margin: float = MARGIN) -> Grid:
    """A grid of size × size points over the range of the two numeric columns of `X`, with a margin.

    Raises:
        UserError: not two columns of numbers, or fewer than 2 points a side.
    """
    if X.shape[1] != 2 or not all(map(pd.api.types.is_numeric_dtype, X.dtypes)):
        raise UserError(f"a grid needs two numeric columns, not {', '.join(map(str, X.columns[:5]))}")
    if size < 2:
        raise UserError(f"a grid of {size} points a side shows nothing; give 2 or more")
    low, high = X.min().to_numpy(float), X.max().to_numpy(float)
    wide = margin * (high - low)
    x, y = (np.linspace(a - w, b + w, size) for a, b, w in zip(low, high, wide, strict=True))
    return Grid(tuple(map(str, X.columns)), x, y)


def boundary(classes: np.ndarray) -> np.ndarray:
    """Where a cell's class differs from that of its right or upper neighbour; boolean, shape (rows, columns)."""
    codes = pd.factorize(np.asarray(classes).ravel())[0].reshape(np.shape(classes))
    edge = np.zeros(codes.shape, dtype=bool)
    edge[:, :-1] |= codes[:, :-1] != codes[:, 1:]
    edge[:-1] |= codes[:-1] != codes[1:]
    return edge


def box_dimension(cells: np.ndarray) -> float:
    """Box-counting dimension of the true cells of a boolean picture: 1 for a line, 2 for a filled square.

    Boxes have sides of 1, 2, 4, … cells, up to an eighth of the shorter side of the picture; larger boxes are all hit.
    The dimension is the slope of ln(number of boxes that are hit) over -ln(side), by least squares.

    Args:
        cells: shape (rows, columns).

    Returns:
        nan if nothing is true, or if the picture has fewer than three box sizes (below 32 cells a side).
    """
    cells = np.asarray(cells, dtype=bool)
    sides = [2**i for i in range(32) if 2**i <= min(cells.shape) // 8]
    if not cells.any() or len(sides) < 3:
        return float("nan")
    rows, columns = np.nonzero(cells)
    counts = [len(np.unique((rows // side) * cells.shape[1] + columns // side)) for side in sides]
    return float(-np.polyfit(np.log(sides), np.log(counts), 1)[0])
