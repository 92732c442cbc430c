"""Colour maps: tables of numbers and decision regions."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from .. import reporting
from ..options import words
from .style import LIFT_COLOUR, REGIONS, wrapped


def heat_map(cells: pd.DataFrame, title: str, label: str) -> Figure:
    """A heat map of numbers up to 1, with the numbers in the cells; LIFT's name is highlighted.

    Args:
        cells: names in index and columns.
        title: what the figure shows.
        label: name of the numbers with their unit.
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
    for j in np.flatnonzero(cells.columns == "lift"):
        frame = {"fill": False, "edgecolor": LIFT_COLOUR, "linewidth": 2, "clip_on": False}
        axes.add_patch(Rectangle((j - 0.5, -0.5), 1, len(cells), **frame))
    axes.set_yticks(range(len(cells)), map(words, cells.index))
    axes.set_xticks(range(cells.shape[1]), cells.columns, rotation=45, ha="right")
    axes.spines[:].set_visible(False)
    for name, tick in zip(cells.columns, axes.get_xticklabels(), strict=True):
        if name == "lift":
            tick.set(color=LIFT_COLOUR, fontweight="bold")
    axes.set_xlabel(str(cells.columns.name or ""))
    axes.set_ylabel(str(cells.index.name or ""))
    figure.colorbar(picture, label=label, shrink=0.8)
    axes.set_title(title, loc="left")
    return figure


def regions(cells: pd.DataFrame, title: str) -> Figure:
    """Decision regions: a row of panels per data set, one for the training rows and one for each method.

    Args:
        cells: one row per panel, with the columns dataset, method, grid (a `grids.Grid`), labels (answers at the grid's
            points, row by row from the bottom), points (training rows, shape (n, 2)) and point_labels.
        title: what the figure shows.
    """
    datasets = list(cells["dataset"].unique())
    methods = sorted(cells["method"].unique(), key=reporting.rank)
    figure = Figure(figsize=(1.6 * (len(methods) + 1), 0.5 + 1.75 * len(datasets)), layout="constrained")
    panels = figure.subplots(len(datasets), len(methods) + 1, squeeze=False)
    for row, dataset in zip(panels, datasets, strict=True):
        part = cells[cells["dataset"] == dataset].set_index("method")
        first = part.iloc[0]
        classes = sorted(set(first["point_labels"]).union(*map(set, part["labels"])))
        codes = {label: i for i, label in enumerate(classes)}
        shades = ListedColormap([REGIONS[i % len(REGIONS)] for i in range(len(classes))])
        style = {"cmap": shades, "vmin": -0.5, "vmax": len(classes) - 0.5}
        points = np.asarray(first["points"])
        row[0].scatter(*points.T, c=[codes[label] for label in first["point_labels"]], s=2, **style)
        row[0].set_xlim(first["grid"].x[0], first["grid"].x[-1])
        row[0].set_ylim(first["grid"].y[0], first["grid"].y[-1])
        row[0].set_ylabel(wrapped(dataset, 24), fontsize="x-small")
        for axes, method in zip(row[1:], methods, strict=True):
            if method in part.index:
                picture = part.loc[method, "grid"].square([codes[label] for label in part.loc[method, "labels"]])
                axes.imshow(picture, origin="lower", aspect="auto", interpolation="nearest", **style)
        for axes in row:
            axes.set_xticks([])
            axes.set_yticks([])
    for axes, name in zip(panels[0], ["training rows", *methods], strict=True):
        axes.set_title(wrapped(name, 20), fontsize="small", fontweight="bold" if name == "lift" else "normal")
    figure.suptitle(title, x=0.02, ha="left")
    return figure
