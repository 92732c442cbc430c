"""The search space of `recipe_search`: the changes to the recipe, and the tables they are tried on."""

import json
import os
import shutil
from pathlib import Path

from benchmarks import random_start
from utils import models
from utils.errors import CannotDo
from utils.estimators import pretrained, recipes
from utils.models import RECIPE_FILE

# Tables of LIFT_DATA except the paper's and their relatives (wine, digits, iris, breast cancer, hill-valley, student).
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
# Changes to a model's own recipe, one at a time; "recipe" is lift.json unchanged.
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
SHORT = {"updates": 100, "max_epochs": 12, "patience": 3}
SIGNIFICANT = {"numbers": "significant", "jitter": 0.0, "versions": 0}
# Changes to the recipe for models pretrained on text (utils/estimators/pretrained.py).
PRETRAINED: dict[str, dict[str, object]] = {
    "recipe": {},
    "slow": {"learning_rate": 1e-3},
    "fast": {"learning_rate": 6e-3},
    "short": SHORT,
    "significant": SIGNIFICANT,
    "short_significant": SHORT | SIGNIFICANT,
    "short_levels_10": SHORT | {"levels": 10, "versions": 0},
    "jitter_0": {"jitter": 0.0, "versions": 0},
    "anew": {"versions": 0},
    "swap": {"swap": 0.4, "versions": 0},
    "layers_5": {"tuned_layers": 5},
    "full": {"adapter": "full"},
    "short_full": SHORT | SIGNIFICANT | {"adapter": "full"},
}


def variants(name: str) -> dict[str, dict[str, object]]:
    """The changes that suit the model `name`: those to its own recipe, or to that for pretrained models."""
    return PRETRAINED if recipes.is_pretrained(name, None) else VARIANTS


def folder(name: str, task: str, variant: str) -> Path:
    """The folder of a copy of the model `name` with the changed recipe, created on first use.

    Raises:
        CannotDo: the model has no folder.
    """
    model, changes = models.resolve(name), variants(name)[variant]
    if isinstance(model, str) or not model.is_dir():
        raise CannotDo(f"the recipe of {name} cannot be changed, for it has no folder; give one with config.json")
    own = pretrained.recipe(name, changes) if recipes.is_pretrained(name, None) else models.recipe(name)
    recipe = own | {task: own.get(task, {}) | changes}
    text = json.dumps(recipe, indent=2) + "\n"

    def write(target: Path) -> None:
        shutil.copytree(model, target, dirs_exist_ok=True, copy_function=_link)
        (target / RECIPE_FILE).unlink(missing_ok=True)  # a link to the original
        (target / RECIPE_FILE).write_text(text, encoding="utf-8")

    return random_start.cached(f"{model.name}-{variant}", [models.fingerprint(name).encode(), text.encode()], write)


def _link(source: str, target: str) -> None:
    """A hard link, since weights may be large; a copy where the file system has none."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
