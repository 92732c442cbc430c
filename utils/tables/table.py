"""A table to learn from, and the checks between a file's columns and it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ..errors import BadTable
from . import files, partitions, splits
from .disguises import Account
from .registry import Entry

MANY_LABELS = 20  # a numeric target with more distinct values is taken as a quantity


@dataclass(frozen=True)
class Table:
    """Rows to learn from.

    Attributes:
        name: its name in results; the path as typed for a file, the registry's name for an alias.
        X: numbers as int64 or float64, all else as text (object) with None for a missing cell. The index is the row
            number in the source, from 0.
        y: labels as text, or float64.
        source: where the rows come from.
        label_order: the original's coding of the classes, if it is not the sorted order.
        is_own: whether it is the user's own file, not one of the project's tables.
        account: how the user's file was read.
        partition: how the rows are split, if not at random.
    """

    name: str
    X: pd.DataFrame
    y: pd.Series
    task: str
    source: str
    label_order: tuple[str, ...] | None = None
    is_own: bool = False
    account: Account = field(default_factory=Account)
    partition: partitions.Partition | None = None

    @property
    def sha256(self) -> str:
        """Hash of names, types and values; the same wherever the rows come from."""
        return splits.content_hash(self.X, self.y)

    def split(self, seed: int, protocol: str = "paper") -> splits.Split:
        """Training, validation and test rows; see `splits.draw` and `partitions`."""
        if self.partition is None:
            return splits.draw(self.X, self.y, self.task, seed, protocol, self.label_order)
        rows = self.partition.rows(self.y, self.task, seed, protocol)
        return splits.of_rows(self.X, self.y, self.task, rows, self.partition.name)


def build(
    name: str,
    frame: pd.DataFrame,
    target: str,
    task: str | None,
    source: str,
    entry: Entry | None,
    as_text: tuple[str, ...] = (),
    understood: pd.DataFrame | None = None,
) -> Table:
    """The table made from a file's columns; `understood` is the same frame with more columns read as numbers."""
    for column, flag in ((target, "choose the target with --target NAME"), *((c, "--as-text") for c in as_text)):
        if column not in frame.columns:
            raise BadTable(f"{name} has no column {column!r}; {flag} from {', '.join(frame.columns)}")
    if frame.empty:
        raise BadTable(f"{name} has column names but no rows")
    is_usual = entry is not None and target == frame.columns[-1]
    columns = (*(entry.categorical if entry else ()), *as_text)
    better = frame if understood is None else understood
    X = files.features(better.drop(columns=target), columns)
    raw, values = frame[target], None if target in as_text else files.numbers(better[target])
    _check_present(name, raw)
    task = task or (entry.task if is_usual else _guess(values))
    y = _labels(name, raw, values) if task == "classification" else _targets(name, raw, values)
    _check_finite(name, X)
    order = None
    if is_usual and task == entry.task:
        entry.check(X, y, source)
        order = entry.label_order
    return Table(name, X, y, task, source, order)


def _guess(values: pd.Series | None) -> str:
    if values is None:
        return "classification"
    n_distinct = values.nunique()
    has_fractions = bool((values % 1 != 0).any())
    is_quantity = n_distinct > MANY_LABELS or (has_fractions and n_distinct > min(10, len(values) / 2))
    return "regression" if is_quantity else "classification"


def _labels(name: str, raw: pd.Series, values: pd.Series | None) -> pd.Series:
    y = files.text(raw)
    counts = y.value_counts()
    if len(counts) < 2:
        raise BadTable(
            f"{name}: the target {raw.name!r} is {counts.index[0]!r} in every row; choose another with --target NAME"
        )
    n_single = int((counts == 1).sum())
    if n_single > len(counts) / 2:
        way = "--task regression" if values is not None else "--target NAME"
        raise BadTable(
            f"{name}: {n_single} of the {len(counts)} classes of {raw.name!r} have a single row, so there is nothing "
            f"to learn; {way} may be what you want"
        )
    return y


def _targets(name: str, raw: pd.Series, values: pd.Series | None) -> pd.Series:
    if values is None:
        raise BadTable(
            f"{name}: the target {raw.name!r} is not numeric; use --task classification or another --target NAME"
        )
    _check_present(name, values)
    if not np.isfinite(values).all():
        first = int(np.argmax(~np.isfinite(values)))
        raise BadTable(f"{name}: the target {raw.name!r} is infinite in row {first}, counted from 0; fix or remove it")
    if values.nunique() < 2:
        raise BadTable(
            f"{name}: the target {raw.name!r} is {values.iloc[0]} in every row; choose another with --target NAME"
        )
    return values.astype("float64")


def _check_present(name: str, y: pd.Series) -> None:
    n_missing = int(y.isna().sum())
    if n_missing:
        first = int(np.argmax(y.isna()))
        raise BadTable(
            f"{name}: {n_missing} of {len(y)} rows have no {y.name!r} (the first is row {first}, counted from 0); "
            "remove them (no row is dropped silently) or choose another --target NAME"
        )


def _check_finite(name: str, X: pd.DataFrame) -> None:
    for column in X.select_dtypes("float64"):
        is_infinite = np.isinf(X[column])
        if is_infinite.any():
            raise BadTable(
                f"{name}: column {column!r} is infinite in {int(is_infinite.sum())} rows (the first is row "
                f"{int(np.argmax(is_infinite))}, counted from 0); correct them or leave the cells empty"
            )
