"""Several LoRA fine-tunes of one frozen network: one after the other, and in parallel in the same passes.

python -m benchmarks.together                                                   # minutes on a CPU
"""

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median

import pandas as pd

from benchmarks import measure, ways
from utils import command_line, models, paths
from utils.models import FineTuning
from utils.models.local.multi_lora import fine_tune_each
from utils.storage import write_text


@dataclass(frozen=True)
class Config:
    model: str = "gpt2-size"  # also gptj-size, lift-tiny, a folder, a Hub id
    fits: tuple[int, ...] = (2, 4, 8)  # numbers of learning rates
    batch_sizes: tuple[int, ...] = (4,)  # rows per update of each fit; 4 as in the paper for GPT-J
    columns: int = 8
    updates: int = 10
    rounds: int = 3  # repetitions of both ways in turn
    device: str = "auto"
    threads: int = 0  # CPU threads; 0 for all
    results_dir: Path = paths.ROOT / "results"


def tuned(model, work, settings, side_by_side):
    """The seconds that tuning took, and the last validation losses."""
    losses = [[] for _ in settings]
    reports = [lambda epoch, now, loss, own=own: own.append(loss) for own in losses]
    groups = [slice(None)] if side_by_side else [slice(i, i + 1) for i in range(len(settings))]

    def run():
        for group in groups:
            own = {"settings": settings[group], "on_epochs": reports[group], "seeds": [0] * len(settings[group])}
            list(fine_tune_each(model, work.examples, work.examples[:8], **own))

    return ways.seconds(model, run), [own[-1] for own in losses]


def compared(model, config, n_fits, batch_size):
    """One row of the table."""
    work = measure.work(config.updates * batch_size, config.columns, 0)
    settings = [FineTuning(learning_rate=1e-3 / 2**i, epochs=1, batch_size=batch_size) for i in range(n_fits)]
    seconds = {False: [], True: []}
    for _ in range(config.rounds + 1):  # first calls are slow
        found = {way: tuned(model, work, settings, way) for way in (False, True)}
        for way in found:
            seconds[way].append(found[way][0])
    alone, shared = (median(seconds[way][1:]) for way in (False, True))
    apart = max(abs(a - b) for a, b in zip(found[False][1], found[True][1], strict=True))
    figures = {"one_by_one_s": alone, "side_by_side_s": shared, "times_as_fast": alone / shared}
    return {"fits": n_fits, "batch_size": batch_size, **figures, "largest_difference_of_losses": apart}


def main(config):
    name, threads = measure.checkpoint(config.model), config.threads or None
    model = models.load(name, adapter="lora", device=config.device, threads=threads)
    rows = []
    for n_fits, batch_size in product(config.fits, config.batch_sizes):
        rows.append(compared(model, config, n_fits, batch_size))
        print({name: float(f"{v:.3g}") for name, v in rows[-1].items()}, flush=True)
        write_text(config.results_dir / "benchmarks" / "together.csv", pd.DataFrame(rows).to_csv(index=False))


if __name__ == "__main__":
    command_line.run(main, Config, __doc__)
