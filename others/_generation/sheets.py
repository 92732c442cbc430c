"""Figures of drawn rows: small pictures side by side, and scores against the temperature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from utils import plots, reporting

CELL = 0.42  # inches per picture


def pictures(
    rows: Mapping[str, Sequence[np.ndarray | None]], top: int, title: str, halved: Sequence[str] = ()
) -> Figure:
    """One line of small pictures per name, dark for large values; None is a crossed-out cell.

    Args:
        rows: name → squares of whole numbers, shape (side, side).
        top: the number shown as black.
        title: what the figure shows.
        halved: names whose pictures were given the upper half, above the line.
    """
    width = max(map(len, rows.values()))
    figure = Figure(figsize=(1.8 + CELL * width, 0.6 + 1.12 * CELL * len(rows)), layout="constrained")
    grid = figure.subplots(len(rows), width, squeeze=False)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    for line, (name, squares) in zip(grid, rows.items(), strict=True):
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize="small")
        for axes, square in zip(line, squares, strict=False):
            if square is None:
                axes.plot([0, 1], [0, 1], [0, 1], [1, 0], color="0.6")
                continue
            axes.imshow(square, cmap="Greys", vmin=0, vmax=top, interpolation="nearest")
            if name in halved:
                axes.axhline(len(square) // 2 - 0.5, color=plots.LIFT_COLOUR, linewidth=1)
    figure.suptitle(title, x=0.02, ha="left")
    return figure


def temperatures(frame: pd.DataFrame, scores: Mapping[str, tuple[str, float]], title: str) -> Figure:
    """Scores of drawn rows: LIFT by temperature, other generators as horizontal lines, and the ideal value.

    Means over seeds ± one sd; one row of panels per data set and kind of prompt.

    Args:
        frame: finished cases with the columns dataset, given, method, temperature and the scores.
        scores: column → its title and the ideal value (nan for none).
        title: what the figure shows.
    """
    frame = reporting.by_model(frame).assign(row=frame["dataset"] + "\ngiven " + frame["given"])
    methods = sorted(frame["method"].unique(), key=reporting.rank)
    names = list(dict.fromkeys(frame["row"]))
    figure, grid = plots.panel_table(names, [name for name, _ in scores.values()], sharex=True, sharey="col")
    colours = plots.method_colours(methods)
    for line, row in zip(grid, names, strict=True):
        for axes, (score, (_, perfect)) in zip(line, scores.items(), strict=True):
            if perfect == perfect:
                axes.axhline(perfect, color="0.85", linewidth=5, zorder=0, label="as real rows")
            for method in methods:
                part = frame[(frame["row"] == row) & (frame["method"] == method)]
                if method.startswith("lift"):
                    cells = part.groupby("temperature")[score]
                    style = {"color": colours[method], "marker": "o", "linewidth": 2.5, "zorder": 3}
                    axes.errorbar(cells.mean().index, cells.mean(), cells.std().fillna(0.0), label=method, **style)
                elif part[score].notna().any():
                    axes.axhline(part[score].mean(), color=colours[method], linewidth=1.2, label=method)
    return plots.finished(figure, grid.flat, title, "temperature")
