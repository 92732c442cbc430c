"""Which fine-tuning settings suit a model? Searched on tables that are neither the paper's nor related to them.

python -m benchmarks.recipe_search                                              # all variants, classification: hours
python -m benchmarks.recipe_search --task regression --variants recipe jitter_0 --seeds 0
python -m benchmarks.recipe_search --model smollm2 --limit 100 --datasets ecoli --variants recipe full  # minutes
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from matplotlib.figure import Figure

from benchmarks import random_start, search_space
from benchmarks.search_space import TABLES
from utils import reporting, study, tables
from utils.errors import UnknownName


@dataclass(frozen=True)
class Config(study.Config):
    task: Literal["classification", "regression"] = "classification"
    datasets: tuple[str, ...] = ("search",)  # names, groups, files; search stands for TABLES
    variants: tuple[str, ...] = ()  # changes of the recipe; all if empty
    methods: tuple[str, ...] = ("lift",)  # nothing else has a recipe
    seeds: tuple[int, ...] = (0, 1)  # one split and one fine-tune each


def cases(config):
    known = search_space.variants(config.model)
    unknown = [name for name in config.variants if name not in known]
    if unknown:
        raise UnknownName(f"no variant {unknown[0]!r} for {config.model}; have {', '.join(known)}")
    names = [name for word in config.datasets for name in (TABLES[config.task] if word == "search" else (word,))]
    return study.grid(config, tables.expand(names, config.task), variant=config.variants or tuple(known))


def build(case, config):
    changed = search_space.folder(config.model, config.task, case.settings["variant"])
    return random_start.trial_from(changed, case, config, config.task)


def means(frame):
    """Mean score over the tables and seeds that all variants have, and median seconds, by variant."""
    score = "accuracy" if "accuracy" in frame.columns else "rae"
    complete = frame.pivot(index=["dataset", "seed"], columns="variant", values=score).dropna()
    seconds = (frame["seconds_fit"] + frame["seconds_predict"]).groupby(frame["variant"]).median()
    table = complete.mean().rename(score).to_frame().assign(cases=len(complete), seconds=seconds)
    return table.sort_values(score, ascending=score == "rae").reset_index()


def figure(results):
    table = means(results)
    drawn = Figure(figsize=(7, 1 + 0.3 * len(table)), layout="constrained")
    axes = drawn.subplots()
    axes.plot(table.iloc[::-1, 1], table.iloc[::-1, 0], "o")
    axes.set(title="Changes of the recipe", xlabel=f"mean {table.columns[1]} of {table['cases'].max()} cases each")
    axes.grid(alpha=0.3)
    return drawn


def finish(results):
    table = means(reporting.latest(results.frame()))
    reporting.show(results, "means", table, "means over tables and seeds")


if __name__ == "__main__":
    settings = study.flags(Config, __doc__)
    script = Path(__file__).with_stem(f"recipe_search_{settings.task}")  # a CSV per task
    study.main(settings, cases, build, figure, str(script), finish)
