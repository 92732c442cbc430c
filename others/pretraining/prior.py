"""The prior: small synthetic tables of many kinds, from which lift-context learns before it sees a real one.

A table is drawn in four steps: its size, its mechanism, signals from inputs, a target from signals. TabPFN showed that
a learner trained only on draws from such a prior, structural causal models above all, can do well on real tables
(Hollmann, Müller, Eggensperger, Hutter: "TabPFN: A Transformer That Solves Small Tabular Classification Problems in a
Second", ICLR 2023). The paper's two-stage fine-tuning shows that a language model gains from synthetic pretext tasks
written as sentences (Dinh et al.: "LIFT", NeurIPS 2022, §5.1). No real table is involved: nothing here reads a file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from others.pretraining import columns, mechanisms
from others.pretraining.columns import Columns, log_uniform, pick, standardised
from utils.errors import UnknownName, UserError

TASKS = ("classification", "regression")
MIN_ROWS = 8
ROWS_PER_CLASS = 4  # at least, on average
ROW_SHAPE_FEATURES = 4  # with fewer ordered columns, a row has no shape

# Weights of the families for classification and for regression, and a factor on the former for more than ten classes.
FAMILIES = {
    "mlp": (0.15, 0.15, 1.0),
    "trees": (0.13, 0.12, 1.0),
    "scm": (0.13, 0.15, 0.3),
    "mixture": (0.17, 0.07, 5.0),
    "linear": (0.09, 0.15, 1.0),
    "smooth": (0.07, 0.11, 0.5),
    "periodic": (0.05, 0.13, 0.3),
    "regions": (0.06, 0.03, 0.3),
    "rules": (0.07, 0.03, 0.2),
    "prototypes": (0.05, 0.03, 3.0),
    "row_shape": (0.05, 0.03, 0.5),
}
# These compute any number of signals at the cost of one, so the class can be the largest of K signals.
WIDE = frozenset(("mlp", "trees", "linear", "smooth", "rules", "prototypes"))


@dataclass(frozen=True)
class Limits:
    """Limits on the tables drawn; all bounds are inclusive. Training may start with narrow ones.

    Attributes:
        min_features, max_features: columns; a table of ordered columns (`row_shape`) has at least 4.
        max_classes: classes; never more than one for every 4 rows.
        max_label_noise: share of labels redrawn at random, in the half of the tables that has label noise.
        max_noise: noise of a regression target, in standard deviations of the signal.
        texts, missing: whether text columns and missing cells may occur.
        families: names of the mechanisms to draw from; None for all.
    """

    min_features: int = 1
    max_features: int = 100
    max_classes: int = 100
    max_label_noise: float = 0.3
    max_noise: float = 1.0
    texts: bool = True
    missing: bool = True
    families: tuple[str, ...] | None = None


@dataclass(frozen=True)
class SyntheticTable:
    """A synthetic table.

    Attributes:
        X: columns x1, x2, …: float64 with NaN, or object (short texts) with None for a missing cell; never infinite.
        y: int64 codes 0 … K-1, all of which occur, or non-constant float64, shape (n_rows,).
        task: "classification" or "regression".
        mechanism: the family of the target, a key of FAMILIES.
    """

    X: pd.DataFrame
    y: np.ndarray
    task: str
    mechanism: str


def sample_table(
    rng: np.random.Generator,
    n_rows: int,
    task: str,
    limits: Limits = Limits(),
) -> SyntheticTable:
    """Draws a table; the rows are exchangeable. Generators in the same state draw the same table.

    Raises:
        UnknownName: an unknown task or family.
        UserError: fewer than 8 rows, or limits that no table can satisfy.
    """
    _check(n_rows, task, limits)
    while True:  # the occasional draw has a single class or a constant target
        n_classes = _n_classes(rng, n_rows, limits) if task == "classification" else 0
        family = _family(rng, n_classes, limits)
        d = _n_features(rng, family, limits)
        inputs, target = _signals(rng, family, n_rows, d, n_classes, limits)
        y = _labels(rng, target, n_classes, limits) if n_classes else _quantities(rng, target, inputs, limits)
        if y is not None:
            break
    values = inputs.records if family == "row_shape" else columns.in_units(rng, inputs)
    is_missing = columns.gaps(rng, inputs) if limits.missing else None
    return SyntheticTable(columns.frame(rng, inputs, values, is_missing), y, task, family)


def _check(n_rows: int, task: str, limits: Limits) -> None:
    if task not in TASKS:
        raise UnknownName(f"no task {task!r}; have {', '.join(TASKS)}")
    unknown = sorted(set(limits.families or ()) - set(FAMILIES))
    if unknown:
        raise UnknownName(f"no family {unknown[0]!r}; have {', '.join(FAMILIES)}")
    if n_rows < MIN_ROWS:
        raise UserError(f"n_rows is {n_rows}, must be {MIN_ROWS} or more")
    if not 1 <= limits.min_features <= limits.max_features:
        raise UserError(f"min_features is {limits.min_features}, must be in 1 to max_features={limits.max_features}")
    if limits.max_classes < 2:
        raise UserError(f"max_classes is {limits.max_classes}, must be 2 or more")
    if limits.families == ("row_shape",) and limits.max_features < ROW_SHAPE_FEATURES:
        raise UserError(f"row_shape needs max_features of {ROW_SHAPE_FEATURES} or more")
    if not 0 <= limits.max_label_noise <= 1 or not 0 <= limits.max_noise < np.inf:
        raise UserError("max_label_noise must be from 0 to 1, max_noise a number of 0 or more")


def _n_classes(rng: np.random.Generator, n_rows: int, limits: Limits) -> int:
    most = min(limits.max_classes, n_rows // ROWS_PER_CLASS)
    draw = rng.random()
    if draw < 0.45 or most == 2:
        return 2
    if draw < 0.85 or most <= 10:
        return min(most, int(log_uniform(rng, 3, 11)))
    return int(log_uniform(rng, 11, most + 1))


def _family(rng: np.random.Generator, n_classes: int, limits: Limits) -> str:
    weights = [
        (label if n_classes else quantity)
        * (many if n_classes > 10 else 1.0)
        * (limits.families is None or name in limits.families)
        * (name != "row_shape" or limits.max_features >= ROW_SHAPE_FEATURES)
        for name, (label, quantity, many) in FAMILIES.items()
    ]
    return tuple(FAMILIES)[pick(rng, weights)]


def _n_features(rng: np.random.Generator, family: str, limits: Limits) -> int:
    """Log-uniform except for small numbers: with 1 to 100, a tenth of the tables has 1 and half have at most 13."""
    low = max(limits.min_features, ROW_SHAPE_FEATURES) if family == "row_shape" else limits.min_features
    return min(int(log_uniform(rng, low + 1, limits.max_features + 2)) - 1, limits.max_features)


def _signals(
    rng: np.random.Generator, family: str, n: int, d: int, n_classes: int, limits: Limits
) -> tuple[Columns, np.ndarray]:
    """The inputs, and the target before noise: class codes (whole numbers) or signals, shape (n, width)."""
    if family in mechanisms.JOINT:
        readings, target = mechanisms.JOINT[family](rng, n, d, n_classes)
        if family == "row_shape":
            return Columns(readings, readings, np.zeros(d, dtype=bool), np.zeros(d, dtype=bool)), target
        return columns.measured(rng, readings, limits.texts), target
    inputs = columns.inputs(rng, n, d, limits.texts, family == "rules")
    Z = inputs.readings
    if d > 1 and rng.random() < (0.4 if d <= 8 else 0.65):  # the other columns are uninformative
        Z = Z[:, rng.permutation(d)[: int(log_uniform(rng, 1, min(d, 13)))]]
    width = 1
    if n_classes > 2 and family in WIDE and rng.random() < 0.65:
        width = n_classes
    elif n_classes and rng.random() < 0.12:
        width = 2  # a grid of cells
    return inputs, mechanisms.FUNCTIONS[family](rng, Z, width)


def _labels(rng: np.random.Generator, target: np.ndarray, n_classes: int, limits: Limits) -> np.ndarray | None:
    """Class codes with noise, shape (n,); None if hardly any row is outside the largest class."""
    has_noise, rate, is_near = rng.random() < 0.5, rng.random(), rng.random() < 0.3
    rate *= limits.max_label_noise * has_noise
    if target.dtype.kind == "i":
        codes = target
    else:
        signals = standardised(target.reshape(len(target), -1))
        if is_near:  # noise on the signal: labels are uncertain only near the boundaries
            signals = signals + rate * rng.standard_normal(signals.shape)
        codes = _codes(rng, signals, n_classes)
    flips, redrawn = rng.random(len(codes)), rng.integers(n_classes, size=len(codes))
    if not is_near or target.dtype.kind == "i":
        codes = np.where(flips < rate, redrawn, codes)
    if rng.random() < 0.75:
        codes = rng.permutation(n_classes)[codes]
    counts = np.bincount(codes, minlength=n_classes)
    if len(codes) - counts.max() < max(2, 0.02 * len(codes)):
        return None
    return (np.cumsum(counts > 0) - 1)[codes]


def _codes(rng: np.random.Generator, signals: np.ndarray, n_classes: int) -> np.ndarray:
    """Turns signals of shape (n, width) into codes below n_classes."""
    width = signals.shape[1]
    if width == n_classes > 2:
        bias = 0.6 * rng.standard_normal(n_classes) if rng.random() < 0.5 else 0.0
        return np.argmax(signals + bias, axis=1)
    if width == 1 and rng.random() < 0.8:
        return _cut(signals[:, 0], mechanisms.shares(rng, n_classes))
    # Many intervals, or grid cells, with several for each class.
    n_cells = int(n_classes * log_uniform(rng, 1.5, 4)) if n_classes <= 8 else int(1.3 * n_classes)
    sides = [n_cells] if width == 1 else [1 + int(np.ceil(np.sqrt(n_cells)))] * width
    cells = np.zeros(len(signals), dtype=np.intp)
    for signal, side in zip(signals.T, sides, strict=True):
        cells = cells * side + _cut(signal, rng.dirichlet(np.full(side, 4.0)))
    owners = rng.permutation(np.arange(int(np.prod(sides))) % n_classes)
    return owners[cells]


def _cut(signal: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Interval numbers, ascending, for intervals with about these shares of the rows; equal values stay together."""
    return np.searchsorted(np.cumsum(sizes)[:-1], _ranks(signal))


