"""Rows shown in a prompt: which ones, in which order, how many."""

import numpy as np
import pandas as pd
import pytest

from tests.doubles import NearestRow
from utils import study
from utils.errors import BadTable, TooLong, UnknownName, UserError
from utils.estimators import LIFTClassifier, LIFTRegressor, load
from utils.estimators.augmentation import Augmentation, TrainingTexts
from utils.prompts import Template
from utils.prompts.few_shot import Balanced, Nearest, Random, Shots

EXACT = {"wording": "compact", "numbers": "significant", "digits": 6}


def classifier(**options):
    return LIFTClassifier(model=NearestRow(), template=EXACT, epochs=0, **options)


def lines(prompt):
    """The rows of a prompt in the compact wording as (number, answer), the query last."""
    pairs = [line.split("=>") for line in prompt.splitlines()]
    return [(float(row.split()[0]), answer.strip()) for row, answer in pairs]


def test_neighbours_of_a_table_made_by_hand():
    X = pd.DataFrame({"x": [0.0, 1, 10, 11, 20], "word": ["a", "a", "b", "b", "a"]})  # another word is 10.4 away
    nearest = Nearest(X, 2)
    assert nearest.own().tolist() == [[2, 1], [2, 0], [1, 3], [4, 2], [2, 3]]
    queries = pd.DataFrame({"x": [19.0, 1.2, 4.0], "word": ["a", "b", "never seen"]})
    assert nearest.neighbours(queries).tolist() == [[3, 4], [3, 2], [0, 1]]


def test_a_row_is_never_its_own_neighbour_but_an_equal_one_is():
    X = pd.DataFrame({"x": [5.0] * 6 + [9.0]})
    own = Nearest(X, 4).own()
    assert all(i not in rows for i, rows in enumerate(own.tolist()))
    assert all(6 not in rows for rows in own[:6].tolist())
    assert Nearest(X, 6).own().shape == (7, 6)


def test_columns_count_alike_whatever_their_unit_and_missing_cells_are_in_the_middle():
    X = pd.DataFrame({"metres": [0.0, 1.0, 0.0, 1.0], "mm": [0.0, 0.0, 1000.0, 1000.0]})
    assert Nearest(X, 1).neighbours(pd.DataFrame({"metres": [0.9, 0.1], "mm": [100, 900]})).tolist() == [[1], [2]]
    X = pd.DataFrame({"x": [-9.0, 9.0, 0.0]})
    assert Nearest(X, 1).neighbours(pd.DataFrame({"x": [np.nan]})).tolist() == [[2]]


def test_rows_scaled_by_themselves_are_compared_by_their_shape():
    X = pd.DataFrame([[1, 2, 3], [700, 800, 900], [3, 2, 1], [900, 800, 700]], columns=list("abc"), dtype=float)
    queries = pd.DataFrame([[3.1, 2.9, 2.0]], columns=list("abc"))
    y = ["up", "up", "down", "down"]
    for scale, expected in (("row", {2, 3}), ("column", {0, 2})):
        template = Template("classification", wording="compact", numbers="scaled", scale=scale).fit(X, y)
        shots = Shots.of({"shots": 2, "shot_choice": "nearest"}, template, X, np.array(y), seed=0)
        assert set(shots.chooser.neighbours(queries)[0].tolist()) == expected


def test_each_query_shows_its_neighbours_the_nearest_last():
    x = np.array([[1.5], [8.25], [3.5], [5.75], [9.5]])
    lift = classifier(shots=3, shot_choice="nearest").fit(x, list("abcde"))
    asked = pd.DataFrame({"x1": [9.0, 1.0]})
    first, second = map(lines, lift.reader_.prompts(asked))
    assert first == [(5.75, "3"), (8.25, "1"), (9.5, "4"), (9.0, "")]
    assert second == [(5.75, "3"), (3.5, "2"), (1.5, "0"), (1.0, "")]


