"""The job: what do fit and predict of LIFT cost as shipped, where does the time go, and how do others compare?

python -m benchmarks.job --isa avx2                                                 # as on a plain processor
python -m benchmarks.job --isa avx2 native --rounds 1 --datasets iris wine          # minutes
python -m benchmarks.job --readme                                                   # runs nothing: results → manual
"""

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal

import pandas as pd
from tqdm import tqdm

from benchmarks import job_table, machine, manual
from benchmarks.job_case import STARTS, TASKS
from utils import command_line
from utils.errors import UserError
from utils.paths import ROOT

KERNEL = {"classification": "svm", "regression": "kernel_ridge"}  # what the method svm is in each task


@dataclass(frozen=True)
class Config:
    datasets: tuple[Literal["iris", "wine", "digits", "made", "diabetes"], ...] = tuple(TASKS)
    methods: tuple[str, ...] = ("lift", "trl", "xgboost", "svm")  # trl: as many updates as lift made in the same round
    isa: tuple[Literal["avx2", "native"], ...] = ("native",)  # instruction sets that torch may use
    rounds: int = 3  # repetitions of everything; the table has medians
    threads: int = 1  # per process
    seed: int = 0  # of the split and the tuning
    epochs: int = 0  # of LIFT; 0 for its recipe
    readme: bool = False  # only publish the results of the last run
    results_dir: Path = ROOT / "results"


def measured(config, isa, dataset, method, updates=0):
    """The measurements of one process."""
    settings = {"dataset": dataset, "method": KERNEL[TASKS[dataset]] if method == "svm" else method}
    settings |= {"threads": config.threads, "seed": config.seed, "updates": updates, "epochs": config.epochs}
    command = [sys.executable, "-m", "benchmarks.job_case", json.dumps(settings)]
    begin = time.perf_counter()
    environment = machine.environment(isa, config.threads)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    wall = time.perf_counter() - begin
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise UserError(f"{method} on {dataset or 'nothing'}, {isa}: {reason}")
    row = json.loads(done.stdout.strip().splitlines()[-1])
    where = {"processor": machine.processor(), "isa": isa, "threads": config.threads}
    return {**where, **settings, "wall_s": wall - row.pop("aside_wall_s"), **row}


def main(config):
    if config.readme:
        manual.publish("benchmarks", "job", config.results_dir)
        return
    if "trl" in config.methods and "lift" not in config.methods:
        raise UserError("trl makes as many updates as lift does; add lift to --methods")
    rows, updates = [], 0
    cases = [("", start) for start in STARTS]
    cases += product(config.datasets, sorted(config.methods, key=lambda method: method != "lift"))
    for number, isa, (dataset, method) in tqdm(list(product(range(config.rounds), config.isa, cases)), "job"):
        row = measured(config, isa, dataset, method, updates if method == "trl" else 0)
        updates = row["updates"] if method == "lift" else updates
        rows.append({"round": number, **row})
        job_table.keep(pd.DataFrame(rows), config.results_dir)
    job_table.write(pd.DataFrame(rows), config.results_dir)
    print(job_table.markdown(pd.DataFrame(rows)))


if __name__ == "__main__":
    command_line.run(main, Config, __doc__)
