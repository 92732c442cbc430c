"""Scores along a setting: lines of means over seeds ± one sd."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from .. import reporting
from .style import (
    ACCURACY,
    ARMS,
    DASHES,
    GREY,
    LIFT_LINE,
    MARKERS,
    background,
    finished,
    method_colours,
    panel_grid,
    panel_table,
)

Styles = Mapping[str, Mapping[str, object]]  # method → properties of its matplotlib line


def lines(
    frame: pd.DataFrame,
    x: str,
    y: str,
    title: str,
    label: str,
    panels: Sequence[str] = ("dataset",),
    log: bool = True,
    y_log: bool = False,
    share_y: bool = True,
    styles: Styles | None = None,
) -> Figure:
    """A score against a setting: mean over seeds ± one sd, a line per method, a panel per data set.

    Args:
        frame: finished cases.
        x: column of the setting, positive numbers where its axis is logarithmic.
        y: column of the score.
        title: what the figure shows.
        label: name of the setting with its unit.
        panels: columns; each combination of their values has its own panel.
        log: whether the setting's axis is logarithmic (base 2).
        y_log: whether the score's axis is logarithmic, with numbers at 1, 2 and 5.
        share_y: whether the panels share the vertical axis; not for scores with different units.
        styles: line properties of some methods; LIFT's line is always thick.
    """
    frame = reporting.by_model(reporting.latest(frame))
    frame = frame.assign(panel=frame[list(panels)].astype(str).agg(" ·\u00a0".join, axis=1))
    names, methods = sorted(frame["panel"].unique()), sorted(frame["method"].unique(), key=reporting.rank)
    figure, axes_of = panel_grid(names, width=2.4, height=2.0, share_y=share_y)
    colours = method_colours(methods)
    for name, axes in axes_of.items():
        for method in methods:
            part = frame[(frame["panel"] == name) & (frame["method"] == method)]
            mark = {"marker": "*", "markersize": 8} if method == "lift" else {"marker": "o", "markersize": 3}
            look = {"color": colours[method]} | mark | _style(method, styles)
            _line(axes, part, x, y, method, look)
        if log:
            _log_setting(axes, frame[x])
        if y_log:
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=20))
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_formatter(NullFormatter())
    return finished(figure, axes_of.values(), title, label)


def arm_lines(frame: pd.DataFrame, x: str, arm: str, title: str, label: str, log: bool = True) -> Figure:
    """Accuracy against a setting: a coloured line for each arm of LIFT, a grey one for each other learner.

    Lines are means over seeds, error bars ± one standard deviation; a panel per data set. If there are several models
    of LIFT, an arm has one colour, and each model its own dashes.

    Args:
        frame: finished cases.
        x: column of the setting.
        arm: column that names LIFT's arms; the one that comes first is drawn in LIFT's colour.
        title: what the figure shows.
        label: name of the setting with its unit.
        log: whether the setting's axis is logarithmic (base 2).
    """
    frame = frame.reset_index(drop=True)  # a caller may have put frames together, with one index for several rows
    lift = frame["method"] == "lift"
    models = reporting.model_suffix(frame)
    pairs = list(dict.fromkeys(zip(frame.loc[lift, arm], models[lift], strict=True)))
    arms, kinds = (list(dict.fromkeys(names)) for names in zip(*pairs, strict=True)) if pairs else ([], [])
    figure, panels = panel_grid(sorted(frame["dataset"].unique()), width=2.9, height=2.6, share_y=True)
    for name, axes in panels.items():
        part = frame[frame["dataset"] == name]
        for method, look in background(frame).items():
            _line(axes, part[part["method"] == method], x, "accuracy", method, look)
        for which, model in pairs:
            i = arms.index(which)
            look = {"color": ARMS[i % len(ARMS)], "marker": MARKERS[i % len(MARKERS)], "markersize": 5, "zorder": 9 - i}
            look["linestyle"] = DASHES[kinds.index(model) % len(DASHES)]
            own = lift.loc[part.index] & (part[arm] == which) & (models.loc[part.index] == model)
            _line(axes, part[own], x, "accuracy", f"{which}{model}", look)
        if log:
            _log_setting(axes, frame[x])
    figure.set_figwidth(figure.get_figwidth() + 1.5)
    return finished(figure, panels.values(), title, label, ACCURACY)


def score_lines(
    frame: pd.DataFrame,
    x: str,
    scores: Mapping[str, str],
    title: str,
    label: str,
    log: bool = False,
    ideal: str = "",
    styles: Styles | None = None,
) -> Figure:
    """Several scores against a setting: a panel per data set and score, a line of means over seeds per method.

    Args:
        frame: rows with the columns dataset, method, `x` and the scores.
        x: column of the setting.
        scores: column of a score → its title; a method without the score (NaN) has no line.
        title: what the figure shows.
        label: name of the setting with its unit.
        log: whether the setting's axis is logarithmic (base 2).
        ideal: a score that should equal the setting, shown by a grey line.
        styles: line properties of some methods; LIFT's line is always thick.
    """
    frame = reporting.by_model(frame)
    methods = sorted(frame["method"].unique(), key=reporting.rank)
    colours = method_colours(methods)
    datasets = sorted(frame["dataset"].unique())
    figure, grid = panel_table(datasets, list(scores.values()), sharex=True, sharey="col")
    for row, dataset in zip(grid, datasets, strict=True):
        for axes, score in zip(row, scores, strict=True):
            if score == ideal:
                ends = [frame[x].min(), frame[x].max()]
                axes.plot(ends, ends, color="0.8", linewidth=5, zorder=0, label="as asked for")
            for method in methods:
                part = frame[(frame["dataset"] == dataset) & (frame["method"] == method)].dropna(subset=score)
                look = {"color": colours[method], "linewidth": 1.2, "marker": "o", "markersize": 3}
                if len(part):
                    _line(axes, part, x, score, method, look | _style(method, styles))
    if log:
        _log_setting(grid[0, 0], frame[x])
    return finished(figure, grid.flat, title, label)


def steps(frame: pd.DataFrame, x: str, y: str, panel: str, title: str, label: str) -> Figure:
    """Lines over a few, evenly spaced values of a setting; one colour per method, with dashes for its variants.

    Shows the mean over seeds ± one sd, and the chance level in grey.

    Args:
        frame: finished cases with a row for every value of `x` and `panel`, both left of the column n_train.
        x: column of the setting.
        y: column of the score, a share.
        panel: column with one panel per value, in the order of the rows.
        title, label: what the figure shows; name of the setting with its unit.
    """
    frame = reporting.latest(frame)
    methods, values = sorted(frame["method"].unique(), key=reporting.rank), sorted(frame[x].unique())
    named = reporting.labels(frame.drop(columns=[x, panel]))
    pairs = zip(named, frame["method"], strict=True)
    variant = [name.removeprefix(method).strip() for name, method in pairs]
    frame = frame.assign(variant=variant, **{x: frame[x].map(values.index)})
    # what has no treatment is drawn solid
    variants = sorted(frame["variant"].unique(), key=lambda variant: ("none" not in variant, reporting.rank(variant)))
    dashes = dict(zip(variants, ("-", "--", ":", "-.") * len(variants), strict=False))
    colours = method_colours(methods)
    figure, axes_of = panel_grid(list(frame[panel].unique()), width=2.6, height=2.1)
    for name, axes in axes_of.items():
        part = frame[frame[panel] == name]
        axes.axhline(part["chance"].mean(), color=GREY, linewidth=1, label="chance")
        for method, variant in product(methods, variants):
            rows = part[(part["method"] == method) & (part["variant"] == variant)]
            look = {"linestyle": dashes[variant], "linewidth": 2.2 if method == "lift" else 1, "marker": "o"}
            look |= {"markersize": 3, "color": colours[method]}
            _line(axes, rows, x, y, method if variant == variants[0] else None, look)
        for variant in variants if len(variants) > 1 else ():
            axes.plot([], [], color="k", linestyle=dashes[variant], label=variant)
        axes.set_xticks(range(len(values)), [f"{value:g}" for value in values])
        axes.set_ylim(-0.03, 1.03)
    return finished(figure, axes_of.values(), title, label, y)


def _line(axes: Axes, rows: pd.DataFrame, x: str, y: str, label: str | None, look: Mapping[str, object]) -> None:
    """Draws a line of the means of `y` over `x`, with error bars of one standard deviation."""
    score = rows.groupby(x)[y]
    mean = score.mean()
    axes.errorbar(mean.index, mean, yerr=score.std().fillna(0.0), label=label, **look)


def _style(method: str, styles: Styles | None) -> Mapping[str, object]:
    return {**LIFT_LINE, **(styles or {})}.get(method, {})


def _log_setting(axes: Axes, values: pd.Series) -> None:
    """Makes the axis logarithmic (base 2) with margins around the values; the default margins are linear."""
    axes.set_xscale("log", base=2)
    axes.set_xlim(values.min() / 1.3, values.max() * 1.3)
    axes.xaxis.set_major_formatter("{x:g}")
