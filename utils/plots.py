"""Figures, drawn from finished cases only. Each returns a matplotlib figure that was made without a display."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from utils import report

GREY = "0.55"
LIFT_COLOUR = "#c1272d"
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#56b4e9", "#8c564b", "#7f3c8d", "#b5bd00", "#444444", "#e78ac3")
MARKERS = "osv^D<>pPX"
ROW_HEIGHT = 0.42  # inches per data set
SPREAD = 0.62  # share of a row's height over which its learners are laid out


def scores(frame: pd.DataFrame, title: str, label: str, log: bool = False) -> Figure:
    """Each data set a row, each learner a point at its mean with a line of one standard deviation to both sides.

    LIFT stands out, a grey tick is the chance level, and a hollow diamond the paper's LIFT/GPT-3.

    Args:
        frame: finished cases.
        title: what the figure shows.
        label: name of the score with its unit.
        log: whether the score's axis is logarithmic, for errors that differ by factors.
    """
    summary = report.summarise(frame)
    score = report.main_score(frame)
    datasets = sorted(summary["dataset"].unique(), reverse=True)
    learners = sorted(summary["learner"].unique(), key=report.rank)
    figure = Figure(figsize=(9, 1.6 + ROW_HEIGHT * len(datasets)), layout="constrained")
    axes = figure.add_subplot()
    rows = {dataset: i for i, dataset in enumerate(datasets)}
    offsets = np.linspace(SPREAD / 2, -SPREAD / 2, len(learners)) if len(learners) > 1 else [0.0]
    plain = iter(zip(COLOURS * 3, MARKERS * 3, strict=False))
    for learner, offset in zip(learners, offsets, strict=True):
        lift = learner.startswith("lift")
        colour, marker = (LIFT_COLOUR, "*") if learner == "lift" else next(plain)
        part = summary[summary["learner"] == learner]
        axes.errorbar(
            part[score],
            part["dataset"].map(rows) + offset,
            xerr=part[f"{score}_sd"].fillna(0.0),
            fmt=marker,
            color=colour,
            markersize=11 if lift else 5,
            zorder=3 if lift else 2,
            linewidth=1,
            label=learner,
        )
    chance = summary.groupby("dataset")["chance"].mean()
    heights = np.array([rows[dataset] for dataset in chance.index])
    axes.vlines(chance, heights - 0.4, heights + 0.4, color=GREY, linewidth=2, label="chance")
    known = [(report.published(dataset, "lift"), row) for dataset, row in rows.items()]
    known = [(value, row) for value, row in known if not np.isnan(value)]
    if known:
        axes.scatter(
            *zip(*known, strict=True), marker="D", facecolor="none", edgecolor="k", s=60, label="LIFT/GPT-3 (paper)"
        )
    if log:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
    axes.set_yticks(range(len(datasets)), datasets)
    axes.set_ylim(-0.6, len(datasets) - 0.4)
    axes.hlines(np.arange(len(datasets) - 1) + 0.5, *axes.get_xlim(), color="0.9", linewidth=0.8, zorder=0)
    axes.set_xlabel(label)
    axes.set_title(title, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right upper", frameon=False)
    return figure


def lines(frame: pd.DataFrame, x: str, y: str, title: str, label: str) -> Figure:
    """A panel for each data set: the mean of a score along a setting, a line per method, over seeds ± one sd.

    Args:
        frame: finished cases.
        x: column of the setting, positive numbers, drawn on a logarithmic axis.
        y: column of the score.
        title: what the figure shows.
        label: name of the setting with its unit.
    """
    frame = report.latest(frame)
    datasets, methods = sorted(frame["dataset"].unique()), sorted(frame["method"].unique(), key=report.rank)
    columns = min(4, len(datasets))
    n_rows = -(-len(datasets) // columns)
    figure = Figure(figsize=(1.5 + 2.4 * columns, 0.9 + 2.0 * n_rows), layout="constrained")
    panels = figure.subplots(n_rows, columns, squeeze=False, sharex=True)
    colours = dict(zip([m for m in methods if m != "lift"], COLOURS * 3, strict=False)) | {"lift": LIFT_COLOUR}
    for axes, dataset in zip(panels.flat, datasets, strict=False):
        for method in methods:
            part = frame[(frame["dataset"] == dataset) & (frame["method"] == method)].groupby(x)[y]
            mean, sd = part.mean(), part.std().fillna(0.0)
            axes.errorbar(mean.index, mean, yerr=sd, color=colours[method], marker="o", markersize=3, label=method)
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_title(dataset, fontsize="small")
        axes.spines[["top", "right"]].set_visible(False)
    for axes in panels.flat[len(datasets) :]:
        axes.set_axis_off()
    handles = {
        label: handle for axes in panels.flat for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles.keys(), loc="outside right upper", frameon=False)
    figure.supxlabel(label, fontsize="medium")
    figure.suptitle(title, x=0.02, ha="left")
    return figure
