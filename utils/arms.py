"""Arms of a comparison: LIFT with settings that do not compete, and differences between arms on the same rows."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from utils import recipes
from utils.estimators import LIFTClassifier
from utils.trial import Trial

PROMPT_ONLY = ("if", "shots", "shot_choice", "shot_tokens")  # of a candidate, what the arm itself says


class PlainClassifier(LIFTClassifier):
    """LIFT with the plain settings of its recipe: none of its candidates competes.

    With `shots`, the tuning is the one that the recipe proposes for prompts with rows in them, if it has one.
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
        fixed = {*recipes.fixed(self.template, self._given()), *PROMPT_ONLY}
        proposed = [one for one in settings.get("candidates", []) if self.shots and one.get("shots")]
        for one in proposed[:1]:
            settings |= {name: value for name, value in one.items() if name not in fixed}
        return settings | {"candidates": []}

    def options(self) -> str:
        others = {**self.get_params(deep=False), **dict.fromkeys(self.hidden)}
        return super(PlainClassifier, type(self)(**others)).options()


def parameters(trial: Trial) -> dict[str, object]:
    """The parameters of the trial's LIFT, for another class of it."""
    return trial.learner.get_params(deep=False)


def paired(frame: pd.DataFrame, arm: str, reference: str, same: Sequence[str], score: str = "accuracy") -> pd.DataFrame:
    """Differences between arms that saw the same rows, seed by seed.

    Args:
        frame: finished cases.
        arm: column that names the arms.
        reference: the arm that all others are compared with.
        same: columns in which a pair agrees, seed aside. Where an arm has several cases in one pair, their mean counts.
        score: column of the score.

    Returns:
        One row per combination of `same` and arm: `n` pairs, the mean `difference` (arm minus reference), its `sd`
        (n - 1; nan with one pair) and `better`, the share of pairs in which the arm is ahead.
    """
    cells = frame.groupby([*same, "seed", arm], as_index=False)[score].mean()
    base = cells[cells[arm] == reference].drop(columns=arm).rename(columns={score: "score of the reference"})
    pairs = cells[cells[arm] != reference].merge(base, on=[*same, "seed"])
    pairs = pairs.assign(difference=pairs[score] - pairs["score of the reference"])
    grouped = pairs.assign(better=pairs["difference"] > 0).groupby([*same, arm], sort=False)
    return grouped.agg(
        n=("difference", "size"), difference=("difference", "mean"), sd=("difference", "std"), better=("better", "mean")
    ).reset_index()
