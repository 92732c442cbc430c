"""Figures with a row of panels for each data set, and heat maps: for questions that one score cannot answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from .. import reporting
from .plots import GREY, LIFT_COLOUR, legend, method_colours

PANEL = 2.5, 2.0  # width and height, inches


def panels(datasets: Sequence[str], names: Sequence[str], title: str, **shared) -> tuple[Figure, np.ndarray]:
    """An empty figure and its panels, an array of shape (datasets, names); the names stand above, the data sets left.

    Args:
        datasets, names: what rows and columns show.
        title: what the figure shows.
        shared: sharex and sharey of matplotlib's `subplots`.
    """
    width, height = PANEL
    figure = Figure(figsize=(1.6 + width * len(names), 1.0 + height * len(datasets)), layout="constrained")
    grid = figure.subplots(len(datasets), len(names), squeeze=False, **shared)
    for axes in grid.flat:
        axes.spines[["top", "right"]].set_visible(False)
    for axes, name in zip(grid[0], names, strict=True):
        axes.set_title(name, fontsize="small")
    for axes, dataset in zip(grid[:, 0], datasets, strict=True):
        axes.set_ylabel(dataset, fontsize="small")
    figure.suptitle(title, x=0.02, ha="left")
    return figure, grid


def lines(
    frame: pd.DataFrame,
    x: str,
    scores: Mapping[str, str],
    title: str,
    label: str,
    log: bool = False,
    ideal: str = "",
) -> Figure:
    """Several scores along a setting: a panel for each data set and score, a line of means over seeds per method.

    Args:
        frame: rows with the columns dataset, method, `x` and the scores.
        x: column of the setting.
        scores: column of a score → its title; a score that a method lacks (NaN) has no line.
        title: what the figure shows.
        label: name of the setting with its unit.
        log: whether the setting's axis is logarithmic (base 2).
        ideal: a score that should equal the setting, which a grey line shows.
    """
    methods = sorted(frame["method"].unique(), key=reporting.rank)
    colours = method_colours(methods)
    datasets = sorted(frame["dataset"].unique())
    figure, grid = panels(datasets, list(scores.values()), title, sharex=True)
    for row, dataset in zip(grid, datasets, strict=True):
        for axes, score in zip(row, scores, strict=True):
            if score == ideal:
                ends = [frame[x].min(), frame[x].max()]
                axes.plot(ends, ends, color="0.8", linewidth=5, zorder=0, label="as asked for")
            for method in methods:
                part = frame[(frame["dataset"] == dataset) & (frame["method"] == method)].groupby(x)[score]
                mean, sd = part.mean().dropna(), part.std().fillna(0.0)
                style = {"linewidth": 2.5, "zorder": 3} if method == "lift" else {"linewidth": 1.2}
                if len(mean):
                    axes.errorbar(
                        mean.index, mean, yerr=sd[mean.index], color=colours[method], marker="o", markersize=3,
                        label=method, **style,
                    )  # fmt: skip
    if log:
        grid[0, 0].set_xscale("log", base=2)
        grid[0, 0].xaxis.set_major_formatter("{x:g}")
    legend(figure, grid.flat)
    figure.supxlabel(label, fontsize="medium")
    return figure


def changes(frame: pd.DataFrame, pairs: Mapping[str, tuple[str, str]], title: str, names: tuple[str, str]) -> Figure:
    """Scores before and after a treatment: a row for each method, from a hollow point to a filled one.

    Args:
        frame: rows with the columns dataset, method and the scores; means over seeds are shown.
        pairs: title of a score → its columns before and after.
        title: what the figure shows.
        names: what the legend calls before and after.
    """
    methods = sorted(frame["method"].unique(), key=reporting.rank, reverse=True)
    datasets = sorted(frame["dataset"].unique())
    figure, grid = panels(datasets, list(pairs), title, sharey=True)
    colours = [LIFT_COLOUR if method == "lift" else GREY for method in methods]
    for row, dataset in zip(grid, datasets, strict=True):
        means = frame[frame["dataset"] == dataset].groupby("method").mean(numeric_only=True).reindex(methods)
        for axes, (before, after) in zip(row, pairs.values(), strict=True):
            places = range(len(methods))
            axes.hlines(places, means[before], means[after], color=colours, linewidth=1.5)
            axes.scatter(means[before], places, facecolor="white", edgecolor=colours, zorder=3, label=names[0])
            axes.scatter(means[after], places, color=colours, zorder=3, label=names[1])
            axes.set_yticks(places, methods)
            axes.set_xlim(left=0)
    legend(figure, grid.flat[:1])
    return figure


def reliability(cells: pd.DataFrame, title: str) -> Figure:
    """Reliability diagrams: the share of right answers against the stated probability, a column for each method.

    A point stands for a bin of answers and is the larger the more answers it has; hollow before, filled after. Below
    the line, answers were too sure.

    Args:
        cells: one row per diagram, with the columns dataset, method, before and after; the last two are frames with
            the columns confidence, accuracy and n (`calibration.bins`).
        title: what the figure shows.
    """
    methods = sorted(cells["method"].unique(), key=reporting.rank)
    datasets = sorted(cells["dataset"].unique())
    figure, grid = panels(datasets, methods, title, sharex=True, sharey=True)
    for cell in cells.itertuples():
        axes = grid[datasets.index(cell.dataset), methods.index(cell.method)]
        colour = LIFT_COLOUR if cell.method == "lift" else "0.3"
        axes.plot([0, 1], [0, 1], color="0.8", linewidth=1, zorder=0)
        hollow, filled = {"facecolor": "none", "edgecolor": "0.5"}, {"color": colour, "alpha": 0.8, "linewidth": 0}
        for bins, style, label in ((cell.before, hollow, "as it is"), (cell.after, filled, "scaled")):
            sizes = 6 + 120 * bins["n"] / bins["n"].sum()
            axes.scatter(bins["confidence"], bins["accuracy"], s=sizes, label=label, **style)
    grid[0, 0].set_xticks([0, 0.5, 1])
    grid[0, 0].set_yticks([0, 0.5, 1])
    legend(figure, grid[:, -1])
    figure.supxlabel("stated probability of the answer", fontsize="medium")
    figure.supylabel("share of right answers", fontsize="medium")
    return figure


def heat_map(cells: pd.DataFrame, title: str, label: str, marked: str = "lift") -> Figure:
    """A table of numbers up to 1 as colours, its numbers written into the cells; one column is marked.

    Args:
        cells: names in index and columns.
        title: what the figure shows.
        label: name of the numbers with their unit.
        marked: the column whose name stands out; it need not be there.
    """
    figure = Figure(figsize=(2.6 + 0.62 * cells.shape[1], 1.6 + 0.32 * len(cells)), layout="constrained")
    axes: Axes = figure.add_subplot()
    values = cells.to_numpy(dtype=float)
    low = np.floor(10 * np.nanmin(values)) / 10 if np.isfinite(values).any() else 0.0
    low = min(low, 0.9)
    picture = axes.imshow(values, aspect="auto", cmap="Blues", vmin=low, vmax=1)
    for (i, j), value in np.ndenumerate(values):
        text = "–" if np.isnan(value) else f"{value:.2f}"
        dark = value > (1 + low) / 2
        axes.text(j, i, text, ha="center", va="center", color="w" if dark else "k", fontsize="small")
    for j in np.flatnonzero(cells.columns == marked):
        frame = {"fill": False, "edgecolor": LIFT_COLOUR, "linewidth": 2, "clip_on": False}
        axes.add_patch(Rectangle((j - 0.5, -0.5), 1, len(cells), **frame))
    axes.set_yticks(range(len(cells)), cells.index)
    axes.set_xticks(range(cells.shape[1]), cells.columns, rotation=45, ha="right")
    axes.spines[:].set_visible(False)
    for name, tick in zip(cells.columns, axes.get_xticklabels(), strict=True):
        if name == marked:
            tick.set(color=LIFT_COLOUR, fontweight="bold")
    axes.set_xlabel(str(cells.columns.name or ""))
    axes.set_ylabel(str(cells.index.name or ""))
    figure.colorbar(picture, label=label, shrink=0.8)
    axes.set_title(title, loc="left")
    return figure
