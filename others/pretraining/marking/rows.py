"""Rows for the mark: draws of synthetic tables, and of tables of LIFT_DATA that the paper does not use."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from others.pretraining.prior import Limits, sample_table
from utils import tables
from utils.errors import UserError
from utils.tables import files, registry, splits

# Tables of LIFT_DATA with at most 10 columns and 10 classes, none of them the paper's or a relative of one.
REAL = (
    *("seeds", "glass", "ecoli", "haberman", "diabetes", "balance-scale", "tic-tac-toe", "car"),
    *("banknote-authentication", "blood-transfusion-service-center", "phoneme", "yeast"),
)
# Name prefixes of the paper's tables and their relatives; the registry knows all names of the paper's tables.
BARRED = ("iris", "wine", "digits", "breast", "wdbc", "hill-valley", "student", "texture", "mnist", "pizzacutter")
SYNTHETIC = 7_000_001  # first element of the seeds of held-out tables; those of training are [seed, update]
LEAST_TEST = 64  # rows; a table that is too small for both has fewer training rows


@dataclass(frozen=True)
class Draw:
    """Rows of one table; for every n, the first n training rows are a stratified sample.

    Attributes:
        part: "synthetic" or "real".
        table: its name.
        seed: of the draw.
        X, y: training rows and class codes.
        X_test, y_test: test rows.
    """

    part: str
    table: str
    seed: int
    X: pd.DataFrame
    y: np.ndarray
    X_test: pd.DataFrame
    y_test: np.ndarray

    def first(self, n: int) -> Draw:
        """The draw with its first `n` training rows."""
        return replace(self, X=self.X.iloc[:n], y=self.y[:n])

    @cached_property
    def sha256(self) -> str:
        """Hash of all rows."""
        y, y_test = (pd.Series(part.astype(str)) for part in (self.y, self.y_test))
        return splits.content_hash(self.X, y, self.X_test, y_test)


def check(names: tuple[str, ...]) -> None:
    """Raises UserError for a table of the paper or a relative of one: these are never used for selection."""
    for name in names:
        stem = name.removeprefix("openml:").removeprefix("sklearn:").rpartition("/")[2]
        for ending in files.SUFFIXES:
            stem = stem.removesuffix(ending)
        entry = registry.by_openml_id(int(stem)) if stem.isdigit() else registry.find(stem)
        is_papers = entry is not None and (entry.is_main or bool(entry.published))
        if is_papers or (entry.name if entry else stem).lower().replace("_", "-").startswith(BARRED):
            raise UserError(
                f"{name} is one of the paper's tables or a relative, which must not guide choices; leave it out"
            )


def real(name: str, seed: int, n_train: int, n_test: int) -> Draw:
    """Rows of the table `name`. Raises UserError for one of the paper's, or if there is no such table."""
    check((name,))
    table = tables.load(name, task="classification")
    y = np.unique(table.y.to_numpy(str), return_inverse=True)[1]
    return _draw("real", name, seed, table.X.reset_index(drop=True), y, n_train, n_test)


def synthetic(number: int, seed: int, limits: Limits, n_train: int, n_test: int) -> Draw:
    """Rows of a synthetic table that training never draws."""
    table = sample_table(np.random.default_rng([SYNTHETIC, seed, number]), n_train + n_test, "classification", limits)
    return _draw("synthetic", f"synthetic-{seed}-{number}", seed, table.X, table.y, n_train, n_test)


def _draw(part: str, name: str, seed: int, X: pd.DataFrame, y: np.ndarray, n_train: int, n_test: int) -> Draw:
    rng = np.random.default_rng(seed)
    ranked = stratified(rng, y)
    train, rest = np.split(ranked, [min(n_train, len(y) - min(n_test, LEAST_TEST))])
    test = rng.permutation(rest)[:n_test]
    return Draw(part, name, seed, X.iloc[train], y[train], X.iloc[test], y[test])


def stratified(rng: np.random.Generator, y: np.ndarray) -> np.ndarray:
    """All rows in an order in which every prefix is stratified, with each class once before any twice."""
    order = rng.permutation(len(y))
    keys = np.empty(len(y))
    for label in np.unique(y):
        rows = order[y[order] == label]
        keys[rows] = (np.arange(len(rows)) + rng.random()) / len(rows)
        keys[rows[0]] = -len(rows)  # the frequent classes first
    return np.argsort(keys, kind="stable")
