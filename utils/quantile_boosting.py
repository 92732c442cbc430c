"""Gradient boosting that predicts quantiles, one ensemble for each: a classical learner that says how sure it is."""

import numpy as np
import sklearn
from sklearn.base import BaseEstimator, RegressorMixin

QUANTILES = (0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975)  # ends of 80, 90, 95 % intervals


class QuantileBoosting(RegressorMixin, BaseEstimator):
    """100 trees with pinball loss for each of QUANTILES; `predict` gives the median.

    The validation rows choose `leaf` by the error of the median, as they choose for every regressor. Intervals between
    boosted quantiles tend to be too narrow; small steps (a learning rate of 0.05) and large leaves make that less so.

    Args:
        leaf: fewest rows of a leaf.
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

    def predict_quantiles(self, X) -> np.ndarray:
        """(n, len(QUANTILES)), in rising order: ensembles that were fitted apart may cross, so each row is sorted."""
        return np.sort(np.stack([ensemble.predict(X) for ensemble in self.ensembles_.values()], axis=1), axis=1)


def gbt_quantile(rows, leaf):
    """The grid point `leaf` for training rows described by `rows` (`learners.Rows`)."""
    return QuantileBoosting(leaf, rows.seed)
