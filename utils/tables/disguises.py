"""Numbers in disguise: `1,234`, `£12.50`, `5.1 %`, `1,5`, `1 234`, and words that mean missing among numbers.

A column is read as numbers if one unit and one pair of decimal mark and thousands separator fit every non-missing cell.
If several pairs do and the numbers differ (`1,234` is 1234 or 1.234), the decimal mark of the file's other columns
decides; failing that, a `;` separator implies a decimal comma, any other a point.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

MARKS = {"na", "n/a", "#n/a", "n.a.", "n.a", "nan", "null", "?", "??", "-", "--", "---", "–", "—", ".", "..", "..."}
MARKS |= {"unknown", "unk", "missing", "not available", "not known", "<na>", ""}
MINUS = str.maketrans("−–﹣－", "----")
SPACES = re.compile(r"[\u00a0\u2007\u2009\u202f ]")  # including those used in typeset numbers
SYMBOLS = "$£€¥¢₹₽₩₪₫₺₴₦฿"
CODES = "USD|EUR|GBP|CHF|JPY|CNY|INR|RUB|SEK|NOK|DKK|PLN|CZK|HUF|TRY|BRL|MXN|ZAR|AUD|CAD|NZD|SGD|HKD|KRW"
UNIT = rf"US\$|[{SYMBOLS}]|{CODES}"
CELL = re.compile(
    rf"(?P<sign>[+-]?) ?(?P<before>{UNIT})? ?(?P<minus>[+-]?)(?P<body>[0-9.,][^%]*?) ?(?P<after>%|{UNIT})?"
)
PLAIN = r"(?:0|[1-9][0-9]*)"  # no leading zero: 02134 is a code
GROUPED = {separator: rf"[1-9][0-9]{{0,2}}(?:{re.escape(separator)}[0-9]{{3}})+" for separator in (",", ".", " ", "'")}
GROUPED[","] += r"|[1-9][0-9]?(?:,[0-9]{2})*,[0-9]{3}"  # 12,34,567, as in India
GROUPS = re.compile(rf"[+-]?(?:{GROUPED['.']})")
PAIRS = ((".", ""), (".", ","), (",", ""), (",", "."), (",", " "), (".", " "), (",", "'"), (".", "'"))
LARGEST = 2**63
MOST_WORDS = 1 / 3  # of the cells; if more are not numbers, the column is text


def _pattern(decimal: str, group: str) -> re.Pattern[str]:
    integer = f"(?:{GROUPED[group]}|{PLAIN})" if group else PLAIN
    mark = re.escape(decimal)
    return re.compile(rf"(?:{integer}(?:{mark}[0-9]*)?|{mark}[0-9]+)(?:[eE][+-]?[0-9]+)?")


PATTERNS = {pair: _pattern(*pair) for pair in PAIRS}


@dataclass(frozen=True)
class Reading:
    """How the cells of a column are read as numbers; the reading of `train.csv` can be applied to further rows.

    Attributes:
        decimal, group: the decimal mark and the thousands separator ("" for none).
        unit: a currency or "%" that every cell has; it is dropped: 5.1 % is 5.1.
        other: an alternative meaning of a cell, in words; empty if nothing was ambiguous.
    """

    decimal: str = "."
    group: str = ""
    unit: str = ""
    other: str = ""

    def number(self, cell: str) -> float | int | None:
        """The number in a cell, nan for a missing one, None for any other text."""
        if is_missing(cell):
            return float("nan")
        found = _parts(cell)
        if found is None or found[1] != self.unit or not PATTERNS[self.decimal, self.group].fullmatch(found[2]):
            return None
        return _value(found[0] + found[2], self.decimal, self.group)

    def apply(self, column: pd.Series) -> pd.Series | None:
        """The column (texts, None for missing) as int64 or float64; None if a cell is not such a number."""
        values = {cell: self.number(cell) for cell in column.dropna().unique()}
        found = [value for value in values.values() if value is not None]
        if len(found) < len(values) or all(value != value for value in found):
            return None
        cells = [np.nan if missing else values[cell] for cell, missing in zip(column, column.isna(), strict=True)]
        is_whole = all(isinstance(value, int) and abs(value) < LARGEST for value in cells)
        return pd.Series(cells, index=column.index, name=column.name, dtype="int64" if is_whole else "float64")


@dataclass(frozen=True)
class Account:
    """How a table was read.

    Attributes:
        notes: what was unusual about the file, as sentences.
        readings: of the columns of numbers in disguise, by name; they also apply to further rows.
        columns: what a column holds other than plain numbers and words, in words, by name.
        odd: why a column of numbers is read as text, as a sentence, by name.
    """

    notes: tuple[str, ...] = ()
    readings: Mapping[str, Reading] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    odd: Mapping[str, str] = field(default_factory=dict)

    def of(self, names: Iterable[str]) -> Account:
        """The account of these columns alone."""
        kept = set(names)
        parts = {part: getattr(self, part) for part in ("readings", "columns", "odd")}
        return replace(self, **{part: {n: v for n, v in found.items() if n in kept} for part, found in parts.items()})


def undisguised(frame: pd.DataFrame, plain: Iterable[str], separator: str) -> dict[str, Reading]:
    """The readings of the text columns that are numbers in disguise.

    Args:
        frame: texts, None for missing.
        plain: the columns that are numbers as they stand.
    """
    plain = list(plain)
    others = [name for name in frame if name not in plain]
    mark = decimal_mark((frame[name] for name in plain), (frame[name] for name in others))
    found = {name: choose(readings(frame[name]), frame[name], mark, separator) for name in others}
    if mark == ",":  # 1.234 next to 1,5 is German: the point groups digits
        for name in plain:
            if any("." in cell for cell in frame[name].dropna()) and _all_grouped(frame[name]):
                found[name] = choose(readings(frame[name]), frame[name], mark, separator)
    return {name: reading for name, reading in found.items() if reading}


def described(column: pd.Series, values: pd.Series, reading: Reading | None) -> str:
    """What is unusual about a text column that was read as `values`, in words."""
    notes = []
    present = column.notna()
    if reading:
        positions = [i for i, cell in enumerate(column) if present.iloc[i] and not is_missing(cell)]
        longest = max(positions, key=lambda i: len(column.iloc[i]))
        notes = [f"{column.iloc[longest]!r} is {values.iloc[longest]:.15g}"]
        notes = [f"{notes[0]} ({reading.other})"] if reading.other else notes
    words = Counter(column[present & values.isna()])
    notes += [f"{word!r} is missing" + f" ({n} times)" * (n > 1) for word, n in words.most_common(3)]
    return ", ".join(notes)


def is_missing(cell: str) -> bool:
    """Whether a cell among numbers stands for a missing one."""
    return cell.strip().casefold() in MARKS


def is_number(cell: str) -> bool:
    """Whether a cell can be read as a number by itself."""
    found = _parts(cell)
    return found is not None and any(pattern.fullmatch(found[2]) for pattern in PATTERNS.values())


def readings(column: pd.Series) -> list[Reading]:
    """All readings of a text column that fit every cell and differ in some number, simplest first."""
    found, units = [], set()
    for cell in column.dropna().unique():
        if is_missing(cell):
            continue
        parts = _parts(cell)
        units |= {parts[1]} if parts else {None}
        if parts is None or len(units) > 1:
            return []
        found.append((parts[0], parts[2]))
    if not found:
        return []
    seen: dict[tuple, Reading] = {}
    for pair in PAIRS:
        if all(PATTERNS[pair].fullmatch(body) for _, body in found):
            values = tuple(_value(sign + body, *pair) for sign, body in found)
            if any(isinstance(value, int) and abs(value) >= LARGEST for value in values):
                return []  # identifiers
            seen.setdefault(values, Reading(*pair, *units))
    return list(seen.values())


def decimal_mark(plain: Iterable[pd.Series], others: Iterable[pd.Series]) -> str | None:
    """The decimal mark of a file, if all unambiguous columns use the same one.

    Args:
        plain: text columns that are numbers as they stand.
        others: the other text columns.
    """
    found = {"." for column in plain if not _all_grouped(column)}
    for column in others:
        possible = readings(column)
        if len(possible) == 1:
            reading, cells = possible[0], [cell for cell in column.dropna() if not is_missing(cell)]
            if reading.group in (",", ".") or any(reading.decimal in cell for cell in cells):
                found.add(reading.decimal)
    return found.pop() if len(found) == 1 else None


def _all_grouped(column: pd.Series) -> bool:
    """Whether the points in a column of plain numbers, if any, could all be thousands separators."""
    return all("." not in cell or GROUPS.fullmatch(cell.strip()) for cell in column.dropna() if not is_missing(cell))


def choose(possible: list[Reading], column: pd.Series, mark: str | None, separator: str) -> Reading | None:
    """The chosen reading: by the file's decimal mark, else by its separator."""
    if len(possible) < 2:
        return possible[0] if possible else None
    mark = mark or ("," if separator == ";" else ".")
    chosen = next((reading for reading in possible if reading.decimal == mark), possible[0])
    other = next(reading for reading in possible if reading != chosen)
    cells = (cell for cell in column.dropna().unique() if not is_missing(cell))
    ambiguous = next(cell for cell in cells if chosen.number(cell) != other.number(cell))
    return replace(chosen, other=f"{ambiguous!r} could also be {other.number(ambiguous):.15g}")


