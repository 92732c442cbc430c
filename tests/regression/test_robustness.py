"""Outliers, noise, intervals, epochs and published numbers: what the regression experiments on robustness stand on."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from regression import _learning_curves, _uncertainty, decoding, learning_curves, noise, outliers, real, uncertainty
from regression._uncertainty import COVERAGES, MEASURES, Predictive
from tests.doubles import NearestRow
from utils import baselines, metrics, study
from utils.baselines.regressors import QUANTILES, MedianKNN, QuantileBoosting, gbt_huber
from utils.errors import CannotDo, UnknownName, UserError
from utils.estimators import LIFTRegressor
from utils.reporting import published
from utils.tables import synthetic
from utils.tables.splits import Split

pytestmark = pytest.mark.filterwarnings(
    "ignore::utils.estimators.base.CollisionWarning"
)  # some of a few levels are shared
LEVELS = {"wording": "compact", "numbers": "scaled", "levels": 50}


def rae(truth, answers):
    return np.abs(truth - answers).sum() / np.abs(truth - truth.mean()).sum()


def normal(mean, sd):
    """The predictive distribution of normal beliefs."""
    return Predictive(mean[:, None] + sd[:, None] * stats.norm.ppf(QUANTILES), sd)


# ---- robust learners ------------------------------------------------------------------------------------------------


def test_the_median_of_neighbours_does_not_see_one_absurd_target():
    X, y = np.arange(6.0)[:, None], np.array([0.0, 1, 2, 1000, 4, 5])
    model = MedianKNN(3).fit(X, y)
    assert model.predict([[1.0], [3.1]]).tolist() == [1, 4]
    assert MedianKNN(5).fit(X[:2], y[:2]).predict([[9.0]]) == [0.5]  # fewer rows than neighbours


def test_robust_learners_bear_a_fifth_of_outliers():
    split = synthetic.load("linear:outliers=0.2").split(0)
    pairs = (split.X_train, split.y_train, (split.X_validation, split.y_validation))
    plain, robust = (
        rae(split.y_test, baselines.regressor(name, 0).fit(*pairs).predict(split.X_test))
        for name in ("knn", "median_knn")
    )
    assert plain > 0.5
    assert robust < 0.2
    boosting = gbt_huber(SimpleNamespace(seed=0), alpha=0.5, leaf=9).fit(split.X_train, split.y_train)
    assert rae(split.y_test, boosting.predict(split.X_test)) < 0.15


def test_boosted_quantiles_do_not_cross_and_widen_with_the_noise():
    rng = np.random.default_rng(0)
    X = rng.uniform(0, 1, (400, 1))
    model = QuantileBoosting(leaf=20, seed=0).fit(X, X[:, 0] * rng.standard_normal(400))
    quantiles = model.predict_quantiles(X)
    assert quantiles.shape == (400, len(QUANTILES))
    assert (np.diff(quantiles, axis=1) >= 0).all()
    assert len(model.predict(X)) == 400
    width = np.ptp(quantiles, axis=1)
    assert width[X[:, 0] > 0.8].mean() > 3 * width[X[:, 0] < 0.2].mean()


# ---- noise that grows with the inputs -------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [1, 3])
def test_growing_noise_is_the_usual_noise_times_a_known_factor(p):
    plain, growing = (synthetic.load(f"cosine:p={p}{more}") for more in ("", ",hetero=1"))
    a, b = plain.split(5), growing.split(5)
    assert a.X_train.equals(b.X_train)
    assert a.y_test.equals(b.y_test)
    for part in ("train", "validation"):
        X = getattr(a, f"X_{part}")
        truth = synthetic.function("cosine", X)
        factor = (getattr(b, f"y_{part}") - truth) / (getattr(a, f"y_{part}") - truth)
        assert factor.to_numpy() == pytest.approx(0.2 + 1.6 * (X.mean(axis=1) + 10) / 20)


def test_the_sd_of_the_noise_is_told():
    table = synthetic.load("linear:noise=0.4,n=5000")
    split = table.split(1)
    noise_sd = table.noise_sd(split.X_train, 1)
    assert np.ptp(noise_sd) == 0
    residuals = split.y_train - synthetic.function("linear", split.X_train)
    assert residuals.std() == pytest.approx(noise_sd[0], rel=0.05)
    ends = synthetic.load("linear:noise=0.4,n=5000,hetero=1").noise_sd([[-10.0], [0.0], [10.0]], 1)
    assert ends == pytest.approx(noise_sd[0] * np.array([0.2, 1.0, 1.8]))
    with pytest.raises(UserError, match="hetero is 2"):
        synthetic.load("linear:hetero=2")


# ---- intervals ------------------------------------------------------------------------------------------------------


def test_crps_of_known_distributions():
    sure = np.repeat([[1.0], [-2.0]], len(QUANTILES), axis=1)
    assert metrics.crps(sure, QUANTILES, np.array([4.0, -2.5])) == pytest.approx([3, 0.5])  # the absolute error
    standard = np.repeat([stats.norm.ppf(QUANTILES)], 3, axis=0)
    y = np.array([0.0, 1.0, -1.0])
    exact = y * (2 * stats.norm.cdf(y) - 1) + 2 * stats.norm.pdf(y) - 1 / np.sqrt(np.pi)
    assert metrics.crps(standard, QUANTILES, y) == pytest.approx(exact, rel=0.06)


def test_intervals_and_spread_of_a_normal_belief():
    belief = normal(np.array([1.0, 2.0]), np.array([1.0, 3.0]))
    assert belief.interval(0.9)[0] == pytest.approx([1 - 1.645, 1 + 1.645], abs=1e-3)
    assert belief.spread() == pytest.approx([1, 3])
    assert _uncertainty.coverage(np.array([[0, 1], [0, 1], [0, 1.0]]), np.array([1.0, 2.0, 0.5])) == pytest.approx(
        2 / 3
    )


def test_conformal_widening_by_hand():
    y = np.arange(1.0, 10)  # nine rows, each as far above its interval [0, 0] as its number
    ends = np.zeros((9, 2))
    outside = _uncertainty.nonconformity(ends, y)
    assert metrics.conformal_bound(outside, 0.8) == 8  # the eighth of nine: ceil(10 · 0.8)
    assert metrics.conformal_bound(outside, 0.9) == 9
    assert metrics.conformal_bound(outside, 0.95) == np.inf  # nine rows cannot promise that
    inside = _uncertainty.nonconformity(np.array([[-3.0, 3.0]] * 4), np.zeros(4))
    assert metrics.conformal_bound(inside, 0.8) == -3  # too wide: narrowed


@pytest.mark.parametrize("factor", [0.3, 1.0, 4.0])
def test_calibrated_intervals_hold_what_they_promise(factor):
    """Beliefs whose sd is wrong by a factor: calibration mends the coverage and leaves the order of the spreads."""
    rng = np.random.default_rng(1)
    sd = rng.uniform(0.5, 2, 8000)
    y = sd * rng.standard_normal(8000)
    test, held_out = normal(np.zeros(4000), factor * sd[:4000]), normal(np.zeros(4000), factor * sd[4000:])
    found = _uncertainty.scores(test, y[:4000], sd[:4000], held_out, y[4000:])
    assert tuple(found) == MEASURES
    for share in COVERAGES:
        percent = f"{100 * share:g}"
        assert found[f"conformal_coverage_{percent}"] == pytest.approx(share, abs=0.02)
        if factor == 1:
            assert found[f"coverage_{percent}"] == pytest.approx(share, abs=0.02)
    assert found["coverage_90"] < 0.5 or factor > 0.3
    assert found["coverage_90"] > 0.99 or factor < 4
    assert found["spearman"] == pytest.approx(1)
    assert found["sd_pearson"] == pytest.approx(1)
    assert [found[f"spread_{i}"] / found[f"noise_{i}"] for i in range(1, 6)] == pytest.approx([factor] * 5)
    right = _uncertainty.scores(normal(np.zeros(4000), sd[:4000]), y[:4000], sd[:4000], held_out, y[4000:])
    assert right["crps"] <= found["crps"]


def test_a_constant_spread_has_no_correlation():
    flat = normal(np.zeros(6), np.ones(6))
    found = _uncertainty.scores(flat, np.zeros(6), np.arange(1.0, 7), flat, np.zeros(6))
    assert all(np.isnan(found[name]) for name in ("spearman", "pearson", "sd_spearman", "sd_pearson"))
    assert found["conformal_width_95"] == np.inf


def test_beliefs_of_the_process_and_of_boosting():
    split = synthetic.load("linear:noise=0.3").split(0)
    pairs = (split.X_train, split.y_train, (split.X_validation, split.y_validation))
    process = baselines.regressor("gp", 0).fit(*pairs)
    belief = _uncertainty.predict(process, split.X_test)
    assert belief.quantiles[:, QUANTILES.index(0.5)] == pytest.approx(process.predict(split.X_test))
    noise_sd = synthetic.load("linear:noise=0.3").noise_sd(split.X_test, 0)
    assert belief.sd == pytest.approx(noise_sd, rel=0.25)  # in the target's units, noise included
    with pytest.raises(CannotDo, match="knn predicts numbers without uncertainty; have lift, gp"):
        _uncertainty.predict(baselines.regressor("knn", 0).fit(*pairs), split.X_test)


def fitted(**parameters):
    split = synthetic.load("linear:n=40").split(0)
    model = LIFTRegressor(model=NearestRow(), template=LEVELS, epochs=1, **parameters)
    return model.fit(split.X_train, split.y_train, (split.X_validation, split.y_validation)), split


def test_beliefs_of_lift_from_levels_and_from_draws():
    exact, split = fitted(decoding="median")
    belief = _uncertainty.predict(exact, split.X_test)
    assert belief.quantiles[:, QUANTILES.index(0.5)] == pytest.approx(exact.predict(split.X_test))
    assert belief.sd == pytest.approx(exact.predict(split.X_test, return_std=True)[1])
    drawn, split = fitted(decoding="median", samples=4)  # this double draws the same answer four times
    belief = _uncertainty.predict(drawn, split.X_test)
    assert belief.quantiles == pytest.approx(np.repeat(drawn.predict(split.X_test)[:, None], len(QUANTILES), axis=1))
    assert (belief.sd == 0).all()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"template": {"numbers": "paper"}, "decoding": "greedy"}, "no levels .* --numbers scaled"),
        ({"samples": 1, "decoding": "mean"}, "two or more"),
        ({"samples": 20, "decoding": "greedy"}, "--decoding median"),
    ],
)
def test_learners_without_a_distribution_are_told_before_training(parameters, message):
    with pytest.raises(CannotDo, match=message):
        LIFTRegressor(**parameters).check_uncertainty()


# ---- epochs ---------------------------------------------------------------------------------------------------------


def test_a_double_that_memorises_is_seen_to_memorise():
    split = synthetic.load("linear:n=40").split(0)
    plain = LIFTRegressor(model=NearestRow(), template=LEVELS, decoding="greedy", epochs=3, jitter=0.0)
    model = _learning_curves.watched(plain, split)
    model.fit(split.X_train, split.y_train, (split.X_validation, split.y_validation))
    looks = model.looks()
    assert looks["epoch"].tolist() == [1, 2, 3]
    assert (looks["recited"] == 1).all()
    assert (looks["loss_train"] == 0).all()  # the double is sure of what it has seen
    assert looks["rae_train"].max() < 0.05  # what the levels leave of the targets
    assert looks["rae_test"].iloc[-1] == pytest.approx(rae(split.y_test, model.predict(split.X_test)))
    measured = {name: measure(None) for name, measure in _learning_curves.measures(model, (1, 5)).items()}
    assert measured["loss_test_e1"] == looks["loss_test"].iloc[0]
    assert np.isnan(measured["loss_test_e5"])
    assert measured["epoch_by_rae"] == 1
    assert 0 < measured["recited_truth"] < 1
    row = {"dataset": "linear", "rate": 1e-3, "jitter": "none", "seed": 0, **measured}
    curves = _learning_curves.curves(pd.DataFrame([row]))
    assert curves[["epoch", "loss_test", "recited"]].to_numpy().tolist() == [[1, measured["loss_test_e1"], 1]]


def test_watching_changes_nothing_and_needs_epochs():
    split = synthetic.load("linear").split(0).limit(20)
    plain = LIFTRegressor(epochs=3, jitter=0.01)
    model = _learning_curves.watched(plain, split)
    for learner in (plain, model):
        learner.fit(split.X_train, split.y_train, (split.X_validation, split.y_validation))
    np.testing.assert_array_equal(plain.predict(split.X_test), model.predict(split.X_test))
    looks = model.looks()
    assert len(looks) == 3
    assert looks.loc[looks["epoch"] == model.best_epoch_, "rae_test"].item() == pytest.approx(
        rae(split.y_test, model.predict(split.X_test)), rel=1e-4
    )
    assert model.settings()["target_jitter"] > 0
    assert _learning_curves.watched(LIFTRegressor(jitter=0.0), split).settings()["target_jitter"] == 0
    with pytest.raises(UserError, match="--epochs 1 or more"):
        _learning_curves.watched(LIFTRegressor(epochs=0), split)


# ---- published numbers ----------------------------------------------------------------------------------------------


def test_published_rows_have_our_names_and_their_settings():
    frame = published.published_rows("E10-outliers").set_index(["dataset", "method"])
    assert frame.loc[("linear", "polynomial"), "value"] == 0.146
    assert frame.loc[("cosine", "lift"), "value"] == 0.489
    assert set(frame["outliers"]) == {"4of200"}


def test_published_errors_of_real_tables():
    frame = published.real_tables().set_index(["dataset", "method", "fraction", "names"])
    assert frame.loc[("CCPP", "lift", 1.0, "no"), ["paper", "paper_filtered"]].tolist() == [0.215, 0.181]
    assert frame.loc[("Servo", "kernel_ridge", 0.2, "no"), "paper"] == 0.949
    assert frame.loc[("Student", "lift", 1.0, "yes"), "paper_filtered"] == 0.30
    assert frame.index.is_unique
    assert ("CCPP", "lift", 0.8, "no") not in frame.index  # that file holds 60 %


# ---- what the scripts vary ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("share", "n"), [(0.0, 0), (0.02, 4), (0.2, 50)])
def test_outliers_are_spread_among_the_rows_and_none_is_lost(share, n):
    config = outliers.Config(shares=(share,), signs=("positive", "both"), methods=("knn",), datasets=("linear",))
    cases = list(outliers.cases(config))
    assert len({case.dataset for case in cases}) == (2 if share else 1)
    rows = outliers.build(cases[0], config).split
    assert sorted(rows.y_train) == sorted(synthetic.load(cases[0].dataset).split(0).y_train)
    few = outliers.build(cases[0], outliers.Config(limit=20)).split
    wrong = (few.y_train - synthetic.function("linear", few.X_train)).abs() > 2
    assert (len(few.y_train), wrong.any()) == (20, n > 0)


def test_the_noise_floor_is_that_of_the_function_itself():
    trial = noise.build(study.Case("linear:noise=0.4", "mean", 3), noise.Config())
    truth = trial.split.y_test
    found = {name: measure(pd.DataFrame({"parsed": truth})) for name, measure in trial.measures.items()}
    assert found["rae_noisy"] == found["rae_truth"]
    # mean |noise| is 0.8 of its sd, and mean |y - mean(y)| of a uniform y is 0.87 of its sd
    assert found["rae_label"] == pytest.approx(0.4 * 0.798 / 0.866, rel=0.2)


def test_uncertainty_asks_only_learners_that_have_an_answer():
    config = uncertainty.Config(rows=40, datasets=("linear",), methods=("gp",))
    (case,) = uncertainty.cases(config)
    assert case.dataset == "linear:noise=0.2,n=40,hetero=1"
    assert tuple(uncertainty.build(case, config).measures) == MEASURES
    with pytest.raises(CannotDo, match="forest predicts numbers without"):
        uncertainty.build(study.Case(case.dataset, "forest", 0), config)


def test_real_tables_with_names_and_without_columns():
    config = real.Config(names=("no", "yes"), fractions=(0.2,), leave_out=("none", "age+sex"), methods=("knn", "lift"))
    trials = {(c.method, *c.settings.values()): real.build(c, config) for c in real.cases(config)}
    assert len(trials) == 6  # knn once for each choice of columns, LIFT twice
    knn = trials["knn", 0.2, "no", "age+sex"].split
    assert (len(knn.y_train), len(knn.y_test), knn.X_test.shape[1]) == (62, 67, 8)
    lifts = [trials["lift", 0.2, names, "none"] for names in ("no", "yes")]
    texts = [one.learner.training_text(one.split.X_train, one.split.y_train.to_numpy()) for one in lifts]
    assert texts[0] != texts[1]
    assert trials["lift", 0.2, "yes", "none"].learner.template == {"wording": "names", "categories": "text"}
    with pytest.raises(UserError, match="diabetes has no column G1"):
        real.build(study.Case("diabetes", "knn", 0, {"fraction": 1.0, "names": "no", "leave_out": "G1"}), config)


def test_a_real_table_has_its_own_sentence(lift_data):
    config = real.Config()
    settings = {"fraction": 1.0, "names": "yes", "leave_out": "none"}
    trial = real.build(study.Case("insurance", "lift", 0, settings), config)
    trial.check()
    template = trial.learner.unfitted_template().fit(trial.split.X_train, trial.split.y_train)
    assert all(
        any(f"lives in the {side}" in text for side in ("north", "south"))
        for text in template.prompts(trial.split.X_test)
    )


def test_every_table_of_the_full_setting_can_be_had_with_its_meanings(lift_data):
    """student is an alias, of which the columns that all but tell the target can be left out."""
    script = Path(real.__file__).with_suffix(".sh").read_text("utf-8").partition("--datasets ")[2].split()
    names = [*script[: script.index("\\")], "student"]
    assert len(names) == 5
    for name in names:
        for left, settings in (("none", real.SENTENCES), ("G1+G2", {}))[: 2 if "student" in name else 1]:
            case = study.Case(name, "lift", 0, {"fraction": 0.2, "names": "yes", "leave_out": left})
            trial = real.build(case, real.Config())
            assert trial.learner.template["wording"] == settings.get(trial.dataset, "names")
    trial.check()
    assert trial.dataset == "student-performance-por"
    assert not {"G1", "G2"} & {*trial.split.X_train}


def test_ways_of_decoding():
    config = decoding.Config(datasets=("linear",), samples=7)
    cases = list(decoding.cases(config))
    assert [case.method for case in cases].count("lift") == 6
    drawn = {case.settings["decoding"]: decoding.build(case, config).learner for case in cases}
    assert (drawn["one sample"].decoding, drawn["one sample"].samples) == ("mean", 1)
    assert (drawn["sampled median"].decoding, drawn["sampled median"].samples) == ("median", 7)
    assert (drawn["greedy"].decoding, drawn["exact median"].samples) == ("greedy", 0)
    with pytest.raises(UnknownName, match="'beam'; have 'greedy'"):
        list(decoding.cases(decoding.Config(decodings=("beam",))))


def test_learning_curves_follow_lift_only():
    with pytest.raises(UserError, match="leave --methods out"):
        list(learning_curves.cases(learning_curves.Config(methods=("lift", "gp"))))
    with pytest.raises(UserError, match="recipe and none"):
        list(learning_curves.cases(learning_curves.Config(jitters=("much",))))
    case = next(iter(learning_curves.cases(learning_curves.Config(jitters=("none",)))))
    learner = learning_curves.build(case, learning_curves.Config()).learner
    assert (learner.jitter, learner.learning_rate, learner.epochs) == (0.0, (0.002,), 100)
    assert isinstance(learner.split, Split)