def _ranks(signal: np.ndarray) -> np.ndarray:
    """The share of smaller values plus half the share of equal ones, in 0 … 1."""
    _, inverse, counts = np.unique(signal, return_inverse=True, return_counts=True)
    return ((np.cumsum(counts) - counts / 2) / len(signal))[inverse.reshape(-1)]


def _quantities(rng: np.random.Generator, target: np.ndarray, inputs: Columns, limits: Limits) -> np.ndarray | None:
    """Numbers with noise, a warp and units, shape (n,); None if they are (almost) constant."""
    signal = target[:, 0] if target.ndim == 2 else target
    signal = standardised(np.clip(standardised(signal.astype(float)), -5, 5))
    values, counts = np.unique(np.round(signal, 6), return_counts=True)
    if len(values) < 2 or counts.max() > 0.9 * len(signal):
        return None
    if rng.random() < 2 / 3:
        noise = rng.standard_normal(len(signal)) if rng.random() < 0.8 else rng.standard_t(3, size=len(signal))
        if rng.random() < 0.2:  # larger on one side of an input
            noise *= np.exp(0.7 * np.clip(inputs.readings[:, rng.integers(inputs.readings.shape[1])], -3, 2))
        signal = standardised(signal + limits.max_noise * log_uniform(rng, 0.03, 1.0) * noise)
    form = pick(rng, (0.6, 0.2, 0.07, 0.06, 0.07))
    strength = 0.3 + 0.9 * rng.random()
    if form == 1:
        signal = np.exp(strength * np.clip(signal, -6, 6))
    elif form == 2:
        signal = np.sinh(strength * np.clip(signal, -6, 6))
    elif form == 3:  # all values equally frequent
        signal = _ranks(signal)
    elif form == 4:  # a ceiling, as instruments and questionnaires have it
        signal = np.minimum(signal, np.quantile(signal, 0.7 + 0.28 * rng.random()))
    signal = standardised(signal) * rng.choice((1, -1), p=(0.75, 0.25))
    if rng.random() < 0.7:
        signal += 3 * rng.standard_normal()
    if rng.random() < 0.15:  # whole numbers, from a handful to hundreds
        signal = np.rint(signal * log_uniform(rng, 1, 100)) + 0.0  # + 0.0: no -0
    else:
        signal *= log_uniform(rng, 1e-3, 1e4)
    return signal if np.ptp(signal) > 0 else None
