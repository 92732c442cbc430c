"""Memory: has the model seen the table? (beyond the paper; the literature calls it contamination)

python -m others.memorised                                                 # lift-tiny on a CPU, seconds
python -m others.memorised --model smollm2 --datasets iris wine            # a model that has read the web
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
    tests: tuple[str, ...] = ("row", "first_cell", "header")  # the next row, its first cell, the rest of a cut line
    values: tuple[str, ...] = ("own", "permuted")  # the table's own, or each column's in another order
    shown: int = 8  # lines before the one that is asked for
    asked: int = 25  # lines that are asked for


def cases(config):
    for dataset, method, seed in product(
        tables.expand(config.datasets, "classification"), config.methods, config.seeds
    ):
        for test, values in product(config.tests, config.values):
            yield study.Case(dataset, method, seed, {"test": test, "values": values})


def build(case, config):
    return _memorised.trial(case, config)


def figure(results):
    """The models alone: what the text seen most often completes differs from test to test, and no line can say it."""
    models = results[results["method"] != "majority"]
    return plots.arm_points(
        models if len(models) else results, "test", "values", "Lines of the table that are completed word for word"
    )


def finish(results):
    """For each table and model: own values against the control, and the verdict."""
    verdicts = reporting.verdicts(reporting.latest(results.frame()))
    results.write_table("verdicts", verdicts)
    print(f"\nown values against values in another order\n\n{reporting.markdown_table(verdicts.round(3))}")


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__, finish)
