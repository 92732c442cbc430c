"""Speed: rows per second of tuning and of answering in the original, TRL and ours, on the same network and texts.

python -m benchmarks.speed                                                                  # on a CPU: 25 minutes
python -m benchmarks.speed --models lift-tiny --columns 4 20 --rounds 1                     # minutes
python -m benchmarks.speed --models gptj-size --columns 4 20 100 324 --adapter lora         # on a GPU
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from benchmarks import speed_table
from utils import command_line
from utils.errors import UserError
from utils.paths import ROOT


@dataclass(frozen=True)
class Config:
    models: tuple[str, ...] = ("lift-tiny", "gpt2-size")  # also gptj-size, a folder, a Hub id
    columns: tuple[int, ...] = (4, 20, 100, 324)  # of the table; one token each in the prompt
    large_columns: tuple[int, ...] = (4, 20)  # for all models but lift-tiny without a GPU
    ways: tuple[str, ...] = ("original", "trl", "ours", "ours, free text")
    batch_sizes: tuple[int, ...] = (32, 128)  # each is tried once for TRL and ours; the fastest is measured
    rounds: int = 2  # repetitions of all ways in turn; the table has medians
    seconds: float = 2.0  # approximate duration of one timed tuning, and of one timed answering
    adapter: str = "full"  # or lora, or another of peft
    device: str = "auto"
    threads: int = 0  # CPU threads; 0 for all
    results_dir: Path = ROOT / "results"


def measured(config, way, model, columns, batch_size):
    """The measurements of one process."""
    passed = {name: getattr(config, name) for name in ("adapter", "device", "threads", "seconds")}
    settings = {"way": way, "model": model, "columns": columns, "batch_size": batch_size, **passed}
    command = [sys.executable, "-m", "benchmarks.measure", json.dumps(settings)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise UserError(f"{way} with {model}, {columns} columns: {reason}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def runs(config, way, model, columns, sizes):
    """One process per batch size that is worth more rounds, and the measurements in which it is best."""
    sizes = sizes if way in speed_table.SEARCHED else sizes[:1]
    found = [measured(config, way, model, columns, size) for size in sizes] if len(sizes) > 1 else []
    best = {figure: max(found, key=lambda row: row[figure]) if found else {} for figure in speed_table.FIGURES}
    chosen = {figure: row.get("batch_size", sizes[0]) for figure, row in best.items()}
    return {size: [figure for figure in chosen if chosen[figure] == size] for size in set(chosen.values())}


def main(config):
    rows = []
    for model in config.models:
        small = model == "lift-tiny" or (speed_table.has_gpu() and config.device != "cpu")
        sizes = [n if small else max(1, n // 4) for n in config.batch_sizes]  # large networks fill the cores earlier
        for columns in config.columns if small else config.large_columns:
            plan = {way: runs(config, way, model, columns, sizes) for way in config.ways}
            for number, way in tqdm(list(product(range(config.rounds), config.ways)), f"{model}, {columns} columns"):
                for size, kept in plan[way].items():
                    row = measured(config, way, model, columns, size)
                    rows.append({"round": number, "kept": " ".join(kept), **row})
            speed_table.write(pd.DataFrame(rows), config.results_dir)
    print(speed_table.markdown(pd.DataFrame(rows)))


if __name__ == "__main__":
    command_line.run(main, Config, __doc__)
