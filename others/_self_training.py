"""Self-training: a learner labels unlabelled rows, keeps the confident ones and is refitted (Scudder 1965).

plain.fit(few), plain.predict_proba(rest) -> sure ones join the few -> plain.fit(few + sure), as many rounds as wanted
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from utils.baselines import TunedClassifier
from utils.errors import UnknownName, UserError
from utils.estimators import PlainClassifier
from utils.options import parse_options
from utils.study.cases import Trial
from utils.tables.splits import Split, content_hash

ARMS = ("none", "self", "all", "random")
NUMBERS = {"threshold": float, "share": float, "rounds": int}


@dataclass(frozen=True)
class Plan:
    """Settings of self-training.

    Attributes:
        unlabelled: rows without labels.
        threshold: minimum probability of a kept label, 0 to 1.
        share: maximum share of the rows with the same predicted label to keep, likeliest first; above 0, at most 1.
        rounds: fits after the first. Each starts afresh on labelled and kept rows; the rows to keep are chosen again
            from all unlabelled ones, so that early mistakes can be corrected. It ends when nothing changes.
    """

    unlabelled: pd.DataFrame
    threshold: float = 0.9
    share: float = 1.0
    rounds: int = 2

    def describe(self) -> dict[str, object]:
        """The plan's identity, ready for JSON."""
        numbers = {name: getattr(self, name) for name in NUMBERS}
        return {**numbers, "unlabelled": content_hash(self.unlabelled)}

    def check(self) -> None:
        """Raises UserError for settings outside their ranges."""
        if not 0 <= self.threshold <= 1 or not 0 < self.share <= 1 or self.rounds < 1:
            raise UserError(
                f"threshold={self.threshold:g},share={self.share:g},rounds={self.rounds}: threshold is from 0 to 1, "
                "share above 0 and at most 1, and rounds 1 or more"
            )


def confident(probabilities: np.ndarray, threshold: float, share: float) -> np.ndarray:
    """Positions of the rows whose likeliest class has sufficient probability, in order.

    Args:
        probabilities: shape (n, n_classes).
        threshold: minimum probability.
        share: of the n rows with the same likeliest class, at most round(share · n) are kept, but at least one;
            the most confident first, ties by position.
    """
    label, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    kept = []
    for code in np.unique(label):
        rows = np.flatnonzero(label == code)
        ranked = rows[np.argsort(-sure[rows], kind="stable")][: max(1, round(share * len(rows)))]
        kept.extend(ranked[sure[ranked] >= threshold])
    return np.sort(np.array(kept, dtype=int))


class _SelfTraining:
    """Mixin for a classifier with fit, predict_proba and classes_; with `plan` None the classifier is unchanged.

    Attributes:
        pseudo_: labels of the rows kept in the last fit, by the index of the unlabelled rows.
        n_rounds_: fits after the first.
    """

    def fit(self, X, y, validation=None):
        """Fits on the labelled rows, then in rounds on these and the confidently labelled rows."""
        super().fit(X, y, validation)
        self.n_rounds_, tokens = 0, getattr(self, "n_tokens_trained_", 0)
        self.pseudo_ = pd.Series(dtype=object)
        for _ in range(self.plan.rounds if self.plan is not None and len(self.plan.unlabelled) else 0):
            rest = self.plan.unlabelled
            probabilities = np.asarray(self.predict_proba(rest))
            kept = confident(probabilities, self.plan.threshold, self.plan.share)
            labels = self.classes_[probabilities[kept].argmax(axis=1)]
            pseudo = pd.Series(labels, index=rest.index[kept], dtype=object)
            if pseudo.equals(self.pseudo_):
                break
            self.pseudo_ = pseudo
            both = pd.concat([pd.Series(np.asarray(y), index=X.index, dtype=object), pseudo])
            super().fit(pd.concat([X, rest.iloc[kept]]), both, validation)
            self.n_rounds_ += 1
            tokens += getattr(self, "n_tokens_trained_", 0)
        if hasattr(self, "n_tokens_trained_"):
            self.n_tokens_trained_ = tokens
        return self

    def describe(self) -> dict[str, object]:
        """The learner's identity apart from its data; includes the unlabelled rows."""
        return {**super().describe(), "plan": None if self.plan is None else self.plan.describe()}


