"""Text files as rows of cells: detects the encoding, the separator and the line of column names.

Encoding: a byte-order mark, else UTF-8, else UTF-16 by its zero bytes, else Windows-1252.
Separator: the suffix's (`,` or, in .tsv, a tab) unless another of `, ; tab |` gives every line the same number of cells
and this one does not. Names: the first line after the titles, which are leading lines with fewer cells.
Anything unusual is reported in `Cells.notes`.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ..errors import BadTable

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
SAMPLE = 200  # rows used to choose the separator
MOST_TITLES = 20  # lines above the column names
BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe\0\0": "utf-32", b"\0\0\xfe\xff": "utf-32"}
BOMS |= {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
FORMATS = {b"PK\x03\x04": "a spreadsheet or another ZIP archive", b"\xd0\xcf\x11\xe0": "an old Excel workbook"}
FORMATS |= {b"%PDF": "a PDF document", b"PAR1": "a Parquet file; call it .parquet", b"\x89HDF": "an HDF5 file"}
FORMATS |= {b"\x1f\x8b": "a gzip file; call it .csv.gz"}

IsNumber = Callable[[str], bool]


@dataclass(frozen=True)
class Cells:
    """The content of a text file.

    Attributes:
        names: of the columns.
        rows: cells as they are written, each row as long as `names`.
        lines: where each row ends in the file, counted from 1.
        separator: the character between cells.
        notes: what was unusual about the file, as sentences.
    """

    names: list[str]
    rows: list[list[str]]
    lines: list[int]
    separator: str
    notes: tuple[str, ...]


def read(path: Path, usual: str, is_number: IsNumber) -> Cells:
    """The cells of a text file, plain or gzip-compressed (.gz).

    Args:
        usual: the separator that the suffix implies.
        is_number: whether a cell is a number in any notation; distinguishes names from data.

    Raises:
        BadTable: not text, a damaged file, rows of unequal length, or an unclosed quote.
    """
    text, notes = _text(path)
    start = text[: text.find("\n") + 1].strip().lower()
    if start in ("sep=;", "sep=,", "sep=|", "sep="):  # Excel's separator line; a tab was stripped
        usual = text[4:5] if start[4:] else "\t"
        text, separator, before = text[text.find("\n") + 1 :], usual, 1
    else:
        separator, before = _separator(text, usual, is_number), 0
    rows, lines = _rows(path, text, separator)
    lines = [line + before for line in lines]
    if separator != usual:
        notes.append(f"cells are separated by {SEPARATORS[separator]}")
    full = [i for i, row in enumerate(rows) if any(cell.strip() for cell in row)]
    if not full:
        raise BadTable(f"{path} is empty; the first line holds the column names")
    if len(full) < len(rows):
        notes.append(f"{_counted(len(rows) - len(full), 'line')} without any entry, skipped")
    n_titles = _titles([rows[i] for i in full], is_number)
    if n_titles:
        first = separator.join(rows[full[0]]).strip(f" {separator}")
        notes.append(
            f"{_counted(n_titles, 'line')} above the column names, {first[:40]!r}{' …' * (n_titles > 1)}, skipped"
        )
    full = full[n_titles:]
    rows, lines = [rows[i] for i in full], [lines[i] for i in full]
    rows, is_trailing = _without_trailing(rows)
    if is_trailing:
        notes.append("every line ends with a separator, which is ignored")
    _check_lengths(path, rows, lines, separator)
    return Cells(rows[0], rows[1:], lines[1:], separator, tuple(notes))


def _text(path: Path) -> tuple[str, list[str]]:
    try:
        content = path.read_bytes()
        is_packed = path.suffix.lower() == ".gz"
        content = gzip.decompress(content) if is_packed else content
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise BadTable(f"{path} is a damaged gzip file: {error}") from error
    except OSError as error:
        raise BadTable(f"{path} cannot be read: {error.strerror or error}") from error
    for start, kind in FORMATS.items():
        if content.startswith(start):
            raise BadTable(f"{path} is {kind}, not text; save the table as CSV (UTF-8) or Parquet")
    encoding = next((name for bom, name in BOMS.items() if content.startswith(bom)), None) or _unmarked(content)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise BadTable(f"{path} is not valid {encoding} text ({error.reason}); save it as UTF-8") from error
    if "\0" in text:
        raise BadTable(f"{path} contains zero bytes, so it is not text; save the table as CSV (UTF-8) or Parquet")
    plain = ("utf-8", "utf-8-sig")
    notes = [] if encoding in plain else [f"the text is read as {encoding.upper().replace('CP', 'Windows-')}"]
    if encoding in ("cp1252", "latin-1"):
        example = re.search(r"\w{0,15}[^\x00-\x7f]\w{0,15}", text)[0]
        notes = [f"{notes[0]}, as in {example!r}; where letters look wrong, save the file as UTF-8"]
    return text, notes


def _unmarked(content: bytes) -> str:
    """The encoding of text without a byte-order mark."""
    try:
        content.decode("utf-8")
        if b"\0" not in content:
            return "utf-8"
    except UnicodeDecodeError:
        pass
    even, odd = content[::2], content[1::2]
    for zeros, others, encoding in ((odd, even, "utf-16-le"), (even, odd, "utf-16-be")):
        if len(content) % 2 == 0 and zeros.count(0) > 0.4 * len(zeros) and not others.count(0):
            return encoding
    try:
        content.decode("cp1252")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8" if b"\0" in content else "cp1252"


def _separator(text: str, usual: str, is_number: IsNumber) -> str:
    """The separator that makes lines of equal length; among several such, the one that makes the most numbers."""
    fits = {}
    for separator in SEPARATORS:
        sample = _sample(text, separator)
        n_titles = _titles(sample, is_number)
        widths = Counter(map(len, sample[n_titles:]))
        width, count = max(widths.items(), key=lambda item: (item[1], item[0]), default=(0, 0))
        if width > 1:
            cells = [cell for row in sample[n_titles + 1 :] for cell in row if cell.strip()]
            n_numbers = sum(map(is_number, cells))
            share = count / max(1, len(sample) - n_titles)
            # Where the usual separator fits, a rival counts only if it fits without treating lines as titles.
            fits[separator] = (share == 1, not n_titles, n_numbers / max(1, len(cells)), separator == usual, share)
    if not fits:
        return usual
    consistent = [separator for separator, fit in fits.items() if fit[0] and (fit[1] or separator == usual)]
    if fits.get(usual, (False,))[0] and len(consistent) == 1:
        return usual
    return max(consistent or fits, key=lambda separator: (fits[separator][0], *fits[separator][2:]))


def _sample(text: str, separator: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        rows = list(islice(reader, SAMPLE))
    except csv.Error:
        return []
    return [row for row in rows if any(cell.strip() for cell in row)]


def _rows(path: Path, text: str, separator: str) -> tuple[list[list[str]], list[int]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows, lines = [], []
    try:
        for row in reader:
            if row:
                rows.append(row)
                lines.append(reader.line_num)
    except csv.Error as error:
        raise BadTable(f"{path}, line {reader.line_num}: {error}; a quote may be missing there") from error
    return rows, lines


def _titles(rows: list[list[str]], is_number: IsNumber) -> int:
    """The number of title rows above the names: they have fewer cells, and the row after them holds no number."""
    widths = Counter(map(len, rows[:SAMPLE]))
    width = max(widths, key=lambda n_cells: (widths[n_cells], n_cells), default=0)
    n = 0
    while n < min(len(rows), MOST_TITLES) and _is_title(rows[n], width):
        n += 1
    if not n or n >= len(rows) or len(rows[n]) != width:
        return 0
    is_marked = all(row[0].startswith(("#", "%")) for row in rows[:n])
    return n if is_marked or not any(map(is_number, rows[n])) else 0


def _is_title(row: list[str], width: int) -> bool:
    n_filled = sum(bool(cell.strip()) for cell in row)
    if len(row) == width:
        return width > 2 and n_filled < width / 2 and bool(row[0].strip())
    return len(row) < width and (len(row) < width - 1 or n_filled < 2)


def _without_trailing(rows: list[list[str]]) -> tuple[list[list[str]], bool]:
    """The rows without the empty cell after a separator that ends every line, and whether there was one."""
    n, body = len(rows[0]), rows[1:]
    if n > 2 and not rows[0][-1].strip():
        n -= 1
    if body and n > 1 and all(len(row) == n + 1 and not row[-1].strip() for row in body):
        return [row[:n] for row in rows], True
    return rows, False


def _check_lengths(path: Path, rows: list[list[str]], lines: list[int], separator: str) -> None:
    n, body = len(rows[0]), rows[1:]
    wrong = next((i for i, row in enumerate(body) if len(row) != n), None)
    if wrong is None:
        return
    found = f"{path}, line {lines[wrong + 1]}: {_counted(len(body[wrong]), 'cell')}"
    found += f", but line {lines[0]} names {n} columns"
    width = len(body[0])
    is_even = len(body) > 1 and all(len(row) == width for row in body)
    if is_even and width == n + 1:
        found += ", as in every line; name the column of row numbers, or leave it out (R: row.names = FALSE)"
    elif is_even and separator == "," and width > n:
        found += ", as in every line; if ',' is also the decimal mark, separate the cells with ';'"
    elif len(body[wrong]) > n:
        found += f"; put double quotes around cells that contain {separator!r}"
    else:
        found += "; a cell or a separator is missing there, or the line is not a row and should be removed"
    raise BadTable(found)


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}{'s' * (n != 1)}"
