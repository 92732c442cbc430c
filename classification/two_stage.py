"""Two stages: does tuning on a pretext task first save target rows? (paper §5.1, Fig. 5)

python -m classification.two_stage                                         # lift-tiny on a CPU, minutes
python -m classification.two_stage --datasets blobs --pretexts none synthetic --rows 4 16 64 --seeds 0 1 2
LIFT_DATA=FOLDER python -m classification.two_stage --datasets led --model EleutherAI/gpt-j-6b --adapter lora
"""

from dataclasses import dataclass, replace

from classification import _two_stage
from utils import plots, reporting, study
from utils.errors import UserError


@dataclass(frozen=True)
class Config(study.Config):
    datasets: tuple[str, ...] = ("blobs:n=400", "moons:n=400")  # names, groups, files: data/README.md
    methods: tuple[str, ...] = ("majority", "logreg", "xgboost", "lift")
    seeds: tuple[int, ...] = (0,)  # one split, one draw of the rows, one pretext and one fine-tune each
    rows: tuple[int, ...] = (8, 32, 128)  # target training rows, at most all
    pretexts: tuple[str, ...] = ("none", "synthetic", "unlabelled", "noise", "shuffled")  # of the first stage
    pretext_rows: int = 200  # in total; the paper has two tables of 100
    updates: int = 300  # total of both stages, the same for every arm
    first_share: float = 0.5  # share of the updates spent on the pretext


def cases(config):
    if min(config.rows) < 2:
        raise UserError("1 row has a single class, from which nothing can be learnt; give --rows 2 or more")

    def rows(case):
        n = study.n_train(case, config, "classification")
        return sorted({min(rows, n) for rows in config.rows})

    return study.grid(config, "classification", rows=rows, pretext=study.of_lift(config.pretexts))


def build(case, config):
    trial = study.trial(case, config, "classification")
    few = trial.split.subsample(case.settings["rows"], case.seed)
    if not case.is_lift:
        return replace(trial, split=few)
    pretext = _two_stage.pretext(case.settings["pretext"], trial.split, few, config.pretext_rows, case.seed)
    given = {"pretext": pretext, "n_updates": config.updates, "first_share": config.first_share}
    learner = _two_stage.TwoStageClassifier(**{**trial.learner.get_params(deep=False), **given})
    return replace(trial, split=few, learner=learner)


def figure(results):
    results = results.sort_values("pretext", key=lambda column: column.map(list(_two_stage.PRETEXTS).index))
    stages = results["pretext"].map(lambda name: "lift, one stage" if name == "none" else f"lift after {name}")
    title = "Accuracy with a first stage on a pretext task"
    return plots.arm_lines(results.assign(arm=stages), "rows", "arm", title, "target training rows")


def finish(results):
    """Differences from one stage, on the same rows."""
    frame = reporting.latest(results.frame())
    differences = reporting.paired_differences(frame[frame["method"] == "lift"], "pretext", "none", ("dataset", "rows"))
    reporting.show(results, "paired", differences, "difference from one stage, same rows")


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__, finish)
