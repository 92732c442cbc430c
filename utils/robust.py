"""Regressors that a few absurd training targets cannot pull away: a median of neighbours, boosting with Huber loss.

The paper's study of outliers (§3.4) has the median of the 3 or 5 nearest neighbours; Huber boosting is new here.
"""

import numpy as np
import sklearn
from sklearn.base import BaseEstimator, RegressorMixin


class MedianKNN(RegressorMixin, BaseEstimator):
    """Answers with the median of the targets of the `k` nearest training rows, of all rows where there are fewer."""

    def __init__(self, k=5):
        self.k = k

    def fit(self, X, y):
        self.y_ = np.asarray(y, dtype=float)
        self.neighbours_ = sklearn.neighbors.NearestNeighbors(n_neighbors=min(self.k, len(self.y_))).fit(X)
        return self

    def predict(self, X):
        return np.median(self.y_[self.neighbours_.kneighbors(X, return_distance=False)], axis=1)


def median_knn(rows, k):
    """The grid point `k` for training rows described by `rows` (`learners.Rows`)."""
    return MedianKNN(k)


def gbt_huber(rows, alpha, leaf):
    """Gradient boosting, 200 trees of depth 4, that is fitted on training rows described by `rows`.

    Args:
        alpha: share of the residuals that count by their square; the larger ones count by their size.
        leaf: fewest rows of a leaf. A leaf of one row answers with that row's target, whatever the loss.
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
