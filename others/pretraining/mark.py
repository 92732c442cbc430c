"""The mark of a pretraining run: how good is its model, in context and tuned, compared with classical learners?

bash others/pretraining/mark.sh                                            # the newest checkpoint, some minutes
bash others/pretraining/mark.sh --checkpoint data/models/lift-context --tuned # a model's folder; tuning takes an hour
LIFT_DATA=FOLDER bash others/pretraining/mark.sh --datasets my-table --seeds 0

Measured on held-out synthetic tables and on tables of LIFT_DATA that are not the paper's. Nothing is measured twice:
each checkpoint adds its points to one CSV and one plot. The run that writes the checkpoint is not disturbed.
"""

from __future__ import annotations

import math
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
import tyro
from tqdm import tqdm

from others.pretraining import settings
from others.pretraining.marking import checkpoint, learners, report, rows
from others.pretraining.marking.learners import WAYS
from others.pretraining.marking.rows import Draw
from others.pretraining.marking.store import Store, key
from utils.errors import UnknownName, UserError
from utils.paths import ROOT
from utils.reporting import markdown_table

ROOM = 16  # tokens of a prompt besides the example rows: a query of ten columns and its answer


@dataclass(frozen=True)
class Config:
    checkpoint: Path = settings.Config.scratch / "checkpoint.pt"  # or a model's folder
    datasets: tuple[str, ...] = rows.REAL  # of LIFT_DATA; the paper's and their relatives are refused
    n_synthetic: int = 12  # synthetic tables per seed
    seeds: tuple[int, ...] = (0, 1, 2)  # one draw of rows each
    n_rows: tuple[int, ...] = (8, 16, 32, 64, 128)  # training rows
    max_test: int = 100  # test rows of a table
    ways: tuple[str, ...] = ("nearest-all",)  # of answering in context: marking/learners.py
    length: int = 0  # tokens of a prompt; 0 for the length of the curriculum's current stage
    tuned: bool = False  # also tune from the checkpoint and from two untrained networks (an hour)
    tuned_datasets: tuple[str, ...] = rows.REAL[:6]
    tuned_seeds: tuple[int, ...] = (0, 1)
    tuned_rows: tuple[int, ...] = (16, 32, 64, 128)
    results_dir: Path = ROOT / "results"


def planned(config: Config, marked: checkpoint.Marked) -> Iterator[tuple[Draw, str]]:
    """Training and test rows and the learners, seed by seed."""
    for seed in config.seeds:
        most = max((*config.n_rows, *config.tuned_rows))
        real = (rows.real(name, seed, most, config.max_test) for name in config.datasets)
        limits = marked.stage.limits
        made = (rows.synthetic(i, seed, limits, most, config.max_test) for i in range(config.n_synthetic))
        for draw in (*real, *made):
            names = dict.fromkeys(config.n_rows, (*config.ways, *learners.BASELINES))
            if config.tuned and draw.table in config.tuned_datasets and seed in config.tuned_seeds:
                names |= {n: (*names.get(n, ()), *learners.TUNED) for n in config.tuned_rows}
            yield from ((draw.first(n), name) for n in sorted(names) if n <= len(draw.X) for name in names[n])


def measure(config: Config, marked: checkpoint.Marked, store: Store, work: Path) -> pd.DataFrame:
    """Adds missing measurements to the store; returns all rows of this model and of those compared with it.

    Args:
        work: an empty folder for models.
    """
    length = config.length or marked.stage.length
    answer = {name: learners.baseline(name) for name in learners.BASELINES}
    folders = learners.write_folders(marked, config.ways, length - ROOM, config.tuned, work)
    answer |= {name: learners.lift(path) for name, path in folders.items()}
    done, keys = set(store.frame()["key"]), []
    for draw, name in tqdm(list(planned(config, marked)), desc="mark", disable=None):
        keys.append(key({"rows": draw.sha256, "seed": draw.seed, **learners.describe(marked, name, length)}))
        if keys[-1] in done:
            continue
        began = time.process_time()
        accuracy = float((answer[name](draw) == draw.y_test).mean())
        row = {"key": keys[-1], "part": draw.part, "table": draw.table, "n_rows": len(draw.y), "seed": draw.seed}
        row |= {"learner": name, "accuracy": round(accuracy, 6), "n_test": len(draw.y_test)}
        row |= {"million_tokens": marked.million_tokens if name in (*WAYS, "tuned") else ""}
        row |= {"length": length if name in WAYS else "", "seconds": round(time.process_time() - began, 2)}
        store.add(row)
    frame = store.frame()
    return frame[frame["key"].isin(keys)]


def mark(config: Config) -> pd.DataFrame:
    """Measures, prints the summary, draws the plot; returns the rows of this model."""
    rows.check(config.datasets)
    for name in config.ways:
        if name not in WAYS:
            raise UnknownName(f"no way {name!r}; have {', '.join(WAYS)}")
    torch.set_num_threads(1)
    store = Store(config.results_dir / "others" / "pretraining_mark.csv")
    marked = checkpoint.read(config.checkpoint)
    with tempfile.TemporaryDirectory() as work:
        found = measure(config, marked, store, Path(work))
    seen = "" if math.isnan(marked.million_tokens) else f", {marked.million_tokens:.1f} million tokens"
    print(f"\nmean accuracy{seen}\n")
    print(markdown_table(report.summary(found).round(3)), *report.verdicts(found), sep="\n")
    same = store.frame().merge(found[["part", "table", "n_rows", "seed"]].drop_duplicates())
    report.figure(same).savefig(store.path.with_suffix(".png"), dpi=120)
    print(f"\nrows     {store.path}\nplot     {store.path.with_suffix('.png')}")
    return found


def main(arguments: Sequence[str]) -> int:
    """Runs the command line; the exit code is 0, 2 on a usage error, or 130 after Ctrl-C."""
    try:
        mark(tyro.cli(Config, args=list(arguments), prog="mark.sh", description=__doc__))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped; run the same command to resume", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
