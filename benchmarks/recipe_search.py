"""Which fine-tuning settings suit lift-tiny? Searched on tables that the paper does not use, nor a relative of one.

python -m benchmarks.recipe_search                                              # all variants, classification: hours
python -m benchmarks.recipe_search --task regression --variants recipe jitter_0 --seeds 0
"""

import json
import shutil
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

from benchmarks import random_start
from utils import models, plots, study, tables
from utils.errors import UnknownName
from utils.models import RECIPE_FILE

# Tables of LIFT_DATA beside the paper's and their relatives (wine, digits, iris, breast cancer, hill-valley, student).
TABLES = {
    "classification": (
        *("seeds", "heart-statlog", "glass", "ecoli", "haberman", "diabetes", "balance-scale", "australian"),
        *("ionosphere", "sonar", "vowel", "tic-tac-toe", "car", "zoo", "banknote-authentication", "steel-plates-fault"),
    ),
    "regression": (
        *("airfoil-self-noise", "auto-mpg", "concrete-compressive-strength", "cpu-performance", "energy-efficiency"),
        *("real-estate-valuation", "yacht-hydrodynamics", "diabetes-progression"),
    ),
}
# What is changed in the recipe, one thing at a time; "recipe" is lift.json as it is.
VARIANTS: dict[str, dict[str, object]] = {
    "recipe": {},
    "slow": {"learning_rate": 3e-4},
    "fast": {"learning_rate": 3e-3},
    "short": {"updates": 200},
    "long": {"updates": 1600},
    "jitter_0": {"jitter": 0.0},
    "jitter_1": {"jitter": 0.01},
    "jitter_4": {"jitter": 0.04},
    "decay_0.05": {"weight_decay": 0.05},
    "decay_1": {"weight_decay": 1.0},
    "ema_0": {"ema": 0.0},
    "ema_0.99": {"ema": 0.99},
    "paper_wording": {"wording": "paper"},
    "levels_100": {"levels": 100},
    "levels_400": {"levels": 400},
    "levels_1000": {"levels": 1000},
    "significant": {"numbers": "significant"},
    "quantile": {"scale": "quantile"},
    "categories_text": {"categories": "text"},
    "nearest": {"shots": 200, "shot_choice": "nearest", "shot_tokens": 400},
    "random_shots": {"shots": 200, "shot_choice": "random", "shot_tokens": 400},
    "no_candidates": {"candidates": []},
}


@dataclass(frozen=True)
class Config(study.Config):
    task: Literal["classification", "regression"] = "classification"
    datasets: tuple[str, ...] = ()  # names, groups, files; none for those of the search
    variants: tuple[str, ...] = tuple(VARIANTS)  # changes of the recipe
    seeds: tuple[int, ...] = (0, 1)  # one split and one fine-tune each


def cases(config):
    unknown = [name for name in config.variants if name not in VARIANTS]
    if unknown:
        raise UnknownName(f"no variant {unknown[0]!r}; have {', '.join(VARIANTS)}")
    datasets = tables.expand(config.datasets or TABLES[config.task], config.task)
    for variant, dataset, seed in product(config.variants, datasets, config.seeds):
        yield study.Case(dataset, "lift", seed, {"variant": variant})


def build(case, config):
    model = models.resolve(config.model)
    recipe = models.recipe(config.model)
    recipe[config.task] = recipe.get(config.task, {}) | VARIANTS[case.settings["variant"]]
    contents = [path.read_bytes() for path in sorted(model.glob("*.safetensors"))]
    text = json.dumps(recipe, indent=2) + "\n"

    def write(folder):
        shutil.copytree(model, folder, dirs_exist_ok=True)
        (folder / RECIPE_FILE).write_text(text, encoding="utf-8")

    changed = random_start.cached(f"{model.name}-{case.settings['variant']}", [*contents, text.encode()], write)
    return random_start.trial_from(changed, replace(case, method="lift"), config, config.task)


def figure(results):
    classes = "accuracy" in results.frame().columns
    return plots.scores(results.frame(), "Recipes", "accuracy" if classes else "rae", log=not classes)


if __name__ == "__main__":
    study.main(study.flags(Config, __doc__), cases, build, figure, __file__)
