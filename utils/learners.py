"""What a study asks of its learners, LIFT and classical ones alike, and what they answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class Answers:
    """What a learner said about n rows, and what was read.

    Attributes:
        prompts: n texts; empty for a learner that reads no text.
        texts: n answers as they came; several answers to one row are a JSON list. Empty likewise.
        values: n labels or numbers, None where nothing could be read.
        log_likelihoods: (n, n_classes) log-probabilities of the classes, normalised over them; None where not scored.
    """

    prompts: list[str]
    texts: list[str]
    values: Sequence
    log_likelihoods: np.ndarray | None = None


class Learner(Protocol):
    """A learner as a study runs it. `LIFT` and `baselines.Classical` are the two kinds.

    Classifiers have `classes_` after `fit`, in the order of the columns of their likelihoods.

    Attributes:
        model: the language model that is tuned, by name or as an object; "" for a learner without one.
    """

    model: object

    def describe(self) -> dict[str, object]:
        """What identifies the learner beside its rows and seed, ready for JSON; the key of a case hashes it."""

    def options(self) -> str:
        """The settings that the user gave, as `name=value` words: a column of the results."""

    def training_text(self, X: pd.DataFrame, y: np.ndarray) -> str:
        """A hash of the text that the training rows become; "" where they become none."""

    def check(self, X_train: pd.DataFrame, y_train: pd.Series, X_test: pd.DataFrame) -> None:
        """Looks at what could stop `fit` and the answers, without training; raises UserError with the reason."""

    def longest_prompt(self, X_train: pd.DataFrame, y_train: pd.Series, X_test: pd.DataFrame) -> tuple | None:
        """Tokens of the longest prompt with its answer, and how many the model reads; None without prompts."""

    def fit(self, X: pd.DataFrame, y: pd.Series, validation: tuple | None = None) -> Learner:
        """Learns from the training rows; the validation rows, a pair (X, y), only choose."""

    def answers(self, X: pd.DataFrame) -> Answers:
        """What the fitted learner says about the rows."""

    def facts(self) -> dict[str, object]:
        """Columns of the result row about the fit: chosen, tokens_train, n_collisions, device, dtype, cost_usd."""

    def check_uncertainty(self) -> None:
        """Raises CannotDo for a learner that cannot say how sure it is, fitted or not."""

    def predictive(self, X: pd.DataFrame, shares: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
        """Of a fitted regressor, (n, n_shares) quantiles of each row's answer and (n,) standard deviations."""
