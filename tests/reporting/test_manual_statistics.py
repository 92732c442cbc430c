"""The statistics that the manuals state, each computed a second time: by scipy, by hand, from the committed files."""

import math
import statistics

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from others.pretraining.marking import report
from utils import reporting
from utils.paths import ROOT
from utils.reporting import paired_differences, power_law, ranking
from utils.results import Results

SCORES = st.floats(0, 1).map(lambda score: round(score, 4))
RUNS = ROOT / "benchmarks" / "runs"


def quality(task):
    return pd.read_csv(ROOT / "benchmarks" / f"quality_{task}.csv")


@given(st.lists(st.tuples(SCORES, SCORES), min_size=2, max_size=12))
@settings(max_examples=60)
def test_paired_differences_are_those_of_a_paired_t_test(pairs):
    rows = [
        ("wine", seed, arm, score) for seed, pair in enumerate(pairs) for arm, score in zip("ab", pair, strict=True)
    ]
    rows += [("wine", 99, "a", 0.5), ("iris", 0, "b", 0.5)]  # without a partner: they count nowhere
    frame = pd.DataFrame(rows, columns=["dataset", "seed", "arm", "accuracy"]).sample(frac=1, random_state=0)
    [found] = paired_differences(frame, "arm", "a", ("dataset",)).to_dict("records")
    differences = [b - a for a, b in pairs]
    assert (found["dataset"], found["arm"], found["n"]) == ("wine", "b", len(pairs))
    assert found["difference"] == pytest.approx(statistics.mean(differences), abs=1e-12)
    assert found["sd"] == pytest.approx(statistics.stdev(differences), abs=1e-9)
    assert found["better"] == sum(b > a for a, b in pairs) / len(pairs)
    if found["sd"] > 1e-6:
        expected = stats.ttest_rel([b for _, b in pairs], [a for a, _ in pairs]).statistic
        assert found["difference"] / (found["sd"] / math.sqrt(found["n"])) == pytest.approx(expected, rel=1e-6)


def test_each_of_two_models_is_compared_with_itself():
    """Unless each arm has a model of its own, as initial weights do."""
    scores = {("lift-tiny", "none"): 0.5, ("lift-tiny", "new"): 0.6, ("smollm2", "none"): 0.9, ("smollm2", "new"): 0.7}
    rows = [("iris", "lift", model, seed, arm, score) for (model, arm), score in scores.items() for seed in (0, 1)]
    frame = pd.DataFrame(rows, columns=["dataset", "method", "model", "seed", "arm", "accuracy"])
    found = paired_differences(frame, "arm", "none", ("dataset",)).set_index("model")
    assert found["difference"].to_dict() == pytest.approx({"lift-tiny": 0.1, "smollm2": -0.2})
    assert found["n"].tolist() == [2, 2]
    more = pd.concat([frame, frame[(frame["model"] == "smollm2") & (frame["arm"] == "new")].assign(arm="newer")])
    assert paired_differences(more, "arm", "none", ("dataset",))["model"].tolist() == [
        "lift-tiny",
        "smollm2",
        "smollm2",
    ]
    own = frame[frame["model"].eq("smollm2") == frame["arm"].eq("new")]
    assert paired_differences(own, "arm", "none", ("dataset",))["difference"].tolist() == pytest.approx([0.2])


def test_several_cases_of_an_arm_count_as_their_mean():
    rows = [("a", 0, 0.5), ("b", 0, 0.6), ("b", 0, 0.8), ("a", 1, 0.4), ("b", 1, 0.4)]
    frame = pd.DataFrame(rows, columns=["arm", "seed", "accuracy"]).assign(dataset="x")
    found = paired_differences(frame, "arm", "a", ("dataset",)).iloc[0]
    assert (found["n"], found["difference"]) == (2, pytest.approx(0.1))


@given(st.lists(SCORES, min_size=1, max_size=12))
@settings(max_examples=60)
def test_a_mean_over_tables_has_the_standard_error_of_scipy(values):
    mean, error = report.mean_and_error(pd.Series(values))
    assert mean == pytest.approx(statistics.mean(values), abs=1e-12)
    expected = stats.sem(values) if len(values) > 1 else math.nan
    assert error == pytest.approx(expected, abs=1e-12, nan_ok=True)


