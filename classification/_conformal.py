"""Split conformal prediction: sets that contain the true class of a new row with a chosen probability, for any model.

All functions take natural logarithms of class probabilities, (n, k), and the codes of the true classes, (n,): columns
of the probabilities, or -1 for a class without a column. The `known` rows are those that calibrate the sets.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd

from utils import metrics
from utils.errors import UserError

COVERAGES = (0.8, 0.9, 0.95)  # nominal shares of rows whose set contains the true class
SETS = ("lac", "aps")  # see `sets`
TIE = 1e-12  # sums of equal probabilities differ in their last digits


def sets(
    log_p: np.ndarray, known_log_p: np.ndarray, known_truth: np.ndarray, coverage: float, kind: str = "lac"
) -> np.ndarray:
    """Sets of classes that contain the true class of a new row with probability at least `coverage`.

    This holds if the known and new rows are exchangeable and the known rows chose nothing in training.

    Args:
        log_p: of the new rows, (n, k).
        known_log_p, known_truth: of rows whose truth is known.
        coverage: between 0 and 1.
        kind: "lac", all classes above a probability threshold, which gives the smallest sets (Sadinle et al. 2019);
            "aps", the likeliest classes up to a total probability, which covers hard rows better (Romano et al. 2020,
            without randomisation, hence conservative).

    Returns:
        (n, k) booleans; a set may be empty. With too few known rows for the coverage, every set contains all classes.

    Raises:
        UserError: a coverage outside that range, or an unknown kind.
    """
    if kind not in SETS or not 0 < coverage < 1:
        raise UserError(f"no sets {kind!r} at {coverage}; have {', '.join(SETS)} at a coverage between 0 and 1")
    calibration = np.full(len(known_truth), np.inf)
    seen = known_truth >= 0  # a class without a column is in no set: the worst possible score
    calibration[seen] = nonconformity(known_log_p, kind)[np.flatnonzero(seen), known_truth[seen]]
    return nonconformity(log_p, kind) <= metrics.conformal_bound(calibration, coverage) + TIE


def nonconformity(log_p: np.ndarray, kind: str) -> np.ndarray:
    """(n, k): nonconformity score of each class, 0 to 1."""
    p = np.exp(log_p)
    if kind == "lac":
        return 1 - p
    order = np.argsort(-p, axis=1, kind="stable")
    sums = np.cumsum(np.take_along_axis(p, order, axis=1), axis=1)
    found = np.empty_like(p)
    np.put_along_axis(found, order, sums, axis=1)
    return found


def scores(log_p: np.ndarray, truth: np.ndarray, known_log_p: np.ndarray, known_truth: np.ndarray) -> dict[str, float]:
    """Measured coverage and mean number of classes of the sets, by kind and coverage: "lac_coverage_90", …"""
    values = []
    for kind, coverage in product(SETS, COVERAGES):
        chosen = sets(log_p, known_log_p, known_truth, coverage, kind)
        inside = (truth >= 0) & chosen[np.arange(len(truth)), truth]
        values += [float(inside.mean()), float(chosen.sum(axis=1).mean())]
    return dict(zip(score_names(), values, strict=True))


def score_names() -> list[str]:
    """The names that `scores` returns."""
    return [f"{kind}_{measure}_{100 * c:g}" for kind, c in product(SETS, COVERAGES) for measure in ("coverage", "size")]


def by_coverage(frame: pd.DataFrame) -> pd.DataFrame:
    """Finished cases, once per nominal coverage of the LAC sets, with added columns asked, coverage and size."""
    parts = []
    for level in COVERAGES:
        coverage, size = (frame[f"lac_{measure}_{100 * level:g}"] for measure in ("coverage", "size"))
        parts.append(frame.assign(asked=level, coverage=coverage, size=size))
    return pd.concat(parts, ignore_index=True)
