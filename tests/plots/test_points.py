"""Points: what they hold is what the frame says, and LIFT stands out."""

import pandas as pd
import pytest
from matplotlib.colors import to_hex

from utils import plots


def texts(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def names(axes):
    return [tick.get_text() for tick in axes.get_yticklabels()]


def marks(figure):
    return [container.lines[0] for container in figure.axes[0].containers]


def test_changes_go_from_before_to_after(frame, tmp_path):
    figure = plots.changes(frame.assign(other=3.0), {"error": ("score", "other")}, "t", ("raw", "scaled"))
    figure.savefig(tmp_path / "changes.png")
    before, after = (points.get_offsets() for points in figure.axes[0].collections[1:])
    assert before[:, 0].tolist() == pytest.approx([17 / 6] * 2)
    assert after[:, 0].tolist() == [3.0, 3.0]
    assert names(figure.axes[0]) == ["lift", "knn"]


def test_two_models_of_lift_have_points_each_and_no_common_mean(frame, arms, with_models):
    frame, arms = with_models(frame), with_models(arms)
    figure = plots.changes(frame.assign(other=3.0), {"error": ("score", "other")}, "t", ("raw", "scaled"))
    assert names(figure.axes[0]) == ["lift smollm2", "lift lift-tiny", "knn"]
    before = figure.axes[0].collections[1].get_offsets()
    assert before[:, 0].tolist() == pytest.approx([17 / 6 + 1, 17 / 6, 17 / 6])
    figure = plots.arm_points(arms, "arm", "series", "Title")
    assert texts(figure)[2:] == ["lift, s lift-tiny", "lift, t lift-tiny", "lift, s smollm2", "lift, t smollm2"]
    figure = plots.arm_costs(arms, "arm", {"accuracy": "accuracy"}, "Title", order=("new", "none"))
    assert names(figure.axes[0]) == ["new lift-tiny", "new smollm2", "none lift-tiny", "none smollm2"]
    figure = plots.zones(frame.assign(inside=frame["score"]), {"inside": "inside the range"}, "t", "error")
    assert names(figure.axes[0]) == ["lift smollm2", "lift lift-tiny", "knn"]
    rows = arms[arms["method"] == "lift"].assign(seconds_predict=1.0)
    figure = plots.costs(rows, "arm", "t", "accuracy")
    assert texts(figure) == ["none lift-tiny", "new lift-tiny", "none smollm2", "new smollm2"]


def test_reliability_has_a_panel_for_each_data_set_and_method(tmp_path):
    bins = pd.DataFrame({"confidence": [0.6, 0.9], "accuracy": [0.5, 1.0], "n": [3, 7]})
    rows = [("a", "knn", bins, bins), ("a", "lift", bins, bins), ("b", "lift", bins, bins.head(1))]
    figure = plots.reliability(pd.DataFrame(rows, columns=["dataset", "method", "before", "after"]), "t")
    figure.savefig(tmp_path / "reliability.png")
    assert [len(axes.collections) for axes in figure.axes] == [2, 2, 0, 2]


def test_arms_have_a_row_each_and_a_colour_for_each_series(arms):
    figure = plots.arm_points(arms, "arm", "series", "Title", order=("new",))
    assert names(figure.axes[0]) == ["new", "none"]
    assert texts(figure) == ["logreg", "knn", "lift, s", "lift, t"]
    assert [to_hex(mark.get_color()) for mark in marks(figure)] == list(plots.ARMS[:2])
    assert len(marks(figure)[0].get_xdata()) == 2
    heights = [mark.get_ydata() for mark in marks(figure)]
    assert (heights[0] > heights[1]).all(), "the series of a row lie side by side"


def test_an_arm_of_one_series_lies_on_its_line(arms):
    figure = plots.arm_points(arms[(arms["arm"] == "none") | (arms["series"] == "s")], "arm", "series", "Title")
    assert -1.0 in marks(figure)[0].get_ydata().tolist()


@pytest.mark.parametrize(
    "draw",
    [
        lambda frame: plots.arm_points(frame, "arm", "series", "Title"),
        lambda frame: plots.arm_costs(frame, "arm", {"accuracy": "accuracy", "x": "x"}, "Title", log=["x"]),
    ],
)
def test_without_lift_the_other_learners_are_the_rows_and_a_panel_without_lift_says_so(arms, draw, tmp_path):
    others = arms[arms["method"] != "lift"]
    figure = draw(others)
    assert names(figure.axes[0]) == ["logreg", "knn"]
    assert marks(figure)[0].get_xdata() == pytest.approx([0.5 + 0.7 / 3 + 0.005] * len(marks(figure)[0].get_xdata()))
    assert to_hex(marks(figure)[0].get_color()) != plots.LIFT_COLOUR
    figure = draw(arms[(arms["method"] != "lift") | (arms["dataset"] == "a")])
    figure.savefig(tmp_path / "one.png")
    said = [[text.get_text() for text in axes.texts] for axes in figure.axes]
    assert said[0] == []
    assert said[-1] == ["no row of LIFT"]
    draw(arms[arms["method"] == "lift"]).savefig(tmp_path / "alone.png")


def test_costs_of_arms_are_means_of_lift_and_lines_of_others(arms):
    figure = plots.arm_costs(arms, "arm", {"accuracy": "accuracy", "x": "cost"}, "Title", order=("new",), log=["x"])
    assert [axes.get_xscale() for axes in figure.axes] == ["linear", "log"] * 2
    assert texts(figure) == ["logreg", "knn", "lift"]
    assert len(figure.axes[0].lines) == 4, "two lines of others, two arms"
    assert marks(figure)[0].get_xdata() == pytest.approx([0.5 + 0.7 / 3 + 0.005])


def test_zones_join_two_errors_and_panels_have_words(cases):
    figure = plots.zones(cases.assign(more=2 * cases["score"]), {"score": "in", "more": "out"}, "t", "error")
    assert [axes.get_title() for axes in figure.axes[:2]] == ["cosine, from -150 to 150", "linear, whole numbers"]
    assert figure.axes[0].lines[0].get_xdata() == pytest.approx([17 / 6, 17 / 3])
