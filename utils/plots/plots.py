"""Figures, drawn from finished cases only. Each returns a matplotlib figure that was made without a display."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from .. import reporting

GREY = "0.55"
LIFT_COLOUR = "#c1272d"
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#56b4e9", "#8c564b", "#7f3c8d", "#b5bd00", "#444444", "#e78ac3")
REGIONS = ("#f4a582", "#92c5de", "#b8e186", "#fee090", "#c2a5cf", "#d9d9d9", "#e6b8a2", "#80cdc1", "#f1b6da", "#bababa")
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
    summary = reporting.summarise(frame)
    score = reporting.main_score(frame)
    datasets = sorted(summary["dataset"].unique(), reverse=True)
    learners = sorted(summary["learner"].unique(), key=reporting.rank)
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
    known = [(reporting.published_score(dataset, "lift"), row) for dataset, row in rows.items()]
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


def lines(
    frame: pd.DataFrame,
    x: str,
    y: str,
    title: str,
    label: str,
    panels: Sequence[str] = ("dataset",),
    log: bool = True,
    y_log: bool = False,
) -> Figure:
    """The mean of a score along a setting, a line per method, over seeds ± one sd; a panel for each data set.

    Args:
        frame: finished cases.
        x: column of the setting, positive numbers where its axis is logarithmic.
        y: column of the score.
        title: what the figure shows.
        label: name of the setting with its unit.
        panels: columns of which each combination of values has a panel of its own.
        log: whether the setting's axis is logarithmic (base 2).
        y_log: whether the score's axis is logarithmic.
    """
    frame = reporting.latest(frame)
    frame = frame.assign(panel=frame[list(panels)].astype(str).agg(" · ".join, axis=1))
    names, methods = sorted(frame["panel"].unique()), sorted(frame["method"].unique(), key=reporting.rank)
    figure, axes_of = panel_grid(names, width=2.4, height=2.0)
    colours = method_colours(methods)
    for name, axes in axes_of.items():
        for method in methods:
            part = frame[(frame["panel"] == name) & (frame["method"] == method)].groupby(x)[y]
            mean, sd = part.mean(), part.std().fillna(0.0)
            look = (
                {"marker": "*", "markersize": 8, "zorder": 3} if method == "lift" else {"marker": "o", "markersize": 3}
            )
            axes.errorbar(mean.index, mean, yerr=sd, color=colours[method], label=method, **look)
        if log:
            axes.set_xscale("log", base=2)
            axes.set_xlim(frame[x].min() / 1.3, frame[x].max() * 1.3)  # its own margins are those of a linear axis
            axes.xaxis.set_major_formatter("{x:g}")
        if y_log:
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter("{x:g}")
    legend(figure, axes_of.values())
    figure.supxlabel(label, fontsize="medium")
    figure.suptitle(title, x=0.02, ha="left")
    return figure


def panel_grid(
    names: Sequence[str], width: float, height: float, columns: int = 4, share: bool = True
) -> tuple[Figure, dict[str, Axes]]:
    """An empty figure with a titled panel for each name, left to right, at most `columns` in a row.

    Args:
        names: titles of the panels, distinct.
        width, height: of a panel, inches.
        columns: most panels side by side.
        share: whether all have the same x axis.
    """
    columns = min(columns, len(names))
    n_rows = -(-len(names) // columns)
    figure = Figure(figsize=(1.5 + width * columns, 0.9 + height * n_rows), layout="constrained")
    panels = list(figure.subplots(n_rows, columns, squeeze=False, sharex=share).flat)
    for axes, name in zip(panels, names, strict=False):
        axes.set_title(name, fontsize="small")
        axes.spines[["top", "right"]].set_visible(False)
    for axes in panels[len(names) :]:
        axes.set_axis_off()
    for axes in panels[max(0, len(names) - columns) : len(names)]:
        axes.xaxis.set_tick_params(labelbottom=True)  # also where the place below is empty
    return figure, dict(zip(names, panels, strict=False))


def method_colours(methods: Sequence[str]) -> dict[str, str]:
    """A colour for each method; LIFT's is always the same."""
    plain = [method for method in methods if method != "lift"]
    return dict(zip(plain, COLOURS * 3, strict=False)) | {"lift": LIFT_COLOUR}


