"""What goes into an estimator: any table as a DataFrame, targets checked, validation rows held out."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import sklearn
from sklearn.base import BaseEstimator
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import assert_all_finite, column_or_1d, validate_data

from ..errors import BadTable


def training(estimator: BaseEstimator, X: object, y: object) -> tuple[pd.DataFrame, np.ndarray]:
    """The rows and targets that `fit` was given, (n_rows, n_columns) and (n_rows,), checked.

    Raises:
        ValueError: no targets, another number of them than of rows, or nothing to learn from.
    """
    if y is None:
        raise ValueError(f"{type(estimator).__name__} requires y to be passed, but the target y is None")
    X, y = frame(estimator, X, reset=True), targets(estimator.task, y)
    if len(X) != len(y):
        raise ValueError(f"Found input variables with inconsistent numbers of samples: {[len(X), len(y)]}")
    return X, y


def frame(estimator: BaseEstimator, X: object, reset: bool) -> pd.DataFrame:
    """X as a DataFrame, its columns remembered (`reset`) or compared with those remembered.

    Raises:
        ValueError: no rows or columns, other columns than in `fit`, infinite or complex numbers, a sparse matrix.
    """
    if isinstance(X, pd.DataFrame):
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        if not len(X) or not X.shape[1]:
            raise BadTable(f"a table of {len(X)} rows and {X.shape[1]} columns; at least one of each is needed")
        infinite = [str(c) for c in X.select_dtypes("number") if np.isinf(X[c].to_numpy(float, na_value=np.nan)).any()]
        if infinite:
            raise BadTable(f"infinite values in {', '.join(infinite)}; replace them or leave the cells empty")
        return X
    array = validate_data(estimator, X, reset=reset, dtype=None, ensure_all_finite="allow-nan")
    return pd.DataFrame(array, columns=[f"x{i + 1}" for i in range(array.shape[1])]).infer_objects()


def targets(task: str, y: object) -> np.ndarray:
    """The targets as an array (n_rows,).

    Raises:
        ValueError: continuous numbers as classes, or a number that is not finite.
    """
    y = column_or_1d(y, warn=True)
    if task == "regression":
        y = y.astype(float)
    assert_all_finite(y, input_name="y")
    if task == "classification":
        with (
            warnings.catch_warnings()
        ):  # few rows per class are a matter for the tables, which refuse one row per class
            warnings.filterwarnings("ignore", "The number of unique classes is greater than 50%")
            check_classification_targets(y)
    return np.asarray(y)


def hold_out(X: pd.DataFrame, y: np.ndarray, task: str, fraction: float, seed: int):
    """(X, y, (X_validation, y_validation)): a seeded share of the rows, stratified where the classes allow it.

    With too few rows for that, the third is None and nothing is held out.
    """
    n_held = round(fraction * len(X))
    if not 0 < n_held < len(X):
        return X, y, None
    counts = np.unique(y, return_counts=True)[1] if task == "classification" else np.array([1])
    stratify = y if counts.min() >= 2 and len(counts) <= min(n_held, len(X) - n_held) else None
    rows = sklearn.model_selection.train_test_split(
        np.arange(len(X)), test_size=n_held, stratify=stratify, random_state=seed
    )
    train, held = map(np.sort, rows)
    return X.iloc[train], y[train], (X.iloc[held], y[held])
