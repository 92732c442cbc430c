"""Figures of single regression experiments: epochs, spreads, cost against error; and styles of single lines."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from utils import report
from utils.diagrams import panels
from utils.epochs import KEYS
from utils.intervals import COVERAGES, PARTS
from utils.plots import COLOURS, LIFT_COLOUR, MARKERS, legend, method_colours, panel_grid

PART_COLOURS = {"train": "0.6", "validation": COLOURS[0], "test": LIFT_COLOUR}
LIFT_LINE = {"lift": {"linewidth": 2.5, "zorder": 3}}


def restyle(figure: Figure, styles: Mapping[str, Mapping[str, object]], y_log: bool = False) -> Figure:
    """The figure with other properties of the lines with these labels (LIFT's always thick), its legend drawn anew.

    Args:
        figure: one whose lines are `errorbar`s and whose legend stands outside, as of `plots.lines`.
        styles: label → properties of a matplotlib line.
        y_log: whether the vertical axes become logarithmic.
    """
    for axes in figure.axes:
        for bars in axes.containers:
            line, _, spread = bars.lines
            line.set(**{**LIFT_LINE, **styles}.get(bars.get_label(), {}))
            for one in spread:
                one.set_color(line.get_color())
        if y_log:
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter("{x:g}")
            low, high = axes.get_ylim()
            axes.yaxis.set_minor_formatter("{x:g}" if high < 10 * low else "")
            axes.tick_params(axis="y", which="minor", labelsize="x-small")
    for old in list(figure.legends):
        old.remove()
    legend(figure, figure.axes)
    return figure


def epochs(curves: pd.DataFrame, chosen: pd.DataFrame, title: str) -> Figure:
    """Loss and decoded error of all parts along the epochs, a row of panels for each data set and setting.

    A vertical line stands where the validation rows would stop: dotted by the loss, solid by the decoded error.

    Args:
        curves: rows of `epochs.curves`.
        chosen: rows with the columns of `epochs.KEYS`, epoch_by_loss and epoch_by_rae.
        title: what the figure shows.
    """
    names = {
        key: f"{key[0]}\nrate {key[1]:g}, jitter {key[2]}"
        for key in sorted(set(curves[KEYS].itertuples(index=False, name=None)))
    }
    titles = ("loss (nats per answer)", "RAE of the answers", "share of recited answers")
    figure, grid = panels(list(names.values()), titles, title, sharex=True)
    for row, key in zip(grid, names, strict=True):
        part, stops = (rows[(rows[KEYS] == list(key)).all(axis=1)] for rows in (curves, chosen))
        means = part.groupby("epoch").mean(numeric_only=True)
        for axes, kind in zip(row, ("loss", "rae"), strict=False):
            for name, colour in PART_COLOURS.items():
                axes.plot(means.index, means[f"{kind}_{name}"], color=colour, marker="o", markersize=3, label=name)
        row[1].set_ylim(bottom=0)
        row[2].plot(means.index, means["recited"], color=LIFT_COLOUR, marker="o", markersize=3)
        row[2].axhline(stops["recited_truth"].mean(), color="0.6", linewidth=3, zorder=0, label="share of the truth")
        row[2].set_ylim(0, 1)
        for axes in row:
            for by, style in (("loss", ":"), ("rae", "-")):
                name = f"least validation {'RAE' if by == 'rae' else by}"
                axes.axvline(stops[f"epoch_by_{by}"].mean(), color="k", linestyle=style, linewidth=1, label=name)
    grid[0, 0].set_xscale("log")
    grid[0, 0].xaxis.set_major_formatter("{x:g}")
    grid[0, 0].xaxis.set_minor_formatter("")
    legend(figure, grid.flat)
    figure.supxlabel("epoch", fontsize="medium")
    return figure


def spreads(frame: pd.DataFrame, title: str) -> Figure:
    """Does the spread follow the noise, and do intervals hold what they promise? Two panels for each data set.

    Left, the mean spread in the fifths of the test rows by noise, against that noise. Right, the share of test rows
    within their intervals against the promised share; dashed after conformal calibration. Grey is exactly right.

    Args:
        frame: finished cases with the columns dataset, method and those of `intervals.MEASURES`.
        title: what the figure shows.
    """
    methods, datasets = sorted(frame["method"].unique(), key=report.rank), sorted(frame["dataset"].unique())
    names = ("spread of the answers", "rows within their intervals")
    figure, grid = panels(datasets, names, title)
    colours = method_colours(methods)
    fifths = range(1, PARTS + 1)
    for (left, right), dataset in zip(grid, datasets, strict=True):
        means = frame[frame["dataset"] == dataset].groupby("method").mean(numeric_only=True)
        noise = means[[f"noise_{i}" for i in fifths]].mean()
        left.plot([0, noise.max()], [0, noise.max()], color="0.8", linewidth=4, zorder=0, label="exactly right")
        right.plot(COVERAGES, COVERAGES, color="0.8", linewidth=4, zorder=0, label="exactly right")
        for method in means.index:
            style = {"color": colours[method], "marker": "o", "markersize": 3, **LIFT_LINE.get(method, {})}
            left.plot(noise, means.loc[method, [f"spread_{i}" for i in fifths]], label=method, **style)
            for name, line in (("", "-"), ("conformal_", "--")):
                share = [means.loc[method, f"{name}coverage_{100 * level:g}"] for level in COVERAGES]
                label = f"{method}, calibrated" if name else method
                right.plot(COVERAGES, share, linestyle=line, label=label, **style)
        left.set(xlim=0, ylim=0)
        right.set_xticks(COVERAGES, [f"{level:.0%}" for level in COVERAGES])
        right.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    grid[-1, 0].set_xlabel("sd of the noise (units of y)")
    grid[-1, 1].set_xlabel("promised")
    legend(figure, grid.flat)
    return figure


def costs(frame: pd.DataFrame, by: str, title: str, label: str) -> Figure:
    """Error against the time that answering takes: a panel for each data set, a point ± one sd for each way `by`.

    Args:
        frame: finished cases, in one panel's rows per value of `by`.
        by: column of what differs between the points.
        title: what the figure shows.
        label: name of the error with its unit.
    """
    score = report.main_score(frame)
    ways = list(dict.fromkeys(frame[by]))
    figure, axes_of = panel_grid(sorted(frame["dataset"].unique()), width=2.6, height=2.4, share=False)
    for dataset, axes in axes_of.items():
        for i, way in enumerate(ways):
            part = frame[(frame["dataset"] == dataset) & (frame[by] == way)]
            seconds = np.maximum(part["seconds_predict"], 0.01).mean()  # of which 0.01 is the clock's step
            colour = COLOURS[i % len(COLOURS)] if (part["method"] == "lift").any() else "0.4"
            style = {"fmt": MARKERS[i % len(MARKERS)], "color": colour, "markersize": 8, "linewidth": 1}
            if len(part):
                axes.errorbar(seconds, part[score].mean(), yerr=part[score].std(), label=way, **style)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_ylim(bottom=0)
    legend(figure, axes_of.values())
    figure.supxlabel("seconds to answer the test rows", fontsize="medium")
    figure.supylabel(label, fontsize="medium")
    figure.suptitle(title, x=0.02, ha="left")
    return figure