def test_tuning_shows_the_other_neighbours_as_the_epoch_writes_them():
    rng = np.random.default_rng(0)
    X, y = pd.DataFrame({"x1": rng.normal(size=30), "x2": rng.normal(size=30)}), np.array(["a", "b", "c"] * 10)
    template = Template("classification", wording="compact", numbers="significant", digits=6).fit(X, y)
    shots = Shots.of({"shots": 4, "shot_choice": "nearest"}, template, X, y, seed=0)
    shown = TrainingTexts(template, X, y, Augmentation(jitter=0.05), 0, shots)
    alone = TrainingTexts(template, X, y, Augmentation(jitter=0.05), 0)
    for epoch in (1, 2):
        pairs = alone(epoch)
        for i, (prompt, completion) in enumerate(shown(epoch)):
            expected = ["".join(pairs[j]) for j in shots.chooser.own()[i]]
            assert prompt.splitlines() == [*expected, pairs[i][0]]
            assert completion == pairs[i][1]
    assert shown(1) != shown(2)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 9, 15])
def test_balanced_rows_are_as_equal_as_the_table_allows(n):
    y = np.array(["often"] * 20 + ["some"] * 5 + ["rare"] * 2)
    drawn = Balanced(y, n, "classification").draw(np.random.default_rng(n))
    assert len(set(drawn.tolist())) == n
    counts = sorted([int((y[drawn] == label).sum()) for label in ("often", "some", "rare")], reverse=True)
    expected = {1: [1, 0, 0], 2: [1, 1, 0], 3: [1, 1, 1], 7: [3, 2, 2], 9: [4, 3, 2], 15: [8, 5, 2]}
    assert counts == expected[n]


