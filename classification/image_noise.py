"""Image noise: what does noise on test pixels do, and does training on noisy copies help? (paper §3.4, §5.2)

python -m classification.image_noise                                                # 8 × 8 digits on a CPU, minutes
python -m classification.image_noise --kinds sign pgd_lenet pgd_mlp300              # attacks; requirements-extras.txt
python -m classification.image_noise --greys 8 --augment none medium high           # coarser pixels, more copies
python -m classification.image_noise --datasets mnist_6000_1000 --side 14 --rows 3000           # files: data/README.md
"""

from dataclasses import dataclass, replace

from classification import _image_noise, _images
from utils import plots, reporting, study
from utils.errors import UnknownName
from utils.tables import images

AUGMENT = {"none": (0, 0.0), "medium": (2, 0.05), "high": (2, 0.2)}  # copies of each training image; sd of their noise


@dataclass(frozen=True)
class Config(_images.Config):
    datasets: tuple[str, ...] = ("digits",)  # mnist, fashion_mnist, NAME.npz; permuted_ before each
    methods: tuple[str, ...] = ("svm", "xgboost", "mlp300", "lenet", "lift")  # mlp300, lenet: networks
    seeds: tuple[int, ...] = (0,)  # one split, one draw of all noise and one fine-tune each
    kinds: tuple[str, ...] = ("gaussian", "uniform", "constant", "sign")  # also attacks: pgd_lenet, pgd_mlp300
    epsilons: tuple[float, ...] = (0.01, 0.1, 0.3)  # maximum change of a pixel; 1 is the full range, black to white
    augment: tuple[str, ...] = ("none", "high")  # noisy copies added in training: none, medium or high


def cases(config):
    _image_noise.check(config.kinds, config.epsilons)
    for augment in config.augment:
        if augment not in AUGMENT:
            raise UnknownName(f"no augmentation {augment!r}; have {', '.join(AUGMENT)}")
    return study.grid(config, dict.fromkeys(config.datasets), augment=config.augment, **config.size())


def build(case, config):
    trial = _images.trial(case, config)
    requested = (config.kinds, config.epsilons)
    queries = _image_noise.queries(trial.split, *requested, config.side, config.greys, case.seed)
    split = images.noisy_copies(trial.split, *AUGMENT[case.settings["augment"]], config.greys, case.seed)
    measures = _image_noise.measures(len(split.y_test), *requested)
    return replace(trial, split=split, queries=queries, measures=measures)


def figure(results):
    curves, label = _image_noise.curves(results), "ε, maximum change of a pixel (1: black to white)"
    return plots.steps(curves, "epsilon", "accuracy", "panel", "Accuracy on noisy test images", label)


def finish(results):
    """The numbers behind the figure."""
    frame = reporting.latest(results.frame())
    curves = _image_noise.curves(frame.assign(learner=reporting.labels(frame)))
    cells = curves.groupby(["dataset", "learner", "images"], sort=False)["accuracy"].mean().unstack("images")
    reporting.show(results, "corruptions", cells.reset_index(), "accuracy by noise and ε, mean over seeds")


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__, finish)
