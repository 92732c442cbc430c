"""What a case stands for: its rows and its learner. Nothing costly happens here."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from .. import baselines, tables
from ..errors import UnknownName, UserError
from ..options import parse_options
from ..tables import files
from . import cases
from .config import Config
from .plans import Case

if TYPE_CHECKING:
    from ..learners import Learner
    from ..tables.splits import Split
    from .cases import Trial

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


def learner(case: Case, config: Config, task: str) -> Learner:
    """The learner that the case names, not fitted. Raises UnknownName."""
    if case.method == "lift":
        return config.lift(task, case.seed)
    known = baselines.names(task)
    if case.method not in known:
        raise UnknownName(f"no method {case.method!r} for {task}; have lift, {', '.join(known)}")
    return (baselines.classifier if task == "classification" else baselines.regressor)(case.method, case.seed)


def trial(case: Case, config: Config, task: str) -> Trial:
    """The case's learner and the rows of its table and seed, cut to --limit.

    Raises:
        UserError: an unknown table or method, data that cannot be learnt from, or a target that is not one for `task`.
    """
    table = table_of(case.dataset, config, task)
    rows = _rows(case.dataset, case.seed, config.protocol, config.limit, **_wanted(case.dataset, config, task))
    return cases.Trial(table.name, table.source, rows, learner(case, config, task))


def table_of(name: str, config: Config, task: str) -> tables.AnyTable:
    """The table of that name as the flags describe it.

    Raises:
        UserError: no such table, data that cannot be learnt from, or a target that is not one for `task`.
    """
    table = load(name, **_wanted(name, config, task))
    if table.task != task:
        raise UserError(
            f"the target of {name} looks like one for {table.task}; run {table.task}/accuracy.sh, "
            f"or tell with --task {task} or --target COLUMN"
        )
    return table


def _wanted(name: str, config: Config, task: str) -> dict[str, object]:
    told = None if config.task == "auto" else config.task
    # A name of a known table may stand for two of unlike tasks; what a file is for is guessed from its target.
    task = told or (None if files.is_file(name) else task)
    return {"target": config.target or None, "task": task, "as_text": config.as_text}


@lru_cache(maxsize=8)
def load(name: str, **options: object) -> tables.AnyTable:
    """The table of that name, kept for the next case; see `utils.tables.tables.load`."""
    return tables.load(name, **options)


@lru_cache(maxsize=4)
def _rows(name: str, seed: int, protocol: str, limit: int, **wanted: object) -> Split:
    """The split, which all methods of a table and seed share: nobody may change it in place."""
    rows = load(name, **wanted).split(seed, protocol)
    return rows.limit(limit) if limit else rows


def variant(case: Case, config: Config, task: str) -> Trial:
    """`trial` of a case whose method may be `lift` with options, which go before the flags and the recipe.

    Raises:
        UserError: an option that there is not, or a value that it cannot take; and what `trial` raises.
    """
    method, _, text = case.method.partition(":")
    plain = trial(replace(case, method=method), config, task)
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
