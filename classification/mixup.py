"""Mixup: do interpolated training rows, with soft labels in tenths, help LIFT? (paper, appendix)

python -m classification.mixup                                             # lift-tiny on a CPU, minutes
python -m classification.mixup --datasets my.csv --shares 0 .5 1 --rows 50
python -m classification.mixup --datasets customers --model EleutherAI/gpt-j-6b --adapter lora
"""

from dataclasses import dataclass, replace

from classification import _mixup
from utils import estimators, plots, study


@dataclass(frozen=True)
class Config(study.Config):
    datasets: tuple[str, ...] = ("iris", "moons:n=400")  # names, groups, files: data/README.md
    methods: tuple[str, ...] = ("logreg", "xgboost", "lift")
    seeds: tuple[int, ...] = (0,)  # one split, one draw of the mixed rows and one fine-tune each
    rows: int = 48  # training rows before mixing, drawn by seed; 0 for all
    shares: tuple[float, ...] = (0.0, 0.5, 1.0)  # added rows per training row
    kinds: tuple[str, ...] = ("mixed", "copies")  # interpolated rows, or as many plain copies


def cases(config):
    for case in study.grid(config, "classification", share=config.shares, kind=config.kinds):
        if case.settings["share"] > 0:
            yield case
        elif case.settings["kind"] == config.kinds[0]:
            yield replace(case, settings={**case.settings, "kind": "none"})


def build(case, config):
    trial = study.trial(case, config, "classification")
    split = trial.split.subsample(config.rows, case.seed) if config.rows else trial.split
    kind = case.settings["kind"] if case.settings["share"] > 0 else "copies"
    trial = replace(trial, split=_mixup.extended(split, case.settings["share"], kind, case.seed))
    if not case.is_lift:
        return trial
    return replace(trial, learner=estimators.PlainClassifier(**trial.learner.get_params(deep=False)))


def figure(results):
    """The lines of both kinds start at the result without added rows."""
    import pandas as pd

    kinds = sorted(set(results["kind"]) - {"none"}, reverse=True) or ["none"]  # mixed before copies
    none = results[results["kind"] == "none"]
    frame = pd.concat([results[results["kind"] != "none"], *(none.assign(kind=kind) for kind in kinds)])
    frame = frame.assign(arm="lift, " + frame["kind"]).sort_values("kind", ascending=False, kind="stable")
    frame["method"] = frame["method"].where(frame["method"] == "lift", frame["method"] + " " + frame["kind"])
    title = "Accuracy with mixed rows, and with as many plain copies"
    return plots.arm_lines(frame, "share", "arm", title, "added rows per training row", log=False)


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__)
