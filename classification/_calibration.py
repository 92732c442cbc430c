"""Whether predicted probabilities are calibrated: calibration error, temperature scaling, sampled answers.

Most functions take natural logarithms of class probabilities, shape (n, k), and the codes of the true classes, (n,):
columns of the probabilities, or -1 for a class without a column. Paper §4.2 studies this for sampled numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.stats import binom

from classification import _conformal
from utils import metrics, reporting
from utils.errors import UserError
from utils.estimators import LIFTClassifier
from utils.results import Results
from utils.tables.splits import Split

SCALED = ("temperature", "ece", "ece_scaled", "log_loss_scaled", "brier_scaled")
SAMPLED = ("sampled_distance", "sampled_noise", "sampled_invalid")  # see `sampling_scores`
BINS = 15  # of equal width, for the calibration error
FLOOR = float(np.log(np.finfo(float).eps))  # of a log-probability, as in the log-loss: keeps it finite
TEMPERATURES = 0.1, 100.0  # kNN's probabilities of exactly 1 and 0 need a high one


def codes(labels: Sequence, classes: Sequence) -> np.ndarray:
    """(n,) columns of the labels in `classes`; -1 for labels not among them."""
    column = {label: i for i, label in enumerate(classes)}
    return np.array([column.get(label, -1) for label in labels], dtype=int)


def likeliest(log_p: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The probability of each row's likeliest class, and whether that class is correct; (n,) each."""
    return np.exp(log_p.max(axis=1)), log_p.argmax(axis=1) == truth


def bins(confidence: np.ndarray, right: np.ndarray, n_bins: int = BINS) -> pd.DataFrame:
    """Answers binned by probability, in bins of equal width; arguments as returned by `likeliest`.

    Returns:
        One row per non-empty bin: confidence (mean probability), accuracy (share of correct answers), n.
    """
    number = np.clip((confidence * n_bins).astype(int), 0, n_bins - 1)
    grouped = pd.DataFrame({"confidence": confidence, "accuracy": right.astype(float)}).groupby(number)
    return grouped.mean().assign(n=grouped.size()).reset_index(drop=True)


def calibration_error(log_p: np.ndarray, truth: np.ndarray, n_bins: int = BINS) -> float:
    """Expected calibration error: mean |confidence - accuracy| over the bins, weighted by their size.

    It is above 0 by chance alone, by more when there are fewer rows.
    """
    table = bins(*likeliest(log_p, truth), n_bins)
    return float(np.average((table["confidence"] - table["accuracy"]).abs(), weights=table["n"]))


def fit_temperature(log_p: np.ndarray, truth: np.ndarray) -> float:
    """The temperature that minimises the log-loss; 1 if no row has a known class or nothing is gained.

    Above 1 the probabilities were overconfident, below 1 underconfident. It lies within TEMPERATURES.
    """
    is_known = truth >= 0
    if not is_known.any():
        return 1.0

    def loss(log_temperature: float) -> float:
        scaled = apply_temperature(log_p[is_known], np.exp(log_temperature))
        return float(-np.maximum(scaled[np.arange(len(scaled)), truth[is_known]], FLOOR).mean())

    best = minimize_scalar(loss, bounds=np.log(TEMPERATURES), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(best.x)) if best.fun < loss(0.0) - 1e-9 else 1.0


def apply_temperature(log_p: np.ndarray, temperature: float) -> np.ndarray:
    """Log-probabilities divided by a temperature and normalised; (n, k). The likeliest class does not change."""
    scaled = np.maximum(log_p, FLOOR) / temperature
    return scaled - np.logaddexp.reduce(scaled, axis=1, keepdims=True)


def hold_back(split: Split, share: float, seed: int) -> tuple[Split, pd.DataFrame, pd.Series]:
    """Sets validation rows aside: they choose nothing (no epoch, no grid point), so to the learner they are new rows.

    Args:
        split: a classification split.
        share: of the validation rows that are held back, 0 or more and below 1. With 0 all of them choose and are
            returned as well: more rows, but what is fitted on them is overconfident.
        seed: of the rows.

    Returns:
        The split with the other validation rows, and features and labels of those held back.

    Raises:
        UserError: a share outside that range, or one that leaves no row on one side.
    """
    n = len(split.y_validation)
    n_back = round(share * n)
    if not 0 <= share < 1 or n_back == n or (share and not n_back):
        raise UserError(f"{share} of {n} validation rows cannot be held back; give --held a share such as 0.5, or 0")
    order = np.random.default_rng([6, seed]).permutation(n)
    back, rest = np.sort(order[:n_back]), np.sort(order[n_back:])
    X, y = split.X_validation, split.y_validation
    if not n_back:
        return split, X, y
    return replace(split, X_validation=X.iloc[rest], y_validation=y.iloc[rest]), X.iloc[back], y.iloc[back]


