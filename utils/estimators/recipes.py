"""Settings of a fine-tune by name: the user's, else those of the model's own recipe, else the paper's."""

from __future__ import annotations

import inspect
import math
from dataclasses import fields

from .. import models
from ..errors import UnknownName
from ..models.base import FineTuning
from ..prompts import Template
from . import pretrained

# As the paper tuned GPT-J (paper §3.1 and appendix); a recipe's settings override these.
PAPER = {
    "wording": "paper",
    "numbers": "paper",
    "adapter": "lora",
    "tuned_layers": 0,
    "epochs": 10,
    "learning_rate": 1e-4,
    "batch_size": 4,
    "shots": 0,
    "shot_choice": "random",
    "permutations": 1,
    "classification": {"decoding": "score"},
    "regression": {"decoding": "greedy"},
}
RECIPES = (None, "paper")
TEMPLATE = tuple(name for name in inspect.signature(Template).parameters if name != "task")
OWN = ("learning_rate", "epochs", "evaluate_every", "patience_above")  # of a fine-tune, computed for each
TUNING = tuple(item.name for item in fields(FineTuning) if item.name not in OWN)
LENGTH = ("updates", "min_epochs", "max_epochs")  # determine the epochs; see `tuning`


def resolve(
    model: object, task: str, template: object, given: dict[str, object], recipe: str | None = None
) -> dict[str, object]:
    """All effective settings.

    Args:
        model: a name, whose folder may hold a recipe, or a model object.
        task: "classification" or "regression", which may have its own section in the recipe.
        template: a wording's name or a dict of Template parameters, overriding the recipe's; anything else is ignored.
        given: the user's settings; None means "not given".
        recipe: "paper" for the paper's; None for the model's own or, if it has none, that for pretrained models.

    Raises:
        UnknownName: no such recipe.
    """
    if recipe not in RECIPES:
        raise UnknownName(f"no recipe {recipe!r}; have {', '.join(filter(None, RECIPES))}, or leave it out")
    own = models.recipe(model) if isinstance(model, str) and recipe is None else {}
    if is_pretrained(model, recipe):
        own = pretrained.recipe(model, given)
    settings = {**PAPER, **own, **PAPER[task], **own.get(task, {})}
    if isinstance(template, dict):
        settings |= template
    elif isinstance(template, str):
        settings["wording"] = template
    sections = ("classification", "regression")
    return {name: value for name, value in settings.items() if name not in sections} | {
        name: value for name, value in given.items() if value is not None
    }


def is_pretrained(model: object, recipe: str | None) -> bool:
    """Whether a model gets the recipe for pretrained models: a local one without its own recipe."""
    local = isinstance(model, str) and not models.is_remote(model)
    return local and recipe is None and not models.recipe(model)


def fixed(template: object, given: dict[str, object]) -> set[str]:
    """Names of the settings given by the user, which no candidate of the recipe changes; arguments as above."""
    names = {name for name, value in given.items() if value is not None}
    if "epochs" in names:
        names |= set(LENGTH)
    if isinstance(template, Template):
        return names | set(TEMPLATE)
    return names | ({"wording"} if isinstance(template, str) else set(template or ()))


def template(task: str, settings: dict[str, object]) -> Template:
    """The template that the settings describe, unfitted.

    Raises:
        UnknownName: an unknown wording, number format, scale or label form.
    """
    template = Template(task, **{name: settings[name] for name in TEMPLATE if name in settings})
    template.check()
    return template


def tuning(settings: dict[str, object], n_rows: int) -> FineTuning:
    """The fine-tune for a training set of `n_rows` texts per epoch.

    If the settings give a number of `updates`, the epochs follow from it: a small table is read more often, up to
    `max_epochs` times, a large one at least `min_epochs` times.
    """
    epochs = settings["epochs"]
    if "updates" in settings:
        needed = math.ceil(settings["updates"] / math.ceil(n_rows / settings["batch_size"]))
        epochs = min(max(needed, settings.get("min_epochs", 1)), settings["max_epochs"])
    return FineTuning(epochs=int(epochs), **{name: settings[name] for name in TUNING if name in settings})
