"""Half tuning: does it matter which part of the network is tuned, and how much of it? (paper §2: full or LoRA)

python -m others.half_tuning                                               # lift-tiny on a CPU, minutes
python -m others.half_tuning --parts all bitfit --datasets wine breast_cancer --seeds 0 1 2
python -m others.half_tuning --parts upper lower --model gpt2 --learning-rates 1e-4 1e-3
"""

from dataclasses import dataclass, replace

from others import _adapters
from utils import plots, study
from utils.errors import UnknownName

PARTS = ("all", "upper", "lower", "attention", "feedforward", "embeddings", "bitfit")


@dataclass(frozen=True)
class Config(study.Config):
    datasets: tuple[str, ...] = ("iris",)  # names, groups, files: data/README.md
    methods: tuple[str, ...] = ("logreg", "xgboost", "lift")
    seeds: tuple[int, ...] = (0,)  # one split and one fine-tune each
    parts: tuple[str, ...] = PARTS  # halves of the blocks, parts of all blocks, tokens and head, norms and biases
    learning_rates: tuple[float, ...] = (1e-3, 1e-2)  # the validation rows choose, for each part


def cases(config):
    for part in config.parts:
        if part not in PARTS:
            raise UnknownName(f"no part {part!r}; have {', '.join(PARTS)}")
    return study.grid(config, "classification", part=study.of_lift(config.parts))


def build(case, config):
    trial = study.trial(case, config, "classification")
    if case.is_lift:
        part = case.settings["part"]
        given = {"adapter": "full" if part == "all" else f"full:{part}"}
        trial = replace(trial, learner=_adapters.AdapterClassifier(**{**trial.learner.get_params(deep=False), **given}))
    return replace(trial, measures=_adapters.measures(trial.learner))


def figure(results):
    columns = {
        "accuracy": "accuracy (share of test rows)",
        "tuned_parameters": "tuned parameters",
        "seconds_fit": "seconds to tune",
    }
    title = "Tuning a part of the network: accuracy and cost"
    return plots.arm_costs(results, "part", columns, title, order=PARTS, log=["tuned_parameters"])


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__)
