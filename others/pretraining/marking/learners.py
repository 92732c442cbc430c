"""The learners: the model in context, the tuned model, untrained models tuned likewise, three classical learners."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from others.pretraining import folder, initial
from others.pretraining.marking.checkpoint import Marked
from others.pretraining.marking.rows import Draw
from utils.baselines import TunedClassifier, classifier
from utils.baselines.methods import Method
from utils.estimators import LIFTClassifier

BASELINES = ("logreg", "svm", "xgboost")
WAYS = {  # of answering in context, by name: settings that differ from the product's
    "one": {"shot_choice": "random", "permutations": 1},
    "all": {"shot_choice": "random", "permutations": 8},
    "nearest": {"permutations": 1},
    "nearest-all": {},
}
TUNED = ("tuned", "tuned-start", "tuned-shipped")
SHIPPED = initial.Architecture()  # the network of the current recipe
Predict = Callable[[Draw], np.ndarray]  # class codes of the test rows


class RadialSVM(TunedClassifier):
    """The support-vector machine of utils/baselines/methods.py with its radial kernel alone."""

    def method(self) -> Method:
        return replace(super().method(), grid={"kernel": ("rbf",), "C": (1, 10, 100)})


def baseline(name: str) -> Predict:
    """A classical learner: a fifth of the training rows selects the grid point, which is refitted on all of them."""

    def predict(draw: Draw) -> np.ndarray:
        if len(np.unique(draw.y)) == 1:
            return np.full(len(draw.y_test), draw.y[0])
        learner = RadialSVM("svm", draw.seed) if name == "svm" else classifier(name, draw.seed)
        return learner.fit(draw.X, draw.y).predict(draw.X_test)

    return predict


def lift(model: Path) -> Predict:
    """LIFTClassifier with the model in a folder, tuned or untuned according to that folder's recipe."""

    def predict(draw: Draw) -> np.ndarray:
        learner = LIFTClassifier(model=str(model), random_state=draw.seed)
        return learner.fit(draw.X, draw.y).predict(draw.X_test)

    return predict


def write_folders(marked: Marked, ways: Sequence[str], length: int, is_tuned: bool, parent: Path) -> dict[str, Path]:
    """A folder for each way of answering and, if tuning is measured, for each start in TUNED, by name.

    Args:
        length: most tokens of the example rows in a prompt.
        parent: an empty folder.
    """
    recipe, model = initial.alone(initial.RECIPE), (marked.model, marked.tokenizer)
    recipe_in_context = initial.CONTEXT_RECIPE | initial.IN_CONTEXT | {"shot_tokens": length}
    made = {name: (model, recipe_in_context | WAYS[name]) for name in ways}
    if is_tuned:
        starts = {"tuned-start": marked.architecture, "tuned-shipped": SHIPPED}
        made |= {"tuned": (model, recipe)} | {name: (initial.build(start), recipe) for name, start in starts.items()}
    for name, ((network, tokenizer), own) in made.items():
        folder.write(parent / name, network, tokenizer, own, f"# {name}\n")
    return {name: parent / name for name in made}


def describe(marked: Marked, name: str, length: int) -> dict[str, object]:
    """What a learner's accuracy depends on besides the rows, JSON-serialisable."""
    if name in WAYS:
        return {"way": initial.IN_CONTEXT | WAYS[name], "weights": marked.sha256, "length": length}
    if name in BASELINES:
        return {"grid": (RadialSVM(name) if name == "svm" else classifier(name, 0)).describe()}
    starts = {"tuned": marked.sha256, "tuned-start": asdict(marked.architecture)}
    return {"start": starts.get(name, asdict(SHIPPED)), "recipe": initial.alone(initial.RECIPE)}
