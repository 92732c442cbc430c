"""Cases to a CSV: flags, the trial that a case stands for, the runner, and what a run shows of itself."""

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
