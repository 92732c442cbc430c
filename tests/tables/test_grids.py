"""Grids of points, borders between classes, and their box-counting dimension on shapes that are known."""

import math

import numpy as np
import pandas as pd
import pytest

from utils.errors import UserError
from utils.tables import grids


def koch(size):
    """Cells of a Koch curve (dimension ln 4 / ln 3) of that many levels, on a square of 3^size cells a side."""
    points = np.array([0 + 0j, 1 + 0j])
    for _ in range(size + 2):
        a, step = points[:-1], np.diff(points) / 3
        tip = a + step + step * np.exp(1j * np.pi / 3)
        points = np.append(np.stack([a, a + step, tip, a + 2 * step], axis=1).ravel(), points[-1])
    cells = np.zeros((3**size, 3**size), dtype=bool)
    side = 3**size - 1
    cells[(points.imag * side).round().astype(int), (points.real * side).round().astype(int)] = True
    return cells


def sierpinski(size):
    """Cells of a Sierpinski triangle (dimension ln 3 / ln 2): Pascal's triangle modulo 2."""
    i, j = np.indices((size, size))
    return (i & j) == 0


@pytest.mark.parametrize(
    ("cells", "dimension", "tolerance"),
    [
        (np.eye(512, dtype=bool), 1.0, 0.01),
        (np.ones((512, 512), dtype=bool), 2.0, 0.01),
        (sierpinski(512), math.log(3) / math.log(2), 0.01),
        (koch(6), math.log(4) / math.log(3), 0.08),
    ],
    ids=["line", "square", "sierpinski", "koch"],
)
def test_known_dimensions(cells, dimension, tolerance):
    assert grids.box_dimension(cells) == pytest.approx(dimension, abs=tolerance)


def test_nothing_and_too_little_have_no_dimension():
    assert math.isnan(grids.box_dimension(np.zeros((64, 64), dtype=bool)))
    assert math.isnan(grids.box_dimension(np.ones((31, 64), dtype=bool)))


def test_a_border_lies_where_neighbours_differ():
    classes = np.array([["a", "a", "b"], ["a", "a", "b"], ["c", "c", "c"]])
    assert grids.boundary(classes).tolist() == [[False, True, False], [True, True, True], [False, False, False]]
    assert not grids.boundary(np.full((4, 4), "a")).any()


def test_points_come_back_in_their_places():
    X = pd.DataFrame({"u": [0.0, 10.0], "v": [-1.0, 1.0]})
    grid = grids.over(X, 5, margin=0.1)
    frame = grid.frame()
    assert list(frame) == ["u", "v"]
    assert len(frame) == 25
    assert (frame["u"].min(), frame["u"].max(), frame["v"].min()) == (-1.0, 11.0, -1.2)
    np.testing.assert_array_equal(grid.square(frame["v"])[:, 0], grid.y)
    np.testing.assert_array_equal(grid.square(frame["u"])[0], grid.x)


@pytest.mark.parametrize(
    ("frame", "size", "message"),
    [
        (pd.DataFrame({"a": [1.0], "b": [2.0], "c": [3.0]}), 8, "two numeric columns"),
        (pd.DataFrame({"a": ["x"], "b": [2.0]}), 8, "two numeric columns"),
        (pd.DataFrame({"a": [1.0], "b": [2.0]}), 1, "2 or more"),
    ],
)
def test_what_has_no_grid_is_told(frame, size, message):
    with pytest.raises(UserError, match=message):
        grids.over(frame, size)
