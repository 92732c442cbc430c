"""Tables of the manuals, made from a CSV file as described by a comment above them. After the file's name it may have:

    rows: {dataset}, {share:.0%}                                   label of the row that a line of the file belongs to
    columns: {method} = {accuracy:.3f} ±{accuracy_sd:.3f}          head of its column, and its cell
    columns if method == 'lift': (paper) = {paper:.3f}             the same for some lines only
    corner: set, share of wrong labels                             head of the first column
    where: kind == 'random'                                        lines to use, a condition for pandas' `query`
    over: shuffling                                                lines that differ in it alone become one, see `_over`
    names: network:n=500,epoch=80 → network                        what heads say instead of the first text

Rows, columns and cells are format strings over the columns of the file; missing values are shown as "–". There may be
several `columns` and `names`. The settings of the paper's numbers (data/published/results.csv) are columns too. With
`FILE by MODULE:FUNCTION`, a function of the frame returns the text instead.
"""

from __future__ import annotations

import re
import string
from collections import defaultdict
from dataclasses import dataclass, field
from importlib import import_module

import pandas as pd

from utils import reporting
from utils.errors import UserError
from utils.reporting import published

MISSING = "–"
ONCE = ("rows", "corner", "where", "over")  # parts that may occur once in a comment


@dataclass
class Table:
    """A parsed comment; see the module's docstring. `columns` holds label, cell and condition of each."""

    file: str
    by: str = ""
    rows: str = ""
    corner: str = ""
    where: str = ""
    over: str = ""
    columns: list[tuple[str, str, str]] = field(default_factory=list)
    names: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def parse(cls, text: str) -> Table:
        """Parses a comment's text. Raises UserError for an unknown line."""
        first, *lines = (line.strip() for line in text.strip().splitlines())
        file, _, by = first.partition(" by ")
        table = cls(file, by)
        for line in lines:
            key, _, value = line.partition(": ")
            if key.startswith("columns"):
                head, _, cell = value.rpartition(" = ")
                table.columns.append((head, cell, key.removeprefix("columns").strip().removeprefix("if ")))
            elif key == "names":
                old, _, new = value.partition(" →")
                table.names.append((old, new.strip()))
            elif key in ONCE:
                setattr(table, key, value)
            else:
                raise UserError(f"a table of {file} has the line {line!r}; known are {', '.join(ONCE)}, columns, names")
        return table

    def markdown(self, frame: pd.DataFrame) -> str:
        """The table in Markdown.

        Raises:
            UserError: a format string names a missing column, or two lines share a cell.
        """
        if "provenance" in frame:  # the paper's numbers, data/published/results.csv
            frame = pd.concat([frame, published.settings(frame)], axis=1)
        frame = frame.query(self.where) if self.where else frame
        if self.by:
            module, _, function = self.by.partition(":")
            return getattr(import_module(module), function)(frame)
        cells: dict[str, dict[str, str]] = defaultdict(dict)  # by row, then by column
        leading = next((head for head, _, _ in self.columns if "{" in head), "")  # of columns that form a group
        order: dict[str, tuple] = {}
        for number, (head, form, condition) in enumerate(self.columns):
            part = frame.query(condition) if condition else frame
            for line in (_over(part, self.over) if self.over else part).to_dict("records"):
                row, column, text = self._head(self.rows, line), self._head(head, line), _cell(form, line)
                if cells[row].setdefault(column, text) != text:
                    raise UserError(f"{self.file}: {row}, {column} is {cells[row][column]} and {text}")
                group = _rank(self._head(leading, line)) if "{" in head else []
                order.setdefault(column, ("{" not in head, group, number))
        columns = sorted(order, key=order.get)
        lines = [
            {self.corner: row} | {c: cells[row].get(c, MISSING) for c in columns} for row in sorted(cells, key=_rank)
        ]
        return reporting.markdown_table(pd.DataFrame(lines))

    def _head(self, form: str, line: dict) -> str:
        text = re.sub(f"(,? |:){MISSING}", "", _Fields().vformat(form, (), line))
        for old, new in self.names:
            text = text.replace(old, new)
        return text.strip()


class _Fields(string.Formatter):
    """Formats strings with a line of a CSV file; a missing value is MISSING, whatever its format."""

    def get_field(self, field_name, args, kwargs):
        if field_name not in kwargs:
            raise UserError(f"no column {field_name!r}; have {', '.join(kwargs)}")
        return kwargs[field_name], field_name

    def format_field(self, value, format_spec):
        text = MISSING if pd.isna(value) else format(value, format_spec)
        return text[1:] if re.fullmatch(r"-0(\.0*)?%?", text) else text


def summary(frame: pd.DataFrame) -> str:
    """The table of a summary as printed by every study: data sets, learners, chance, the paper's LIFT."""
    return reporting.markdown_table(reporting.pivot(frame).reset_index(names=""))


def _cell(form: str, line: dict) -> str:
    text = _Fields().vformat(form, (), line)
    for rest in (f" ±{MISSING}", f" ({MISSING})"):
        text = text.replace(rest, "")
    return text if re.search(r"\w", text) else MISSING


def _over(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """Merges lines that agree in all text columns: means of the numbers, with standard deviations as NAME_sd."""
    keys = [name for name in frame.select_dtypes(exclude="number") if name not in ("learner", column)]
    numbers = [name for name in frame.select_dtypes("number") if name != column and not name.endswith("_sd")]
    grouped = frame.groupby(keys, dropna=False, sort=False)[numbers]
    return grouped.mean().join(grouped.std().add_suffix("_sd")).reset_index()


def _rank(head: str) -> list[tuple]:
    """Sort key of a row or column: learners as in all tables, else by text, numbers by value, empty first."""
    key = []
    for word in head.split(", "):
        name = re.split(r"[ :(]", word)[0]
        rank = reporting.ORDER.index(name) if name in reporting.ORDER else reporting.ORDER.index("lift") - 0.5
        parts = re.split(r"(\d+(?:\.\d+)?)", word)
        numbered = [(float(part), "") if i % 2 else (-1.0, part) for i, part in enumerate(parts)]
        key.append((rank, not word.startswith("none"), numbered))
    return key
