"""Common elements of all figures: colours, grids of panels, legends and titles."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .. import reporting
from ..options import words

GREY = "0.55"
LIFT_COLOUR = "#c1272d"
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#56b4e9", "#8c564b", "#7f3c8d", "#b5bd00", "#444444", "#e78ac3")
ARMS = (LIFT_COLOUR, "#0072b2", "#e69f00", "#009e73", "#7f3c8d", "#8c564b")  # for variants of LIFT
REGIONS = ("#f4a582", "#92c5de", "#b8e186", "#fee090", "#c2a5cf", "#d9d9d9", "#e6b8a2", "#80cdc1", "#f1b6da", "#bababa")
DASHES = ("-", "--", ":", "-.")  # of models
MARKERS = "osv^D<>pPX"
LIFT_LINE = {"lift": {"linewidth": 2.5, "zorder": 3}}
ACCURACY = "accuracy (share of test rows)"
PANEL = 2.5, 2.0  # width and height in a table of panels, inches


def method_colours(methods: Sequence[str]) -> dict[str, str]:
    """A colour for each method; LIFT's is always the same."""
    plain = [method for method in methods if method != "lift"]
    return dict(zip(plain, COLOURS * 3, strict=False)) | {"lift": LIFT_COLOUR}


def background(frame: pd.DataFrame) -> dict[str, dict[str, object]]:
    """Method → properties of its grey line, for all but LIFT."""
    methods = sorted({*frame["method"]} - {"lift"}, key=reporting.rank)
    looks = [{"color": c, "linestyle": s, "linewidth": 1.2} for c in ("0.3", "0.55", "0.72") for s in ("--", ":", "-.")]
    return {method: looks[i % len(looks)] for i, method in enumerate(methods)}


def panel_grid(
    names: Sequence[str], width: float, height: float, columns: int = 4, share: bool = True, share_y: bool = False
) -> tuple[Figure, dict[str, Axes]]:
    """An empty figure with a titled panel for each name, left to right, at most `columns` in a row.

    Args:
        names: titles of the panels, distinct.
        width, height: of a panel, inches.
        columns: most panels in a row.
        share: whether all share the x axis.
        share_y: whether all share the y axis, as they should if they show the same quantity.
    """
    columns = min(columns, len(names))
    n_rows = -(-len(names) // columns)
    figure = Figure(figsize=(1.5 + width * columns, 0.9 + height * n_rows), layout="constrained")
    panels = list(figure.subplots(n_rows, columns, squeeze=False, sharex=share, sharey=share_y).flat)
    for axes, name in zip(panels, names, strict=False):
        axes.set_title(wrapped(name, 14 * width), fontsize="small")
        axes.spines[["top", "right"]].set_visible(False)
    for axes in panels[len(names) :]:
        axes.set_axis_off()
    for axes in panels[max(0, len(names) - columns) : len(names)]:
        axes.xaxis.set_tick_params(labelbottom=True)  # also if there is no panel below
    return figure, dict(zip(names, panels, strict=False))


def panel_table(datasets: Sequence[str], names: Sequence[str], **shared) -> tuple[Figure, np.ndarray]:
    """An empty figure and its panels, an array of shape (datasets, names); names on top, data sets on the left.

    Args:
        datasets, names: what rows and columns show.
        shared: sharex and sharey of matplotlib's `subplots`.
    """
    width, height = PANEL
    figure = Figure(figsize=(1.6 + width * len(names), 1.0 + height * len(datasets)), layout="constrained")
    grid = figure.subplots(len(datasets), len(names), squeeze=False, **shared)
    for axes in grid.flat:
        axes.spines[["top", "right"]].set_visible(False)
    for axes, name in zip(grid[0], names, strict=True):
        axes.set_title(wrapped(name, 14 * width), fontsize="small")
    for axes, dataset in zip(grid[:, 0], datasets, strict=True):
        axes.set_ylabel(wrapped(dataset, 14 * height), fontsize="small")
    return figure, grid


def wrapped(name: str, width: float) -> str:
    """A name, whose options are written as words, wrapped at `width` characters where possible."""
    return "\n".join(textwrap.fill(line, round(width), break_long_words=False) for line in words(name).splitlines())


def legend(figure: Figure, panels: Iterable[Axes]) -> None:
    """One legend for all panels, at the right."""
    handles = {}
    for axes in panels:
        handles |= {words(text): handle for handle, text in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside right upper", frameon=False)


def finished(figure: Figure, panels: Iterable[Axes], title: str, x: str = "", y: str = "") -> Figure:
    """Adds legend, title, and the labels below and to the left of all panels; returns the figure."""
    legend(figure, panels)
    figure.supxlabel(x, fontsize="medium")
    figure.supylabel(y, fontsize="medium")
    figure.suptitle(title, x=0.02, ha="left")
    figure.set_figwidth(max(figure.get_figwidth(), 2.2 + 0.09 * len(title)))
    return figure
