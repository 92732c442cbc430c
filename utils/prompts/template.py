"""The template: turns a table row into a sentence, and an answer into a label or a number. Nothing else handles text.

template = Template("classification").fit(X, y)
template.prompts(X)[0]      # 'When we have x1=5.10, x2=3.50, What is this type? ###'
template.completions(y)[0]  # ' 0@@@'
template.parse(" 0@@@")     # 'setosa'
template.parse(" 0 or 1")   # None: an ambiguous answer is no answer
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from ..errors import BadTable, UnknownName, UserError
from . import cells, wordings
from .cells import CellWriter
from .numbers import Format, Scale, all_integers
from .parsing import Answer, ChoiceReader, NumberReader

CHOICES = {
    "task": ("classification", "regression"),
    "numbers": ("paper", "significant", "scaled"),
    "scale": cells.SCALES,
    "categories": cells.CATEGORIES,
    "labels": ("codes", "text"),
}
LONGEST = 12  # decimals; smaller targets are written with an exponent
WIDEN = 0.05  # share of the training range by which a regression target's levels extend beyond each end


class Template(BaseEstimator):
    """Writes rows and answers, and reads answers. The constructor only stores; `fit` learns from training rows.

    Args:
        task: "classification" or "regression".
        wording: "paper" (x1, x2, …), "names" (the columns' names), "pixels", "compact" (values and an arrow), "tae",
            "cmc", "vehicle", "ccpp", "insurance", "servo", "student" (sentences written for one table), or your own
            text with fields in braces: {features} for all columns as `name=value, name=value`, {name} or {x1} for one.
        names: feature names to use instead of the table's, as a list or a dict from old to new.
        numbers: "paper" (whole columns as integers, else 2 decimals for classes and 4 for regression), "significant"
            (whole columns as integers, else `digits` significant digits) or "scaled" (every numeric column as a level,
            an integer from 0 to `levels` - 1).
        digits: significant digits.
        scale: what the levels of "scaled" span: the training values of the "column", their ranks ("quantile"), all
            numbers of the training "table", or the numbers of the "row" itself. Values beyond get the end level.
        levels: number of levels.
        categories: text columns as "text", or as "levels", the sorted categories spread evenly over the levels; if
            most rows have a unique category (names, dates), these are written as missing, like new ones.
        labels: classes as "codes" (0, 1, … in the order of `classes_`) or as "text".

    Attributes after fit:
        classes_: the sorted labels, and candidates_: their completions. In regression, candidates_ holds those of all
            levels with "scaled" numbers, else None.
        mean_: mean of the training targets (regression).
        names_: the columns' names as used; numeric_: which columns are numbers, bool of shape (n_columns,).
        n_collisions_: distinct training rows with the same prompt as an earlier one.
    """

    def __init__(
        self,
        task: str,
        wording: str = "paper",
        names: Sequence[str] | Mapping[str, str] | None = None,
        numbers: str = "paper",
        digits: int = 3,
        scale: str = "column",
        levels: int = 1000,
        labels: str = "codes",
        categories: str = "text",
    ) -> None:
        self.task = task
        self.wording = wording
        self.names = names
        self.numbers = numbers
        self.digits = digits
        self.scale = scale
        self.levels = levels
        self.labels = labels
        self.categories = categories

    def check(self) -> Template:
        """Returns itself if its options are valid; needs no rows.

        Raises:
            UnknownName: a task, wording, number format, scale or label form that does not exist.
            UserError: a size below its minimum, a wording for the other task, or a custom wording without a field.
        """
        for option, choices in CHOICES.items():
            if getattr(self, option) not in choices:
                raise UnknownName(f"no {option} {getattr(self, option)!r}; have {', '.join(choices)}")
        if self.levels < 2 or self.digits < 1:
            raise UserError(f"levels must be at least 2 and digits at least 1, not {self.levels} and {self.digits}")
        wordings.pieces(wordings.get(self.wording, self.task).text)
        return self

    @property
    def stop(self) -> str:
        """The mark that ends an answer; empty if the model's own end token does."""
        return wordings.get(self.wording, self.task).stop

    def fit(self, X: pd.DataFrame | np.ndarray, y: Sequence[Any]) -> Template:
        """Learns columns, number formats and answers from the training rows; returns itself.

        Args:
            X: rows as a DataFrame, or a 2-D array, whose columns are called x1, x2, ….
            y: labels of one type, or finite numbers.

        Raises:
            UnknownName: an unknown option.
            BadTable: no rows or columns, two columns of the same name, or missing or infinite targets.
            UserError: a wording with fields or columns that the table does not have.
        """
        self.check()
        frame = cells.frame(X)
        if len(frame) != len(y):
            raise BadTable(f"{len(frame)} rows and {len(y)} targets")
        self.wording_ = wordings.get(self.wording, self.task)
        if self.names is not None:
            self.wording_ = replace(self.wording_, named=True)
        self.cells_ = CellWriter(
            frame, self.numbers, self.digits, self.scale, self.levels, self.wording_, self.categories
        )
        self.numeric_ = self.cells_.numeric
        self.names_ = self._rename([str(name) for name in frame.columns])
        self.sentence_, self.slots_ = self.wording_.compile(self.names_, range(len(self.names_)))
        if self.task == "classification":
            self._fit_labels(_labels(y))
        else:
            self._fit_targets(cells.targets(y))
        self.n_collisions_ = self.count_collisions(X)
        return self

    # ---- rows -------------------------------------------------------------------------------------------------------

    def prompts(self, X: pd.DataFrame | np.ndarray) -> list[str]:
        """One prompt per row, in order.

        Raises:
            BadTable: columns are missing, or hold text although they held numbers when the template was fitted.
        """
        columns = self.cells_.columns(cells.frame(X))
        texts = self.cells_.texts(columns, {i for slot in self.slots_ for i in slot.columns})
        slots = [self._words(slot, columns, texts) if slot.words else texts[slot.columns[0]] for slot in self.slots_]
        return [self.sentence_ % row for row in zip(*slots, strict=True)]

    def prompt(self, row: pd.Series | Mapping[Any, Any] | Sequence[Any]) -> str:
        """The prompt of one row, given by column name or in the order of the columns."""
        if not isinstance(row, pd.Series | Mapping):
            row = dict(zip(self.cells_.names, row, strict=True))
        return self.prompts(pd.DataFrame({name: [row[name]] for name in self.cells_.names}))[0]

    def examples(self, X: pd.DataFrame | np.ndarray, y: Sequence[Any]) -> list[tuple[str, str]]:
        """Prompt and completion of each row."""
        return list(zip(self.prompts(X), self.completions(y), strict=True))

    def text_sha256(self, X: pd.DataFrame | np.ndarray, y: Sequence[Any]) -> str:
        """The identity of the training text: SHA-256 over all prompts and completions."""
        return hashlib.sha256("\n".join(map(json.dumps, self.examples(X, y))).encode()).hexdigest()

    def count_collisions(self, X: pd.DataFrame | np.ndarray) -> int:
        """How many distinct rows share the prompt of an earlier distinct row."""
        frame = cells.frame(X)
        distinct = frame[~frame.duplicated().to_numpy()]
        return len(distinct) - len(set(self.prompts(distinct)))

    def permuted(self, order: Sequence[int]) -> Template:
        """A fitted copy with its {features} in another order; each column keeps its name or number.

        Raises:
            UserError: not a permutation of the columns, or a wording whose sentence fixes the order.
        """
        if sorted(order) != list(range(len(self.names_))):
            raise UserError(f"an order must contain each of 0 … {len(self.names_) - 1} once, not {list(order)}")
        if ("features", True) not in wordings.pieces(self.wording_.text):
            raise UserError(f"the wording {self.wording!r} fixes the order of the columns; use one with {{features}}")
        other = copy.copy(self)
        other.sentence_, other.slots_ = self.wording_.compile(self.names_, order)
        return other

    def prompt_with_shots(self, shots: Sequence[tuple[str, str]], prompt: str) -> str:
        """The in-context prompt: training texts (prompt and completion), then the query.

        Texts are separated by a space, as in the paper; by a new line if the wording has no stop mark.
        """
        return (" " if self.stop else "\n").join([*(shot + completion for shot, completion in shots), prompt])

    # ---- answers ----------------------------------------------------------------------------------------------------

    def completions(self, y: Sequence[Any]) -> list[str]:
        """One completion per target, in order: a space, the answer, the stop mark.

        Raises:
            BadTable: a label not seen by `fit`, or a missing or infinite target.
        """
        if self.task == "regression":
            return [f" {text}{self.stop}" for text in self.y_format_.write(cells.targets(y))]
        texts = dict(zip(self.classes_.tolist(), self.candidates_, strict=True))
        labels = _labels(y).tolist()
        unseen = {repr(label) for label in labels if label not in texts}
        if unseen:
            raise BadTable(f"labels that no training row has: {', '.join(sorted(unseen)[:5])}")
        return [texts[label] for label in labels]

    def completion(self, y: Any) -> str:
        """The completion of one target."""
        return self.completions([y])[0]

    def read(self, text: str) -> Answer:
        """The value of a model's answer, and whether it has the trained form; for the rules see `parsing`."""
        return self.reader_.read(text)

    def parse(self, text: str) -> Any:
        """The label or number in `text`, or None when the model wrote something else."""
        return self.read(text).value

    # ---- learnt by fit ----------------------------------------------------------------------------------------------

    def _rename(self, own: list[str]) -> list[str]:
        if self.names is None:
            return own
        if isinstance(self.names, Mapping):
            unknown = [str(name) for name in self.names if name not in own]
            if unknown:
                raise UserError(
                    f"names has {', '.join(unknown)}, which the table lacks; its columns are {', '.join(own)}"
                )
            names = [self.names.get(name, name) for name in own]
        else:
            names = list(self.names)
        if len(names) != len(own) or len(set(names)) != len(names):
            raise UserError(f"names must be {len(own)} different ones, one per column, not {names}")
        return names

    def _words(self, slot: wordings.Slot, columns: list[np.ndarray], texts: dict[int, list[str]]) -> list[str]:
        """The words that the slot's columns look up; a value without words, such as a missing one, stays as written."""
        keys = [self.cells_.keys(columns[i]) for i in slot.columns]
        found = keys[0] if len(keys) == 1 else zip(*keys, strict=True)
        return [slot.words.get(key, own) for key, own in zip(found, texts[slot.columns[-1]], strict=True)]

    def _fit_labels(self, y: np.ndarray) -> None:
        if pd.isna(y).any():
            raise BadTable("some labels are missing; drop those rows")
        try:
            self.classes_ = np.unique(y)
        except TypeError as error:
            raise BadTable(f"labels have mixed types ({error}); convert all of them to text") from error
        labels = self.classes_.tolist()
        written = [str(i) if self.labels == "codes" else wordings.escape(str(label)) for i, label in enumerate(labels)]
        self.candidates_ = [f" {text}{self.stop}" for text in written]
        self.reader_ = ChoiceReader(written, labels, self.stop)

    def _fit_targets(self, y: np.ndarray) -> None:
        self.mean_ = float(y.mean())
        # the paper's decimals, or more for small targets, so that half their range keeps 3 digits
        spread = float(y.max() / 2 - y.min() / 2) or abs(float(y[0]))
        decimals = max(self.wording_.y_decimals, 2 - math.floor(math.log10(spread)) if spread else 0)
        style = "significant" if self.numbers == "significant" or decimals > LONGEST else "fixed"
        self.y_format_: Format | Scale = Format(style, decimals if style == "fixed" else self.digits, all_integers(y))
        self.candidates_ = None
        self.reader_: NumberReader | ChoiceReader = NumberReader(self.y_format_, self.stop)
        if self.numbers == "scaled":
            self.y_format_ = Scale.between(y, self.levels, WIDEN)
            written = [str(level) for level in range(self.levels)]
            self.candidates_ = [f" {text}{self.stop}" for text in written]
            self.reader_ = ChoiceReader(written, self.y_format_.value(range(self.levels)).tolist(), self.stop)


def _labels(y: Sequence[Any]) -> np.ndarray:
    labels = np.asarray(y)
    if labels.dtype.kind == "U" and not isinstance(y, np.ndarray):
        return np.array(list(y), dtype=object)  # numpy's fixed-width strings lose a trailing NUL character
    return labels
