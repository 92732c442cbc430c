"""Quality: how good is LIFT with lift-tiny compared with every classical learner, and what is its pretraining worth?

python -m benchmarks.quality                      # classification: the paper's tables and all others of LIFT_DATA
python -m benchmarks.quality --task regression    # the same, and the paper's six functions with p = 1 and p = 2
python -m benchmarks.quality --datasets iris wine --methods logreg xgboost lift-random lift --seeds 0    # minutes
python -m benchmarks.quality --readme             # runs nothing: from the results to benchmarks/*.csv and README.md
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from benchmarks import random_start, readme
from utils import baselines, plots, study
from utils.reporting import ranking
from utils.tables.registry import group

TITLES = {
    "classification": ("Classification accuracy on test rows", "accuracy (share of test rows)"),
    "regression": ("Regression error on test rows", "RAE, unfiltered (1: predicting the mean)"),
}


@dataclass(frozen=True)
class Config(study.Config):
    task: Literal["classification", "regression"] = "classification"
    datasets: tuple[str, ...] = ("paper", "other", "functions")  # names, groups, files: data/README.md
    methods: tuple[str, ...] = ("baselines", "lift-random", "lift")  # baselines: all without optional packages
    seeds: tuple[int, ...] = (0, 1, 2)  # one split and one fine-tune each
    max_train: int = 2000  # most training rows of a table that is not the paper's, the same for all methods
    readme: bool = False  # only write the finished results into README.md


def methods(config):
    plain = [name for name in baselines.names(config.task) if name not in baselines.EXTRAS]
    return dict.fromkeys(name for word in config.methods for name in (plain if word == "baselines" else [word]))


def cases(config):
    return study.grid(replace(config, methods=tuple(methods(config))), config.task)


def build(case, config):
    trial = random_start.trial(case, config, config.task)
    if group(case.dataset) == "paper":
        return trial
    return replace(trial, split=trial.split.subsample(config.max_train, case.seed))


def figure(results):
    is_error = ranking.is_error(results)
    return plots.scores(results, *TITLES["regression" if is_error else "classification"], log=is_error)


def finish(results):
    ranking.write(results, readme.grouped(ranking.seed_means(results.frame())))


if __name__ == "__main__":
    config = study.flags(Config, __doc__)
    if config.readme:
        readme.update(config.results_dir)
    else:
        script = Path(__file__).with_stem(f"quality_{config.task}")  # a CSV per task, since their scores differ
        study.main(config, cases, build, figure, str(script), finish)
