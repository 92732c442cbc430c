"""Every kind of learner speaks the protocol of `utils/learners.py`, and says the same things about its fit."""

import numpy as np
import pytest

from others._generation.generators import Reference
from tests.doubles import NearestRow
from utils import baselines, tables
from utils.baselines import regressors
from utils.baselines.pixel_networks import PixelNetwork
from utils.errors import CannotDo
from utils.estimators import LIFTClassifier, LIFTRegressor
from utils.learners import Answers, Learner

LEVELS = {"wording": "compact", "numbers": "scaled", "scale": "column", "levels": 5000}
CLASSIFIERS = (
    baselines.classifier("knn", 0),
    baselines.classifier("svm", 0),
    PixelNetwork("mlp300", side=2),
    Reference("bootstrap"),
    LIFTClassifier(model=NearestRow(), template=LEVELS, epochs=1),
)
REGRESSORS = (baselines.regressor("gbt_quantile", 0), baselines.regressor("gp", 0))
REGRESSORS += (LIFTRegressor(model=NearestRow(), template=LEVELS, epochs=1, decoding="median"),)
FACTS = ["chosen", "tokens_train", "n_collisions", "device", "dtype", "cost_usd"]
VERBS = [name for name in vars(Learner) if not name.startswith("_")]


@pytest.mark.parametrize("learner", [*CLASSIFIERS, *REGRESSORS], ids=repr)
def test_every_learner_has_all_verbs(learner):
    assert {"describe", "check", "answers", "facts", "options", "training_text", "check_uncertainty"} <= {*VERBS}
    is_classifier = learner in CLASSIFIERS
    assert [verb for verb in VERBS if not hasattr(learner, verb)] == (["predictive"] if is_classifier else [])
    assert bool(learner.model) == isinstance(learner, LIFTClassifier | LIFTRegressor)
    assert isinstance(learner.options(), str)


@pytest.mark.parametrize("learner", CLASSIFIERS, ids=repr)
def test_classifiers_answer_alike(learner, monkeypatch):
    monkeypatch.setattr("utils.baselines.pixel_networks.UPDATES", 2)
    rows = tables.load("iris").split(0).limit(30)
    X, y = rows.X_train, rows.y_train
    if isinstance(learner, PixelNetwork):
        X = X.gt(X.mean()).astype(int) * 255
    learner.check(X, y, X)
    found = learner.fit(X, y, (X, y)).answers(X)
    assert isinstance(found, Answers)
    assert len(found.values) == len(X)
    assert list(learner.facts()) == FACTS
    n_texts = len(X) if learner.model else 0
    assert (len(found.prompts), len(found.texts)) == (n_texts, n_texts)
    assert bool(learner.training_text(X, y.to_numpy())) == bool(n_texts)
    assert (learner.longest_prompt(X, y, X) is not None) == bool(n_texts)
    if found.log_likelihoods is None:
        with pytest.raises(CannotDo, match="leave it out of --methods"):
            learner.check_uncertainty()
    else:
        learner.check_uncertainty()
        assert found.log_likelihoods.shape == (len(X), len(learner.classes_))


@pytest.mark.parametrize("learner", REGRESSORS, ids=repr)
def test_regressors_say_how_sure_they_are(learner):
    rows = tables.load("linear", task="regression").split(0).limit(12)
    learner.check_uncertainty()
    learner.fit(rows.X_train, rows.y_train, (rows.X_validation, rows.y_validation))
    quantiles, sd = learner.predictive(rows.X_test, (0.1, 0.5, 0.9))
    assert quantiles.shape == (len(rows.X_test), 3)
    assert (np.diff(quantiles, axis=1) >= -1e-9).all()
    assert sd.shape == (len(rows.X_test),)
    assert list(learner.facts()) == FACTS
    assert {0.1, 0.5, 0.9} <= {*regressors.QUANTILES}


def test_a_learner_tells_on_how_many_rows_it_was_fitted_where_these_are_not_all(monkeypatch):
    rows = tables.load("linear", task="regression").split(0)
    learner = baselines.regressor("mean", 0).fit(rows.X_train, rows.y_train)
    assert learner.chosen() == learner.best_params_
    learner.n_train_used_ = 5
    assert learner.chosen() == {**learner.best_params_, "n_train": 5}
