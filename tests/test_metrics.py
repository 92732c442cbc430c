"""Scores: worked by hand, held against scikit-learn, and true for any answers."""

import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from utils import metrics
from utils.errors import BadTable


def test_unreadable_answers_count_as_wrong():
    scores = metrics.classification(["a", "a", "b", "b"], ["a", None, "b", "a"])
    assert scores["accuracy"] == 0.5
    assert scores["balanced_accuracy"] == 0.5
    # a: 1 right, 1 wrongly said, 1 missed -> 2/4; b: 1 right, 0 wrongly said, 1 missed -> 2/3
    assert scores["f1_macro"] == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert scores["n_invalid"] == 1
    assert all(math.isnan(scores[name]) for name in ("log_loss", "brier", "roc_auc"))


def test_nothing_readable_is_accuracy_zero():
    scores = metrics.classification(["a", "b"], [None, None])
    assert (scores["accuracy"], scores["balanced_accuracy"], scores["f1_macro"], scores["n_invalid"]) == (0, 0, 0, 2)


def test_probability_scores_by_hand():
    probabilities = [[0.8, 0.2], [0.6, 0.4], [0.3, 0.7]]
    scores = metrics.classification(["x", "y", "y"], ["x", "x", "y"], probabilities, ["x", "y"])
    assert scores["log_loss"] == pytest.approx(-(math.log(0.8) + math.log(0.4) + math.log(0.7)) / 3)
    assert scores["brier"] == pytest.approx((2 * 0.2**2 + 2 * 0.6**2 + 2 * 0.3**2) / 3)
    assert scores["roc_auc"] == 1


def test_a_label_the_learner_never_saw_has_probability_zero():
    scores = metrics.classification(["x", "z"], ["x", "x"], [[1.0, 0.0], [1.0, 0.0]], ["x", "y"])
    assert scores["log_loss"] == pytest.approx(-math.log(np.finfo(float).eps) / 2)
    assert scores["brier"] == pytest.approx((0 + 2) / 2)
    assert scores["roc_auc"] == 0.5


def test_roc_auc_of_one_class_is_undefined():
    assert math.isnan(metrics.classification(["x", "x"], ["x", "x"], [[1, 0], [1, 0]], ["x", "y"])["roc_auc"])


@pytest.mark.parametrize("k", [2, 3, 7])
@pytest.mark.parametrize("seed", range(3))
def test_classification_agrees_with_scikit_learn(k, seed):
    rng = np.random.default_rng(seed)
    classes = np.array([f"class {i}" for i in range(k)], dtype=object)
    truth = pd.Series(np.concatenate([classes, rng.choice(classes, 60)]))
    answers = pd.Series(np.concatenate([classes[::-1], rng.choice(classes, 60)]))
    probabilities = rng.dirichlet(np.ones(k), len(truth))
    scores = metrics.classification(truth, answers, probabilities, classes)
    assert scores["accuracy"] == pytest.approx(sk.accuracy_score(truth, answers))
    assert scores["balanced_accuracy"] == pytest.approx(sk.balanced_accuracy_score(truth, answers))
    assert scores["f1_macro"] == pytest.approx(sk.f1_score(truth, answers, average="macro"))
    assert scores["log_loss"] == pytest.approx(sk.log_loss(truth, probabilities, labels=classes))
    one_hot = truth.to_numpy()[:, None] == classes
    assert scores["brier"] == pytest.approx(np.mean(((probabilities - one_hot) ** 2).sum(axis=1)))
    if k == 2:
        expected = sk.roc_auc_score(truth == classes[1], probabilities[:, 1])
    else:
        expected = sk.roc_auc_score(truth, probabilities, multi_class="ovr", labels=classes)
    assert scores["roc_auc"] == pytest.approx(expected)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([*"abcd", None])), min_size=1, max_size=30))
@settings(max_examples=60)
def test_a_readable_wrong_answer_and_an_unreadable_one_cost_the_same_accuracy(rows):
    truth, answers = zip(*rows, strict=True)
    scores = metrics.classification(truth, answers)
    wrong = ["never a label" if answer is None else answer for answer in answers]
    assert scores["accuracy"] == metrics.classification(truth, wrong)["accuracy"]
    assert scores["n_invalid"] == answers.count(None)
    assert all(0 <= scores[name] <= 1 for name in ("accuracy", "balanced_accuracy", "f1_macro"))


@pytest.mark.parametrize(
    ("probabilities", "classes"),
    [([[1.0, 0.0]], None), ([[1.0, 0.0]], ["a"]), ([[1.0, 0.0], [1.0, 0.0]], ["a", "b"])],
)
def test_probabilities_that_do_not_fit_are_refused(probabilities, classes):
    with pytest.raises(ValueError, match="probabilities"):
        metrics.classification(["a"], ["a"], probabilities, classes)


