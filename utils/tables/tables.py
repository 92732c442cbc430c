"""Names to tables: files, OpenML, synthetic sets, folders in $LIFT_DATA, and what scikit-learn ships."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd
import sklearn

from .. import paths
from ..errors import BadTable, UnknownName, Unobtainable, UserError
from . import files, openml, registry, splits, synthetic
from .disguises import Account
from .registry import SKLEARN, Entry

TASKS = ("classification", "regression")
MANY_LABELS = 20  # a numeric target with more distinct values is taken for a quantity


@dataclass(frozen=True)
class Table:
    """Rows to learn from.

    Attributes:
        name: how results call it; the path as typed for a file, the registry's name for an alias.
        X: numbers as int64 or float64, all else as text (object) with None for a missing cell. The index is the row
            number in the source, from 0.
        y: labels as text, or float64.
        source: where the rows come from.
        label_order: the original's coding of the classes, where it is not the order of the strings.
        is_own: whether it is a file of the user's, not one of the project's tables.
        account: how a file of the user's was read.
    """

    name: str
    X: pd.DataFrame
    y: pd.Series
    task: str
    source: str
    label_order: tuple[str, ...] | None = None
    is_own: bool = False
    account: Account = field(default_factory=Account)

    @property
    def sha256(self) -> str:
        """Hash of names, kinds and values; the same wherever the rows come from."""
        return splits.content_hash(self.X, self.y)

    def split(self, seed: int, protocol: str = "paper") -> splits.Split:
        """Training, validation and test rows, see `splits.draw`."""
        return splits.draw(self.X, self.y, self.task, seed, protocol, self.label_order)


AnyTable: TypeAlias = Table | synthetic.SyntheticTable


def load(name: str, *, target: str | None = None, task: str | None = None, as_text: tuple[str, ...] = ()) -> AnyTable:
    """The table called `name`, looked for in this order.

    1. A file: a path that exists, or ends in .csv, .csv.gz, .tsv, .tsv.gz or .parquet.
    2. `openml:ID` or `openml:NAME`, and `sklearn:NAME`, which skip what follows.
    3. A synthetic table, with options or without: `moons`, `cosine:p=2,noise=0.2`.
    4. NAME.csv.gz, .csv, .tsv, .tsv.gz or .parquet in a folder of $LIFT_DATA.
    5. A table of scikit-learn: iris, wine, digits, breast_cancer, diabetes.
    6. A name or alias of data/registry.csv: its file in $LIFT_DATA, else OpenML.

    Args:
        target: the column to predict, the last one unless told; for files, folders and OpenML.
        task: "classification" or "regression"; it also tells `diabetes` of data/registry.csv (classification) from that
            of scikit-learn (regression). Guessed for files unless told: text is a label; a number is a quantity
            where it has more than 20 distinct values, or fractions and more than 10 (or half as many as rows).
        as_text: columns that are words though they look like numbers; for files, folders and OpenML.

    Raises:
        UnknownName: no such table; the message names the nearest.
        Unobtainable: a table of data/registry.csv or OpenML that is not here and cannot be downloaded.
        BadTable: the data cannot be learnt from.
    """
    if task is not None and task not in TASKS:
        raise UnknownName(f"no task {task!r}; have {', '.join(TASKS)}")
    scheme, _, rest = name.partition(":")
    if files.is_file(name):
        return _from_file(name, Path(name), target, task, None, as_text)
    if scheme == "openml":
        return _from_openml(rest, target, task, as_text)
    if scheme == "sklearn":
        return _from_sklearn(rest, target, task, as_text)
    if synthetic.is_synthetic(name):
        return _as_told(synthetic.load(name), target, task, as_text)
    entry = registry.find(name)
    sklearn_task = next((kind for kind, members in SKLEARN.items() if name in members), None)
    for stem in (name, entry.name if entry else name):
        known = registry.entries().get(stem)
        path = files.find(stem, _folders())
        if path and not (known and sklearn_task and task == sklearn_task != known.task):
            return _from_file(stem, path, target, task, known, as_text)
    if sklearn_task and not (entry and task == entry.task != sklearn_task):
        return _from_sklearn(name, target, task, as_text)
    if entry:
        return _from_registry(entry, target, task, as_text)
    raise UnknownName(_unknown(name))


def expand(names: list[str] | tuple[str, ...], task: str) -> list[str]:
    """The names with the groups (`registry.members`) written out for this task, each name once."""
    if not names:
        raise UserError(f"no table is named; give --datasets one or more names, or {', '.join(registry.GROUPS)}")
    if task not in TASKS:
        raise UnknownName(f"no task {task!r}; have {', '.join(TASKS)}")
    members = [registry.members(name, task, _folders()) for name in names]
    if not any(members):
        raise UserError(f"{', '.join(names)} has no table for {task}; see data/README.md")
    return list(dict.fromkeys(member for group in members for member in group))


def is_own(name: str) -> bool:
    """Whether `load` would read a file of the user's, and not a table of the project's."""
    return files.is_file(name) or (registry.find(name) is None and files.find(name, _folders()) is not None)


def published_name(name: str) -> str | None:
    """What the column `dataset` of data/published/results.csv calls this table; None where the paper has no number."""
    base = name.partition(":")[0]
    if synthetic.is_synthetic(name):
        return synthetic.PUBLISHED.get(base, base)
    entry = _entry(name.removeprefix("openml:"))
    return (entry.published or None) if entry else None


def _entry(word: str) -> Entry | None:
    return registry.by_openml_id(int(word)) if word.isdigit() else registry.find(word)


def _from_registry(entry: Entry, target: str | None, task: str | None, as_text: tuple[str, ...]) -> Table:
    if entry.openml_id is None:
        raise Unobtainable(
            f"{entry.name} is on no server this program knows; put {entry.name}.csv.gz, its last column the target, "
            "into a folder and name that folder in LIFT_DATA"
        )
    return _from_openml(str(entry.openml_id), target, task, as_text)


def _from_openml(word: str, target: str | None, task: str | None, as_text: tuple[str, ...]) -> Table:
    entry = _entry(word)
    key = str(entry.openml_id) if entry and entry.openml_id else word
    copy = openml.fetch(key)
    if target is None and copy.target is None:
        frame = files.read(copy.path)
        raise BadTable(f"openml:{word} names no single target; choose one with --target: {', '.join(frame.columns)}")
    name = entry.name if entry else f"openml:{word}"
    return _build(name, files.read(copy.path), target or copy.target, task, copy.source, entry, as_text)


def _from_file(
    name: str, path: Path, target: str | None, task: str | None, entry: Entry | None, as_text: tuple[str, ...]
) -> Table:
    sheet = files.sheet(path)
    target = target or sheet.frame.columns[-1]
    if entry is not None:  # read as it ever was: results are known by its content
        return _build(name, sheet.frame, target, task, str(path), entry, as_text)
    frame, account = files.understood(sheet, as_text)
    table = _build(name, sheet.frame, target, task, str(path), None, as_text, frame)
    return replace(table, is_own=True, account=account)


def _from_sklearn(name: str, target: str | None, task: str | None, as_text: tuple[str, ...]) -> Table:
    loaders = {
        "iris": sklearn.datasets.load_iris,
        "wine": sklearn.datasets.load_wine,
        "digits": sklearn.datasets.load_digits,
        "breast_cancer": sklearn.datasets.load_breast_cancer,
        "diabetes": sklearn.datasets.load_diabetes,
    }
    if name not in loaders:
        raise UnknownName(f"scikit-learn ships no table {name!r}; have {', '.join(loaders)}")
    options = {"scaled": False} if name == "diabetes" else {}
    bunch = loaders[name](as_frame=True, **options)
    X = bunch.data.apply(lambda column: column.astype("int64") if (column % 1 == 0).all() else column.astype("float64"))
    if name in SKLEARN["regression"]:
        table = Table(name, X, bunch.target.astype("float64"), "regression", "scikit-learn")
    else:
        words = [str(word) for word in bunch.target_names]
        y = pd.Series([words[code] for code in bunch.target], name="target", dtype=object)
        table = Table(name, X, y, "classification", "scikit-learn")
    return _as_told(table, target, task, as_text)


def _as_told(table: AnyTable, target: str | None, task: str | None, as_text: tuple[str, ...]) -> AnyTable:
    """The table, unless the user expects another of it."""
    if as_text:
        raise UserError(f"the columns of {table.name} are fixed; leave out --as-text {' '.join(as_text)}")
    if target is not None:
        raise UserError(f"the target of {table.name} is fixed; leave out --target {target}")
    if task not in (None, table.task):
        raise UserError(f"{table.name} is a table for {table.task}, not for {task}")
    return table


def _folders() -> list[Path]:
    folders = paths.folders("LIFT_DATA")
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"LIFT_DATA names {folder}, which is no folder; export LIFT_DATA=FOLDER, or unset it")
    return folders


def _build(
    name: str,
    frame: pd.DataFrame,
    target: str,
    task: str | None,
    source: str,
    entry: Entry | None,
    as_text: tuple[str, ...] = (),
    understood: pd.DataFrame | None = None,
) -> Table:
    """The table of a file's columns; `understood` are the same with more of them read as numbers."""
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
        raise BadTable(f"{name}: the target {raw.name!r} is infinite in row {first}, counted from 0; mend or remove it")
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
            "remove them, no row is dropped silently, or choose another --target NAME"
        )


def _check_finite(name: str, X: pd.DataFrame) -> None:
    for column in X.select_dtypes("float64"):
        is_infinite = np.isinf(X[column])
        if is_infinite.any():
            raise BadTable(
                f"{name}: column {column!r} is infinite in {int(is_infinite.sum())} rows (the first is row "
                f"{int(np.argmax(is_infinite))}, counted from 0); mend them or leave the cells empty"
            )


def _unknown(name: str) -> str:
    local = [
        path.name.partition(".")[0] for folder in _folders() for path in sorted(folder.iterdir()) if path.is_file()
    ]
    known = {*local, *registry.entries(), *synthetic.SETS, *synthetic.FUNCTIONS, *sum(SKLEARN.values(), ())}
    near = difflib.get_close_matches(name.lower(), known, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"no table {name!r}; {hint}have {', '.join(sorted(known))}, files (.csv, .parquet) and openml:ID"
