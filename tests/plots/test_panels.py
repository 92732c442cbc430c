"""Figures of arms: what is drawn, and that LIFT stands out."""

import pandas as pd
import pytest
from matplotlib.colors import to_hex

from utils import plots
from utils.plots import panels

ROWS = [
    (dataset, method, arm, series, x, seed, 0.5 + 0.1 * x + 0.01 * seed)
    for dataset in ("a", "b")
    for method, arm in (("logreg", "none"), ("knn", "none"), ("lift", "none"), ("lift", "new"))
    for series in (("s", "t") if method == "lift" else ("s",))
    for x in (1, 2, 4)
    for seed in (0, 1)
]
COLUMNS = ["dataset", "method", "arm", "series", "x", "seed", "accuracy"]


@pytest.fixture
def frame():
    return pd.DataFrame(ROWS, columns=COLUMNS)


def texts(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_curves_have_a_line_for_each_arm_and_grey_ones_behind(frame):
    figure = panels.curves(frame, "x", "arm", "Title", "rows")
    assert [axes.get_title() for axes in figure.axes] == ["a", "b"]
    assert texts(figure) == ["logreg", "knn", "none", "new"]
    lines = [container.lines[0] for container in figure.axes[0].containers]
    assert [to_hex(line.get_color()) for line in lines[2:]] == list(panels.ARMS[:2])
    assert panels.ARMS[0] == plots.LIFT_COLOUR
    assert lines[3].get_xdata().tolist() == [1, 2, 4]
    assert lines[3].get_ydata() == pytest.approx([0.605, 0.705, 0.905])


def test_dots_have_a_row_for_each_arm_and_a_colour_for_each_series(frame):
    figure = panels.dots(frame, "arm", "series", "Title", order=("new",))
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == ["new", "none"]
    assert texts(figure) == ["logreg", "knn", "lift, s", "lift, t"]
    marks = [container.lines[0] for container in figure.axes[0].containers]
    assert [to_hex(mark.get_color()) for mark in marks] == list(panels.ARMS[:2])
    assert len(marks[0].get_xdata()) == 2
    heights = [mark.get_ydata() for mark in marks]
    assert (heights[0] > heights[1]).all(), "the series of a row lie side by side"


def test_a_row_of_one_series_lies_on_its_line(frame):
    figure = panels.dots(frame[(frame["arm"] == "none") | (frame["series"] == "s")], "arm", "series", "Title")
    mark = figure.axes[0].containers[0].lines[0]
    assert -1.0 in mark.get_ydata().tolist()


@pytest.mark.parametrize("keep", ["logreg", "lift"])
def test_figures_without_lift_or_without_others(frame, keep, tmp_path):
    part = frame[frame["method"] == keep]
    panels.curves(part, "x", "arm", "A title that is longer than the figure would be wide", "rows").savefig(
        tmp_path / "curves.png"
    )
    panels.dots(part, "arm", "series", "Title").savefig(tmp_path / "dots.png")
