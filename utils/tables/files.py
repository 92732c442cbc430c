"""CSV and Parquet files as columns of numbers and of text.

A column is numeric where every cell is a number, else it is text, as written. A number may not begin with a needless
zero ("02134" is a code, not a quantity) and an integer must fit 64 bits (longer ones are identifiers). The empty cell
is missing everywhere; "NA", "N/A", "NaN", "nan", "null" and "?" are missing only in columns whose other cells are all
numbers, so that Namibia's code NA and the label "null" stay text.
"""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from ..errors import BadTable

SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet")
MISSING = ("NA", "N/A", "NaN", "nan", "null", "?")
INTEGER = re.compile(r"[+-]?(?:0|[1-9][0-9]*)")
NUMBER = re.compile(r"[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?inf(?:inity)?", re.I)


def is_file(name: str) -> bool:
    """Whether `name` means a file and not a table of the project: by its suffix, or because it exists."""
    return name.lower().endswith(SUFFIXES) or Path(name).is_file()


def find(stem: str, folders: list[Path]) -> Path | None:
    """The first file called STEM.csv, STEM.csv.gz, … in one of the folders; None where there is none."""
    if not stem or Path(stem).name != stem:
        return None
    paths = (folder / f"{stem}{suffix}" for folder in folders for suffix in SUFFIXES)
    return next((path for path in paths if path.is_file()), None)


def read(path: Path) -> pd.DataFrame:
    """The columns of a file: text cells of a CSV (missing cells are None); numbers and categories of a Parquet file.

    Raises:
        BadTable: no such file, another format, torn, not UTF-8, rows of unequal length, names missing or given twice.
    """
    if not path.is_file():
        raise BadTable(f"there is no file {path}")
    if not path.name.lower().endswith(SUFFIXES):
        raise BadTable(f"{path}: the suffix is none of {', '.join(SUFFIXES)}; save the table as one of these")
    frame = _parquet(path) if path.suffix.lower() == ".parquet" else _csv(path)
    frame.columns = [str(name) for name in frame.columns]
    _check_names(path, list(frame.columns))
    return frame


def features(frame: pd.DataFrame, categorical: tuple[str, ...] = ()) -> pd.DataFrame:
    """Columns as int64, float64 or Python text (object); the `categorical` ones as text even where they are numbers."""
    columns = {name: text(frame[name]) if name in categorical else _typed(frame[name]) for name in frame.columns}
    return pd.DataFrame(columns, index=frame.index)


def numbers(column: pd.Series) -> pd.Series | None:
    """The column as int64 (whole numbers, none missing) or float64; None where some cell is no number."""
    if _is_numeric(column):
        whole = column.dtype.kind in "iu" and not column.isna().any()
        return column.astype("int64" if whole else "float64")
    if isinstance(column.dtype, pd.CategoricalDtype):
        return None
    values = {cell: _number(cell) for cell in column.dropna().unique()}
    found = [value for value in values.values() if value is not None]
    if len(found) < len(values) or all(value != value for value in found):  # nan is the only value unlike itself
        return None
    whole = all(isinstance(value, int) for value in found)
    if whole and any(abs(value) >= 2**63 for value in found):
        return None
    cells = [np.nan if cell is None else values.get(cell, np.nan) for cell in column]
    is_complete = whole and not any(value != value for value in cells)
    return pd.Series(cells, index=column.index, name=column.name, dtype="int64" if is_complete else "float64")


def text(column: pd.Series) -> pd.Series:
    """The column as Python strings, missing cells as None; dates as YYYY-MM-DD, with the time where there is one."""
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
    """Columns that are not numeric come back as categories: they were declared so, "1" stays text."""
    try:
        frame = pd.read_parquet(path).reset_index(drop=True)
    except (pa.ArrowException, OSError) as error:
        raise BadTable(f"{path} is no readable Parquet file: {error}") from error
    declared = {name: text(frame[name]).astype("category") for name in frame if not _is_numeric(frame[name])}
    return frame.assign(**declared)


def _csv(path: Path) -> pd.DataFrame:
    is_packed = path.suffix.lower() == ".gz"
    separator = "\t" if ".tsv" in [suffix.lower() for suffix in path.suffixes] else ","
    opened = gzip.open if is_packed else open
    rows = []
    try:
        with opened(path, "rt", encoding="utf-8-sig", newline="") as lines:
            reader = csv.reader(lines, delimiter=separator, strict=True)
            for row in reader:
                if not row:
                    continue
                if rows and len(row) != len(rows[0]):
                    raise BadTable(
                        f"{path}, line {reader.line_num}: {len(row)} cells, but the first line names {len(rows[0])} "
                        f"columns; put cells that hold a {separator!r} between double quotes"
                    )
                rows.append(row)
    except UnicodeDecodeError as error:
        raise BadTable(f"{path} is not UTF-8 text ({error.reason}); save it with that encoding") from error
    except csv.Error as error:
        raise BadTable(f"{path}, line {reader.line_num}: {error}; a quote may be missing there") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise BadTable(f"{path} is a damaged gzip file: {error}") from error
    if not rows:
        raise BadTable(f"{path} is empty; the first line holds the column names")
    cells = [[cell or None for cell in row] for row in rows[1:]]
    names = rows[0]
    _check_names(path, names)
    return pd.DataFrame(cells, columns=names, dtype=object)


def _check_names(path: Path, names: list[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1 and name]
    if twice:
        raise BadTable(f"{path}: the column names {', '.join(map(repr, twice))} are given more than once; rename them")
    for position, name in enumerate(names, start=1):
        if not name.strip():
            raise BadTable(
                f"{path}: column {position} has no name; name it, or leave it out if it numbers the rows "
                "(pandas: to_csv(index=False))"
            )
    if len(names) < 2:
        raise BadTable(
            f"{path}: the only column is {names[0]!r}; a table needs a feature and a target, cells separated by commas "
            "(.csv) or tabs (.tsv)"
        )
