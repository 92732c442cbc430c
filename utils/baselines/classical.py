"""The part of the interface to a study that all classical learners share; see `learners.Learner`."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from ..errors import CannotDo
from ..learners import Answers

LEAST_PROBABILITY = 1e-300  # its logarithm is still finite


class Classical:
    """Implements `learners.Learner` in terms of `name`, `predict`, `predict_proba` and `best_params_`."""

    model = ""

    def options(self) -> str:
        """Empty: a classical learner is identified by its name, and its grid is fixed."""
        return ""

    def training_text(self, X: pd.DataFrame, y: np.ndarray) -> str:
        """Empty: no text is written."""
        return ""

    def longest_prompt(self, X_train: pd.DataFrame, y_train: pd.Series, X_test: pd.DataFrame) -> None:
        """There are no prompts."""

    def answers(self, X: pd.DataFrame) -> Answers:
        """The predictions, with probabilities if the learner has them (a margin classifier has none)."""
        likely = None
        if hasattr(self, "predict_proba"):
            likely = np.log(np.maximum(self.predict_proba(X), LEAST_PROBABILITY))
        return Answers([], [], self.predict(X), likely)

    def chosen(self) -> dict[str, object]:
        """What the validation rows chose."""
        return self.best_params_

    def facts(self) -> dict[str, object]:
        """Result columns about the fit."""
        costs = {"tokens_train": 0, "n_collisions": 0, "device": "cpu", "dtype": "float64", "cost_usd": 0.0}
        return {"chosen": json.dumps(self.chosen()), **costs}

    def check_uncertainty(self) -> None:
        """Raises CannotDo if there is no `predict_proba`."""
        if not hasattr(self, "predict_proba"):
            raise CannotDo(f"{self.name} gives no probabilities; leave it out of --methods")
