"""Number start: are number embeddings initialised with Fourier features better than random ones, or single digits?

python -m benchmarks.number_start                                                                       # minutes
python -m benchmarks.number_start --task regression
python -m benchmarks.number_start --datasets iris moons --seeds 0 1 2 --layers 4 --hidden 96
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from benchmarks import random_start
from benchmarks.quality import figure, finish
from utils import study

STARTS = {"lift-digits": "digits", "lift-unordered": "random", "lift-fourier": "fourier"}  # of untrained models
DATASETS = {
    "classification": ("moons", "circles", "9clusters", "iris", "wine", "breast_cancer", "digits"),
    "regression": ("linear", "cosine"),
}


@dataclass(frozen=True)
class Config(study.Config):
    task: Literal["classification", "regression"] = "classification"
    datasets: tuple[str, ...] = ()  # names, groups, files: data/README.md; a few small ones if empty
    methods: tuple[str, ...] = tuple(STARTS)  # also lift, or classical learners
    max_train: int = 500  # most training rows, the same for all methods
    layers: int = 2  # of the untrained models
    hidden: int = 64  # their width; the feed-forward blocks have 8/3 of it


def folder(config, numbers):
    """The folder of the untrained model with this initialisation of numbers."""
    from others.pretraining import initial  # torch, which the other learners do without

    sizes = {"hidden": config.hidden, "intermediate": -(-config.hidden // 6) * 16, "layers": config.layers}
    model = initial.Config(numbers=numbers, seed=random_start.SEED, **sizes)
    identity = repr({**asdict(model), "folder": ""}).encode()
    return random_start.cached(f"numbers-{numbers}", [identity], lambda at: initial.write(replace(model, folder=at)))


def cases(config):
    return study.grid(config, config.task)


def build(case, config):
    if case.method in STARTS:
        trial = random_start.trial_from(folder(config, STARTS[case.method]), case, config, config.task)
    else:
        trial = random_start.trial(case, config, config.task)
    return replace(trial, split=trial.split.subsample(config.max_train, case.seed))


if __name__ == "__main__":
    config = study.flags(Config, __doc__)
    script = Path(__file__).with_stem(f"number_start_{config.task}")  # a CSV per task, since their scores differ
    config = replace(config, datasets=config.datasets or DATASETS[config.task])
    study.main(config, cases, build, figure, str(script), finish)
