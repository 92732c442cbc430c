"""The classical learners that LIFT is compared with: name → estimator, tuned over a stated grid (paper §3.1).

    model = classifier("svm", seed=0).fit(X_train, y_train, validation=(X_validation, y_validation))
    model.predict(X_test), model.best_params_

Every learner sees the same encoded columns (tables/encoding.py), fitted on the training rows. Every point of its
grid (methods.py) is fitted on the training rows and scored on the validation rows: accuracy for classes; mean
absolute error for numbers, because RAE, the score reported first, is that error in other units. The first best point
wins and is not refitted with the validation rows, since LIFT also learns from the training rows alone. Without
validation rows a seeded 20 % of each class is held out for selection, and the chosen point is fitted on all rows; if
no row can be spared, the first point is used. n_fits_ counts all fits.
"""

import warnings

import numpy as np
from scipy.special import ndtri
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from ..errors import BadTable, CannotDo, UnknownName
from ..optional import require
from ..tables.encoding import Encoder
from .classical import Classical
from .methods import CLASSIFIERS, REGRESSORS, Method, Rows
from .regressors import StandardizedTarget

EXTRAS = ("lightgbm", "catboost", "tabicl")  # learners named after the package that provides them
HELD_OUT = 5  # without validation rows, one in five rows of a class is held out


class Tuned(Classical, BaseEstimator):
    """A named learner with its grid.

    Attributes after fit: best_params_, n_fits_, learner_ and n_train_used_, the number of rows the learner was fitted
    on: with more than 2,000 (`gp`) or 5,000 rows (`kernel_ridge`), whose cost is cubic in the rows, a seeded random
    subset of that size.
    """

    def __init__(self, name, seed=0, threads=1):
        self.name = name
        self.seed = seed
        self.threads = threads

    def describe(self) -> dict:
        """The learner's identity, ready for JSON: name and grid, without the seed or settings that only affect time."""
        return {"method": self.name, "grid": {key: list(values) for key, values in self.method().grid.items()}}

    def check(self, *rows) -> None:
        """Raises MissingPackage if the learner's package is not installed; the rows do not matter."""
        if self.name in EXTRAS:
            require(self.name)

    def chosen(self) -> dict:
        """The grid point, and the number of rows it was fitted on if not all."""
        return {**self.best_params_, **({"n_train": self.n_train_used_} if self.n_train_used_ < self.n_train_ else {})}

    def method(self) -> Method:
        """The builder and its grid; a subclass may return others. Raises UnknownName."""
        return _lookup(self.name, self._table())

    def _tune(self, X, target: np.ndarray, strata: np.ndarray, validation: tuple | None) -> None:
        """Sets the learnt attributes; `strata` are class codes, or zeros for regression."""
        method = self.method()
        points = method.points()
        self.encoder_ = self.encoder().fit(X)
        encoded = self.encoder_.transform(X)
        if len(encoded) != len(target):
            raise BadTable(f"{len(encoded)} rows of inputs and {len(target)} targets")
        self.n_train_ = len(target)
        kept = self._sample(len(target), method.max_rows)
        encoded, target, strata = encoded[kept], target[kept], strata[kept]
        self.n_train_used_, self.n_fits_ = len(target), 0
        held_out = np.zeros(len(target), dtype=bool)
        if validation is not None and len(validation[1]) > 0:
            validation = self.encoder_.transform(validation[0]), validation[1]
        elif len(points) > 1:
            held_out = _hold_out(strata, self.seed)
            validation = encoded[held_out], target[held_out]
        choose = len(points) > 1 and len(validation[1]) > 0
        best_error = None
        for point in points if choose else points[:1]:
            learner = self._fit_point(method, point, encoded[~held_out], target[~held_out])
            error = self._error(validation[1], learner.predict(validation[0])) if choose else 0.0
            if best_error is None or error < best_error:
                best_error, self.best_params_, self.learner_ = error, point, learner
        if held_out.any():
            self.learner_ = self._fit_point(method, self.best_params_, encoded, target)

    def encoder(self) -> TransformerMixin:
        """The unfitted encoder of the rows; a subclass may return another."""
        return Encoder()

    def _sample(self, n: int, max_rows: int | None) -> np.ndarray:
        if max_rows is None or n <= max_rows:
            return np.arange(n)
        return np.sort(np.random.default_rng(self.seed).choice(n, max_rows, replace=False))

    def _fit_point(self, method: Method, point: dict, encoded: np.ndarray, target: np.ndarray):
        counts = np.bincount(target) if target.dtype.kind == "i" else np.array([], dtype=int)
        constant = bool(np.ptp(target) == 0 or (np.ptp(encoded, axis=0) == 0).all())
        learner = self._built(method, Rows(self.seed, self.threads, *encoded.shape, counts, constant), point)
        with warnings.catch_warnings():
            # A poor grid point may stop at its iteration limit; the validation rows choose, not the optimiser.
            warnings.simplefilter("ignore", ConvergenceWarning)
            learner.fit(encoded, target)
        self.n_fits_ += 1
        return learner

    def _built(self, method: Method, rows: Rows, point: dict):
        return method.build(rows, **point)

    def _predict(self, X, verb: str) -> np.ndarray:
        check_is_fitted(self, "learner_")
        return getattr(self.learner_, verb)(self.encoder_.transform(X))


