"""Learning curves: how many training rows does LIFT need, and what is its pretraining worth when there are few?

python -m benchmarks.learning_curves                                              # the small tables of LIFT_DATA: hours
python -m benchmarks.learning_curves --datasets iris wine --rows 16 64 --seeds 0                               # minutes
"""

from dataclasses import dataclass, replace
from itertools import product

import pandas as pd

from benchmarks import random_start
from utils import plots, reporting, study, tables
from utils.reporting import ranking
from utils.tables import registry


@dataclass(frozen=True)
class Config(study.Config):
    datasets: tuple[str, ...] = ("paper", "other")  # names, groups, files: data/README.md
    methods: tuple[str, ...] = ("logreg", "xgboost", "lift-plain", "lift-random", "lift")
    seeds: tuple[int, ...] = (0, 1, 2)  # one draw of the rows and one fine-tune each
    rows: tuple[int, ...] = (16, 32, 64, 128, 256)  # training rows, plus a quarter as many validation rows
    max_rows: int = 500  # tables with this many rows or more are skipped


def n_train(dataset, config):
    """The numbers of training rows for the table; none if it is too large."""
    entry = registry.find(dataset)
    if entry and entry.rows >= config.max_rows:
        return 0  # known before it is read
    split = tables.load(dataset, target=config.target or None, task="classification").split(0, config.protocol)
    n_rows = len(split.y_train) + len(split.y_validation) + len(split.y_test)
    return 0 if n_rows >= config.max_rows else min(len(split.y_train), config.limit or n_rows)


def cases(config):
    sizes = {dataset: n_train(dataset, config) for dataset in tables.expand(config.datasets, "classification")}
    for dataset, n, method, seed in product(sizes, config.rows, config.methods, config.seeds):
        if n <= sizes[dataset]:
            yield study.Case(dataset, method, seed, {"rows": n})


def build(case, config):
    trial = random_start.trial(case, config, "classification")
    return replace(trial, split=trial.split.subsample(case.settings["rows"], case.seed))


def figure(results):
    return plots.lines(results, "rows", "accuracy", "Accuracy on test rows", "training rows")


def finish(results):
    """Mean accuracy at each size over the tables that all methods have; sizes may differ in their tables."""
    frame = reporting.latest(results.frame())
    means = pd.concat(
        [ranking.seed_means(part).assign(group=f"{n:04d}") for n, part in frame.groupby("rows")], ignore_index=True
    )
    kept, reasons = ranking.complete(means)
    for table, reason in reasons.items():
        print(f"left out: {table}: {reason}")
    if len(kept):
        summary = ranking.summarise(kept)
        curve = summary.pivot(index=["group", "n_tables"], columns="learner", values="score").reset_index()
        curve = curve.rename(columns={"group": "training rows", "n_tables": "tables"}).astype({"training rows": int})
        reporting.show(results, "means", curve, "mean accuracy")


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__, finish)
