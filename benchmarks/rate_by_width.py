"""Rate by width: which learning rates suit narrower and wider networks than smollm2, and should they fall as 1/width?

python -m benchmarks.rate_by_width                                                             # an hour on one core
python -m benchmarks.rate_by_width --adapters lora --widths 192 384 --datasets ecoli           # minutes
"""

from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import random_start
from utils import plots, reporting, study
from utils.errors import UserError
from utils.estimators import pretrained
from utils.models.local import initialization

HEAD = 64  # width of an attention head, as in smollm2


@dataclass(frozen=True)
class Config(study.Config):
    model: str = "smollm2"  # its configuration and tokenizer, with other widths and random weights
    datasets: tuple[str, ...] = ("balance-scale", "ecoli")  # names, groups, files: data/README.md
    methods: tuple[str, ...] = ("lift",)  # nothing else has a learning rate
    limit: int = 100  # at most this many rows of each part
    adapters: tuple[str, ...] = ("lora", "full")
    widths: tuple[int, ...] = (192, 384, 768)  # multiples of 64
    layers: int = 4  # all of them are tuned
    factors: tuple[float, ...] = (0.1, 0.3, 1.0, 3.0, 10.0)  # learning rates, as multiples of `base_rate`


def base_rate(width, adapter):
    """smollm2's learning rate scaled as 1/width, or the recipe's share of it for full fine-tuning; two digits."""
    share = pretrained.FULL_SHARE if adapter == "full" else 1.0
    return float(f"{share * (pretrained.RATE * pretrained.WIDTH / width):.1e}")


def cases(config):
    wrong = [width for width in config.widths if width <= 0 or width % HEAD]
    if wrong:
        raise UserError(f"--widths {wrong[0]}: must be a multiple of {HEAD}")
    if config.methods != ("lift",):
        raise UserError(f"--methods {' '.join(config.methods)}: only lift has a learning rate")
    axes = {"adapter_kind": config.adapters, "width": config.widths, "factor": config.factors}
    return study.grid(config, "classification", **axes)


def build(case, config):
    width, adapter = case.settings["width"], case.settings["adapter_kind"]
    start = f"random:layers={config.layers},hidden={width},heads={width // HEAD}"
    folder = initialization.place(start, config.model, random_start.SEED)
    rate = case.settings["factor"] * base_rate(width, adapter)
    own = replace(config, adapter=adapter, tuned_layers=0, learning_rates=(float(f"{rate:.2g}"),))
    return random_start.trial_from(Path(folder), case, own, "classification")


def _by_rate(frame):
    """A row per adapter, width and factor: mean log loss and accuracy over the tables and seeds."""
    same = ["adapter_kind", "width", "factor"]
    return reporting.latest(frame).groupby(same)[["log_loss", "accuracy"]].mean().reset_index()


def figure(results):
    found = _by_rate(results)
    named = found.assign(dataset=found["adapter_kind"], method="width " + found["width"].astype(str), seed=0)
    label = f"learning rate as a multiple of {pretrained.RATE:g} × {pretrained.WIDTH} / width (full: of a tenth)"
    titles = {"log_loss": "log loss", "accuracy": "accuracy"}
    drawn = plots.score_lines(named, "factor", titles, "Learning rates for random networks", label, log=True)
    for axes in drawn.axes:
        axes.set_xticks(sorted(found["factor"].unique()))
    return drawn


def finish(results):
    """The mean log loss, with a column per factor."""
    table = _by_rate(results.frame()).pivot(index=["adapter_kind", "width"], columns="factor", values="log_loss")
    reporting.show(results, "means", table.reset_index(), "mean log loss over tables and seeds")


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__, finish)
