"""What is known of the real tables: sizes, tasks, OpenML ids and the names the paper prints (data/registry.csv)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pandas as pd

from utils.errors import BadTable

FILE = Path(__file__).resolve().parents[1] / "data" / "registry.csv"


@dataclass(frozen=True)
class Entry:
    """One line of the registry.

    Attributes:
        openml_id: None where no OpenML table is known to be the same.
        features: the counts that are right; Customers has 7 columns, 8 where Region stands there twice. Empty: unknown.
        classes: None for regression.
        is_main: whether it belongs to the paper's fourteen classification or four regression tables.
        published: the name in data/published/results.csv, "" where the paper has no number for it.
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
        """Raises BadTable where rows, features or classes are not those of the registry."""
        found = {"rows": len(X), "features": X.shape[1], "classes": y.nunique()}
        expected = {
            "rows": (self.rows,),
            "features": self.features,
            "classes": () if self.classes is None else (self.classes,),
        }
        wrong = [
            f"{found[what]} {what} (expected {' or '.join(map(str, counts))})"
            for what, counts in expected.items()
            if counts and found[what] not in counts
        ]
        if wrong:
            raise BadTable(
                f"{source} is not the {self.name} of data/registry.csv: it has {', '.join(wrong)}. It is another table "
                "or a damaged copy; give a table of your own another name, or name it by its path"
            )


@lru_cache
def entries() -> dict[str, Entry]:
    """All entries by name."""
    with FILE.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, strict=True))
    return {row["name"]: _entry(row) for row in rows}


def find(name: str) -> Entry | None:
    """The entry with this name or, in whatever case, with this alias."""
    if name in entries():
        return entries()[name]
    word = name.lower()
    return next((entry for entry in entries().values() if word in (entry.name.lower(), *entry.aliases)), None)


def by_openml_id(number: int) -> Entry | None:
    """The entry of this OpenML id."""
    return next((entry for entry in entries().values() if entry.openml_id == number), None)


def _entry(row: dict[str, str]) -> Entry:
    return Entry(
        name=row["name"],
        aliases=_words(row["aliases"]),
        openml_id=_whole(row["openml_id"]),
        task=row["task"],
        rows=int(row["rows"]),
        features=tuple(int(count) for count in _words(row["features"])),
        classes=_whole(row["classes"]),
        is_main=row["paper"] == "yes",
        published=row["published"],
        label_order=_words(row["label_order"]) or None,
        categorical=_words(row["categorical"]),
    )


def _words(cell: str) -> tuple[str, ...]:
    return tuple(cell.split("|")) if cell else ()


def _whole(cell: str) -> int | None:
    return int(cell) if cell else None
