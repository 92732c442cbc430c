"""Pretrained models: how fast are tuning and scoring, compared with TRL and lm-evaluation-harness on the same texts?

python -m benchmarks.pretrained                                        # smollm2 on iris: twenty minutes on two cores
python -m benchmarks.pretrained --jobs scoring --rounds 1              # minutes
python -m benchmarks.pretrained --model FOLDER --dataset wine --isa avx2
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

from benchmarks import machine
from benchmarks.pretrained_case import WAYS
from utils import command_line
from utils.errors import UserError
from utils.paths import ROOT
from utils.reporting import markdown_table
from utils.storage import write_text

KEYS = ["job", "way"]


@dataclass(frozen=True)
class Config:
    model: str = "smollm2"  # or a folder or a Hub id
    dataset: str = "iris"
    jobs: tuple[Literal["tuning", "scoring"], ...] = ("tuning", "scoring")
    epochs: tuple[int, ...] = (2, 4, 8)  # of tuning; each is a separate fine-tune with its own schedule
    isa: Literal["avx2", "native"] = "native"  # instruction set that torch may use
    rounds: int = 1  # repetitions of everything; the table has medians
    threads: int = 1  # per process
    seed: int = 0  # of the split and the tuning
    results_dir: Path = ROOT / "results"


def measured(config, way, setting):
    """The measurements of one process."""
    settings = {name: getattr(config, name) for name in ("model", "dataset", "threads", "seed")} | {"way": way}
    command = [sys.executable, "-m", "benchmarks.pretrained_case", json.dumps(settings | setting)]
    environment = machine.environment(config.isa, config.threads)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise UserError(f"{way} with {config.model} on {config.dataset}: {reason}")
    row = json.loads(done.stdout.strip().splitlines()[-1])
    return {"processor": machine.processor(), "isa": config.isa, **settings, **setting, **row}


def summary(frame):
    """Medians over the rounds, with the processor seconds as a multiple of ours on the same work."""
    same = [*KEYS, "epochs", "answers"]
    table = frame.groupby(same, sort=False, dropna=False)[["cpu_s", "accuracy", "peak_mib"]].median().reset_index()
    ours = table[table["way"] == "ours"].set_index(["job", "epochs", "answers"])["cpu_s"]
    work = pd.MultiIndex.from_frame(table[["job", "epochs", "answers"]])
    return table.assign(ratio=table["cpu_s"] / ours.reindex(work).to_numpy())


def main(config):
    work = {
        "tuning": [{"job": "tuning", "epochs": n, "answers": ""} for n in config.epochs],
        "scoring": [{"job": "scoring", "epochs": 0, "answers": answers} for answers in ("codes", "text")],
    }
    cases = [(way, setting) for job in config.jobs for setting, way in product(work[job], WAYS[job])]
    folder = Path(config.results_dir) / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, (way, setting) in tqdm(list(product(range(config.rounds), cases)), "pretrained"):
        rows.append({"round": number, **measured(config, way, setting)})
        pd.DataFrame(rows).to_csv(folder / "pretrained_runs.csv", index=False)
    table = summary(pd.DataFrame(rows))
    table.to_csv(folder / "pretrained_summary.csv", index=False)
    text = markdown_table(table.round({"cpu_s": 1, "accuracy": 3, "peak_mib": 0, "ratio": 2}))
    facts = f"{rows[0]['processor']}; {config.isa}; threads of a process: {config.threads}; rounds: {config.rounds}"
    write_text(folder / "pretrained.md", f"{text}\n\n{facts}\n")
    print(f"{text}\n\n{facts}")


if __name__ == "__main__":
    command_line.run(main, Config, __doc__)
