"""Mixup: training rows between two others, with the classes of both in tenths (paper, appendix; Zhang et al. 2018)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from utils.errors import UnknownName, UserError
from utils.tables.encoding import is_numeric
from utils.tables.splits import Split

TENTHS = 10
KINDS = ("mixed", "copies")


def extended(split: Split, share: float, kind: str, seed: int) -> Split:
    """The split with round(share · n) further training rows, where every row, old or new, is written ten times.

    A mixed row has features λ·a + (1 - λ)·b of two different training rows and λ of one of .1, .2, …, .9, each as
    likely. Its ten copies have 10·λ times the class of a and else that of b, which puts class probabilities of λ and
    1 - λ into a loss that knows classes only. The old rows are written ten times as well, so that all rows weigh alike.
    The control, plain copies, repeats the rows a with their own class. Validation and test rows stay.

    Args:
        split: a classification split.
        share: further rows per training row, 0 or more.
        kind: "mixed" or "copies".
        seed: of pairs and λ. Both kinds have the same rows a, those of a smaller share among those of a larger one.

    Raises:
        UserError: a negative share, or an unknown kind.
    """
    if kind not in KINDS:
        raise UnknownName(f"no further rows {kind!r}; have {', '.join(KINDS)}")
    if not 0 <= share < np.inf:
        raise UserError(f"{share} mixed rows per training row make no sense; give 0 or more")
    n = len(split.y_train)
    first, second, tenths = draw(n, round(share * n), seed)
    if kind == "copies":
        second, tenths = first, np.full(len(first), TENTHS)
    X, y = split.X_train, split.y_train
    new = features(X.iloc[first], X.iloc[second], tenths / TENTHS)
    old_rows, new_rows = np.repeat(np.arange(n), TENTHS), np.repeat(np.arange(len(first)), TENTHS)
    is_first = np.arange(len(new_rows)) % TENTHS < tenths[new_rows]
    labels = y.iloc[np.where(is_first, first[new_rows], second[new_rows])]
    whole = pd.concat([X.iloc[old_rows], new.iloc[new_rows]])
    targets = pd.concat([y.iloc[old_rows], labels.set_axis(new.index[new_rows])])
    return replace(split, X_train=whole, y_train=targets)


def draw(n: int, n_new: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of different rows out of `n`, and λ in tenths (1 to 9), each of shape (n_new,).

    The first rows of the pairs come from shuffled lists of all rows, so that none is used once more than another
    before its turn.
    """
    rng = np.random.default_rng([8, seed])
    draws = []
    while sum(map(len, draws)) < n_new:
        first = rng.permutation(n)
        second = (first + rng.integers(1, max(2, n), n)) % n
        draws.append(np.column_stack([first, second, rng.integers(1, TENTHS, n)]))
    first, second, tenths = np.concatenate([*draws, np.empty((0, 3), dtype=int)])[:n_new].T
    return first, second, tenths


def features(a: pd.DataFrame, b: pd.DataFrame, weight: np.ndarray) -> pd.DataFrame:
    """Rows between those of `a` and of `b`: numbers mixed, λ·a + (1 - λ)·b, all else from the row that weighs more.

    Args:
        a, b: of the same columns and length.
        weight: λ, of `a`, shape (n,), 0 to 1. Of equal weights `a` counts as the heavier one.

    Returns:
        The index of `a`. A number that one of the rows lacks is taken from the heavier row as well; columns of whole
        numbers become fractions where something was mixed.
    """
    heavier = np.asarray(weight) >= 0.5
    columns = {}
    for name in a.columns:
        one, other = a[name].to_numpy(), b[name].to_numpy()
        taken = np.where(heavier, one, other)
        if is_numeric(a[name]):
            lacking = pd.isna(one) | pd.isna(other) | (one == other)
            taken = np.where(lacking, taken, weight * one + (1 - weight) * other)
            taken = taken.astype(a[name].dtype) if (lacking | (np.asarray(weight) == 1)).all() else taken
        columns[name] = pd.Series(taken, index=a.index, dtype=None if is_numeric(a[name]) else a[name].dtype)
    return pd.DataFrame(columns, index=a.index)
