"""Class imbalance: does LIFT still find a class that is rare in training? (paper appendix)

python -m classification.imbalance                                                  # lift-tiny on a CPU, minutes
python -m classification.imbalance --datasets my.csv --target label --minority 1    # a table that is already imbalanced
python -m classification.imbalance --minority 1 .2 .1 .05 .02 --seeds 0 1 2
"""

from dataclasses import dataclass, replace

from utils import metrics, plots, reporting, study
from utils.tables import perturbations

SCORES = ("precision", "recall", "f1", "average_precision")  # of the minority; the original code scored the majority
PANELS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "minority_f1": "F1 of the minority class",
    "minority_average_precision": "average precision",
}


@dataclass(frozen=True)
class Config(study.Config):
    datasets: tuple[str, ...] = ("moons:n=400,noise=0.3", "wine")  # names, groups, files: data/README.md
    methods: tuple[str, ...] = ("majority", "logreg", "knn", "svm", "forest", "xgboost", "lift")
    seeds: tuple[int, ...] = (0,)  # one split, one draw of the rows and one fine-tune each
    minority: tuple[float, ...] = (1.0, 0.2, 0.05)  # maximum share of the rarest class in the training rows; 1: as is


def cases(config):
    return study.grid(config, "classification", minority=config.minority)


def build(case, config):
    trial = study.trial(case, config, "classification")
    rare = perturbations.rarest(trial.split.y_train)
    split = perturbations.make_imbalanced(trial.split, case.settings["minority"], case.seed)

    def of_minority(score):
        def measure(answers):
            likely = answers.get(f"log_p_{rare}")  # a learner without probabilities has no average precision
            return metrics.one_class(answers["truth"], answers["parsed"], rare, likely)[score]

        return measure

    measures = {f"minority_{score}": of_minority(score) for score in SCORES}
    share = float((split.y_train == rare).mean())
    return replace(trial, split=split, measures={**measures, "minority_share": lambda answers: share})


def figure(results):
    share = results.groupby(["dataset", "minority"])["minority_share"].transform("mean")  # seeds differ by a row
    title, label = "Scores on test rows", "minority class in the training rows (%)"
    return plots.score_lines(results.assign(share=100 * share), "share", PANELS, title, label, log=True)


def finish(results):
    """The minority F1, which accuracy hides."""
    frame = reporting.by_model(reporting.latest(results.frame()))
    means = frame.pivot_table("minority_f1", ["dataset", "method"], "minority")
    print(f"\nF1 of the minority by its share in training\n\n{reporting.markdown_table(means.round(3).reset_index())}")


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__, finish)
