"""Who answers: the model in context, the model tuned, untrained models tuned alike, and three classical learners."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from others.pretraining import folder, initial
from others.pretraining.marking.answering import WAYS, InContext, average
from others.pretraining.marking.checkpoint import Marked
from others.pretraining.marking.rows import Draw
from utils.baselines import TunedClassifier, classifier
from utils.baselines.methods import Method
from utils.estimators import LIFTClassifier

BASELINES = ("logreg", "svm", "xgboost")
TUNED = ("tuned", "tuned-start", "tuned-shipped")
SHIPPED = initial.Architecture()  # the network that goes with today's recipe
Predict = Callable[[Draw], np.ndarray]  # class codes of the test rows


class RadialSVM(TunedClassifier):
    """The support-vector machine of utils/baselines/methods.py with its radial kernel alone."""

    def _method(self) -> Method:
        return replace(super()._method(), grid={"kernel": ("rbf",), "C": (1, 10, 100)})


def baseline(name: str) -> Predict:
    """A classical learner: a fifth of the training rows chooses its grid point, which is then fitted on all of them."""

    def predict(draw: Draw) -> np.ndarray:
        if len(np.unique(draw.y)) == 1:
            return np.full(len(draw.y_test), draw.y[0])
        learner = RadialSVM("svm", draw.seed) if name == "svm" else classifier(name, draw.seed)
        return learner.fit(draw.X, draw.y).predict(draw.X_test)

    return predict


def in_context(marked: Marked, name: str, length: int) -> Predict:
    """The model as it is, with training rows in prompts of at most `length` tokens."""
    model = InContext(marked.model, marked.tokenizer, length)

    def predict(draw: Draw) -> np.ndarray:
        log_p = average(model.members(WAYS[name], draw.X, draw.y, draw.X_test, draw.seed))
        return np.unique(draw.y)[log_p.argmax(axis=1)]

    return predict


def tuned(model: Path) -> Predict:
    """LIFTClassifier with the model in a folder, tuned by that folder's recipe."""

    def predict(draw: Draw) -> np.ndarray:
        learner = LIFTClassifier(model=str(model), random_state=draw.seed)
        return learner.fit(draw.X, draw.y).predict(draw.X_test)

    return predict


def write_folders(marked: Marked, place: Path) -> dict[str, Path]:
    """Folders of the models that are tuned, all with the same recipe, by the names in TUNED."""
    starts = {"tuned-start": marked.architecture, "tuned-shipped": SHIPPED}
    built = {"tuned": (marked.model, marked.tokenizer)} | {name: initial.build(start) for name, start in starts.items()}
    for name, (model, tokenizer) in built.items():
        folder.write(place / name, model, tokenizer, initial.alone(initial.RECIPE), f"# {name}\n")
    return {name: place / name for name in built}


def describe(marked: Marked, name: str, length: int) -> dict[str, object]:
    """What a learner's accuracy depends on beside the rows, ready for JSON."""
    if name in WAYS:
        return {"way": asdict(WAYS[name]), "weights": marked.sha256, "length": length}
    if name in BASELINES:
        return {"grid": (RadialSVM(name) if name == "svm" else classifier(name, 0)).describe()}
    starts = {"tuned": marked.sha256, "tuned-start": asdict(marked.architecture)}
    return {"start": starts.get(name, asdict(SHIPPED)), "recipe": initial.alone(initial.RECIPE)}
