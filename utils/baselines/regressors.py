"""Our own regressors: a standardised-target wrapper, an affordable Gaussian process, robust ones, quantiles.

The paper's outlier study (§3.4) uses the median of the 3 or 5 nearest neighbours; Huber boosting is new here.
"""

import numpy as np
import sklearn
from sklearn.base import BaseEstimator, RegressorMixin

SEARCH_ROWS = 500  # rows for the kernel search; each of a few hundred steps is cubic in their number
QUANTILES = (0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975)  # ends of 80, 90, 95 % intervals


class StandardizedTarget(RegressorMixin, BaseEstimator):
    """Fits `regressor` in place to targets of mean 0 and variance 1; predicts in the targets' own units, in float64.

    Without it a score depends on the unit of the target: XGBoost computes in float32, whose seven digits cannot hold
    the seconds of a timestamp, and scikit-learn's trees do not split below a variance of 2e-16, as with concentrations
    of 1e-9. scikit-learn's TransformedTargetRegressor leaves float32 predictions in float32 and has no quantiles.

    Attributes:
        mean_, scale_: mean and standard deviation of the training targets; a constant target has the scale 1.
    """

    def __init__(self, regressor):
        self.regressor = regressor

    def fit(self, X, y):
        """`X` (n, columns), `y` (n,) finite numbers."""
        y = np.asarray(y, dtype=float)
        unit = 2.0 ** (np.frexp(np.abs(y).max())[1] - 1)  # a power of two divides exactly; squares cannot overflow
        centered = y / unit - np.mean(y / unit)
        self.mean_ = unit * np.mean(y / unit)
        self.scale_ = unit * np.std(centered) or 1.0
        self.regressor.fit(X, centered / (self.scale_ / unit))
        return self

    def predict(self, X) -> np.ndarray:
        """(n,) numbers."""
        return self._back(self.regressor.predict(X)).ravel()

    def predict_quantiles(self, X, shares) -> np.ndarray:
        """(n, n_shares) quantiles, if the regressor has them."""
        return self._back(self.regressor.predict_quantiles(X, shares))

    def predict_spread(self, X) -> tuple[np.ndarray, np.ndarray]:
        """(n,) means and (n,) standard deviations, if the regressor has them."""
        mean, deviation = self.regressor.predict_spread(X)
        return self._back(mean), self.scale_ * deviation

    def _back(self, standardized: np.ndarray) -> np.ndarray:
        return self.mean_ + self.scale_ * np.asarray(standardized, dtype=float)


class GaussianProcess(RegressorMixin, BaseEstimator):
    """Kernel signal × RBF + noise, chosen by likelihood on at most SEARCH_ROWS seeded rows, then fitted on all rows.

    Expects inputs and targets of mean 0 and variance 1 (StandardizedTarget). The search starts at the paper's
    1.41²·RBF(0.1) with a noise variance of 0.01 and is restarted from `restarts` seeded random kernels (paper §3.1).
    """

    def __init__(self, restarts, seed):
        self.restarts = restarts
        self.seed = seed

    def fit(self, X, y):
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

        kernel = ConstantKernel(1.41**2, (1e-2, 1e4)) * RBF(0.1, (1e-2, 1e3)) + WhiteKernel(1e-2, (1e-6, 1e1))
        rows = np.random.default_rng(self.seed).permutation(len(X))[:SEARCH_ROWS]
        search = GaussianProcessRegressor(kernel, n_restarts_optimizer=self.restarts, random_state=self.seed)
        kernel = search.fit(X[rows], y[rows]).kernel_
        self.process_ = GaussianProcessRegressor(kernel, optimizer=None).fit(X, y)
        return self

    def predict(self, X):
        return self.process_.predict(X)

    def predict_spread(self, X) -> tuple[np.ndarray, np.ndarray]:
        """(n,) means and (n,) standard deviations, noise included."""
        return self.process_.predict(X, return_std=True)


class MedianKNN(RegressorMixin, BaseEstimator):
    """Predicts the median of the targets of the `k` nearest training rows, or of all rows if there are fewer."""

    def __init__(self, k=5):
        self.k = k

    def fit(self, X, y):
        self.y_ = np.asarray(y, dtype=float)
        self.neighbours_ = sklearn.neighbors.NearestNeighbors(n_neighbors=min(self.k, len(self.y_))).fit(X)
        return self

    def predict(self, X):
        return np.median(self.y_[self.neighbours_.kneighbors(X, return_distance=False)], axis=1)


def median_knn(rows, k):
    """The estimator for the grid point `k`, for training rows described by `rows` (`methods.Rows`)."""
    return MedianKNN(k)


def gbt_huber(rows, alpha, leaf):
    """Gradient boosting with 200 trees of depth 4, for training rows described by `rows`.

    Args:
        alpha: share of the residuals with squared loss; larger ones have linear loss.
        leaf: minimum rows per leaf. A leaf of one row predicts that row's target, whatever the loss.
    """
    return sklearn.ensemble.GradientBoostingRegressor(
        loss="huber",
        alpha=alpha,
        min_samples_leaf=leaf,
        n_estimators=200,
        max_depth=4,
        learning_rate=0.05,
        random_state=rows.seed,
    )


class QuantileBoosting(RegressorMixin, BaseEstimator):
    """100 trees with pinball loss for each of QUANTILES; `predict` gives the median.

    The validation rows choose `leaf` by the error of the median, as for every regressor. Intervals between boosted
    quantiles tend to be too narrow; small steps (a learning rate of 0.05) and large leaves mitigate this.

    Args:
        leaf: minimum rows per leaf.
        seed: of the ensembles.
    """

    def __init__(self, leaf=20, seed=0):
        self.leaf = leaf
        self.seed = seed

    def fit(self, X, y):
        self.ensembles_ = {
            share: sklearn.ensemble.HistGradientBoostingRegressor(
                loss="quantile",
                quantile=share,
                learning_rate=0.05,
                min_samples_leaf=self.leaf,
                early_stopping=False,
                random_state=self.seed,
            ).fit(X, y)
            for share in QUANTILES
        }
        return self

    def predict(self, X):
        return self.ensembles_[0.5].predict(X)

    def predict_quantiles(self, X, shares=QUANTILES) -> np.ndarray:
        """(n, n_shares) of QUANTILES, ascending: separately fitted ensembles may cross, so each row is sorted."""
        return np.sort(np.stack([self.ensembles_[share].predict(X) for share in shares], axis=1), axis=1)


def gbt_quantile(rows, leaf):
    """The estimator for the grid point `leaf`, for training rows described by `rows` (`methods.Rows`)."""
    return QuantileBoosting(leaf, rows.seed)
