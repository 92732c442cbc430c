"""Formulas in prompts, ridge by appended rows, starts of models, self-training: known answers, and hidden labels."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.torch import load_file
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.semi_supervised import SelfTrainingClassifier

from others import _bases, _contradicting_prompts, _ridge, _self_training
from others._self_training import Plan, SelfTrainingBaseline, SelfTrainingLIFT
from tests.conftest import ROOT
from tests.doubles import NearestRow
from utils import baselines, models, study, tables
from utils.errors import BadModel, CannotDo, UnknownName, UserError
from utils.models.local import initialization
from utils.study.cases import Trial
from utils.tables import synthetic

SHIPPED = ROOT / "data" / "models" / "lift-tiny"

# ---- formulas in prompts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("target", "sign"), [("sum", 1), ("difference", -1)])
def test_targets_have_no_noise_and_rows_are_nested(target, sign):
    split = _contradicting_prompts.split(target, 16, seed=3)
    for part in ("train", "validation", "test"):
        X, y = getattr(split, f"X_{part}"), getattr(split, f"y_{part}")
        np.testing.assert_array_equal(y, X["x1"] + sign * X["x2"])
    assert (len(split.y_train), len(split.y_validation), len(split.y_test)) == (16, 50, 100)
    larger = _contradicting_prompts.split(target, 64, seed=3)
    pd.testing.assert_frame_equal(larger.X_train.head(16), split.X_train)
    pd.testing.assert_frame_equal(_contradicting_prompts.split("sum", 16, 3).X_test, split.X_test)
    assert not _contradicting_prompts.split(target, 16, seed=4).X_test.equals(split.X_test)


def test_prompts_of_a_row_differ_in_the_formula_alone():
    split = _contradicting_prompts.split("difference", 8, 0)
    prompts = {}
    for prompt in _contradicting_prompts.PROMPTS:
        config = study.Config(wording=_contradicting_prompts.wording("difference", prompt))
        learner = _contradicting_prompts.PromptedRegressor(**config.lift("regression", 0).get_params(deep=False))
        template = learner.unfitted_template().fit(split.X_train, split.y_train)
        prompts[prompt] = template.prompts(split.X_test)[0]
        assert learner.options() == ""
    heads = {name: text.rpartition(", ") for name, text in prompts.items()}
    assert {name: tail for name, (_, _, tail) in heads.items()} == {
        "neutral": "y=",
        "correct": "x1-x2=",
        "contradicting": "x1+x2=",
    }
    assert len({head for head, _, _ in heads.values()}) == 1
    assert _contradicting_prompts.wording("sum", "compact") == "compact"


def test_unknown_targets_and_prompts_are_refused():
    with pytest.raises(UnknownName, match="neutral"):
        _contradicting_prompts.wording("sum", "rude")
    with pytest.raises(UnknownName, match="difference"):
        _contradicting_prompts.split("product", 8, 0)
    with pytest.raises(UserError, match="1 or more"):
        _contradicting_prompts.split("sum", 0, 0)


# ---- ridge --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("penalty", [0.0, 10.0, 1000.0])
def test_the_solution_is_ridge_regression_of_the_squared_penalty(penalty):
    split = synthetic.load("linear:p=4,noise=0.1").split(0)
    reference = Ridge(alpha=penalty**2, fit_intercept=False).fit(split.X_train, split.y_train)
    np.testing.assert_allclose(_ridge.solution(split, penalty), reference.coef_, rtol=1e-6)
    learner = _ridge.LeastSquares()
    learner.fit(_ridge.appended(split, penalty).X_train, _ridge.appended(split, penalty).y_train)
    np.testing.assert_allclose(learner.predict(split.X_test), reference.predict(split.X_test), rtol=1e-6)


def test_rows_are_appended_to_the_training_part_alone():
    split = synthetic.load("linear:p=3,noise=0").split(1)
    longer = _ridge.appended(split, 50)
    np.testing.assert_array_equal(longer.X_train.tail(3), 50 * np.eye(3))
    assert longer.y_train.tail(3).tolist() == [0, 0, 0]
    assert longer.X_test is split.X_test
    assert longer.X_train.index.is_unique
    assert _ridge.appended(split, 0) is split
    with pytest.raises(UserError, match="0 or more"):
        _ridge.appended(split, -1)


def test_measures_of_the_truth_of_the_ridge_solution_and_of_silence():
    split = synthetic.load("linear:noise=0").split(0)
    measures = _ridge.measures(split, 50)
    truth, weight = split.y_test.to_numpy(), _ridge.solution(split, 50)[0]
    said = {name: measure(pd.DataFrame({"parsed": truth})) for name, measure in measures.items()}
    assert said["distance_truth"] == 0
    assert said["slope"] == pytest.approx(1)
    assert said["slope_ridge"] == pytest.approx(weight / 0.9)
    penalised = pd.DataFrame({"parsed": split.X_test.to_numpy() @ [weight]})
    assert measures["rae_ridge"](penalised) == pytest.approx(0)
    assert measures["distance_ridge"](penalised) == pytest.approx(0)
    silent = pd.DataFrame({"parsed": [None] * len(truth)})
    assert measures["distance_truth"](silent) == pytest.approx(1, abs=0.3), "the mean is about one sd away"


# ---- starts -------------------------------------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(initialization, "CACHE", tmp_path)
    return tmp_path


def weights(place):
    return load_file(f"{place}/model.safetensors")


def test_a_random_start_has_everything_but_the_weights(cache):
    place = initialization.place("random", "lift-tiny", seed=1)
    old, new = weights(SHIPPED), weights(place)
    assert {name: tensor.shape for name, tensor in new.items()} == {name: tensor.shape for name, tensor in old.items()}
    table = next(name for name in old if "embed_tokens" in name or "wte" in name)
    assert abs(np.corrcoef(new[table].flatten(), old[table].flatten())[0, 1]) < 0.01
    assert models.recipe(place) == models.recipe("lift-tiny")
    vocabularies = [json.loads((folder / "tokenizer.json").read_text())["model"] for folder in (SHIPPED, Path(place))]
    assert vocabularies[0] == vocabularies[1]
    before = models.fingerprint(place)
    assert initialization.place("random", "lift-tiny", seed=1) == place
    assert models.fingerprint(place) == before
    assert models.fingerprint(initialization.place("random", "lift-tiny", seed=2)) != before


def test_sizes_of_a_random_start(cache):
    small = models.load(initialization.place("random:layers=1,hidden=48", "lift-tiny", 1), threads=1)
    n_small, n_own = (initialization.parameters(model) for model in (small, models.load("lift-tiny", threads=1)))
    assert 0 < n_small < n_own / 2
    config = small.network.module.config
    assert (config.hidden_size, config.num_hidden_layers) == (48, 1)
    assert np.isnan(initialization.parameters(NearestRow()))


def test_gibberish_changes_the_weights_and_tells_nothing(cache):
    how = initialization.Gibberish(updates=2, batch_size=4)
    tuned = initialization.place("gibberish", "lift-tiny", 1, how)
    assert models.fingerprint(tuned) != models.fingerprint("lift-tiny")
    assert models.recipe(tuned) == models.recipe("lift-tiny")
    assert initialization.place("random_gibberish", "lift-tiny", 1, how) != tuned
    pairs = initialization.texts(50, 0)
    assert pairs == initialization.texts(50, 0)
    assert len({answer for _, answer in pairs}) > 45


@pytest.mark.parametrize(
    ("name", "error", "word"),
    [
        ("random:width=3", UnknownName, "hidden="),
        ("random:layers=0", UserError, "above 0"),
        ("random:hidden=50", BadModel, "multiple"),
        ("gibberish:layers=2", UnknownName, "no options"),
    ],
)
def test_bad_starts_are_refused(cache, name, error, word):
    with pytest.raises(error, match=word):
        initialization.place(name, "lift-tiny", 1)


def test_a_base_keeps_the_threads_of_its_kin_and_another_model_has_its_own(cache):
    config = _bases.Config(models=("random:layers=1",))
    assert config.with_base("pretrained").model == "lift-tiny"
    assert config.with_base("random:layers=1").n_threads() == config.n_threads() == 1
    assert config.n_workers() == study.Config().n_workers()
    assert replace(config, models=("owner/name",)).n_workers() == 1
    assert config.with_base("owner/name").model == "owner/name"
    with pytest.raises(UserError, match="twice"):
        _bases.check(("random", "random"))


# ---- self-training ------------------------------------------------------------------------------------------------


def few_labels(name="iris", rows=9):
    whole = tables.load(name).split(0)
    few = whole.subsample(rows, 0)
    rest = whole.X_train.loc[~whole.X_train.index.isin(few.X_train.index)]
    return whole, few, rest


@pytest.mark.parametrize("threshold", [0.5, 0.8, 0.95])
def test_the_first_rows_kept_are_those_of_scikit_learn(threshold):
    _, few, rest = few_labels()
    learner = LogisticRegression(max_iter=1000)
    labels = pd.concat([few.y_train, pd.Series("-1", index=rest.index)])
    codes = labels.map({"-1": -1} | {label: i for i, label in enumerate(sorted(few.y_train.unique()))})
    reference = SelfTrainingClassifier(learner, threshold=threshold, max_iter=1)
    reference.fit(pd.concat([few.X_train, rest]), codes)
    own = learner.fit(few.X_train, few.y_train).predict_proba(rest)
    kept = _self_training.confident(own, threshold, 1.0)
    np.testing.assert_array_equal(kept, np.flatnonzero(reference.labeled_iter_[len(few.y_train) :] == 1))


def test_a_share_keeps_the_surest_of_every_class():
    sure = np.array([[0.9, 0.1], [0.6, 0.4], [0.8, 0.2], [0.7, 0.3], [0.45, 0.55]])
    assert _self_training.confident(sure, 0.0, 0.5).tolist() == [0, 2, 4]
    assert _self_training.confident(sure, 0.75, 1.0).tolist() == [0, 2]
    assert _self_training.confident(sure, 0.95, 1.0).tolist() == []


def learners(plan):
    yield SelfTrainingBaseline("logreg", plan=plan)
    yield SelfTrainingLIFT(NearestRow(), epochs=1, template={"numbers": "significant"}, plan=plan)


@pytest.mark.parametrize("which", [0, 1])
def test_a_learner_trains_itself_and_without_sure_rows_stays_as_it_was(which):
    whole, few, rest = few_labels()
    validation = few.X_validation, few.y_validation
    taught = list(learners(Plan(rest, threshold=0.5)))[which].fit(few.X_train, few.y_train, validation)
    assert taught.n_rounds_ >= 1
    assert set(taught.pseudo_.index) <= set(rest.index)
    assert len(taught.pseudo_) > len(rest) / 2
    assert np.mean(taught.pseudo_ == whole.y_train[taught.pseudo_.index]) > 0.7
    alone = list(learners(None))[which].fit(few.X_train, few.y_train, validation)
    unsure = list(learners(Plan(rest.head(0))))[which].fit(few.X_train, few.y_train, validation)
    assert unsure.n_rounds_ == 0
    np.testing.assert_array_equal(unsure.predict(whole.X_test), alone.predict(whole.X_test))


def test_no_row_above_the_threshold_ends_it_without_another_fit():
    _, few, rest = few_labels("wine", 12)
    learner = SelfTrainingBaseline("knn", plan=Plan(rest.head(5), threshold=1.0))
    learner._predict = lambda X, verb: np.full((len(X), 3), 1 / 3)
    assert learner.fit(few.X_train, few.y_train).n_rounds_ == 0


def test_the_learner_is_given_no_hidden_label():
    whole, few, rest = few_labels()
    trial = _self_training.trial(Trial("iris", "", whole, baselines.classifier("logreg", 0)), 9, "self:threshold=.5", 0)
    pd.testing.assert_series_equal(trial.split.y_train, few.y_train)
    pd.testing.assert_frame_equal(trial.learner.plan.unlabelled, rest)
    row, _ = trial.run()
    assert row["pseudo_rows"] == len(trial.learner.pseudo_)
    assert row["pseudo_accuracy"] > 0.7
    poisoned = pd.Series("poison", index=whole.y_train.index)
    assert _self_training._measures(trial.learner, poisoned)["pseudo_accuracy"](None) == 0


def test_arms_differ_in_what_they_get():
    whole, _, _ = few_labels()
    built = Trial("iris", "", whole, baselines.classifier("logreg", 0))
    arms = {arm: _self_training.trial(built, 9, arm, 0) for arm in ("none", "self", "self:share=.5", "all", "random")}
    sizes = {arm: len(trial.split.y_train) for arm, trial in arms.items()}
    assert sizes == {"none": 9, "self": 9, "self:share=.5": 9, "all": len(whole.y_train), "random": len(whole.y_train)}
    assert set(arms["random"].split.X_train.index) == set(whole.X_train.index)
    assert not arms["random"].split.y_train.sort_index().equals(whole.y_train.sort_index())
    assert len({trial.key(0, {}) for trial in arms.values()}) == len(arms)
    assert np.isnan(arms["none"].measures["pseudo_rows"](None))


@pytest.mark.parametrize(
    "arm", ["most", "none:share=1", "self:most=1", "self:share=x", "self:share=0", "self:rounds=0"]
)
def test_bad_arms_are_refused(arm):
    built = Trial("iris", "", tables.load("iris").split(0), baselines.classifier("logreg", 0))
    with pytest.raises(UserError):
        _self_training.trial(built, 9, arm, 0)


def test_a_learner_without_probabilities_is_refused_before_it_runs():
    _, _, rest = few_labels()
    with pytest.raises(CannotDo, match="svm"):
        SelfTrainingBaseline("svm", plan=Plan(rest)).check()
