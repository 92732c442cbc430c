"""Training, validation and test rows: the paper's split, and independent ones."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
import sklearn

from ..errors import BadTable, UnknownName, UserError

PROTOCOLS = ("paper", "independent")
PARTS = ("train", "validation", "test")
TEST_SHARE = 0.2  # classification, paper §3.1
VALIDATION_SHARE = 0.2  # of the rows that are not test rows
FEWEST_ROWS = 10  # two test rows in classification, one or two in regression


@dataclass(frozen=True)
class Split:
    """The rows of one run. Each part's index is the row number in the source.

    Attributes:
        X_train, X_validation, X_test: feature tables.
        y_train, y_validation, y_test: labels (str) or targets (float64).
        task: "classification" or "regression".
        protocol: how the rows were split if the table itself decides it, such as "official" or "group=COLUMN".
    """

    X_train: pd.DataFrame
    y_train: pd.Series
    X_validation: pd.DataFrame
    y_validation: pd.Series
    X_test: pd.DataFrame
    y_test: pd.Series
    task: str
    protocol: str = ""

    def fingerprint(self) -> str:
        """SHA-256 (hex) over names, types and values of all six parts; row numbers do not count."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        return content_hash(*(getattr(self, f"{kind}_{part}") for part in PARTS for kind in "Xy"))

    def limit(self, n: int) -> Split:
        """At most the first `n` rows of each part; in classification, of as many classes as fit."""
        if n < 1:
            raise UserError(f"a limit of {n} rows leaves nothing; use 1 or more")
        shorter = {}
        for part in PARTS:
            X, y = getattr(self, f"X_{part}"), getattr(self, f"y_{part}")
            rows = _first_rows(y, n, self.task)
            shorter |= {f"X_{part}": X.iloc[rows], f"y_{part}": y.iloc[rows]}
        return replace(self, **shorter)

    def subsample(self, n: int, seed: int) -> Split:
        """At most `n` training rows, drawn by `seed`, and validation rows in proportion; the test rows stay.

        In classification each class keeps its share, and at least one row if `n` allows one for every class.
        The rows of a smaller `n` are among those of a larger one.
        """
        if n < 1:
            raise UserError(f"{n} training rows leave nothing to learn from; use 1 or more")
        n_train = len(self.y_train)
        if n >= n_train:
            return self
        counts = {"train": n, "validation": max(1, round(n / n_train * len(self.y_validation)))}
        fewer = {}
        for number, (part, count) in enumerate(counts.items()):
            X, y = getattr(self, f"X_{part}"), getattr(self, f"y_{part}")
            rows = _drawn(y, count, self.task, np.random.default_rng([2, seed, number]))
            fewer |= {f"X_{part}": X.iloc[rows], f"y_{part}": y.iloc[rows]}
        return replace(self, **fewer)


def draw(
    X: pd.DataFrame,
    y: pd.Series,
    task: str,
    seed: int,
    protocol: str = "paper",
    label_order: tuple[str, ...] | None = None,
    validation_share: float = VALIDATION_SHARE,
) -> Split:
    """Splits the rows of a table.

    Classification (paper §3.1): stratified, 64/16/20 % for training, validation and test. Regression (paper §3.1, real
    tables): 70/15/15 %, unstratified. Under "paper" the test rows are those of seed 0 and `seed` only separates
    training from validation rows; under "independent" `seed` draws all three.

    Args:
        label_order: the order in which classes are coded as integers for stratification; sorted strings by default.
            Another order selects other rows.
        validation_share: of the rows left after removing the test rows; classification only.

    Raises:
        UnknownName: an unknown protocol.
        BadTable: too few rows.
    """
    check(seed, protocol)
    _check_size(y)
    test_seed = 0 if protocol == "paper" else seed
    if task == "classification":
        codes = _codes(y, label_order)
        rest, test = _stratified(codes, TEST_SHARE, test_seed)
        train, validation = _stratified(codes[rest], validation_share, seed)
        rows = (rest[train], rest[validation], test)
    else:
        rows = _shuffled(len(y), test_seed, seed)
    return of_rows(X, y, task, rows)


def of_rows(
    X: pd.DataFrame, y: pd.Series, task: str, rows: tuple[np.ndarray, np.ndarray, np.ndarray], protocol: str = ""
) -> Split:
    """The split with the training, validation and test rows at these positions.

    Raises:
        BadTable: too few rows, or an empty part.
    """
    _check_size(y)
    parts = {}
    for part, index in zip(PARTS, rows, strict=True):
        if not len(index):
            raise BadTable(f"no row is left for the {part} part of {len(y)} rows")
        parts |= {f"X_{part}": X.iloc[index], f"y_{part}": y.iloc[index]}
    return Split(**parts, task=task, protocol=protocol)


