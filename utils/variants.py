"""Variants: options after a name, of a function (`cosine:p=5`) or of LIFT (`lift:numbers=paper,decoding=greedy`)."""

from __future__ import annotations

from dataclasses import fields, replace

from utils import study, synthetic
from utils.errors import UnknownName, UserError
from utils.options import parse_options
from utils.runner import Case
from utils.trial import Trial

TEMPLATE = {"wording": str, "numbers": str, "digits": int, "scale": str, "levels": int, "categories": str}
LEARNER = {
    "adapter": str,
    "epochs": int,
    "learning_rate": float,
    "batch_size": int,
    "jitter": float,
    "shots": int,
    "shot_choice": str,
    "permutations": int,
    "decoding": str,
    "samples": int,
    "retries": int,
}


def table(name: str, *options: str) -> synthetic.SyntheticTable:
    """The function `name` with further options: `table("cosine:n=50", "p=5")` is the table `cosine:p=5,n=50`.

    Raises:
        UserError: no function, an option that there is not, or one that `name` has already with another value.
    """
    base, _, own = name.partition(":")
    if base not in synthetic.FUNCTIONS:
        raise UserError(
            f"{name} is not one of the functions, whose inputs and targets can be chosen; have "
            f"{', '.join(synthetic.FUNCTIONS)}"
        )
    words = [word for text in (own, *options) for word in text.split(",") if word]
    return synthetic.load(f"{base}:{','.join(dict.fromkeys(words))}")


def without(name: str, *options: str) -> str:
    """The function's name with these options at their defaults: `without("cosine:p=5,n=50", "n")` is `cosine:p=5`."""
    known = table(name)
    defaults = {field.name: field.default for field in fields(known.options) if field.name in options}
    return replace(known, options=replace(known.options, **defaults)).name


def trial(case: Case, config: study.Config, task: str) -> Trial:
    """`study.trial` of a case whose method may be `lift` with options, which go before the flags and the recipe.

    Raises:
        UserError: an option that there is not, or a value that it cannot take; and what `study.trial` raises.
    """
    method, _, text = case.method.partition(":")
    plain = study.trial(replace(case, method=method), config, task)
    if not text:
        return plain
    if method != "lift":
        raise UnknownName(f"{case.method}: {method} takes no options; lift does")
    given = parse_options(case.method, text, {**TEMPLATE, **LEARNER})
    template = {name: value for name, value in given.items() if name in TEMPLATE}
    learner = {name: value for name, value in given.items() if name in LEARNER}
    if template:
        learner["template"] = {**(plain.learner.template or {}), **template}
    return replace(plain, learner=plain.learner.set_params(**learner))
