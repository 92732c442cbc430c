"""Generation: can LIFT generate rows and images, given the label and possibly the first half? (paper §4.3)

python -m others.generation                                                # iris and 8 × 8 digits, lift-tiny, minutes
python -m others.generation --datasets my.csv wine --given label --temperatures .8 1 1.2
python -m others.generation --datasets images:mnist --side 14 --image-rows 5000 --model EleutherAI/gpt-j-6b
"""

from dataclasses import dataclass

from others._generation import experiment, realism, sheets
from others._generation.experiment import IMAGES
from utils import reporting, study, tables


@dataclass(frozen=True)
class Config(experiment.Config):
    datasets: tuple[str, ...] = ("iris", "images:digits")  # tables, files, or images:NAME
    methods: tuple[str, ...] = ("gaussian", "marginals", "bootstrap", "real", "lift")  # ways to generate rows
    seeds: tuple[int, ...] = (0,)  # one split, one fine-tune and one draw each
    given: tuple[str, ...] = ("label", "half")  # the label, or the label and the first half of the row
    temperatures: tuple[float, ...] = (0.7, 0.9, 1.0)  # sampling temperatures of LIFT


def cases(config):
    table_names = [name for name in config.datasets if not name.startswith(IMAGES)]
    named = [*tables.expand(table_names, "classification")] if table_names else []
    named += [name for name in config.datasets if name.startswith(IMAGES)]
    axes = {"given": config.given, "temperature": study.of_lift(config.temperatures, 1.0)}
    size = {"row_levels": config.row_levels, "greys": config.greys, "updates": config.updates}
    return study.grid(config, named, **axes, **size)


def build(case, config):
    return experiment.trial(case, config)


def figure(results):
    return sheets.temperatures(results, realism.TITLES, "Realism of rows generated from a label, or from half of a row")


def finish(results, config):
    """A sheet of generated images for each image data set, from the last seed."""
    frame = reporting.latest(results.frame())
    same = {"greys": config.greys, "updates": config.updates, "limit": config.limit, "protocol": config.protocol}
    frame = frame[(frame["method"] == "lift") & (frame[list(same)] == list(same.values())).all(axis=1)]
    frame = frame[frame["dataset"].str.endswith(f" {config.side}x{config.side}")]
    for name, part in frame[frame["seed"] == frame["seed"].max()].groupby("dataset"):
        path = results.sibling(f"_{name.removeprefix(IMAGES).split()[0]}.png")
        experiment.sheet(results, part, config).savefig(path, dpi=150)
        print(f"images   {path}")


def main():
    config = study.flags(Config, __doc__)
    study.main(config, cases, build, figure, __file__, lambda results: finish(results, config))


if __name__ == "__main__":
    main()
