"""Learning curves: a power law of the score in the number of training rows, and what follows from it (paper §3.2)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import curve_fit

from .summary import by_model

FEWEST_SIZES = 4  # with fewer sizes, a curve with three parameters is meaningless


@dataclass(frozen=True)
class PowerLaw:
    """error(n) = floor + scale · n^-rate, an error that decreases to a floor.

    Attributes:
        floor: error in the limit of infinitely many rows, at least 0.
        scale: error above the floor with one row.
        rate: how fast it decreases, 0 to 3.
    """

    floor: float
    scale: float
    rate: float

    def __call__(self, n: np.ndarray | float) -> np.ndarray | float:
        """The error after `n` rows."""
        return self.floor + self.scale * np.power(n, -self.rate)

    def rows(self, error: float) -> float:
        """The number of rows at which the error is `error`; inf if the floor is above it."""
        if error <= self.floor or self.scale <= 0 or self.rate <= 0:
            return math.inf
        return ((error - self.floor) / self.scale) ** (-1 / self.rate)


def fit(n: np.ndarray, error: np.ndarray) -> PowerLaw | None:
    """The unweighted least-squares fit of a power law to mean errors; None with fewer than four sizes.

    Args:
        n: training rows, shape (k,), distinct and above 0.
        error: mean errors (1 - accuracy, or RAE), shape (k,).
    """
    n, error = np.asarray(n, float), np.asarray(error, float)
    if len(n) < FEWEST_SIZES or not np.isfinite(error).all():
        return None
    start = (max(0.0, error.min() * 0.9), max(error.max() - error.min(), 1e-3) * n.min() ** 0.5, 0.5)
    most = 10 * max(error.max(), 1e-3) * n.min() ** 3
    start = (start[0], min(start[1], most), start[2])
    bounds = ((0.0, 0.0, 0.0), (error.max() + 1e-9, most, 3.0))
    parameters, _ = curve_fit(lambda x, a, b, c: a + b * x**-c, n, error, p0=start, bounds=bounds, max_nfev=20_000)
    return PowerLaw(*map(float, parameters))


def rows_to_match(frame: pd.DataFrame, error: str, method: str, reference: str) -> pd.DataFrame:
    """How many rows `method` needs to match the error of `reference` with its largest number of rows.

    Args:
        frame: finished cases with the columns dataset, method, n_train and `error`.
        error: the column of the error.
        method, reference: names of two methods.

    Returns:
        One row per data set for which both have a curve: dataset, n_train (the reference's largest), the reference's
        mean error there, the method's fitted floor and rate, and `rows` (inf if its fitted curve never gets there).
        Where LIFT has several models, one row for each, named in the column `learner`.
    """
    rows = []
    for dataset, part in by_model(frame).groupby("dataset"):
        means = {name: group.groupby("n_train")[error].mean() for name, group in part.groupby("method")}
        if reference not in means:
            continue
        largest, goal = means[reference].index.max(), float(means[reference].iloc[-1])
        for name, mean in means.items():
            if name.partition(" ")[0] != method or (curve := fit(mean.index.to_numpy(), mean.to_numpy())) is None:
                continue
            facts = {"dataset": dataset} | ({"learner": name} if name != method else {})
            facts |= {"n_train": largest, f"error_{reference}": goal}
            rows.append(facts | {"floor": curve.floor, "rate": curve.rate, "rows": curve.rows(goal)})
    return pd.DataFrame(rows)
