"""Scores. Unreadable answers are counted and scored, never dropped.

All shares are between 0 and 1; the paper prints percentages. An undefined score, such as an error relative to a
constant truth, is NaN.
"""

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, f1_score, precision_recall_fscore_support, roc_auc_score

from .errors import BadTable

FILTERS = (3, 5)  # the paper drops errors above 3 (synthetic tables) or 5 (real tables) times the RMSE


def classification(y_true, y_pred, probabilities=None, classes=None) -> dict[str, float]:
    """Scores of predicted labels (n,); None is an unreadable answer and counts as wrong.

    accuracy           share of correct answers
    balanced_accuracy  mean recall of the classes that occur in `y_true`
    f1_macro           mean F1 of the classes that occur in `y_true` or among the readable answers
    n_invalid          number of unreadable answers
    log_loss           mean -ln p(true label), in nats; p is kept above 2.2e-16
    brier              mean over rows of the squared distance between `probabilities` and the true one-hot vector, 0..2
    roc_auc            one class against the rest, mean over the classes of `y_true`; NaN if there is only one

    The last three need `probabilities` (n, k), whose columns follow `classes` (k,), and are NaN without them. A true
    class that is missing from `classes` has probability 0. Raises BadTable without rows and ValueError for mismatched
    lengths. Paper §3.1.
    """
    truth, answers = _column(y_true), _column(y_pred)
    _check_lengths(truth, answers)
    invalid = pd.isna(answers)
    codes, labels = pd.factorize(np.concatenate([truth, answers[~invalid]]))
    true_codes = codes[: len(truth)]
    predicted_codes = np.full(len(truth), -1)
    predicted_codes[~invalid] = codes[len(truth) :]
    right = true_codes == predicted_codes
    return {
        "accuracy": float(right.mean()),
        "balanced_accuracy": float(np.mean([right[true_codes == code].mean() for code in np.unique(true_codes)])),
        "f1_macro": float(
            f1_score(true_codes, predicted_codes, labels=np.arange(len(labels)), average="macro", zero_division=0)
        ),
        "n_invalid": int(invalid.sum()),
        **_probability_scores(truth, probabilities, classes),
    }


def regression(y_true, y_pred, fill: float) -> dict[str, float]:
    """Scores of predicted numbers (n,); None, NaN and infinities are unusable answers.

    rae, rmse, r2                     over all rows; NaN if any answer is unusable
    rae_mean_filled, rmse_mean_filled with `fill`, the mean of the training targets, in place of unusable answers
    rae_filtered3, rae_filtered5      of the filled answers, without the rows whose error is above 3 or 5 times the RMSE
    n_invalid                         number of unusable answers

    RAE = Σ|error| / Σ|y - mean(y)|, the sums and the mean taken over the rows that are scored. RAE and R² of a constant
    truth are NaN. The paper reports filtered values only, and fills unread answers without saying so (§3.1).
    Raises BadTable without rows and ValueError for mismatched lengths or a truth that is not finite.
    """
    truth = np.asarray(y_true, dtype=float)
    answers = np.array([np.nan if answer is None else answer for answer in y_pred], dtype=float)
    _check_lengths(truth, answers)
    if not np.isfinite(truth).all():
        raise ValueError("the true values must be finite numbers")
    invalid = ~np.isfinite(answers)
    filled = np.where(invalid, fill, answers)
    rae, rmse = _rae(truth, filled), _rmse(truth, filled)
    plain = not invalid.any()
    scores = {
        "rae": rae if plain else np.nan,
        "rmse": rmse if plain else np.nan,
        "r2": _r2(truth, rmse) if plain else np.nan,
        "rae_mean_filled": rae,
        "rmse_mean_filled": rmse,
    }
    for limit in FILTERS:
        kept = np.abs(truth - filled) <= limit * rmse
        scores[f"rae_filtered{limit}"] = _rae(truth[kept], filled[kept])
    return scores | {"n_invalid": int(invalid.sum())}


def chance_accuracy(y_train, y_test) -> float:
    """Test accuracy of always answering the most frequent training label; ties go to the first in order."""
    labels, counts = np.unique(_column(y_train), return_counts=True)
    truth = _column(y_test)
    _check_lengths(truth, truth)
    return float(np.mean(truth == labels[counts.argmax()]))


def _column(values) -> np.ndarray:
    """One-dimensional object array, so that None and labels of any type pass through unchanged."""
    column = np.empty(len(values), dtype=object)
    column[:] = list(values)
    return column


def _check_lengths(truth: np.ndarray, answers: np.ndarray) -> None:
    if len(truth) == 0:
        raise BadTable("no rows to score: the test part is empty")
    if len(truth) != len(answers):
        raise ValueError(f"{len(answers)} answers for {len(truth)} rows")


