"""One measurement of `benchmarks/job.py`, in a separate process, so that imports, loading and memory are its own.

python -m benchmarks.job_case '{"dataset": "iris", "method": "lift", "threads": 1}'

Prints one line of JSON. All seconds are those of this process from its start, excluding making the table and scoring;
those of `fit` and `predict` also exclude imports and loading during these calls.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.machine import peak, processor_seconds
from benchmarks.phases import OTHER, UPDATE, Phases

MADE = "made"  # 1,000 training rows of 20 columns
TASKS = {"iris": "classification", "wine": "classification", "digits": "classification", MADE: "classification"}
TASKS |= {"diabetes": "regression"}
STATEMENT = "from utils.estimators import LIFTClassifier; LIFTClassifier()"
STARTS = {  # what is run without a table
    "estimator": STATEMENT,
    "estimator and weights": f'{STATEMENT}; from utils import models; models.load("lift-tiny", threads=1)',
}
APART = ("import", "load")  # phases that a second fit in the same process would not have


def measure(
    dataset: str, method: str, threads: int = 1, seed: int = 0, updates: int = 0, epochs: int = 0
) -> dict[str, Any]:
    """The measurements of one job; see the module's docstring.

    Args:
        dataset: a key of TASKS; "" for a key of STARTS as method.
        method: "lift", "trl" or a classical learner.
        threads: of the learner; the libraries follow the environment.
        updates: of TRL.
        epochs: of LIFT; 0 for its recipe's.
    """
    with Phases() as phases:
        if not dataset:
            exec(STARTS[method], {})
            row: dict[str, Any] = {}
            unseen = {"cpu": 0.0, "wall": 0.0}
        else:
            row, unseen = _job(phases, TASKS[dataset], dataset, _maker(method, threads, seed, updates, epochs), seed)
    if "torch" in sys.modules:
        row["capability"] = sys.modules["torch"].backends.cpu.get_cpu_capability()
    row |= {"updates": phases.calls[UPDATE.get(method, "")], "peak_mib": peak() / 2**20}
    total = processor_seconds() - unseen["cpu"]
    seconds = {**phases.cpu, OTHER: 0.0}
    seconds[OTHER] = total - sum(seconds.values())
    return {**row, "cpu_s": total, "aside_wall_s": unseen["wall"], **{f"{name} s": s for name, s in seconds.items()}}


def _maker(method: str, threads: int, seed: int, updates: int, epochs: int) -> Callable[[str], Any]:
    """A function that maps the task to the learner, imported when called."""

    def make(task: str) -> Any:
        if method == "lift":
            from utils import estimators

            kind = estimators.LIFTClassifier if task == "classification" else estimators.LIFTRegressor
            return kind(epochs=epochs or None, threads=threads, random_state=seed)
        if method == "trl":
            from benchmarks.sft import Sft

            return Sft(task, updates, threads)
        from utils import baselines

        return (baselines.classifier if task == "classification" else baselines.regressor)(method, seed, threads)

    return make


def _job(
    phases: Phases, task: str, dataset: str, make: Callable[[str], Any], seed: int
) -> tuple[dict[str, Any], dict[str, float]]:
    """Measurements of fitting and predicting, and the seconds of neither: making the table, scoring."""
    learner = make(task)
    row: dict[str, Any] = {"task": task}
    unseen = {"cpu": 0.0, "wall": 0.0}
    with _aside(phases, unseen):
        split = _split(dataset, task, seed)
    with _timed(phases, row, "fit"):
        learner.fit(split.X_train, split.y_train, validation=(split.X_validation, split.y_validation))
    with _timed(phases, row, "predict"):
        answers = learner.predict(split.X_test)
    with _aside(phases, unseen):
        from utils import metrics

        if task == "classification":
            score = metrics.classification(split.y_test, answers)["accuracy"]
        else:
            score = metrics.regression(split.y_test, answers, fill=split.y_train.mean())["rae_mean_filled"]
    row |= {"n_train": len(split.X_train), "n_columns": split.X_train.shape[1], "score": score}
    return row | {"tokens": getattr(learner, "n_tokens_trained_", 0)}, unseen


def _split(dataset: str, task: str, seed: int) -> Any:
    if dataset == MADE:
        from benchmarks import made_table

        return made_table.split(1000, 20, seed)
    from utils import tables

    return tables.load(dataset, task=task).split(seed)


@contextmanager
def _timed(phases: Phases, row: dict[str, Any], stage: str) -> Iterator[None]:
    """Adds to `row` the seconds of the block without imports and loading."""
    phases.switch(OTHER)
    before = {clock: dict(getattr(phases, clock)) for clock in ("cpu", "wall")}
    yield
    phases.switch(OTHER)
    for clock, seconds in before.items():
        now = getattr(phases, clock)
        row[f"{stage}_{clock}_s"] = sum(now[name] - seconds[name] for name in now if name not in APART)


@contextmanager
def _aside(phases: Phases, unseen: dict[str, float]) -> Iterator[None]:
    """Takes the seconds of the block out of all phases and adds them to `unseen`."""
    phases.switch(OTHER)
    before = {clock: dict(getattr(phases, clock)) for clock in unseen}
    yield
    phases.switch(OTHER)
    for clock, seconds in before.items():
        unseen[clock] += sum(getattr(phases, clock).values()) - sum(seconds.values())
        getattr(phases, clock).update(seconds)


if __name__ == "__main__":
    print(json.dumps(measure(**json.loads(sys.argv[1]))))
