"""Queries a language model about rows and reads its answers: by likelihood, free text, or as a distribution."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..learners import Answers
from ..models.base import LanguageModel
from ..prompts import Template
from ..prompts.few_shot import Shots
from .distribution import Distribution

RETRY_TEMPERATURE = 0.75  # for retrying an unreadable answer (the original's value)


@dataclass(frozen=True)
class Reader:
    """How a fitted estimator queries a model and reads its answers.

    Attributes:
        templates: the fitted template, then its copies with other feature orders; likelihoods are averaged over all.
        shots: training rows written before each prompt; None for none.
        max_new_tokens: maximum tokens of a free answer.
        retries: number of retries for an unreadable free answer.
        seed: of all sampling.
    """

    templates: list[Template]
    shots: Shots | None
    max_new_tokens: int
    retries: int
    seed: int

    def prompts(self, X: pd.DataFrame, template: Template | None = None) -> list[str]:
        """The prompts of the rows, preceded by the shots."""
        template = template or self.templates[0]
        prompts = template.prompts(X)
        return prompts if self.shots is None else self.shots.before(prompts, X, template)

    def classes(self, model: LanguageModel, X: pd.DataFrame) -> Answers:
        """The most likely class of each row."""
        template = self.templates[0]
        log_likelihoods = self.log_likelihoods(model, X)
        best = log_likelihoods.argmax(axis=1)
        texts = [template.candidates_[i] for i in best]
        return Answers(self.prompts(X), texts, [template.classes_[i] for i in best], log_likelihoods)

    def log_likelihoods(self, model: LanguageModel, X: pd.DataFrame) -> np.ndarray:
        """(n, n_candidates) log-probabilities of the candidates, normalised and averaged over the feature orders."""
        candidates = self.templates[0].candidates_
        orders = [model.log_likelihood(self.prompts(X, template), candidates) for template in self.templates]
        normalised = [scores - np.logaddexp.reduce(scores, axis=1, keepdims=True) for scores in orders]
        return np.logaddexp.reduce(normalised, axis=0) - np.log(len(orders))

    def distribution(self, model: LanguageModel, X: pd.DataFrame) -> Distribution:
        """The distributions of the answers over the template's levels, from one pass of the model."""
        template = self.templates[0]
        levels = np.array([template.parse(text) for text in template.candidates_], dtype=float)
        return Distribution(np.exp(self.log_likelihoods(model, X)), levels)

    def central(self, model: LanguageModel, X: pd.DataFrame, centre: str) -> Answers:
        """The exact mean or median of each answer's distribution."""
        distribution = self.distribution(model, X)
        values = (distribution.mean() if centre == "mean" else distribution.median()).tolist()
        return Answers(self.prompts(X), [repr(value) for value in values], values)

    def free(self, model: LanguageModel, X: pd.DataFrame) -> Answers:
        """One greedy answer per row; unreadable ones are retried at a higher temperature."""
        parse = self.templates[0].parse
        prompts = self.prompts(X)
        texts = [answers[0] for answers in self._generate(model, prompts, 0.0, 1)]
        values = [parse(text) for text in texts]
        unread = [i for i, value in enumerate(values) if value is None] if self.retries else []
        if unread:
            again = self._generate(model, [prompts[i] for i in unread], RETRY_TEMPERATURE, self.retries)
            for i, tries in zip(unread, again, strict=True):
                values[i] = next((parse(text) for text in tries if parse(text) is not None), None)
                texts[i] = json.dumps([texts[i], *tries], ensure_ascii=False)
        return Answers(prompts, texts, values)

    def sampled(self, model: LanguageModel, X: pd.DataFrame, samples: int, centre: Callable) -> Answers:
        """`centre` (a mean or median) of the readable answers among `samples` drawn at temperature 1."""
        parse = self.templates[0].parse
        prompts = self.prompts(X)
        drawn = self._generate(model, prompts, 1.0, samples)
        read = [[value for value in map(parse, texts) if value is not None] for texts in drawn]
        values = [float(centre(numbers)) if numbers else None for numbers in read]
        return Answers(prompts, [json.dumps(texts, ensure_ascii=False) for texts in drawn], values)

    def _generate(self, model, prompts: list[str], temperature: float, samples: int) -> list[list[str]]:
        return model.generate(
            prompts,
            stop=self.templates[0].stop,
            temperature=temperature,
            samples=samples,
            max_new_tokens=self.max_new_tokens,
            seed=self.seed,
        )
