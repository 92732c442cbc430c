"""Averaging: does averaging the weights or the probabilities of several fine-tunes beat a single one?

python -m others.averaging                                                 # lift-tiny on a CPU, minutes
python -m others.averaging --kinds single best soup greedy ensemble --members 5 --datasets wine moons:n=400
python -m others.averaging --kinds single ema --decay .9 --seeds 0 1 2 3 4
"""

from dataclasses import dataclass, replace

from others import _averaging
from utils import plots, reporting, study
from utils.errors import UnknownName


@dataclass(frozen=True)
class Config(study.Config):
    datasets: tuple[str, ...] = ("iris", "wine")  # names, groups, files: data/README.md
    methods: tuple[str, ...] = ("logreg", "xgboost", "lift")
    seeds: tuple[int, ...] = (0,)  # one split and one set of fine-tunes each
    kinds: tuple[str, ...] = ("single", "ema", "soup", "greedy", "ensemble")  # or best; a wrong name lists them
    members: int = 3  # fine-tunes that are averaged
    decay: float = 0.98  # of the moving average, per update
    rows: int = 60  # training rows, drawn by seed; 0 for all


def cases(config):
    for kind in config.kinds:
        if kind not in _averaging.KINDS:
            raise UnknownName(f"no kind of average {kind!r}; have {', '.join(_averaging.KINDS)}")
    for case in study.grid(config, "classification", average=study.of_lift(config.kinds)):
        kind = case.settings["average"]
        members = config.members if kind not in ("none", *_averaging.ALONE) else 1
        settings = {"members": members, "decay": config.decay if kind == "ema" else 0.0, "rows": config.rows}
        yield replace(case, settings={**case.settings, **settings})


def build(case, config):
    trial = study.trial(case, config, "classification")
    split = trial.split.subsample(config.rows, case.seed) if config.rows else trial.split
    if case.is_lift:
        given = {"average": case.settings["average"], "members": config.members, "decay": config.decay}
        trial = replace(trial, learner=_averaging.SoupClassifier(**{**trial.learner.get_params(deep=False), **given}))
    return replace(trial, split=split, measures=_averaging.measures(trial.learner))


def figure(results):
    columns = {
        "accuracy": "accuracy (share of test rows)",
        "log_loss": "log loss (nats)",
        "n_averaged": "fine-tunes in the model",
        "seconds_fit": "seconds to tune",
    }
    return plots.arm_costs(
        results, "average", columns, "Averages of fine-tunes: accuracy and cost", order=_averaging.KINDS
    )


def finish(results):
    """Differences from a single fine-tune, on the same rows."""
    frame = reporting.latest(results.frame())
    differences = reporting.paired_differences(
        frame[frame["method"] == "lift"], "average", "single", ("dataset", "rows")
    )
    reporting.show(results, "paired", differences, "difference from a single fine-tune, same rows")


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__, finish)
