"""A grid of further queries of a function, over its range and beyond: its zones, errors and pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from utils import plots, reporting, study
from utils.errors import UserError
from utils.results import Results
from utils.study.cases import Trial
from utils.tables import synthetic
from utils.tables.grids import Grid
from utils.tables.splits import Split

ROOM = 0.15  # margin of a panel of curves, as a share of the truth's range; curves beyond it are clipped
SHADE = "0.92"  # grey of the training range
ZONES = ("inside", "hole", "outside")
LARGEST = 2  # number of inputs that a picture can show


@dataclass(frozen=True)
class Domain:
    """The points at which a function of one or two inputs is queried.

    Attributes:
        table: the function.
        axis: ascending coordinates, the same along every input.
    """

    table: synthetic.SyntheticTable
    axis: np.ndarray

    @property
    def p(self) -> int:
        """Number of inputs."""
        return self.table.options.p

    def frame(self) -> pd.DataFrame:
        """All points as table rows with the columns x1 and, with two inputs, x2; x1 varies fastest."""
        return pd.DataFrame({"x1": self.axis}) if self.p == 1 else self.grid().frame()

    def grid(self) -> Grid:
        """The square grid of a function of two inputs."""
        return Grid(("x1", "x2"), self.axis, self.axis)

    def truth(self) -> np.ndarray:
        """The noise-free function at all points, shape (n_points,)."""
        return synthetic.function(self.table.base, self.frame())

    def box(self) -> tuple[float, float]:
        """The range of the training inputs."""
        return self.table.options.lo, self.table.options.hi

    def hole(self) -> tuple[float, float] | None:
        """The middle third of the range if it has no training rows, else None."""
        low, high = self.box()
        third = (high - low) / 3
        return (low + third, high - third) if self.table.options.hole else None

    def zones(self) -> np.ndarray:
        """Zone of each point, (n_points,): "inside" the box of training rows, in its gap ("hole"), or "outside"."""
        points = self.frame().to_numpy(float)
        zones = np.where(_within(points, self.box()), "inside", "outside")
        if self.hole() is not None:
            zones[_within(points, self.hole())] = "hole"
        return zones

    def measures(self, split: Split, zones: Sequence[str]) -> dict[str, Callable[[pd.DataFrame], float]]:
        """Relative absolute errors against the noise-free function, for `Trial.measures`.

        `grid_rae` is that inside the box, `grid_rae_hole` and `grid_rae_outside` those of the other zones: the mean
        absolute error in the zone over the mean absolute deviation of the function in the whole box, gap included. All
        zones share this unit and can be compared; without a gap, `grid_rae` is the RAE of these points. Unreadable
        answers count as the mean of the training targets; a zone without points has nan.

        Args:
            split: the rows of the trial; its queries must be `frame()`.
            zones: which of ZONES.
        """
        truth, zone = self.truth(), self.zones()
        box = truth[zone != "outside"]
        unit = np.abs(box - box.mean()).mean() if len(box) else np.nan
        names = {name: "grid_rae" if name == "inside" else f"grid_rae_{name}" for name in zones}

        def measure(rows: np.ndarray) -> Callable[[pd.DataFrame], float]:
            def relative_error(answers: pd.DataFrame) -> float:
                if not rows.any() or not unit > 0:
                    return float("nan")
                answered = pd.to_numeric(answers["parsed"].iloc[len(split.y_test) :]).to_numpy(float)
                filled = np.where(np.isfinite(answered), answered, split.y_train.mean())
                return float(np.abs(filled - truth)[rows].mean() / unit)

            return relative_error

        return {names[name]: measure(zone == name) for name in zones}


def over(name: str, size: int, widen: float) -> Domain:
    """A domain of `size` points along each input: the function's range, extended by `widen` times it on each side.

    For functions of whole numbers the points are rounded to whole numbers, without duplicates.

    Raises:
        UserError: not a function, more than two inputs, fewer than 2 points, or a negative extension.
    """
    table = synthetic.table(name)
    options = table.options
    if options.p > LARGEST:
        raise UserError(f"{name} has {options.p} inputs, but pictures can show at most {LARGEST}; use p=1 or p=2")
    if size < 2 or widen < 0:
        raise UserError(
            f"no grid has {size} points widened by {widen}; give 2 points or more, and a share of 0 or more"
        )
    room = widen * (options.hi - options.lo)
    axis = np.linspace(options.lo - room, options.hi + room, size)
    return Domain(table, np.unique(np.rint(axis).astype(np.int64)) if options.integer else axis)


def trial(case: study.Case, config: study.Config, zones: Sequence[str]) -> Trial:
    """The trial of a case with the settings `points` and `widen`, its grid as queries, scored in the `zones`."""
    found = study.trial(case, config, "regression")
    domain = over(case.dataset, case.settings["points"], case.settings["widen"])
    return replace(found, queries=domain.frame(), measures=domain.measures(found.split, zones))


def _within(points: np.ndarray, ends: tuple[float, float]) -> np.ndarray:
    return ((points >= ends[0]) & (points <= ends[1])).all(axis=1)


def answered(results: Results) -> pd.DataFrame:
    """The answers of the last seed on the grid, one row per function and method.

    The cases must have the settings `points` and `widen`, which `over` takes.

    Returns:
        Columns dataset, method, domain (a `Domain`), values (answers at its points, nan where unreadable),
        X_train and y_train.
    """
    frame = reporting.by_model(reporting.latest(results.frame()))
    frame = frame[frame["seed"] == frame["seed"].max()].drop_duplicates(["dataset", "method"], keep="last")
    rows = []
    for row in frame.itertuples():
        domain = over(row.dataset, int(row.points), float(row.widen))
        split = study.load(row.dataset).split(int(row.seed), row.protocol)
        split = split.limit(int(row.limit)) if row.limit else split
        parsed = results.answers(row.key)["parsed"].iloc[-len(domain.frame()) :]
        case = {"dataset": row.dataset, "method": row.method, "domain": domain}
        rows.append(case | {"values": pd.to_numeric(parsed).to_numpy(float)})
        rows[-1] |= {"X_train": split.X_train.to_numpy(float), "y_train": split.y_train.to_numpy()}
    return pd.DataFrame(rows)


def save(results: Results, title: str) -> None:
    """Saves curves (functions of one input) and heat maps (two inputs) next to the results."""
    cells = answered(results)
    n_inputs = cells["domain"].map(lambda domain: domain.p)
    for p, ending, draw in ((1, "_curves.png", curves), (2, "_surfaces.png", surfaces)):
        if (n_inputs == p).any():
            draw(cells[n_inputs == p], title).savefig(results.sibling(ending), dpi=150)
            print(f"picture  {results.sibling(ending)}")


def curves(cells: pd.DataFrame, title: str) -> Figure:
    """One panel per function of one input: the truth, every learner, the training rows and (shaded) their range.

    Args:
        cells: as of `answered`.
        title: what the figure shows.
    """
    datasets = list(cells["dataset"].unique())
    figure, panels = plots.panel_grid(datasets, width=3.4, height=2.6, columns=3, share=False)
    methods = sorted(cells["method"].unique(), key=reporting.rank)
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
            style = {"linewidth": 3 if lift else 0.9, "zorder": 2 if lift else 3}  # overlapping curves stay visible
            axes.plot(domain.axis, part.loc[method, "values"], color=colours[method], label=method, **style)
        room = ROOM * max(np.ptp(truth), 1e-9)
        axes.set_ylim(truth.min() - room, truth.max() + room)
        axes.set_xlim(domain.axis[0], domain.axis[-1])
    return plots.finished(figure, panels.values(), title, "x (shaded: the training range)")


def _shade(axes: Axes, domain: Domain) -> None:
    low, high = domain.box()
    hole = domain.hole()
    for ends in ((low, high),) if hole is None else ((low, hole[0]), (hole[1], high)):
        axes.axvspan(*ends, color=SHADE, zorder=0, linewidth=0)


def surfaces(cells: pd.DataFrame, title: str) -> Figure:
    """One row of heat maps per function of two inputs: the truth with the training rows, then every learner.

    The colours of a row span the range of the truth; a dotted line marks the training range, or its gap.

    Args:
        cells: as of `answered`.
        title: what the figure shows.
    """
    datasets = list(cells["dataset"].unique())
    methods = sorted(cells["method"].unique(), key=reporting.rank)
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
        row[0].set_ylabel(plots.wrapped(dataset, 22), fontsize="x-small")
        figure.colorbar(image, ax=row.tolist(), aspect=12, pad=0.01).ax.tick_params(labelsize="x-small")
    for axes, name in zip(panels[0], ["truth", *methods], strict=True):
        lift = name.startswith("lift")
        colour = plots.LIFT_COLOUR if lift else "k"
        axes.set_title(plots.wrapped(name, 20), fontsize="small", fontweight="bold" if lift else "normal", color=colour)
    figure.suptitle(f"{title} (dots: training rows; dotted line: their range)", x=0.02, ha="left", fontsize="medium")
    return figure
