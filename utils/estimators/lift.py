"""LIFT as scikit-learn estimators: a language model is fine-tuned on rows as text, and its answers are read back.

    LIFTClassifier().fit(X_train, y_train, validation=(X_validation, y_validation)).predict_proba(X_test)
    LIFTRegressor(model="./my-model", adapter="lora", epochs=5).fit(X_train, y_train).predict(X_test)

Paper §2 (method), §3.1 (accuracy, in-context learning) and §4.2 (does the spread of answers follow the noise?).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from ..errors import CannotDo, TooLong
from ..learners import Answers
from . import inputs
from .base import LIFT
from .distribution import Distribution

MAX_CANDIDATES = 2000  # likelihoods per row; beyond this, scoring takes hours

__all__ = ["LIFT", "LIFTClassifier", "LIFTRegressor"]


@dataclass(eq=False, repr=False)
class LIFTClassifier(ClassifierMixin, LIFT):
    """Classification by a language model.

    `decoding="score"` ranks the classes by the likelihood of their texts: every answer is valid and has probabilities.
    `"generate"` writes free text and parses it, as the original did; an unreadable answer is None.

    Args:
        class_weight: None, "balanced" or {label: weight}, as in scikit-learn. A weight repeats the rows of its class,
            as `sample_weight` repeats rows, so that it works with every back end; the two are multiplied. Rows that
            `fit` holds out are weighted too; validation rows passed to it are not.

    Attributes:
        classes_: (n_classes,) the labels, sorted; the columns of `predict_proba`.
    """

    task = "classification"
    decodings = ("score", "generate")

    class_weight: str | dict | None = field(default=None, kw_only=True, metadata={"later": True})

    def copies(self, y, sample_weight=None) -> np.ndarray | None:
        if self.class_weight is None:
            return super().copies(y, sample_weight)
        weights = inputs.class_weights(self.class_weight, y)
        if sample_weight is not None:
            inputs.copies(sample_weight, len(y), 0)  # rejects invalid weights
            weights = weights * np.asarray(sample_weight, dtype=float)
        return inputs.one_of_each(super().copies(y, weights), y, weights)

    copies.__doc__ = LIFT.copies.__doc__

    def predict(self, X) -> np.ndarray:
        """(n,) labels; an object array with None for unreadable answers."""
        values = self.answers(X).values
        if any(value is None for value in values):
            return np.array(values, dtype=object)
        return np.array(values, dtype=self.classes_.dtype)

    def predict_proba(self, X) -> np.ndarray:
        """(n, n_classes) probabilities from the likelihoods of the class texts, whatever the decoding."""
        check_is_fitted(self)
        return np.exp(self.reader_.log_likelihoods(self.model_, inputs.frame(self, X, reset=False)))

    def score(self, X, y, sample_weight=None) -> float:
        """Accuracy, weighted if `sample_weight` is given; an unreadable answer is wrong."""
        right = [value == truth for value, truth in zip(self.answers(X).values, y, strict=True)]
        return float(np.average(right, weights=sample_weight))

    def fit(self, X, y, validation=None, sample_weight=None):
        super().fit(X, y, validation, sample_weight)
        self.classes_ = self.template_.classes_
        return self

    fit.__doc__ = LIFT.fit.__doc__

    def check_uncertainty(self) -> None:
        """Raises CannotDo if answers come without probabilities."""
        if self.settings()["decoding"] != "score":
            raise CannotDo("free-text answers have no probabilities; leave out --decoding generate")

    def _check_answers(self, settings, template) -> None:
        n = len(template.candidates_)
        if n > MAX_CANDIDATES and settings["decoding"] == "score":
            raise TooLong(
                f"{n} classes: scoring would need {n} likelihoods for every row; give --decoding generate, or check "
                "whether the target is an id or a number (--target, --task regression)"
            )

    def read(self, model, X) -> Answers:
        """A model's answers to the rows, queried and read according to the setup in use."""
        return (self.reader_.free if self.settings_["decoding"] == "generate" else self.reader_.classes)(model, X)

    def validation_score(self, model, X, y) -> float:
        """Accuracy; ties (few rows) are broken by the likelihood of the truth."""
        answers = self.read(model, X)
        accuracy = np.mean([value == truth for value, truth in zip(answers.values, y, strict=True)])
        if answers.log_likelihoods is None:
            return float(accuracy)
        column = {label: i for i, label in enumerate(self.template_.classes_.tolist())}
        scored = [(i, column[label]) for i, label in enumerate(y.tolist()) if label in column]
        surprise = -np.mean([answers.log_likelihoods[i] for i in scored]) if scored else 0.0
        return float(accuracy - 1e-6 * min(surprise, 1e3))


