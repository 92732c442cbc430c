"""Few labelled rows, as in TabLLM: balanced over the classes, five draws, the same test rows throughout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from utils import study, tables
from utils.errors import UserError
from utils.estimators import PlainClassifier
from utils.prompts.few_shot import Balanced
from utils.study.cases import Trial
from utils.study.config import Config
from utils.study.runner import Case
from utils.tables import registry
from utils.tables.splits import Split

WORDS = {"names": {"labels": "text"}, "paper": {"labels": "codes"}}  # with column names, classes have their names too
HALVES = ("at most the median", "above the median")


class FewShotClassifier(PlainClassifier):
    """LIFT on few rows; with none, it answers untuned. Rows and wording have their own result columns."""

    hidden = ("template", "epochs")


def expand(names: Sequence[str]) -> list[str]:
    """The tables that names and groups stand for; regression tables must be named individually."""
    entries = {name: registry.find(name) for name in names}
    return [
        table
        for name, entry in entries.items()
        for table in ([name] if entry and entry.task == "regression" else tables.expand((name,), "classification"))
    ]


def trial(case: Case, config: Config) -> Trial:
    """The learner on the case's number of rows; a numeric target becomes two classes, cut at its median.

    Raises:
        UserError: an unknown table or method, a wording not in WORDS, or more classes than rows.
    """
    entry = registry.find(case.dataset)
    if entry and entry.task == "regression":
        plain = study.trial(replace(case, method="mean"), config, "regression")
        built = replace(plain, split=halves(plain.split), learner=study.learner(case, config, "classification"))
    else:
        built = study.trial(case, config, "classification")
    n = case.settings["rows"]
    split = draw(built.split, n, case.seed) if n else built.split
    if case.method != "lift":
        return replace(built, split=split)
    wording = case.settings["names"]
    if wording not in WORDS:
        raise UserError(f"no wording {wording!r} here; have {', '.join(WORDS)}")
    given = built.learner.get_params(deep=False)
    given |= {"template": {**(given["template"] or {}), "wording": wording, **WORDS[wording]}}
    if not n:
        given |= {"epochs": 0}
    return replace(built, split=split, learner=FewShotClassifier(**given))


def draw(split: Split, n: int, seed: int) -> Split:
    """The split with at most `n` training rows, class counts as equal as possible, and validation rows reduced in the
    same proportion, at least one of each class.

    Raises:
        UserError: fewer rows than classes.
    """
    n_classes = split.y_train.nunique()
    if n < n_classes:
        raise UserError(f"{n} rows are too few for {n_classes} classes; give --rows {n_classes} or more")
    if n >= len(split.y_train):
        return split
    rows = _balanced(split.y_train, n, np.random.default_rng([17, seed]))
    held = max(n_classes, round(n / len(split.y_train) * len(split.y_validation)))
    fewer = replace(split, X_train=split.X_train.iloc[rows], y_train=split.y_train.iloc[rows])
    if held >= len(split.y_validation):
        return fewer
    kept = np.sort(
        Balanced(split.y_validation.to_numpy(), held, "classification").draw(np.random.default_rng([19, seed]))
    )
    return replace(fewer, X_validation=split.X_validation.iloc[kept], y_validation=split.y_validation.iloc[kept])


def _balanced(y: pd.Series, n: int, rng: np.random.Generator) -> np.ndarray:
    return np.sort(Balanced(y.to_numpy(), n, "classification").draw(rng))


def halves(split: Split) -> Split:
    """A regression split as a two-class one: up to the median of the training targets, and above it."""
    middle = split.y_train.median()
    parts = {
        f"y_{part}": pd.Series(np.where(y > middle, HALVES[1], HALVES[0]), index=y.index, name=y.name, dtype=object)
        for part, y in (("train", split.y_train), ("validation", split.y_validation), ("test", split.y_test))
    }
    return replace(split, **parts, task="classification")
