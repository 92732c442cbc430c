"""Names to tables: files, OpenML, synthetic sets, folders in $LIFT_DATA, and scikit-learn's own."""

from __future__ import annotations

import difflib
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pandas as pd
import sklearn

from .. import paths
from ..errors import BadTable, UnknownName, Unobtainable, UserError
from . import files, huggingface, openml, openml_tasks, partitions, registry, synthetic
from .registry import SKLEARN, Entry
from .table import Table, build

TASKS = ("classification", "regression")

AnyTable: TypeAlias = Table | synthetic.SyntheticTable


def load(
    name: str,
    *,
    target: str | None = None,
    task: str | None = None,
    as_text: tuple[str, ...] = (),
    group: str | None = None,
    time: str | None = None,
) -> AnyTable:
    """The table called `name`, looked up in this order.

    1. A file: a path that exists, or ends in .csv, .csv.gz, .tsv, .tsv.gz or .parquet; a folder written by
       `save_to_disk` of the library `datasets`.
    2. `openml:ID` or `openml:NAME`, `openml-task:ID` with its official folds, `hf:OWNER/NAME` of the Hugging Face Hub,
       and `sklearn:NAME`, which skip the steps below.
    3. A synthetic table, with or without options: `moons`, `cosine:p=2,noise=0.2`.
    4. NAME.csv.gz, .csv, .tsv, .tsv.gz or .parquet in a folder of $LIFT_DATA.
    5. A table of scikit-learn: iris, wine, digits, breast_cancer, diabetes.
    6. A name or alias of data/registry.csv: its file in $LIFT_DATA, else OpenML.

    Args:
        target: the column to predict, by default the last one; for files, folders and OpenML.
        task: "classification" or "regression"; it also distinguishes `diabetes` of data/registry.csv (classification)
            from that of scikit-learn (regression). Guessed for files by default: text is a label; a number is a
            quantity if it has more than 20 distinct values, or fractions and more than 10 (or half as many as rows).
        as_text: columns that are words although they look like numbers; for files, folders and OpenML.
        group, time: a column by which the rows are split (see `partitions`); it is then not a feature.

    Raises:
        UnknownName: no such table; the message suggests the nearest.
        Unobtainable: a table of data/registry.csv or OpenML that is not on this machine and cannot be downloaded.
        BadTable: the data cannot be learnt from.
    """
    if task is not None and task not in TASKS:
        raise UnknownName(f"no task {task!r}; have {', '.join(TASKS)}")
    table = _found(name, target, task, as_text)
    return table if group is None and time is None else _partitioned(table, group, time)


def _found(name: str, target: str | None, task: str | None, as_text: tuple[str, ...]) -> AnyTable:
    scheme, _, rest = name.partition(":")
    if files.is_file(name):
        return _from_file(name, Path(name), target, task, None, as_text)
    if huggingface.is_named(name):
        return _from_hugging_face(name, target, task, as_text)
    if scheme == "openml":
        return _from_openml(rest, target, task, as_text)
    if scheme == "openml-task":
        return _from_openml_task(rest, target, task, as_text)
    if scheme == "sklearn":
        return _from_sklearn(rest, target, task, as_text)
    if synthetic.is_synthetic(name):
        return _unless_contradicted(synthetic.load(name), target, task, as_text)
    entry = registry.find(name)
    sklearn_task = next((kind for kind, members in SKLEARN.items() if name in members), None)
    for stem in (name, entry.name if entry else name):
        registered = registry.entries().get(stem)
        path = files.find(stem, _folders())
        if path and not (registered and sklearn_task and task == sklearn_task != registered.task):
            return _from_file(stem, path, target, task, registered, as_text)
    if sklearn_task and not (entry and task == entry.task != sklearn_task):
        return _from_sklearn(name, target, task, as_text)
    if entry:
        return _from_registry(entry, target, task, as_text)
    raise UnknownName(_unknown(name))


def expand(names: list[str] | tuple[str, ...], task: str) -> list[str]:
    """The names with groups (`registry.members`, `openml-suite:ID`) expanded for this task, each name once."""
    if not names:
        raise UserError(f"no table given; give --datasets one or more names, or {', '.join(registry.GROUPS)}")
    if task not in TASKS:
        raise UnknownName(f"no task {task!r}; have {', '.join(TASKS)}")
    members = [_members(name, task) for name in names]
    if not any(members):
        raise UserError(f"{', '.join(names)} has no table for {task}; see data/README.md")
    return list(dict.fromkeys(member for group in members for member in group))


def _members(name: str, task: str) -> tuple[str, ...]:
    scheme, _, rest = name.partition(":")
    if scheme == "openml-suite":
        return openml_tasks.members(rest, task)
    return registry.members(name, task, _folders())


def is_own(name: str) -> bool:
    """Whether `load` would read the user's own file rather than one of the project's tables."""
    if files.is_file(name) or huggingface.is_folder(name):
        return True
    return registry.find(name) is None and files.find(name, _folders()) is not None


