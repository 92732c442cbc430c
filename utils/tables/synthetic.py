"""The paper's synthetic tables: classification sets of two features and regression functions of p features.

Names may have options: `cosine:p=2,noise=0.2`, `moons:n=500`, `network:epoch=490,flip=0.05`. Every run draws its own
rows from its seed; the original used one draw for all runs. Variants of a function that differ in noise, outliers or
the hole share their inputs at the same seed, so that they can be compared in pairs.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np
import pandas as pd

from ..errors import BadTable, UnknownName, UserError
from ..options import parse_options
from . import splits
from .point_sets import SETS, SetOptions

PUBLISHED = {"9clusters": "9Clusters", "two_circles": "two circles", "network": "nn-generated"}  # where names differ
OUTLIER_SD = 20.0  # paper §3.4: y = |N(0, 20²)|, about twice the range of the functions
HETERO = 0.2, 1.8  # sd of the noise at the lower and upper end of the inputs' range, relative to its usual sd


@dataclass(frozen=True)
class FunctionOptions:
    """Options of the regression functions (paper §3.1, §3.4 and appendix)."""

    p: int = 1  # features
    lo: float = -10.0  # inputs are uniform on (lo, hi)
    hi: float = 10.0
    integer: int = 0  # 1: whole inputs, whole targets in training and validation
    noise: float = 0.1  # sd, relative to that of the noise-free training targets; none in the test part
    n: int = 200  # training rows; a quarter as many for validation, half as many for testing
    outliers: float = 0.0  # share of outliers among the training rows, appended to the n clean ones
    sign: str = "positive"  # outliers: positive as in the paper, or both
    hole: int = 0  # 1: no training or validation row has all its coordinates in the middle third of the range
    hetero: int = 0  # 1: the noise grows with the inputs, from 0.2 times its usual sd at `lo` to 1.8 times at `hi`


def _piecewise(X: np.ndarray) -> np.ndarray:
    steps = np.where(X < -3, X + 6, np.where(X < 3, 0.0, X - 6))
    return 18 * np.mean((steps + 4) / 8 - 0.5, axis=1)


def _exponential(X: np.ndarray) -> np.ndarray:
    return 18 * np.mean((np.exp(0.2 * X) - np.exp(-2)) / (np.exp(2) - np.exp(-2)) - 0.5, axis=1)


FUNCTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "linear": lambda X: 0.9 * np.mean(X, axis=1),
    "quadratic": lambda X: np.mean((X**2 - 50) * 9 / 50, axis=1),
    "exponential": _exponential,
    "cosine": lambda X: 9 * np.mean(np.cos(np.pi * X / 2), axis=1),
    "l1norm": lambda X: 18 * np.mean(np.abs(X) / 10 - 0.5, axis=1),
    "piecewise": _piecewise,
}


def function(name: str, X: np.ndarray | pd.DataFrame) -> np.ndarray:
    """Noise-free targets, shape (n,), of inputs of shape (n, p) (paper §3.1; on (-10, 10) y is roughly in -9 … 9)."""
    if name not in FUNCTIONS:
        raise UnknownName(f"no function {name!r}; have {', '.join(FUNCTIONS)}")
    with np.errstate(over="ignore"):
        y = FUNCTIONS[name](np.asarray(X, dtype=np.float64))
    if not np.isfinite(y).all():
        raise BadTable(f"{name} is not finite on this range; narrow it with lo= and hi=")
    return y


def is_synthetic(name: str) -> bool:
    """Whether `name`, without its options, is a table of this module."""
    return _base(name) in (*SETS, *FUNCTIONS)


def load(name: str) -> SyntheticTable:
    """The table `NAME` or `NAME:option=value,…`.

    Raises:
        UnknownName: no such table or option; the message lists the available ones.
        UserError: an invalid value of an option.
    """
    base = _base(name)
    if not is_synthetic(base):
        raise UnknownName(f"no synthetic table {name!r}; have {', '.join((*SETS, *FUNCTIONS))}")
    kind = FunctionOptions if base in FUNCTIONS else SETS[base][0]
    options = _parse(base, kind, name.partition(":")[2])
    _check(base, options)
    return SyntheticTable(base, options)


@dataclass(frozen=True)
class SyntheticTable:
    """A source of fresh rows: every seed has its own training, validation and test parts.

    Attributes:
        base: the name without options.
        options: all options, defaults included.
    """

    base: str
    options: FunctionOptions | SetOptions

    @property
    def name(self) -> str:
        """The canonical name: options that differ from their defaults, in a fixed order."""
        defaults = type(self.options)()
        changed = [
            f"{field.name}={_written(getattr(self.options, field.name))}"
            for field in fields(self.options)
            if getattr(self.options, field.name) != getattr(defaults, field.name)
        ]
        return f"{self.base}:{','.join(changed)}" if changed else self.base

    @property
    def task(self) -> str:
        return "regression" if self.base in FUNCTIONS else "classification"

    @property
    def source(self) -> str:
        return "synthetic"

    @property
    def sha256(self) -> str:
        """Hash of the rows of seed 0, so that it changes with the generator but not with the spelling of the name."""
        return self.split(0).fingerprint()

    def split(self, seed: int, protocol: str = "paper") -> splits.Split:
        """The rows of `seed`; all parts are drawn anew under either protocol (the original reused one draw)."""
        splits.check(seed, protocol)
        streams = self._streams(seed)
        if self.base in FUNCTIONS:
            return _function_split(self.base, self.options, streams)
        return _set_split(self.base, self.options, seed, streams)

    def noise_sd(self, X: np.ndarray | pd.DataFrame, seed: int) -> np.ndarray:
        """For a function: sd, shape (n,), of the noise on the targets of training rows of `seed` with inputs `X`.

        noise · sd(y), where y is the function at the training inputs; with `hetero` times 0.2 + 1.6 · u, where u is the
        mean of the row's inputs as a share of their range: 0.2 at `lo`, 1 in the middle, 1.8 at `hi` (paper §4.2).
        """
        train = np.random.default_rng(self._streams(seed)[1])
        y = function(self.base, _inputs(self.options, self.options.n, train))
        return self.options.noise * np.std(y) * _growth(self.options, np.asarray(X, dtype=np.float64))

    def _streams(self, seed: int) -> list[np.random.SeedSequence]:
        return np.random.SeedSequence([zlib.crc32(self.base.encode()), seed]).spawn(4)


def _set_split(base: str, options: SetOptions, seed: int, streams: list[np.random.SeedSequence]) -> splits.Split:
    """64/16/20 % stratified; 60/20/20 % for the network-generated set (paper §3.3)."""
    X, codes = SETS[base][1](options, [int(stream.generate_state(1)[0]) for stream in streams[:2]])
    X, y = _frame(X), pd.Series(codes.astype(str), name="y", dtype=object)
    share = 0.25 if base == "network" else splits.VALIDATION_SHARE
    split = splits.draw(X, y, "classification", seed, "independent", validation_share=share)
    if base != "network" or options.flip == 0:
        return split
    rng = np.random.default_rng(streams[2])
    return replace(
        split,
        y_train=_flipped(split.y_train, options.flip, rng),
        y_validation=_flipped(split.y_validation, options.flip, rng),
    )


def _flipped(y: pd.Series, share: float, rng: np.random.Generator) -> pd.Series:
    """Two classes: flips exactly round(share · n) labels."""
    flipped = y.copy()
    rows = rng.permutation(len(y))[: round(share * len(y))]
    flipped.iloc[rows] = np.where(flipped.iloc[rows] == "0", "1", "0")
    return flipped


def _function_split(base: str, options: FunctionOptions, streams: list[np.random.SeedSequence]) -> splits.Split:
    test, train, validation, outliers = (np.random.default_rng(stream) for stream in streams)
    X_test = _inputs(options, options.n // 2, test)
    y_test = function(base, X_test)
    X_train = _inputs(options, options.n, train)
    y_train = function(base, X_train)
    X_validation = _inputs(options, options.n // 4, validation)
    y_validation = function(base, X_validation)
    sd = options.noise * np.std(y_train)
    y_train = y_train + sd * _growth(options, X_train) * train.standard_normal(len(y_train))
    y_validation = y_validation + sd * _growth(options, X_validation) * validation.standard_normal(len(y_validation))
    if options.hole:
        X_train, y_train = _outside_hole(options, X_train, y_train)
        X_validation, y_validation = _outside_hole(options, X_validation, y_validation)
    X_train, y_train = _with_outliers(options, X_train, y_train, outliers)
    if options.integer:
        y_train, y_validation = np.rint(y_train) + 0.0, np.rint(y_validation) + 0.0  # + 0.0 avoids "-0" in a prompt
    parts = {"train": (X_train, y_train), "validation": (X_validation, y_validation), "test": (X_test, y_test)}
    columns = {}
    for part, (X, y) in parts.items():
        columns |= {f"X_{part}": _frame(X), f"y_{part}": pd.Series(y, name="y", dtype="float64")}
    return splits.Split(**columns, task="regression")


def _inputs(options: FunctionOptions, n: int, rng: np.random.Generator) -> np.ndarray:
    X = rng.uniform(options.lo, options.hi, size=(n, options.p))
    return np.rint(X).astype(np.int64) if options.integer else X


def _growth(options: FunctionOptions, X: np.ndarray) -> np.ndarray:
    """Factor on each row's noise, shape (n,)."""
    if not options.hetero:
        return np.ones(len(X))
    low, high = HETERO
    return low + (high - low) * (np.mean(X, axis=1) - options.lo) / (options.hi - options.lo)


