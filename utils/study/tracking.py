"""Logs finished cases to an experiment tracker (--log-to): trackio, Weights & Biases or MLflow, through its own API.

Each case is a run, with its settings as the run's parameters and its scores as metrics. Account and location are
configured in the tracker itself, by its own variables and logins (WANDB_MODE=offline, MLFLOW_TRACKING_URI, …).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping
from types import ModuleType

from ..optional import require

# Columns of a row that are settings, not scores.
WORDS = ("chosen", "device", "dtype", "commit", "finished_at")
LONGEST = 500  # characters of a setting, the limit of older MLflow servers


class Tracker:
    """Sends rows to one library.

    Args:
        name: "trackio", "wandb" or "mlflow".
        project: the tracker's project.

    Raises:
        MissingPackage: the library is not installed.
    """

    def __init__(self, name: str, project: str):
        self.name, self.project = name, project
        self.library: ModuleType | None = require(name, name)

    def note(self, case: str, head: Iterable[str], row: Mapping[str, object]) -> None:
        """Sends a finished case. After a failure, one warning is printed and nothing more is sent.

        Args:
            case: the name of the run.
            head: columns of the row that identify the case.
        """
        if self.library is None:
            return
        identifying = {*head, *WORDS}
        settings = {k: str(v)[:LONGEST] for k, v in row.items() if k in identifying and str(v)}
        scores = {k: float(v) for k, v in row.items() if k not in identifying and _is_score(v)}
        try:
            send = self._mlflow if self.name == "mlflow" else self._as_wandb
            send(self.library, case, settings, scores)
        except Exception as error:  # a tracker must never stop the study
            self.library = None
            print(
                f"--log-to {self.name}: {type(error).__name__}: {error}; nothing more is sent, results are unaffected",
                file=sys.stderr,
                flush=True,
            )

    def _as_wandb(self, library: ModuleType, case: str, settings: dict[str, str], scores: dict[str, float]) -> None:
        """Weights & Biases, whose API trackio shares."""
        library.init(project=self.project, name=case, config=settings)
        try:
            library.log(scores)
        finally:
            library.finish()

    def _mlflow(self, library: ModuleType, case: str, settings: dict[str, str], scores: dict[str, float]) -> None:
        library.set_experiment(self.project)
        with library.start_run(run_name=case):
            library.log_params(settings)
            library.log_metrics(scores)


def _is_score(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