def test_regression_by_hand():
    scores = metrics.regression([1.0, 2.0, 3.0, 6.0], [1.0, 3.0, 3.0, 4.0], fill=100)
    assert scores["rae"] == pytest.approx(3 / 6)  # errors 0, 1, 0, 2; distances from the mean 3: 2, 1, 0, 3
    assert scores["rmse"] == pytest.approx(math.sqrt(5 / 4))
    assert scores["r2"] == pytest.approx(1 - 5 / 14)
    assert scores["n_invalid"] == 0
    filled = ("rae_mean_filled", "rae_filtered3", "rae_filtered5")
    assert [scores[name] for name in filled] == [scores["rae"]] * 3
    assert scores["rmse_mean_filled"] == scores["rmse"]


@pytest.mark.parametrize("answer", [None, math.nan, math.inf, -math.inf])
def test_unusable_answers_have_scores_of_their_own(answer):
    scores = metrics.regression([1.0, 2.0, 6.0], [1.0, answer, 6.0], fill=3.0)
    assert all(math.isnan(scores[name]) for name in ("rae", "rmse", "r2"))
    assert scores["rae_mean_filled"] == pytest.approx(1 / 6)
    assert scores["rmse_mean_filled"] == pytest.approx(math.sqrt(1 / 3))
    assert scores["n_invalid"] == 1


def test_the_filters_remove_rows_and_nothing_else():
    truth = np.arange(101.0)
    answers = truth + 1
    answers[50] += 1000  # the RMSE is about 100, so both filters drop this row only
    scores = metrics.regression(truth, answers, fill=0)
    others = np.arange(101) != 50
    expected = 100 / np.abs(truth[others] - truth[others].mean()).sum()
    assert scores["rae_filtered3"] == scores["rae_filtered5"] == pytest.approx(expected)
    assert scores["rae"] == pytest.approx((100 + 1001) / np.abs(truth - 50).sum())


def test_the_two_filters_differ():
    answers = np.zeros(16)
    answers[0] = 1  # the error is 4 times the RMSE of 1/4
    scores = metrics.regression([0.0] * 15 + [0.0], answers, fill=0)
    assert math.isnan(scores["rae_filtered3"])  # the truth is constant
    truth = np.linspace(-1, 1, 16)
    scores = metrics.regression(truth, truth + answers, fill=0)
    assert scores["rae_filtered3"] == 0
    assert scores["rae_filtered5"] == scores["rae"] > 0


@pytest.mark.parametrize("answers", [[2.0, 2.0], [2.0, 5.0]])
def test_errors_relative_to_a_constant_truth_are_undefined(answers):
    scores = metrics.regression([2.0, 2.0], answers, fill=0)
    assert math.isnan(scores["rae"])
    assert math.isnan(scores["r2"])
    assert scores["rmse"] == pytest.approx(abs(answers[1] - 2) / math.sqrt(2))


def test_absurd_answers_score_absurdly_and_warn_nobody():
    scores = metrics.regression([1.0, 2.0, 3.0], [1e308, -1e308, 3.0], fill=0)
    assert scores["rmse"] == pytest.approx(1e308 * math.sqrt(2 / 3))
    assert scores["rae"] == math.inf
    assert scores["r2"] == -math.inf


numbers = st.floats(-1e6, 1e6).map(lambda x: round(x, 3))


@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=30), st.sampled_from([0.5, 2.0, 1024.0]))
@settings(max_examples=60)
def test_rae_and_r2_have_no_unit(rows, factor):
    truth, answers = (np.array(column) for column in zip(*rows, strict=True))
    plain = metrics.regression(truth, answers, fill=0)
    scaled = metrics.regression(factor * truth, factor * answers, fill=0)
    for name in ("rae", "r2"):
        assert scaled[name] == pytest.approx(plain[name], nan_ok=True)
    assert scaled["rmse"] == pytest.approx(factor * plain["rmse"])


@pytest.mark.parametrize("seed", range(3))
def test_regression_agrees_with_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    truth, answers = rng.normal(size=(2, 40)) * 1000
    scores = metrics.regression(pd.Series(truth, index=range(40, 80)), list(answers), fill=0)
    assert scores["rmse"] == pytest.approx(math.sqrt(sk.mean_squared_error(truth, answers)))
    assert scores["r2"] == pytest.approx(sk.r2_score(truth, answers))
    mean_error = sk.mean_absolute_error(truth, np.full(40, truth.mean()))
    assert scores["rae"] == pytest.approx(sk.mean_absolute_error(truth, answers) / mean_error)
    at_mean = metrics.regression(truth, np.full(40, truth.mean()), fill=0)
    assert at_mean["rae"] == pytest.approx(1)
    assert at_mean["r2"] == pytest.approx(0)


@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=30), st.sampled_from([-1e9, 1e9, 1e12]))
@settings(max_examples=60)
def test_errors_do_not_know_where_zero_is(rows, shift):
    """A target of time stamps: what is left of its digits is scored, in float64."""
    truth, answers = (np.array(column) + shift for column in zip(*rows, strict=True))
    near = metrics.regression(truth - shift, answers - shift, fill=0)  # what adding `shift` left of the digits
    far = metrics.regression(truth, answers, fill=0)
    spread = max(np.ptp(truth), 1e-3)
    for name in ("rae", "rmse", "r2"):
        assert far[name] == pytest.approx(near[name], rel=1e-3 * max(1, abs(shift) / 1e12 / spread), nan_ok=True)


