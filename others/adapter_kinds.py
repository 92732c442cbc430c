"""Adapters: which of peft's adapters suits a table, and what does each cost? (paper §2 has LoRA on GPT-J)

python -m others.adapter_kinds                                             # six adapters, lift-tiny on a CPU, minutes
python -m others.adapter_kinds --adapters full lora dora pissa --ranks 4 16 64 --seeds 0 1 2
python -m others.adapter_kinds --adapters all --model EleutherAI/gpt-j-6b --learning-rates 1e-4 1e-3 --datasets wine
"""

from dataclasses import dataclass, replace

from others import _adapters
from utils import plots, study
from utils.models.local.adapters import ADAPTERS, FULL


@dataclass(frozen=True)
class Config(study.Config):
    datasets: tuple[str, ...] = ("iris",)  # names, groups, files: data/README.md
    methods: tuple[str, ...] = ("logreg", "xgboost", "lift")
    seeds: tuple[int, ...] = (0,)  # one split and one fine-tune each
    adapters: tuple[str, ...] = (FULL, "lora", "dora", "vera", "ia3", "ln_tuning")  # names, or all
    ranks: tuple[int, ...] = (16,)  # of adapters that have a width; the paper has 16 for GPT-J
    learning_rates: tuple[float, ...] = (1e-3, 1e-2)  # the validation rows choose, for each adapter


def names(config):
    return (FULL, *ADAPTERS) if config.adapters == ("all",) else config.adapters


def cases(config):
    for case in study.grid(config, "classification", kind=study.of_lift(names(config))):
        width = ADAPTERS.get(case.settings["kind"], (None, None))[1]
        for rank in (0,) if width is None else config.ranks:
            yield replace(case, settings={**case.settings, "rank": rank})


def build(case, config):
    trial = study.trial(case, config, "classification")
    if case.is_lift:
        kind, rank = case.settings["kind"], case.settings["rank"]
        given = {"adapter": kind, "adapter_rank": rank or config.adapter_rank}
        trial = replace(trial, learner=_adapters.AdapterClassifier(**{**trial.learner.get_params(deep=False), **given}))
    return replace(trial, measures=_adapters.measures(trial.learner))


def figure(results):
    ranks = results.loc[results["rank"] > 0, "rank"].nunique()
    wide = (results["rank"] > 0) & (ranks > 1)
    arm = results["kind"] + results["rank"].map(" rank {}".format).where(wide, "")
    frame = results.assign(arm=arm).sort_values("tuned_parameters", ascending=False, kind="stable")
    columns = {
        "accuracy": "accuracy (share of test rows)",
        "tuned_parameters": "tuned parameters",
        "memory_mb": "weights, gradients, AdamW's moments (MiB)",
        "seconds_fit": "seconds to tune",
    }
    title = "Adapters: accuracy and cost"
    return plots.arm_costs(frame, "arm", columns, title, order=[FULL], log=["tuned_parameters"])


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__)
