"""Lines along a setting: means, styles, axes that the panels share."""

import pytest
from matplotlib.colors import to_hex

from utils import plots


def texts(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def drawn(axes):
    return {bars.get_label(): bars.lines[0] for bars in axes.containers}


def test_lines_share_their_vertical_axis_where_they_show_one_quantity(cases):
    figure = plots.lines(cases, "x", "score", "t", "x", styles={"knn": {"linestyle": "--"}}, y_log=True)
    first, second = figure.axes[:2]
    assert [axes.get_title() for axes in (first, second)] == ["cosine, from -150 to 150", "linear, whole numbers"]
    assert drawn(first)["lift"].get_ydata().tolist() == [1.5, 2.5, 4.5]
    assert drawn(first)["knn"].get_linestyle() == "--"
    assert drawn(first)["lift"].get_linewidth() > drawn(first)["knn"].get_linewidth()
    assert first.get_yscale() == "log"
    assert first.get_ylim() == second.get_ylim()
    assert len(figure.legends) == 1
    apart = plots.lines(
        cases.assign(score=cases["score"] * (1 + (cases["dataset"] > "d"))), "x", "score", "t", "x", share_y=False
    )
    assert apart.axes[0].get_ylim() != apart.axes[1].get_ylim()


def test_score_lines_show_means_and_leave_out_what_is_not_measured(frame, tmp_path):
    scores = {"score": "a score", "other": "another"}
    figure = plots.score_lines(
        frame, "x", scores, "t", "x", log=True, ideal="score", styles={"knn": {"linestyle": "--"}}
    )
    figure.savefig(tmp_path / "lines.png")
    assert len(figure.axes) == 4
    first, second, third = figure.axes[:3]
    assert list(drawn(second)) == ["lift"]
    assert drawn(first)["lift"].get_ydata().tolist() == [1.5, 2.5, 4.5]
    assert drawn(first)["lift"].get_color() == plots.LIFT_COLOUR
    assert drawn(first)["knn"].get_linestyle() == "--"
    assert first.get_ylim() == third.get_ylim(), "the same score of two data sets"


def test_two_models_of_lift_have_a_line_each_and_no_common_mean(frame, cases, arms, with_models):
    for figure in (
        plots.lines(with_models(cases.drop(columns="n_train")), "x", "score", "t", "x"),
        plots.score_lines(with_models(frame), "x", {"score": "a score"}, "t", "x"),
    ):
        made = drawn(figure.axes[0])
        assert sorted(made) == ["knn", "lift lift-tiny", "lift smollm2"]
        assert made["lift lift-tiny"].get_ydata().tolist() == [1.5, 2.5, 4.5]
        assert made["lift smollm2"].get_ydata().tolist() == [2.5, 3.5, 5.5]
    figure = plots.arm_lines(with_models(arms), "x", "arm", "t", "x")
    assert texts(figure)[2:] == ["none lift-tiny", "new lift-tiny", "none smollm2", "new smollm2"]
    made = list(drawn(figure.axes[0]).values())[2:]
    assert [to_hex(line.get_color()) for line in made] == [*plots.ARMS[:2], *plots.ARMS[:2]]
    assert [line.get_linestyle() for line in made] == ["-", "-", "--", "--"]


@pytest.mark.parametrize("index", ["unique", "repeated"])
def test_arms_have_a_line_each_and_grey_ones_behind(arms, index):
    rows = arms if index == "unique" else arms.set_axis([0] * len(arms))
    figure = plots.arm_lines(rows, "x", "arm", "Title", "rows")
    assert [axes.get_title() for axes in figure.axes] == ["a", "b"]
    assert texts(figure) == ["logreg", "knn", "none", "new"]
    lines = list(drawn(figure.axes[0]).values())
    assert [to_hex(line.get_color()) for line in lines[2:]] == list(plots.ARMS[:2])
    assert plots.ARMS[0] == plots.LIFT_COLOUR
    assert lines[3].get_xdata().tolist() == [1, 2, 4]
    assert lines[3].get_ydata() == pytest.approx([0.605, 0.705, 0.905])


@pytest.mark.parametrize("keep", ["logreg", "lift"])
def test_arm_lines_without_lift_or_without_others_and_a_long_title(arms, keep, tmp_path):
    title = "A title that is longer than the figure would be wide " * 2
    figure = plots.arm_lines(arms[(arms["method"] == keep) & (arms["dataset"] == "a")], "x", "arm", title, "rows")
    figure.savefig(tmp_path / "curves.png")
    shown = figure._suptitle.get_window_extent()
    assert shown.x1 <= figure.bbox.x1