def legend(figure: Figure, panels: Iterable[Axes]) -> None:
    """One legend for all panels, at the right."""
    handles = {}
    for axes in panels:
        handles |= {text: handle for handle, text in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside right upper", frameon=False)


def regions(cells: pd.DataFrame, title: str) -> Figure:
    """Decision regions: a row of pictures for each data set, one for the training rows and one for each method.

    Args:
        cells: one row per picture, with the columns dataset, method, grid (a `grids.Grid`), labels (answers at the
            grid's points, row by row from below), points (training rows, shape (n, 2)) and point_labels.
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
        row[0].set_ylabel(dataset, fontsize="x-small")
        for axes, method in zip(row[1:], methods, strict=True):
            if method in part.index:
                picture = part.loc[method, "grid"].square([codes[label] for label in part.loc[method, "labels"]])
                axes.imshow(picture, origin="lower", aspect="auto", interpolation="nearest", **style)
        for axes in row:
            axes.set_xticks([])
            axes.set_yticks([])
    for axes, name in zip(panels[0], ["training rows", *methods], strict=True):
        axes.set_title(name, fontsize="small", fontweight="bold" if name == "lift" else "normal")
    figure.suptitle(title, x=0.02, ha="left")
    return figure


def steps(frame: pd.DataFrame, x: str, y: str, panel: str, title: str, label: str) -> Figure:
    """Lines over the few values of a setting, evenly spaced; a colour for each method, dashes tell its variants apart.

    The mean over seeds ± one sd, and the chance level in grey.

    Args:
        frame: finished cases, a row for every value of `x` and `panel`, which come before the column n_train.
        x: column of the setting.
        y: column of the score, a share.
        panel: column of which each value has a panel, in the order of the rows.
        title, label: what the figure shows; name of the setting with its unit.
    """
    frame = reporting.latest(frame)
    methods, values = sorted(frame["method"].unique(), key=reporting.rank), sorted(frame[x].unique())
    named = reporting.labels(frame.drop(columns=[x, panel]))
    pairs = zip(named, frame["method"], strict=True)
    frame = frame.assign(variant=[name.removeprefix(method).strip() for name, method in pairs])
    # what has no treatment is drawn solid
    variants = sorted(frame["variant"].unique(), key=lambda variant: ("none" not in variant, reporting.rank(variant)))
    dashes = dict(zip(variants, ("-", "--", ":", "-.") * len(variants), strict=False))
    colours = method_colours(methods)
    figure, axes_of = panel_grid(list(frame[panel].unique()), width=2.6, height=2.1)
    for name, axes in axes_of.items():
        part = frame[frame[panel] == name]
        axes.axhline(part["chance"].mean(), color=GREY, linewidth=1, label="chance")
        for method, variant in product(methods, variants):
            score = part[(part["method"] == method) & (part["variant"] == variant)].groupby(x)[y]
            mean, sd = score.mean(), score.std().fillna(0.0)
            style = {"linestyle": dashes[variant], "linewidth": 2.2 if method == "lift" else 1, "marker": "o"}
            style |= {"markersize": 3, "color": colours[method], "label": method if variant == variants[0] else None}
            axes.errorbar([values.index(value) for value in mean.index], mean, yerr=sd, **style)
        for variant in variants if len(variants) > 1 else ():
            axes.plot([], [], color="k", linestyle=dashes[variant], label=variant)
        axes.set_xticks(range(len(values)), [f"{value:g}" for value in values])
        axes.set_ylim(-0.03, 1.03)
    legend(figure, axes_of.values())
    figure.supxlabel(label, fontsize="medium")
    figure.supylabel(y, fontsize="medium")
    figure.suptitle(title, x=0.02, ha="left")
    return figure