def odd_cells(column: pd.Series) -> list[int]:
    """Positions of the cells that keep a column from being numeric; none if it is a text column anyway.

    Codes with a leading zero (02134) and numbers beyond 64 bits are taken as intended.
    """
    present = [(i, _parts(cell)) for i, cell in enumerate(column) if cell is not None and not is_missing(cell)]
    most = MOST_WORDS * len(present)
    if sum(parts is None for _, parts in present) > most:
        return []
    unit = Counter(parts[1] for _, parts in present if parts).most_common(1)[0][0] if present else ""
    fits = {pair: [i for i, parts in present if not _fits(parts, unit, pair)] for pair in PAIRS}
    odd = min(fits.values(), key=len)
    cells = [column.iloc[i].strip() for i in odd]
    if any(cell.isdigit() for cell in cells) or (len(odd) > most and not all(map(is_number, cells))):
        return []
    return odd


def _fits(parts: tuple[str, str, str] | None, unit: str, pair: tuple[str, str]) -> bool:
    return parts is not None and parts[1] == unit and bool(PATTERNS[pair].fullmatch(parts[2]))


def _parts(cell: str) -> tuple[str, str, str] | None:
    """The sign, unit and digits of a cell."""
    found = CELL.fullmatch(SPACES.sub(" ", cell.strip().translate(MINUS)))
    if not found or (found["before"] and found["after"]) or (found["sign"] and found["minus"]):
        return None
    return found["sign"] + found["minus"], found["before"] or found["after"] or "", found["body"].replace("’", "'")


def _value(text: str, decimal: str, group: str) -> float | int:
    plain = text.replace(group, "") if group else text
    plain = plain.replace(decimal, ".")
    return int(plain) if re.fullmatch(r"[+-]?[0-9]+", plain) else float(plain)