class SelfTrainingLIFT(_SelfTraining, PlainClassifier):
    """LIFT with the plain settings of its recipe, and a `plan` (a Plan, or None)."""

    hidden = ("plan",)

    def __init__(self, model="lift-tiny", *, plan=None, **settings):
        super().__init__(model, **settings)
        self.plan = plan

    def check(self, X_train, y_train, X_test) -> None:
        rows = [X_test]
        if self.plan is not None:
            self.plan.check()
            rows.append(self.plan.unlabelled)
        super().check(X_train, y_train, pd.concat(rows))


class SelfTrainingBaseline(_SelfTraining, TunedClassifier):
    """A classical learner, and a `plan` (a Plan, or None)."""

    def __init__(self, name, seed=0, threads=1, plan=None):
        super().__init__(name, seed, threads)
        self.plan = plan

    def check(self, *rows) -> None:
        super().check(*rows)
        if self.plan is not None:
            self.plan.check()
            self.check_uncertainty()  # rows are kept by their probabilities


def trial(built: Trial, rows: int, arm: str, seed: int) -> Trial:
    """The trial with few labelled rows; the arm says what happens to the others.

    none             labelled rows only: the floor
    self:OPTIONS     labelled rows, the others without labels; options threshold=, share= and rounds=
    all              all rows with their true labels: the ceiling
    random           labelled rows, the others with labels drawn at random from these: the effect of wrong labels

    Additional result columns, nan without self-training: pseudo_rows (rows kept at the end), pseudo_share (their share
    of the unlabelled rows), pseudo_accuracy (share of correct labels among them) and rounds_done.

    Args:
        built: the trial on the whole split.
        rows: number of labelled rows, drawn by `seed`; validation rows are reduced in proportion.

    Raises:
        UserError: an unknown arm or option, or a number outside its range.
    """
    full, few = built.split, built.split.subsample(rows, seed)
    kind, options = _parsed(arm)
    rest = full.X_train.loc[~full.X_train.index.isin(few.X_train.index)]
    plan = Plan(rest, **options) if kind == "self" else None
    if plan is not None:
        plan.check()
    parameters = built.learner.get_params(deep=False)
    classical = isinstance(built.learner, TunedClassifier)
    learner = (SelfTrainingBaseline if classical else SelfTrainingLIFT)(**parameters, plan=plan)
    split = {"none": few, "self": few, "all": full}.get(kind) or _randomly_labelled(few, rest, seed)
    return replace(built, split=split, learner=learner, measures=_measures(learner, full.y_train))


def _parsed(arm: str) -> tuple[str, dict[str, float]]:
    kind, _, text = arm.partition(":")
    if kind not in ARMS or (text and kind != "self"):
        raise UnknownName(f"no arm {arm!r}; have {', '.join(ARMS)}, and self with threshold=, share= and rounds=")
    return kind, parse_options(arm, text, NUMBERS)


def _randomly_labelled(few: Split, rest: pd.DataFrame, seed: int) -> Split:
    drawn = np.random.default_rng([28, seed]).choice(few.y_train.to_numpy(), len(rest))
    labels = pd.Series(drawn, index=rest.index, name=few.y_train.name, dtype=few.y_train.dtype)
    return replace(few, X_train=pd.concat([few.X_train, rest]), y_train=pd.concat([few.y_train, labels]))


def _measures(learner, truth: pd.Series) -> Mapping[str, Callable[[pd.DataFrame], float]]:
    """Result columns about the kept rows. The learner itself never sees `truth`."""

    def of(value: Callable[[], float]) -> Callable[[pd.DataFrame], float]:
        return lambda answers: float("nan") if learner.plan is None else float(value())

    def right() -> float:
        kept = learner.pseudo_
        return np.mean(kept.to_numpy() == truth[kept.index].to_numpy()) if len(kept) else np.nan

    return {
        "pseudo_rows": of(lambda: len(learner.pseudo_)),
        "pseudo_share": of(lambda: len(learner.pseudo_) / max(1, len(learner.plan.unlabelled))),
        "pseudo_accuracy": of(right),
        "rounds_done": of(lambda: learner.n_rounds_),
    }