def published_name(name: str) -> str | None:
    """This table's name in the column `dataset` of data/published/results.csv; None if the paper has no number."""
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
            f"{entry.name} is not on any server this program knows; put {entry.name}.csv.gz, its last column the "
            "target, into a folder and name that folder in LIFT_DATA"
        )
    return _from_openml(str(entry.openml_id), target, task, as_text)


def _from_openml(word: str, target: str | None, task: str | None, as_text: tuple[str, ...]) -> Table:
    entry = _entry(word)
    key = str(entry.openml_id) if entry and entry.openml_id else word
    copy = openml.fetch(key)
    if target is None and copy.target is None:
        frame = files.read(copy.path)
        raise BadTable(f"openml:{word} has no single target; choose one with --target: {', '.join(frame.columns)}")
    name = entry.name if entry else f"openml:{word}"
    return build(name, files.read(copy.path), target or copy.target, task, copy.source, entry, as_text)


def _from_openml_task(word: str, target: str | None, task: str | None, as_text: tuple[str, ...]) -> Table:
    """The table of an OpenML task, with the task's target and folds."""
    fetched = openml_tasks.fetch(word)
    name = f"openml-task:{word}"
    if target not in (None, fetched.target):
        raise UserError(f"the target of {name} is {fetched.target}; leave out --target {target}, or give openml:ID")
    if task not in (None, fetched.kind):
        raise UserError(f"{name} is a {fetched.kind} task, not {task}")
    table = _from_openml(fetched.table, fetched.target, fetched.kind, as_text)
    return replace(table, name=name, source=f"{table.source}, task {word}", partition=fetched.folds(len(table.y)))


def _from_hugging_face(name: str, target: str | None, task: str | None, as_text: tuple[str, ...]) -> Table:
    found = huggingface.read(name)
    table = build(name, found.frame, target or found.target, task, found.source, None, as_text)
    return replace(table, is_own=huggingface.is_folder(name), partition=found.parts)


def _partitioned(table: AnyTable, group: str | None, time: str | None) -> Table:
    """The table without the column by which its rows are split."""
    column, flag = (group, "--group") if group is not None else (time, "--time")
    if group is not None and time is not None:
        raise UserError(f"--group {group} and --time {time} are two ways to split the rows; give only one")
    if not isinstance(table, Table) or table.partition is not None:
        why = "has its own split" if isinstance(table, Table) else "is drawn anew for each seed"
        raise UserError(f"{table.name} {why}; leave out {flag} {column}")
    if column == table.y.name:
        raise UserError(f"{column!r} is the target of {table.name}; choose another {flag} COLUMN or --target")
    if column not in table.X or table.X.shape[1] < 2:
        problem = f"no column {column!r}" if column not in table.X else f"no feature besides {column!r}"
        raise BadTable(f"{table.name} has {problem}; choose {flag} from {', '.join(table.X)}")
    kind = partitions.Groups if group is not None else partitions.TimeOrder
    try:
        partition = kind(table.X[column])
    except BadTable as error:
        raise BadTable(f"{table.name}: {error}") from error
    X = table.X.drop(columns=column)
    return replace(table, X=X, account=table.account.of([*X, table.y.name]), partition=partition)


def _from_file(
    name: str, path: Path, target: str | None, task: str | None, entry: Entry | None, as_text: tuple[str, ...]
) -> Table:
    sheet = files.sheet(path)
    target = target or sheet.frame.columns[-1]
    if entry is not None:  # read as always: results are keyed by its content
        return build(name, sheet.frame, target, task, str(path), entry, as_text)
    frame, account = files.understood(sheet, as_text)
    table = build(name, sheet.frame, target, task, str(path), None, as_text, frame)
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
    return _unless_contradicted(table, target, task, as_text)


def _unless_contradicted(table: AnyTable, target: str | None, task: str | None, as_text: tuple[str, ...]) -> AnyTable:
    """The table, unless the user's arguments contradict it."""
    if as_text:
        raise UserError(f"the columns of {table.name} are fixed; leave out --as-text {' '.join(as_text)}")
    if target is not None:
        raise UserError(f"the target of {table.name} is fixed; leave out --target {target}")
    if task not in (None, table.task):
        raise UserError(f"{table.name} is a {table.task} table, not {task}")
    return table


def _folders() -> list[Path]:
    folders = paths.folders("LIFT_DATA")
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"LIFT_DATA names {folder}, which is not a folder; export LIFT_DATA=FOLDER, or unset it")
    return folders


def _unknown(name: str) -> str:
    if name.startswith("openml-suite:"):
        return f"{name} stands for several tables; name one of its tasks, openml-task:ID, or give it to --datasets"
    local = [
        path.name.partition(".")[0] for folder in _folders() for path in sorted(folder.iterdir()) if path.is_file()
    ]
    names = {*local, *registry.entries(), *synthetic.SETS, *synthetic.FUNCTIONS, *sum(SKLEARN.values(), ())}
    near = difflib.get_close_matches(name.lower(), names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return (
        f"no table {name!r}; {hint}have {', '.join(sorted(names))}, files (.csv, .parquet), openml:ID, "
        "openml-task:ID and hf:OWNER/NAME"
    )
