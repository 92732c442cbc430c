"""One measurement of `benchmarks/scaling.py`: a fit and its answers, in a process of its own."""

from __future__ import annotations

from benchmarks.machine import peak
from benchmarks.made_table import split
from utils import models, progress, study
from utils.study.cases import Trial


def measured(config, method, n):
    """Score, seconds, and the peak memory beyond the loaded model; runs in a process of its own."""
    progress.hide()
    if method == "lift":
        models.load(config.model, threads=config.threads or None)
    seed = config.seeds[0]
    rows = split(n, config.columns, seed)
    before = peak()
    trial = Trial("made", "scikit-learn", rows, study.learner(study.Case("made", method, seed), config, rows.task))
    scores, _ = trial.run()
    kept = {name: scores[name] for name in ("accuracy", "seconds_fit", "seconds_predict", "n_invalid")}
    return {"method": method, "rows": n, **kept, "memory_mib": (peak() - before) / 2**20}
