"""Sample size: how many rows does LIFT need, and how many to match XGBoost? (paper §3.2, Fig. 25)

python -m classification.sample_size                                        # lift-tiny on a CPU, minutes
python -m classification.sample_size --datasets paper --shares .01 .1 .5 1 --rows   # shares of the training rows
python -m classification.sample_size --model EleutherAI/gpt-j-6b --adapter lora --datasets vehicle
"""

from dataclasses import dataclass, replace

from utils import plots, reporting, study
from utils.reporting import power_law


@dataclass(frozen=True)
class Config(study.Config):
    datasets: tuple[str, ...] = ("moons", "two_circles", "wine")  # names, groups, files: data/README.md
    methods: tuple[str, ...] = ("logreg", "svm", "xgboost", "lift")
    seeds: tuple[int, ...] = (0, 1)  # one split, one draw of the rows and one fine-tune each
    rows: tuple[int, ...] = (8, 32, 128, 512)  # training rows, where the table has as many
    shares: tuple[float, ...] = (1.0,)  # of the training rows, in addition to the numbers above


def cases(config):
    rows = study.sizes(config, "classification", config.rows, config.shares)
    return study.grid(config, "classification", rows=rows)


def build(case, config):
    trial = study.trial(case, config, "classification")
    return replace(trial, split=trial.split.subsample(case.settings["rows"], case.seed))


def figure(results):
    return plots.lines(results, "rows", "accuracy", "Accuracy on test rows", "training rows")


def finish(results):
    """The fitted curves, and how many rows LIFT needs to match XGBoost trained on all rows."""
    frame = reporting.latest(results.frame())
    frame = frame.assign(error=1 - frame["accuracy"])
    needed = power_law.rows_to_match(frame, "error", "lift", "xgboost")
    reporting.show(results, "needed", needed, "rows that LIFT needs to match XGBoost on all rows")


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__, finish)
