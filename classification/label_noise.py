"""Label noise: how much do corrupted training labels cost, and does repairing them help? (paper §3.4)

python -m classification.label_noise                                                # lift-tiny on a CPU, minutes
python -m classification.label_noise --repair none cleanlab --shares 0 .2 .4        # with and without label repair
python -m classification.label_noise --datasets paper --model EleutherAI/gpt-j-6b --adapter lora
"""

from dataclasses import dataclass, replace

from utils import plots, study
from utils.tables import perturbations


@dataclass(frozen=True)
class Config(study.Config):
    datasets: tuple[str, ...] = ("network:epoch=80,n=500", "wine", "iris")  # names, groups, files: data/README.md
    methods: tuple[str, ...] = ("knn", "svm", "xgboost", "lift")
    seeds: tuple[int, ...] = (0,)  # one split, one draw of the corrupted labels and one fine-tune each
    shares: tuple[float, ...] = (0.0, 0.2, 0.4)  # of corrupted labels in training and validation rows
    kinds: tuple[str, ...] = ("random",)  # a random other class; systematic: the next class, skipped with two classes
    repair: tuple[str, ...] = ("none",)  # none or cleanlab, which removes rows with suspicious labels


def cases(config):
    def kinds(case):
        """With two classes, both kinds produce the same labels."""
        same = set(config.kinds) >= {"random", "systematic"} and study.n_classes(case, config) == 2
        return tuple(kind for kind in config.kinds if not (same and kind == "systematic"))

    return study.grid(config, "classification", share=config.shares, kind=kinds, repair=config.repair)


def build(case, config):
    trial = study.trial(case, config, "classification")
    split = perturbations.corrupt_labels(trial.split, case.settings["share"], case.settings["kind"], case.seed)
    return replace(trial, split=perturbations.repair_labels(split, case.settings["repair"], case.seed))


def figure(results):
    return plots.lines(
        results.assign(method=results["method"] + results["repair"].map({"none": ""}).fillna(" repaired")),
        "share",
        "accuracy",
        "Accuracy on clean test rows",
        "share of corrupted labels in training",
        panels=("dataset", "kind"),
        log=False,
    )


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__)
