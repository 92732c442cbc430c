"""Pictures of learnt functions beside the true ones: curves of one input, heat maps of two, errors zone by zone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator, NullFormatter

from utils import domains, plots, report, study
from utils.results import Results

ROOM = 0.15  # share of the truth's range by which a panel of curves reaches further; what lies beyond is cut off
SHADE = "0.92"  # of the training range


def answered(results: Results) -> pd.DataFrame:
    """What the learners of the last seed answered, one row per function and method.

    The cases must have the settings `points` and `widen`, which `domains.over` takes.

    Returns:
        Columns dataset, method, domain (a `domains.Domain`), values (answers at its points, nan where unreadable),
        X_train and y_train.
    """
    frame = report.latest(results.frame())
    frame = frame[frame["seed"] == frame["seed"].max()].drop_duplicates(["dataset", "method"], keep="last")
    rows = []
    for row in frame.itertuples():
        domain = domains.over(row.dataset, int(row.points), float(row.widen))
        split = study.load(row.dataset).split(int(row.seed), row.protocol)
        split = split.limit(int(row.limit)) if row.limit else split
        parsed = results.answers(row.key)["parsed"].iloc[-len(domain.frame()) :]
        case = {"dataset": row.dataset, "method": row.method, "domain": domain}
        rows.append(case | {"values": pd.to_numeric(parsed).to_numpy(float)})
        rows[-1] |= {"X_train": split.X_train.to_numpy(float), "y_train": split.y_train.to_numpy()}
    return pd.DataFrame(rows)


def save(results: Results, title: str) -> None:
    """Writes the curves of functions of one input and the heat maps of those of two beside the results."""
    cells = answered(results)
    n_inputs = cells["domain"].map(lambda domain: domain.p)
    for p, ending, draw in ((1, "_curves.png", curves), (2, "_surfaces.png", surfaces)):
        if (n_inputs == p).any():
            draw(cells[n_inputs == p], title).savefig(results.sibling(ending), dpi=150)
            print(f"picture  {results.sibling(ending)}")


def curves(cells: pd.DataFrame, title: str) -> Figure:
    """A panel for each function of one input: the truth, every learner, the training rows and (shaded) their range.

    Args:
        cells: as of `answered`.
        title: what the figure shows.
    """
    datasets = list(cells["dataset"].unique())
    figure, panels = plots.panel_grid(datasets, width=3.4, height=2.6, columns=3, share=False)
    methods = sorted(cells["method"].unique(), key=report.rank)
    colours = plots.method_colours(methods)
    for dataset, axes in panels.items():
        part = cells[cells["dataset"] == dataset].set_index("method")
        first = part.iloc[0]
        domain, truth = first["domain"], first["domain"].truth()
        _shade(axes, domain)
        axes.plot(domain.axis, truth, color="k", linewidth=3, alpha=0.35, label="truth")
        axes.scatter(first["X_train"][:, 0], first["y_train"], s=3, color="0.4", linewidth=0, label="training rows")
        for method in (name for name in methods if name in part.index):
            lift = method == "lift"
            style = {"linewidth": 3 if lift else 0.9, "zorder": 2 if lift else 3}  # equal answers show one on the other
            axes.plot(domain.axis, part.loc[method, "values"], color=colours[method], label=method, **style)
        room = ROOM * max(np.ptp(truth), 1e-9)
        axes.set_ylim(truth.min() - room, truth.max() + room)
        axes.set_xlim(domain.axis[0], domain.axis[-1])
    plots.legend(figure, panels.values())
    figure.supxlabel("x (shaded: the training range)", fontsize="medium")
    figure.suptitle(title, x=0.02, ha="left")
    return figure


def _shade(axes: Axes, domain: domains.Domain) -> None:
    low, high = domain.box()
    hole = domain.hole()
    for ends in ((low, high),) if hole is None else ((low, hole[0]), (hole[1], high)):
        axes.axvspan(*ends, color=SHADE, zorder=0, linewidth=0)


def surfaces(cells: pd.DataFrame, title: str) -> Figure:
    """A row of heat maps for each function of two inputs: the truth with the training rows, then every learner.

    The colours of a row span the range of the truth; a dotted line is the training range, or its hole.

    Args:
        cells: as of `answered`.
        title: what the figure shows.
    """
    datasets = list(cells["dataset"].unique())
    methods = sorted(cells["method"].unique(), key=report.rank)
    figure = Figure(figsize=(1.7 * (len(methods) + 1) + 0.9, 0.6 + 1.75 * len(datasets)), layout="constrained")
    panels = figure.subplots(len(datasets), len(methods) + 1, squeeze=False)
    for row, dataset in zip(panels, datasets, strict=True):
        part = cells[cells["dataset"] == dataset].set_index("method")
        first = part.iloc[0]
        domain, truth = first["domain"], first["domain"].truth()
        ends = (domain.axis[0], domain.axis[-1])
        style = {"origin": "lower", "aspect": "auto", "interpolation": "nearest", "extent": ends * 2}
        style |= {"cmap": "viridis", "vmin": truth.min(), "vmax": truth.max()}
        maps = {"truth": truth} | part["values"].to_dict()
        for axes, name in zip(row, ["truth", *methods], strict=True):
            axes.set_xticks([])
            axes.set_yticks([])
            if name in maps:
                image = axes.imshow(domain.grid().square(maps[name]), **style)
                for zone in filter(None, (domain.box(), domain.hole())):
                    low, side = zone[0], zone[1] - zone[0]
                    axes.add_patch(
                        Rectangle((low, low), side, side, fill=False, color="w", linestyle=":", linewidth=0.8)
                    )
        row[0].scatter(*first["X_train"].T, s=1, color="w", linewidth=0)
        row[0].set_xlim(*ends)
        row[0].set_ylim(*ends)
        row[0].set_ylabel(dataset, fontsize="x-small")
        figure.colorbar(image, ax=row.tolist(), aspect=12, pad=0.01).ax.tick_params(labelsize="x-small")
    for axes, name in zip(panels[0], ["truth", *methods], strict=True):
        lift = name.startswith("lift")
        colour = plots.LIFT_COLOUR if lift else "k"
        axes.set_title(name, fontsize="small", fontweight="bold" if lift else "normal", color=colour)
    figure.suptitle(f"{title} (dots: training rows; dotted line: their range)", x=0.02, ha="left", fontsize="medium")
    return figure


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
    frame = report.latest(frame)
    methods = sorted(frame["method"].unique(), key=report.rank, reverse=True)
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
    summary = report.summarise(frame)
    learners = sorted(summary["learner"].unique(), key=report.rank)
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
