"""Rows in the prompt instead of tuning: which, how many, and that nothing is tuned."""

import numpy as np
import pytest

from classification import _in_context
from classification import in_context as script
from classification._in_context import InContextClassifier, ShowingClassifier
from tests.doubles import NearestRow
from utils import study, tables
from utils.errors import UnknownName, UserError
from utils.estimators import recipes


class Untuned(NearestRow):
    """Answers the first candidate, keeps the prompts, and refuses to be tuned."""

    def __init__(self):
        super().__init__()
        self.heard = []

    def fine_tune(self, *args, **settings):
        raise AssertionError("in-context learning tunes nothing")

    def log_likelihood(self, prompts, candidates):
        self.heard.extend(prompts)
        return np.tile(-np.arange(len(candidates), dtype=float), (len(prompts), 1))


@pytest.fixture(scope="module")
def iris():
    return tables.load("iris", task="classification").split(0)


def test_all_rows_stand_in_every_prompt_and_nothing_is_tuned(iris):
    few = _in_context.subset(iris, 7, "random", seed=1)
    model = Untuned()
    learner = InContextClassifier(model, template="compact", epochs=5)
    learner.fit(few.X_train, few.y_train, (few.X_validation, few.y_validation))
    learner.predict(few.X_test)
    shown = learner.template_.examples(few.X_train, few.y_train.to_numpy())
    wanted = sorted(prompt + completion for prompt, completion in shown)
    for heard, own in zip(model.heard, learner.template_.prompts(few.X_test), strict=True):
        *rows, query = heard.split("\n")
        assert sorted(rows) == wanted
        assert query == own
    assert learner.settings_["shots"] == 7
    assert learner.best_epoch_ == 0


def test_an_untuned_pretrained_model_is_shown_the_numbers_themselves(monkeypatch):
    monkeypatch.setattr(recipes.models, "recipe", lambda name: {})
    assert InContextClassifier("lift-tiny").settings()["numbers"] == "significant"
    assert ShowingClassifier("lift-tiny").settings()["numbers"] == "scaled"


def test_the_seed_orders_the_rows(iris):
    few = _in_context.subset(iris, 7, "random", seed=1)
    first = [
        InContextClassifier(Untuned(), random_state=seed).fit(few.X_train, few.y_train).answers(few.X_test).prompts[0]
        for seed in (0, 0, 1)
    ]
    assert first[0] == first[1] != first[2]


def test_nearest_rows_are_those_of_lift(iris):
    parameters = {"template": "compact", "shots": 3, "shot_choice": "nearest"}
    learner = InContextClassifier(Untuned(), **parameters)
    learner.fit(iris.X_train, iris.y_train, (iris.X_validation, iris.y_validation))
    prompts = learner.answers(iris.X_test).prompts
    assert {len(prompt.split("\n")) for prompt in prompts} == {4}
    assert len({prompt.rsplit("\n", 1)[0] for prompt in prompts}) > 5, "each query has its own"


def test_what_has_columns_is_no_option():
    assert ShowingClassifier(shots=3, shot_choice="nearest", epochs=2).options() == "epochs=2"
    assert InContextClassifier(shots=3, shot_choice="nearest", epochs=2, decoding="generate").options() == (
        "decoding=generate"
    )


@pytest.mark.parametrize("choice", _in_context.SUBSETS)
def test_a_subset_has_its_size_and_leaves_the_test_rows(iris, choice):
    few = _in_context.subset(iris, 12, choice, seed=0)
    assert len(few.y_train) == len(few.X_train) == 12
    assert set(few.X_train.index) <= set(iris.X_train.index)
    assert few.X_train.index.equals(few.y_train.index)
    assert few.y_train.equals(iris.y_train.loc[few.y_train.index])
    assert len(few.y_validation) == round(12 / len(iris.y_train) * len(iris.y_validation))
    assert few.X_test.equals(iris.X_test)
    assert few.fingerprint() == _in_context.subset(iris, 12, choice, seed=0).fingerprint()
    assert few.fingerprint() != _in_context.subset(iris, 12, choice, seed=1).fingerprint()


def test_balanced_rows_are_balanced():
    split = tables.load("breast_cancer", task="classification").split(0)
    counts = _in_context.subset(split, 20, "balanced", seed=0).y_train.value_counts()
    assert counts.tolist() == [10, 10]
    assert _in_context.subset(split, 20, "random", seed=0).y_train.value_counts().max() > 10
    with pytest.raises(UnknownName, match="nearest"):
        _in_context.subset(split, 20, "nearest", seed=0)


def test_the_papers_numbers():
    shown = [_in_context.n_shown(name, "paper", 1000) for name in _in_context.PAPER_SHOTS]
    assert shown == [35, 50, 14, 43, 29, 33]
    assert _in_context.n_shown("iris", "16", 1000) == 16
    assert _in_context.n_shown("iris", "16", 10) == 9
    with pytest.raises(UserError, match="give --shown 16"):
        _in_context.n_shown("iris", "paper", 96)
    with pytest.raises(UserError, match="give 1 or more"):
        _in_context.n_shown("iris", "-3", 96)


def test_the_arms_see_the_same_rows():
    config = script.Config(datasets=("iris",), shown=(8,))
    trials = {}
    for case in script.cases(config):
        trials[case.method, case.settings["arm"], case.settings["choice"]] = script.build(case, config)
    for choice in _in_context.SUBSETS:
        prompt, tuned, other = (
            trials[m, arm, choice] for m, arm in (("lift", "prompt"), ("lift", "tuned"), ("knn", "tuned"))
        )
        assert prompt.split.fingerprint() == tuned.split.fingerprint() == other.split.fingerprint()
        assert len(prompt.split.y_train) == 8
        assert isinstance(prompt.learner, InContextClassifier)
        assert not isinstance(tuned.learner, InContextClassifier)
    nearest = trials["lift", "prompt", "nearest"]
    assert nearest.split.fingerprint() == trials["lift", "all", "all"].split.fingerprint()
    assert (nearest.learner.shots, nearest.learner.shot_choice) == (8, "nearest")
    both = trials["lift", "both", "random"].learner
    assert both.shots == 8
    assert both.settings()["epochs"] > 0
    assert ("knn", "both", "random") not in trials


def test_more_rows_than_there_are_is_no_error():
    config = script.Config(shown=(50,), limit=20)
    trial = script.build(study.Case("iris", "lift", 0, {"arm": "prompt", "shown": "50", "choice": "random"}), config)
    assert len(trial.split.y_train) == 19
