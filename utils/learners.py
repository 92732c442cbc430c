"""The interface that a study expects of its learners, both LIFT and classical, and of their answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class Answers:
    """A learner's answers for n rows, and the values parsed from them.

    Attributes:
        prompts: n texts; empty for a learner that reads no text.
        texts: n raw answers; several answers to one row are a JSON list. Empty for a learner that writes no text.
        values: n labels or numbers, None for an unreadable answer.
        log_likelihoods: (n, n_classes) log-probabilities of the classes, normalised over them; None if not scored.
    """

    prompts: list[str]
    texts: list[str]
    values: Sequence
    log_likelihoods: np.ndarray | None = None


class Learner(Protocol):
    """A learner that a study can run, implemented by `LIFT` and `baselines.Classical`.

    Classifiers have `classes_` after `fit`, in the order of the columns of their likelihoods.

    Attributes:
        model: the language model to tune, by name or as an object; "" for a learner without one.
    """

    model: object

    def describe(self) -> dict[str, object]:
        """What identifies the learner besides its rows and seed, JSON-serialisable; part of the case's key."""

    def options(self) -> str:
        """The settings given by the user, as `name=value` words; a column of the results."""

    def training_text(self, X: pd.DataFrame, y: np.ndarray) -> str:
        """A hash of the training rows' text; "" for a learner without text."""

    def check(self, X_train: pd.DataFrame, y_train: pd.Series, X_test: pd.DataFrame) -> None:
        """Checks, without training, for anything that would make fitting or answering fail; raises UserError."""

    def longest_prompt(self, X_train: pd.DataFrame, y_train: pd.Series, X_test: pd.DataFrame) -> tuple | None:
        """Tokens of the longest prompt with its answer, and the model's context length; None without prompts."""

    def fit(self, X: pd.DataFrame, y: pd.Series, validation: tuple | None = None) -> Learner:
        """Fits the training rows; the validation rows, a pair (X, y), are only used for selection."""

    def answers(self, X: pd.DataFrame) -> Answers:
        """The fitted learner's answers for the rows."""

    def facts(self) -> dict[str, object]:
        """Columns of the result row about the fit: chosen, tokens_train, n_collisions, device, dtype, cost_usd."""

    def check_uncertainty(self) -> None:
        """Raises CannotDo for a learner without uncertainty estimates, fitted or not."""

    def predictive(self, X: pd.DataFrame, shares: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
        """For a fitted regressor: (n, n_shares) quantiles of each row's answer and (n,) standard deviations."""
