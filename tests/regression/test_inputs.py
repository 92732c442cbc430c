"""Functions under other inputs: options after names, grids and their zones, floors of number formats, pictures."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from regression import _grids, dimensions, extrapolation, interpolation, number_types, sample_size, surfaces
from tests.doubles import NearestRow
from utils import metrics, plots, reporting, study
from utils.errors import UnknownName, UserError
from utils.estimators import LIFT
from utils.prompts import Template
from utils.results import Results
from utils.study.runner import Case, Runner
from utils.tables import synthetic

SCRIPTS = (dimensions, extrapolation, interpolation, number_types, sample_size, surfaces)


def answers(split, values):
    """As a trial hands them to its measures: the test rows' answers, then the queries'."""
    return pd.DataFrame({"parsed": [*split.y_test, *values]}, dtype=object)


def run(script, tmp_path, **flags):
    """The results of a script with classical learners, its pictures and tables drawn."""
    config = script.Config(results_dir=tmp_path, workers=1, **flags)
    results = Results(tmp_path, "regression", script.__name__.rpartition(".")[2])
    assert Runner(config, script.build, results).run(script.cases(config)) == 0
    reporting.write(results, script.figure)
    if hasattr(script, "finish"):
        script.finish(results)
    return results


# ---- options after names ---------------------------------------------------------------------------------------------


def test_options_are_put_after_the_name_of_a_function():
    assert synthetic.table("cosine:n=50", "p=5", "integer=0").name == "cosine:p=5,n=50"
    assert synthetic.table("linear", "lo=-150,hi=150", "hi=150").options.hi == 150
    assert synthetic.without("cosine:p=5,n=50,noise=0.2", "n", "p") == "cosine:noise=0.2"
    with pytest.raises(UserError, match="given twice"):
        synthetic.table("cosine:p=2", "p=5")
    with pytest.raises(UserError, match="diabetes is not one of the functions"):
        synthetic.table("diabetes", "p=5")
    with pytest.raises(UnknownName, match="no option 'q=5'"):
        synthetic.table("cosine", "q=5")


def test_options_of_lift_go_before_the_flags_and_the_recipe():
    config = dimensions.Config(numbers="scaled", levels=100, retries=1)
    trial = study.trial(Case("linear", "lift:levels=20,decoding=greedy,jitter=0.5", 3), config, "regression")
    assert trial.learner.template == {"numbers": "scaled", "levels": 20}
    assert (trial.learner.decoding, trial.learner.jitter, trial.learner.retries) == ("greedy", 0.5, 1)
    assert trial.learner.random_state == 3
    assert "levels=20" in trial.learner.options()
    plain = study.trial(Case("linear", "lift", 3), config, "regression")
    assert plain.learner.template["levels"] == 100
    assert plain.key(3, {}) != trial.key(3, {})


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("lift:level=20", "no option 'level=20'; have wording="),
        ("lift:levels", "no option 'levels'"),
        ("lift:levels=few", "'levels=few' is not valid; levels= takes a whole number"),
        ("lift:levels=20,levels=30", "'levels' is given twice"),
        ("gp:levels=20", "gp takes no options"),
        ("gpp", "no method 'gpp'"),
    ],
)
def test_bad_options_of_methods_are_refused(method, said):
    with pytest.raises(UserError, match=said):
        study.trial(Case("linear", method, 0), dimensions.Config(), "regression")


# ---- grids and zones -------------------------------------------------------------------------------------------------


def test_the_grid_reaches_beyond_the_range_and_knows_its_zones():
    domain = _grids.over("linear:hole=1", 41, 0.5)
    assert domain.axis[[0, -1]].tolist() == [-20, 20]
    assert domain.truth() == pytest.approx(0.9 * np.linspace(-20, 20, 41))
    assert dict(zip(*np.unique(domain.zones(), return_counts=True), strict=True)) == {
        "inside": 14,  # -10 … -4 and 4 … 10
        "hole": 7,
        "outside": 20,
    }
    assert _grids.over("linear", 41, 0.5).hole() is None


def test_two_inputs_make_a_square_and_whole_inputs_whole_points():
    domain = _grids.over("l1norm:p=2,hole=1", 13, 0.1)
    assert list(domain.frame().columns) == ["x1", "x2"]
    square = domain.grid().square(domain.zones())
    assert square[6, 6] == "hole"
    assert square[6, 1] == "inside"  # only one of the two coordinates lies in the middle third
    assert (square[0] == "outside").all()
    whole = _grids.over("linear:integer=1,lo=0,hi=4", 100, 0.25)
    assert whole.axis.tolist() == [-1, 0, 1, 2, 3, 4, 5]
    assert whole.frame()["x1"].dtype == "int64"


@pytest.mark.parametrize(
    ("name", "size", "widen"), [("linear:p=3", 9, 0.0), ("iris", 9, 0.0), ("linear", 1, 0.0), ("linear", 9, -0.1)]
)
def test_what_makes_no_grid_is_refused(name, size, widen):
    with pytest.raises(UserError):
        _grids.over(name, size, widen)


def test_errors_of_known_answers():
    domain, split = _grids.over("linear:hole=1", 401, 0.5), synthetic.load("linear:hole=1").split(0)
    measures = domain.measures(split, _grids.ZONES)
    assert list(measures) == ["grid_rae", "grid_rae_hole", "grid_rae_outside"]
    truth, zones = domain.truth(), domain.zones()
    assert [measure(answers(split, truth)) for measure in measures.values()] == [0, 0, 0]
    unit = np.abs(truth[zones != "outside"]).mean()  # the mean of the linear function is 0
    off = [measure(answers(split, truth + 2)) for measure in measures.values()]
    assert off == pytest.approx([2 / unit] * 3)
    wrong = np.where(zones == "hole", truth + 1, truth)
    assert [measure(answers(split, wrong)) for measure in measures.values()] == pytest.approx([0, 1 / unit, 0])
    mean = [measure(answers(split, np.full(len(truth), split.y_train.mean()))) for measure in measures.values()]
    assert [measure(answers(split, [None] * len(truth))) for measure in measures.values()] == mean
    assert mean[2] == pytest.approx(3, abs=0.1)  # |x| is 15 on average outside, and 5 inside


def test_without_a_hole_the_error_inside_is_the_rae():
    domain, split = _grids.over("cosine", 101, 0.0), synthetic.load("cosine").split(0)
    guess = np.random.default_rng(0).normal(size=101)
    expected = metrics.regression(domain.truth(), guess, fill=0)["rae"]
    measures = domain.measures(split, ("inside", "outside"))
    assert measures["grid_rae"](answers(split, guess)) == pytest.approx(expected)
    assert np.isnan(measures["grid_rae_outside"](answers(split, guess)))


# ---- floors ----------------------------------------------------------------------------------------------------------


def test_the_floor_of_a_number_format():
    y = np.linspace(-9, 9, 181)
    X = pd.DataFrame({"x": y})
    floors = [
        metrics.writing_error(Template("regression", numbers="scaled", levels=n).fit(X, y), y) for n in (2, 20, 400)
    ]
    assert floors == sorted(floors, reverse=True)
    step = 18 * 1.1 / 19  # the range is widened by 5 % at each end
    assert floors[1] == pytest.approx(step / 4 / 4.5, rel=0.1)  # a quarter of a step, over the mean deviation
    assert metrics.writing_error(Template("regression").fit(X, y), y) == pytest.approx(0, abs=1e-12)
    rough = Template("regression", numbers="significant", digits=1).fit(X, y)
    assert metrics.writing_error(rough, [1.25, 2.75]) == pytest.approx((0.25 + 0.25) / 1.5)


def test_the_floor_is_that_of_the_template_lift_was_fitted_with():
    config = number_types.Config()
    trial = number_types.build(Case("linear:integer=1", "lift:numbers=scaled,levels=20", 0), config)
    trial.learner.set_params(model=NearestRow(), adapter="full", epochs=1)
    row, _ = trial.run()
    learner = trial.learner
    assert learner.template_.levels == 20
    expected = metrics.writing_error(learner.template_, trial.split.y_test)
    assert row["floor"] == pytest.approx(expected, rel=1e-5)
    assert 0 < row["floor"] <= row["rae"]
    assert number_types.build(Case("linear", "mean", 0), config).run()[0]["floor"] == 0


# ---- the scripts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_every_method_gets_the_same_rows_and_questions(script):
    config = script.Config()
    built = [(case, script.build(case, config)) for case in script.cases(config)]
    assert len({trial.key(case.seed, case.settings) for case, trial in built}) == len(built)
    assert len({tuple(case.settings) for case, _ in built}) == 1
    assert len({tuple(trial.columns()) for _, trial in built}) == 1
    assert any(isinstance(trial.learner, LIFT) for _, trial in built)
    same = {}
    for case, trial in built:
        questions = None if trial.queries is None else tuple(trial.queries.to_numpy().ravel())
        place = (case.dataset, case.seed, *case.settings.values())
        same.setdefault(place, set()).add((trial.split.fingerprint(), questions))
    assert all(len(found) == 1 for found in same.values())


def test_no_training_row_lies_in_the_hole_and_questions_do():
    config = interpolation.Config(datasets=("quadratic",))
    trial = interpolation.build(next(interpolation.cases(config)), config)
    third = 20 / 6
    assert (trial.split.X_train["x1"].abs() > third).all()
    assert (trial.split.X_validation["x1"].abs() > third).all()
    assert (trial.queries["x1"].abs() < third).any()


def test_fewer_rows_are_among_the_more():
    config = sample_size.Config(
        datasets=("cosine:n=100",), methods=("knn",), seeds=(1,), rows=(4, 20, 500), shares=(0.5,)
    )
    trials = [sample_size.build(case, config) for case in sample_size.cases(config)]
    rows = [set(trial.split.X_train.index) for trial in trials]
    assert list(map(len, rows)) == [4, 20, 50]
    assert rows[0] < rows[1] < rows[2]
    assert len({tuple(trial.split.y_test) for trial in trials}) == 1


def test_the_break_is_the_fewest_inputs_that_are_too_many(tmp_path):
    results = run(dimensions, tmp_path, datasets=("linear:n=50",), methods=("mean", "knn"), inputs=(1, 2))
    breaks = pd.read_csv(results.sibling("_breaks.csv"), index_col="method")
    assert breaks["linear:n=50"].to_dict() == {"mean": "1", "knn": "above 2"}


def test_beyond_the_range_the_mean_is_worse_and_the_picture_shows_it(tmp_path):
    flags = {"datasets": ("linear", "quadratic:p=2,n=50"), "methods": ("mean", "knn"), "points": 21}
    results = run(extrapolation, tmp_path, **flags)
    frame = results.frame().set_index(["dataset", "method"])
    assert frame.loc[("linear", "mean"), "grid_rae"] == pytest.approx(1, abs=0.05)
    assert (frame["grid_rae_outside"] > frame["grid_rae"]).all()
    assert results.sibling("_curves.png").stat().st_size > 1000  # of one input
    assert results.sibling("_surfaces.png").stat().st_size > 1000  # of two
    cells = _grids.answered(results).set_index(["dataset", "method"])
    assert len(set(cells.loc[("linear", "mean"), "values"])) == 1
    assert len(cells.loc[("quadratic:p=2,n=50", "knn"), "values"]) == 21 * 21


# ---- pictures --------------------------------------------------------------------------------------------------------


@pytest.fixture
def cells():
    rows = []
    for name in ("linear:p=2,n=20", "cosine:p=2,n=20"):
        domain, split = _grids.over(name, 8, 0.1), synthetic.load(name).split(0)
        for method, factor in (("lift", 0.5), ("gp", 30.0)):
            facts = {"dataset": name, "method": method, "domain": domain, "values": factor * domain.truth()}
            rows.append(facts | {"X_train": split.X_train.to_numpy(), "y_train": split.y_train.to_numpy()})
    return pd.DataFrame(rows)


def test_the_maps_of_a_row_share_the_colours_of_the_truth(cells):
    figure = _grids.surfaces(cells, "title")
    maps = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in maps[:3]] == ["truth", "gp", "lift"]
    for row, name in ((maps[:3], "linear:p=2,n=20"), (maps[3:], "cosine:p=2,n=20")):
        truth = _grids.over(name, 8, 0.1).truth()
        assert {axes.images[0].get_clim() for axes in row} == {(truth.min(), truth.max())}
        assert np.array_equal(row[0].images[0].get_array(), truth.reshape(8, 8))
        assert np.array_equal(row[2].images[0].get_array(), 0.5 * truth.reshape(8, 8))


def test_curves_show_the_truth_and_shade_the_range():
    split, domain = synthetic.load("linear:hole=1").split(0), _grids.over("linear:hole=1", 41, 0.5)
    facts = {"dataset": "linear:hole=1", "domain": domain, "X_train": split.X_train.to_numpy()}
    facts |= {"y_train": split.y_train.to_numpy(), "method": "lift", "values": np.full(41, np.nan)}
    axes = _grids.curves(pd.DataFrame([facts]), "title").axes[0]
    drawn = {line.get_label(): line for line in axes.lines}
    assert drawn["truth"].get_ydata() == pytest.approx(domain.truth())
    assert drawn["lift"].get_color() == plots.LIFT_COLOUR
    shaded = sorted(
        patch.get_extents().transformed(axes.transData.inverted()).intervalx.tolist() for patch in axes.patches
    )
    assert np.ravel(shaded) == pytest.approx([-10, -10 / 3, 10 / 3, 10])


def test_floors_stand_in_the_rows_of_their_learners(tmp_path):
    config = SimpleNamespace(datasets=("cosine", "linear"), methods=("mean", "knn"))
    results = run(number_types, tmp_path, datasets=config.datasets, methods=config.methods, integers=(0,))
    frame = results.frame()
    frame["floor"] = frame["floor"].mask(frame["method"] == "knn", 0.01)
    figure = plots.scores(frame, "t", "l", floor="floor")
    axes = figure.axes[0]
    ticks = next(line for line in axes.lines if line.get_label().startswith("floor"))
    assert ticks.get_xdata().tolist() == [0.01] * 4
    points = next(bars for bars in axes.containers if bars.get_label() == "knn")[0]
    assert sorted(ticks.get_ydata()) == pytest.approx(sorted(points.get_ydata()))
    assert len(figure.legends) == 1
