"""Points with error bars: scores of learners, of variants of LIFT, and before and after a treatment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from .. import reporting
from ..options import words
from .style import (
    ACCURACY,
    ARMS,
    COLOURS,
    GREY,
    LIFT_COLOUR,
    MARKERS,
    background,
    finished,
    legend,
    panel_grid,
    panel_table,
    wrapped,
)

SPREAD = 0.62  # share of a row's height over which its learners are spread
LABEL = 30  # characters per line of a row's name


def scores(frame: pd.DataFrame, title: str, label: str, log: bool = False, floor: str = "") -> Figure:
    """A row per data set, with a point at each learner's mean and an error bar of ± one standard deviation.

    LIFT is highlighted; a grey tick marks the chance level, a hollow diamond the paper's LIFT/GPT-3.

    Args:
        frame: finished cases.
        title: what the figure shows.
        label: name of the score with its unit.
        log: whether the score's axis is logarithmic, for errors that differ by factors.
        floor: column of the lowest error a learner can reach; a red tick marks it if it is above 0.
    """
    summary = reporting.summarise(frame)
    score = reporting.main_score(frame)
    datasets = sorted(summary["dataset"].unique(), reverse=True)
    learners = sorted(summary["learner"].unique(), key=reporting.rank)
    figure = Figure(figsize=(9, 1.6 + 0.42 * len(datasets)), layout="constrained")
    axes = figure.add_subplot()
    rows = {dataset: i for i, dataset in enumerate(datasets)}
    offsets = _offsets(len(learners), SPREAD)
    plain = iter(zip(COLOURS * 3, MARKERS * 3, strict=False))
    for learner, offset in zip(learners, offsets, strict=True):
        lift = learner.startswith("lift")
        colour, marker = (LIFT_COLOUR, "*") if learner == "lift" else next(plain)
        part = summary[summary["learner"] == learner]
        style = {"color": colour, "markersize": (6 if ":" in learner else 11) if lift else 5, "linewidth": 1}
        positions, sd = part["dataset"].map(rows) + offset, part[f"{score}_sd"].fillna(0.0)
        axes.errorbar(part[score], positions, xerr=sd, fmt=marker, zorder=3 if lift else 2, label=learner, **style)
    if floor:
        limited = summary[summary[floor] > 0]
        positions = limited["dataset"].map(rows) + limited["learner"].map(dict(zip(learners, offsets, strict=True)))
        axes.plot(limited[floor], positions, "|", color=LIFT_COLOUR, markersize=7, label="floor of LIFT's numbers")
    chance = summary.groupby("dataset")["chance"].mean()
    heights = np.array([rows[dataset] for dataset in chance.index])
    axes.vlines(chance, heights - 0.4, heights + 0.4, color=GREY, linewidth=2, label="chance")
    published = [(reporting.published_score(dataset, "lift"), row) for dataset, row in rows.items()]
    published = [(value, row) for value, row in published if not np.isnan(value)]
    if published:
        diamond = {"marker": "D", "facecolor": "none", "edgecolor": "k", "s": 60}
        axes.scatter(*zip(*published, strict=True), label="LIFT/GPT-3 (paper)", **diamond)
    if log:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
    axes.set_yticks(range(len(datasets)), [wrapped(dataset, LABEL) for dataset in datasets])
    axes.set_ylim(-0.6, len(datasets) - 0.4)
    axes.hlines(np.arange(len(datasets) - 1) + 0.5, *axes.get_xlim(), color="0.9", linewidth=0.8, zorder=0)
    axes.set_xlabel(label)
    axes.set_title(title, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    legend(figure, [axes])
    return figure


def arm_points(
    frame: pd.DataFrame, arm: str, series: str, title: str, panel: str = "dataset", order: Sequence[str] = ()
) -> Figure:
    """Accuracy with a row per arm of LIFT and a colour per series: runs as faint dots, with their mean and sd.

    A vertical grey line is another learner's mean. Without cases of LIFT, the other learners are the rows. If there are
    several models of LIFT, each has its own series.

    Args:
        frame: finished cases; methods other than lift give the grey lines.
        arm: column that names the rows.
        series: column that names the colours; the first one has LIFT's colour.
        title: what the figure shows.
        panel: column with one panel per value.
        order: the rows from the top; others follow in order of appearance.
    """
    frame = frame.reset_index(drop=True)  # a caller may have put frames together, with one index for several rows
    frame[series] = frame[series] + reporting.model_suffix(frame)
    own, rows, lines = _arms(frame, arm, order)
    colours, prefix = (ARMS, "lift, ") if "lift" in set(own["method"]) else (COLOURS, "")
    names = list(dict.fromkeys(own[series]))
    heights = {}
    for index, row in enumerate(rows):
        drawn = [name for name in names if ((own[arm] == row) & (own[series] == name)).any()]
        heights |= {(row, name): offset - index for name, offset in zip(drawn, _offsets(len(drawn), 0.5), strict=True)}
    tall = max(1.6, 0.4 + 0.32 * len(rows) * (0.7 + 0.3 * len(names)))
    titles = sorted(frame[panel].unique())
    columns = min(3, len(titles))
    figure, panels = panel_grid(titles, width=3.0, height=tall, columns=columns, share=False)
    for i, (name, axes) in enumerate(panels.items()):
        part, shown = frame[frame[panel] == name], own[own[panel] == name]
        for method, look in lines.items():
            axes.axvline(part.loc[part["method"] == method, "accuracy"].mean(), **look, zorder=0, label=method)
        for j, which in enumerate(names):
            chosen = shown[shown[series] == which]
            colour, marker = colours[j % len(colours)], MARKERS[j % len(MARKERS)]
            at = [heights[row, which] for row in chosen[arm]]
            axes.scatter(chosen["accuracy"], at, color=colour, s=9, alpha=0.35, linewidth=0)
            score = chosen.groupby(arm)["accuracy"]
            style = {"fmt": marker, "color": colour, "markersize": 6, "linewidth": 1.2, "label": prefix + str(which)}
            positions = [heights[row, which] for row in score.mean().index]
            axes.errorbar(score.mean(), positions, xerr=score.std().fillna(0.0), **style)
        _arm_ticks(axes, rows, shown, i % columns == 0)
    figure.set_figwidth(figure.get_figwidth() + 1.5)
    return finished(figure, panels.values(), title, ACCURACY)


def arm_costs(
    frame: pd.DataFrame,
    arm: str,
    columns: Mapping[str, str],
    title: str,
    order: Sequence[str] = (),
    log: Sequence[str] = (),
) -> Figure:
    """A row of panels per data set, one for each score or cost, with the arms of LIFT as rows.

    Dots are means over seeds, error bars ± one standard deviation; the first arm is a star. Grey lines are the means of
    other learners that have the score. Without cases of LIFT, the other learners are the rows. If there are several
    models of LIFT, each has its own arms.

    Args:
        frame: finished cases; methods other than lift give the grey lines.
        arm: column that names the rows.
        columns: column of a score or cost → its title with its unit.
        title: what the figure shows.
        order: the rows from the top; others follow in order of appearance.
        log: columns whose axis is logarithmic.
    """
    frame = frame.reset_index(drop=True)
    suffix = reporting.model_suffix(frame)
    frame[arm] = frame[arm] + suffix
    own, rows, lines = _arms(frame, arm, [name + end for name in order for end in dict.fromkeys(suffix)])
    colour, label = (LIFT_COLOUR, "lift") if "lift" in set(own["method"]) else (COLOURS[0], None)
    datasets = sorted(frame["dataset"].unique())
    size = (2.6 + 2.5 * len(columns), 0.7 + (0.55 + 0.27 * max(3, len(rows))) * len(datasets))
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(datasets), len(columns), squeeze=False, sharex="col", sharey=True)
    for line, dataset in zip(grid, datasets, strict=True):
        part, shown = frame[frame["dataset"] == dataset], own[own["dataset"] == dataset]
        line[0].set_ylabel(wrapped(dataset, 24))
        for axes, column in zip(line, columns, strict=True):
            for method, look in lines.items():
                mean = part.loc[part["method"] == method, column].mean()
                if mean == mean and column not in log:
                    axes.axvline(mean, label=method, zorder=0, **look)
            score = shown.groupby(arm)[column]
            mean, sd = score.mean(), score.std().fillna(0.0)
            for i, name in enumerate(rows):
                if name in mean.index:
                    look = {"fmt": "o" if i else "*", "markersize": 6 if i else 10, "color": colour}
                    axes.errorbar(mean[name], -i, xerr=sd[name], linewidth=1.2, label=label, **look)
            if column in log:
                axes.set_xscale("log")
            _arm_ticks(axes, rows, shown, True)
            axes.spines[["top", "right"]].set_visible(False)
    for axes, name in zip(grid[-1], columns.values(), strict=True):
        axes.set_xlabel(name, fontsize="small")
    return finished(figure, grid.flat, title)


def changes(frame: pd.DataFrame, pairs: Mapping[str, tuple[str, str]], title: str, names: tuple[str, str]) -> Figure:
    """Scores before and after a treatment: a row per method, from a hollow point to a filled one.

    Args:
        frame: rows with the columns dataset, method and the scores; means over seeds are shown.
        pairs: title of a score → its columns before and after.
        title: what the figure shows.
        names: the legend's labels for before and after.
    """
    frame = reporting.by_model(frame)
    methods = sorted(frame["method"].unique(), key=reporting.rank, reverse=True)
    datasets = sorted(frame["dataset"].unique())
    figure, grid = panel_table(datasets, list(pairs), sharex="col", sharey=True)
    colours = [LIFT_COLOUR if method.startswith("lift") else GREY for method in methods]
    for row, dataset in zip(grid, datasets, strict=True):
        means = frame[frame["dataset"] == dataset].groupby("method").mean(numeric_only=True).reindex(methods)
        for axes, (before, after) in zip(row, pairs.values(), strict=True):
            positions = range(len(methods))
            axes.hlines(positions, means[before], means[after], color=colours, linewidth=1.5)
            axes.scatter(means[before], positions, facecolor="white", edgecolor=colours, zorder=3, label=names[0])
            axes.scatter(means[after], positions, color=colours, zorder=3, label=names[1])
            axes.set_yticks(positions, map(words, methods))
    for axes in grid[0]:
        axes.set_xlim(left=0)  # last, because it turns off autoscaling for the whole column
    return finished(figure, grid.flat[:1], title)


def reliability(cells: pd.DataFrame, title: str) -> Figure:
    """Reliability diagrams: the share of correct answers against the stated probability, a column per method.

    Each point is a bin of answers, its size grows with their number; hollow before, filled after. Points below the line
    mean overconfidence.

    Args:
        cells: one row per diagram, with the columns dataset, method, before and after; the last two are frames with
            the columns confidence, accuracy and n (`calibration.bins`).
        title: what the figure shows.
    """
    methods = sorted(cells["method"].unique(), key=reporting.rank)
    datasets = sorted(cells["dataset"].unique())
    figure, grid = panel_table(datasets, methods, sharex=True, sharey=True)
    for cell in cells.itertuples():
        axes = grid[datasets.index(cell.dataset), methods.index(cell.method)]
        colour = LIFT_COLOUR if cell.method.startswith("lift") else "0.3"
        axes.plot([0, 1], [0, 1], color="0.8", linewidth=1, zorder=0)
        hollow, filled = {"facecolor": "none", "edgecolor": "0.5"}, {"color": colour, "alpha": 0.8, "linewidth": 0}
        for bins, style, label in ((cell.before, hollow, "unscaled"), (cell.after, filled, "scaled")):
            sizes = 6 + 120 * bins["n"] / bins["n"].sum()
            axes.scatter(bins["confidence"], bins["accuracy"], s=sizes, label=label, **style)
    grid[0, 0].set_xticks([0, 0.5, 1])
    grid[0, 0].set_yticks([0, 0.5, 1])
    return finished(figure, grid[:, -1], title, "stated probability of the answer", "share of right answers")


def costs(frame: pd.DataFrame, by: str, title: str, label: str) -> Figure:
    """Error against prediction time: a panel per data set, a point ± one sd per value of `by`.

    Args:
        frame: finished cases.
        by: column that distinguishes the points.
        title: what the figure shows.
        label: name of the error with its unit.
    """
    score = reporting.main_score(frame)
    frame = frame.assign(**{by: frame[by] + reporting.model_suffix(frame)})
    ways = list(dict.fromkeys(frame[by]))
    figure, panels = panel_grid(sorted(frame["dataset"].unique()), width=2.6, height=2.4, share=False, share_y=True)
    for dataset, axes in panels.items():
        for i, way in enumerate(ways):
            part = frame[(frame["dataset"] == dataset) & (frame[by] == way)]
            seconds = np.maximum(part["seconds_predict"], 0.01).mean()  # of which 0.01 is the clock's step
            colour = COLOURS[i % len(COLOURS)] if (part["method"] == "lift").any() else "0.4"
            style = {"fmt": MARKERS[i % len(MARKERS)], "color": colour, "markersize": 8, "linewidth": 1}
            if len(part):
                axes.errorbar(seconds, part[score].mean(), yerr=part[score].std(), label=way, **style)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
    axes.set_ylim(bottom=0)  # last, because it turns off autoscaling for all panels
    return finished(figure, panels.values(), title, "seconds to answer the test rows", label)


def zones(frame: pd.DataFrame, columns: Mapping[str, str], title: str, label: str) -> Figure:
    """A panel per function with a line per learner that connects its mean errors in two zones.

    Args:
        frame: finished cases.
        columns: columns of errors above 0, and their labels in the legend.
        title: what the figure shows.
        label: name of the error.
    """
    frame = reporting.by_model(reporting.latest(frame))
    methods = sorted(frame["method"].unique(), key=reporting.rank, reverse=True)
    datasets = sorted(frame["dataset"].unique())
    figure, panels = panel_grid(datasets, width=3.2, height=0.5 + 0.22 * len(methods), columns=3)
    markers = dict(zip(columns, "oDs", strict=False))
    for dataset, axes in panels.items():
        means = frame[frame["dataset"] == dataset].groupby("method")[list(columns)].mean().reindex(methods)
        for height, method in enumerate(methods):
            colour = LIFT_COLOUR if method.startswith("lift") else "0.3"
            found = means.loc[method].dropna()
            axes.plot(found, [height] * len(found), color=colour, linewidth=1, alpha=0.5)
            for column, value in found.items():
                face = colour if markers[column] == "o" else "w"
                axes.plot(value, height, markers[column], color=colour, markerfacecolor=face, markersize=5)
        axes.axvline(1, color=GREY, linewidth=0.8, zorder=0)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(numticks=7))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        names = [wrapped(method, LABEL) for method in methods] if axes.get_subplotspec().is_first_col() else []
        axes.set_yticks(range(len(methods)), names)
    for column, name in columns.items():
        face = "0.3" if markers[column] == "o" else "w"
        axes.plot([], [], markers[column], color="0.3", markerfacecolor=face, label=name)
    return finished(figure, panels.values(), title, label)


def _offsets(n: int, spread: float) -> np.ndarray:
    """Vertical offsets of n marks in a row, from the top."""
    return np.linspace(spread / 2, -spread / 2, n) if n > 1 else np.zeros(n)


def _arms(frame: pd.DataFrame, arm: str, order: Sequence[str]) -> tuple[pd.DataFrame, list[str], dict]:
    """LIFT's cases, its arms from the top, and the grey lines of other learners; without LIFT, these are the arms."""
    own, lines = frame[frame["method"] == "lift"], background(frame)
    if own.empty:
        own, lines = frame.assign(**{arm: frame["method"]}), {}
    found = list(dict.fromkeys(own[arm]))
    return own, [name for name in order if name in found] + [name for name in found if name not in order], lines


def _arm_ticks(axes: Axes, rows: Sequence[str], shown: pd.DataFrame, named: bool) -> None:
    """Draws a line and, if `named`, a name for each arm; a panel without any says so."""
    axes.set_yticks(
        [-i for i in range(len(rows))], [wrapped(row, LABEL) for row in rows] if named else [""] * len(rows)
    )
    axes.set_ylim(0.6 - max(1, len(rows)), 0.6)
    axes.grid(axis="y", color="0.92")
    if shown.empty:
        axes.text(0.5, 0.5, "no row of LIFT", transform=axes.transAxes, ha="center", color=GREY)
