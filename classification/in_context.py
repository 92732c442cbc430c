"""In-context learning: does tuning on a few rows beat showing them in the prompt? (paper §3.1, Table 5)

python -m classification.in_context                                        # lift-context on a CPU, minutes
python -m classification.in_context --shown 8 --choices random --datasets my.csv --decoding generate
LIFT_DATA=FOLDER python -m classification.in_context --datasets breast-cancer tae --shown 0   # as many as the paper
python -m classification.in_context --arms prompt --shown 4 16 --model smollm2  # only rows in the prompt
python -m classification.in_context --datasets vehicle --shown 0 --model EleutherAI/gpt-j-6b --adapter lora
"""

from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

from classification import _in_context
from utils import plots, study

ARMS = {
    "prompt": "k rows in the prompt",
    "tuned": "tuned on k rows",
    "all": "tuned on all rows",
    "both": "tuned on all, k in the prompt",
}


@dataclass(frozen=True)
class Config(study.Config):
    model: str = "lift-context"  # or a folder, a Hub id, openai:NAME; untuned lift-tiny ignores rows in the prompt
    datasets: tuple[str, ...] = ("iris", "wine", "moons:n=400")  # names, groups, files: data/README.md
    methods: tuple[str, ...] = ("majority", "logreg", "knn", "lift")
    seeds: tuple[int, ...] = (0,)  # one split, one choice of the rows and one fine-tune each
    shown: tuple[int, ...] = (16,)  # k, rows in the prompt or tuned on; 0 for the paper's number
    choices: tuple[str, ...] = ("random", "balanced", "nearest")  # which k rows; nearest: the nearest to each query
    arms: tuple[Literal["prompt", "tuned", "both"], ...] = ("prompt", "tuned", "both")  # beside tuning on all rows


def cases(config):
    for case in study.grid(config, "classification"):
        yield replace(case, settings=dict.fromkeys(("arm", "shown", "choice"), "all"))
        for shown, arm, choice in product(config.shown, config.arms, config.choices):
            if choice in _in_context.SUBSETS if arm == "tuned" else case.is_lift:
                settings = {"arm": arm, "shown": str(shown) if shown else _in_context.PAPER, "choice": choice}
                yield replace(case, settings=settings)


def build(case, config):
    trial = study.trial(case, config, "classification")
    arm, shown, choice = (case.settings[name] for name in ("arm", "shown", "choice"))
    k = _in_context.n_shown(trial.dataset, shown, len(trial.split.y_train)) if arm != "all" else 0
    one_subset = arm in ("prompt", "tuned") and choice in _in_context.SUBSETS
    if one_subset:
        trial = replace(trial, split=_in_context.subset(trial.split, k, choice, case.seed))
    if not case.is_lift:
        return trial
    given = trial.learner.get_params(deep=False) | {"shots": None, "shot_choice": None}
    if arm in ("prompt", "both") and not one_subset:
        given |= {"shots": k, "shot_choice": choice}
    kind = _in_context.InContextClassifier if arm == "prompt" else _in_context.ShowingClassifier
    return replace(trial, learner=kind(**given))


def figure(results):
    import pandas as pd

    full, few = results[results["arm"] == "all"], results[results["arm"] != "all"]
    tuned = [full[full["method"] == "lift"].assign(shown=shown) for shown in few["shown"].unique()]
    frame = pd.concat([few.sort_values("choice", ascending=False), *(tuned or [full])])  # random before nearest
    methods = frame["method"].where(frame["method"] == "lift", frame["method"] + " on k rows")
    titles = frame["dataset"] + ", k = " + frame["shown"].map(str)
    frame = frame.assign(arm=frame["arm"].map(ARMS), method=methods, panel=titles.replace(_in_context.TITLES))
    return plots.arm_points(frame, "arm", "choice", "In-context learning and tuning", "panel", tuple(ARMS.values()))


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__)
