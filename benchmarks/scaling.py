"""Scaling: how do time and memory of fitting and predicting grow with the number of rows?

python -m benchmarks.scaling                                                       # 1,000 to 50,000 rows: half an hour
python -m benchmarks.scaling --rows 1000 4000 --columns 5                          # minutes
"""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from benchmarks import growth
from utils import command_line, plots, study
from utils.errors import UserError
from utils.storage import write_text

COLOURS = {"lift": plots.LIFT_COLOUR, "xgboost": "tab:blue"}


@dataclass(frozen=True)
class Config(study.Config):
    methods: tuple[str, ...] = ("xgboost", "lift")
    rows: tuple[int, ...] = (1000, 5000, 20_000, 50_000)  # for training; a quarter as many each for validation and test
    columns: int = 20


def draw(frame):
    """Seconds and memory against rows, on logarithmic axes, with a line for proportional growth."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    frame = frame.assign(seconds=frame["seconds_fit"] + frame["seconds_predict"])
    for axes, (column, label) in zip(
        figure.subplots(1, 2), {"seconds": "seconds", "memory_mib": "MiB beyond the model"}.items(), strict=True
    ):
        for method, part in frame.groupby("method"):
            axes.plot(part["rows"], part[column].clip(lower=0.1), "o-", label=method, color=COLOURS.get(method))
        first = frame[frame["method"] == frame["method"].iloc[-1]].iloc[0]
        ends = np.array([frame["rows"].min(), frame["rows"].max()])
        axes.plot(ends, first[column] * ends / ends[0], ":", color="0.5", label="in proportion to the rows")
        axes.set(xscale="log", yscale="log", xlabel="training rows", ylabel=label)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter("{x:,g}")
            axis.set_minor_formatter(NullFormatter())
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def main(config):
    if config.model.startswith("openai:"):
        raise UserError("this measures the machine it runs on; give a local --model")
    config = replace(config, threads=config.threads or 2)
    found = []
    for n in config.rows:
        for method in config.methods:
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
                found.append(pool.submit(growth.measured, config, method, n).result())
            print({name: round(v, 3) if isinstance(v, float) else v for name, v in found[-1].items()}, flush=True)
            folder = Path(config.results_dir) / "benchmarks"
            write_text(folder / "scaling.csv", pd.DataFrame(found).to_csv(index=False, float_format="%.5g"))
    draw(pd.DataFrame(found)).savefig(folder / "scaling.png", dpi=150)


if __name__ == "__main__":
    command_line.run(main, Config, __doc__)
