"""Table columns as numbers for the classical learners, fitted on the training rows alone.

The original fitted scalers on all rows, test rows included, and fed regression baselines unscaled columns (paper §3.1).
"""

import numpy as np
import pandas as pd
import sklearn
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ..errors import BadTable

MAX_CATEGORIES = 50  # one-hot columns per text column; rarer categories share the last one
MISSING = "\0missing"  # the category of empty cells; cannot occur in a file


class Encoder(TransformerMixin, BaseEstimator):
    """Numeric columns: median imputation, then mean 0 and variance 1. All others: one-hot encoding of their text.

    A missing cell of a text column is its own category. A category unseen in training becomes all zeros; so does a
    column without any value. Takes DataFrames (rows, columns) and arrays of that shape; returns float64 arrays
    (rows, encoded columns). Raises BadTable for tables without rows or columns, infinite numbers, columns missing
    at prediction and text in a column that was numeric in training.
    """

    def fit(self, X, y=None):
        X = as_frame(X)
        if 0 in X.shape:
            raise BadTable(f"{X.shape[0]} rows and {X.shape[1]} columns: nothing to learn from")
        self.columns_ = list(X.columns)
        self.numeric_ = [name for name in X.columns if is_numeric(X[name])]
        self.textual_ = [name for name in X.columns if not is_numeric(X[name])]
        self.scaler_ = sklearn.pipeline.make_pipeline(
            sklearn.impute.SimpleImputer(strategy="median", keep_empty_features=True),
            sklearn.preprocessing.StandardScaler(),
        )
        self.one_hot_ = sklearn.preprocessing.OneHotEncoder(
            max_categories=MAX_CATEGORIES, handle_unknown="ignore", sparse_output=False
        )
        if self.numeric_:
            self.scaler_.fit(numbers(X, self.numeric_))
        if self.textual_:
            self.one_hot_.fit(texts(X, self.textual_))
        return self

    def transform(self, X) -> np.ndarray:
        check_is_fitted(self)
        X = as_frame(X)
        gone = [str(name) for name in self.columns_ if name not in X.columns]
        if gone:
            raise BadTable(
                f"columns of the training rows are missing: {', '.join(gone[:10])}; give the same columns again"
            )
        parts = []
        if self.numeric_:
            parts.append(self.scaler_.transform(numbers(X, self.numeric_)))
        if self.textual_:
            parts.append(self.one_hot_.transform(texts(X, self.textual_)))
        return np.hstack(parts)


def as_frame(X) -> pd.DataFrame:
    """`X` as a DataFrame; array columns are named 0, 1, 2, …, and numbers held as objects become numeric."""
    if isinstance(X, pd.DataFrame):
        return with_numbers(X)
    values = np.asarray(X)
    if values.ndim != 2:
        raise BadTable(f"inputs must have rows and columns, not the shape {values.shape}")
    return pd.DataFrame(values).infer_objects()


def with_numbers(X: pd.DataFrame) -> pd.DataFrame:
    """`X` with object columns that hold only numbers converted to numbers; returned unchanged if there are none."""
    objects = (
        X.loc[:, [pd.api.types.is_object_dtype(kind) for kind in X.dtypes]].dropna(axis=1, how="all").infer_objects()
    )
    kinds = {name: kind for name, kind in objects.dtypes.items() if is_numeric(kind)}
    return X.astype(kinds) if kinds else X


def is_numeric(column: pd.Series | np.dtype) -> bool:
    """Whether a column, or one of that dtype, holds quantities; booleans count as categories."""
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def numbers(X: pd.DataFrame, names: list) -> np.ndarray:
    """The columns as floats, missing cells as NaN."""
    values = np.empty((len(X), len(names)))
    for i, name in enumerate(names):
        try:
            values[:, i] = pd.to_numeric(X[name]).to_numpy(dtype=float, na_value=np.nan)
        except (ValueError, TypeError) as error:
            raise BadTable(f"column {name!r} was numeric in the training rows and now holds text: {error}") from error
        if np.isinf(values[:, i]).any():
            raise BadTable(f"column {name!r} holds infinite numbers; leave those cells empty instead")
    return values


def texts(X: pd.DataFrame, names: list) -> np.ndarray:
    """The columns as text, missing cells as MISSING."""
    values = np.empty((len(X), len(names)), dtype=object)
    for i, name in enumerate(names):
        column = X[name].astype(object)
        values[:, i] = [str(cell) if present else MISSING for cell, present in zip(column, column.notna(), strict=True)]
    return values