@given(st.floats(0, 0.3), st.floats(0.1, 3), st.floats(0.2, 1.5), st.integers(0, 99))
@settings(max_examples=25)
def test_no_other_power_law_is_nearer(floor, scale, rate, seed):
    """Least squares by a search over the rate, where floor and scale are linear, finds nothing better."""
    n = np.array([8.0, 16, 32, 64, 128, 256])
    error = floor + scale * n**-rate + np.random.default_rng(seed).normal(0, 0.01, len(n))
    error = np.clip(error, 0, None)
    found = power_law.fit(n, error)
    squares = np.sum((found(n) - error) ** 2)
    for other in np.linspace(0, 3, 61):
        design = np.stack([np.ones_like(n), n**-other], axis=1)
        (a, b), residual = optimize.nnls(design, error)
        if a <= error.max() and b <= 10 * max(error.max(), 1e-3) * n.min() ** 3:  # the bounds of the fit
            assert squares <= residual**2 * 1.02 + 1e-8


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_ranks_and_wins_of_the_benchmark_are_those_of_scipy(task):
    means = quality(task)
    score = "accuracy" if task == "classification" else "rae_mean_filled"
    sign = -1 if task == "classification" else 1
    wide = means.pivot(index="dataset", columns="learner", values=score).dropna()
    expected = stats.rankdata(sign * wide.to_numpy().round(6), axis=1)
    grid = ranking.scores(means.assign(group="all")[means["dataset"].isin(wide.index)])
    ranks = ranking.ranks(grid, task == "regression").mean()
    assert ranks.to_dict() == pytest.approx(dict(zip(wide.columns, expected.mean(axis=0), strict=True)))
    best = (sign * wide).round(6)
    first = best.eq(best.min(axis=1), axis=0)
    shares = {name: sum(first.loc[i, name] / first.loc[i].sum() for i in first.index) for name in first}
    assert ranking.wins(grid, task == "regression").to_dict() == pytest.approx(shares)
    assert grid.mean().to_dict() == pytest.approx(wide.mean().to_dict())


def test_the_summary_of_the_committed_run_is_that_of_its_rows():
    frame = Results(RUNS, "classification", "accuracy").frame()
    summary = reporting.summarise(frame).set_index(["dataset", "learner"])
    assert len(frame) == summary["n"].sum() > 20
    for (dataset, learner), line in summary.iterrows():
        rows = frame[(frame["dataset"] == dataset) & (frame["method"] == learner)]
        for name in ("accuracy", "log_loss", "brier", "seconds_fit"):
            values = rows[name].dropna().tolist()
            assert line[name] == pytest.approx(statistics.mean(values) if values else math.nan, nan_ok=True)
            if name != "seconds_fit":
                spread = statistics.stdev(values) if len(values) > 1 else math.nan
                assert line[f"{name}_sd"] == pytest.approx(spread, abs=1e-9, nan_ok=True)


def test_the_scores_of_the_committed_run_are_those_of_its_answers():
    results = Results(RUNS, "classification", "accuracy")
    for row in results.frame().to_dict("records"):
        answers = results.answers(row["key"])
        right = answers["parsed"] == answers["truth"]
        assert row["accuracy"] == pytest.approx(right.mean(), rel=1e-5)
        recalls = right.groupby(answers["truth"]).mean()
        assert row["balanced_accuracy"] == pytest.approx(recalls.mean(), rel=1e-5)
        columns = [name for name in answers if name.startswith("log_p_")]
        if columns:
            likely = answers[columns].to_numpy()
            truth = [columns.index(f"log_p_{label}") for label in answers["truth"]]
            own = np.maximum(likely[np.arange(len(likely)), truth], math.log(np.finfo(float).eps))
            assert row["log_loss"] == pytest.approx(-own.mean(), rel=1e-4, abs=1e-5)
