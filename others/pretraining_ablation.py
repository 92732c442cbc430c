"""Pretraining: does LIFT need pretrained weights or only the architecture, and which text? (paper, Table 8)

python -m others.pretraining_ablation                                       # lift-tiny and its random starts, minutes
python -m others.pretraining_ablation --datasets my.csv --starts pretrained random --seeds 0 1 2
LIFT_DATA=FOLDER python -m others.pretraining_ablation --datasets customers led --learning-rates 3e-4 1e-3 3e-3
python -m others.pretraining_ablation --model EleutherAI/gpt-j-6b --models Salesforce/codegen-6B-mono --adapter lora \
  --learning-rates 1e-5 1e-4 1e-3 --gibberish-rate 1e-5
"""

from dataclasses import dataclass

from others import _bases
from utils import plots, reporting, study
from utils.models.local import initialization


@dataclass(frozen=True)
class Config(_bases.Config):
    model: str = "lift-context"  # or a folder or a Hub id: pretrained weights
    datasets: tuple[str, ...] = ("iris", "two_circles:n=400")  # names, groups, files: data/README.md
    methods: tuple[str, ...] = ("majority", "xgboost", "lift")
    seeds: tuple[int, ...] = (0,)  # one split and one fine-tune each
    starts: tuple[str, ...] = initialization.STARTS  # made from --model; the paper's gibberish tunes pretrained weights


def cases(config):
    names = (*config.starts, *config.models)
    _bases.check(names)
    return study.grid(config, "classification", base=study.of_lift(names, _bases.NONE))


def build(case, config):
    return _bases.trial(case, config, "classification")


def figure(results):
    """The pretrained model is drawn in LIFT's colour."""
    names = results["method"] + " " + results["base"]
    plain = results["base"].isin([_bases.NONE, "pretrained"])
    frame = results.assign(method=names.where(~plain, results["method"]))
    return plots.scores(frame, "Accuracy by initial weights, tuned in the same way", "accuracy (share of test rows)")


def finish(results):
    """Differences from the pretrained weights, on the same rows."""
    frame = reporting.latest(results.frame())
    lift = frame[frame["method"] == "lift"].rename(columns={"base": "start"})
    differences = reporting.paired_differences(lift, "start", "pretrained", ("dataset",))
    reporting.show(results, "paired", differences, "difference from the pretrained weights, same rows")


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__, finish)
