"""OpenML tasks (a table, a target and official folds) and suites (lists of tasks).

Like tables (`openml`), folds and lists are downloaded once and kept in the cache: tasks/ID.parquet, suites/ID.parquet.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..errors import BadTable, Unobtainable
from . import openml
from .partitions import Folds

KINDS = {"Supervised Classification": "classification", "Supervised Regression": "regression"}
COLUMNS = ("type", "rowid", "repeat", "fold")  # of OpenML's split files; rowid is a row of the data file, from 0
ATTRIBUTE = re.compile(r"""^\s*@attribute\s+['"]?(\w+)['"]?\s""", re.IGNORECASE | re.MULTILINE)
DATA = re.compile(r"^\s*@data\s*$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, eq=False)
class Task:
    """What OpenML says about a task.

    Attributes:
        word: its id, as requested.
        kind: "classification" or "regression".
        table: the id of its table.
        target: the column to predict.
        procedure: how the folds were made, in OpenML's terms, such as "crossvalidation".
        lines: one line for each row in each fold: is_test, rowid, repeat, fold.
    """

    word: str
    kind: str
    table: str
    target: str
    procedure: str
    lines: pd.DataFrame

    def folds(self, n_rows: int) -> Folds:
        """The official folds of the table, which has `n_rows`.

        Raises:
            BadTable: rows that the table does not have, repeated rows, or missing folds.
        """
        lines = self.lines
        if lines["rowid"].min() < 0 or lines["rowid"].max() >= n_rows:
            raise BadTable(f"OpenML task {self.word} names row {lines['rowid'].max()}, but its table has {n_rows} rows")
        if lines.duplicated(["repeat", "fold", "rowid"]).any():
            raise BadTable(
                f"OpenML task {self.word} ({self.procedure}) has repeated rows in a fold, which is not supported; "
                f"its table is openml:{self.table}"
            )
        pairs = [
            tuple(np.sort(rows.loc[rows["is_test"] == is_test, "rowid"].to_numpy()) for is_test in (False, True))
            for _, rows in lines.groupby(["repeat", "fold"], sort=True)
        ]
        n_folds = int(lines["fold"].max()) + 1
        if len(pairs) != n_folds * (int(lines["repeat"].max()) + 1):
            raise BadTable(f"OpenML task {self.word} lacks some of its folds; remove its copy in {openml.CACHE}/tasks")
        return Folds(f"openml-task:{self.word}", n_folds, pairs)


def fetch(word: str) -> Task:
    """The task with this id, from the cache, else from the server.

    Raises:
        UnknownName: OpenML has no such task.
        BadTable: the copy is damaged, or the task is of an unsupported kind.
        Unobtainable: the server cannot be reached or answers unexpectedly.
    """
    path, record = openml.kept(f"tasks/{openml.quoted(word)}", lambda: _download(word))
    facts = {name: record[name] for name in ("kind", "table", "target", "procedure")}
    return Task(word, **facts, lines=pd.read_parquet(path))


def members(word: str, kind: str) -> tuple[str, ...]:
    """The tasks of this kind in a suite, given by its id or alias, as table names.

    Raises:
        UnknownName: OpenML has no such suite.
        Unobtainable: the server cannot be reached or answers unexpectedly.
    """
    path, _ = openml.kept(f"suites/{openml.quoted(word)}", lambda: _download_suite(word))
    listed = pd.read_parquet(path)
    return tuple(f"openml-task:{task}" for task in listed.loc[listed["kind"] == kind, "task"])


def _download(word: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    about = _about(word)
    if about["kind"] is None:
        raise BadTable(f"OpenML task {word} is {about['type']}; {' and '.join(KINDS)} are supported")
    if not isinstance(about["url"], str):
        raise BadTable(f"OpenML task {word} has no official folds; its table is openml:{about['table']}")
    return _lines(openml.get(about["url"], word, "task"), word), about


def _about(word: str) -> dict[str, Any]:
    try:
        task = openml.ask(f"/api/v1/json/task/{openml.quoted(word)}", word, "task")["task"]
        given = {item["name"]: item for item in task["input"]}
        data = given["source_data"]["data_set"]
        procedure = given.get("estimation_procedure", {}).get("estimation_procedure", {})
        return {
            "kind": KINDS.get(task["task_type"]),
            "type": task["task_type"],
            "table": str(data["data_set_id"]),
            "target": data.get("target_feature"),
            "procedure": procedure.get("type"),
            "url": procedure.get("data_splits_url"),
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise Unobtainable(
            f"{openml.SERVER} describes task {word} in an unexpected form ({error}); try again later"
        ) from error


def _lines(content: bytes, word: str) -> pd.DataFrame:
    """The lines of a split file, an ARFF file of plain words and numbers."""
    head, *body = DATA.split(content.decode("utf-8", "replace"), maxsplit=1)
    names = ATTRIBUTE.findall(head)
    if not body or not set(COLUMNS) <= set(names):
        raise BadTable(f"OpenML task {word}: its file of folds is not an ARFF file of {COLUMNS}, as expected")
    try:
        lines = pd.read_csv(io.StringIO(body[0]), header=None, names=names, comment="%", skipinitialspace=True)
        numbers = {name: lines[name].astype("int32") for name in ("rowid", "repeat", "fold")}
    except (ValueError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise BadTable(f"OpenML task {word}: its file of folds cannot be read ({error}); try again later") from error
    kinds = lines["type"].astype(str).str.strip().str.upper()
    if not len(lines) or not kinds.isin(["TRAIN", "TEST"]).all():
        raise BadTable(f"OpenML task {word}: its file of folds has rows other than TRAIN and TEST")
    return pd.DataFrame({"is_test": kinds == "TEST", **numbers})


def _download_suite(word: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The tasks of a suite with their kinds; each task is requested to learn its kind."""
    try:
        study = openml.ask(f"/api/v1/json/study/{openml.quoted(word)}", word, "suite")["study"]
        listed = study["tasks"]["task_id"]
    except (KeyError, TypeError) as error:
        raise Unobtainable(
            f"{openml.SERVER} describes suite {word} without {error}, so its tasks are unknown; give openml-task:ID"
        ) from error
    tasks = [str(task) for task in (listed if isinstance(listed, list) else [listed])]
    kinds = [_about(task)["kind"] or "other" for task in tasks]
    return pd.DataFrame({"task": tasks, "kind": kinds}), {"source": f"OpenML suite {word}, {study.get('name')}"}
