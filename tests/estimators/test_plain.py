"""LIFT without candidates, and differences between arms on the same rows."""

import pandas as pd
import pytest
from sklearn.base import clone

from tests.doubles import NearestRow
from utils import reporting, study, tables
from utils.estimators import LIFTClassifier, PlainClassifier
from utils.study.cases import Trial

NEAREST = {"shots": 8, "shot_choice": "nearest", "shot_tokens": 99, "batch_size": 16, "updates": 150}


def test_no_candidate_competes(folder):
    name = folder(candidates=[NEAREST, {"scale": "row"}])
    assert LIFTClassifier(name).settings()["candidates"]
    plain = PlainClassifier(name)
    assert plain.settings()["candidates"] == []
    assert plain.settings()["shots"] == 0
    assert plain.settings()["updates"] == 1600
    assert plain.describe() != LIFTClassifier(name).describe()


def test_rows_in_the_prompt_bring_the_recipes_tuning_for_them(folder):
    name = folder(candidates=[{"scale": "row"}, NEAREST])
    settings = PlainClassifier(name, shots=4, shot_choice="random").settings()
    assert settings["batch_size"] == 16
    assert settings["updates"] == 150
    assert (settings["shots"], settings["shot_choice"]) == (4, "random")
    told = PlainClassifier(name, shots=4, batch_size=2, epochs=3).settings()
    assert told["batch_size"] == 2
    assert told["epochs"] == 3
    assert "updates" not in told


def test_it_takes_the_parameters_of_the_flags():
    case = study.Case("iris", "lift", 3)
    trial = study.trial(case, study.Config(epochs=2, wording="paper", limit=30), "classification")
    plain = PlainClassifier(**trial.learner.get_params(deep=False))
    assert plain.get_params(deep=False) == trial.learner.get_params(deep=False)
    assert clone(plain).get_params() == plain.get_params()
    assert plain.options() == trial.learner.options()


def test_it_learns():
    split = tables.load("iris", task="classification").split(0)
    plain = PlainClassifier(NearestRow())
    plain.fit(split.X_train, split.y_train, (split.X_validation, split.y_validation))
    assert plain.score(split.X_test, split.y_test) > 0.9
    assert Trial("iris", "", split, plain).key(0, {}) != Trial("iris", "", split, LIFTClassifier(NearestRow())).key(
        0, {}
    )


def test_differences_are_paired_by_seed():
    frame = pd.DataFrame(
        [
            ("a", 0, "none", 0.5),
            ("a", 1, "none", 0.7),
            ("a", 0, "new", 0.6),
            ("a", 0, "new", 0.8),  # of another shuffling: their mean counts
            ("a", 1, "new", 0.6),
            ("b", 0, "new", 0.9),  # without its reference
        ],
        columns=["dataset", "seed", "arm", "accuracy"],
    )
    row = reporting.paired_differences(frame, "arm", "none", ("dataset",)).iloc[0]
    assert (row["dataset"], row["arm"], row["n"]) == ("a", "new", 2)
    assert row["difference"] == pytest.approx((0.2 - 0.1) / 2)
    assert row["sd"] == pytest.approx(0.3 / 2**0.5)
    assert row["better"] == 0.5
    assert len(reporting.paired_differences(frame, "arm", "none", ("dataset",))) == 1
