"""Controlled corruption of training and validation rows, identical for every method; test rows are never touched."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from ..errors import UnknownName, UserError
from ..optional import require
from .encoding import Encoder
from .splits import Split

LABEL_NOISE = ("random", "systematic")
REPAIRS = ("none", "cleanlab")


def corrupt_labels(split: Split, share: float, kind: str, seed: int) -> Split:
    """Corrupts exactly round(share · n) labels of the training and of the validation part (paper §3.4).

    The rows are drawn by `seed`; those of a smaller share are among those of a larger one.

    Args:
        split: a classification split.
        share: of the labels, 0 to 1.
        kind: "random": another class, all equally likely; "systematic": the next class in the sorted order of labels,
            the first after the last.
        seed: of rows and classes.

    Raises:
        UserError: a share outside 0 to 1, or an unknown kind.
    """
    if kind not in LABEL_NOISE:
        raise UnknownName(f"no label noise {kind!r}; have {', '.join(LABEL_NOISE)}")
    if not 0 <= share <= 1:
        raise UserError(f"label noise is {share}; give a share of the labels from 0 to 1")
    labels = sorted(split.y_train.unique())
    parts = {
        part: _corrupted(getattr(split, part), labels, share, kind, np.random.default_rng([3, seed, number]))
        for number, part in enumerate(("y_train", "y_validation"))
    }
    return replace(split, **parts)


def _corrupted(y: pd.Series, labels: list[str], share: float, kind: str, rng: np.random.Generator) -> pd.Series:
    """Labels that no training row has stay unchanged: they have no next class."""
    code_of = {label: i for i, label in enumerate(labels)}
    rows = rng.permutation(len(y))
    steps = rng.integers(1, max(2, len(labels)), size=len(y)) if kind == "random" else np.ones(len(y), dtype=int)
    wrong = y.copy()
    for row in rows[: round(share * len(y))]:
        if y.iloc[row] in code_of:
            wrong.iloc[row] = labels[(code_of[y.iloc[row]] + steps[row]) % len(labels)]
    return wrong


def repair_labels(split: Split, how: str, seed: int) -> Split:
    """The split without the training and validation rows whose labels look wrong.

    "cleanlab" (confident learning, Northcutt et al. 2021) decides from the out-of-fold class probabilities of a random
    forest, with up to five folds. A class is never removed entirely: if all its training rows look wrong, they stay.

    Args:
        split: a classification split.
        how: "none" or "cleanlab".
        seed: of the forest and the folds.

    Raises:
        UnknownName: an unknown repair.
        MissingPackage: cleanlab is not installed.
    """
    if how not in REPAIRS:
        raise UnknownName(f"no repair {how!r}; have {', '.join(REPAIRS)}")
    if how == "none":
        return split
    find = require("cleanlab.filter").find_label_issues
    X = pd.concat([split.X_train, split.X_validation], ignore_index=True)
    y = pd.concat([split.y_train, split.y_validation], ignore_index=True)
    counts = y.value_counts()
    common = y.isin(counts.index[counts > 1])  # a class of one row cannot be in two folds
    n_parts = min(5, int(counts[counts > 1].min()) if common.any() else 0)
    wrong = np.zeros(len(y), dtype=bool)
    if n_parts >= 2 and y[common].nunique() >= 2:
        codes = pd.factorize(y[common], sort=True)[0]
        forest = make_pipeline(Encoder(), RandomForestClassifier(random_state=seed))
        parts = StratifiedKFold(n_parts, shuffle=True, random_state=seed)
        probabilities = cross_val_predict(forest, X[common], codes, cv=parts, method="predict_proba")
        wrong[common] = find(codes, probabilities, n_jobs=1)
    train, validation = wrong[: len(split.y_train)], wrong[len(split.y_train) :]
    emptied = split.y_train.isin(set(split.y_train) - set(split.y_train[~train]))
    train = train & ~emptied.to_numpy()
    validation = validation & (~validation).any()
    return replace(
        split,
        X_train=split.X_train[~train],
        y_train=split.y_train[~train],
        X_validation=split.X_validation[~validation],
        y_validation=split.y_validation[~validation],
    )


def rarest(y: pd.Series) -> str:
    """The label with the fewest rows; among equally rare ones the last in sorted order."""
    counts = y.value_counts()
    return max(counts.index[counts == counts.min()])


def make_imbalanced(split: Split, share: float, seed: int) -> Split:
    """Makes the rarest class rarer in training and validation; the test rows are unchanged.

    Rows of that class are removed at random until it has at most `share` of the rows of each part, but one row always
    stays. The rows of a smaller share are among those of a larger one.

    Args:
        split: a classification split; the rarest class is that of its training rows.
        share: of the remaining rows, above 0; 1 changes nothing.
        seed: of the rows that stay.

    Raises:
        UserError: a share that is not above 0 and at most 1.
    """
    if not 0 < share <= 1:
        raise UserError(f"the minority share is {share}; give a share above 0, or 1 for all its rows")
    label = rarest(split.y_train)
    parts = {}
    for number, part in enumerate(("train", "validation")):
        X, y = getattr(split, f"X_{part}"), getattr(split, f"y_{part}")
        rare = np.flatnonzero(y.to_numpy() == label)
        n_others = len(y) - len(rare)
        n = len(rare) if share == 1 else min(len(rare), max(1, round(n_others * share / (1 - share))))
        gone = np.random.default_rng([5, seed, number]).permutation(rare)[n:]
        kept = np.setdiff1d(np.arange(len(y)), gone)
        parts |= {f"X_{part}": X.iloc[kept], f"y_{part}": y.iloc[kept]}
    return replace(split, **parts)


IMAGE_NOISE = ("gaussian", "uniform", "constant", "sign")
GAUSSIAN_SD = 0.2  # of ε: the paper scales its "normal" noise until the largest value is ε, at about five sd


def image_noise(X: np.ndarray, kind: str, epsilon: float, seed: int) -> np.ndarray:
    """Noisy copies of pixels between 0 and 1 (paper §3.4); no pixel changes by more than ε.

    "gaussian" has a standard deviation of ε / 5 and is clipped at ±ε, "uniform" is drawn from -ε to ε, "constant" adds
    ε to every pixel, "sign" adds or subtracts ε with equal probability. The sum is clipped to 0 to 1. A larger ε scales
    the same draw.

    Args:
        X: any shape; the result has the same shape.
        kind: one of IMAGE_NOISE.
        epsilon: 0 to 1, where 1 is the range from black to white.
        seed: of the draw; each kind has its own stream.

    Raises:
        UserError: an unknown kind, or ε outside 0 to 1.
    """
    if kind not in IMAGE_NOISE:
        raise UnknownName(f"no image noise {kind!r}; have {', '.join(IMAGE_NOISE)}")
    if not 0 <= epsilon <= 1:
        raise UserError(f"image noise is {epsilon}; give an ε from 0 to 1, the range from black to white")
    X = np.asarray(X, dtype=float)
    rng = np.random.default_rng([43, seed, IMAGE_NOISE.index(kind)])
    if kind == "gaussian":
        unit = np.clip(GAUSSIAN_SD * rng.normal(size=X.shape), -1, 1)
    elif kind == "uniform":
        unit = rng.uniform(-1, 1, X.shape)
    elif kind == "sign":
        unit = rng.choice([-1.0, 1.0], X.shape)
    else:
        unit = np.ones(X.shape)
    return np.clip(X + epsilon * unit, 0, 1)
