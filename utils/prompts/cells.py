"""Table cells as text: numbers in the template's format, all else escaped, missing ones as "unknown"."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from ..errors import BadTable
from .numbers import MISSING, Format, Scale, all_integers, level_texts, row_levels
from .wordings import Wording, escape

SCALES = ("column", "quantile", "table", "row")
CATEGORIES = ("text", "levels")
ONE_OFF_SHARE, ONE_OFF_ROWS = 0.5, 30  # above this share and number of rows with unique categories


def frame(X: pd.DataFrame | np.ndarray) -> pd.DataFrame:
    """X itself, or a 2-D array as a DataFrame with the columns x1, x2, …."""
    if isinstance(X, pd.DataFrame):
        return X
    values = np.asarray(X)
    if values.ndim != 2:
        raise BadTable(f"rows must be a DataFrame or a 2-D array, not an array of shape {values.shape}")
    return pd.DataFrame(values, columns=[f"x{i + 1}" for i in range(values.shape[1])]).infer_objects()


class CellWriter:
    """Writes the columns of tables in the format learnt from the training rows.

    Args:
        X: the training rows.
        numbers: "paper", "significant" or "scaled".
        digits: significant digits.
        scale, levels: what the levels of "scaled" span, and their number.
        wording: gives the paper's decimals and what must be escaped in a category.
        categories: "text" as written, or "levels": the sorted categories of a column, spread evenly over the levels;
            if most rows have a unique category, these are written as missing, like new ones.

    Attributes:
        names: the columns' names; numeric: which of them are numbers, bool of shape (n_columns,).
    """

    def __init__(
        self,
        X: pd.DataFrame,
        numbers: str,
        digits: int,
        scale: str,
        levels: int,
        wording: Wording,
        categories: str = "text",
    ) -> None:
        if not X.shape[0] or not X.shape[1]:
            raise BadTable(f"a template needs rows and columns to learn from, not a table of shape {X.shape}")
        if X.columns.duplicated().any():
            raise BadTable(f"two columns are called {X.columns[X.columns.duplicated()][0]}; rename one")
        self.names = list(X.columns)
        self.numeric = np.array([pd.api.types.is_numeric_dtype(kind) for kind in X.dtypes])
        self.reserved = wording.reserved
        self.row_levels = levels if numbers == "scaled" and scale == "row" else 0
        columns = self.columns(X)
        values = {int(i): columns[i].astype(float) for i in np.flatnonzero(self.numeric)}
        self.formats: dict[int, Format | Scale] = {}
        if numbers == "scaled":
            make = Scale.quantiles if scale == "quantile" else Scale.between
            span = np.concatenate([*values.values(), []]) if scale == "table" else None
            self.formats = {i: make(column if span is None else span, levels) for i, column in values.items()}
        else:
            style, precision, integers = ("fixed", wording.decimals, wording.integers)
            if numbers == "significant":
                style, precision, integers = ("significant", digits, True)
            self.formats = {i: Format(style, precision, integers and all_integers(v)) for i, v in values.items()}
        self.codes: dict[int, dict[str, str]] = {}
        if categories == "levels":
            self.codes = {int(i): _codes(columns[i], levels) for i in np.flatnonzero(~self.numeric)}

    def columns(self, X: pd.DataFrame) -> list[np.ndarray]:
        """The columns, in training order: numbers as ints or floats, all else as objects.

        Raises:
            BadTable: a column is missing, or holds text although it was numeric in training.
        """
        missing = [str(name) for name in self.names if name not in X.columns]
        if missing:
            raise BadTable(f"the table lacks the columns {', '.join(missing)} that the template was fitted on")
        pairs = zip(self.names, self.numeric, strict=True)
        return [_numbers(X[name]) if numeric else X[name].to_numpy(dtype=object) for name, numeric in pairs]

    def texts(self, columns: list[np.ndarray], shown: Iterable[int]) -> dict[int, list[str]]:
        """Column number → the texts of its cells, for the `shown` columns."""
        if self.row_levels and self.numeric.any():
            numbers = np.flatnonzero(self.numeric)
            levels = row_levels(np.column_stack([columns[i].astype(float) for i in numbers]), self.row_levels)
            written = {int(i): level_texts(levels[:, position]) for position, i in enumerate(numbers)}
        else:
            written = {i: self.formats[i].write(columns[i]) for i in shown if self.numeric[i]}
        return {i: written[i] if self.numeric[i] else self._categories(i, columns[i]) for i in shown}

    def keys(self, column: np.ndarray) -> list[str]:
        """The texts by which a phrase looks up its words: whole numbers without decimals, categories as written."""
        return Format("significant", 17, True).write(column) if column.dtype.kind in "iuf" else list(map(str, column))

    def _categories(self, i: int, column: np.ndarray) -> list[str]:
        """The texts of column `i`; with codes, a category that no training row has is written as missing."""
        cells = list(zip(column, pd.isna(column), strict=True))
        if i in self.codes:  # a missing cell must not become the category "None"
            return [MISSING if missing else self.codes[i].get(str(v), MISSING) for v, missing in cells]
        texts = [MISSING if missing else str(v) for v, missing in cells]
        written = {text: escape(text, self.reserved) for text in set(texts)}
        return [written[text] for text in texts]


def _codes(column: np.ndarray, levels: int) -> dict[str, str]:
    """Category → its level: first and last in sorted order get the end levels, a single one the middle level.

    If most rows have a category that no other row has (a name, a date), such categories get no level: they would be
    memorised, and those of new rows have none either.
    """
    counts = Counter(str(value) for value in column[~pd.isna(column)])
    n_one_off = sum(n == 1 for n in counts.values())
    tells_rows_apart = n_one_off > max(ONE_OFF_SHARE * len(column), ONE_OFF_ROWS)
    found = sorted(category for category, n in counts.items() if n > 1 or not tells_rows_apart)
    spread = np.linspace(0, levels - 1, len(found)) if len(found) > 1 else np.full(len(found), (levels - 1) // 2)
    return {category: str(int(level + 0.5)) for category, level in zip(found, spread.tolist(), strict=True)}


def targets(y: Any) -> np.ndarray:
    """Regression targets as floats, shape (n,).

    Raises:
        BadTable: not numeric, missing or infinite.
    """
    try:
        values = np.asarray(y, dtype=float)
    except (TypeError, ValueError) as error:
        raise BadTable(f"regression targets must be numbers: {error}") from error
    if not np.isfinite(values).all():
        raise BadTable("regression targets must be finite; drop the rows whose target is missing or infinite")
    return values


def _numbers(column: pd.Series) -> np.ndarray:
    """A numeric column as integers if it holds nothing else, otherwise as floats with nan for missing cells."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iu":
        return column.to_numpy()
    try:
        return pd.to_numeric(column).to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise BadTable(f"column {column.name} held numbers when the template was fitted: {error}") from error
