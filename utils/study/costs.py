"""Estimated relative cost of a case before it runs, used to order the cases and to predict the end of a study.

A classical learner has a typical cost, scaled by a power of the table's number of cells relative to a typical table:
the square root for most of them, which have a fixed part and one that grows with the rows. LIFT's cost is the number of
tokens passed through the model, plus an overhead per update worth some hundred tokens. The unit is the cost of XGBoost
on a typical table. How many seconds that is on this machine, and the error of the estimate for a learner or a table, is
learnt from finished cases (`utils.study.forecast`); this module knows no seconds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import models
from ..estimators import recipes, selection
from ..tables.splits import Split
from .cases import Trial
from .plans import Work

if TYPE_CHECKING:
    from ..estimators import LIFT

CELLS = 5000  # rows times columns of a typical table
# Cost on a table with that many cells, relative to XGBoost; from the medians over the tables of benchmarks/quality.
USUAL = {"majority": 0.1, "random": 0.1, "mean": 0.1, "knn": 0.2, "median_knn": 0.1, "polynomial": 0.1, "tree": 0.2}
USUAL |= {"logreg": 0.3, "svm": 0.5, "xgboost": 1, "lightgbm": 1, "mlp": 2, "kernel_ridge": 4, "gbt": 6, "gp": 7}
USUAL |= {"forest": 6, "gbt_huber": 14, "gbt_quantile": 18, "catboost": 10, "tabicl": 20, "mlp300": 20, "lenet": 20}
POWER = {"mlp": 0.75, "gbt": 0.75, "svm": 1.0, "gp": 1.0, "kernel_ridge": 1.5}  # of the cells; 0.5 for all others
UNKNOWN = 1.0  # a learner not listed above
TOKENS = 40_000  # that lift-tiny processes in one unit of time
UPDATE = 150  # overhead of an update, in tokens, whatever its batch size
FORWARD = 1 / 3  # cost of a token in a forward pass, relative to training
WORDY = 7  # tokens of a cell in a verbose wording ("x1=5.10,"); one in a compact wording
HUB = 100  # assumed size, relative to lift-tiny, of a Hub model whose weights are not on this machine
SIDE_BY_SIDE = ("lora", "rslora")  # adapters that tune several learning rates in one fine-tune
WEIGHTS = ("*.safetensors", "*.bin")


def of(trial: Trial, method: str, settings: Mapping[str, object]) -> Work:
    """The work of a case; `method` and `settings` are those of the case.

    Raises:
        BadModel: invalid candidates in the model's recipe.
    """
    kind = "lift" if trial.learner.model else "classical"
    cell = (trial.dataset, *(f"{name}={value}" for name, value in settings.items()))
    groups = ((kind,), (kind, method), (kind, method, *cell))
    split = trial.split
    if not trial.learner.model:
        name = method.partition(":")[0]
        size = max(1, split.X_train.size) / CELLS
        return Work(USUAL.get(name, UNKNOWN) * size ** POWER.get(name, 0.5), (), groups)
    unit = _size(trial.learner.model) / TOKENS
    n_queries = 0 if trial.queries is None else len(trial.queries)
    parts, answers = _tokens(trial.learner, split, n_queries)
    return Work((sum(parts) + answers) * unit, tuple(part * unit for part in parts), groups)


def _tokens(learner: LIFT, split: Split, n_queries: int) -> tuple[list[float], float]:
    """Tokens of each fine-tune, including the overhead of its updates, and of the answers afterwards."""
    settings = learner.settings()
    fixed = recipes.fixed(learner.template, learner.by_recipe())
    proposed = selection.candidates(settings, fixed, split.X_train, split.y_train.to_numpy()) or [{}]
    tunes = [_fine_tunes({**settings, **changes}, learner, split) for changes in proposed]
    share = selection.share(settings) if len(proposed) > 1 else 1.0
    parts = [share * part for candidate in tunes for part in candidate]
    if share < 1:
        rest = 1 - share if selection.goes_on({**settings, **proposed[0]}) else 1.0  # of the winner's
        parts += [rest * sum(candidate[i] for candidate in tunes) / len(tunes) for i in range(len(tunes[0]))]
    n_asked = (len(split.X_test) + n_queries) * max(1, learner.samples) * settings["permutations"]
    return parts, FORWARD * n_asked * _width({**settings, **proposed[0]}, split)


def _fine_tunes(settings: Mapping[str, object], learner: LIFT, split: Split) -> list[float]:
    if not settings["epochs"]:
        return []
    n = len(split.X_train) * settings["permutations"]
    tuning = recipes.tuning(settings, n)
    width = _width(settings, split)
    looks = min(tuning.epochs, selection.EVALUATIONS) * len(split.X_validation) * settings["permutations"]
    updates = tuning.epochs * math.ceil(n / tuning.batch_size)
    tokens = updates * UPDATE + tuning.epochs * n * width + FORWARD * looks * width
    n_rates = len(np.atleast_1d(settings["learning_rate"]))
    return [tokens * n_rates] if settings["adapter"] in SIDE_BY_SIDE else [tokens] * n_rates


def _width(settings: Mapping[str, object], split: Split) -> float:
    """Tokens of a row with its answer and the example rows in its prompt."""
    own = split.X_train.shape[1] * (1 if settings["wording"] == "compact" else WORDY) + 2
    shown = min(settings["shots"] or 0, len(split.X_train)) * own
    return own + min(shown, settings.get("shot_tokens") or shown)


@lru_cache(maxsize=64)
def _size(model: object) -> float:
    """Size of the model's weights relative to lift-tiny; 1 for a model on a server."""
    if not isinstance(model, str) or models.is_remote(model):
        return 1.0
    folder = models.resolve(model)
    if not isinstance(folder, Path):
        return HUB
    return max(1, _bytes(folder)) / _bytes(Path(models.resolve("lift-tiny")))


def _bytes(folder: Path) -> int:
    if folder.is_file():
        return folder.stat().st_size
    return sum(file.stat().st_size for pattern in WEIGHTS for file in folder.glob(pattern))
