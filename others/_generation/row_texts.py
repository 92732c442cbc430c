"""Rows as short texts that can be parsed back: the form in which a language model writes a row.

texts = RowTexts(100).fit(X)
texts.write(X)[0]               # ' 22 62 7 4'
texts.read(" 22 62 7 4")        # [22, 62, 7, 4], the codes
texts.frame([[22, 62, 7, 4]])   # a row of X, up to the width of a level
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from utils.prompts.numbers import Scale
from utils.tables.encoding import is_numeric

MISSING = "?"


class RowTexts:
    """One word per column: an integer from 0 to the column's largest code, or "?" for an empty cell.

    Whole numbers from 0 to below `levels` are written unchanged, other numbers as levels between the smallest and the
    largest training value, texts as the index of their category in sorted order.

    Args:
        levels: of numbers.
        top: the largest code of whole-number columns, for tables with columns of one kind (pixels); None for the
            largest training value of each.
    """

    def __init__(self, levels: int, top: int | None = None) -> None:
        self.levels = levels
        self.top = top

    def fit(self, X: pd.DataFrame) -> RowTexts:
        """Learns the columns from the training rows."""
        self.names_, self.kinds_ = list(X.columns), X.dtypes
        self.scales_: list[Scale | None] = []
        self.categories_: list[list[str] | None] = []
        self.least_, self.most_, self.missing_ = [], [], []
        for name in X.columns:
            column, scale, categories, least = X[name], None, None, 0
            self.missing_.append(bool(column.isna().any()))
            if not is_numeric(column):
                categories = sorted(set(column.dropna().astype(str)))
                most = len(categories) - 1
            else:
                values = column.to_numpy(float, na_value=np.nan)
                finite = values[np.isfinite(values)]
                is_integer = (
                    len(finite) > 0 and finite.min() >= 0 and finite.max() < self.levels and (finite % 1 == 0).all()
                )
                if is_integer:
                    least, most = (int(finite.min()), int(finite.max())) if self.top is None else (0, self.top)
                else:
                    scale, most = Scale.between(values, self.levels), self.levels - 1
            self.scales_.append(scale)
            self.categories_.append(categories)
            self.least_.append(least)
            self.most_.append(most)
        return self

    def codes(self, X: pd.DataFrame) -> np.ndarray:
        """Integers of shape (n, p), -1 where a cell is empty or its category unknown."""
        columns = []
        for name, scale, categories, least, most in zip(
            self.names_, self.scales_, self.categories_, self.least_, self.most_, strict=True
        ):
            if categories is not None:
                code_of = {category: code for code, category in enumerate(categories)}
                cells = [-1 if pd.isna(cell) else code_of.get(str(cell), -1) for cell in X[name]]
                columns.append(np.array(cells, dtype=int))
                continue
            values = X[name].to_numpy(float, na_value=np.nan)
            rounded = np.clip(np.floor(np.nan_to_num(values) + 0.5), least, most).astype(int)
            columns.append(np.where(np.isnan(values), -1, rounded) if scale is None else scale.level(values))
        return np.column_stack(columns)

    def write(self, X: pd.DataFrame) -> list[str]:
        """The rows as texts; every word is preceded by a space."""
        return [self.words(codes) for codes in self.codes(X).tolist()]

    @staticmethod
    def words(codes: Sequence[int]) -> str:
        """Codes as a text; every word is preceded by a space."""
        return "".join(f" {MISSING if code < 0 else code}" for code in codes)

    def read(self, text: str) -> list[int] | None:
        """The codes in a text, or None if it is not a row: a wrong number of words, or one invalid for its column."""
        words = text.split()
        if len(words) != len(self.names_):
            return None
        codes = []
        for word, least, most, missing in zip(words, self.least_, self.most_, self.missing_, strict=True):
            if word == MISSING and missing:
                codes.append(-1)
            elif word.isascii() and word.isdigit() and least <= int(word) <= most:
                codes.append(int(word))
            else:
                return None
        return codes

    def frame(self, codes: Sequence[Sequence[int]]) -> pd.DataFrame:
        """Codes, shape (n, p), as rows of the table: numbers at the middle of their level."""
        array = np.asarray(codes, dtype=int).reshape(-1, len(self.names_))
        columns = {}
        for i, name in enumerate(self.names_):
            code, scale, categories = array[:, i], self.scales_[i], self.categories_[i]
            if categories is not None:
                columns[name] = pd.Series([categories[c] if c >= 0 else None for c in code], dtype=object)
            else:
                values = code.astype(float) if scale is None else scale.value(code)
                columns[name] = pd.Series(np.where(code < 0, np.nan, values), dtype=float)
        return pd.DataFrame(columns)

    def rounded(self, X: pd.DataFrame) -> pd.DataFrame:
        """The rows after writing and reading them back."""
        return self.frame(self.codes(X))
