"""Figures that compare arms of LIFT with each other, the classical learners in the background."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .. import reporting
from . import plots

ARMS = (plots.LIFT_COLOUR, "#0072b2", "#e69f00", "#009e73", "#7f3c8d", "#8c564b")
GREYS = ("0.3", "0.55", "0.72")
STYLES = ("--", ":", "-.")
ACCURACY = "accuracy (share of test rows)"
ROW_HEIGHT = 0.32  # inches per arm and series
SPREAD = 0.5  # share of a row's height over which its series are laid out


def curves(frame: pd.DataFrame, x: str, arm: str, title: str, label: str, log: bool = True) -> Figure:
    """Accuracy along a setting: a coloured line for each arm of LIFT, a grey one for each other learner.

    Lines are means over seeds, bars one standard deviation to both sides; a panel for each data set.

    Args:
        frame: finished cases.
        x: column of the setting.
        arm: column that names LIFT's arms; the one that comes first is drawn in LIFT's colour.
        title: what the figure shows.
        label: name of the setting with its unit.
        log: whether the setting's axis is logarithmic (base 2).
    """
    arms = list(dict.fromkeys(frame.loc[frame["method"] == "lift", arm]))
    figure, panels = plots.panel_grid(sorted(frame["dataset"].unique()), width=2.9, height=2.6)
    for name, axes in panels.items():
        part = frame[frame["dataset"] == name]
        drawn = [(method, part["method"] == method, look) for method, look in _background(frame).items()]
        for i, which in enumerate(arms):
            look = {"color": ARMS[i % len(ARMS)], "marker": plots.MARKERS[i % len(plots.MARKERS)], "markersize": 5}
            drawn.append((which, (part["method"] == "lift") & (part[arm] == which), look | {"zorder": 9 - i}))
        for text, rows, look in drawn:
            score = part[rows].groupby(x)["accuracy"]
            axes.errorbar(score.mean().index, score.mean(), score.std().fillna(0.0), label=text, **look)
        if log:
            axes.set_xscale("log", base=2)
            axes.set_xlim(frame[x].min() / 1.3, frame[x].max() * 1.3)  # its own margins are those of a linear axis
            axes.xaxis.set_major_formatter("{x:g}")
    figure.supylabel(ACCURACY, fontsize="medium")
    return _finished(figure, panels, title, label)


def dots(
    frame: pd.DataFrame, arm: str, series: str, title: str, panel: str = "dataset", order: Sequence[str] = ()
) -> Figure:
    """Accuracy, a row for each arm of LIFT, a colour for each series: runs as faint dots, their mean and sd as a mark.

    A grey line down a panel is another learner's mean.

    Args:
        frame: finished cases; those of a method other than lift give the lines.
        arm: column that names the rows.
        series: column that names the colours; the one that comes first has LIFT's colour.
        title: what the figure shows.
        panel: column of which each value has a panel of its own.
        order: the rows from the top; what is not in it follows in the order of its appearance.
    """
    lift = frame[frame["method"] == "lift"]
    found = list(dict.fromkeys(lift[arm]))
    rows = [name for name in order if name in found] + [name for name in found if name not in order]
    place = {name: -i for i, name in enumerate(rows)}
    names = list(dict.fromkeys(lift[series]))
    heights = {}
    for row, height in place.items():
        drawn = [name for name in names if ((lift[arm] == row) & (lift[series] == name)).any()]
        offsets = np.linspace(SPREAD / 2, -SPREAD / 2, len(drawn)) if len(drawn) > 1 else [0.0]
        heights |= {(row, name): height + offset for name, offset in zip(drawn, offsets, strict=True)}
    tall = max(1.6, 0.4 + ROW_HEIGHT * len(rows) * (0.7 + 0.3 * len(names)))
    titles = sorted(frame[panel].unique())
    columns = min(3, len(titles))
    figure, panels = plots.panel_grid(titles, width=3.0, height=tall, columns=columns, share=False)
    for i, (name, axes) in enumerate(panels.items()):
        part, own = frame[frame[panel] == name], lift[lift[panel] == name]
        for method, look in _background(frame).items():
            axes.axvline(part.loc[part["method"] == method, "accuracy"].mean(), **look, zorder=0, label=method)
        for j, which in enumerate(names):
            chosen = own[own[series] == which]
            colour, marker = ARMS[j % len(ARMS)], plots.MARKERS[j % len(plots.MARKERS)]
            at = [heights[row, which] for row in chosen[arm]]
            axes.scatter(chosen["accuracy"], at, color=colour, s=9, alpha=0.35, linewidth=0)
            score = chosen.groupby(arm)["accuracy"]
            mean, sd = score.mean(), score.std().fillna(0.0)
            style = {"fmt": marker, "color": colour, "markersize": 6, "linewidth": 1.2, "label": f"lift, {which}"}
            axes.errorbar(mean, [heights[row, which] for row in mean.index], xerr=sd, **style)
        axes.set_yticks(list(place.values()), rows if i % columns == 0 else [""] * len(rows))
        axes.set_ylim(0.6 - max(1, len(rows)), 0.6)
        axes.grid(axis="y", color="0.92")
    return _finished(figure, panels, title, ACCURACY)


def _finished(figure: Figure, panels: Mapping[str, Axes], title: str, label: str) -> Figure:
    """The figure with its legend, title and name of the x axis, wide enough for the first two side by side."""
    figure.set_figwidth(max(figure.get_figwidth() + 1.5, 2.8 + 0.1 * len(title)))
    plots.legend(figure, panels.values())
    figure.supxlabel(label, fontsize="medium")
    figure.suptitle(title, x=0.02, ha="left")
    return figure


def _background(frame: pd.DataFrame) -> dict[str, dict[str, object]]:
    """Method → the look of its line, for all but LIFT."""
    methods = sorted({*frame["method"]} - {"lift"}, key=reporting.rank)
    looks = [{"color": grey, "linestyle": style, "linewidth": 1.2} for grey in GREYS for style in STYLES]
    return {method: looks[i % len(looks)] for i, method in enumerate(methods)}
