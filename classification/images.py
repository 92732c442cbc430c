"""Images: can LIFT classify images written as pixel text, and does the order of the pixels matter? (paper §3.1)

python -m classification.images                                                     # 8 × 8 digits on a CPU, minutes
python -m classification.images --datasets mnist_6000_1000 fashion_mnist_6000_1000 --rows 0     # files: data/README.md
python -m classification.images --datasets mnist permuted_mnist --side 14 --rows 3000 --test-rows 1000   # a download
python -m classification.images --datasets mnist --side 18 --crop 18 --wording pixels --model EleutherAI/gpt-j-6b
"""

from dataclasses import dataclass

from classification import _images
from utils import plots, study


@dataclass(frozen=True)
class Config(_images.Config):
    datasets: tuple[str, ...] = ("digits", "permuted_digits")  # mnist, fashion_mnist, NAME.npz; permuted_ before each
    methods: tuple[str, ...] = ("logreg", "svm", "xgboost", "mlp300", "lenet", "lift")  # mlp300, lenet: networks
    seeds: tuple[int, ...] = (0,)  # one split, one order of permuted pixels and one fine-tune each


def cases(config):
    return study.grid(config, dict.fromkeys(config.datasets), **config.size())


def build(case, config):
    return _images.trial(case, config)


def figure(results):
    return plots.scores(results, "Accuracy on test images", "accuracy (share of test images)")


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__)
