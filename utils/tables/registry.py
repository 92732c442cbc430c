"""Facts about the real tables: sizes, tasks, OpenML ids and the paper's names for them (data/registry.csv)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pandas as pd

from ..errors import BadTable, UserError
from ..paths import DATA
from . import files, synthetic
from .point_sets import PAPER_SETS

FILE = DATA / "registry.csv"
SYNTHETIC = {"classification": PAPER_SETS, "regression": tuple(synthetic.FUNCTIONS)}
SKLEARN = {"classification": ("iris", "wine", "digits", "breast_cancer"), "regression": ("diabetes",)}
FUNCTIONS = tuple(f"{name}{inputs}" for inputs in ("", ":p=2") for name in synthetic.FUNCTIONS)  # one or two inputs
GROUPS = ("paper", "synthetic", "sklearn", "functions", "other")


@dataclass(frozen=True)
class Entry:
    """One line of the registry.

    Attributes:
        openml_id: None if no identical OpenML table is known.
        features: the valid counts; Customers has 7 columns, or 8 with Region repeated. Empty: unknown.
        classes: None for regression.
        is_main: whether it belongs to the paper's fourteen classification or four regression tables.
        published: the name in data/published/results.csv, "" if the paper has no number for it.
        label_order: the order in which the original coded the classes; None for the order of the strings.
        categorical: columns of numeric codes that are categories.
    """

    name: str
    aliases: tuple[str, ...]
    openml_id: int | None
    task: str
    rows: int
    features: tuple[int, ...]
    classes: int | None
    is_main: bool
    published: str
    label_order: tuple[str, ...] | None
    categorical: tuple[str, ...]

    def check(self, X: pd.DataFrame, y: pd.Series, source: str) -> None:
        """Raises BadTable if rows, features or classes differ from the registry's."""
        found = {"rows": len(X), "features": X.shape[1], "classes": y.nunique()}
        expected = {
            "rows": (self.rows,),
            "features": self.features,
            "classes": () if self.classes is None else (self.classes,),
        }
        wrong = [
            f"{found[quantity]} {quantity} (expected {' or '.join(map(str, counts))})"
            for quantity, counts in expected.items()
            if counts and found[quantity] not in counts
        ]
        if wrong:
            raise BadTable(
                f"{source} is not the {self.name} of data/registry.csv: it has {', '.join(wrong)}. It is another table "
                "or a damaged copy; rename a table of your own, or give its path"
            )


@lru_cache
def entries() -> dict[str, Entry]:
    """All entries by name."""
    with FILE.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, strict=True))
    return {row["name"]: _entry(row) for row in rows}


def find(name: str) -> Entry | None:
    """The entry with this name, or with this alias in any case."""
    if name in entries():
        return entries()[name]
    word = name.lower()
    return next((entry for entry in entries().values() if word in (entry.name.lower(), *entry.aliases)), None)


def by_openml_id(number: int) -> Entry | None:
    """The entry with this OpenML id."""
    return next((entry for entry in entries().values() if entry.openml_id == number), None)


def _entry(row: dict[str, str]) -> Entry:
    return Entry(
        name=row["name"],
        aliases=_words(row["aliases"]),
        openml_id=_integer(row["openml_id"]),
        task=row["task"],
        rows=int(row["rows"]),
        features=tuple(int(count) for count in _words(row["features"])),
        classes=_integer(row["classes"]),
        is_main=row["paper"] == "yes",
        published=row["published"],
        label_order=_words(row["label_order"]) or None,
        categorical=_words(row["categorical"]),
    )


def _words(cell: str) -> tuple[str, ...]:
    return tuple(cell.split("|")) if cell else ()


def _integer(cell: str) -> int | None:
    return int(cell) if cell else None


def members(name: str, task: str, folders: list[Path]) -> tuple[str, ...]:
    """The tables of a group for a task; any other name stands for itself.

    paper      the paper's fourteen classification or four regression tables
    synthetic  the paper's five sets of points, or its six functions of one input
    functions  the six functions of one input and of two
    sklearn    the tables that scikit-learn ships
    other      the registry's other tables found in the `folders` of LIFT_DATA

    Raises:
        UserError: `other` without such a table.
    """
    if name == "paper":
        return tuple(entry.name for entry in entries().values() if entry.is_main and entry.task == task)
    if name == "other":
        others = [entry for entry in entries().values() if entry.task == task and not entry.is_main]
        found = tuple(entry.name for entry in others if files.find(entry.name, folders))
        if not found:
            raise UserError(
                "other means the tables of data/registry.csv in LIFT_DATA besides the paper's; there are none; "
                "export LIFT_DATA=FOLDER, or leave other out of --datasets"
            )
        return found
    if name == "functions":
        return FUNCTIONS if task == "regression" else ()
    return {"synthetic": SYNTHETIC, "sklearn": SKLEARN}[name][task] if name in GROUPS else (name,)


def group(dataset: str) -> str:
    """The group of a table in a summary: "paper", "functions", "synthetic" or "other"."""
    if synthetic.is_synthetic(dataset):
        return "functions" if dataset.partition(":")[0] in synthetic.FUNCTIONS else "synthetic"
    entry = find(dataset)
    return "paper" if entry and entry.is_main else "other"
