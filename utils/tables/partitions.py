"""Splits decided by a table's own columns or its source: groups kept together, time order, folds, given splits.

A table without a partition is split at random; see `splits.draw`.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold

from ..errors import BadTable, UserError
from . import dates, splits

Rows = tuple[np.ndarray, np.ndarray, np.ndarray]  # positions of training, validation and test rows

FOLDS = 5  # one is the test part, then a fifth of the rest the validation part: 64/16/20 %
ENDS = 0.64, 0.8  # shares of the rows, in time order, at which training and validation rows end
FEWEST_PARTS = 3


class Partition(Protocol):
    """A way to split the rows.

    Attributes:
        name: the value of the column `protocol` in results.
    """

    name: str

    def rows(self, y: pd.Series, task: str, seed: int, protocol: str) -> Rows:
        """Positions of the training, validation and test rows; raises UserError if that is impossible."""


@dataclass(frozen=True, eq=False)
class Groups:
    """No group has rows in two parts; in classification classes keep their shares as far as the groups allow.

    About 64/16/20 % of the rows. Under the protocol "paper" the test groups are those of seed 0 and `seed` only
    separates training from validation groups; under "independent" it draws all three.

    Attributes:
        column: (n_rows,) group keys, none missing.
    """

    column: pd.Series

    def __post_init__(self):
        _check_present(self.column, "--group")
        if self.column.nunique() < FEWEST_PARTS:
            raise BadTable(
                f"{self.column.name!r} has {self.column.nunique()} groups, but three parts need one each; choose "
                "another --group COLUMN"
            )

    @property
    def name(self) -> str:
        return f"group={self.column.name}"

    def rows(self, y: pd.Series, task: str, seed: int, protocol: str) -> Rows:
        splits.check(seed, protocol)
        codes = pd.factorize(y, sort=True)[0] if task == "classification" else np.zeros(len(y), dtype=int)
        groups = pd.factorize(self.column)[0]
        rest, test = _fold(codes, groups, 0 if protocol == "paper" else seed)
        train, validation = _fold(codes[rest], groups[rest], seed)
        return rest[train], rest[validation], test


@dataclass(frozen=True, eq=False)
class TimeOrder:
    """Training rows precede validation rows, which precede test rows; rows of the same time stay together.

    About 64/16/20 % of the rows, the same for every seed.

    Attributes:
        column: (n_rows,) numbers or dates, none missing.
    """

    column: pd.Series

    def __post_init__(self):
        _check_present(self.column, "--time")
        self._order()

    @property
    def name(self) -> str:
        return f"time={self.column.name}"

    def rows(self, y: pd.Series, task: str, seed: int, protocol: str) -> Rows:
        splits.check(seed, protocol)
        if protocol != "paper":
            raise UserError(
                f"--protocol {protocol} draws test rows at random, but --time {self.column.name} takes the latest; "
                "leave out one of the two"
            )
        order, ends = self._order()
        return tuple(np.split(order, ends))

    def _order(self) -> tuple[np.ndarray, list[int]]:
        """Positions in time order, and where in that order validation and test rows begin."""
        values = self.column if self.column.dtype.kind in "iuf" else dates.moments(self.column)
        if values is None:
            raise BadTable(
                f"{self.column.name!r} holds neither numbers nor dates in a single format, such as 2024-02-29, so its "
                "rows have no time order; choose another --time COLUMN"
            )
        ranks = values.rank(method="dense").to_numpy()
        order = np.argsort(ranks, kind="stable")
        steps = np.flatnonzero(np.diff(ranks[order])) + 1  # where a new time begins
        if len(steps) < FEWEST_PARTS - 1:
            raise BadTable(
                f"{self.column.name!r} has {len(steps) + 1} different times, but three parts need one each; choose "
                "another --time COLUMN"
            )
        first, second = (share * len(order) for share in ENDS)
        test = steps[1:][np.argmin(np.abs(steps[1:] - second))]
        earlier = steps[steps < test]
        return order, [int(earlier[np.argmin(np.abs(earlier - first))]), int(test)]


@dataclass(frozen=True, eq=False)
class Folds:
    """Training and test rows as given by the table's source; the seed is the number of the fold.

    A fifth of the training rows, drawn by the seed and stratified in classification, are validation rows.

    Attributes:
        source: the origin of the folds, for messages.
        n_folds: of each repeat; fold f of repeat r is number r * n_folds + f.
        pairs: positions of the training and test rows of each fold, in the order of the numbers.
    """

    source: str
    n_folds: int
    pairs: Sequence[tuple[np.ndarray, np.ndarray]]

    name = "official"

    def rows(self, y: pd.Series, task: str, seed: int, protocol: str) -> Rows:
        if not 0 <= seed < len(self.pairs):
            raise UserError(
                f"{self.source} has {len(self.pairs) // self.n_folds} x {self.n_folds} folds, numbered by seeds "
                f"0 to {len(self.pairs) - 1}; seed {seed} is not one of them"
            )
        rest, test = self.pairs[seed]
        train, validation = splits.held_out(y.iloc[rest], task, seed)
        return rest[train], rest[validation], test


@dataclass(frozen=True, eq=False)
class Given:
    """Parts given by the table's source; the seed draws validation rows if it gives none.

    Attributes:
        train, validation, test: positions; validation is None if it is drawn, a fifth of the training rows.
    """

    train: np.ndarray
    validation: np.ndarray | None
    test: np.ndarray

    name = "official"

    def rows(self, y: pd.Series, task: str, seed: int, protocol: str) -> Rows:
        if self.validation is not None:
            return self.train, self.validation, self.test
        train, validation = splits.held_out(y.iloc[self.train], task, seed)
        return self.train[train], self.train[validation], self.test


def _check_present(column: pd.Series, flag: str) -> None:
    n_missing = int(column.isna().sum())
    if n_missing:
        raise BadTable(
            f"{n_missing} of {len(column)} rows have no {column.name!r} (the first is row "
            f"{int(np.argmax(column.isna()))}, counted from 0); fill or remove them, or choose another {flag} COLUMN"
        )


def _fold(codes: np.ndarray, groups: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the rows outside and inside one of at most FOLDS folds of whole groups."""
    n_folds = min(FOLDS, len(np.unique(groups)))
    counts = np.bincount(codes)
    strata = np.where(counts[codes] < n_folds, -1, codes)  # classes too rare for every fold share one stratum
    splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")
        outside, inside = next(splitter.split(np.zeros((len(codes), 1)), strata, groups))
    if not len(outside) or not len(inside):
        raise BadTable("the groups are too unequal for three non-empty parts; choose another --group COLUMN")
    return outside, inside
