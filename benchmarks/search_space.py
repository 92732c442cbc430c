"""The search space of `recipe_search`: the changes to the recipe, and the tables they are tried on."""

import json
import shutil
from pathlib import Path

from benchmarks import random_start
from utils import models
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
# Changes to the recipe, one at a time; "recipe" is lift.json unchanged.
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


def folder(name: str, task: str, variant: str) -> Path:
    """The folder of a copy of the model `name` with the changed recipe, created on first use."""
    model, recipe = models.resolve(name), models.recipe(name)
    recipe[task] = recipe.get(task, {}) | VARIANTS[variant]
    text = json.dumps(recipe, indent=2) + "\n"

    def write(target: Path) -> None:
        shutil.copytree(model, target, dirs_exist_ok=True)
        (target / RECIPE_FILE).write_text(text, encoding="utf-8")

    contents = [path.read_bytes() for path in sorted(model.glob("*.safetensors"))]
    return random_start.cached(f"{model.name}-{variant}", [*contents, text.encode()], write)
