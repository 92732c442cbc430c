"""LIFT with one adapter or one part of the network tuned: cost and score."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from utils.estimators import PlainClassifier
from utils.models.local import adapters

MEASURES = ("tuned_parameters", "memory_mb")


class AdapterClassifier(PlainClassifier):
    """LIFT with the plain settings of its recipe; `check` tries the adapter on the network before anything runs."""

    hidden = ("adapter",)

    def check(self, X_train, y_train, X_test) -> None:
        super().check(X_train, y_train, X_test)
        adapters.probe(self.load_model())

    def sizes(self) -> tuple[int, float]:
        """After `fit`: the number of tuned parameters, and MiB of weights, gradients and Adam's moments."""
        return adapters.sizes(self.model_)


def measures(learner: object) -> dict[str, Callable[[pd.DataFrame], float]]:
    """Columns for the results, from the fitted learner: MEASURES, nan for other learners."""
    if not isinstance(learner, AdapterClassifier):
        return dict.fromkeys(MEASURES, lambda answers: float("nan"))
    return {name: lambda answers, i=i: learner.sizes()[i] for i, name in enumerate(MEASURES)}
