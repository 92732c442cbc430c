"""Sums and differences of two numbers, and prompts with a right, a wrong or no formula (paper, appendix)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from utils.errors import UnknownName, UserError
from utils.estimators import LIFTRegressor
from utils.prompts import wordings
from utils.tables import splits
from utils.tables.splits import Split

SIGNS = {"sum": 1, "difference": -1}  # target → sign of x2
FORMULAS = {"sum": "x1+x2", "difference": "x1-x2"}
PROMPTS = ("neutral", "correct", "contradicting")
RANGE = -10.0, 10.0  # inputs are uniform on it
SIZES = {"validation": 50, "test": 100}  # rows, as in the paper


class PromptedRegressor(LIFTRegressor):
    """LIFTRegressor whose `options` omit the wording, which has its own result column."""

    def options(self) -> str:
        parameters = self.get_params(deep=False)
        template = {name: value for name, value in parameters["template"].items() if name != "wording"}
        return LIFTRegressor(**{**parameters, "template": template or None}).options()


def wording(target: str, prompt: str) -> str:
    """The wording of a row; the three prompts differ only in the formula.

    Args:
        target: one of FORMULAS.
        prompt: one of PROMPTS; or a text with {features} in it or the name of a generic wording, which are used
            unchanged.

    Raises:
        UnknownName: an unknown target or prompt.
    """
    _check(target)
    if "{" in prompt or prompt in wordings.GENERIC:
        return prompt
    if prompt not in PROMPTS:
        names = ", ".join([*PROMPTS, *wordings.GENERIC])
        raise UnknownName(f"no prompt {prompt!r}; have {names}, or your own text with {{features}} in it")
    wrong = next(formula for name, formula in FORMULAS.items() if name != target)
    subject = {"neutral": "y", "correct": FORMULAS[target], "contradicting": wrong}[prompt]
    return f"When we have {{features}}, {subject}="


def split(target: str, n: int, seed: int) -> Split:
    """`n` training, 50 validation and 100 test rows of y = x1 + x2 or x1 - x2 without noise.

    With the same seed, both targets share their inputs, and the training rows of a smaller `n` are the first rows of a
    larger one, so that cases can be compared in pairs.

    Raises:
        UnknownName: an unknown target.
        UserError: fewer than one row, or a negative seed.
    """
    _check(target)
    splits.check(seed, "independent")
    if n < 1:
        raise UserError(f"{n} training rows leave nothing to learn from; use 1 or more")
    parts = {}
    for number, (part, size) in enumerate({"train": n, **SIZES}.items()):
        values = np.random.default_rng([16, seed, number]).uniform(*RANGE, size=(size, 2))
        y = values[:, 0] + SIGNS[target] * values[:, 1]
        parts |= {f"X_{part}": pd.DataFrame(values, columns=["x1", "x2"]), f"y_{part}": pd.Series(y, name="y")}
    return Split(**parts, task="regression")


def _check(target: str) -> None:
    if target not in FORMULAS:
        raise UnknownName(f"no target {target!r}; have {', '.join(FORMULAS)}")
