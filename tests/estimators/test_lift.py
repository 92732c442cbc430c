"""The estimators on an instant model: scikit-learn's own checks, decodings, selection, shots, orders, files."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.ensemble import AdaBoostClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from tests.doubles import NearestRow
from utils import estimators
from utils.errors import BadModel, BadTable, CannotDo, TooLong, UnknownName, UserError
from utils.estimators import LIFTClassifier, LIFTRegressor, inputs
from utils.estimators.augmentation import Augmentation, TrainingTexts
from utils.estimators.base import CollisionWarning
from utils.prompts import Template
from utils.prompts.few_shot import Random, Shots

EXACT = {"wording": "compact", "numbers": "significant", "digits": 6}
FEW = {"epochs": 1, "validation_fraction": 0.0}


@parametrize_with_checks(
    [
        LIFTClassifier(model=NearestRow(), template=EXACT, **FEW),
        LIFTRegressor(model=NearestRow(), template=EXACT, **FEW),
    ]
)
@pytest.mark.filterwarnings("ignore::utils.estimators.base.CollisionWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_is_a_scikit_learn_estimator(estimator, check):
    check(estimator)


@pytest.fixture
def rows():
    """Twelve rows of two numbers and a word; the class is the sign of the first number."""
    rng = np.random.default_rng(0)
    x1 = np.r_[rng.uniform(-9, -1, 6), rng.uniform(1, 9, 6)]
    X = pd.DataFrame({"x1": x1, "x2": rng.uniform(-1, 1, 12), "word": ["a, b", "", "###", "é", "=", "x"] * 2})
    return X, np.array(["no"] * 6 + ["yes"] * 6)


def classifier(**options):
    return LIFTClassifier(model=NearestRow(), template=EXACT, **{**FEW, **options})


def test_string_labels_come_back_with_their_probabilities(rows):
    X, y = rows
    lift = classifier().fit(X, y)
    assert lift.predict(X).tolist() == y.tolist()
    assert lift.classes_.tolist() == ["no", "yes"]
    probabilities = lift.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert (lift.classes_[probabilities.argmax(axis=1)] == y).all()
    assert lift.score(X, y) == 1.0


def test_unreadable_answers_are_none_and_count_as_wrong(rows):
    X, y = rows
    lift = LIFTClassifier(model=NearestRow(garble=4), template=EXACT, decoding="generate", **FEW).fit(X, y)
    assert [value is None for value in lift.predict(X)] == [i % 4 == 0 for i in range(12)]
    assert lift.score(X, y) == 0.75
    assert lift.answers(X).texts[0] == "no idea"


def test_a_retry_reads_what_the_first_answer_did_not_say_and_keeps_both(rows):
    X, y = rows
    lift = LIFTClassifier(model=NearestRow(garble=4), template=EXACT, decoding="generate", retries=2, **FEW).fit(X, y)
    assert lift.score(X, y) == 1.0
    assert json.loads(lift.answers(X).texts[0]) == ["no idea", " 0", " 0"]


def test_regression_decodings_agree_on_a_sure_model():
    x = np.linspace(-1, 1, 41)[:, None]
    y = 3 * x.ravel() - 1
    scaled = {"wording": "compact", "numbers": "scaled"}
    for decoding, samples in (("greedy", 0), ("median", 0), ("median", 3), ("mean", 3)):
        lift = LIFTRegressor(model=NearestRow(), template=scaled, decoding=decoding, samples=samples, **FEW).fit(x, y)
        np.testing.assert_allclose(lift.predict(x), y, atol=0.01, err_msg=f"{decoding} {samples}")


def test_an_exact_median_needs_levels_and_says_so_before_tuning():
    x = np.arange(8.0)[:, None]
    lift = LIFTRegressor(model=NearestRow(), template=EXACT, decoding="median", **FEW)
    with pytest.raises(CannotDo, match="--numbers scaled"):
        lift.check(x, x.ravel(), x)
    with pytest.raises(CannotDo, match="--decoding greedy"):
        lift.fit(x, x.ravel())


def test_unreadable_numbers_are_nan_not_a_default():
    x = np.arange(8.0)[:, None]
    lift = LIFTRegressor(model=NearestRow(garble=4), template=EXACT, decoding="greedy", **FEW).fit(x, x.ravel())
    assert np.isnan(lift.predict(x)).tolist() == [i % 4 == 0 for i in range(8)]


def test_the_validation_rows_choose_epoch_and_learning_rate():
    class BestAtThree(NearestRow):
        """Right only after the third epoch of the second learning rate."""

        def fine_tune(self, examples, validation=(), *, settings, seed, on_epoch=None):
            tuned = super().fine_tune(examples, validation, settings=settings, seed=seed)
            right = tuned.examples
            wrong = tuple((p, " 1" if c == " 0" else " 0") for p, c in right)
            best = -np.inf, wrong
            for epoch in range(1, settings.epochs + 1):
                tuned.examples = right if (epoch, settings.learning_rate) == (3, 0.2) else wrong
                score = on_epoch(epoch, tuned, 0.5)
                best = max(best, (score, tuned.examples), key=lambda pair: pair[0])
            tuned.examples = best[1]
            return tuned

    X, y = load_iris(return_X_y=True)
    X, y = X[:100], y[:100]
    lift = LIFTClassifier(model=BestAtThree(), template=EXACT, epochs=5, learning_rate=(0.1, 0.2)).fit(X, y)
    assert (lift.best_epoch_, lift.best_learning_rate_) == (3, 0.2)
    assert len(lift.history_) == 10
    assert lift.score(X, y) == 1.0


def test_a_weight_repeats_its_row(rows):
    X, y = rows
    weights = np.array([0, 2, 1] * 4)
    weighted, repeated = classifier(), classifier()
    weighted.fit(X, y, sample_weight=weights)
    repeated.fit(X.loc[X.index.repeat(weights)], np.repeat(y, weights))
    assert weighted.model_.examples == repeated.model_.examples
    assert weighted.score(X, y, sample_weight=[1] + [0] * 11) == float(weighted.predict(X)[0] == y[0])
    with pytest.raises(BadTable, match=r"shape \(3,\); it needs one weight for each of the 12 rows"):
        classifier().fit(X, y, sample_weight=[1, 2, 3])
    for bad in (-1, np.nan, np.inf):
        with pytest.raises(BadTable, match="non-negative"):
            classifier().fit(X, y, sample_weight=[bad] + [1] * 11)


@pytest.mark.parametrize("scale", [1, 0.1, 1e-300, 1e300])
def test_weights_that_are_no_counts_are_rounded_without_losing_a_row(scale):
    weights = scale * np.array([0.7] * 50 + [1.5] * 20 + [0.0] * 5)
    copies = inputs.copies(weights, 75, seed=3)
    assert set(copies[:50]) == {1}
    assert set(copies[50:70]) == {2, 3}
    assert copies[50:70].sum() in (42, 43)  # 20 · 1.5 / .7 = 42.9
    assert set(copies[70:]) == {0}
    assert (copies == inputs.copies(weights, 75, seed=3)).all()
    assert (inputs.copies(np.full(9, scale), 9, seed=0) == 1).all()


def test_very_unequal_weights_stay_affordable():
    copies = inputs.copies([1e6, 1, 1, 1], 4, seed=0)
    assert 39 <= copies.sum() <= 40
    assert copies[0] >= 39


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_copies_of_a_row_stay_on_one_side_of_the_held_out_part(task):
    X, y = pd.DataFrame({"x": np.arange(40.0)}), np.arange(40) % 2
    copies = np.arange(40) % 4
    train, _, (held, _) = inputs.hold_out(X, y, task, 0.25, 0, copies)
    assert not set(train["x"]) & set(held["x"])
    assert sorted([*train["x"], *held["x"]]) == np.repeat(np.arange(40.0), copies).tolist()


def test_tools_that_pass_weights_work(rows):
    X, y = rows
    boosted = AdaBoostClassifier(classifier(), n_estimators=2, random_state=0).fit(X[["x1", "x2"]], y)
    assert boosted.score(X[["x1", "x2"]], y) == 1.0


def test_without_epochs_the_model_stays_and_the_rows_go_into_the_prompt(rows):
    X, y = rows
    lift = classifier(epochs=0, shots=3).fit(X, y)
    assert lift.model_ is lift.model
    prompt = lift.answers(X.iloc[:1]).prompts[0] if lift.model_.examples else lift.reader_.prompts(X.iloc[:1])[0]
    assert prompt.count("=>") == 4
    assert lift.n_tokens_trained_ == 0
    with pytest.raises(BadTable, match="lower --shots"):
        classifier(epochs=0, shots=12).fit(X, y)


def test_training_shots_never_show_the_row_itself():
    X = pd.DataFrame({"x1": np.arange(6.0)})
    y = np.array(["a", "b"] * 3)
    template = Template("classification", wording="compact").fit(X, y)
    texts = TrainingTexts(template, X, y, Augmentation(), 0, Shots(Random(6, 4), X, y))
    for prompt, _ in texts(1):
        shown = [line.split("=>")[0].strip() for line in prompt.splitlines()]
        assert len(set(shown)) == 5
    assert texts(1) == texts(1)
    assert texts(1) != texts(2)


def test_jitter_moves_quantities_and_leaves_codes_and_words():
    X = pd.DataFrame({"size": np.arange(20) + 0.5, "code": [0, 1] * 10, "word": ["u", "v"] * 10})
    y = np.array(["a", "b"] * 10)
    template = Template("classification", wording="names", numbers="significant", digits=6).fit(X, y)
    plain, moved = (TrainingTexts(template, X, y, Augmentation(jitter=j), seed=0)(1) for j in (0.0, 0.05))
    for (before, _), (after, _) in zip(plain, moved, strict=True):
        assert before.split(",")[1:] == after.split(",")[1:]
    assert all(before != after for before, after in zip(plain, moved, strict=True))


def test_versions_of_the_rows_take_turns():
    X, y = pd.DataFrame({"size": np.arange(20) + 0.5}), np.array(["a", "b"] * 10)
    template = Template("classification", wording="names").fit(X, y)
    anew, in_turn = (TrainingTexts(template, X, y, Augmentation(jitter=0.05, versions=n), seed=0) for n in (0, 3))
    assert [in_turn(epoch) for epoch in (1, 2, 3)] == [anew(epoch) for epoch in (1, 2, 3)]
    assert [in_turn(epoch) for epoch in (4, 5, 9)] == [anew(epoch) for epoch in (1, 2, 3)]
    assert anew(4) not in [anew(epoch) for epoch in (1, 2, 3)]


def test_jitter_of_rows_scaled_by_themselves_follows_their_own_size():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.uniform(size=(40, 4)) * np.repeat([[1.0], [1e6]], 20, axis=0), columns=list("abcd"))
    y = np.array(["a", "b"] * 20)
    template = Template("classification", wording="compact", numbers="scaled", scale="row").fit(X, y)
    plain, moved = (TrainingTexts(template, X, y, Augmentation(jitter=j), seed=0)(1) for j in (0.0, 0.01))
    for (before, _), (after, _) in zip(plain, moved, strict=True):
        steps = [abs(int(a) - int(b)) for a, b in zip(before.split()[:4], after.split()[:4], strict=True)]
        assert 0 < sum(steps) < 4 * 60  # sd 10 of 1,000 levels, for the small rows as for the large ones


def test_swapped_cells_come_from_another_row_of_the_class():
    n = 60
    X = pd.DataFrame({"a": np.arange(n), "b": [f"word{i}" for i in range(n)], "c": np.arange(n) * 10})
    y = np.array(["u", "v", "w"])[np.arange(n) % 3]
    y[-1] = "alone"
    template = Template("classification", wording="names", numbers="significant", digits=6).fit(X, y)
    texts = TrainingTexts(template, X, y, Augmentation(swap=0.3), seed=0)
    shares = []
    for epoch in range(1, 30):
        for i, (prompt, completion) in enumerate(texts(epoch)):
            a, b, c = (int(number) for number in re.findall(r"\d+", prompt))
            c //= 10
            assert {y[a], y[b], y[c]} == {y[i]}, "every cell is of a row of the same class"
            assert len({a, b, c, i}) <= 2, "one other row gives all that is taken"
            assert completion == template.completions(y[[i]])[0]
            shares.append(np.mean([j != i for j in (a, b, c)]))
    assert np.mean(shares) == pytest.approx(0.3 * (n - 1) / n, abs=0.02)
    assert texts(1) == texts(1)
    assert texts(1) != texts(2)


def test_feature_orders_are_averaged_and_trained_on(rows):
    X, y = rows
    lift = classifier(permutations=3).fit(X, y)
    assert len(lift.model_.examples) == 36
    assert len({template.prompt(X.iloc[0]) for template in lift.reader_.templates}) > 1
    np.testing.assert_allclose(lift.predict_proba(X).sum(axis=1), 1)


def test_same_seed_same_answers(rows):
    X, y = rows
    one, two = (classifier(permutations=2, random_state=5).fit(X, y).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_save_and_load(rows, tmp_path):
    X, y = rows
    lift = LIFTClassifier(epochs=1, validation_fraction=0.0).fit(X, y)
    lift.save(tmp_path / "saved")
    again = estimators.load(tmp_path / "saved")
    np.testing.assert_allclose(again.predict_proba(X), lift.predict_proba(X), atol=1e-6)
    assert again.get_params() == lift.get_params()


def test_colliding_rows_are_counted_and_warned_of():
    X = pd.DataFrame({"x1": [0.001, 0.002, 0.9, 0.8]})
    with pytest.warns(CollisionWarning, match="1 of 4 training rows"):
        lift = LIFTClassifier(model=NearestRow(), template="paper", **FEW).fit(X, ["a", "a", "b", "b"])
    assert lift.template_.n_collisions_ == 1


def test_parameters_reach_the_identity():
    plain = LIFTClassifier()
    assert plain.options() == ""
    other = clone(plain).set_params(epochs=3, template={"wording": "paper"}, random_state=7)
    assert other.options() == "epochs=3 wording=paper"
    assert plain.describe() != other.describe()
    assert other.describe()["epochs"] == 3


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"decoding": "greedy"}, UnknownName, "have score, generate"),
        ({"template": "nonsense"}, UnknownName, "nonsense"),
        ({"model": "./no-such-folder"}, BadModel, "no-such-folder"),
        ({"adapter": "nonsense"}, UnknownName, "lora"),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_tuned(rows, options, error, words):
    X, y = rows
    lift = LIFTClassifier(**{"epochs": 1, **options})
    with pytest.raises(error, match=words):
        lift.check(X, y, X)


def test_a_row_longer_than_the_context_is_refused(rows):
    X, y = rows
    lift = LIFTClassifier(model=NearestRow(context_length=3), template=EXACT, **FEW)
    with pytest.raises(TooLong, match="3 columns takes"):
        lift.check(X, y, X)


def test_ten_thousand_classes_are_not_scored():
    X = pd.DataFrame({"x1": np.arange(20_000.0)})
    y = [f"id{i % 10_000}" for i in range(20_000)]
    with pytest.raises(UserError, match="10000 classes"):
        classifier().fit(X, y)


def test_infinite_inputs_and_targets_are_refused():
    X = pd.DataFrame({"x1": [1.0, np.inf], "x2": [0.0, 1.0]})
    with pytest.raises(BadTable, match="infinite values in x1"):
        classifier().fit(X, ["a", "b"])
    with pytest.raises(ValueError, match="Input y contains NaN"):
        LIFTRegressor(model=NearestRow(), **FEW).fit([[1.0], [2.0]], [1.0, np.nan])


def sure_regressor(decoding, **options):
    """Fitted on 41 points of a line, and its rows."""
    x = np.linspace(-1, 1, 41)[:, None]
    lift = LIFTRegressor(model=NearestRow(), template={"numbers": "scaled", **options}, decoding=decoding, **FEW)
    return lift.fit(x, 3 * x.ravel() - 1), x


@pytest.mark.parametrize("decoding", ["greedy", "mean", "median"])
def test_spread_and_quantiles_come_with_every_decoding(decoding):
    lift, x = sure_regressor(decoding)
    y, std = lift.predict(x, return_std=True)
    np.testing.assert_array_equal(y, lift.predict(x))
    bin_width = 6 * 1.1 / 999  # 1.1: the levels reach 5 % beyond the training range at each end
    np.testing.assert_allclose(std, bin_width / np.sqrt(12), rtol=1e-6)  # a sure answer is as sharp as its bin
    quantiles = lift.predict_quantiles(x)
    assert quantiles.shape == (41, 3)
    assert (np.diff(quantiles, axis=1) > 0).all()
    np.testing.assert_allclose(quantiles, y[:, None] + bin_width * np.array([-0.45, 0, 0.45]), atol=1e-6)


@pytest.mark.filterwarnings("ignore::utils.estimators.base.CollisionWarning")
def test_the_median_is_the_middle_quantile():
    lift, x = sure_regressor("median", levels=20)  # several training rows on one level, so that the model is not sure
    between = x[:-1] + 0.02
    np.testing.assert_array_equal(lift.predict(between), lift.predict_quantiles(between, [0.5])[:, 0])
    assert (lift.predict(between, return_std=True)[1] > 0).all()
    assert lift.predict_distribution(between).probabilities.shape == (40, 20)


def test_the_distribution_takes_one_pass_of_the_model(monkeypatch):
    lift, x = sure_regressor("median")
    calls = []
    ask = NearestRow.log_likelihood
    monkeypatch.setattr(NearestRow, "log_likelihood", lambda *given: calls.append(1) or ask(*given))
    lift.predict(x, return_std=True)
    assert len(calls) == 1


def test_without_levels_there_is_no_spread_and_the_message_says_what_to_type():
    x = np.arange(8.0)[:, None]
    lift = LIFTRegressor(model=NearestRow(), template=EXACT, decoding="greedy", **FEW).fit(x, x.ravel())
    for ask in (lambda: lift.predict(x, return_std=True), lambda: lift.predict_quantiles(x)):
        with pytest.raises(CannotDo, match="--numbers scaled"):
            ask()


def test_a_constant_target_has_no_spread():
    x = np.arange(8.0)[:, None]
    lift = LIFTRegressor(model=NearestRow(), template={"numbers": "scaled"}, decoding="median", **FEW)
    y, std = lift.fit(x, np.full(8, 2.5)).predict(x, return_std=True)
    assert (y.tolist(), std.tolist()) == ([2.5] * 8, [0.0] * 8)
