"""Figures with a row of panels per data set: what they hold is what the frame says."""

import numpy as np
import pandas as pd
import pytest

from utils.plots import LIFT_COLOUR, diagrams


@pytest.fixture
def frame():
    rows = [(d, m, x, s) for d in ("a", "b") for m in ("knn", "lift") for x in (1, 2, 4) for s in (0, 1)]
    frame = pd.DataFrame(rows, columns=["dataset", "method", "x", "seed"])
    return frame.assign(score=frame["x"] + frame["seed"], other=np.where(frame["method"] == "knn", np.nan, 1.0))


def saved(figure, path):
    figure.savefig(path)
    assert path.stat().st_size > 1000


def test_lines_show_means_and_leave_out_what_is_not_measured(frame, tmp_path):
    figure = diagrams.lines(frame, "x", {"score": "a score", "other": "another"}, "t", "x", log=True, ideal="score")
    saved(figure, tmp_path / "lines.png")
    assert len(figure.axes) == 4
    first, second = figure.axes[:2]
    assert [bars.get_label() for bars in second.containers] == ["lift"]
    lift = next(bars for bars in first.containers if bars.get_label() == "lift")
    assert lift.lines[0].get_ydata().tolist() == [1.5, 2.5, 4.5]
    assert lift.lines[0].get_color() == LIFT_COLOUR


def test_changes_go_from_before_to_after(frame, tmp_path):
    figure = diagrams.changes(frame.assign(other=3.0), {"error": ("score", "other")}, "t", ("raw", "scaled"))
    saved(figure, tmp_path / "changes.png")
    before, after = (points.get_offsets() for points in figure.axes[0].collections[1:])
    assert before[:, 0].tolist() == pytest.approx([17 / 6] * 2)
    assert after[:, 0].tolist() == [3.0, 3.0]
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == ["lift", "knn"]


def test_a_heat_map_writes_its_numbers_and_marks_a_column(tmp_path):
    cells = pd.DataFrame({"knn": [0.123, np.nan], "lift": [1.0, -0.2]}, index=["tree", "svm"])
    figure = diagrams.heat_map(cells, "t", "kappa")
    saved(figure, tmp_path / "map.png")
    axes = figure.axes[0]
    assert {text.get_text() for text in axes.texts} == {"0.12", "–", "1.00", "-0.20"}
    assert [tick.get_color() == LIFT_COLOUR for tick in axes.get_xticklabels()] == [False, True]
    saved(diagrams.heat_map(cells * np.nan, "t", "kappa"), tmp_path / "empty.png")


def test_reliability_has_a_panel_for_each_data_set_and_method(tmp_path):
    bins = pd.DataFrame({"confidence": [0.6, 0.9], "accuracy": [0.5, 1.0], "n": [3, 7]})
    rows = [("a", "knn", bins, bins), ("a", "lift", bins, bins), ("b", "lift", bins, bins.head(1))]
    figure = diagrams.reliability(pd.DataFrame(rows, columns=["dataset", "method", "before", "after"]), "t")
    saved(figure, tmp_path / "reliability.png")
    assert [len(axes.collections) for axes in figure.axes] == [2, 2, 0, 2]
