"""Calibration on probabilities whose truth was drawn from them, and on answers counted by hand."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from classification import _calibration, _conformal
from tests.doubles import NearestRow
from utils import baselines, tables
from utils.errors import CannotDo, UserError
from utils.estimators import LIFTClassifier


def drawn(n, k=3, seed=0, sharpness=2.0):
    """Log-probabilities (n, k) and classes that were drawn from them."""
    rng = np.random.default_rng(seed)
    logits = sharpness * rng.normal(size=(n, k))
    log_p = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    return log_p, (np.exp(log_p).cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)


def test_the_error_of_calibrated_probabilities_is_near_zero_and_of_others_known():
    log_p, truth = drawn(50_000)
    assert _calibration.calibration_error(log_p, truth) < 0.01
    sure = np.log([[0.8, 0.2]] * 10)
    assert _calibration.calibration_error(sure, np.array([0] * 5 + [1] * 5)) == pytest.approx(0.3)
    assert _calibration.calibration_error(sure, np.array([0] * 8 + [-1] * 2)) == pytest.approx(0.0)


def test_bins_hold_all_answers():
    confidence = np.array([0.0, 1 / 3, 0.5, 0.999, 1.0])
    table = _calibration.bins(confidence, np.array([True, False, True, True, False]), n_bins=2)
    assert table["n"].tolist() == [2, 3]
    assert table["accuracy"].tolist() == pytest.approx([0.5, 2 / 3])
    assert table["confidence"].tolist() == pytest.approx([1 / 6, 2.499 / 3])


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_the_temperature_of_sharpened_logits_is_found_and_undoes_them(factor):
    log_p, truth = drawn(20_000)
    sharp = _calibration.apply_temperature(log_p, 1 / factor)
    temperature = _calibration.fit_temperature(sharp, truth)
    assert temperature == pytest.approx(factor, rel=0.05)
    scaled = _calibration.apply_temperature(sharp, temperature)
    assert _calibration.calibration_error(scaled, truth) < 0.01
    assert (scaled.argmax(axis=1) == sharp.argmax(axis=1)).all()
    np.testing.assert_allclose(np.exp(scaled).sum(axis=1), 1)
    if factor != 1:
        assert _calibration.calibration_error(sharp, truth) > 0.05


def test_the_temperature_stays_where_no_row_can_tell():
    log_p, truth = drawn(10)
    assert _calibration.fit_temperature(log_p, np.full(10, -1)) == 1.0
    assert _calibration.fit_temperature(log_p[:0], truth[:0]) == 1.0
    assert _calibration.fit_temperature(np.log(np.full((5, 4), 0.25)), np.arange(5) % 4) == 1.0


def test_certain_and_wrong_answers_have_a_finite_temperature():
    certain = np.where(np.eye(2)[[0] * 10], 0.0, -690.0)
    temperature = _calibration.fit_temperature(certain, np.array([0] * 9 + [1]))
    stated = np.exp(_calibration.apply_temperature(certain, temperature)[0, 0])
    assert stated == pytest.approx(0.9, abs=1e-3)


@pytest.mark.parametrize("kind", _conformal.SETS)
@pytest.mark.parametrize("coverage", _conformal.COVERAGES)
def test_sets_cover_what_they_promise(kind, coverage):
    """Mean coverage over 200 draws of 99 known rows; the mean of the Beta law that it follows is `coverage`."""
    log_p, truth = drawn(40_000, k=5, seed=3)
    wrong = _calibration.apply_temperature(log_p, 0.3)  # the promise holds for any model
    hits = []
    for i in range(200):
        rows = slice(200 * i, 200 * i + 99), slice(200 * i + 99, 200 * (i + 1))
        sets = _conformal.sets(wrong[rows[1]], wrong[rows[0]], truth[rows[0]], coverage, kind)
        hits.append(sets[np.arange(len(sets)), truth[rows[1]]])
    n = sum(map(len, hits))
    spread = math.sqrt(coverage * (1 - coverage) * (1 / n + 1 / (200 * 101)))
    measured = np.concatenate(hits).mean()
    assert measured > coverage - 4 * spread
    if kind == "lac":
        assert measured < coverage + 4 * spread


def test_sets_by_hand():
    known = np.log([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]])
    truth = np.array([0, 0, 0, 0])  # nonconformities 0.1, 0.4, 0.3, 0.8; the 3rd of 4 at 0.6, the 4th at 0.8
    new = np.log([[0.6, 0.4], [0.5, 0.5], [0.15, 0.85]])
    assert _conformal.sets(new, known, truth, 0.6).tolist() == [[True, False], [False, False], [False, True]]
    assert _conformal.sets(new, known, truth, 0.8).tolist() == [[True, True], [True, True], [False, True]]
    assert _conformal.sets(new, known, truth, 0.9).all()  # 4 rows are too few
    assert _conformal.sets(new, known[:0], truth[:0], 0.5).all()
    assert _conformal.sets(new, known, np.array([0, 0, -1, -1]), 0.6).all()  # classes without a column
    aps = _conformal.sets(new, known, truth, 0.6, "aps")  # sums to the truth 0.9, 0.6, 0.7, 1.0
    assert aps.tolist() == [[True, False], [True, False], [False, True]]


def test_unknown_sets_are_told():
    log_p, truth = drawn(5)
    with pytest.raises(UserError, match="lac, aps"):
        _conformal.sets(log_p, log_p, truth, 0.9, "magic")
    with pytest.raises(UserError, match="between 0 and 1"):
        _conformal.sets(log_p, log_p, truth, 1.0)


def test_set_scores_and_their_long_form():
    log_p, truth = drawn(400)
    scores = _conformal.scores(log_p[:200], truth[:200], log_p[200:], truth[200:])
    assert list(scores) == _conformal.score_names()
    assert scores["lac_coverage_95"] == pytest.approx(0.95, abs=0.06)
    assert scores["lac_size_80"] <= scores["lac_size_90"] <= scores["lac_size_95"] <= 3
    assert scores["lac_size_90"] <= scores["aps_size_90"]
    long = _conformal.by_coverage(pd.DataFrame([scores]))
    assert long["asked"].tolist() == list(_conformal.COVERAGES)
    assert long["size"].tolist() == [scores[f"lac_size_{c}"] for c in (80, 90, 95)]


def test_rows_held_back_choose_nothing_and_none_is_lost():
    split = tables.load("iris", task="classification").split(0)
    fewer, X, y = _calibration.hold_back(split, 0.5, seed=0)
    assert len(y) == len(fewer.y_validation) == 12
    assert set(y.index) | set(fewer.y_validation.index) == set(split.y_validation.index)
    assert X.index.equals(y.index)
    assert fewer.y_train.equals(split.y_train)
    same, X, y = _calibration.hold_back(split, 0.0, seed=0)
    assert same is split
    assert y.equals(split.y_validation)
    for share in (1.0, -0.5, 0.001):
        with pytest.raises(UserError, match="--held"):
            _calibration.hold_back(split, share, seed=0)


def test_scores_of_an_answers_frame():
    log_p, truth = drawn(3000, seed=1)
    sharp = _calibration.apply_temperature(log_p, 0.5)
    labels = np.array(list("abc"), dtype=object)
    frame = pd.DataFrame({f"log_p_{label}": sharp[:, i] for i, label in enumerate("abc")})
    frame = frame.assign(parsed=labels[sharp.argmax(axis=1)], truth=labels[truth])
    frame.loc[1000:, "truth"] = None
    scores = _calibration.scores(frame, pd.Series(labels[truth[1000:]]))
    assert [*scores, *_calibration.SAMPLED] == _calibration.score_names()
    assert scores["temperature"] == pytest.approx(2, rel=0.1)
    assert scores["ece_scaled"] < 0.04 < scores["ece"]
    assert scores["log_loss_scaled"] == pytest.approx(-log_p[np.arange(1000), truth[:1000]].mean(), abs=0.01)


def test_learners_without_probabilities_are_told():
    baselines.classifier("knn", 0).check_uncertainty()
    LIFTClassifier().check_uncertainty()
    with pytest.raises(CannotDo, match=r"svm gives no probabilities.*--methods"):
        baselines.classifier("svm", 0).check_uncertainty()
    with pytest.raises(CannotDo, match="--decoding generate"):
        LIFTClassifier(decoding="generate").check_uncertainty()


class Wavering(NearestRow):
    """Answers the first class, the second and nothing readable in turn."""

    def fine_tune(self, examples, validation=(), **options):
        return Wavering(examples=super().fine_tune(examples, validation, **options).examples)

    def generate(self, prompts, *, temperature=0.0, samples=1, **options):
        assert temperature == 1.0
        return [[(" 0", " 1", " 0", "what?")[i % 4] for i in range(samples)] for _ in prompts]


def test_sampled_answers_are_counted():
    X, y = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0]}), np.array(["no", "no", "yes", "yes"])
    lift = LIFTClassifier(model=Wavering(), template="compact", epochs=1, validation_fraction=0.0).fit(X, y)
    frequencies = _calibration.sampled_frequencies(lift, X, samples=8)
    np.testing.assert_array_equal(frequencies, [[0.5, 0.25, 0.25]] * 4)
    scores = _calibration.sampling_scores(frequencies, np.log([[0.5, 0.5]] * 4), samples=8)
    assert scores["sampled_distance"] == 0.25
    assert scores["sampled_invalid"] == 0.25


def test_the_noise_of_samples_is_what_drawing_gives():
    p = np.array([[0.7, 0.2, 0.1], [1.0, 0.0, 0.0], [0.25, 0.5, 0.25]])
    rng = np.random.default_rng(0)
    measured = []
    for _ in range(500):
        counts = np.array([rng.multinomial(20, row) for row in p]) / 20
        with np.errstate(divide="ignore"):
            scores = _calibration.sampling_scores(np.pad(counts, ((0, 0), (0, 1))), np.log(p), 20)
        measured.append(scores["sampled_distance"])
    exact = np.mean([sum(abs(k - 20 * q) * binom.pmf(k, 20, q) for k in range(21)) for q in p.ravel()]) / 20 * 3 / 2
    assert scores["sampled_noise"] == pytest.approx(exact)
    assert np.mean(measured) == pytest.approx(exact, rel=0.05)
