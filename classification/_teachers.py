"""Learners with fixed settings that label rows for others, and how well these reproduce them (paper appendix).

teacher = fit(split, "tree3", seed=0)
taught = teacher.relabel(split)     # the same rows with the teacher's labels
kappa(teacher.predict(X), student_answers)
"""

from __future__ import annotations

import atexit
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import cohen_kappa_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from utils.errors import BadTable, UnknownName
from utils.tables.encoding import Encoder
from utils.tables.splits import Split

MLP_ITERATIONS = 1000  # maximum passes over the rows
UNREAD = "\0unreadable"  # stands for unreadable answers: a separate class, equal to no label


def _xgboost(seed: int):
    from xgboost import XGBClassifier

    return XGBClassifier(tree_method="hist", n_jobs=1, random_state=seed)


# The paper's teachers. Settings it does not give are library defaults; logistic regression has C = 1.
TEACHERS: dict[str, Callable[[int], object]] = {
    "svm_poly": lambda seed: SVC(kernel="poly", random_state=seed),
    "svm_rbf": lambda seed: SVC(kernel="rbf", random_state=seed),
    "svm_sigmoid": lambda seed: SVC(kernel="sigmoid", random_state=seed),
    "logreg": lambda seed: LogisticRegression(max_iter=1000),
    "knn1": lambda seed: KNeighborsClassifier(1),
    "knn3": lambda seed: KNeighborsClassifier(3),
    "knn5": lambda seed: KNeighborsClassifier(5),
    "tree3": lambda seed: DecisionTreeClassifier(max_depth=3, random_state=seed),
    "tree5": lambda seed: DecisionTreeClassifier(max_depth=5, random_state=seed),
    "mlp10": lambda seed: MLPClassifier((10,), max_iter=MLP_ITERATIONS, random_state=seed),
    "mlp100": lambda seed: MLPClassifier((100,), max_iter=MLP_ITERATIONS, random_state=seed),
    "mlp200": lambda seed: MLPClassifier((200,), max_iter=MLP_ITERATIONS, random_state=seed),
    "xgboost": _xgboost,
    "forest20": lambda seed: RandomForestClassifier(20, random_state=seed),
    "forest50": lambda seed: RandomForestClassifier(50, random_state=seed),
    "forest100": lambda seed: RandomForestClassifier(100, random_state=seed),
}


@dataclass(frozen=True)
class Teacher:
    """A fitted learner.

    Attributes:
        name: one of TEACHERS.
        classes: (k,) labels; the pipeline answers with their codes.
        pipeline: the encoder that all classical learners use, then the learner.
    """

    name: str
    classes: np.ndarray
    pipeline: Pipeline

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """(n,) labels."""
        return self.classes[self.pipeline.predict(X).astype(int)]

    def relabel(self, split: Split) -> Split:
        """The split with this teacher's labels in all three parts.

        Raises:
            BadTable: the teacher gives all training rows the same label.
        """
        parts = {}
        for part in ("train", "validation", "test"):
            y = getattr(split, f"y_{part}")
            labels = self.predict(getattr(split, f"X_{part}"))
            parts[f"y_{part}"] = pd.Series(labels, index=y.index, name=y.name, dtype=object)
        if parts["y_train"].nunique() < 2:
            raise BadTable(
                f"the teacher {self.name} gives all {len(split.y_train)} training rows the same label, so there is "
                "nothing to learn; leave it out of --teachers, or choose other --datasets"
            )
        return replace(split, **parts)


@dataclass(frozen=True)
class _Rows:
    """A split that equals another one if their contents are equal; hashable."""

    fingerprint: str
    split: Split = field(compare=False)


def fit(split: Split, name: str, seed: int) -> Teacher:
    """The teacher of that name, fitted on the training rows, once per process for the same rows and seed.

    Raises:
        UnknownName: no such teacher.
    """
    if name not in TEACHERS:
        raise UnknownName(f"no teacher {name!r}; have {', '.join(TEACHERS)}")
    return _fit(_Rows(split.fingerprint(), split), name, seed)


@lru_cache(maxsize=128)
def _fit(rows: _Rows, name: str, seed: int) -> Teacher:
    classes, codes = np.unique(rows.split.y_train.to_numpy(), return_inverse=True)
    pipeline = make_pipeline(Encoder(), TEACHERS[name](seed))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a teacher need not have converged
        pipeline.fit(rows.split.X_train, codes)
    return Teacher(name, classes, pipeline)


atexit.register(_fit.cache_clear)  # XGBoost's models print an error if they outlive its library


def agreement(ours: Sequence, theirs: Sequence) -> float:
    """Share of equal answers, 0 to 1; an unreadable answer (None or NaN) never counts as equal."""
    ours, theirs = _readable(ours), _readable(theirs)
    return float(np.mean((ours == theirs) & (ours != UNREAD)))


def kappa(ours: Sequence, theirs: Sequence) -> float:
    """Cohen's kappa of two columns of answers: 1 if equal, 0 for chance agreement.

    Unreadable answers count as a separate class. NaN if both columns consist of the same single answer, since chance
    agreement is then 1 as well.
    """
    ours, theirs = _readable(ours), _readable(theirs)
    if len(set(ours) | set(theirs)) < 2:
        return float("nan")
    return float(cohen_kappa_score(ours, theirs))


def alike(answers: pd.DataFrame, own: str = "lift") -> pd.DataFrame:
    """How much each learner's answers agree with those of LIFT.

    Args:
        answers: one row per finished case, with the columns method, labels (answers at the same points) and those
            that identify the case; only cases that agree in all of these are compared.
        own: the method whose answers are compared with those of all others.

    Returns:
        Columns method, kappa (mean over the comparisons, NaN left out) and n (comparisons), the most alike first.
    """
    keys = [column for column in answers.columns if column not in ("method", "labels")]
    lift = answers[answers["method"] == own].drop(columns="method")
    pairs = answers[answers["method"] != own].merge(lift, on=keys, suffixes=("", "_own"))
    values = [kappa(ours, theirs) for ours, theirs in zip(pairs["labels_own"], pairs["labels"], strict=True)]
    grouped = pairs.assign(kappa=values).groupby("method")["kappa"]
    table = pd.DataFrame({"kappa": grouped.mean(), "n": grouped.count()}).reset_index()
    return table.sort_values("kappa", ascending=False, ignore_index=True)


def alike_each(answers: pd.DataFrame, own: Sequence[str]) -> pd.DataFrame:
    """`alike` for each of the methods `own`, named in the column `model` if there are several."""
    table = pd.concat({name: alike(answers, name) for name in own}, names=["model"]).reset_index("model")
    return table if len(own) > 1 else table.drop(columns="model")


def _readable(answers: Sequence) -> np.ndarray:
    return np.array([UNREAD if pd.isna(answer) else str(answer) for answer in answers], dtype=object)
