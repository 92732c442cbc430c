"""Mixup: rows interpolated between two training rows, soft labels in tenths (paper, appendix; Zhang et al. 2018)."""

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
    """The split with round(share · n) added training rows; every row, old or new, is written ten times.

    A mixed row has features λ·a + (1 - λ)·b of two different training rows, with λ uniform over .1, .2, …, .9. Of its
    ten copies, 10·λ have the class of a and the rest that of b, which expresses class probabilities of λ and 1 - λ
    through hard labels. The old rows are written ten times as well, so that all rows have the same weight. The control,
    plain copies, repeats the rows a with their own class. Validation and test rows do not change.

    Args:
        split: a classification split.
        share: added rows per training row, 0 or more.
        kind: "mixed" or "copies".
        seed: of pairs and λ. Both kinds use the same rows a, and those of a smaller share are among those of a larger.

    Raises:
        UserError: a negative share, or an unknown kind.
    """
    if kind not in KINDS:
        raise UnknownName(f"no kind {kind!r} of added rows; have {', '.join(KINDS)}")
    if not 0 <= share < np.inf:
        raise UserError(f"{share} added rows per training row is not possible; give 0 or more")
    n = len(split.y_train)
    first, second, tenths = draw(n, round(share * n), seed)
    if kind == "copies":
        second, tenths = first, np.full(len(first), TENTHS)
    X, y = split.X_train, split.y_train
    new = features(X.iloc[first], X.iloc[second], tenths / TENTHS)
    old_rows, new_rows = np.repeat(np.arange(n), TENTHS), np.repeat(np.arange(len(first)), TENTHS)
    is_first = np.arange(len(new_rows)) % TENTHS < tenths[new_rows]
    labels = y.iloc[np.where(is_first, first[new_rows], second[new_rows])]
    all_rows = pd.concat([X.iloc[old_rows], new.iloc[new_rows]])
    targets = pd.concat([y.iloc[old_rows], labels.set_axis(new.index[new_rows])])
    return replace(split, X_train=all_rows, y_train=targets)


def draw(n: int, n_new: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of different rows out of `n`, and λ in tenths (1 to 9), each of shape (n_new,).

    The first rows of the pairs come from shuffled lists of all rows, so that their counts differ by one at most.
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
    """Rows between those of `a` and `b`: numbers as λ·a + (1 - λ)·b, all else from the row with the larger weight.

    Args:
        a, b: with the same columns and length.
        weight: λ, of `a`, shape (n,), 0 to 1. With equal weights, `a` counts as the heavier row.

    Returns:
        Rows with the index of `a`. A number missing in one of the rows is taken from the heavier row as well; columns
        of whole numbers become floats where something was mixed.
    """
    heavier = np.asarray(weight) >= 0.5
    columns = {}
    for name in a.columns:
        from_a, from_b = a[name].to_numpy(), b[name].to_numpy()
        taken = np.where(heavier, from_a, from_b)
        if is_numeric(a[name]):
            unmixed = pd.isna(from_a) | pd.isna(from_b) | (from_a == from_b)
            taken = np.where(unmixed, taken, weight * from_a + (1 - weight) * from_b)
            taken = taken.astype(a[name].dtype) if (unmixed | (np.asarray(weight) == 1)).all() else taken
        columns[name] = pd.Series(taken, index=a.index, dtype=None if is_numeric(a[name]) else a[name].dtype)
    return pd.DataFrame(columns, index=a.index)
