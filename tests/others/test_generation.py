"""Rows as texts and back, the ways to draw rows, and how real they look."""

import numpy as np
import pandas as pd
import pytest

from others._generation import generators, realism
from others._generation.row_texts import RowTexts
from utils import tables

MIXED = pd.DataFrame(
    {
        "length": [0.5, 1.25, np.nan, 3.0],
        "count": [0, 3, 7, 5],
        "colour": ["red", "blue", None, "red"],
        "constant": [2.5] * 4,
    }
)


def test_a_row_is_its_text_read_back():
    texts = RowTexts(1000).fit(MIXED)
    written = texts.write(MIXED)
    assert written[1].split()[1:3] == ["3", "0"]
    assert written[2].split()[0] == "?"
    assert [texts.read(text) for text in written] == texts.codes(MIXED).tolist()
    again = texts.frame(texts.codes(MIXED))
    assert again["colour"].fillna("").tolist() == ["red", "blue", "", "red"]
    np.testing.assert_allclose(again["length"], MIXED["length"], atol=2.5 / 999)
    np.testing.assert_array_equal(again["count"], MIXED["count"])
    np.testing.assert_array_equal(again["constant"], MIXED["constant"])


@pytest.mark.parametrize(
    "text", ["", " 1 3 0", " 1 3 0 499 5", " 1 8 0 499", " 1 3 2 499", " 1 3 -1 499", " 1 ? 0 499"]
)
def test_what_is_no_row_is_none(text):
    assert RowTexts(1000).fit(MIXED).read(text) is None


def test_pixels_may_be_anything_up_to_the_top():
    pixels = pd.DataFrame({"r0c0": [0, 0, 0], "r0c1": [0, 5, 16]})
    assert RowTexts(17).fit(pixels).read(" 9 3") is None
    assert RowTexts(17, top=16).fit(pixels).read(" 9 3") == [9, 3]


@pytest.fixture(scope="module")
def iris():
    return tables.load("iris", task="classification").split(0, "paper")


def fitted(name, split, given="label"):
    learner = generators.Reference(name, given, levels=100, seed=0)
    return learner.fit(split.X_train, split.y_train, (split.X_validation, split.y_validation))


@pytest.mark.parametrize("given", generators.GIVEN)
@pytest.mark.parametrize("name", generators.REFERENCES)
def test_every_way_draws_as_many_rows_of_which_a_forest_learns(iris, name, given):
    learner = fitted(name, iris, given)
    assert len(learner.drawn_) == len(iris.X_train)
    assert list(learner.drawn_) == list(iris.X_train)
    assert np.mean(learner.predict(iris.X_test) == iris.y_test) > 0.8
    np.testing.assert_allclose(learner.predict_proba(iris.X_test).sum(axis=1), 1)
    if given == "half" and name != "real":
        known = learner.texts_.codes(iris.X_validation)[:, :2].tolist()
        assert all(row in known for row in learner.texts_.codes(learner.drawn_)[:, :2].tolist())


def test_copies_are_seen_and_independent_cells_are_told(iris):
    scores = {
        name: {score: of(None) for score, of in realism.measures(fitted(name, iris), iris).items()}
        for name in ("bootstrap", "gaussian", "marginals")
    }
    assert scores["bootstrap"]["nearest_ratio"] == 0
    assert scores["bootstrap"]["near_share"] == 1
    assert 0.5 < scores["gaussian"]["nearest_ratio"] < 2
    assert scores["gaussian"]["near_share"] < 0.5
    assert scores["marginals"]["two_sample"] > scores["bootstrap"]["two_sample"]
    assert {score["valid"] for score in scores.values()} == {1.0}


def test_two_samples_of_one_kind_cannot_be_told_and_of_two_kinds_can():
    rng = np.random.default_rng(0)
    one, other = (pd.DataFrame(rng.normal(size=(80, 3))) for _ in range(2))
    assert realism.two_sample(one, other) == pytest.approx(0.5, abs=0.15)
    assert realism.two_sample(one, other + 5) == 1
    assert np.isnan(realism.two_sample(one.head(3), other))


def test_a_model_that_draws_nothing_answers_the_majority(iris):
    split = iris.limit(20)
    learner = generators.RowWriter(epochs=1, row_levels=10, temperature=5.0, threads=1)
    learner.check(split.X_train, split.y_train, split.X_test)
    learner.fit(split.X_train, split.y_train, (split.X_validation, split.y_validation))
    assert 0 <= learner.valid_ <= 1
    assert len(learner.drawn_) == len(learner.labels_) <= 20
    answers = learner.answers(split.X_test)
    assert all(text.startswith(prompt) for prompt, text in zip(answers.prompts, answers.texts, strict=True))
    hotter = generators.RowWriter(epochs=1, row_levels=10, temperature=6.0, threads=1)
    hotter.fit(split.X_train, split.y_train, (split.X_validation, split.y_validation))
    assert hotter.model_ is learner.model_, "the temperature needs no tuning of its own"
    assert learner.options() == "epochs=1"
