"""Runs an experiment from its flags to its figure: runs the missing cases, stores every result, reports."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from .. import reporting, tables
from ..errors import UserError
from ..estimators import pretrained, recipes
from ..models import distributed
from ..results import Results
from . import table_check
from .budget import DryRun
from .build import table_of
from .config import Config
from .plans import Case
from .runner import Runner

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from .cases import Trial

EXIT_FAILED, EXIT_USER_ERROR, EXIT_INTERRUPTED = 1, 2, 130


def main(
    config: Config,
    cases: Callable[[Config], Iterable[Case]],
    build: Callable[[Case, Config], Trial],
    figure: Callable[[pd.DataFrame], Figure],
    script: str,
    finish: Callable[[Results], None] | None = None,
) -> None:
    """Runs an experiment from its flags to its figure, then exits.

    The exit code is 0; 1 if cases failed or a data set was skipped; 2 on a usage error; 130 after Ctrl-C.

    Args:
        config: the flags.
        cases: what to run.
        build: turns a case into a trial; must be cheap.
        figure: plots the results (all finished cases, one row each).
        script: the script's `__file__`, which gives the area and the experiment.
        finish: further processing of the results; called if there is at least one.
    """
    path = Path(script)
    config = distributed.aside(config)
    results = Results(config.results_dir, path.parent.name, path.stem)
    try:
        for name in ("datasets", "methods", "seeds"):
            if not getattr(config, name):
                raise UserError(f"--{name} has no value; give at least one")
        planned, runner = list(cases(config)), Runner(config, build, results)
        if config.check or not config.quiet:
            n_unread = table_check.report(planned, config, runner.trial, table_of)
        if config.check:
            sys.exit(EXIT_USER_ERROR if n_unread else 0)
        if not config.quiet:
            _print_recipe(config)
        failed = runner.run(planned)
        reporting.write(results, figure)
        if finish is not None and len(results.frame()):
            finish(results)
        sys.exit(EXIT_FAILED if failed else 0)
    except DryRun:
        sys.exit(0)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(EXIT_USER_ERROR)
    except KeyboardInterrupt:
        print(
            f"\nstopped; {len(results.finished())} finished cases are kept in {results.path}; "
            "run the same command to resume",
            file=sys.stderr,
        )
        sys.exit(EXIT_INTERRUPTED)


def _print_recipe(config: Config) -> None:
    """Prints the settings derived from the size of a model that has no recipe, with the reasons."""
    names_lift = any(method.partition(":")[0] == "lift" for method in config.methods)
    if not names_lift or not recipes.is_pretrained(config.model, config.recipe or None) or not distributed.is_first():
        return
    lines = {task: pretrained.reasons(config.model, task, config.lift(task, 0).settings()) for task in tables.TASKS}
    print(f"settings for {config.model}, derived from its size (--recipe paper for the paper's settings):")
    for line in dict.fromkeys(line for own in lines.values() for line in own):
        tasks = [task for task in tables.TASKS if line in lines[task]]
        print(f"  {line}" + (f" ({tasks[0]})" if len(tasks) == 1 else ""), flush=True)
