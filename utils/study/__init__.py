"""From cases to a CSV: flags, trials, the runner, and the progress display."""

from .._lazy import attach

__getattr__ = attach(
    __name__,
    {
        "cases": "Trial",
        "plans": "Case",
        "config": "Config flags",
        "build": "functions grid learner load n_classes n_train of_lift sizes table_of trial",
        "experiment": "main",
    },
)
