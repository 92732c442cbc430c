"""Averages of fine-tunes: means of weights, greedy choices, ensembles of probabilities."""

import numpy as np
import pytest

from others import _averaging
from utils import models, tables
from utils.errors import CannotDo, UnknownName
from utils.estimators.selection import Outcome
from utils.models import FineTuning

averaging = pytest.importorskip("utils.models.local.weight_averaging")
PAIRS = [("1 2 =>", " 0"), ("5 6 =>", " 1"), ("1 3 =>", " 0"), ("5 7 =>", " 1")]
PROMPTS = [prompt for prompt, _ in PAIRS]


def tuned(adapter="full", rate=1e-3):
    base = models.load("lift-tiny", adapter=adapter, adapter_rank=4, device="cpu", threads=1)
    short = FineTuning(epochs=2, learning_rate=rate, batch_size=2)
    return base, [base.fine_tune(PAIRS, settings=short, seed=seed) for seed in range(2)]


def weights(model):
    return {name: p.detach().numpy() for name, p in model.network.module.named_parameters()}


def test_the_mean_is_that_of_the_weights_and_of_one_model_itself():
    _, (first, second) = tuned()
    mean = weights(averaging.mean([first, second]))
    for name, value in mean.items():
        np.testing.assert_allclose(value, (weights(first)[name] + weights(second)[name]) / 2, atol=1e-6)
    same = averaging.mean([first, first])
    np.testing.assert_allclose(same.log_likelihood(PROMPTS, [" 0"]), first.log_likelihood(PROMPTS, [" 0"]), atol=1e-5)


def test_adapters_are_merged_before_the_mean():
    base, (first, second) = tuned("lora", rate=1e-2)
    same = averaging.mean([first, first])
    np.testing.assert_allclose(same.log_likelihood(PROMPTS, [" 0"]), first.log_likelihood(PROMPTS, [" 0"]), atol=1e-4)
    start, mean = weights(base), weights(averaging.mean([first, second]))
    one, two = (weights(averaging.mean([model])) for model in (first, second))
    moved = [name for name in start if not np.allclose(one[name], start[name])]
    assert moved
    for name in moved:
        np.testing.assert_allclose(mean[name], (one[name] + two[name]) / 2, atol=1e-6)


def test_an_ensemble_has_the_mean_probability_and_writes_nothing():
    _, members = tuned()
    both = _averaging.Ensemble(members)
    found = np.exp(both.log_likelihood(PROMPTS, [" 0", " 1"]))
    expected = np.mean([np.exp(model.log_likelihood(PROMPTS, [" 0", " 1"])) for model in members], axis=0)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    with pytest.raises(CannotDo, match="only scores"):
        both.generate(PROMPTS)


def test_the_greedy_soup_never_takes_what_makes_it_worse(monkeypatch):
    monkeypatch.setattr(_averaging, "_mean", lambda: lambda models: tuple(models))
    values = {("b", "c"): 0.9, ("b", "c", "a"): 0.7, ("a", "b", "c"): 0.1, ("b",): 0.8}
    tunes = [Outcome(model=name, score=score) for name, score in (("a", 0.5), ("b", 0.8), ("c", 0.6))]
    greedy, n = _averaging.combine("greedy", tunes, values.get, scored=True)
    assert (greedy.model, greedy.score, n) == (("b", "c"), 0.9, 2)
    assert _averaging.combine("best", tunes, values.get, scored=True)[0].model == "b"
    soup, n = _averaging.combine("soup", tunes, values.get, scored=True)
    assert (soup.model, soup.score, n) == (("a", "b", "c"), 0.1, 3)


@pytest.mark.parametrize(("average", "n"), [("single", 1), ("ema", 1), ("soup", 2), ("ensemble", 2)])
def test_every_average_is_a_classifier(average, n):
    split = tables.load("iris", task="classification").split(0, "paper").limit(12)
    learner = _averaging.SoupClassifier(average=average, members=2, epochs=1, threads=1)
    learner.check(split.X_train, split.y_train, split.X_test)
    learner.fit(split.X_train, split.y_train, (split.X_validation, split.y_validation))
    np.testing.assert_allclose(learner.predict_proba(split.X_test).sum(axis=1), 1)
    assert (learner.n_tunes_, learner.n_averaged_) == (n, n)
    assert learner.options() == "epochs=1"


def test_an_unknown_average_is_refused():
    split = tables.load("iris", task="classification").split(0, "paper").limit(12)
    with pytest.raises(UnknownName, match="have single, ema"):
        _averaging.SoupClassifier(average="stew").check(split.X_train, split.y_train, split.X_test)
