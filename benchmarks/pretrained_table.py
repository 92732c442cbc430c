"""The table and the figure of `benchmarks/pretrained.py`: medians over rounds, and ratios to this project's seconds."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from utils import plots
from utils.reporting import markdown_table
from utils.storage import write_text

WORK = ["job", "dataset", "epochs", "answers", "shots"]  # what all ways do
TITLE = "Tuning: accuracy on the validation rows by processor time"


def medians(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per work and way: medians over the rounds of seconds, accuracy and peak memory.

    `ratio` is the processor seconds as a multiple of those of "ours" on the same work; `difference` the largest one
    between two log-likelihoods of the same request, in nats.
    """
    numbers = [name for name in ("cpu_s", "accuracy", "peak_mib", "difference") if name in frame]
    table = frame.groupby([*WORK, "way"], sort=False)[numbers].median().reset_index()
    ours = table[table["way"] == "ours"].set_index(WORK)["cpu_s"]
    return table.assign(ratio=table["cpu_s"] / ours.reindex(pd.MultiIndex.from_frame(table[WORK])).to_numpy())


def keep(frame: pd.DataFrame, results_dir: Path) -> None:
    """Writes pretrained.csv, one row per process."""
    folder = results_dir / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "pretrained.csv", frame.to_csv(index=False))


def write(frame: pd.DataFrame, results_dir: Path) -> str:
    """Writes pretrained_summary.csv and the figure; returns the table as text, with the machine."""
    table = medians(frame)
    folder = results_dir / "benchmarks"
    write_text(folder / "pretrained_summary.csv", table.to_csv(index=False))
    tuned = table[table["job"] == "tuning"]
    if len(tuned):
        figure(tuned).savefig(folder / "pretrained.png", dpi=150)
    digits = {"cpu_s": 1, "accuracy": 3, "peak_mib": 0, "ratio": 2, "difference": 5}
    facts = frame.iloc[0]
    where = f"{facts['processor']}; {facts['isa']} instructions; threads of a process: {facts['threads']}"
    return f"{markdown_table(table.round(digits))}\n\n{where}; rounds: {frame['round'].nunique()}."


def figure(tuned: pd.DataFrame) -> Figure:
    """One panel per data set, one line per way through its numbers of epochs."""
    drawn, grid = plots.panel_table([""], sorted(tuned["dataset"].unique()), sharey=True)
    for axes, (_, part) in zip(grid.flat, tuned.groupby("dataset"), strict=True):
        for i, (way, rows) in enumerate(part.groupby("way", sort=False)):
            look = {"color": plots.LIFT_COLOUR} if way == "ours" else {"color": plots.COLOURS[i]}
            rows = rows.sort_values("epochs")
            axes.plot(rows["cpu_s"], rows["accuracy"], marker=plots.MARKERS[i], label=way, **look)
            for row in rows.itertuples():
                axes.annotate(row.epochs, (row.cpu_s, row.accuracy), (3, 3), textcoords="offset points", fontsize=8)
        axes.set_xlabel("processor seconds (numbers: epochs)")
        axes.set_xlim(left=0)
    return plots.finished(drawn, grid.flat, TITLE, y="accuracy")
