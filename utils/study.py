"""A study: many cases of one experiment. Runs what is missing, here, in any number of processes; keeps every result."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from utils import baselines, estimators, files, report, table_check, tables
from utils import trial as trials
from utils.errors import UnknownName, UserError
from utils.models import parallel
from utils.results import ROOT, Results
from utils.runner import Case, Runner
from utils.spending import DryRun, Spending

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from utils.estimators import LIFT
    from utils.splits import Split
    from utils.trial import Trial

EXIT_FAILED, EXIT_USER_ERROR, EXIT_INTERRUPTED = 1, 2, 130


@dataclass(frozen=True)
class Config:
    """Flags that every experiment has. Those of LIFT left empty follow the model's recipe, else the paper."""

    datasets: tuple[
        str, ...
    ] = ()  # names, aliases (paper, synthetic, functions, sklearn, other), or CSV and Parquet files: data/README.md
    methods: tuple[str, ...] = ()  # lift and classical learners; a wrong name lists them
    seeds: tuple[int, ...] = (0,)  # one split, one draw and one fine-tune each
    target: str = ""  # the column to predict in a file of your own; the last one if empty
    task: Literal["auto", "classification", "regression"] = (
        "auto"  # tells what a file's target is where the guess is wrong
    )
    as_text: tuple[str, ...] = ()  # columns of such a file that are words though they look like numbers: codes, grades
    check: bool = False  # only say how the tables are read, and what looks wrong about them
    protocol: str = "paper"  # paper: one test set for all seeds; independent: a test set for each seed
    limit: int = 0  # most rows of each part, 0 for all: a trial run
    model: str = "lift-tiny"  # or a folder, a Hugging Face id such as EleutherAI/gpt-j-6b, openai:NAME
    wording: str = ""  # paper, names, compact, … or a text with {features} in it
    numbers: str = ""  # paper, significant or scaled
    scale: str = ""  # of scaled numbers: column, row, table or quantile
    levels: int = 0  # of scaled numbers; 0 for the recipe's
    labels: str = ""  # codes or text
    categories: str = ""  # columns of texts as text or as levels
    adapter: str = ""  # full, lora, …
    adapter_rank: int = 16  # of low-rank adapters, as the paper had for GPT-J
    quantization: Literal["none", "8bit", "4bit"] = "none"  # of the base under an adapter, on CUDA
    decoding: str = ""  # score or generate; in regression greedy, mean or median
    samples: int = 0  # answers drawn per row for a sampled mean or median
    retries: int = 0  # times that an unreadable answer is asked for again
    epochs: int | None = None  # 0 leaves the model untuned: in-context learning, with --shots
    learning_rates: tuple[float, ...] = ()  # of several, the validation rows choose
    batch_size: int | None = None  # rows per update
    jitter: float | None = None  # sd of noise on numeric training values, as a share of the column's range
    shots: int | None = None  # training rows written into each prompt
    shot_choice: str = ""  # which rows: random, balanced (over the answers) or nearest (to each query)
    permutations: int = 1  # feature orders in training and averaged in prediction
    device: str = "auto"  # cpu, cuda or mps
    dtype: str = "auto"  # float32 or bfloat16
    threads: int = 0  # per case; 0 for one, or all cores with another model than lift-tiny
    engine: Literal["local", "ray"] = "local"  # processes of this machine, or a Ray cluster
    address: str = ""  # of the cluster: auto, HOST:PORT or ray://HOST:PORT; a Ray of this machine if empty
    gpus: float = 0.0  # per case on a cluster; 1 with --device cuda
    memory_gb: float = 0.0  # that a case needs on a cluster; 0 for no claim
    workers: int = 0  # cases at a time; 0 for one per core, or one with another model than lift-tiny
    results_dir: Path = ROOT / "results"  # where the CSV and all that belongs to it is written
    redo: bool = False  # run finished cases again and replace their rows
    quiet: bool = False  # no live table on a terminal, no lines in a log file; what fails is told
    spending: Annotated[Spending, tyro.conf.OmitArgPrefixes] = field(default_factory=Spending)  # for openai:NAME

    def lift(self, task: str, seed: int) -> LIFT:
        """The LIFT estimator that the flags describe."""
        template = {
            name: value
            for name in ("wording", "numbers", "scale", "levels", "labels", "categories")
            if (value := getattr(self, name))
        }
        same = ("model", "adapter_rank", "quantization", "samples", "retries", "epochs", "batch_size", "jitter")
        same += ("shots", "permutations", "device", "dtype")
        return (estimators.LIFTClassifier if task == "classification" else estimators.LIFTRegressor)(
            **{name: getattr(self, name) for name in same},
            template=template or None,
            adapter=self.adapter or None,
            shot_choice=self.shot_choice or None,
            decoding=self.decoding or None,
            learning_rate=self.learning_rates or None,
            threads=self.n_threads(),
            random_state=seed,
        )

    def n_threads(self) -> int:
        """CPU threads per case. Sums depend on them in the last digits, so they never depend on `workers`."""
        return self.threads or (1 if self.model == "lift-tiny" else os.cpu_count() or 1)

    def n_workers(self) -> int:
        """Cases that run at the same time."""
        return self.workers or (max(1, (os.cpu_count() or 1) // self.n_threads()) if self.model == "lift-tiny" else 1)


def flags(config: type[Config], description: str) -> Config:
    """The experiment's settings from the command line; `--help` shows `description` line by line."""
    return tyro.cli(config, description="\n\n".join(filter(None, description.splitlines())))


def learner(case: Case, config: Config, task: str) -> LIFT | baselines.Tuned:
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
    return trials.Trial(table.name, table.source, rows, learner(case, config, task))


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
    """The table of that name, kept for the next case; see `utils.tables.load`."""
    return tables.load(name, **options)


@lru_cache(maxsize=4)
def _rows(name: str, seed: int, protocol: str, limit: int, **wanted: object) -> Split:
    """The split, which all methods of a table and seed share: nobody may change it in place."""
    rows = load(name, **wanted).split(seed, protocol)
    return rows.limit(limit) if limit else rows


def main(
    config: Config,
    cases: Callable[[Config], Iterable[Case]],
    build: Callable[[Case, Config], Trial],
    figure: Callable[[pd.DataFrame], Figure],
    script: str,
    finish: Callable[[Results], None] | None = None,
) -> None:
    """Runs an experiment from its flags to its figure, then exits: 0 done, 1 some cases failed, 2 the user can help.

    Args:
        config: the flags.
        cases: what to run.
        build: turns a case into a trial; nothing costly happens here.
        figure: draws the results (all finished cases, one row each).
        script: the script's `__file__`, which names the area and the experiment.
        finish: makes what else is wanted of the results, of which there is one at least.
    """
    path = Path(script)
    config = parallel.aside(config)
    results = Results(config.results_dir, path.parent.name, path.stem)
    try:
        for name in ("datasets", "methods", "seeds"):
            if not getattr(config, name):
                raise UserError(f"--{name} has no value; give at least one")
        planned = list(cases(config))
        if config.check or not config.quiet:
            n_unread = table_check.tell(planned, config, build, table_of)
        if config.check:
            sys.exit(EXIT_USER_ERROR if n_unread else 0)
        failed = Runner(config, build, results).run(planned)
        report.write(results, figure)
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
            f"\nstopped; {len(results.finished())} finished cases are kept in {results.path}, "
            "and the same command goes on from there",
            file=sys.stderr,
        )
        sys.exit(EXIT_INTERRUPTED)
