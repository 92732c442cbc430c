"""Ridge regression by appended rows, and how close answers are to it (paper, appendix)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import FunctionTransformer

from utils import metrics
from utils.baselines import TunedRegressor
from utils.baselines.methods import Method
from utils.errors import UserError
from utils.tables.splits import Split

CONTROL = "least_squares"


def appended(split: Split, penalty: float) -> Split:
    """The split with p additional training rows λ·e_j, j = 1 … p, with target 0; unchanged for λ = 0.

    Least squares without intercept on these rows minimises Σ(y - x·w)² + λ²·Σw², which is ridge regression with
    the penalty λ², not λ.

    Args:
        split: with numeric features; validation and test rows do not change.
        penalty: λ, 0 or more, in units of the features.

    Raises:
        UserError: a λ that is negative or not finite.
    """
    if not 0 <= penalty < np.inf:
        raise UserError(f"λ is {penalty:g}; give --penalties numbers of 0 or more")
    if penalty == 0:
        return split
    X, y = split.X_train, split.y_train
    index = pd.Index(range(-X.shape[1], 0))  # not in the source
    rows = pd.DataFrame(penalty * np.eye(X.shape[1]), columns=X.columns, index=index)
    zeros = pd.Series(0.0, index=index, name=y.name)
    return replace(split, X_train=pd.concat([X, rows]), y_train=pd.concat([y, zeros]))


def solution(split: Split, penalty: float) -> np.ndarray:
    """Ridge weights, shape (p,), with penalty λ² and no intercept, for the split without the additional rows."""
    extended = appended(split, penalty)
    return np.linalg.lstsq(extended.X_train.to_numpy(float), extended.y_train.to_numpy(float), rcond=None)[0]


def measures(split: Split, penalty: float) -> Mapping[str, Callable[[pd.DataFrame], float]]:
    """Columns of a result row, for `Trial.measures`. The test targets must be noise-free; unreadable answers count as
    the mean of the training targets.

    rae_ridge         RAE with the ridge solution as the truth; it grows without bound if the solution is near 0
    distance_ridge    mean |answer - ridge solution|, in sd of the test targets
    distance_truth    mean |answer - test target|, in the same unit
    slope             of answers regressed on test targets, through 0: 1 is the truth, below 1 shrunk
    slope_ridge       the same for the ridge solution

    Args:
        split: without the additional rows.
        penalty: λ.
    """
    truth = split.y_test.to_numpy(float)
    ridge = split.X_test.to_numpy(float) @ solution(split, penalty)
    fill = float(appended(split, penalty).y_train.mean())

    def filled(answers: pd.DataFrame) -> np.ndarray:
        values = pd.to_numeric(answers["parsed"]).to_numpy(float)
        return np.where(np.isfinite(values), values, fill)

    def distance(one: np.ndarray, other: np.ndarray) -> float:
        return float(np.mean(np.abs(one - other)) / np.std(truth)) if np.ptp(truth) > 0 else np.nan

    def slope(values: np.ndarray) -> float:
        return float(values @ truth / (truth @ truth))

    return {
        "rae_ridge": lambda answers: metrics.regression(ridge, answers["parsed"], fill=fill)["rae_mean_filled"],
        "distance_ridge": lambda answers: distance(filled(answers), ridge),
        "distance_truth": lambda answers: distance(filled(answers), truth),
        "slope": lambda answers: slope(filled(answers)),
        "slope_ridge": lambda answers: slope(ridge),
    }


class LeastSquares(TunedRegressor):
    """Least squares without intercept on the raw columns: with the appended rows, exactly the ridge solution."""

    def __init__(self, name=CONTROL, seed=0, threads=1):
        super().__init__(name, seed, threads)

    def method(self) -> Method:
        return Method(lambda rows: LinearRegression(fit_intercept=False), standardized=False)

    def encoder(self) -> FunctionTransformer:
        return FunctionTransformer(np.asarray, kw_args={"dtype": float})