def test_balanced_numbers_are_spread_over_the_quantiles():
    rng = np.random.default_rng(0)
    y = np.exp(rng.normal(size=100))
    drawn = Balanced(y, 5, "regression").draw(rng)
    ranks = np.argsort(np.argsort(y))[drawn]
    assert sorted((ranks // 20).tolist()) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("n", [1, 4, 11])
def test_no_row_shows_itself(task, n):
    y = np.repeat([0.0, 1.0, 2.0], 4)
    for chooser in (Random(12, n), Balanced(y, n, task), Nearest(pd.DataFrame({"x": y}), n)):
        rows = chooser.own(np.random.default_rng(0))
        assert rows.shape == (12, n)
        for i, others in enumerate(rows.tolist()):
            assert i not in others
            assert len(set(others)) == n
            assert set(others) <= set(range(12))


def test_random_rows_are_those_of_earlier_versions():
    rng, again = np.random.default_rng(3), np.random.default_rng(3)
    rows = Random(9, 4).own(rng)
    for i in range(9):
        others = again.choice(8, 4, replace=False)
        assert rows[i].tolist() == [j + (j >= i) for j in others]
    x = np.arange(9.0)[:, None] + 0.5
    lift = classifier(shots=4, random_state=1).fit(x, list("abc") * 3)
    chosen = np.random.default_rng(lift.seed("shots")).choice(9, 4, replace=False)
    for prompt in lift.reader_.prompts(pd.DataFrame({"x1": [0.1, 9.1]})):
        assert [x for x, _ in lines(prompt)[:-1]] == (chosen + 0.5).tolist()


@pytest.mark.filterwarnings("ignore::utils.estimators.base.CollisionWarning")
@pytest.mark.parametrize("choice", ["random", "balanced", "nearest"])
@pytest.mark.parametrize("kind", [LIFTClassifier, LIFTRegressor])
def test_every_choice_tunes_and_predicts(choice, kind):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x1": rng.normal(size=40), "word": ["u", "v"] * 20})
    y = (X["x1"] > 0).astype(int)
    lift = kind(epochs=1, shots=3, shot_choice=choice, random_state=1).fit(X, y)
    assert (lift.settings_["shots"], lift.settings_["shot_choice"]) == (3, choice)
    assert lift.reader_.prompts(X)[0].count("=>") == 4
    assert np.isfinite(lift.predict(X)).all()


def test_the_recipe_brings_shots_and_the_user_has_the_last_word(folder):
    model = folder(shots=5, shot_choice="nearest")
    x, y = np.arange(20.0)[:, None], ["a", "b"] * 10
    lift = LIFTClassifier(model, epochs=0).fit(x, y)
    assert (lift.settings_["shots"], lift.settings_["shot_choice"]) == (5, "nearest")
    assert lift.reader_.prompts(pd.DataFrame({"x1": [7.2]}))[0].count("=>") == 6
    assert LIFTClassifier(model, epochs=0, shots=2).fit(x, y).settings_["shots"] == 2
    assert LIFTClassifier(model, epochs=0, shots=0).fit(x, y).reader_.shots is None
    assert LIFTClassifier(model, shot_choice="random").describe()["shot_choice"] == "random"
    assert LIFTClassifier(model).describe()["shots"] == 5


def test_shots_of_the_recipe_are_cut_to_the_rows_the_context_and_the_budget(folder):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.uniform(size=(80, 40)), columns=[f"x{i}" for i in range(40)])
    y = rng.integers(2, size=80)
    model = folder(shots=1000)
    few = LIFTClassifier(model, epochs=0).fit(X[:6], y[:6])
    assert few.settings_["shots"] == 5
    many = LIFTClassifier(model, epochs=0).fit(X, y)
    n, tokens = many.settings_["shots"], many.model_.count_tokens
    context = many.model_.context_length
    longest = max(tokens(many.reader_.prompts(X))) + many.reader_.max_new_tokens
    assert 0 < n < 79
    per_row = max(tokens([f"{p}{c}\n" for p, c in many.template_.examples(X, y)]))
    assert longest <= context < longest + per_row
    many.check(X, y, X)
    limited = LIFTClassifier(folder(shot_tokens=3 * per_row + 1), epochs=0).fit(X, y)
    assert limited.settings_["shots"] == 3
    assert LIFTClassifier(folder(shot_tokens=2), epochs=0).fit(X, y).settings_["shots"] == 0
    with pytest.raises(TooLong, match="fewer --shots"):
        LIFTClassifier(model, epochs=0, shots=n + 3).check(X, y, X)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"shots": 4}, BadTable, "lower --shots"),
        ({"shots": 4, "shot_choice": "nearest"}, BadTable, "lower --shots"),
        ({"shots": -1}, UserError, "must not be negative"),
        ({"shots": 2, "shot_choice": "closest"}, UnknownName, "random, balanced, nearest"),
    ],
)
def test_shots_that_cannot_be_are_refused(options, error, words):
    x, y = np.arange(4.0)[:, None], list("abab")
    with pytest.raises(error, match=words):
        classifier(**options).check(x, y, x)
    with pytest.raises(error, match=words):
        classifier(**options).fit(x, y)


def test_a_saved_estimator_still_knows_its_neighbours(tmp_path):
    x, y = np.arange(12.0)[:, None], ["a", "b", "c"] * 4
    lift = LIFTClassifier(epochs=1, validation_fraction=0.0, shots=2, shot_choice="nearest").fit(x, y)
    lift.save(tmp_path / "saved")
    np.testing.assert_allclose(load(tmp_path / "saved").predict_proba(x), lift.predict_proba(x), atol=1e-6)


def test_flags_reach_the_estimator():
    lift = study.Config(shots=7, shot_choice="nearest").lift("classification", 0)
    assert (lift.shots, lift.shot_choice) == (7, "nearest")
    assert lift.options() == "shot_choice=nearest shots=7"
    plain = study.Config().lift("regression", 0)
    assert (plain.shots, plain.shot_choice, plain.options()) == (None, None, "")
