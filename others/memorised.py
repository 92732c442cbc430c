"""Memorisation: has the model seen the table (contamination)? (beyond the paper)

python -m others.memorised                                                 # lift-tiny on a CPU, seconds
python -m others.memorised --model smollm2 --datasets iris wine            # a model pretrained on web text
python -m others.memorised --tests row --shown 12 --model EleutherAI/gpt-j-6b --datasets my.csv
"""

from dataclasses import dataclass
from itertools import product

from others import _memorised
from utils import plots, reporting, study, tables


@dataclass(frozen=True)
class Config(study.Config):
    datasets: tuple[str, ...] = ("iris",)  # names, groups, files: data/README.md
    methods: tuple[str, ...] = ("majority", "lift")  # majority: the text seen most often
    seeds: tuple[int, ...] = (0,)  # one draw of the lines that are asked for
    tests: tuple[str, ...] = ("row", "first_cell", "header")  # the next row, its first cell, the second half of a line
    values: tuple[str, ...] = ("own", "permuted")  # the table's own, or each column permuted
    shown: int = 8  # lines before the one asked for
    asked: int = 25  # number of lines asked for


def cases(config):
    for dataset, method, seed in product(
        tables.expand(config.datasets, "classification"), config.methods, config.seeds
    ):
        for test, values in product(config.tests, config.values):
            yield study.Case(dataset, method, seed, {"test": test, "values": values})


def build(case, config):
    return _memorised.trial(case, config)


def figure(results):
    """Models only: the most frequent text has a different meaning in each test, so it cannot be one line."""
    models = results[results["method"] != "majority"]
    return plots.arm_points(
        models if len(models) else results, "test", "values", "Lines of the table completed verbatim"
    )


def finish(results):
    """For each table and model: own values, permuted values (the control), and the verdict."""
    verdicts = reporting.verdicts(reporting.latest(results.frame()))
    results.write_table("verdicts", verdicts)
    print(f"\nown values against permuted values\n\n{reporting.markdown_table(verdicts.round(3))}")


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__, finish)
