"""The table and the figure of `benchmarks/speed.py`: medians over rounds, and ratios to TRL."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from utils import plots
from utils.storage import write_text

SEARCHED = ("trl", "ours")  # ways whose batch size is searched
FIGURES = ("tune_rows_per_s", "predict_rows_per_s")  # each with its best batch size
COLOURS = {"original": "0.75", "trl": "0.45", "ours": plots.LIFT_COLOUR, "ours, free text": "tab:orange"}
REFERENCE = "trl"
FREE = "ours, free text"
TITLES = {"original": "the original's way", "trl": "TRL's `SFTTrainer`, `generate`", "ours": "here"}


def has_gpu() -> bool:
    """Whether this machine has an NVIDIA driver, determined without torch."""
    return shutil.which("nvidia-smi") is not None


def medians(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per model, number of columns and way: medians over the rounds, and the ratio of each figure to TRL's.

    Args:
        frame: one row per process; `kept` names the figures for which its batch size was the best.
    """
    keys = ["model", "columns", "way"]
    parts = []
    for figure, others in {
        "tune_rows_per_s": ["tune_tokens_per_s", "tune_share", "tokens_per_row"],
        "predict_rows_per_s": ["predict_share"],
    }.items():
        kept = frame[[figure in text.split() for text in frame["kept"]]]
        part = kept.groupby(keys, sort=False)[[figure, *others, "memory_mib", "batch_size"]].median()
        verb = figure.partition("_")[0]
        parts.append(part.rename(columns={"memory_mib": f"{verb}_memory_mib", "batch_size": f"{verb}_batch_size"}))
    table = pd.concat(parts, axis=1).reset_index()
    table["memory_mib"] = table[["tune_memory_mib", "predict_memory_mib"]].max(axis=1)
    for figure in FIGURES:
        reference = table[table["way"] == REFERENCE].set_index(["model", "columns"])[figure]
        groups = pd.MultiIndex.from_frame(table[["model", "columns"]])
        table[figure.replace("rows_per_s", "ratio")] = table[figure] / reference.reindex(groups).to_numpy()
    return table


def markdown(frame: pd.DataFrame) -> str:
    """The table as text; `frame` as for `medians`."""
    table = medians(frame)
    head = (
        "| model | columns (tokens) | way | tuning: rows/s | × TRL | share of matrix rate | batch "
        "| answering: rows/s | × TRL | share | memory, MiB |"
    )
    lines = [head, "|---|---|---" + "|---:" * 8 + "|"]
    for row in table.to_dict("records"):
        lines.append(
            f"| {row['model']} | {row['columns']} ({row['tokens_per_row']:.0f}) | {row['way']} "
            f"| {row['tune_rows_per_s']:,.1f} | {row['tune_ratio']:.2f} | {row['tune_share']:.0%} "
            f"| {row['tune_batch_size']:.0f} | {row['predict_rows_per_s']:,.1f} | {row['predict_ratio']:.2f} "
            f"| {row['predict_share']:.0%} | {row['memory_mib']:,.0f} |"
        )
    facts = frame.iloc[0]
    rates = frame["matrix_gflops"]
    return "\n".join(
        [
            *lines,
            "",
            f"{facts['device']}, {facts['threads']} threads, {facts['dtype']}, adapter {facts['adapter']}; measured "
            f"matrix products: {rates.median():,.0f} GFLOP/s ({rates.min():,.0f} to {rates.max():,.0f}); "
            f"medians of {frame['round'].nunique()} rounds.",
        ]
    )


def short(frame: pd.DataFrame) -> str:
    """The table of the main README: rows per second of tuning and of answering, ways as rows, sizes as columns."""
    table = medians(frame)
    table = table[table["way"] != FREE]
    columns = {(model, n): f"{model}, {n} columns" for model, n in zip(table["model"], table["columns"], strict=True)}
    lines = [
        f"| rows per second: tuning / answering | {' | '.join(columns.values())} |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for way, part in table.groupby("way", sort=False):
        found = part.set_index(["model", "columns"])[list(FIGURES)]
        cells = [
            " / ".join(f"{value:,.3g}" if value < 100 else f"{value:,.0f}" for value in found.loc[key])
            for key in columns
        ]
        lines.append(f"| {TITLES[way]} | {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(frame: pd.DataFrame) -> Figure:
    """Bar charts of the ratios to TRL, one panel for tuning and one for answering."""
    table = medians(frame)
    figure = Figure(figsize=(13, 4.2), layout="constrained")
    groups = list(dict.fromkeys(zip(table["model"], table["columns"], strict=True)))
    all_ways = list(dict.fromkeys(table["way"]))
    for axes, verb in zip(figure.subplots(1, 2), ("tune", "predict"), strict=True):
        ways = [way for way in all_ways if verb == "predict" or way != FREE]  # both of ours tune identically
        for number, way in enumerate(ways):
            part = table[table["way"] == way].set_index(["model", "columns"])[f"{verb}_ratio"].reindex(groups)
            at = [index + (number - (len(ways) - 1) / 2) * 0.8 / len(ways) for index in range(len(groups))]
            bars = axes.bar(at, part, 0.8 / len(ways), color=COLOURS[way], label=way)
            axes.bar_label(bars, [f"{value:.2g}" for value in part], fontsize=7)
        axes.set_xticks(range(len(groups)), [f"{model}\n{columns} columns" for model, columns in groups], fontsize=7)
        axes.axhline(1, color="0.3", linewidth=0.8)
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_title({"tune": "Tuning", "predict": "Answering"}[verb])
        axes.set_ylabel("rows per second, as a multiple of TRL's")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=len(all_ways))
    return figure


def write(frame: pd.DataFrame, results_dir: Path) -> None:
    """Writes speed.csv (one row per process), speed.md and speed.png into `results_dir`/benchmarks."""
    folder = Path(results_dir) / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "speed.csv", frame.to_csv(index=False, float_format="%.6g"))
    write_text(folder / "speed.md", markdown(frame) + "\n")
    draw(frame).savefig(folder / "speed.png", dpi=150)
