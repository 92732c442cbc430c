"""The cases of an experiment, and the rows and learner of each case. Nothing expensive happens here."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING

from .. import baselines, tables
from ..errors import UnknownName, Unobtainable, UserError
from ..options import parse_options
from ..tables import files, huggingface, synthetic
from . import cases
from .config import Config
from .plans import Case

if TYPE_CHECKING:
    from ..learners import Learner
    from ..tables.splits import Split
    from .cases import Trial

TYPES = {"str": str, "int": int, "float": float}  # of options, by the first word of their annotation
NO_OPTIONS = ("task", "model", "template", "recipe", "device", "dtype", "threads", "random_state")  # of a whole study


def grid(config: Config, datasets: str | Iterable[str], /, **axes: object) -> Iterator[Case]:
    """Yields a case for each data set, method, seed and combination of the axes' values, which become its settings.

    Args:
        datasets: names, or the task for which --datasets names tables.
        axes: setting name → a tuple or list of values, a single value, or a function that maps the case (without
            settings) to its values; see `of_lift`.
    """
    names = tables.expand(config.datasets, datasets) if isinstance(datasets, str) else datasets
    for cell in product(names, config.methods, config.seeds):
        case = Case(*cell)
        values = [axis(case) if callable(axis) else axis for axis in axes.values()]
        for chosen in product(*(value if isinstance(value, tuple | list) else (value,) for value in values)):
            yield replace(case, settings=dict(zip(axes, chosen, strict=True)))


def of_lift(values: Sequence[object], other: object = "none") -> Callable[[Case], Sequence[object]]:
    """An axis of `grid` that varies for LIFT only; all other methods have the value `other`."""
    return lambda case: values if case.is_lift else (other,)


def sizes(config: Config, task: str, rows: Sequence[int], shares: Sequence[float]) -> Callable[[Case], list[int]]:
    """An axis of `grid`: numbers of training rows, ascending.

    Args:
        rows: absolute numbers; those larger than the table are skipped.
        shares: shares of the table's training rows; at least two rows.
    """

    def of_table(case: Case) -> list[int]:
        n = n_train(case, config, task)
        return sorted({size for size in rows if size <= n} | {max(2, round(share * n)) for share in shares})

    return of_table


def functions(config: Config, *options: str | Sequence[str]) -> list[str]:
    """The functions of --datasets with options such as "n=100"; a sequence gives one variant per option."""
    names = tables.expand(config.datasets, "regression")
    chosen = product(names, *((option,) if isinstance(option, str) else option for option in options))
    return [synthetic.table(name, *given).name for name, *given in chosen]


def n_train(case: Case, config: Config, task: str) -> int:
    """Number of training rows of the case's table, at most --limit; 0 if it is unobtainable (the runner reports that).

    Raises:
        UserError: as `trial`.
    """
    try:
        return len(trial(case, config, task).split.y_train)
    except Unobtainable:
        return 0


def n_classes(case: Case, config: Config) -> int:
    """Number of classes among the training rows of the case's table; 0 if it is unobtainable (the runner reports that).

    Raises:
        UserError: as `trial`.
    """
    try:
        return trial(case, config, "classification").split.y_train.nunique()
    except Unobtainable:
        return 0


def learner(case: Case, config: Config, task: str) -> Learner:
    """The unfitted learner of a case; options of `lift` override flags and recipe.

    Raises:
        UserError: an unknown method or option, or an invalid value.
    """
    method, _, text = case.method.partition(":")
    if case.is_lift:
        from ..prompts import Template  # imports pandas, which --help must not load

        lift, in_template = config.lift(task, case.seed), _types(Template)
        given = parse_options(case.method, text, in_template | _types(type(lift)))
        template = {name: given.pop(name) for name in in_template if name in given}
        return lift.set_params(**given, template={**(lift.template or {}), **template} or None)
    available = baselines.names(task)
    if method not in available:
        raise UnknownName(f"no method {case.method!r} for {task}; have lift, {', '.join(available)}")
    if text:
        raise UnknownName(f"{case.method}: {method} takes no options; only lift does")
    return (baselines.classifier if task == "classification" else baselines.regressor)(method, case.seed)


def _types(kind: type) -> dict[str, type]:
    """The parameters of the class that can be set as options, with their types."""
    first = {
        name: str(parameter.annotation).partition(" |")[0]
        for name, parameter in inspect.signature(kind).parameters.items()
    }
    return {name: TYPES[word] for name, word in first.items() if word in TYPES and name not in NO_OPTIONS}


def trial(case: Case, config: Config, task: str) -> Trial:
    """The case's learner with the rows of its table and seed, at most --limit per part.

    Raises:
        UserError: an unknown table or method, unusable data, or a target that does not suit `task`.
    """
    table = table_of(case.dataset, config, task)
    rows = _rows(case.dataset, case.seed, config.protocol, config.limit, **_table_options(case.dataset, config, task))
    return cases.Trial(table.name, table.source, rows, learner(case, config, task))


def table_of(name: str, config: Config, task: str) -> tables.AnyTable:
    """The table of that name, read as the flags say.

    Raises:
        UserError: no such table, unusable data, or a target that does not suit `task`.
    """
    table = load(name, **_table_options(name, config, task))
    if table.task != task:
        raise UserError(
            f"the target of {name} looks like one for {table.task}; run {table.task}/accuracy.sh, "
            f"or give --task {task} or --target COLUMN"
        )
    return table


def _table_options(name: str, config: Config, task: str) -> dict[str, object]:
    given = None if config.task == "auto" else config.task
    # A known name may stand for two tables of different tasks; the task of a file is inferred from its target.
    task = given or (None if files.is_file(name) or huggingface.is_named(name) else task)
    columns = {name: getattr(config, name) or None for name in ("target", "group", "time")}
    return {**columns, "task": task, "as_text": config.as_text}


@lru_cache(maxsize=8)
def load(name: str, **options: object) -> tables.AnyTable:
    """The table of that name, cached for the next case; see `utils.tables.tables.load`."""
    return tables.load(name, **options)


@lru_cache(maxsize=4)
def _rows(name: str, seed: int, protocol: str, limit: int, **options: object) -> Split:
    """The split shared by all methods of a table and seed; it must not be modified in place."""
    rows = load(name, **options).split(seed, protocol)
    return rows.limit(limit) if limit else rows
