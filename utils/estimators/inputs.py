"""Input handling of an estimator: any table as a DataFrame, checked targets, weights as copies, held-out rows."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import sklearn
from sklearn.base import BaseEstimator
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import assert_all_finite, column_or_1d, validate_data

from ..errors import BadTable
from ..tables import encoding

MOST_COPIES = 10  # of a row, on average; each costs tokens


def training(estimator: BaseEstimator, X: object, y: object) -> tuple[pd.DataFrame, np.ndarray]:
    """The checked rows and targets given to `fit`, (n_rows, n_columns) and (n_rows,).

    Raises:
        ValueError: no targets, a different number of targets than rows, or nothing to learn from.
    """
    if y is None:
        raise ValueError(f"{type(estimator).__name__} requires y to be passed, but the target y is None")
    X, y = frame(estimator, X, reset=True), targets(estimator.task, y)
    if len(X) != len(y):
        raise ValueError(f"Found input variables with inconsistent numbers of samples: {[len(X), len(y)]}")
    return X, y


def frame(estimator: BaseEstimator, X: object, reset: bool) -> pd.DataFrame:
    """X as a DataFrame; its columns are remembered (`reset`) or compared with the remembered ones.

    Raises:
        ValueError: no rows or columns, columns other than in `fit`, infinite or complex numbers, a sparse matrix.
    """
    if isinstance(X, pd.DataFrame):
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        if not len(X) or not X.shape[1]:
            raise BadTable(f"a table of {len(X)} rows and {X.shape[1]} columns; at least one of each is needed")
        X = encoding.with_numbers(X)
        infinite = [str(c) for c in X.select_dtypes("number") if np.isinf(X[c].to_numpy(float, na_value=np.nan)).any()]
        if infinite:
            raise BadTable(f"infinite values in {', '.join(infinite)}; replace them or leave the cells empty")
        return X
    array = validate_data(estimator, X, reset=reset, dtype=None, ensure_all_finite="allow-nan")
    return pd.DataFrame(array, columns=[f"x{i + 1}" for i in range(array.shape[1])]).infer_objects()


def targets(task: str, y: object) -> np.ndarray:
    """The targets as an array (n_rows,).

    Raises:
        ValueError: continuous numbers as classes, or a non-finite number.
    """
    y = column_or_1d(y, warn=True)
    if task == "regression":
        y = y.astype(float)
    assert_all_finite(y, input_name="y")
    if task == "classification":
        with warnings.catch_warnings():  # few rows per class are checked by the tables, which refuse one row per class
            warnings.filterwarnings("ignore", "The number of unique classes is greater than 50%")
            check_classification_targets(y)
    return np.asarray(y)


def copies(sample_weight: object, n_rows: int, seed: int) -> np.ndarray | None:
    """How often each row is repeated, (n_rows,) integers proportional to its weight; None without weights.

    Whole weights are used directly if they average at most MOST_COPIES. Others are scaled so that the smallest weight
    above 0 is one copy, or to that average if this would exceed it, and rounded by systematic sampling: every number of
    copies is the scaled weight rounded down or up, and their sum is that of the scaled weights.

    Raises:
        BadTable: not one weight per row, a negative or infinite weight, or none above 0.
    """
    if sample_weight is None:
        return None
    weights = np.asarray(sample_weight, dtype=float)
    if weights.shape != (n_rows,):
        raise BadTable(
            f"sample_weight has the shape {weights.shape}; it needs one weight for each of the {n_rows} rows"
        )
    if not np.isfinite(weights).all() or weights.min() < 0 or weights.max() == 0:
        raise BadTable("sample_weight must hold finite, non-negative numbers, and not every weight may be zero")
    most = MOST_COPIES * n_rows
    if (weights == np.round(weights)).all() and weights.sum() <= most:
        return weights.astype(int)
    weights = weights / weights.max()  # so that no sum overflows
    scaled = weights * min(1 / weights[weights > 0].min(), most / weights.sum())
    ends = np.floor(np.cumsum(scaled) + np.random.default_rng(seed).random())
    return np.diff(ends, prepend=0).astype(int)


def class_weights(class_weight: str | dict, y: np.ndarray) -> np.ndarray:
    """(n_rows,) weights of the rows by label, with scikit-learn's meaning of `class_weight`.

    Args:
        class_weight: "balanced", n_rows / (n_classes * rows of the class), or {label: weight}; labels left out have 1.

    Raises:
        BadTable: an unknown word, a label that no training row has, or a weight that is not above 0.
    """
    if isinstance(class_weight, str) and class_weight != "balanced":
        raise BadTable(f"no class_weight {class_weight!r}; have balanced, or a weight for each label: LABEL=WEIGHT")
    if class_weight == "balanced":
        codes = np.unique(y, return_inverse=True)[1]  # scikit-learn reads digit strings as numbers, and 01 as 1
        return compute_sample_weight("balanced", codes)
    labels = set(y.tolist())
    unknown = [label for label in class_weight if label not in labels]
    if unknown:
        allowed = ", ".join(map(str, sorted(labels, key=str)[:20]))
        raise BadTable(f"class_weight names {', '.join(map(repr, unknown))}, which no training row has; have {allowed}")
    if not all(np.isfinite(weight) and weight > 0 for weight in class_weight.values()):
        raise BadTable("class_weight must hold finite numbers above 0; leave rows out to leave a class out")
    return np.array([class_weight.get(label, 1.0) for label in y.tolist()], dtype=float)


def one_of_each(copies: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The copies, with one of the first row of each class that rounding left without any, so that no class is lost."""
    copies = copies.copy()
    for label in np.unique(y[weights > 0]):
        rows = np.flatnonzero((y == label) & (weights > 0))
        if not copies[rows].any():
            copies[rows[0]] = 1
    return copies


def repeated(X: pd.DataFrame, y: np.ndarray, copies: np.ndarray | None) -> tuple[pd.DataFrame, np.ndarray]:
    """The rows, each repeated as often as `copies` says; unchanged without it."""
    if copies is None:
        return X, y
    rows = np.repeat(np.arange(len(y)), copies)
    return X.iloc[rows].reset_index(drop=True), y[rows]


def hold_out(
    X: pd.DataFrame, y: np.ndarray, task: str, fraction: float, seed: int, copies: np.ndarray | None = None
) -> tuple[pd.DataFrame, np.ndarray, tuple[pd.DataFrame, np.ndarray] | None]:
    """(X, y, (X_validation, y_validation)): a seeded share of the rows, stratified if the classes allow it.

    With too few rows, nothing is held out and the third is None. Rows are repeated after the split, so that all
    `copies` of a row are on one side; rows without a copy are removed before it.
    """
    if copies is not None:
        kept = copies > 0
        X, y, copies = X[kept], y[kept], copies[kept]
    n_held = round(fraction * len(X))
    if not 0 < n_held < len(X):
        return *repeated(X, y, copies), None
    counts = np.unique(y, return_counts=True)[1] if task == "classification" else np.array([1])
    stratify = y if counts.min() >= 2 and len(counts) <= min(n_held, len(X) - n_held) else None
    rows = sklearn.model_selection.train_test_split(
        np.arange(len(X)), test_size=n_held, stratify=stratify, random_state=seed
    )
    train, held = map(np.sort, rows)
    parts = [(X.iloc[rows], y[rows], None if copies is None else copies[rows]) for rows in (train, held)]
    (X, y), validation = (repeated(*part) for part in parts)
    return X, y, validation
