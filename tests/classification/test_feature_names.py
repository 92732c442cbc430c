"""Names of features: none, correct, shuffled; and a learner that is asked with others than it was tuned with."""

import numpy as np
import pandas as pd
import pytest

from classification import _feature_names, feature_names
from classification._feature_names import RenamedClassifier
from tests.doubles import NearestRow
from utils import study, tables
from utils.errors import BadTable, CannotDo, UnknownName, UserError
from utils.prompts import Template

COLUMNS = ["age", "size", "colour", "price", "place"]


class Listener(NearestRow):
    """Keeps the prompts that it was tuned on and asked."""

    heard = None

    def fine_tune(self, examples, validation=(), **settings):
        tuned = super().fine_tune(examples, validation, **settings)
        listening = Listener(self.garble, tuned.examples, self.context_length)
        listening.heard = []
        return listening

    def log_likelihood(self, prompts, candidates):
        self.heard.extend(prompts)
        return super().log_likelihood(prompts, candidates)


@pytest.fixture(scope="module")
def iris():
    return tables.load("iris", task="classification").split(0)


def test_the_three_forms():
    assert _feature_names.names(COLUMNS, "none", 0) == ["x1", "x2", "x3", "x4", "x5"]
    assert _feature_names.names(COLUMNS, "correct", 0) == COLUMNS


@pytest.mark.parametrize("shuffling", range(1, 8))
@pytest.mark.parametrize("n", [2, 3, 5])
def test_shuffled_names_are_all_there_and_none_is_right(n, shuffling):
    shuffled = _feature_names.names(COLUMNS[:n], "shuffled", shuffling)
    assert sorted(shuffled) == sorted(COLUMNS[:n])
    assert all(new != old for new, old in zip(shuffled, COLUMNS[:n], strict=True))
    assert shuffled == _feature_names.names(COLUMNS[:n], "shuffled", shuffling)


def test_shufflings_differ():
    assert len({tuple(_feature_names.names(COLUMNS, "shuffled", shuffling)) for shuffling in range(1, 6)}) > 2


def test_what_cannot_be_named():
    with pytest.raises(UnknownName, match="have none, correct, shuffled"):
        _feature_names.names(COLUMNS, "right", 0)
    with pytest.raises(BadTable, match="single column"):
        _feature_names.names(["age"], "shuffled", 1)
    with pytest.raises(UnknownName, match="same"):
        list(_feature_names.pairs(["none"], ["wrong"], 1))


def test_every_pair_comes_once_and_with_all_shufflings():
    assert list(_feature_names.pairs(["none", "shuffled"], ["same", "none"], 2)) == [
        ("none", "none", 0),
        ("shuffled", "shuffled", 1),
        ("shuffled", "shuffled", 2),
        ("shuffled", "none", 1),
        ("shuffled", "none", 2),
    ]


@pytest.mark.parametrize("wording", ["paper", "names", "compact", "Of {features}: which?"])
def test_a_renamed_template_is_one_fitted_with_those_names(iris, wording):
    names = _feature_names.names(iris.X_train.columns, "shuffled", 1)
    fitted = Template("classification", wording, numbers="scaled").fit(iris.X_train, iris.y_train)
    wanted = Template("classification", wording, names=names, numbers="scaled").fit(iris.X_train, iris.y_train)
    assert _feature_names.renamed(fitted, names).prompts(iris.X_test) == wanted.prompts(iris.X_test)
    assert fitted.names_ == list(iris.X_train.columns)
    for wrong in (names[:-1], [names[0]] * 4):
        with pytest.raises(UserError, match="4 different ones"):
            _feature_names.renamed(fitted, wrong)


@pytest.mark.parametrize("permutations", [1, 2])
def test_it_is_tuned_with_one_name_and_asked_with_another(iris, permutations):
    asked = _feature_names.names(iris.X_train.columns, "none", 0)
    learner = RenamedClassifier(
        Listener(), template="names", asked_names=asked, epochs=1, learning_rate=1.0, permutations=permutations
    )
    learner.fit(iris.X_train, iris.y_train, (iris.X_validation, iris.y_validation))
    model = learner.model_
    assert all("sepal length" in prompt for prompt, _ in model.examples)
    assert all("sepal length" in prompt for prompt in model.heard), "the validation rows have the names of training"
    model.heard.clear()
    answers = learner.answers(iris.X_test)
    assert len(model.heard) == permutations * len(iris.X_test)
    assert all("x1 is" in prompt and "sepal" not in prompt for prompt in model.heard)
    assert answers.prompts[0].startswith("Given that x1 is")


