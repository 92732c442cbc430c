"""Regression error: can a fine-tuned language model predict numbers? (paper §3.1, Tables 19 and 20)

python -m regression.accuracy                                                       # six functions, lift-tiny on a CPU
python -m regression.accuracy --datasets cosine:p=2 linear:p=50,noise=0.2           # functions with other settings
python -m regression.accuracy --datasets paper                                      # the paper's four real tables
python -m regression.accuracy --datasets my.csv --target price                      # a table of your own
"""

from dataclasses import dataclass

from utils import plots, study

BASELINES = (
    "mean",
    "polynomial",
    "kernel_ridge",
    "knn",
    "mlp",
    "gbt",
    "forest",
    "gp",
    "xgboost",
)  # the paper's and XGBoost


@dataclass(frozen=True)
class Config(study.Config):
    datasets: tuple[str, ...] = ("synthetic", "diabetes")  # names, groups, files: data/README.md
    methods: tuple[str, ...] = (*BASELINES, "lift")  # lift and classical learners; a wrong name lists them all
    seeds: tuple[int, ...] = (0,)  # one draw of the data (a split of a real table) and one fine-tune each


def cases(config):
    return study.grid(config, "regression")


def build(case, config):
    return study.trial(case, config, "regression")


def figure(results):
    return plots.scores(results, "Regression error on test rows", "RAE, unfiltered (1: predicting the mean)", log=True)


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__)
