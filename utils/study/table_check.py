"""Reports how the tables of a study are read, and what looks wrong with them, before anything is run.

`--check` shows the full report and stops; a run on the user's own file starts with the short form.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import pandas as pd
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from .. import tables
from ..errors import UnknownName, UserError
from ..models import distributed
from ..tables import Table, suspicions
from ..tables.dates import date_format
from ..tables.disguises import Account
from ..tables.splits import PARTS, Split
from . import budget, display

if TYPE_CHECKING:
    from ..tables import AnyTable
    from .cases import Trial
    from .plans import Case

YES_NO = [{"yes", "no"}, {"y", "n"}, {"true", "false"}, {"t", "f"}, {"on", "off"}, {"0", "1"}]
YES_NO += [{"ja", "nein"}, {"oui", "non"}, {"sí", "no"}, {"si", "no"}]
MOST_COLUMNS = 60  # lines; with more columns, neighbours of the same kind share a line
MOST_CLASSES = 8
PART_WORDS = {"train": "training"}
LONGEST = 32  # characters of a name, label or example


@dataclass(frozen=True)
class Column:
    """One line of the report.

    Attributes:
        missing: share of the rows.
        note: anything unusual about how it was read.
    """

    name: str
    kind: str
    missing: float
    example: str
    note: str = ""


@dataclass(frozen=True)
class Check:
    """The report on a table: `facts` are pairs of a keyword and a sentence, `warnings` are sentences."""

    name: str
    columns: list[Column]
    facts: list[tuple[str, str]]
    warnings: list[str]


def report(
    cases: Sequence[Case],
    config,
    trial_of: Callable[[Case], Trial],
    table_of: Callable[[str, object, str], AnyTable],
) -> int:
    """Prints the reports on the tables of the cases; without --check, only on the user's own and in short form.

    Args:
        config: the flags, a `study.Config`.
        trial_of: returns the trial of a case.
        table_of: returns the table for a name, the flags and the task.

    Returns:
        The number of tables that cannot be read, each reported on stderr.

    Raises:
        UserError: without --check, for such a table.
    """
    n_unread = 0
    if not (config.check or distributed.is_first()):
        return n_unread
    with budget.offline(config.spending, config.results_dir):
        for case in _firsts(cases):
            if not (config.check or tables.is_own(case.dataset)):
                continue
            try:
                trial = trial_of(case)
                table = _table(case.dataset, config, trial, table_of)
                if config.check or table is not None:
                    show(look(trial, table, case.seed, config), config.check)
            except UserError as error:
                if not config.check:
                    raise
                n_unread += 1
                named = "" if case.dataset in str(error) else f"{case.dataset}: "
                print(f"error: {named}{error}", file=sys.stderr)
    return n_unread


def look(trial: Trial, table: AnyTable | None, seed: int, config) -> Check:
    """The report on a trial's table. `table` is None, or a different table, if the experiment makes its own rows."""
    split, account = trial.split, Account()
    if isinstance(table, Table) and set(split.X_train) <= set(table.X):
        X, y, account = table.X, table.y, table.account
    else:
        X = pd.concat([getattr(split, f"X_{part}") for part in PARTS])
        y = pd.concat([getattr(split, f"y_{part}") for part in PARTS])
    columns = [_column(X[name], account) for name in X]
    counts = [f"{len(getattr(split, f'y_{part}')):,} {PART_WORDS.get(part, part)}" for part in PARTS]
    kinds = Counter(column.kind.partition(" of ")[0] for column in columns)
    columns_by_kind = ", ".join(f"{n:,} {kind}" for kind, n in kinds.most_common())
    size = f"{len(X):,} rows; column{'s' * (X.shape[1] != 1)}: {columns_by_kind}"
    facts = [("table", size), *(("read", note) for note in account.notes)]
    facts += [("target", _target(y, account))]
    facts += [("rows", f"{', '.join(counts)} (seed {seed}, {_split_rule(split, config)}{_limited(config)})")]
    if config.check and (prompt := _prompt(trial)):
        facts.append(("prompt", prompt))
    odd = set(account.odd) & set(X)  # already have a warning
    return Check(
        trial.dataset, columns, facts, [*account.odd.values(), *suspicions.found(X.drop(columns=list(odd)), y, split)]
    )


def show(check: Check, in_full: bool) -> None:
    """Prints a report: as a table on a terminal, as plain lines elsewhere."""
    heads = ("column", "kind", "missing", "example", "read as")
    cells = [_cells(column) for column in _merged(check.columns)] if in_full else []
    facts = list(check.facts)
    if not in_full:
        facts += [("read", f"{_shown(column.name)}: {column.note}") for column in check.columns if column.note]
    facts += [("note", warning) for warning in check.warnings]
    facts = [(word, _clean(sentence)) for word, sentence in facts]
    end = "--check: nothing was run" if in_full else "--check shows every column, --quiet hides this"
    if display.on_terminal():
        _draw(check.name, heads, cells, [*facts, ("", end)])
        return
    print(f"{_clean(check.name)}:")
    for line in _aligned([heads, *cells] if cells else []):
        print(f"  {line}")
    for word, sentence in [*facts, ("", end)]:
        print(f"  {f'{word:7} {sentence}' if word else f'({sentence})'}")
    sys.stdout.flush()


