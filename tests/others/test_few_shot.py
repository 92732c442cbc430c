"""Few labelled rows: balanced draws, the test rows always the same, none at all, and targets cut at their median."""

import numpy as np
import pandas as pd
import pytest

from others import _few_shot, few_shot
from utils import study
from utils.errors import UserError
from utils.estimators import recipes
from utils.study import Case


def split_of(n, seed=0, dataset="breast_cancer"):
    config = few_shot.Config(datasets=(dataset,))
    return _few_shot.trial(Case(dataset, "logreg", seed, {"rows": n, "names": "–"}), config).split


@pytest.mark.parametrize("n", [4, 16, 64])
def test_rows_are_balanced_and_test_rows_stay(n):
    split, other = split_of(n), split_of(n, seed=1)
    assert split.y_train.value_counts().tolist() == [n // 2, n // 2]
    assert split.y_validation.nunique() == 2
    assert len(split.y_validation) <= max(2, n)
    assert split.X_test.equals(other.X_test)
    assert len(split.y_test) == 114
    assert set(split.X_train.index) != set(other.X_train.index)
    assert not set(split.X_train.index) & set(split.X_test.index)


def test_fewer_rows_than_classes_are_refused():
    with pytest.raises(UserError, match="1 rows are too few for 2 classes"):
        split_of(1)


def test_no_rows_leave_the_model_untuned_and_names_bring_their_words():
    case = Case("breast_cancer", "lift", 0, {"rows": 0, "names": "names"})
    learner = _few_shot.trial(case, few_shot.Config()).learner
    settings = learner.settings()
    assert (settings["epochs"], settings["wording"], settings["labels"]) == (0, "names", "text")
    case = Case("breast_cancer", "lift", 0, {"rows": 8, "names": "paper"})
    settings = _few_shot.trial(case, few_shot.Config()).learner.settings()
    assert settings["epochs"]
    assert (settings["wording"], settings["labels"]) == ("paper", "codes")


@pytest.mark.parametrize(
    ("rows", "recipe", "numbers"), [(0, "", "significant"), (8, "", "scaled"), (0, "paper", "paper")]
)
def test_a_model_that_knows_words_is_asked_untuned_with_the_numbers_themselves(rows, recipe, numbers, monkeypatch):
    monkeypatch.setattr(recipes.models, "recipe", lambda name: {})
    case = Case("breast_cancer", "lift", 0, {"rows": rows, "names": "names"})
    learner = _few_shot.trial(case, few_shot.Config(recipe=recipe)).learner
    assert learner.settings()["numbers"] == numbers


def test_classical_learners_have_no_case_without_rows():
    found = list(few_shot.cases(few_shot.Config(rows=(0, 4))))
    assert {case.method for case in found if case.settings["rows"] == 0} == {"lift"}
    assert len({case.settings["names"] for case in found if case.method == "lift"}) == 2


def test_a_target_of_numbers_is_cut_at_its_median(lift_data):
    assert _few_shot.expand(("california-housing", "iris")) == ["california-housing", "iris"]
    split = split_of(32, dataset="california-housing")
    assert set(split.y_train) == set(_few_shot.HALVES)
    assert 0.3 < np.mean(split.y_test == _few_shot.HALVES[0]) < 0.7
    whole = study.trial(
        Case("california-housing", "mean", 0), study.Config(datasets=("california-housing",)), "regression"
    )
    low = whole.split.y_test <= whole.split.y_train.median()
    assert (split.y_test == _few_shot.HALVES[0]).equals(low)


@pytest.mark.parametrize(("rows", "labels"), [((0, 16, 64), ["0", "16", "64"]), ((0,), ["0"]), ((2, 4), ["2", "4"])])
def test_the_figure_shows_untuned_models_left_of_the_fewest_rows(rows, labels):
    """Without labelled rows there is only LIFT, and its point has no place of its own on a logarithmic axis."""
    frame = pd.DataFrame([{"rows": n, "roc_auc": 0.5 + n / 200} for n in rows])
    frame = frame.assign(dataset="car", method="lift", model="lift-tiny", names="names", seed=0, n_train=frame["rows"])
    (axes,) = few_shot.figure(frame).axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == labels
    assert (axes.get_xlim()[0] < np.array(axes.get_xticks())).all()