def _has_probabilities(model) -> bool:
    return model.method().probabilities


class TunedClassifier(ClassifierMixin, Tuned):
    """Labels may have any one type; the columns of predict_proba follow classes_ (the training labels)."""

    def fit(self, X, y, validation: tuple | None = None):
        """`X` (n, columns), `y` (n,), `validation` (X, y) or None. Raises BadTable if nothing can be learnt."""
        labels = np.asarray(y)
        if len(labels) == 0:
            raise BadTable("no training rows")
        if any(label is None or label != label for label in labels.tolist()):
            raise BadTable("training labels are missing; leave those rows out")
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) == 1 and self.name != "majority":
            raise BadTable(
                f"all training rows have the label {self.classes_.tolist()[0]!r}; {self.name} needs two classes or more"
            )
        if validation is not None:
            code_of = {label: code for code, label in enumerate(self.classes_.tolist())}
            validation_codes = [
                code_of.get(label, -1) for label in np.asarray(validation[1]).tolist()
            ]  # -1: unseen label, never right
            validation = validation[0], np.array(validation_codes, dtype=int)
        self._tune(X, codes, codes, validation)
        return self

    def predict(self, X) -> np.ndarray:
        return self.classes_[self._predict(X, "predict").ravel().astype(int)]

    @available_if(_has_probabilities)
    def predict_proba(self, X) -> np.ndarray:
        return self._predict(X, "predict_proba")

    def _table(self) -> dict[str, Method]:
        return CLASSIFIERS

    def _error(self, target: np.ndarray, predicted: np.ndarray) -> float:
        return float(np.mean(target != predicted.ravel()))


class TunedRegressor(RegressorMixin, Tuned):
    """Targets are finite numbers, standardised to mean 0 and variance 1 on the training rows for every learner."""

    def describe(self) -> dict:
        return super().describe() | ({"target": "standardized"} if self.method().standardized else {})

    describe.__doc__ = Tuned.describe.__doc__

    def fit(self, X, y, validation: tuple | None = None):
        """`X` (n, columns), `y` (n,), `validation` (X, y) or None. Raises BadTable if nothing can be learnt."""
        target = np.asarray(y, dtype=float)
        if len(target) == 0:
            raise BadTable("no training rows")
        if not np.isfinite(target).all():
            raise BadTable("training targets are missing or infinite; leave those rows out")
        if validation is not None:
            validation = validation[0], np.asarray(validation[1], dtype=float)
        self._tune(X, target, np.zeros(len(target), dtype=int), validation)
        return self

    def predict(self, X) -> np.ndarray:
        return np.asarray(self._predict(X, "predict"), dtype=float).ravel()

    def _built(self, method: Method, rows: Rows, point: dict):
        learner = super()._built(method, rows, point)
        return StandardizedTarget(learner) if method.standardized else learner

    def check_uncertainty(self) -> None:
        """Raises CannotDo for all learners except the Gaussian process and the boosted quantiles."""
        if self.name not in ("gp", "gbt_quantile"):
            raise CannotDo(f"{self.name} predicts numbers without uncertainty; have lift, gp and gbt_quantile")

    def predictive(self, X, shares) -> tuple[np.ndarray, np.ndarray]:
        """(n, n_shares) quantiles and (n,) standard deviations, nan without one; `gbt_quantile` has QUANTILES."""
        encoded, fitted = self.encoder_.transform(X), self.learner_
        if self.name == "gbt_quantile":
            return fitted.predict_quantiles(encoded, shares), np.full(len(encoded), np.nan)
        mean, sd = fitted.predict_spread(encoded)
        return mean[:, None] + sd[:, None] * ndtri(shares), sd

    def _table(self) -> dict[str, Method]:
        return REGRESSORS

    def _error(self, target: np.ndarray, predicted: np.ndarray) -> float:
        return float(np.mean(np.abs(target - predicted.ravel())))


def classifier(name: str, seed: int, threads: int = 1) -> TunedClassifier:
    """The unfitted classifier of that name. Raises UnknownName."""
    _lookup(name, CLASSIFIERS)
    return TunedClassifier(name, seed, threads)


def regressor(name: str, seed: int, threads: int = 1) -> TunedRegressor:
    """The unfitted regressor of that name. Raises UnknownName."""
    _lookup(name, REGRESSORS)
    return TunedRegressor(name, seed, threads)


def names(task: str) -> tuple[str, ...]:
    """The learners for "classification" or "regression"."""
    return tuple(_lookup(task, {"classification": CLASSIFIERS, "regression": REGRESSORS}, kind="task"))


def _lookup(name: str, table: dict, kind: str = "baseline"):
    if name not in table:
        raise UnknownName(f"no {kind} {name!r}; have {', '.join(table)}")
    return table[name]


def _hold_out(strata: np.ndarray, seed: int) -> np.ndarray:
    """Mask of a fifth of the rows of each class; a class never loses its last row; small classes are pooled."""
    order = np.random.default_rng(seed).permutation(len(strata))
    order = order[np.argsort(strata[order], kind="stable")]
    order = order[np.bincount(strata)[strata[order]] > 1]
    mask = np.zeros(len(strata), dtype=bool)
    mask[order[::-HELD_OUT]] = True
    return mask
