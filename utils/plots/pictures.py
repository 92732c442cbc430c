"""Errors of regressors: along a setting, zone by zone, and the floor below which none can fall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from .. import reporting
from . import plots


def errors(frame: pd.DataFrame, x: str, y: str, title: str, label: str, panels: Sequence[str] = ("dataset",)) -> Figure:
    """`plots.lines` of errors over a logarithmic axis that has numbers at 1, 2 and 5, with a broad line for LIFT.

    Args:
        frame: finished cases.
        x, y: columns of a setting and of an error, both above 0.
        title: what the figure shows.
        label: name of the setting.
        panels: columns of which each combination of values has a panel of its own.
    """
    figure = plots.lines(frame, x, y, title, label, panels=panels, y_log=True)
    for axes in figure.axes:
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=20))
        axes.yaxis.set_minor_formatter(NullFormatter())
        for bars in axes.containers:
            if bars.get_label() == "lift":
                bars[0].set(linewidth=2.5, zorder=4)
    return figure


def zones(frame: pd.DataFrame, columns: Mapping[str, str], title: str, label: str) -> Figure:
    """A panel for each function, a line for each learner: its mean error in one zone and in another, joined.

    Args:
        frame: finished cases.
        columns: columns of errors above 0, and what the legend calls them.
        title: what the figure shows.
        label: name of the error.
    """
    frame = reporting.latest(frame)
    methods = sorted(frame["method"].unique(), key=reporting.rank, reverse=True)
    datasets = sorted(frame["dataset"].unique())
    figure, panels = plots.panel_grid(datasets, width=3.2, height=0.5 + 0.22 * len(methods), columns=3)
    markers = dict(zip(columns, ("o", "D", "s"), strict=False))
    for dataset, axes in panels.items():
        means = frame[frame["dataset"] == dataset].groupby("method")[list(columns)].mean().reindex(methods)
        for height, method in enumerate(methods):
            colour = plots.LIFT_COLOUR if method.startswith("lift") else "0.3"
            found = means.loc[method].dropna()
            axes.plot(found, [height] * len(found), color=colour, linewidth=1, alpha=0.5)
            for column, value in found.items():
                face = colour if markers[column] == "o" else "w"
                axes.plot(value, height, markers[column], color=colour, markerfacecolor=face, markersize=5)
        axes.axvline(1, color=plots.GREY, linewidth=0.8, zorder=0)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(numticks=20))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_yticks(range(len(methods)), methods if axes.get_subplotspec().is_first_col() else [])
    for column, name in columns.items():
        face = "0.3" if markers[column] == "o" else "w"
        axes.plot([], [], markers[column], color="0.3", markerfacecolor=face, label=name)
    plots.legend(figure, panels.values())
    figure.supxlabel(label, fontsize="medium")
    figure.suptitle(title, x=0.02, ha="left")
    return figure


def add_floors(figure: Figure, frame: pd.DataFrame, column: str) -> Figure:
    """`plots.scores` with a tick at each learner's floor, where it has one above 0, and the tick in the legend.

    Args:
        figure: made by `plots.scores` from the same frame.
        frame: finished cases.
        column: of the floors.
    """
    summary = reporting.summarise(frame)
    learners = sorted(summary["learner"].unique(), key=reporting.rank)
    offsets = np.linspace(plots.SPREAD / 2, -plots.SPREAD / 2, len(learners)) if len(learners) > 1 else [0.0]
    axes = figure.axes[0]
    heights = {text.get_text(): place for place, text in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True)}
    known = summary[summary[column] > 0]
    places = known["dataset"].map(heights) + known["learner"].map(dict(zip(learners, offsets, strict=True)))
    axes.plot(known[column], places, "|", color=plots.LIFT_COLOUR, markersize=7, label="floor of LIFT's numbers")
    for height in range(len(heights) - 1):
        axes.axhline(height + 0.5, color="0.9", linewidth=0.8, zorder=0)
    for bars in axes.containers:
        if str(bars.get_label()).startswith("lift:"):
            bars[0].set_markersize(6)
    for legend in list(figure.legends):
        legend.remove()
    figure.legend(loc="outside right upper", frameon=False)
    return figure