def held_out(y: pd.Series, task: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions of training and validation rows, 80/20 % of the rows outside the test part; classes keep their shares.

    Raises:
        BadTable: fewer than two rows.
    """
    if len(y) < 2:
        raise BadTable(f"{len(y)} training rows are too few to spare one for validation")
    if task == "classification":
        return _stratified(_codes(y, None), VALIDATION_SHARE, seed)
    order = np.random.default_rng([1, seed]).permutation(len(y))
    train, validation = np.split(order, [int(len(y) * (1 - VALIDATION_SHARE))])
    return train, validation


def _check_size(y: pd.Series) -> None:
    if len(y) < FEWEST_ROWS:
        raise BadTable(f"{len(y)} rows are too few for three parts; a table needs {FEWEST_ROWS} or more")


def check(seed: int, protocol: str) -> None:
    """Rejects an unknown protocol and a negative seed."""
    if protocol not in PROTOCOLS:
        raise UnknownName(f"no protocol {protocol!r}; have {', '.join(PROTOCOLS)}")
    if seed < 0:
        raise UserError(f"seed {seed} is negative; seeds are 0, 1, 2, …")


def content_hash(*parts: pd.DataFrame | pd.Series) -> str:
    """SHA-256 (hex) of column names, types (integer, float, text) and values, the same on every machine."""
    digest = hashlib.sha256()
    for part in parts:
        frame = part.to_frame() if isinstance(part, pd.Series) else part
        digest.update(f"{len(frame)} rows, {frame.shape[1]} columns".encode())
        for name, column in frame.items():
            kind, content = _bytes(column)
            digest.update(json.dumps([str(name), kind, len(content)]).encode() + content)
    return digest.hexdigest()


def _bytes(column: pd.Series) -> tuple[str, bytes]:
    kind = column.dtype.kind
    if kind in "iu":
        return "integer", column.to_numpy().astype("<i8").tobytes()
    if kind == "f":
        values = column.to_numpy().astype("<f8")
        return "float", np.where(np.isnan(values), np.nan, values).tobytes()  # one bit pattern for every nan
    cells = column.astype(object)
    return "text", json.dumps(list(cells.where(cells.notna(), None)), default=str).encode()


def _codes(y: pd.Series, label_order: tuple[str, ...] | None) -> np.ndarray:
    classes = sorted(y.unique()) if label_order is None else list(label_order)
    if set(classes) != set(y.unique()):
        raise BadTable(f"the classes are {sorted(y.unique())}, expected {classes}")
    return y.map({label: code for code, label in enumerate(classes)}).to_numpy(dtype=np.int64)


def _stratified(codes: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    n_held_out = int(np.ceil(share * len(codes)))
    strata = _strata(codes, min(n_held_out, len(codes) - n_held_out))
    splitter = sklearn.model_selection.StratifiedShuffleSplit(n_splits=1, test_size=share, random_state=seed)
    return next(splitter.split(np.zeros((len(codes), 1)), strata))


def _strata(codes: np.ndarray, most: int) -> np.ndarray:
    """The codes, with classes of one row, and the rarest ones beyond `most`, pooled into one stratum."""
    values, counts = np.unique(codes, return_counts=True)
    by_size = values[np.argsort(counts, kind="stable")]
    n_pooled = int(np.sum(counts < 2))
    if n_pooled == 1 or (n_pooled == 0 and len(values) > most):
        n_pooled = 2  # a single row is not a stratum
    if n_pooled and len(values) - n_pooled + 1 > most:
        n_pooled = len(values) - most + 1
    return np.where(np.isin(codes, by_size[:n_pooled]), -1, codes)


def _shuffled(n: int, test_seed: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """70/15/15 % of the row numbers; fractions round in favour of the test part, as in the original."""
    order = np.random.default_rng([0, test_seed]).permutation(n)
    rest, test = np.split(order, [n * 85 // 100])
    rest = np.random.default_rng([1, seed]).permutation(rest)
    train, validation = np.split(rest, [n * 70 // 100])
    return train, validation, test


def _first_rows(y: pd.Series, n: int, task: str) -> np.ndarray:
    """Positions of the first `n` rows; in classification the first row of each class precedes any second one."""
    if task == "regression":
        return np.arange(min(n, len(y)))
    repeated = y.duplicated().to_numpy()
    return np.sort(np.argsort(repeated, kind="stable")[:n])


def _drawn(y: pd.Series, n: int, task: str, rng: np.random.Generator) -> np.ndarray:
    """Positions of `n` random rows; classes are interleaved evenly, so that each has its share at any `n`."""
    order = rng.permutation(len(y))
    if task == "regression":
        return np.sort(order[:n])
    by_class = y.iloc[order].reset_index(drop=True).groupby(y.to_numpy()[order], sort=False)
    rank = by_class.cumcount().to_numpy()
    turn = np.where(rank == 0, 0.0, (rank + 0.5) / by_class.transform("size").to_numpy())
    return np.sort(order[np.argsort(turn, kind="stable")[:n]])