def _draw(name: str, heads: Iterable[str], cells: list[tuple[str, ...]], facts: list[tuple[str, str]]) -> None:
    console = Console()
    console.print(Text(_clean(name), "bold"))
    if cells:
        grid = Grid(*heads, header_style="bold")
        for row in cells:
            grid.add_row(*map(Text, row))
        console.print(grid)
    grid = Grid(show_header=False)
    for word, sentence in facts:
        grid.add_row(Text(word, "yellow" if word == "note" else "cyan"), Text(sentence, "" if word else "dim"))
    console.print(grid)


def _firsts(cases: Sequence[Case]) -> list[Case]:
    """One case for each table, preferably of LIFT."""
    found: dict[str, Case] = {}
    for case in cases:
        before = found.get(case.dataset)
        if before is None or (case.method.startswith("lift") and not before.method.startswith("lift")):
            found[case.dataset] = case
    return list(found.values())


def _table(name: str, config, trial: Trial, table_of: Callable[[str, object, str], AnyTable]) -> AnyTable | None:
    try:
        return table_of(name, config, trial.split.task)
    except UnknownName:  # images, formulas: the experiment makes its rows itself
        return None


def _column(column: pd.Series, account: Account) -> Column:
    present = column.dropna()
    example = _shown(_written(present.iloc[0])) if len(present) else ""
    return Column(
        str(column.name), _kind(column), float(column.isna().mean()), example, account.columns.get(str(column.name), "")
    )


def _kind(column: pd.Series) -> str:
    present = column.dropna()
    if not len(present):
        return "empty"
    if pd.api.types.is_numeric_dtype(column):
        if set(present.unique()) == {0, 1}:
            return "yes/no"
        return "whole number" if (present % 1 == 0).all() else "number"
    levels = {str(cell).strip().lower() for cell in present.unique()}
    if levels in YES_NO:
        return "yes/no"
    if date_format(column):
        return "date"
    return f"text of {present.nunique():,} level{'s' * (present.nunique() != 1)}"


def _target(y: pd.Series, account: Account) -> str:
    if pd.api.types.is_numeric_dtype(y):
        note = account.columns.get(str(y.name), "")
        note = f"; {note}" if note else ""
        return f"{_shown(y.name)}: a number from {y.min():.6g} to {y.max():.6g}, mean {y.mean():.6g}{note}"
    shares = y.value_counts(normalize=True)
    shown = [f"{_shown(label)} {share:.1%}" for label, share in shares.head(MOST_CLASSES).items()]
    more = [f"{len(shares) - MOST_CLASSES} more"] if len(shares) > MOST_CLASSES else []
    return f"{_shown(y.name)}: {len(shares):,} classes: {', '.join([*shown, *more])}"


def _split_rule(split: Split, config) -> str:
    name, _, column = split.protocol.partition("=")
    if column:
        order = "in the order of" if name == "time" else "by whole groups of"
        return f"{order} {_shown(column)}, which is not a feature"
    return f"protocol {split.protocol or config.protocol}"


def _limited(config) -> str:
    return f", at most {config.limit} of each" if config.limit else ""


def _prompt(trial: Trial) -> str:
    split = trial.split
    try:
        found = trial.learner.longest_prompt(split.X_train, split.y_train, split.X_test)
    except UserError as error:
        return f"cannot be written: {error}"
    if found is None:
        return ""
    n, most = found
    room = f"; {trial.learner.model} reads {most:,}" if most else ""
    return f"up to {n:,} tokens with the answer{room}{', which is too few' if most and n > most else ''}"


def _merged(columns: list[Column]) -> list[Column]:
    """The columns; if there are many, neighbours of the same kind are merged."""
    if len(columns) <= MOST_COLUMNS:
        return columns
    found = []
    for (kind, missing, note), run in groupby(columns, lambda column: (column.kind, column.missing, column.note)):
        first, *rest = run
        name = f"{_shown(first.name)} … {_shown(rest[-1].name)} ({len(rest) + 1})" if rest else first.name
        found.append(Column(name, kind, missing, first.example, note))
    return found


def _cells(column: Column) -> tuple[str, ...]:
    missing = f"{column.missing:.1%}" if column.missing else "–"
    return (_clean(column.name), column.kind, missing, column.example, _clean(column.note))


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _written(value: object) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _shown(value: object) -> str:
    text = _clean(str(value))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _clean(text: str) -> str:
    """Text without line breaks and control characters that could move a terminal's cursor."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
