"""LIFT as scikit-learn estimators."""

from .._lazy import attach

__getattr__ = attach(
    __name__,
    {
        "base": "LIFT CollisionWarning",
        "lift": "LIFTClassifier LIFTRegressor",
        "plain": "PlainClassifier SingleModelClassifier",
        "saved": "load",
    },
)
