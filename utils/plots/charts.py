"""Cost against error, and styles of single lines."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from .. import reporting
from .plots import COLOURS, MARKERS, legend, panel_grid

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


def costs(frame: pd.DataFrame, by: str, title: str, label: str) -> Figure:
    """Error against the time that answering takes: a panel for each data set, a point ± one sd for each way `by`.

    Args:
        frame: finished cases, in one panel's rows per value of `by`.
        by: column of what differs between the points.
        title: what the figure shows.
        label: name of the error with its unit.
    """
    score = reporting.main_score(frame)
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