def test_names_do_not_change_what_is_read(iris):
    names = _feature_names.names(iris.X_train.columns, "shuffled", 1)
    validation = (iris.X_validation, iris.y_validation)
    plain, renamed = (
        RenamedClassifier(NearestRow(), template="names", asked_names=asked).fit(iris.X_train, iris.y_train, validation)
        for asked in (None, names)
    )
    np.testing.assert_array_equal(plain.predict(iris.X_test), renamed.predict(iris.X_test))


def test_asked_names_are_part_of_what_it_is():
    one, other = (RenamedClassifier(NearestRow(), asked_names=names) for names in (None, ["a", "b"]))
    assert one.describe() != other.describe()
    assert one.get_params()["asked_names"] is None


def test_options_leave_out_what_has_columns():
    template = {"wording": "names", "names": ["a", "b"], "levels": 10}
    learner = RenamedClassifier(template=template, asked_names=["c", "d"], epochs=2)
    assert learner.options() == "epochs=2 levels=10"
    assert learner.template == template


def test_rows_in_the_prompt_are_refused(iris):
    learner = RenamedClassifier(NearestRow(), template="names", asked_names=["a", "b", "c", "d"], shots=2)
    with pytest.raises(CannotDo, match="leave out --shots"):
        learner.check(iris.X_train, iris.y_train, iris.X_test)


def test_longer_names_in_the_test_are_seen_before_training(iris):
    names = [f"{name} of a flower whose other measures follow" for name in "abcd"]
    learner = RenamedClassifier(NearestRow(context_length=30), template="names", asked_names=names)
    with pytest.raises(UserError, match="tokens"):
        learner.check(iris.X_train, iris.y_train, iris.X_test)


def test_sentences_are_there_for_their_tables_and_need_names():
    assert _feature_names.wording("names", "iris", ("none", "none")) == "names"
    assert _feature_names.wording("sentence", "tae", ("correct", "shuffled")) == "tae"
    assert _feature_names.wording("sentence", "tae", ("correct", "none")) is None
    assert _feature_names.wording("sentence", "iris", ("correct", "correct")) is None
    assert _feature_names.wording("sentence", "servo", ("correct", "correct")) is None, "a table for regression"


def test_shuffled_names_move_the_values_of_a_sentence():
    X = pd.DataFrame({"native": ["1", "2"], "instructor": [7, 8], "course": [3, 4], "session": ["1", "2"]})
    X["size"] = [19, 20]
    names = ["size", "native", "instructor", "course", "session"]
    fitted = Template("classification", "tae", names=list(X.columns)).fit(X, ["a", "b"])
    assert "course 3 with instructor 7 during the summer session, with 19 students" in fitted.prompts(X)[0]
    shuffled = _feature_names.renamed(fitted, names).prompts(X)[0]
    assert "course 1 with instructor 3 during the 19 session, with 1 students" in shuffled


def test_cases_of_the_experiment_share_their_rows():
    config = feature_names.Config(limit=20)
    cases = list(feature_names.cases(config))
    assert len({frozenset(case.settings) for case in cases}) == 1
    lift = [case for case in cases if case.method == "lift"]
    assert len({(*case.settings.values(),) for case in lift}) == len(lift)
    trials = [feature_names.build(case, config) for case in lift[:9]]
    assert len({trial.split.fingerprint() for trial in trials}) == 1
    assert len({trial.key(0, {}) for trial in trials}) == len(trials), "the learner tells them apart by itself"


def test_the_flags_of_a_template_stay():
    config = feature_names.Config(limit=20, numbers="significant")
    settings = {"names": "correct", "tested_with": "none", "template": "names", "shuffling": 0}
    learner = feature_names.build(study.Case("iris", "lift", 0, settings), config).learner
    assert learner.unfitted_template().numbers == "significant"
    assert learner.asked_names == ["x1", "x2", "x3", "x4"]
