"""One case: a learner on a split. What identifies it, what can be checked before it runs, and its run."""

from __future__ import annotations

import hashlib
import json
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from .. import metrics
from ..errors import BadTable
from ..estimators.base import CollisionWarning
from ..learners import Answers, Learner
from ..tables.splits import Split, content_hash

SCORE_DIGITS = 6  # significant digits of a stored score; beyond them is float noise


@dataclass(frozen=True)
class Trial:
    """A learner that is not fitted yet, and the rows it will see.

    Attributes:
        dataset: what results call the table.
        source: where its rows come from.
        split: training, validation and test rows.
        learner: LIFT or a classical learner, not fitted.
        queries: rows that are answered beside the test rows and not scored, such as a grid for a picture. In the
            answers they follow the test rows; their `row` is "query 0", "query 1", … and their truth is missing.
        measures: further columns of the result row, by name: functions of the answers, test rows and queries.
    """

    dataset: str
    source: str
    split: Split
    learner: Learner
    queries: pd.DataFrame | None = None
    measures: Mapping[str, Callable[[pd.DataFrame], float]] = field(default_factory=dict)

    def __post_init__(self):
        labels = self.split.y_train.nunique()
        if self.split.task == "classification" and labels < 2:
            raise BadTable(
                f"all {len(self.split.y_train)} training rows have the label {self.split.y_train.iloc[0]!r}; "
                "two classes at least are needed (raise --limit, or choose another --target)"
            )

    def key(self, seed: int, settings: Mapping[str, object]) -> str:
        """Identity of the case: the rows, the text they become, the learner with its settings and weights, the seed.

        The same case gets the same key wherever and whenever it runs; an edited prompt gets another one.
        """
        identity = {
            "rows": self.split.fingerprint(),
            "learner": self.learner.describe(),
            "text": self.learner.training_text(self.split.X_train, self.split.y_train.to_numpy()),
            "seed": seed,
            "settings": dict(settings),
        }
        if self.queries is not None:
            identity["queries"] = content_hash(self.queries)
        if self.measures:
            identity["measures"] = sorted(self.measures)
        text = json.dumps(identity, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def check(self) -> None:
        """What can be known before anything is trained: that the model loads, the prompts fit, the package is there.

        Raises:
            UserError: TooLong, BadModel, CannotDo, MissingPackage and their like.
        """
        self.learner.check(self.split.X_train, self.split.y_train, self._asked())

    def run(self) -> tuple[dict[str, object], pd.DataFrame]:
        """Fits on the training rows, selects on the validation rows, scores on the test rows.

        Returns:
            The scores and facts of the row by column name, and the answers, one row per test row.
        """
        split, learner = self.split, self.learner
        started = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CollisionWarning)  # the row counts them, and the report says so
            learner.fit(split.X_train, split.y_train, validation=(split.X_validation, split.y_validation))
        fitted = time.perf_counter()
        answers = self._frame(learner.answers(self._asked()))
        facts = {
            "seconds_fit": round(fitted - started, 2),
            "seconds_predict": round(time.perf_counter() - fitted, 2),
            **learner.facts(),
        }
        scores = self._scores(answers.iloc[: len(split.y_test)])
        scores |= {name: float(measure(answers)) for name, measure in self.measures.items()}
        scores |= {"chance": self._chance()}
        rounded = {name: float(f"{value:.{SCORE_DIGITS}g}") for name, value in scores.items() if name != "n_invalid"}
        sizes = {"n_train": len(split.X_train), "n_test": len(split.X_test)}
        return {**sizes, **rounded, "n_invalid": scores["n_invalid"], **facts}, answers

    def columns(self) -> list[str]:
        """Names of the columns that `run` returns, in order."""
        return columns(self.split.task, self.measures)

    def _asked(self) -> pd.DataFrame:
        """The test rows and, after them, the queries."""
        test = self.split.X_test
        if self.queries is None:
            return test
        return pd.concat([test, self.queries.set_axis([f"query {i}" for i in range(len(self.queries))])])

    def _frame(self, answers: Answers) -> pd.DataFrame:
        """A line for each row that was asked; the truth of the queries is missing."""
        rows = self._asked().index
        frame: dict[str, object] = {"row": rows}
        if answers.prompts:
            hashes = [hashlib.sha256(prompt.encode()).hexdigest()[:16] for prompt in answers.prompts]
            frame |= {"prompt_sha256": hashes, "text": answers.texts}
        frame |= {"parsed": answers.values, "truth": self.split.y_test.reindex(rows).to_numpy()}
        if answers.log_likelihoods is not None:
            likely = np.round(answers.log_likelihoods, SCORE_DIGITS)
            frame |= {f"log_p_{label}": likely[:, i] for i, label in enumerate(self.learner.classes_)}
        return pd.DataFrame(frame)

    def _scores(self, answers: pd.DataFrame) -> dict[str, float]:
        parsed, truth = answers["parsed"].tolist(), answers["truth"].tolist()
        if self.split.task == "regression":
            return metrics.regression(truth, parsed, fill=float(self.split.y_train.mean()))
        columns = [f"log_p_{label}" for label in self.learner.classes_]
        probabilities = np.exp(answers[columns].to_numpy()) if columns[0] in answers else None
        return metrics.classification(truth, parsed, probabilities, self.learner.classes_.tolist())

    def _chance(self) -> float:
        """What needs no learning: accuracy of the majority class, or RAE of the training mean."""
        split = self.split
        if split.task == "classification":
            return metrics.chance_accuracy(split.y_train, split.y_test)
        mean = float(split.y_train.mean())
        return metrics.regression(split.y_test, np.full(len(split.y_test), mean), fill=mean)["rae"]


def columns(task: str, measures: Iterable[str] = ()) -> list[str]:
    """Names of the columns that `run` returns for a task, in order; further measures by name."""
    if task == "classification":
        scores = metrics.classification(["a", "b"], ["a", "b"])
    else:
        scores = metrics.regression([0.0, 1.0], [0.0, 1.0], fill=0.5)
    named = [name for name in scores if name != "n_invalid"]
    facts = ["chosen", "tokens_train", "n_collisions", "device", "dtype", "cost_usd"]
    return ["n_train", "n_test", *named, *measures, "chance", "n_invalid", "seconds_fit", "seconds_predict", *facts]
