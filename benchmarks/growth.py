"""One measurement of `benchmarks/scaling.py`: a fit and its answers, in a process of its own."""

from __future__ import annotations

import resource
import sys

import numpy as np
import pandas as pd
from sklearn.datasets import make_classification

from utils import models, progress, study
from utils.splits import Split
from utils.trial import Trial


def split(n, columns, seed):
    """`n` training rows of three classes, half of the columns informative."""
    ends = np.cumsum([n, n // 4, n // 4])
    X, y = make_classification(
        ends[-1], columns, n_informative=max(2, columns // 2), n_classes=3, n_clusters_per_class=1, random_state=seed
    )
    X, y = pd.DataFrame(X).add_prefix("x"), pd.Series(y.astype(str))
    parts = [slice(0, ends[0]), slice(ends[0], ends[1]), slice(ends[1], ends[2])]
    return Split(*(rows for part in parts for rows in (X.iloc[part], y.iloc[part])), task="classification")


def measured(config, method, n):
    """Score, seconds, and the most memory that was taken beyond the loaded model; in a process of its own."""
    progress.hide()
    if method == "lift":
        models.load(config.model, threads=config.threads or None)
    seed = config.seeds[0]
    rows = split(n, config.columns, seed)
    before = peak()
    trial = Trial("made", "scikit-learn", rows, study.learner(study.Case("made", method, seed), config, rows.task))
    scores, _ = trial.run()
    wanted = {name: scores[name] for name in ("accuracy", "seconds_fit", "seconds_predict", "n_invalid")}
    return {"method": method, "rows": n, **wanted, "memory_mib": (peak() - before) / 2**20}


def peak():
    """The most memory this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
