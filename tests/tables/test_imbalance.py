"""A minority made rare: how many rows go, which stay; and the scores of one class."""

import math

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from utils import metrics, tables
from utils.errors import UserError
from utils.tables import perturbations


@pytest.fixture(scope="module")
def wine():
    return tables.load("wine", task="classification").split(0)


@pytest.mark.parametrize("share", [0.2, 0.1, 0.05, 1e-6])
def test_the_rarest_class_has_the_share_and_nothing_else_changes(wine, share):
    rare = perturbations.rarest(wine.y_train)
    assert rare == wine.y_train.value_counts().index[-1]
    split = perturbations.make_imbalanced(wine, share, seed=0)
    for part in ("train", "validation"):
        before, after = getattr(wine, f"y_{part}"), getattr(split, f"y_{part}")
        n_others = (before != rare).sum()
        assert (after != rare).sum() == n_others
        assert (after == rare).sum() == max(1, round(n_others * share / (1 - share)))
        assert (after == rare).mean() <= max(share + 0.5 / n_others, 1 / len(after))
        X = getattr(split, f"X_{part}")
        assert X.index.equals(after.index)
        assert after.equals(before[after.index])
        assert after.index.equals(before.index[before.index.isin(after.index)])  # the order stays
    assert split.y_test.equals(wine.y_test)
    assert perturbations.rarest(split.y_train) == rare


def test_a_share_that_is_not_exceeded_changes_nothing(wine):
    for share in (1.0, 0.9, 0.3):
        assert perturbations.make_imbalanced(wine, share, seed=0).fingerprint() == wine.fingerprint()


def test_a_smaller_share_keeps_rows_of_a_larger_one_and_seeds_differ(wine):
    few, many, other = (
        set(perturbations.make_imbalanced(wine, share, seed).y_train.index)
        for share, seed in ((0.05, 0), (0.2, 0), (0.2, 1))
    )
    assert few < many
    assert many != other


def test_of_equally_rare_classes_the_last_is_the_minority():
    assert perturbations.rarest(pd.Series(list("aabbccc"))) == "b"


@pytest.mark.parametrize("share", [0.0, -0.1, 1.5, math.nan])
def test_an_impossible_share_is_told(wine, share):
    with pytest.raises(UserError, match="share above 0, or 1"):
        perturbations.make_imbalanced(wine, share, 0)


def test_scores_of_one_class_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    truth, answers = rng.choice(list("abc"), 200), rng.choice(list("abc"), 200)
    scores = metrics.one_class(truth, answers, "b", rng.random(200))
    for name, function in (("precision", precision_score), ("recall", recall_score), ("f1", f1_score)):
        assert scores[name] == pytest.approx(function(truth == "b", answers == "b"))


def test_unreadable_answers_find_nothing_and_cost_no_precision():
    scores = metrics.one_class(["a", "b", "b", "b"], ["a", "b", None, np.nan], "b")
    assert scores["precision"] == 1.0
    assert scores["recall"] == pytest.approx(1 / 3)
    assert math.isnan(scores["average_precision"])


def test_average_precision_of_known_rankings():
    truth = ["b", "a", "b", "a"]
    ranked = {order: metrics.one_class(truth, truth, "b", order)["average_precision"] for order in [(4, 2, 3, 1)]}
    assert ranked[4, 2, 3, 1] == 1.0
    assert metrics.one_class(truth, truth, "b", (4, 3, 2, 1))["average_precision"] == pytest.approx((1 + 2 / 3) / 2)
    assert metrics.one_class(truth, truth, "b", (0, 0, 0, 0))["average_precision"] == 0.5  # the share of the class


def test_a_class_that_nobody_answers_has_no_precision_and_one_without_rows_no_score():
    assert metrics.one_class(["a", "b"], ["a", "a"], "b")["precision"] == 0.0
    assert metrics.one_class(["a", "b"], ["a", "a"], "b")["f1"] == 0.0
    assert all(map(math.isnan, metrics.one_class(["a", "a"], ["a", "b"], "b").values()))
