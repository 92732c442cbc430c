"""LIFT for one arm of a comparison: without the recipe's candidates, or without those that are another model."""

from __future__ import annotations

from . import recipes
from .lift import LIFTClassifier

PROMPT_ONLY = ("if", "shots", "shot_choice", "shot_tokens")  # parts of a candidate that the arm itself sets


class PlainClassifier(LIFTClassifier):
    """LIFT with the plain settings of its recipe, without candidates.

    With `shots`, tuning follows the recipe's proposal for prompts that show rows, if it has one.
    A subclass may add parameters and pass the others on as keywords.

    Attributes:
        hidden: parameters that `options` leaves out, because the experiment has columns for them.
    """

    hidden: tuple[str, ...] = ()

    @classmethod
    def _get_param_names(cls) -> list[str]:
        return sorted({*super()._get_param_names(), *LIFTClassifier._get_param_names()})

    def settings(self) -> dict[str, object]:
        settings = super().settings()
        fixed = {*recipes.fixed(self.template, self.by_recipe()), *PROMPT_ONLY}
        own = [candidate for candidate in settings.get("candidates", []) if "model" not in candidate]
        for candidate in [candidate for candidate in own if self.shots and candidate.get("shots")][:1]:
            settings |= {name: value for name, value in candidate.items() if name not in fixed}
        return settings | {"candidates": []}

    def options(self) -> str:
        others = {**self.get_params(deep=False), **dict.fromkeys(self.hidden)}
        return super(PlainClassifier, type(self)(**others)).options()


class SingleModelClassifier(LIFTClassifier):
    """LIFT without the recipe's candidates that hand a table over to another model."""

    def settings(self) -> dict[str, object]:
        settings = super().settings()
        own = [candidate for candidate in settings.get("candidates", []) if "model" not in candidate]
        return settings | {"candidates": own}
