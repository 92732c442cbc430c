"""Classical learners with their grids, tuned on the validation rows."""

from .._lazy import attach

__getattr__ = attach(
    __name__,
    {"classical": "Classical", "tuned": "EXTRAS Tuned TunedClassifier TunedRegressor classifier names regressor"},
)
