"""Averages of fine-tunes: of weights along one run, of weights over runs (model soups), of probabilities.

single     one fine-tune, the weights of its best epoch
ema        one fine-tune; an exponential moving average of its weights is validated and used
best       the fine-tune with the best validation score out of several
soup       the mean of the weights of several fine-tunes from the same start
greedy     a soup of those that do not lower the validation score, tried from best to worst
ensemble   the mean of the probabilities of all; the cost of an answer is multiplied by their number

The fine-tunes share the initial weights and the rows; they differ in row order and all other random draws.
Model soups: Wortsman et al. 2022.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import logsumexp

from utils.errors import CannotDo, UnknownName, UserError
from utils.estimators import PlainClassifier
from utils.estimators.selection import Outcome
from utils.models.base import LanguageModel

KINDS = ("single", "ema", "best", "soup", "greedy", "ensemble")
ALONE = ("single", "ema")  # one fine-tune
MEASURES = ("n_tunes", "n_averaged", "validation_accuracy")
Score = Callable[[LanguageModel], float]


class Ensemble:
    """Several language models as one, with the mean of their probabilities; it only scores texts."""

    def __init__(self, models: Sequence[LanguageModel]) -> None:
        first = models[0]
        self.models, self.name, self.context_length = list(models), first.name, first.context_length
        self.device, self.dtype = first.device, first.dtype
        self.n_tokens_trained = sum(model.n_tokens_trained for model in models)
        self.cost_usd = sum(model.cost_usd for model in models)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self.models[0].count_tokens(texts)

    def log_likelihood(self, prompts: Sequence[str], candidates: Sequence[str]) -> np.ndarray:
        """See `LanguageModel.log_likelihood`: the logarithm of the mean probability."""
        scores = [model.log_likelihood(prompts, candidates) for model in self.models]
        return logsumexp(scores, axis=0) - np.log(len(scores))

    def fine_tune(self, *args, **settings) -> LanguageModel:
        raise CannotDo("an ensemble cannot be tuned further; tune its members")

    def generate(self, *args, **settings) -> list[list[str]]:
        raise CannotDo("an ensemble only scores texts; use --decoding score")

    def save(self, folder: Path) -> None:
        raise CannotDo("an ensemble is not one model; save its members (models)")


class SoupClassifier(PlainClassifier):
    """LIFT with the plain settings of its recipe, from one fine-tune or an average of several.

    Args:
        average: one of KINDS.
        members: fine-tunes that are averaged.
        decay: of the moving average, per update.
        settings: parameters of LIFTClassifier.

    Attributes:
        n_tunes_, n_averaged_: the number of fine-tunes, and of those that are part of the model.
        validation_score_: of the final model, nan without validation rows.
    """

    def __init__(self, model="lift-tiny", *, average="single", members=3, decay=0.98, **settings):
        super().__init__(model, **settings)
        self.average = average
        self.members = members
        self.decay = decay

    def settings(self) -> dict[str, object]:
        return super().settings() | {"ema": self.decay if self.average == "ema" else 0.0}

    def describe(self) -> dict[str, object]:
        unused = {"single": ("members", "decay"), "ema": ("members",)}.get(self.average, ("decay",))
        return super().describe() | dict.fromkeys(unused)

    def options(self) -> str:
        own = ("average", "members", "decay")  # have their own result columns
        given = self.get_params(deep=False)
        return PlainClassifier(**{name: value for name, value in given.items() if name not in own}).options()

    def check(self, X_train, y_train, X_test) -> None:
        if self.average not in KINDS:
            raise UnknownName(f"no average {self.average!r}; have {', '.join(KINDS)}")
        if self.members < 2:
            raise UserError(f"cannot average {self.members} fine-tunes; give 2 or more")
        if not 0 < self.decay < 1:
            raise UserError(f"no average has a decay of {self.decay}; give one above 0 and below 1")
        super().check(X_train, y_train, X_test)
        if self.average == "ensemble" and self.settings_["decoding"] != "score":
            raise CannotDo("an ensemble only scores texts; use --decoding score")

    def tune(self, setup, X, y, validation, trial=False, begun=None) -> Outcome:
        """Several fine-tunes; the first has the seeds of a single fine-tune."""
        tune_once, members = super().tune, 1 if self.average in ALONE else self.members
        tunes = [tune_once(setup, X, y, validation, trial, begun, member) for member in range(members)]

        def score(model: LanguageModel) -> float:
            return np.nan if validation is None else self.validation_score(model, *validation)

        outcome, self.n_averaged_ = combine(self.average, tunes, score, validation is not None)
        self.n_tunes_, self.validation_score_ = len(tunes), outcome.score if validation is not None else np.nan
        return outcome


def combine(average: str, tunes: Sequence[Outcome], score: Score, scored: bool) -> tuple[Outcome, int]:
    """Combines several outcomes into one; also returns how many of them are part of its model.

    Args:
        average: one of KINDS.
        tunes: outcomes of fine-tunes from the same start; epoch, rate and history are those of the first one used.
        score: of a model on the validation rows, higher is better.
        scored: whether there are validation rows; without them "best" is the first and "greedy" takes all.
    """
    mean = _mean()
    order = sorted(tunes, key=lambda tune: -tune.score) if scored else list(tunes)
    if average in (*ALONE, "best"):
        return order[0], 1
    if average == "ensemble":
        combined = Ensemble([tune.model for tune in tunes])
        return replace(tunes[0], model=combined, score=score(combined)), len(tunes)
    if average == "soup" or not scored:
        combined = mean([tune.model for tune in tunes])
        return replace(tunes[0], model=combined, score=score(combined)), len(tunes)
    chosen, best, value = [order[0]], order[0].model, order[0].score
    for tune in order[1:]:
        soup = mean([other.model for other in [*chosen, tune]])
        tried = score(soup)
        if tried >= value:
            chosen, best, value = [*chosen, tune], soup, tried
    return replace(order[0], model=best, score=value), len(chosen)


def _mean() -> Callable[[Sequence[LanguageModel]], LanguageModel]:
    """Imported on use, since it needs torch."""
    from utils.models.local.weight_averaging import mean

    return mean


def measures(learner: object) -> dict[str, Callable[[pd.DataFrame], float]]:
    """Columns for the results, from the fitted learner: MEASURES, nan for other learners."""
    if not isinstance(learner, SoupClassifier):
        return dict.fromkeys(MEASURES, lambda answers: float("nan"))
    attributes = ("n_tunes_", "n_averaged_", "validation_score_")
    pairs = zip(MEASURES, attributes, strict=True)
    return {name: lambda answers, a=attribute: getattr(learner, a) for name, attribute in pairs}
