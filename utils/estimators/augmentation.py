"""Training texts, varied from epoch to epoch: permuted feature orders, jittered numbers, rows in the prompt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..models.base import Example
from ..prompts import Template
from ..prompts.few_shot import Shots

MIN_LEVELS = 10  # a numeric column with fewer distinct values is a code, and neighbouring codes mean different things


@dataclass(frozen=True)
class Augmentation:
    """How training rows are varied from epoch to epoch.

    Attributes:
        jitter: standard deviation of the Gaussian noise added to numeric columns, as a share of the column's range in
            the training rows, or of the row's own range if the template scales rows individually. It teaches that
            neighbouring numbers mean nearly the same.
        target_jitter: the same for a regression target.
        swap: mean share of a row's cells that are taken from another training row of the same class, drawn anew for
            each row; for classification. It teaches each column's contribution to a class, which helps with few rows
            per class and many columns, and hurts if a class is a pattern across columns.
        permutations: copies of each row per epoch, each with another column order (1: the table's order only).
        versions: of the rows, which take turns from epoch to epoch; 0 for a new version in each epoch. Texts that come
            again let the output of frozen layers be cached.
    """

    jitter: float = 0.0
    target_jitter: float = 0.0
    swap: float = 0.0
    permutations: int = 1
    versions: int = 0


class TrainingTexts:
    """A function from the epoch to its (prompt, completion) pairs; the same seed and epoch give the same pairs.

    Args:
        template: fitted.
        X, y: the training rows.
        how: what varies from epoch to epoch.
        seed: of all random draws.
        shots: training rows written before each row, the paper's in-context form; None for none.
    """

    def __init__(
        self,
        template: Template,
        X: pd.DataFrame,
        y: np.ndarray,
        how: Augmentation,
        seed: int,
        shots: Shots | None = None,
    ):
        self.template, self.X, self.y, self.how, self.seed, self.shots = template, X, y, how, seed, shots
        self.spread = _spread(X, by_row=template.cells_.row_levels > 0)

    def __call__(self, epoch: int) -> list[Example]:
        version = (epoch - 1) % self.how.versions + 1 if self.how.versions else epoch
        rng = np.random.default_rng([self.seed, version])
        pairs: list[Example] = []
        for order in column_orders(self.X.shape[1], self.how.permutations, rng):
            template = self.template if order is None else self.template.permuted(order)
            X = _swapped(self.X, self.y, self.how.swap, rng)
            X = _jittered(X, self.spread, self.how.jitter, rng)
            y = self.y
            if self.how.target_jitter:
                y = y + rng.normal(0, self.how.target_jitter * np.ptp(y), len(y))
            copies = template.examples(X, y)
            pairs += copies if self.shots is None else self._with_shots(copies, rng)
        return pairs

    def _with_shots(self, pairs: list[Example], rng: np.random.Generator) -> list[Example]:
        """Puts other rows before each row's prompt, as written in this epoch."""
        write = self.template.prompt_with_shots
        rows = self.shots.chooser.own(rng).tolist()
        return [
            (write([pairs[j] for j in others], prompt), completion)
            for others, (prompt, completion) in zip(rows, pairs, strict=True)
        ]


def column_orders(n_columns: int, copies: int, rng: np.random.Generator) -> list[list[int] | None]:
    """The table's own order (None), then `copies` - 1 random orders."""
    return [None, *(rng.permutation(n_columns).tolist() for _ in range(copies - 1))]


def _spread(X: pd.DataFrame, by_row: bool) -> dict[str, float | np.ndarray]:
    """The range of every numeric column that is a quantity rather than a code, or the range of each row's numbers."""
    numeric = [c for c in X if pd.api.types.is_numeric_dtype(X[c]) and not pd.api.types.is_bool_dtype(X[c])]
    quantities = [c for c in numeric if X[c].nunique() >= MIN_LEVELS]
    if by_row:
        width = (X[numeric].max(axis=1) - X[numeric].min(axis=1)).fillna(0).to_numpy(float)
        return dict.fromkeys(quantities, width)
    return {c: float(X[c].max() - X[c].min()) for c in quantities}


def _jittered(
    X: pd.DataFrame, spread: dict[str, float | np.ndarray], share: float, rng: np.random.Generator
) -> pd.DataFrame:
    if not share or not spread:
        return X
    return X.assign(**{column: X[column] + rng.normal(0, share * width, len(X)) for column, width in spread.items()})


def _swapped(X: pd.DataFrame, y: np.ndarray, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """Every row gets a share of 0 … 2 · `share` (at most all) of its cells from one other row of its class."""
    if not share:
        return X
    codes = pd.factorize(np.asarray(y))[0]
    shuffled = np.lexsort((rng.random(len(codes)), codes))  # grouped by class, in random order within
    starts = np.flatnonzero(np.diff(codes[shuffled], prepend=-1))
    ends = np.append(starts[1:], len(codes))
    following = np.arange(1, len(codes) + 1)
    following[ends - 1] = starts  # the last row of a class is followed by its first
    partner = np.empty(len(codes), dtype=int)
    partner[shuffled] = shuffled[following]
    taken = rng.random(X.shape) < np.minimum(1.0, 2 * share * rng.random((len(X), 1)))
    return pd.DataFrame(
        {name: X[name].where(~taken[:, i], X[name].iloc[partner].set_axis(X.index)) for i, name in enumerate(X)},
        index=X.index,
    )
