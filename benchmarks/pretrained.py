"""Pretrained models: how fast are tuning and scoring, compared with TRL and lm-evaluation-harness on the same texts?

python -m benchmarks.pretrained                                        # smollm2 on iris: half an hour on one core
python -m benchmarks.pretrained --jobs scoring                         # minutes
python -m benchmarks.pretrained --model FOLDER --datasets wine --isa avx2 --rounds 3
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal

import pandas as pd
from tqdm import tqdm

from benchmarks import machine, pretrained_table
from benchmarks.pretrained_case import WAYS
from utils import command_line
from utils.errors import UserError
from utils.paths import ROOT


@dataclass(frozen=True)
class Config:
    model: str = "smollm2"  # or a folder or a Hub id
    datasets: tuple[str, ...] = ("iris",)  # names and files: data/README.md
    jobs: tuple[Literal["tuning", "scoring"], ...] = ("tuning", "scoring")
    epochs: tuple[int, ...] = (1, 2, 4)  # of tuning; each is a separate fine-tune with its own schedule
    answers: tuple[Literal["codes", "text"], ...] = (
        "codes",
        "text",
    )  # of scoring: numbers, or the names of the classes
    shots: tuple[int, ...] = (0, 16)  # of scoring: training rows before every prompt, the same for all
    ways: tuple[Literal["ours", "ours, all layers", "trl", "trl, upper layers", "lm-eval"], ...] = ()  # all if empty
    isa: Literal["avx2", "native"] = "native"  # instruction set that torch may use
    rounds: int = 1  # repetitions of everything; the table has medians
    threads: int = 1  # per process
    seed: int = 0  # of the split and the tuning
    results_dir: Path = ROOT / "results"


def measured(config, dataset, way, work):
    """The measurements of one process."""
    settings = {"model": config.model, "dataset": dataset, "threads": config.threads, "seed": config.seed, "way": way}
    command = [sys.executable, "-m", "benchmarks.pretrained_case", json.dumps(settings | work)]
    environment = machine.environment(config.isa, config.threads)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise UserError(f"{way} with {config.model} on {dataset}: {reason}")
    row = json.loads(done.stdout.strip().splitlines()[-1])
    return {"processor": machine.processor(), "isa": config.isa, **settings, **work, **row}


def main(config):
    scoring = product(config.answers, config.shots)
    each = {
        "tuning": [{"job": "tuning", "epochs": n, "answers": "codes", "shots": 0} for n in config.epochs],
        "scoring": [{"job": "scoring", "epochs": 0, "answers": one, "shots": n} for one, n in scoring],
    }
    ways = {job: [way for way in WAYS[job] if not config.ways or way in config.ways] for job in config.jobs}
    cases = [case for job in config.jobs for case in product(config.datasets, each[job], ways[job])]
    rows = []
    for number, (dataset, work, way) in tqdm(list(product(range(config.rounds), cases)), "pretrained"):
        rows.append({"round": number, **measured(config, dataset, way, work)})
        pretrained_table.keep(pd.DataFrame(rows), config.results_dir)
    print(pretrained_table.write(pd.DataFrame(rows), config.results_dir))


if __name__ == "__main__":
    command_line.run(main, Config, __doc__)