def _outside_hole(options: FunctionOptions, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    third = (options.hi - options.lo) / 3
    is_inside = ((options.lo + third <= X) & (options.hi - third >= X)).all(axis=1)
    if is_inside.all():
        raise BadTable("every row lies in the hole; widen the range with lo= and hi=, or draw more rows with n=")
    return X[~is_inside], y[~is_inside]


def _with_outliers(
    options: FunctionOptions, X: np.ndarray, y: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Appends 2, 4, 10, 22, 50 outliers to 200 rows at 1, 2, 5, 10, 20 %, the paper's counts: shares of the total."""
    n = int(len(y) * options.outliers / (1 - options.outliers) + 1e-9)  # 1e-9: 0.2 / 0.8 may fall short of 0.25
    X_outliers = _inputs(options, n, rng)
    y_outliers = rng.normal(scale=OUTLIER_SD, size=n)
    if options.sign == "positive":
        y_outliers = np.abs(y_outliers)
    return np.vstack([X, X_outliers]), np.concatenate([y, y_outliers])


def _frame(X: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(X, columns=[f"x{position}" for position in range(1, X.shape[1] + 1)])


def _base(name: str) -> str:
    return name.partition(":")[0]


def _written(value: float | int | str) -> str:
    return value if isinstance(value, str) else f"{value:.17g}" if float(f"{value:g}") != value else f"{value:g}"


def _parse(base: str, kind: type, text: str) -> FunctionOptions | SetOptions:
    defaults = {field.name: field.default for field in fields(kind)}
    types = {name: type(value) for name, value in defaults.items()}
    return kind(**parse_options(base, text, types, {name: _written(value) for name, value in defaults.items()}))


def _check(base: str, options: FunctionOptions | SetOptions) -> None:
    """Rejects invalid values."""
    rules = {
        "n": (lambda n: 10 <= n <= 10**7, "from 10 to 10000000"),
        "p": (lambda p: 1 <= p <= 10**5, "from 1 to 100000"),
        "noise": (lambda noise: 0 <= noise < np.inf, "0 or more"),
        "integer": (lambda flag: flag in (0, 1), "0 or 1"),
        "hole": (lambda flag: flag in (0, 1), "0 or 1"),
        "hetero": (lambda flag: flag in (0, 1), "0 or 1"),
        "outliers": (lambda share: 0 <= share < 1, "0 or more and below 1"),
        "sign": (lambda sign: sign in ("positive", "both"), "positive or both"),
        "lo": (np.isfinite, "a number"),
        "hi": (lambda hi: np.isfinite(hi) and hi > options.lo, "a number above lo"),
        "epoch": (lambda epoch: 1 <= epoch <= 490, "from 1 to 490"),
        "flip": (lambda share: 0 <= share <= 0.5, "from 0 to 0.5"),
    }
    for field in fields(options):
        value = getattr(options, field.name)
        is_allowed, requirement = rules[field.name]
        if not is_allowed(value):
            raise UserError(f"{base}: {field.name} is {_written(value)}, must be {requirement}")


def table(name: str, *options: str) -> SyntheticTable:
    """The function `name` with further options: `table("cosine:n=50", "p=5")` is the table `cosine:p=5,n=50`.

    Raises:
        UserError: not a function, an unknown option, or one that `name` already has with another value.
    """
    base, _, own = name.partition(":")
    if base not in FUNCTIONS:
        raise UserError(
            f"{name} is not one of the functions, whose inputs and targets can be chosen; have {', '.join(FUNCTIONS)}"
        )
    words = [word for text in (own, *options) for word in text.split(",") if word]
    return load(f"{base}:{','.join(dict.fromkeys(words))}")


def without(name: str, *options: str) -> str:
    """The function's name with these options at their defaults: `without("cosine:p=5,n=50", "n")` is `cosine:p=5`."""
    original = table(name)
    defaults = {field.name: field.default for field in fields(original.options) if field.name in options}
    return replace(original, options=replace(original.options, **defaults)).name