def scores(answers: pd.DataFrame, known: pd.Series) -> dict[str, float]:
    """Calibration of the test rows' probabilities before and after temperature scaling, and of conformal sets.

    Args:
        answers: as of `study.Trial`, the test rows and then the rows whose truth is `known`.
        known: labels that the temperature and the sets are fitted on; the sets use the unscaled probabilities.

    Returns:
        The values of SCALED (`ece`: the calibration error) and of `_conformal.scores`.
    """
    n = len(answers) - len(known)
    log_p, classes = stated(answers)
    truth, known_truth = codes(answers["truth"].iloc[:n], classes), codes(known, classes)
    temperature = fit_temperature(log_p[n:], known_truth)
    scaled = apply_temperature(log_p[:n], temperature)
    parsed = answers["parsed"].iloc[:n].tolist()
    after = metrics.classification(answers["truth"].iloc[:n].tolist(), parsed, np.exp(scaled), classes)
    errors = calibration_error(log_p[:n], truth), calibration_error(scaled, truth)
    values = (temperature, *errors, after["log_loss"], after["brier"])
    return dict(zip(SCALED, values, strict=True)) | _conformal.scores(log_p[:n], truth, log_p[n:], known_truth)


def score_names() -> list[str]:
    """The names of all scores that `scores` and `sampling_scores` return."""
    return [*SCALED, *_conformal.score_names(), *SAMPLED]


def stated(answers: pd.DataFrame) -> tuple[np.ndarray, list[str]]:
    """The log-probabilities of stored answers, (n, k), and the labels of their columns."""
    columns = [column for column in answers if column.startswith("log_p_")]
    return answers[columns].to_numpy(float), [column.removeprefix("log_p_") for column in columns]


def pooled(results: Results) -> pd.DataFrame:
    """Reliability of finished cases, the test rows of all seeds pooled.

    Returns:
        Columns dataset, method, before and after; the last two as from `bins`, without and with the temperature.
    """
    answered = {}
    for case in reporting.by_model(reporting.latest(results.frame())).itertuples():
        answers = results.answers(case.key).iloc[: case.n_test]
        log_p, classes = stated(answers)
        truth = codes(answers["truth"], classes)
        cell = answered.setdefault((case.dataset, case.method), ([], []))
        for seen, temperature in zip(cell, (1.0, case.temperature), strict=True):
            seen.append(likeliest(apply_temperature(log_p, temperature), truth))
    diagrams = [[bins(*map(np.concatenate, zip(*seen, strict=True))) for seen in cell] for cell in answered.values()]
    rows = [(*name, *pair) for name, pair in zip(answered, diagrams, strict=True)]
    return pd.DataFrame(rows, columns=["dataset", "method", "before", "after"])


def sampled_frequencies(lift: LIFTClassifier, X: pd.DataFrame, samples: int) -> np.ndarray:
    """How often a fitted LIFT writes each class when its answers are sampled at temperature 1.

    Args:
        lift: fitted; with several feature orders, the first is used.
        X: n rows.
        samples: answers per row, 1 or more.

    Returns:
        (n, k + 1) shares of the samples: the classes, then the unreadable answers.
    """
    texts = lift.model_.generate(
        lift.reader_.prompts(X),
        stop=lift.template_.stop,
        temperature=1.0,
        samples=samples,
        max_new_tokens=lift.reader_.max_new_tokens,
        seed=lift.reader_.seed,
    )
    column = {label: i for i, label in enumerate(lift.classes_.tolist())} | {None: len(lift.classes_)}
    counts = np.zeros((len(texts), len(column)))
    for row, drawn in enumerate(texts):
        np.add.at(counts[row], [column[lift.template_.parse(text)] for text in drawn], 1)
    return counts / samples


def sampling_scores(frequencies: np.ndarray, log_p: np.ndarray, samples: int) -> dict[str, float]:
    """Distance between sampled frequencies, (n, k + 1) as above, and scored probabilities.

    Returns:
        The values of SAMPLED: mean total variation distance, 0 to 1; its expected value if the samples came from
        the scored probabilities; share of unreadable answers.
    """
    p = np.exp(log_p)
    p = np.clip(p / p.sum(axis=1, keepdims=True), 0.0, 1.0)
    distance = np.abs(frequencies - np.pad(p, ((0, 0), (0, 1)))).sum(axis=1) / 2
    # mean absolute deviation of a binomial count, de Moivre's formula
    above = np.floor(samples * p) + 1
    noise = 2 * above * (1 - p) * binom.pmf(above, samples, p) / samples
    values = distance.mean(), noise.sum(axis=1).mean() / 2, frequencies[:, -1].mean()
    return dict(zip(SAMPLED, map(float, values), strict=True))
