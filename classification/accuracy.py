"""Classification accuracy: does a fine-tuned language model match the usual classifiers? (paper §3.1, Table 4)

python -m classification.accuracy                                                   # lift-tiny on a CPU, minutes
python -m classification.accuracy --datasets paper synthetic                        # the paper's 14 + 5 data sets
python -m classification.accuracy --datasets my.csv --target label                  # a table of your own
python -m classification.accuracy --model EleutherAI/gpt-j-6b --adapter lora        # one GPU
"""

from dataclasses import dataclass

from utils import plots, study

BASELINES = ("majority", "random", "logreg", "knn", "tree", "mlp", "svm", "forest", "xgboost")  # the paper's


@dataclass(frozen=True)
class Config(study.Config):
    datasets: tuple[str, ...] = ("sklearn", "moons", "two_circles")  # names, groups, files: data/README.md
    methods: tuple[str, ...] = (*BASELINES, "lift")  # lift and classical learners; a wrong name lists them all
    seeds: tuple[int, ...] = (0,)  # one split and one fine-tune each


def cases(config):
    return study.grid(config, "classification")


def build(case, config):
    return study.trial(case, config, "classification")


def figure(results):
    return plots.scores(results, "Classification accuracy on test rows", "accuracy (share of test rows)")


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__)
