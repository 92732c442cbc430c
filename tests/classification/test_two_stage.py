"""Two stages: what pretexts hold, in which order and for how many updates they are learnt."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import KNeighborsClassifier

from classification import _two_stage
from classification import two_stage as script
from classification._two_stage import TwoStageClassifier
from tests.doubles import NearestRow
from utils import study, tables
from utils.errors import BadTable, TooLong, UnknownName, UserError
from utils.study.cases import Trial


class Counter(NearestRow):
    """Counts the updates of every fine-tune that led to it, and keeps what was learnt in the order of the stages."""

    stages = ()

    def fine_tune(self, examples, validation=(), *, settings, seed, on_epoch=None):
        epochs = [examples(epoch) if callable(examples) else examples for epoch in range(1, settings.epochs + 1)]
        tuned = Counter(self.garble, tuple(epochs[0]), self.context_length)
        n_updates = sum(-(-len(rows) // settings.batch_size) for rows in epochs)
        tuned.stages = (*self.stages, {"updates": n_updates, "epochs": epochs, "tuning": settings})
        for epoch in range(1, settings.epochs + 1):
            if on_epoch is not None:
                on_epoch(epoch, tuned, 0.0)
        return tuned


@pytest.fixture(scope="module")
def iris():
    return tables.load("iris", task="classification").split(0)


def make(name, iris, n=200, seed=0, rows=12):
    return _two_stage.pretext(name, iris, iris.subsample(rows, 0), n, seed)


@pytest.mark.parametrize("name", ["synthetic", "noise"])
def test_synthetic_tables_have_the_targets_shape(iris, name):
    pretext = make(name, iris)
    assert len(pretext.tables) == 2
    for X, y in pretext.tables:
        assert X.shape == (100, 4)
        assert list(X.columns) == list(iris.X_train.columns)
        assert set(y) == set(iris.y_train)
        assert y.value_counts().min() >= 30
    assert not pretext.tables[0][0].equals(pretext.tables[1][0])


def test_clusters_can_be_told_and_noise_cannot(iris):
    right = {}
    for name in ("synthetic", "noise"):
        X, y = make(name, iris).tables[0]
        right[name] = KNeighborsClassifier(5).fit(X[:70], y[:70]).score(X[70:], y[70:])
    assert right["synthetic"] > 0.7
    assert right["noise"] < 0.6


def test_more_classes_than_corners_are_no_obstacle():
    whole = tables.load("9clusters", task="classification").split(0)
    for X, y in _two_stage.pretext("synthetic", whole, whole, 90, seed=0).tables:
        assert X.shape == (45, 2)
        assert y.nunique() == 9


def test_unlabelled_rows_ask_for_a_column_that_is_empty(iris):
    pretext = make("unlabelled", iris, n=120)
    assert len(pretext.tables) == 4
    for X, y in pretext.tables:
        (empty,) = [name for name in X if X[name].isna().all()]
        own = iris.X_train.loc[X.index]
        assert X.drop(columns=empty).equals(own.drop(columns=empty))
        assert set(y) == {"0", "1", "2"}
        means = own[empty].groupby(y.to_numpy()).mean()
        assert means.is_monotonic_increasing, "a later part has the greater numbers"
        assert len(X) == 30
    assert len({tuple(X.columns[X.isna().all()]) for X, _ in pretext.tables}) == 4


def test_unlabelled_rows_do_not_look_at_labels(iris):
    blind = replace(iris, y_train=pd.Series(["?"] * len(iris.y_train), index=iris.y_train.index))
    few = iris.subsample(12, 0)
    one, other = (_two_stage.pretext("unlabelled", whole, few, 100, 0) for whole in (iris, blind))
    assert one.sha256() == other.sha256()


def test_categories_are_asked_by_name():
    X = pd.DataFrame({"a": ["u", "v", None, "u"] * 5, "b": range(20)})
    whole = _two_stage.Split(X, pd.Series(["0", "1"] * 10), X, pd.Series(["0", "1"] * 10), X, X["b"], "classification")
    by_column = {}
    for rows, y in _two_stage.pretext("unlabelled", whole, whole, 40, 0).tables:
        (empty,) = [name for name in rows if rows[name].isna().all()]
        by_column[empty] = y
    assert set(by_column["a"]) == {"u", "v"}
    assert len(by_column["a"]) == 15, "a row without the cell cannot be asked"
    assert set(by_column["b"]) == {"0", "1"}


def test_shuffled_labels_are_those_of_the_target(iris):
    few = iris.subsample(30, 0)
    ((X, y),) = _two_stage.pretext("shuffled", iris, few, 200, 0).tables
    assert X.equals(few.X_train)
    assert sorted(y) == sorted(few.y_train)
    assert not y.equals(few.y_train)


@pytest.mark.parametrize("name", [name for name in _two_stage.PRETEXTS if name != "none"])
def test_the_seed_is_everything(iris, name):
    prints = [make(name, iris, seed=seed).sha256() for seed in (0, 0, 1)]
    assert prints[0] == prints[1] != prints[2]


def test_what_makes_no_pretext(iris):
    assert make("none", iris) is None
    with pytest.raises(UnknownName, match="synthetic"):
        make("music", iris)
    with pytest.raises(UserError, match="fewer than one per class"):
        make("noise", iris, n=5)
    single = replace(iris, X_train=iris.X_train.iloc[:, :1])
    with pytest.raises(BadTable, match="leave unlabelled out"):
        _two_stage.pretext("unlabelled", single, single, 100, 0)


def fitted(iris, name, rows=40, **settings):
    few = iris.subsample(rows, 0)
    pretext = _two_stage.pretext(name, iris, few, 200, 0)
    learner = TwoStageClassifier(Counter(), pretext=pretext, **settings)
    return learner.fit(few.X_train, few.y_train, (few.X_validation, few.y_validation))


@pytest.mark.parametrize("rows", [3, 8, 40, 96])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_all_arms_make_as_many_updates(iris, rows, share):
    totals = {}
    for name in _two_stage.PRETEXTS:
        learner = fitted(iris, name, rows, n_updates=100, first_share=share)
        stages = learner.model_.stages
        assert [stage["updates"] for stage in stages] == [n for n in learner.n_updates_ if n]
        assert len(stages) == (1 if name == "none" else 2)
        totals[name] = sum(stage["updates"] for stage in stages)
    assert len(set(totals.values())) == 1
    steps = -(-rows // 4)
    assert abs(totals["none"] - 100) <= max(steps / 2, 2 * steps - 100)


def test_the_pretext_comes_first_and_the_target_goes_on_from_it(iris):
    learner = fitted(iris, "noise", n_updates=60, template={"wording": "names"})
    first, second = learner.model_.stages
    assert {len(rows) for rows in first["epochs"]} == {4}, "every update has a full batch"
    own = {prompt for prompt, _ in learner.template_.examples(iris.X_train, iris.y_train)}
    assert {prompt for prompt, _ in second["epochs"][0]} <= own
    assert not {prompt for rows in first["epochs"] for prompt, _ in rows} & own
    texts = [pair for rows in first["epochs"] for pair in rows]
    assert {completion for _, completion in texts} == set(learner.template_.candidates_), "the target's answers"
    assert all(prompt.startswith("Given that sepal length (cm) is") for prompt, _ in texts), "the target's wording"


def test_all_pretext_rows_come_before_any_comes_again(iris):
    learner = fitted(iris, "shuffled", rows=12, n_updates=60)
    texts = [pair for rows in learner.model_.stages[0]["epochs"] for pair in rows]
    for start in range(0, len(texts) - 12, 12):
        assert len(set(texts[start : start + 12])) == len(set(texts[:12]))


def test_without_validation_rows_the_counts_agree_as_well(iris):
    for name in ("none", "noise"):
        few = iris.subsample(50, 0)
        pretext = _two_stage.pretext(name, iris, few, 200, 0)
        learner = TwoStageClassifier(Counter(), pretext=pretext, n_updates=100).fit(few.X_train, few.y_train)
        assert [stage["updates"] for stage in learner.model_.stages] == [n for n in learner.n_updates_ if n]
        assert sum(learner.n_updates_) == 100


def test_epochs_replace_the_updates(iris):
    learner = fitted(iris, "noise", rows=40, epochs=6)
    assert learner.n_updates_ == (30, 30)
    assert fitted(iris, "none", rows=40, epochs=6).n_updates_ == (0, 60)


def test_a_second_fit_starts_anew(iris):
    learner = fitted(iris, "noise", n_updates=40)
    few = iris.subsample(40, 0)
    again = learner.fit(few.X_train, few.y_train, (few.X_validation, few.y_validation))
    assert len(again.model_.stages) == 2


def test_pretexts_are_told_apart(iris):
    split = iris.subsample(12, 0)
    keys = set()
    for name in _two_stage.PRETEXTS:
        for seed in (0, 1):
            learner = TwoStageClassifier(NearestRow(), pretext=_two_stage.pretext(name, iris, split, 100, seed))
            keys.add(Trial("iris", "", split, learner).key(0, {}))
    assert len(keys) == 2 * len(_two_stage.PRETEXTS) - 1
    described = [TwoStageClassifier(n_updates=n, first_share=s).describe() for n, s in ((9, 0.5), (9, 0.6), (8, 0.5))]
    assert len({str(one) for one in described}) == 3


def test_options_leave_out_the_pretext(iris):
    assert TwoStageClassifier(pretext=make("noise", iris), n_updates=7).options() == "n_updates=7"


@pytest.mark.parametrize("settings", [{"n_updates": 1}, {"first_share": 0.0}, {"first_share": 1.0}])
def test_stages_without_updates_are_refused(iris, settings):
    with pytest.raises(UserError, match="each stage needs an update"):
        TwoStageClassifier(NearestRow(), **settings).check(iris.X_train, iris.y_train, iris.X_test)


def test_a_pretext_that_does_not_fit_is_seen_before_training(iris):
    X = pd.DataFrame({"text": ["word " * 90] * 4, "n": range(4)})
    pretext = _two_stage.Pretext("long", ((X, pd.Series(["0", "1"] * 2)),))
    learner = TwoStageClassifier(NearestRow(context_length=60), pretext=pretext)
    with pytest.raises(TooLong, match="a pretext row takes"):
        learner.check(iris.X_train, iris.y_train, iris.X_test)


def test_the_real_model_goes_through_both_stages(iris):
    few = iris.subsample(12, 0)
    learners = [
        TwoStageClassifier(pretext=_two_stage.pretext(name, iris, few, 20, 0), n_updates=4)
        for name in ("none", "unlabelled")
    ]
    for learner in learners:
        learner.check(few.X_train, few.y_train, few.X_test)
        learner.fit(few.X_train, few.y_train, (few.X_validation, few.y_validation))
    probabilities = [learner.predict_proba(few.X_test) for learner in learners]
    assert np.abs(probabilities[0] - probabilities[1]).max() > 1e-4
    np.testing.assert_allclose(probabilities[1].sum(axis=1), 1, rtol=1e-5)
    assert learners[1].n_tokens_trained_ > 0


def test_one_row_is_refused_and_rows_beyond_the_table_are_all():
    with pytest.raises(UserError, match="--rows 2 or more"):
        list(script.cases(script.Config(rows=(1, 8))))
    config = script.Config(datasets=("iris",), rows=(8, 500, 1000))
    cases = list(script.cases(config))
    assert {case.settings["rows"] for case in cases} == {8, 96}
    assert {case.settings["pretext"] for case in cases if case.method != "lift"} == {"none"}
    trial = script.build(study.Case("iris", "lift", 0, {"rows": 8, "pretext": "noise"}), config)
    assert len(trial.split.y_train) == 8
    assert trial.learner.pretext.name == "noise"
