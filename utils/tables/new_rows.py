"""Further rows for a fitted model: the same columns by name, read as the training rows were.

Columns may be in any order. A missing column is an error; an extra one is reported and ignored. Numbers are read by
their column's reading (`disguises.Reading`), so that a model trained on `1,5` does not read `1.234` as 1.234. Legal but
surprising cells are reported: categories that no training row has, numbers outside the range of the training rows,
missing cells in columns that had none.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import BadTable
from . import files
from .disguises import Account, Reading

MOST_LEVELS = 1000  # remembered per text column; with more, new ones are not reported
SHOWN = 3  # cells or names shown in a sentence


@dataclass(frozen=True)
class Column:
    """A column of the training rows.

    Attributes:
        kind: "number" or "text".
        reading: how numbers in disguise are read; None for plain ones.
        missing: whether it is missing in a training row.
        low, high: the range of the numbers; None without any.
        levels: the texts, sorted; None for numbers, or if more than MOST_LEVELS.
    """

    name: str
    kind: str
    reading: Reading | None = None
    missing: bool = False
    low: float | None = None
    high: float | None = None
    levels: list[str] | None = field(default=None, repr=False)

    @classmethod
    def of(cls, values: pd.Series, account: Account) -> Column:
        """A column of the training rows."""
        name, missing = str(values.name), bool(values.isna().any())
        if pd.api.types.is_numeric_dtype(values):
            ends = (float(values.min()), float(values.max())) if values.notna().any() else (None, None)
            return cls(name, "number", account.readings.get(name), missing, *ends)
        levels = sorted({str(cell) for cell in values.dropna()})
        return cls(name, "text", None, missing, levels=levels if len(levels) <= MOST_LEVELS else None)

    def to_json(self) -> dict[str, object]:
        """Plain values from which `from_json` restores the column."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, object]) -> Column:
        reading = values["reading"]
        return cls(**{**values, "reading": Reading(**reading) if reading else None})


def read(path: Path, columns: Sequence[Column], target: str) -> tuple[pd.DataFrame, list[str]]:
    """The rows of a file for a model with these columns, and remarks about them, as sentences.

    Args:
        columns: of the training rows, in their order.
        target: the column that the model predicts; ignored if the file has it.

    Returns:
        (n_rows, n_columns): numbers as float64, all else as text (object) with None for a missing cell.

    Raises:
        BadTable: a file that cannot be read, a missing column, or text in a numeric column.
    """
    sheet = files.sheet(path)
    names = [column.name for column in columns]
    missing = [name for name in names if name not in sheet.frame]
    extra = [name for name in sheet.frame if name not in names]
    if missing:
        raise BadTable(f"{path} lacks {_listed(missing)}, which the model was tuned on{_near(missing, extra)}")
    if sheet.frame.empty:
        raise BadTable(f"{path} has column names but no rows")
    notes = list(sheet.notes)
    if target in extra:
        notes.append(f"column {target!r}, which the model predicts, is ignored: its cells do not affect the answers")
    if others := [name for name in extra if name != target]:
        notes.append(f"{_listed(others)} ignored: not in the training rows")
    values = {}
    for column in columns:
        values[column.name] = (
            _numbers(path, sheet, column) if column.kind == "number" else files.text(sheet.frame[column.name])
        )
        notes += _surprises(values[column.name], column)
    return pd.DataFrame(values), notes


def _numbers(path: Path, sheet: files.Sheet, column: Column) -> pd.Series:
    cells, reading = sheet.frame[column.name], column.reading or Reading()
    values = files.numbers(cells) if column.reading is None or cells.dtype.kind in "iuf" else None
    if values is None:
        parsed = {cell: reading.number(str(cell)) for cell in cells.dropna().unique()}
        odd = [i for i, cell in enumerate(cells) if parsed.get(cell, 0.0) is None]
        if odd:
            shown = ", ".join(f"{str(cells.iloc[i])!r}{_line(sheet, i)}" for i in odd[:SHOWN])
            more = f" and {len(odd) - SHOWN} more" if len(odd) > SHOWN else ""
            like = f", written like {_example(reading)}" if column.reading else ""
            raise BadTable(
                f"{path}: column {column.name!r} holds {shown}{more} where the training rows have numbers{like}; "
                "correct the cells, or leave them empty if unknown"
            )
        values = pd.Series([parsed.get(cell, np.nan) for cell in cells], name=column.name)
    values = values.astype("float64")
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite):
        location = _line(sheet, int(infinite[0]))
        raise BadTable(f"{path}: column {column.name!r} is infinite{location}; correct the cell or leave it empty")
    return values


def _surprises(values: pd.Series, column: Column) -> list[str]:
    notes, present = [], values.dropna()
    if column.levels is not None:
        new = present[~present.isin(column.levels)]
        if len(new):
            notes.append(
                f"column {column.name!r}: {_cells(len(new))} a category that no training row has, "
                f"{_listed(list(dict.fromkeys(new)), '')}; "
                "lift-tiny reads it as missing, models without a recipe as written"
            )
    if column.low is not None and column.high is not None:
        n = int(((present < column.low) | (present > column.high)).sum())
        if n:
            notes.append(
                f"column {column.name!r}: {_cells(n)} a number outside the training range, {column.low:.6g} to "
                f"{column.high:.6g}; LIFT does not extrapolate"
            )
    if len(present) < len(values) and not column.missing:
        notes.append(
            f"column {column.name!r}: {len(values) - len(present)} of {len(values)} cells are missing, and no training "
            "row lacks one"
        )
    return notes


def _cells(n: int) -> str:
    return "1 cell has" if n == 1 else f"{n} cells have"


def _line(sheet: files.Sheet, index: int) -> str:
    return f" (line {sheet.lines[index]})" if sheet.lines else f" (row {index}, counted from 0)"


def _example(reading: Reading) -> str:
    number = f"1{reading.group}234{reading.decimal}5" if reading.group else f"1234{reading.decimal}5"
    return repr(f"{number} {reading.unit}".strip())


def _listed(names: Sequence[str], word: str = "column") -> str:
    shown = ", ".join(map(repr, names[: 2 * SHOWN])) + (
        f" and {len(names) - 2 * SHOWN} more" if names[2 * SHOWN :] else ""
    )
    return f"{word}{'s' * (len(names) > 1 and bool(word))} {shown}".strip()


def _near(missing: Sequence[str], extra: Sequence[str]) -> str:
    """Suggests which of the file's other columns may be meant."""
    lower = {name.casefold(): name for name in extra}
    found = [(name, difflib.get_close_matches(name.casefold(), lower, 1, 0.7)) for name in missing]
    pairs = [f"{lower[near[0]]!r} to {name!r}" for name, near in found if near]
    return f"; rename {', '.join(pairs)}?" if pairs else "; add it, with empty cells where unknown"
