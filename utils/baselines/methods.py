"""The classical learners of tuned.py and their grids (paper §3.1).

Fixed settings of the paper: MLP classifier 100-100 with early stopping, MLP regressor 50-50-50 with 500 iterations,
"gbt" (scikit-learn's gradient boosting) 500 trees of depth 4, regression forest 500 trees, Gaussian process with the
kernel 1.41²·RBF(0.1). Departures: kernel ridge also tries a narrower kernel and weaker penalties, since inputs and
targets are scaled here; the Gaussian process learns its noise level, which the paper fixes at 0.16 on unscaled targets,
and restarts its search 5 times (the paper's second choice, 10, continues the same search). XGBoost for regression,
LightGBM, CatBoost and TabICL are not in the paper. Libraries are imported on use, as are scikit-learn's submodules,
which `import sklearn` loads lazily.

No score depends on the units of inputs or target (tests/test_invariance.py). But with columns, rows or classes in
another order, the same seed gives the MLPs and the forests other weights and rows: on 90 training rows accuracy then
changes by up to .05 for a forest and .2 for the MLP, whose early stopping uses nine of the rows. Other trees may choose
a different one of equally good splits.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product
from math import comb

import numpy as np
import sklearn

from ..errors import BadModel, CannotDo
from ..optional import require
from .regressors import GaussianProcess, gbt_huber, gbt_quantile, median_knn

MAX_CUBIC_CELLS = 10**8  # rows × terms of the cubic design matrix, 0.8 GB


@dataclass(frozen=True)
class Rows:
    """What a builder may know about the rows its learner will be fitted on."""

    seed: int
    threads: int
    n: int
    n_columns: int
    class_counts: np.ndarray  # rows of each class; empty for regression
    constant: bool  # no column varies, or the target does not: only one answer is possible, which some libraries reject


@dataclass(frozen=True)
class Method:
    """`build(rows, **point)` makes the estimator for a grid point; among equally good points the first wins."""

    build: Callable
    grid: dict[str, tuple] = field(default_factory=dict)
    probabilities: bool = True  # classifiers: whether they are available
    standardized: bool = True  # regressors: whether they learn targets of mean 0 and variance 1
    max_rows: int | None = None  # with more rows it is fitted on a seeded random subset of this size

    def points(self) -> list[dict]:
        return [dict(zip(self.grid, values, strict=True)) for values in product(*self.grid.values())]


def _majority(rows):
    return sklearn.dummy.DummyClassifier(strategy="most_frequent")


def _random(rows):
    return sklearn.dummy.DummyClassifier(strategy="uniform", random_state=rows.seed)


def _logreg(rows, C):
    return sklearn.linear_model.LogisticRegression(C=C, max_iter=1000)


def _knn_classifier(rows, k, p):
    return sklearn.neighbors.KNeighborsClassifier(min(k, rows.n), p=p, n_jobs=rows.threads)


def _tree(rows, criterion, depth):
    return sklearn.tree.DecisionTreeClassifier(criterion=criterion, max_depth=depth, random_state=rows.seed)


def _mlp_classifier(rows, learning_rate):
    # Early stopping holds out a stratified tenth, which needs two rows of every class and room for every class.
    stoppable = rows.class_counts.min() > 1 and rows.n // 10 >= len(rows.class_counts)
    return sklearn.neural_network.MLPClassifier(
        hidden_layer_sizes=(100, 100),
        learning_rate_init=learning_rate,
        early_stopping=stoppable,
        max_iter=500,
        random_state=rows.seed,
    )


def _svm(rows, kernel, C):
    return sklearn.svm.SVC(kernel=kernel, C=C, cache_size=500, random_state=rows.seed)


def _forest_classifier(rows, depth, min_split):
    return sklearn.ensemble.RandomForestClassifier(
        max_depth=depth, min_samples_split=min_split, n_jobs=rows.threads, random_state=rows.seed
    )


def _xgboost_classifier(rows, depth):
    from xgboost import XGBClassifier

    return XGBClassifier(max_depth=depth, tree_method="hist", n_jobs=rows.threads, random_state=rows.seed)


def _lightgbm_settings(rows, depth):
    return {
        "max_depth": depth,
        "min_child_samples": min(20, max(1, rows.n // 40)),  # the default of 20 allows no split below 40 rows
        "n_jobs": rows.threads,
        "random_state": rows.seed,
        "deterministic": True,
        "force_col_wise": True,  # else the layout is chosen by timing, and results differ from run to run
        "verbosity": -1,
    }


def _lightgbm_classifier(rows, depth):
    library = require("lightgbm")
    if rows.constant:
        return _majority(rows)
    return library.LGBMClassifier(**_lightgbm_settings(rows, depth))


def _catboost_settings(rows, depth):
    return {
        "depth": depth,
        "iterations": 300,
        "thread_count": rows.threads,
        "random_seed": rows.seed,
        "verbose": False,
        "allow_writing_files": False,
    }


def _catboost_classifier(rows, depth):
    library = require("catboost")
    if rows.constant:
        return _majority(rows)
    return library.CatBoostClassifier(**_catboost_settings(rows, depth))


def _tabicl_classifier(rows):
    return _Downloaded(require("tabicl").TabICLClassifier(random_state=rows.seed, n_jobs=rows.threads))


def _mean(rows):
    return sklearn.dummy.DummyRegressor(strategy="mean")


def _polynomial(rows):
    terms = comb(rows.n_columns + 3, 3)
    if rows.n * terms > MAX_CUBIC_CELLS:
        raise CannotDo(
            f"polynomial: {rows.n_columns} encoded columns make {terms:,} cubic terms, too many for {rows.n:,} rows; "
            "leave it out of --methods"
        )
    return sklearn.pipeline.make_pipeline(
        sklearn.preprocessing.PolynomialFeatures(3, include_bias=False), sklearn.linear_model.LinearRegression()
    )


def _kernel_ridge(rows, gamma, alpha):
    return sklearn.kernel_ridge.KernelRidge(kernel="rbf", gamma=gamma, alpha=alpha)


def _knn_regressor(rows, k):
    return sklearn.neighbors.KNeighborsRegressor(min(k, rows.n), n_jobs=rows.threads)


def _mlp_regressor(rows, learning_rate):
    return sklearn.neural_network.MLPRegressor(
        hidden_layer_sizes=(50, 50, 50), learning_rate_init=learning_rate, max_iter=500, random_state=rows.seed
    )


def _gbt(rows, learning_rate):
    return sklearn.ensemble.GradientBoostingRegressor(
        n_estimators=500, max_depth=4, learning_rate=learning_rate, random_state=rows.seed
    )


def _forest_regressor(rows, depth):
    return sklearn.ensemble.RandomForestRegressor(500, max_depth=depth, n_jobs=rows.threads, random_state=rows.seed)


def _gp(rows, restarts):
    return GaussianProcess(restarts, rows.seed)


def _xgboost_regressor(rows, depth, objective):
    from xgboost import XGBRegressor

    return XGBRegressor(
        max_depth=depth, objective=objective, tree_method="hist", n_jobs=rows.threads, random_state=rows.seed
    )


def _lightgbm_regressor(rows, depth, objective):
    library = require("lightgbm")
    if rows.constant:
        return _mean(rows)
    return library.LGBMRegressor(objective=objective, **_lightgbm_settings(rows, depth))


def _catboost_regressor(rows, depth, loss):
    library = require("catboost")
    if rows.constant:
        return _mean(rows)
    return library.CatBoostRegressor(loss_function=loss, **_catboost_settings(rows, depth))


def _tabicl_regressor(rows):
    return _Downloaded(require("tabicl").TabICLRegressor(random_state=rows.seed, n_jobs=rows.threads))


CLASSIFIERS = {
    "majority": Method(_majority),
    "random": Method(_random),
    "logreg": Method(_logreg, {"C": (1, 10, 100)}),
    "knn": Method(_knn_classifier, {"k": (1, 3, 5), "p": (1, 2)}),
    "tree": Method(_tree, {"criterion": ("gini", "entropy"), "depth": (3, 5, 20)}),
    "mlp": Method(_mlp_classifier, {"learning_rate": (1e-3, 1e-2, 1e-1)}),
    "svm": Method(_svm, {"kernel": ("linear", "rbf"), "C": (1, 10, 100)}, probabilities=False),
    "forest": Method(_forest_classifier, {"depth": (3, 5, 10), "min_split": (2, 5, 10)}),
    "xgboost": Method(_xgboost_classifier, {"depth": (3, 5, 10)}),
    "lightgbm": Method(_lightgbm_classifier, {"depth": (3, 5, 10)}),
    "catboost": Method(_catboost_classifier, {"depth": (4, 6)}),
    "tabicl": Method(_tabicl_classifier),
}

REGRESSORS = {
    "mean": Method(_mean),
    "polynomial": Method(_polynomial),
    "kernel_ridge": Method(_kernel_ridge, {"gamma": (0.01, 0.1, 1, 10), "alpha": (1, 0.1, 0.01)}, max_rows=5000),
    "knn": Method(_knn_regressor, {"k": (2, 5, 8)}),
    "mlp": Method(_mlp_regressor, {"learning_rate": (1e-2, 1e-3, 1e-4)}),
    "gbt": Method(_gbt, {"learning_rate": (0.1, 0.01, 0.001)}),
    "forest": Method(_forest_regressor, {"depth": (4, 6)}),
    "gp": Method(_gp, {"restarts": (5,)}, max_rows=2000),
    "xgboost": Method(
        _xgboost_regressor, {"depth": (3, 5, 10), "objective": ("reg:squarederror", "reg:absoluteerror")}
    ),
    "lightgbm": Method(_lightgbm_regressor, {"depth": (3, 5, 10), "objective": ("regression", "regression_l1")}),
    "catboost": Method(_catboost_regressor, {"depth": (4, 6), "loss": ("RMSE", "MAE")}),
    "tabicl": Method(_tabicl_regressor),
    "median_knn": Method(median_knn, {"k": (3, 5)}),
    "gbt_huber": Method(gbt_huber, {"alpha": (0.9, 0.5), "leaf": (1, 5, 9)}),
    "gbt_quantile": Method(gbt_quantile, {"leaf": (5, 20, 40)}),
}


class _Downloaded:
    """A learner whose weights are downloaded from the Hub at the first fit; a failure becomes an error with advice."""

    def __init__(self, learner):
        self.learner = learner

    def fit(self, X, y):
        try:
            self.learner.fit(X, y)
        except OSError as error:
            raise BadModel(
                f"tabicl has no local weights and could not download them: {error}; fit it once on a machine that "
                "can reach the Hugging Face Hub and copy its cache (HF_HOME), or leave tabicl out of --methods"
            ) from error
        return self

    def predict(self, X):
        return self.learner.predict(X)

    def predict_proba(self, X):
        return self.learner.predict_proba(X)