def _probability_scores(truth: np.ndarray, probabilities, classes) -> dict[str, float]:
    if probabilities is None:
        return {"log_loss": np.nan, "brier": np.nan, "roc_auc": np.nan}
    if classes is None:
        raise ValueError("probabilities need the classes of their columns")
    probabilities = np.asarray(probabilities, dtype=float)
    if probabilities.shape != (len(truth), len(classes)):
        raise ValueError(f"probabilities {probabilities.shape} for {len(truth)} rows and {len(classes)} classes")
    columns = {label: probabilities[:, i] for i, label in enumerate(classes)}
    unseen = np.zeros(len(truth))
    positives = {label: truth == label for label in pd.unique(truth)}
    p_true = np.select(list(positives.values()), [columns.get(label, unseen) for label in positives])
    auc = np.nan
    if len(positives) > 1:
        auc = np.mean([roc_auc_score(rows, columns.get(label, unseen)) for label, rows in positives.items()])
    return {
        "log_loss": float(-np.log(np.clip(p_true, np.finfo(float).eps, 1)).mean()),
        "brier": float(((probabilities**2).sum(axis=1) - p_true**2 + (1 - p_true) ** 2).mean()),
        "roc_auc": float(auc),
    }


def _rae(truth: np.ndarray, answers: np.ndarray) -> float:
    if len(truth) == 0 or np.ptp(truth) == 0:
        return np.nan
    with np.errstate(over="ignore"):  # several answers near 1e308 rightly give an infinite score
        return float(np.abs(truth - answers).sum() / np.abs(truth - truth.mean()).sum())


def _rmse(truth: np.ndarray, answers: np.ndarray) -> float:
    with np.errstate(over="ignore"):
        errors = np.abs(truth - answers)
        largest = errors.max()
        if largest == 0 or np.isinf(largest):
            return float(largest)
        return float(largest * np.sqrt(np.mean((errors / largest) ** 2)))  # squares of 1e200 would overflow


def _r2(truth: np.ndarray, rmse: float) -> float:
    if np.ptp(truth) == 0:
        return np.nan
    with np.errstate(over="ignore"):
        return float(1 - np.square(rmse / truth.std()))


def one_class(y_true, y_pred, label, likely=None) -> dict[str, float]:
    """Scores of one class against all others, for rare classes.

    precision          share of correct ones among the answers `label`; 0 without such answers
    recall             share of the rows of `label` that were found
    f1                 harmonic mean of the two
    average_precision  mean precision over the rows of `label`, ranked by `likely`; a ranking by chance has the class's
                       share of the rows. NaN without `likely`

    Args:
        y_true, y_pred: labels (n,); an unreadable answer (None or NaN) belongs to no class.
        label: the class. All scores are NaN if no row of `y_true` has it.
        likely: (n,) probabilities of the class, or any increasing function of them; None if not available.
    """
    truth = _column(y_true) == label
    answers = _column(y_pred) == label
    _check_lengths(truth, answers)
    if not truth.any():
        return dict.fromkeys(("precision", "recall", "f1", "average_precision"), np.nan)
    precision, recall, f1, _ = precision_recall_fscore_support(truth, answers, average="binary", zero_division=0)
    ranked = np.nan if likely is None else average_precision_score(truth, np.asarray(likely, dtype=float))
    return {
        "precision": float(precision),
        "recall": float(recall),
        "f1": float(f1),
        "average_precision": float(ranked),
    }


def crps(quantiles, shares, y_true, weights=None) -> np.ndarray:
    """(n,) continuous ranked probability scores of true values (n,), in the target's units; 0 is best.

    Twice the pinball loss, averaged over all shares from 0 to 1. If all quantiles of a row are equal, that is the
    absolute error.

    Args:
        quantiles: (n, k), increasing in each row.
        shares: the probability below each quantile, (k,) or (n, k).
        weights: the width of the interval of shares that each quantile represents, shaped like `shares`; if None, the
            shares nearest to it.
    """
    quantiles, shares = np.asarray(quantiles, dtype=float), np.asarray(shares, dtype=float)
    if weights is None:
        weights = np.diff(np.concatenate([[0.0], (shares[:-1] + shares[1:]) / 2, [1.0]]))
    over = np.asarray(y_true, dtype=float)[:, None] - quantiles
    return 2 * (np.where(over >= 0, shares * over, (shares - 1) * over) * weights).sum(axis=1)


def conformal_bound(nonconformity, coverage: float) -> float:
    """The nonconformity that a new row exceeds with probability at most 1 - coverage (split conformal prediction).

    It is the ⌈(n + 1) · coverage⌉-th smallest nonconformity score (n,) of n exchangeable rows that were not used in
    training or selection; inf if n is too small to guarantee the coverage.
    """
    rank = int(np.ceil(round((len(nonconformity) + 1) * coverage, 9)))  # the product may be a hair above a whole number
    return float(np.sort(nonconformity)[rank - 1]) if rank <= len(nonconformity) else np.inf


def writing_error(template, y_true) -> float:
    """RAE of the true numbers (n,) themselves, written as answers of a fitted regression template and read back.

    This is the error of a perfect model that writes the nearest number its digits or levels allow; a median or mean
    over levels can fall between two of them and be closer.
    """
    read = [template.parse(text) for text in template.completions(y_true)]
    return regression(y_true, read, fill=0.0)["rae"]
