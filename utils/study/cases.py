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
from ..baselines import Tuned
from ..errors import BadTable
from ..estimators import LIFT
from ..estimators.base import CollisionWarning
from ..tables.splits import Split, content_hash

SCORE_DIGITS = 6  # significant digits of a stored score; beyond them is float noise


@dataclass(frozen=True)
class Trial:
    """A learner that is not fitted yet, and the rows it will see.

    Attributes:
        dataset: what results call the table.
        source: where its rows come from.
        split: training, validation and test rows.
        learner: LIFT or a classical learner.
        queries: rows that are answered beside the test rows and not scored, such as a grid for a picture. In the
            answers they follow the test rows; their `row` is "query 0", "query 1", … and their truth is missing.
        measures: further columns of the result row, by name: functions of the answers, test rows and queries.
    """

    dataset: str
    source: str
    split: Split
    learner: LIFT | Tuned
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
            "text": self._training_text(),
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
        if isinstance(self.learner, LIFT):
            self.learner.check(self.split.X_train, self.split.y_train, self._asked())
        else:
            self.learner.check()

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
        answers = self._lift_answers() if isinstance(learner, LIFT) else self._plain_answers()
        facts = {
            "seconds_fit": round(fitted - started, 2),
            "seconds_predict": round(time.perf_counter() - fitted, 2),
            **self._facts(),
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

    def _truth(self) -> np.ndarray:
        """The test rows' truth, and as many gaps as there are queries."""
        return self.split.y_test.reindex(self._asked().index).to_numpy()

    def _training_text(self) -> str:
        if not isinstance(self.learner, LIFT):
            return ""
        X, y = self.split.X_train, self.split.y_train.to_numpy()
        return self.learner.unfitted_template().fit(X, y).text_sha256(X, y)

    def _lift_answers(self) -> pd.DataFrame:
        asked = self._asked()
        answers = self.learner.answers(asked)
        frame = {
            "row": asked.index,
            "prompt_sha256": [hashlib.sha256(prompt.encode()).hexdigest()[:16] for prompt in answers.prompts],
            "text": answers.texts,
            "parsed": answers.values,
            "truth": self._truth(),
        }
        return pd.DataFrame(frame | _probabilities(answers.log_likelihoods, self.learner))

    def _plain_answers(self) -> pd.DataFrame:
        X = self._asked()
        frame = {"row": X.index, "parsed": self.learner.predict(X), "truth": self._truth()}
        # `predict_proba` is there only where the learner has it (a margin classifier has none).
        likely = (
            np.log(np.maximum(self.learner.predict_proba(X), 1e-300))
            if hasattr(self.learner, "predict_proba")
            else None
        )
        return pd.DataFrame(frame | _probabilities(likely, self.learner))

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

    def _facts(self) -> dict[str, object]:
        learner = self.learner
        if not isinstance(learner, LIFT):
            chosen = {"tokens_train": 0, "n_collisions": 0, "device": "cpu", "dtype": "float64"}
            fewer = {"n_train": learner.n_train_used_} if learner.n_train_used_ < len(self.split.X_train) else {}
            return {"chosen": json.dumps({**learner.best_params_, **fewer}), **chosen, "cost_usd": 0.0}
        chosen = dict(learner.candidate_)
        if learner.settings_["shots"]:
            chosen["shots"] = learner.settings_["shots"]
        if learner.best_epoch_:
            chosen |= {"epoch": learner.best_epoch_, "learning_rate": learner.best_learning_rate_}
        return {
            "chosen": json.dumps(chosen),
            "tokens_train": learner.n_tokens_trained_,
            "n_collisions": learner.template_.n_collisions_,
            "device": learner.model_.device,
            "dtype": learner.model_.dtype,
            "cost_usd": round(learner.model_.cost_usd, 8),
        }


def columns(task: str, measures: Iterable[str] = ()) -> list[str]:
    """Names of the columns that `run` returns for a task, in order; further measures by name."""
    if task == "classification":
        scores = metrics.classification(["a", "b"], ["a", "b"])
    else:
        scores = metrics.regression([0.0, 1.0], [0.0, 1.0], fill=0.5)
    named = [name for name in scores if name != "n_invalid"]
    facts = ["chosen", "tokens_train", "n_collisions", "device", "dtype", "cost_usd"]
    return ["n_train", "n_test", *named, *measures, "chance", "n_invalid", "seconds_fit", "seconds_predict", *facts]


def _probabilities(log_likelihoods: np.ndarray | None, learner) -> dict[str, np.ndarray]:
    """One column per class with the natural logarithm of its probability, six digits."""
    if log_likelihoods is None:
        return {}
    rounded = np.round(log_likelihoods, SCORE_DIGITS)
    return {f"log_p_{label}": rounded[:, i] for i, label in enumerate(learner.classes_)}
