"""CSV and Parquet files as columns of numbers and of text. `dialects` reads the text of a CSV.

A column is numeric if every cell is a number, else it is text, as written. A number may not have a leading zero
("02134" is a code, not a quantity) and an integer must fit 64 bits (longer ones are identifiers). An empty cell is
missing everywhere; "NA", "N/A", "NaN", "nan", "null" and "?" are missing only in columns whose other cells are all
numbers, so that Namibia's code NA and the label "null" stay text.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from ..errors import BadTable
from . import dialects, disguises
from .disguises import Account

SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet")
MISSING = ("NA", "N/A", "NaN", "nan", "null", "?")
INTEGER = re.compile(r"[+-]?(?:0|[1-9][0-9]*)")
NUMBER = re.compile(r"[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?inf(?:inity)?", re.I)


@dataclass(frozen=True)
class Sheet:
    """What a file holds.

    Attributes:
        frame: text cells of a CSV (missing cells are None); numbers and categories of a Parquet file.
        separator: the character between cells; empty for Parquet.
        lines: where each row ends in the file, counted from 1; empty for Parquet.
        notes: what was unusual about the file, as sentences.
    """

    frame: pd.DataFrame
    separator: str = ""
    lines: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


def is_file(name: str) -> bool:
    """Whether `name` means a file rather than a table of the project: by its suffix, or because it exists."""
    return name.lower().endswith(SUFFIXES) or Path(name).is_file()


def find(stem: str, folders: list[Path]) -> Path | None:
    """The first file called STEM.csv, STEM.csv.gz, … in one of the folders; None if there is none."""
    if not stem or Path(stem).name != stem:
        return None
    paths = (folder / f"{stem}{suffix}" for folder in folders for suffix in SUFFIXES)
    return next((path for path in paths if path.is_file()), None)


def read(path: Path) -> pd.DataFrame:
    """The columns of a file, see `sheet`."""
    return sheet(path).frame


def sheet(path: Path) -> Sheet:
    """The content of a file.

    Raises:
        BadTable: no such file, another format, damaged, not text, rows of unequal length, missing or repeated names.
    """
    if not path.is_file():
        raise BadTable(f"there is no file {path}")
    if not path.name.lower().endswith(SUFFIXES):
        raise BadTable(f"{path}: the suffix is none of {', '.join(SUFFIXES)}; save the table as one of these")
    found = Sheet(_parquet(path)) if path.suffix.lower() == ".parquet" else _csv(path)
    found.frame.columns = [str(name) for name in found.frame.columns]
    _check_names(path, list(found.frame.columns))
    return found


def understood(sheet: Sheet, as_text: Iterable[str] = ()) -> tuple[pd.DataFrame, Account]:
    """The columns with numbers, plain and in disguise, as int64 or float64, and an account of how they were read.

    Args:
        as_text: columns that stay text.
    """
    frame, kept = sheet.frame, set(as_text)
    texts = [name for name in frame if frame[name].dtype == object and name not in kept]
    plain = {name: values for name in texts if (values := numbers(frame[name])) is not None}
    found = disguises.undisguised(frame[texts], plain, sheet.separator)
    values, notes, odd = {}, {}, {}
    for name in texts:
        if name in found:
            values[name] = found[name].apply(frame[name])
        elif name in plain:
            values[name] = plain[name]
        elif positions := disguises.odd_cells(frame[name]):
            odd[name] = _oddity(sheet, name, positions)
        if name in values:
            notes[name] = disguises.described(frame[name], values[name], found.get(name))
    notes = {name: words for name, words in notes.items() if words}
    return frame.assign(**values), Account(sheet.notes, found, notes, odd)


def _oddity(sheet: Sheet, name: str, positions: list[int]) -> str:
    lines: dict[str, list[int]] = {}
    for position in positions:
        lines.setdefault(sheet.frame[name].iloc[position], []).append(sheet.lines[position])
    shown = [
        f"{cell[:20]!r} (line {at[0]}{f' and {len(at) - 1} more' if len(at) > 1 else ''})"
        for cell, at in list(lines.items())[:3]
    ]
    more = ", …" if len(lines) > 3 else ""
    return (
        f"column {name!r} is text because of {len(positions)} of its {len(sheet.frame)} cells: {', '.join(shown)}{more}"
        f"; correct them, or declare the column as text: --as-text {shlex.quote(name)}"
    )


def features(frame: pd.DataFrame, categorical: tuple[str, ...] = ()) -> pd.DataFrame:
    """Columns as int64, float64 or Python text (object); the `categorical` ones as text even if they are numbers."""
    columns = {name: text(frame[name]) if name in categorical else _typed(frame[name]) for name in frame.columns}
    return pd.DataFrame(columns, index=frame.index)


def numbers(column: pd.Series) -> pd.Series | None:
    """The column as int64 (whole numbers, none missing) or float64; None if some cell is not a number."""
    if _is_numeric(column):
        is_integer = column.dtype.kind in "iu" and not column.isna().any()
        return column.astype("int64" if is_integer else "float64")
    if isinstance(column.dtype, pd.CategoricalDtype):
        return None
    values = {cell: _number(cell) for cell in column.dropna().unique()}
    found = [value for value in values.values() if value is not None]
    if len(found) < len(values) or all(value != value for value in found):  # nan is the only value not equal to itself
        return None
    is_integer = all(isinstance(value, int) for value in found)
    if is_integer and any(abs(value) >= 2**63 for value in found):
        return None
    cells = [np.nan if cell is None else values.get(cell, np.nan) for cell in column]
    is_complete = is_integer and not any(value != value for value in cells)
    return pd.Series(cells, index=column.index, name=column.name, dtype="int64" if is_complete else "float64")


def text(column: pd.Series) -> pd.Series:
    """The column as Python strings, missing cells as None; dates as YYYY-MM-DD, with the time if there is one."""
    if pd.api.types.is_datetime64_any_dtype(column):
        stamps = column.map(lambda stamp: stamp.isoformat(sep=" "), na_action="ignore")
        is_midnight = stamps.dropna().str.endswith("00:00:00").all()
        column = stamps.str.slice(0, 10) if is_midnight else stamps
    cells = [None if missing else str(cell) for cell, missing in zip(column, column.isna(), strict=True)]
    return pd.Series(cells, index=column.index, name=column.name, dtype=object)


def _is_numeric(column: pd.Series) -> bool:
    return column.dtype.kind in "iuf"  # also of pandas' own Int64, Float64, …


def _typed(column: pd.Series) -> pd.Series:
    values = numbers(column)
    return text(column) if values is None else values


def _number(cell: object) -> float | int | None:
    word = str(cell).strip()
    if word in MISSING:
        return float("nan")
    if INTEGER.fullmatch(word):
        return int(word)
    return float(word) if NUMBER.fullmatch(word) else None


def _parquet(path: Path) -> pd.DataFrame:
    try:
        frame = pd.read_parquet(path).reset_index(drop=True)
    except (pa.ArrowException, OSError) as error:
        raise BadTable(f"{path} is not a readable Parquet file: {error}") from error
    return declared(frame)


def declared(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns of a source that declares their types: all non-numeric ones are categories, even "1"."""
    categories = {name: text(frame[name]).astype("category") for name in frame if not _is_numeric(frame[name])}
    return frame.assign(**categories)


def _csv(path: Path) -> Sheet:
    usual = "\t" if ".tsv" in [suffix.lower() for suffix in path.suffixes] else ","
    found = dialects.read(path, usual, disguises.is_number)
    _check_names(path, found.names)
    cells = [[cell or None for cell in row] for row in found.rows]
    frame = pd.DataFrame(cells, columns=found.names, dtype=object)
    return Sheet(frame, found.separator, tuple(found.lines), found.notes)


def _check_names(path: Path, names: list[str]) -> None:
    duplicates = [name for name, count in Counter(names).items() if count > 1 and name]
    if duplicates:
        way = "put a line of names above them" if all(map(disguises.is_number, duplicates)) else "rename them"
        raise BadTable(f"{path}: the column names {', '.join(map(repr, duplicates))} occur more than once; {way}")
    for position, name in enumerate(names, start=1):
        if not name.strip():
            raise BadTable(
                f"{path}: column {position} has no name; name it, or leave it out if it numbers the rows "
                "(pandas: to_csv(index=False))"
            )
    if len(names) < 2:
        raise BadTable(
            f"{path}: the only column is {names[0]!r}; a table needs a feature and a target, separated by commas, "
            "semicolons, tabs or vertical bars"
        )
