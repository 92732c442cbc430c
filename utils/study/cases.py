"""One case: a learner on a split. Its identity, the checks before it runs, and the run itself."""

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

SCORE_DIGITS = 6  # significant digits of a stored score; the rest is floating-point noise


@dataclass(frozen=True)
class Trial:
    """An unfitted learner and the rows it will see.

    Attributes:
        dataset: name of the table in the results.
        source: where its rows come from.
        split: training, validation and test rows.
        learner: LIFT or a classical learner, unfitted.
        queries: additional rows that are answered but not scored, such as a grid for a plot. In the answers they follow
            the test rows; their `row` is "query 0", "query 1", … and their truth is missing.
        measures: additional columns of the result row, by name: functions of the answers to test rows and queries.
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
                "at least two classes are needed (raise --limit, or choose another --target)"
            )

    def key(self, seed: int, settings: Mapping[str, object]) -> str:
        """A hash that identifies the case: its rows, their text, the learner with its settings and weights, the seed.

        The same case has the same key wherever and whenever it runs; an edited prompt changes it.
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
        """Checks before any training that the model loads, the prompts fit and the packages are installed.

        Raises:
            UserError: TooLong, BadModel, CannotDo, MissingPackage and similar.
        """
        self.learner.check(self.split.X_train, self.split.y_train, self._rows_to_answer())

    def run(self) -> tuple[dict[str, object], pd.DataFrame]:
        """Fits on the training rows, selects on the validation rows, scores on the test rows.

        Returns:
            The result row by column name, and the answers, one row per test row.
        """
        split, learner = self.split, self.learner
        started = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CollisionWarning)  # counted in the row and shown in the report
            learner.fit(split.X_train, split.y_train, validation=(split.X_validation, split.y_validation))
        fitted = time.perf_counter()
        answers = self._frame(learner.answers(self._rows_to_answer()))
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

    def _rows_to_answer(self) -> pd.DataFrame:
        """The test rows followed by the queries."""
        test = self.split.X_test
        if self.queries is None:
            return test
        return pd.concat([test, self.queries.set_axis([f"query {i}" for i in range(len(self.queries))])])

    def _frame(self, answers: Answers) -> pd.DataFrame:
        """One line per answered row; the truth of the queries is missing."""
        rows = self._rows_to_answer().index
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
        """The score without learning: accuracy of the majority class, or RAE of the training mean."""
        split = self.split
        if split.task == "classification":
            return metrics.chance_accuracy(split.y_train, split.y_test)
        mean = float(split.y_train.mean())
        return metrics.regression(split.y_test, np.full(len(split.y_test), mean), fill=mean)["rae"]


def columns(task: str, measures: Iterable[str] = ()) -> list[str]:
    """Names of the columns that `run` returns for a task, in order; `measures` are additional ones."""
    if task == "classification":
        scores = metrics.classification(["a", "b"], ["a", "b"])
    else:
        scores = metrics.regression([0.0, 1.0], [0.0, 1.0], fill=0.5)
    named = [name for name in scores if name != "n_invalid"]
    facts = ["chosen", "tokens_train", "n_collisions", "device", "dtype", "cost_usd"]
    return ["n_train", "n_test", *named, *measures, "chance", "n_invalid", "seconds_fit", "seconds_predict", *facts]