@given(
    st.lists(st.tuples(numbers, numbers), min_size=2, max_size=30).filter(lambda rows: len({t for t, _ in rows}) > 1)
)
@settings(max_examples=100)
def test_regression_is_scikit_learns_and_exact_arithmetic(rows):
    truth, answers = map(list, zip(*rows, strict=True))
    scores = metrics.regression(truth, answers, fill=0)
    exact_truth, exact_answers = ([Fraction(value) for value in column] for column in (truth, answers))
    mean = sum(exact_truth) / len(rows)
    errors = [abs(t - a) for t, a in zip(exact_truth, exact_answers, strict=True)]
    assert scores["rae"] == pytest.approx(float(sum(errors) / sum(abs(t - mean) for t in exact_truth)), rel=1e-9)
    assert scores["rmse"] == pytest.approx(math.sqrt(sk.mean_squared_error(truth, answers)), rel=1e-9)
    assert scores["r2"] == pytest.approx(sk.r2_score(truth, answers), rel=1e-6, abs=1e-9)
    for limit in metrics.FILTERS:
        kept = [i for i, error in enumerate(errors) if error <= limit * scores["rmse"]]
        center = sum(exact_truth[i] for i in kept) / len(kept)
        spread = sum(abs(exact_truth[i] - center) for i in kept)
        expected = float(sum(errors[i] for i in kept) / spread) if spread else math.nan
        assert scores[f"rae_filtered{limit}"] == pytest.approx(expected, rel=1e-9, nan_ok=True)


kinds_of_labels = st.sampled_from([["a", "b", "c", "d"], [0, 1, 2, 3], [0.5, 1.5, 2.5, 3.5], ["1", "10", "2", ""]])


@given(kinds_of_labels, st.data())
@settings(max_examples=100)
def test_classification_is_scikit_learns(labels, data):
    n = data.draw(st.integers(1, 30))
    picks = st.lists(st.integers(0, 3), min_size=n, max_size=n)
    truth, answers = ([labels[i] for i in data.draw(picks)] for _ in range(2))
    weights = data.draw(st.lists(st.integers(1, 9), min_size=4 * n, max_size=4 * n))
    probabilities = np.reshape(weights, (n, 4)) / np.reshape(weights, (n, 4)).sum(axis=1, keepdims=True)
    scores = metrics.classification(truth, answers, probabilities, labels)
    true, said = ([labels.index(label) for label in column] for column in (truth, answers))
    recalls = [np.mean(np.array(said)[np.array(true) == code] == code) for code in set(true)]
    assert scores["accuracy"] == pytest.approx(sk.accuracy_score(true, said))
    assert scores["balanced_accuracy"] == pytest.approx(np.mean(recalls))
    assert scores["f1_macro"] == pytest.approx(sk.f1_score(true, said, average="macro", zero_division=0))
    assert scores["log_loss"] == pytest.approx(sk.log_loss(true, probabilities, labels=range(4)))
    one_hot = np.eye(4)[true]
    assert scores["brier"] == pytest.approx(np.mean(((probabilities - one_hot) ** 2).sum(axis=1)))
    present = sorted(set(true))
    aucs = [sk.roc_auc_score(one_hot[:, code], probabilities[:, code]) for code in present] if len(present) > 1 else []
    assert scores["roc_auc"] == pytest.approx(np.mean(aucs) if aucs else math.nan, nan_ok=True)


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 9)), min_size=1, max_size=30))
@settings(max_examples=100)
def test_scores_of_one_class_are_scikit_learns(rows):
    truth, said, likely = zip(*rows, strict=True)
    scores = metrics.one_class(truth, said, True, likely)
    if not any(truth):
        assert all(math.isnan(value) for value in scores.values())
        return
    for name, expected in (("precision", sk.precision_score), ("recall", sk.recall_score), ("f1", sk.f1_score)):
        assert scores[name] == pytest.approx(expected(truth, said, zero_division=0))
    assert scores["average_precision"] == pytest.approx(sk.average_precision_score(truth, likely))


def test_chance_is_the_training_majority_on_test_rows():
    assert metrics.chance_accuracy(["a", "b", "b"], ["a", "a", "a", "b"]) == 0.25
    assert metrics.chance_accuracy(["b", "a"], ["a", "b", "b"]) == pytest.approx(1 / 3)  # a tie: the first label, a


def test_empty_and_unequal_parts_are_refused():
    with pytest.raises(BadTable, match="no rows to score"):
        metrics.classification([], [])
    with pytest.raises(BadTable, match="no rows to score"):
        metrics.regression([], [], fill=0)
    with pytest.raises(ValueError, match="1 answers for 2 rows"):
        metrics.classification(["a", "b"], ["a"])
    with pytest.raises(ValueError, match="1 answers for 2 rows"):
        metrics.regression([1, 2], [1], fill=0)
    with pytest.raises(ValueError, match="finite"):
        metrics.regression([1, math.nan], [1, 2], fill=0)
