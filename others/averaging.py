"""Averaging: does an average of fine-tunes, of their weights or of their answers, beat one fine-tune?

python -m others.averaging                                                 # lift-tiny on a CPU, minutes
python -m others.averaging --kinds single best soup greedy ensemble --members 5 --datasets wine moons:n=400
python -m others.averaging --kinds single ema --decay .9 --seeds 0 1 2 3 4
"""

from dataclasses import dataclass, replace
from itertools import product

from others import _averaging
from utils import reporting, study, tables
from utils.errors import UnknownName
from utils.plots import ledgers


@dataclass(frozen=True)
class Config(study.Config):
    datasets: tuple[str, ...] = ("iris", "wine")  # names, groups, files: data/README.md
    methods: tuple[str, ...] = ("logreg", "xgboost", "lift")
    seeds: tuple[int, ...] = (0,)  # one split and one set of fine-tunes each
    kinds: tuple[str, ...] = ("single", "ema", "soup", "greedy", "ensemble")  # or best; a wrong name lists them
    members: int = 3  # fine-tunes that are averaged
    decay: float = 0.98  # per update, of the moving average
    rows: int = 60  # training rows, drawn by seed; 0 for all


def cases(config):
    for kind in config.kinds:
        if kind not in _averaging.KINDS:
            raise UnknownName(f"no kind of average {kind!r}; have {', '.join(_averaging.KINDS)}")
    for dataset, method, seed in product(
        tables.expand(config.datasets, "classification"), config.methods, config.seeds
    ):
        for kind in config.kinds if method == "lift" else ("none",):
            members = config.members if kind not in ("none", *_averaging.ALONE) else 1
            decay = config.decay if kind == "ema" else 0.0
            settings = {"average": kind, "members": members, "decay": decay, "rows": config.rows}
            yield study.Case(dataset, method, seed, settings)


def build(case, config):
    trial = study.trial(case, config, "classification")
    split = trial.split.subsample(config.rows, case.seed) if config.rows else trial.split
    if case.method == "lift":
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
    return ledgers.ledger(
        results, "average", columns, "Averages of fine-tunes: accuracy and cost", order=_averaging.KINDS
    )


def finish(results):
    """Differences to a single fine-tune, on the same rows."""
    frame = reporting.latest(results.frame())
    differences = reporting.paired_differences(
        frame[frame["method"] == "lift"], "average", "single", ("dataset", "rows")
    )
    if len(differences):
        results.write_table("paired", differences)
        print(f"\ndifference to a single fine-tune, same rows\n\n{reporting.markdown_table(differences.round(3))}")


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__, finish)
