"""In-context learning: training rows in the prompt, no tuning (paper §3.1, Table 5)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from utils.errors import UnknownName, UserError
from utils.estimators import PlainClassifier
from utils.estimators.selection import Setup
from utils.prompts.few_shot import Balanced, Random, Shots
from utils.tables.splits import Split

PAPER_SHOTS = {  # rows in the prompt, as many as GPT-J's context held (paper Table 5)
    "breast-cancer": 35,
    "tae": 50,
    "vehicle": 14,
    "visualizing_hamster": 43,
    "wholesale-customers": 29,
    "LED-display-domain-7digit": 33,
}
PAPER = "paper"
TITLES = {f"{name}, k = {PAPER}": f"{name}, k = {n}" for name, n in PAPER_SHOTS.items()}  # of panels
SUBSETS = ("random", "balanced")  # choices that show the same rows for all queries


class ShowingClassifier(PlainClassifier):
    """LIFT with training rows in the prompt, in tuning too; their number and choice have their own result columns."""

    hidden = ("shots", "shot_choice")


class InContextClassifier(ShowingClassifier):
    """In-context learning: nothing is tuned, whatever `epochs` says, and validation rows are not used.

    Without `shots`, every prompt starts with all training rows, in an order drawn by the seed; with `shots`, with those
    that `shot_choice` picks.
    """

    hidden = (*ShowingClassifier.hidden, "epochs")

    def by_recipe(self) -> dict[str, object]:
        return super().by_recipe() | {"epochs": 0}

    def prepare(self, setup: Setup, X: pd.DataFrame, y: np.ndarray) -> Setup:
        if setup.settings["shots"]:
            return setup
        order = np.random.default_rng(self.seed("shots")).permutation(len(X))
        shown = Shots(Random(len(X), len(X)), X.iloc[order], y[order])
        settings = setup.settings | {"shots": len(X)}
        return replace(setup, settings=settings, reader=replace(setup.reader, shots=shown))


def n_shown(dataset: str, shown: str, n_train: int) -> int:
    """How many rows a prompt shows: the number in `shown`, at most one less than the number of training rows.

    Args:
        dataset: the table's name.
        shown: a number as text, or PAPER for the paper's own.
        n_train: training rows.

    Raises:
        UserError: not a number above 0, or the paper has none for this table.
    """
    if shown == PAPER and dataset not in PAPER_SHOTS:
        raise UserError(f"the paper shows no rows of {dataset}, only of {', '.join(PAPER_SHOTS)}; give --shown 16")
    requested = PAPER_SHOTS[dataset] if shown == PAPER else int(shown)
    if requested < 1:
        raise UserError(
            f"--shown {requested}: a prompt needs rows to show; give 1 or more, or 0 for the paper's number"
        )
    return min(requested, n_train - 1)


def subset(split: Split, n: int, choice: str, seed: int) -> Split:
    """The split with `n` of its training rows, and validation rows in the same proportion.

    Args:
        split: a classification split of more than `n` training rows.
        n: rows.
        choice: "random" (stratified) or "balanced" (class counts as equal as possible).
        seed: of the rows.

    Raises:
        UnknownName: an unknown choice.
    """
    if choice not in SUBSETS:
        raise UnknownName(f"no subset {choice!r}; have {', '.join(SUBSETS)}")
    fewer = split.subsample(n, seed)
    if choice == "random":
        return fewer
    drawn = Balanced(split.y_train.to_numpy(), n, "classification").draw(np.random.default_rng([7, seed]))
    rows = np.sort(drawn)
    return replace(fewer, X_train=split.X_train.iloc[rows], y_train=split.y_train.iloc[rows])
