"""The tables and the figure of `benchmarks/job.py`: medians over rounds, ratios to tuned XGBoost, shares of phases."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from benchmarks.job_case import MADE
from benchmarks.phases import NAMES
from utils.reporting import markdown_table
from utils.storage import write_text

REFERENCE = "xgboost"
PHASES = [f"{name} s" for name in NAMES]
COLOURS = ("0.8", "0.6", "tab:olive", "tab:red", "tab:orange", "tab:purple", "tab:cyan")  # of the phases, in order
KEYS = ["dataset", "method", "isa"]
TITLES = {MADE: "made, 1,000 × 20"}
SCORES = {"classification": "accuracy", "regression": "RAE"}


def medians(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per data set, method and instruction set, in that order: medians over the rounds.

    Besides the columns of `frame`: `job_cpu_s` and `job_wall_s` of fitting and predicting after loading, and `ratio`,
    the first as a multiple of XGBoost's with the same instructions.
    """
    frame = frame.fillna({"dataset": ""})
    job = {f"job_{clock}_s": frame[f"fit_{clock}_s"] + frame[f"predict_{clock}_s"] for clock in ("cpu", "wall")}
    frame = frame.assign(**job)
    numbers = [name for name in frame.select_dtypes("number") if name != "round"]
    table = frame.groupby(KEYS, sort=False)[numbers].median().reset_index()
    table = table.merge(frame.drop_duplicates(KEYS)[[*KEYS, "task"]], on=KEYS)
    reference = table[table["method"] == REFERENCE].set_index(["dataset", "isa"])["job_cpu_s"]
    groups = pd.MultiIndex.from_frame(table[["dataset", "isa"]])
    return table.assign(ratio=table["job_cpu_s"] / reference.reindex(groups).to_numpy())


def markdown(frame: pd.DataFrame) -> str:
    """Both tables as text, and the machine they were measured on; `frame` has one row per process."""
    table = medians(frame)
    facts = frame.iloc[0]
    seen = frame.dropna(subset="capability").groupby("isa", sort=False)["capability"].first()
    used = ", ".join(f"{isa}: {name}" for isa, name in seen.items())
    header = f"{facts['processor']}; threads of a process: {facts['threads']}; instructions that torch takes: {used}; "
    return "\n\n".join([_costs(table), _shares(table), f"{header}medians of rounds: {frame['round'].nunique()}."])


def _costs(table: pd.DataFrame) -> str:
    """Cost and score of each method, one row per data set and method; instruction sets as columns."""
    kinds = list(dict.fromkeys(table["isa"]))
    rows = []
    for (dataset, method), part in table[table["dataset"] != ""].groupby(["dataset", "method"], sort=False):
        by = part.set_index("isa").reindex(kinds)
        first = by.iloc[0]
        row = {"data set": TITLES.get(dataset, dataset), "method": method}
        row["score"] = f"{first['score']:.3f} {SCORES[part['task'].iloc[0]]}"
        for isa in kinds:
            row[f"{isa}: processor s"] = f"{by.loc[isa, 'job_cpu_s']:,.2f}"
            row[f"{isa}: s"] = f"{by.loc[isa, 'job_wall_s']:,.2f}"
            row[f"{isa}: × XGBoost"] = _number(by.loc[isa, "ratio"], ",.1f")
        row["memory, MiB"] = f"{first['peak_mib']:,.0f}"
        row |= {name: f"{first[name]:,.0f}" if first["updates"] else "–" for name in ("updates", "tokens")}
        rows.append(row)
    return markdown_table(pd.DataFrame(rows))


def _shares(table: pd.DataFrame) -> str:
    """Shares of the phases in the time of whole processes, one row per process and instruction set."""
    rows = []
    for row in table[(table["dataset"] == "") | (table["updates"] > 0)].to_dict("records"):
        process = f"{row['method']}, {TITLES.get(row['dataset'], row['dataset'])}" if row["dataset"] else row["method"]
        seconds = {
            "process": process,
            "isa": row["isa"],
            "processor s": f"{row['cpu_s']:,.2f}",
            "s": f"{row['wall_s']:,.2f}",
        }
        rows.append(seconds | {name: f"{row[f'{name} s'] / row['cpu_s']:.0%}" for name in NAMES})
    return markdown_table(pd.DataFrame(rows))


def _number(value: float, form: str) -> str:
    return "–" if pd.isna(value) else format(value, form)


def draw(frame: pd.DataFrame) -> Figure:
    """Stacked bars: processor seconds of each process by phase, a panel per data set and one for bare starts."""
    table = medians(frame)
    sets = list(dict.fromkeys(table["dataset"]))
    n_columns = min(3, len(sets))
    n_rows = math.ceil(len(sets) / n_columns)
    bars = max(table.groupby("dataset", dropna=False).size())
    size = (3.6 * n_columns, 0.7 + n_rows * (0.8 + 0.25 * bars))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(n_rows, n_columns, squeeze=False).flat
    for axes, dataset in zip(panels, sets, strict=False):
        part = table[table["dataset"] == dataset]
        left = pd.Series(0.0, part.index)
        for phase, name, colour in zip(PHASES, NAMES, COLOURS, strict=True):
            width = part[phase].clip(lower=0)
            axes.barh(range(len(part)), width, 0.8, left=left, color=colour, label=name)
            left = left + width
        labels = [f"{row['method']}, {row['isa']}" for row in part.to_dict("records")]
        axes.set_yticks(range(len(part)), labels, fontsize=8)
        axes.invert_yaxis()
        axes.set_title(TITLES.get(dataset, dataset) or "start", fontsize=9)
        axes.set_xlabel("processor seconds of the process", fontsize=8)
    for axes in panels:  # those without a data set
        axes.set_visible(False)
    handles = figure.axes[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=len(NAMES), fontsize=8)
    return figure


def keep(frame: pd.DataFrame, results_dir: Path) -> Path:
    """Writes job.csv, one row per process, into `results_dir`/benchmarks and returns the folder."""
    folder = Path(results_dir) / "benchmarks"
    write_text(folder / "job.csv", frame.to_csv(index=False, float_format="%.6g"))
    return folder


def write(frame: pd.DataFrame, results_dir: Path) -> None:
    """Writes job.csv, the tables as job.md and the figure job.png into `results_dir`/benchmarks."""
    folder = keep(frame, results_dir)
    write_text(folder / "job.md", markdown(frame) + "\n")
    draw(frame).savefig(folder / "job.png", dpi=150)
