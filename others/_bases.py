"""Bases: the models that an experiment compares, each tuned in the same way, and their costs (paper, Table 8)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from utils import estimators, plots, reporting, study
from utils.errors import UserError
from utils.models.local import initialization
from utils.study.runner import Case

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter

    from utils.estimators import LIFT
    from utils.study.cases import Trial

NONE = "none"  # for learners without a base
COSTS = {"parameters": "parameters", "seconds_fit": "seconds to tune", "tokens_train": "tokens tuned on"}
MOST_TICKS = 4  # on an axis of costs


@dataclass(frozen=True)
class Config(study.Config):
    """Flags of experiments that compare base models."""

    models: tuple[str, ...] = ()  # further bases: folders, Hub ids, or starts such as random:layers=2,hidden=48
    learning_rates: tuple[float, ...] = (5e-4, 2e-3)  # all are tried, and the validation rows choose for each base
    start_seed: int = 1  # for the random weights and the gibberish
    gibberish_updates: int = 200  # of 32 texts each
    gibberish_rate: float = 1e-3  # learning rate; about 1e-5 for models with billions of weights

    def n_workers(self) -> int:
        """One case at a time if any of the models is neither lift-tiny nor made from its configuration."""
        kin = all(self.is_kin(name) for name in self.models)
        return super().n_workers() if kin else self.workers or 1

    def is_kin(self, base: str) -> bool:
        """Whether the base is the model of --model or made from its configuration."""
        return base == self.model or base.partition(":")[0] in initialization.STARTS

    def with_base(self, base: str) -> study.Config:
        """The same flags with the base as the model, which is created if it is a start. Raises UserError."""
        gibberish = initialization.Gibberish(self.gibberish_updates, learning_rate=self.gibberish_rate)
        model = initialization.place(base, self.model, self.start_seed, gibberish)
        # related bases use as many threads as the model, since sums depend on them
        return replace(self, model=model, threads=self.n_threads() if self.is_kin(base) else self.threads)


def trial(case: Case, config: Config, task: str) -> Trial:
    """`study.trial` of LIFT on the base that the case's setting `base` names, and of a classical learner.

    LIFT has the plain settings of its model's recipe: otherwise the recipe's candidates would be compared on some bases
    and not on others. The result has the additional column `parameters`: of the tuned model, nan for other learners.

    Raises:
        UserError: as `study.trial` and `initialization.place` do.
    """
    if not case.is_lift:
        plain = study.trial(case, config, task)
        return replace(plain, measures={"parameters": lambda answers: float("nan")})
    built = study.trial(case, config.with_base(case.settings["base"]), task)
    learner = built.learner
    if task == "classification":
        learner = estimators.PlainClassifier(**learner.get_params(deep=False))
    return replace(built, learner=learner, measures=_measures(learner))


def _measures(learner: LIFT) -> Mapping[str, Callable[[pd.DataFrame], float]]:
    return {"parameters": lambda answers: initialization.parameters(learner.model_)}


def check(names: tuple[str, ...]) -> None:
    """Raises UserError if there is no base, or a base is listed twice."""
    if not names:
        raise UserError("there is no base to compare; give --models one name or more")
    if len(set(names)) < len(names):
        raise UserError(f"a base is listed twice: {' '.join(names)}")


def costs(frame: pd.DataFrame, title: str) -> Figure:
    """Error against cost: one row per data set, one point per base; other learners are grey lines.

    Starts of the same architecture in several sizes are joined by a line.

    Args:
        frame: finished cases with the columns base and parameters.
        title: what the figure shows.
    """
    from matplotlib.ticker import EngFormatter

    frame = reporting.latest(frame)
    score, lift = reporting.main_score(frame), frame[frame["method"] == "lift"]
    names = list(lift.groupby("base")["parameters"].mean().sort_values(kind="stable").index)
    datasets = sorted(frame["dataset"].unique())
    figure, grid = plots.panel_table(datasets, list(COSTS.values()), sharey=True)
    colours = dict(zip(names, plots.COLOURS * 3, strict=False)) | {"lift-tiny": plots.LIFT_COLOUR}
    others = sorted({*frame["method"]} - {"lift"}, key=reporting.rank)
    for row, dataset in zip(grid, datasets, strict=True):
        part, own = frame[frame["dataset"] == dataset], lift[lift["dataset"] == dataset]
        grouped = own.groupby("base")
        means, spread = grouped[[score, *COSTS]].mean(), grouped[score].std().fillna(0.0)
        for axes, cost in zip(row, COSTS, strict=True):
            for i, method in enumerate(others):
                error = part.loc[part["method"] == method, score].mean()
                axes.axhline(error, color="0.6", linestyle=("--", ":", "-.")[i % 3], linewidth=1, label=method)
            family = [name for name in names if name.partition(":")[0] == "random" and name in means.index]
            axes.plot(means.loc[family, cost], means.loc[family, score], color="0.7", linewidth=1, zorder=1)
            for i, name in enumerate(name for name in names if name in means.index):
                look = {"fmt": "*", "markersize": 12} if name == "lift-tiny" else {"fmt": plots.MARKERS[i % 9]}
                here = means.loc[name, cost], means.loc[name, score]
                axes.errorbar(*here, yerr=spread[name], color=colours[name], label=name, zorder=3, **look)
            _logarithmic(axes, own[cost], EngFormatter(sep="") if cost != "seconds_fit" else "{x:g}")
    grid[0, 0].set_ylim(bottom=0)  # of all panels
    return plots.finished(figure, grid.flat, title, y="RAE on test rows" if score != "accuracy" else score)


def _logarithmic(axes: Axes, values: pd.Series, form: EngFormatter | str) -> None:
    """A logarithmic axis with a margin of a factor of two on both sides and few, round ticks."""
    from matplotlib.ticker import FixedLocator, NullFormatter

    axes.set_xscale("log")
    finite = values[np.isfinite(values) & (values > 0)]
    low, high = (finite.min() / 2, finite.max() * 2) if len(finite) else (0.5, 2)
    axes.set_xlim(low, high)
    powers = 10.0 ** np.arange(np.floor(np.log10(low)), np.log10(high))
    for numbers in ((1, 2, 5), (1, 3), (1,)):
        ticks = [tick for tick in np.outer(powers, numbers).flat if low <= tick <= high]
        if len(ticks) <= MOST_TICKS:
            break
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_major_formatter(form)
    axes.xaxis.set_minor_formatter(NullFormatter())
