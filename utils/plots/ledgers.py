"""Figures that set what arms of LIFT score beside what they cost: a row for each arm, a panel for each column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.figure import Figure

from .. import reporting
from . import plots

GREYS = ("0.3", "0.55", "0.72")
STYLES = ("--", ":", "-.")
ROW_HEIGHT = 0.27  # inches per arm


def ledger(
    frame: pd.DataFrame,
    arm: str,
    columns: Mapping[str, str],
    title: str,
    order: Sequence[str] = (),
    log: Sequence[str] = (),
) -> Figure:
    """A block of panels for each data set: the arms of LIFT downwards, a panel for each score or cost.

    Dots are means over seeds, bars one standard deviation to both sides; the first arm is a star. Grey lines are the
    means of other learners, where they have that score.

    Args:
        frame: finished cases; those of a method other than lift give the lines.
        arm: column that names the rows.
        columns: column of a score or cost → its title with its unit.
        title: what the figure shows.
        order: the rows from the top; what is not in it follows in the order of its appearance.
        log: columns whose axis is logarithmic.
    """
    lift = frame[frame["method"] == "lift"]
    found = list(dict.fromkeys(lift[arm]))
    rows = [name for name in order if name in found] + [name for name in found if name not in order]
    others = sorted({*frame["method"]} - {"lift"}, key=reporting.rank)
    datasets = sorted(frame["dataset"].unique())
    height = 0.55 + ROW_HEIGHT * max(3, len(rows))
    size = (2.6 + 2.5 * len(columns), 0.7 + height * len(datasets))
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(datasets), len(columns), squeeze=False, sharex="col", sharey=True)
    for line, dataset in zip(grid, datasets, strict=True):
        part = frame[frame["dataset"] == dataset]
        line[0].set_ylabel(dataset)
        for axes, column in zip(line, columns, strict=True):
            for i, method in enumerate(others):
                mean = part.loc[part["method"] == method, column].mean()
                style = {"color": GREYS[i % 3], "linestyle": STYLES[i // 3 % 3], "linewidth": 1.2, "zorder": 0}
                if mean == mean and column not in log:
                    axes.axvline(mean, label=method, **style)
            score = part[part["method"] == "lift"].groupby(arm)[column]
            mean, sd = score.mean(), score.std().fillna(0.0)
            for i, name in enumerate(rows):
                if name in mean.index:
                    marker, width = ("*", 10) if i == 0 else ("o", 6)
                    style = {"fmt": marker, "color": plots.LIFT_COLOUR, "markersize": width, "linewidth": 1.2}
                    axes.errorbar(mean[name], -i, xerr=sd[name], label="lift" if i else None, **style)
            if column in log:
                axes.set_xscale("log")
            axes.set_yticks([-i for i in range(len(rows))], rows)
            axes.set_ylim(0.5 - max(1, len(rows)), 0.5)
            axes.grid(axis="y", color="0.92")
            axes.spines[["top", "right"]].set_visible(False)
    for axes, name in zip(grid[-1], columns.values(), strict=True):
        axes.set_xlabel(name, fontsize="small")
    plots.legend(figure, grid.flat)
    figure.suptitle(title, x=0.02, ha="left")
    return figure
