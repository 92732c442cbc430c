"""Feature names: does LIFT use what the columns are called? (paper §4.1, Tables 9, 34, 35)

python -m classification.feature_names                                     # lift-tiny on a CPU, minutes
python -m classification.feature_names --datasets wine --tested-with same --epochs None
LIFT_DATA=FOLDER python -m classification.feature_names --datasets tae --templates paper names sentence
python -m classification.feature_names --datasets vehicle --model EleutherAI/gpt-j-6b --adapter lora
"""

from dataclasses import dataclass, replace
from itertools import product

from classification import _feature_names
from utils import plots, reporting, study

NO_NAMES = {"names": "none", "tested_with": "none", "template": "none", "shuffling": 0}  # classical learners see none


@dataclass(frozen=True)
class Config(study.Config):
    datasets: tuple[str, ...] = ("iris",)  # names, groups, files: data/README.md
    methods: tuple[str, ...] = ("logreg", "xgboost", "lift")
    seeds: tuple[int, ...] = (0,)  # one split and one fine-tune each, the same for all names
    names: tuple[str, ...] = ("none", "correct", "shuffled")  # in training: x1, x2, …; the table's; these permuted
    tested_with: tuple[str, ...] = ("same", "none", "correct", "shuffled")  # names in the test prompts
    shufflings: int = 2  # draws of the shuffled names
    templates: tuple[str, ...] = (
        "paper",
        "names",
    )  # "…name=value…" and "…name is value…"; sentence: written for one table
    epochs: int | None = 20  # names make prompts long; None for the model's recipe


def cases(config):
    pairs = list(_feature_names.pairs(config.names, config.tested_with, config.shufflings))
    for case in study.grid(config, "classification"):
        if not case.is_lift:
            yield replace(case, settings=NO_NAMES)
            continue
        for template, (names, tested, shuffling) in product(config.templates, pairs):
            if _feature_names.wording(template, case.dataset, (names, tested)):
                settings = {"names": names, "tested_with": tested, "template": template, "shuffling": shuffling}
                yield replace(case, settings=settings)


def build(case, config):
    trial = study.trial(case, config, "classification")
    if not case.is_lift:
        return trial
    columns, settings = list(trial.split.X_train.columns), case.settings
    names, tested = (
        _feature_names.names(columns, settings[form], settings["shuffling"]) for form in ("names", "tested_with")
    )
    wording = _feature_names.wording(settings["template"], case.dataset, (settings["names"], settings["tested_with"]))
    template = {**(trial.learner.template or {}), "wording": wording, "names": names}
    given = {"template": template, "asked_names": None if tested == names else tested}
    return replace(trial, learner=_feature_names.RenamedClassifier(**trial.learner.get_params(deep=False) | given))


def labelled(results):
    same = results["names"] == results["tested_with"]
    return results.assign(arm=results["names"].where(same, results["names"] + " → " + results["tested_with"]))


def figure(results):
    title = "Accuracy by feature names (in training → in test prompts)"
    frame = labelled(results).sort_values("template", ascending=False)
    return plots.arm_points(frame, "arm", "template", title, order=_feature_names.FORMS)


def finish(results):
    """Differences from no names, on the same splits."""
    frame = labelled(reporting.latest(results.frame()))
    differences = reporting.paired_differences(frame[frame["method"] == "lift"], "arm", "none", ("dataset", "template"))
    reporting.show(results, "paired", differences, "difference from no names, same splits")


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__, finish)