class LIFTRegressor(RegressorMixin, LIFT):
    """Regression by a language model.

    `decoding="greedy"` reads the most likely text. `"mean"` and `"median"` are those of the answer's distribution:
    exact, from the likelihood of every level, if the template writes the target as levels (numbers="scaled") and
    `samples` is 0; else of `samples` texts drawn at temperature 1, of which unreadable ones are skipped but kept in the
    answers.

    Uncertainty (which the paper's §4.2 estimates from samples) comes from the same likelihoods with any decoding:
    `predict(X, return_std=True)`, `predict_quantiles` and `predict_distribution`, for a target in levels.
    """

    task = "regression"
    decodings = ("greedy", "mean", "median")

    def predict(self, X, return_std: bool = False) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """(n,) numbers, nan for unreadable answers; with `return_std` also their (n,) standard deviations.

        Raises:
            CannotDo: `return_std` although the target is not written as levels.
        """
        if not return_std:
            return _numbers(self.answers(X))
        distribution = self.predict_distribution(X)
        decoding = self.settings_["decoding"]
        if decoding == "greedy" or self.samples:
            return _numbers(self.answers(X)), distribution.std()
        return distribution.mean() if decoding == "mean" else distribution.median(), distribution.std()

    def predict_quantiles(self, X, quantiles: Sequence[float] = (0.05, 0.5, 0.95)) -> np.ndarray:
        """(n, n_quantiles) quantiles of the model's predictive distribution.

        The 0.5 quantile is the prediction of the decoding "median".

        Raises:
            CannotDo: the target is not written as levels.
        """
        return self.predict_distribution(X).quantiles(quantiles)

    def predict_distribution(self, X) -> Distribution:
        """The probability of every level of the target, for each row; from one pass of the model.

        Raises:
            CannotDo: the target is not written as levels.
        """
        check_is_fitted(self)
        if self.template_.candidates_ is None:
            raise CannotDo(
                "standard deviations and quantiles need the target as levels, but this template has "
                f"numbers={self.template_.numbers!r}; fit with template={{'numbers': 'scaled'}} (--numbers scaled)"
            )
        return self.reader_.distribution(self.model_, inputs.frame(self, X, reset=False))

    def check_uncertainty(self) -> None:
        """Raises CannotDo if answers are neither sampled several times nor levels with likelihoods."""
        settings = self.settings()
        if self.samples and (self.samples < 2 or settings["decoding"] == "greedy"):
            raise CannotDo(
                "the spread of sampled answers needs two or more of them: --samples 20 --decoding median; without "
                "--samples it comes from the likelihoods of the target's levels"
            )
        if not self.samples and settings["numbers"] != "scaled":
            raise CannotDo(
                f"numbers={settings['numbers']!r} has no levels whose likelihoods give the uncertainty; use "
                "--numbers scaled, or sample answers with --samples 20 --decoding median"
            )

    def predictive(self, X, shares: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
        """(n, n_shares) quantiles and (n,) standard deviations of the answers.

        With `samples` they are those of the sampled answers, else those of the levels by their likelihoods. A row whose
        samples are all unreadable gets the mean of the training targets, without spread.
        """
        if not self.samples:
            distribution = self.predict_distribution(X)
            return distribution.quantiles(shares), distribution.std()
        read = [[self.template_.parse(text) for text in json.loads(texts)] for texts in self.answers(X).texts]
        read = [[value for value in row if value is not None] or [self.template_.mean_] for row in read]
        sd = [np.std(row, ddof=1) if len(row) > 1 else 0.0 for row in read]
        return np.array([np.quantile(row, shares) for row in read]), np.array(sd)

    def _check_answers(self, settings, template) -> None:
        decoding = settings["decoding"]
        if decoding != "greedy" and not self.samples and template.candidates_ is None:
            raise CannotDo(
                f"decoding={decoding!r} needs the target as levels (--numbers scaled) or samples (--samples 20), but "
                f"this template has numbers={template.numbers!r}; --decoding greedy reads any number"
            )

    def read(self, model, X) -> Answers:
        """A model's answers to the rows, queried and read according to the setup in use."""
        decoding = self.settings_["decoding"]
        if decoding == "greedy":
            return self.reader_.free(model, X)
        if self.samples:
            return self.reader_.sampled(model, X, self.samples, np.mean if decoding == "mean" else np.median)
        return self.reader_.central(model, X, decoding)

    def validation_score(self, model, X, y) -> float:
        """Negative mean absolute error; unreadable answers count as the training mean."""
        values = self.read(model, X).values
        filled = [self.template_.mean_ if value is None else value for value in values]
        return -float(np.mean(np.abs(np.array(filled) - y)))


def _numbers(answers: Answers) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in answers.values], dtype=float)
