"""Predictive uncertainty of regressors: does the spread follow the noise, are intervals calibrated? (paper §4.2)

Three learners have a predictive distribution: LIFT (from the likelihood of every level of its target, or from sampled
answers as in the paper), the Gaussian process `gp` and the quantile boosting `gbt_quantile`. All are scored by the
same quantiles of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from scipy import stats

from utils import metrics, plots, reporting
from utils.baselines.regressors import QUANTILES
from utils.learners import Learner
from utils.tables.splits import Split

COVERAGES = (0.8, 0.9, 0.95)  # of the central intervals; their ends are among QUANTILES
NORMAL_WIDTH = 2 * stats.norm.ppf(0.9)  # of the central 80 % of a normal distribution, in its sd
PARTS = 5  # groups of test rows, by their noise

_PERCENT = [f"{100 * coverage:g}" for coverage in COVERAGES]
MEASURES = (
    "crps",
    *(f"{name}_{percent}" for name in ("coverage", "width") for percent in _PERCENT),
    *(f"conformal_{name}_{percent}" for name in ("coverage", "width") for percent in _PERCENT),
    *("spearman", "pearson", "sd_spearman", "sd_pearson"),
    *(f"{name}_{part}" for name in ("noise", "spread") for part in range(1, PARTS + 1)),
)


@dataclass(frozen=True, eq=False)
class Predictive:
    """Predictive distributions of n rows, in the target's units.

    Attributes:
        quantiles: (n, len(QUANTILES)), increasing in each row.
        sd: (n,) standard deviations; nan if the learner has none.
    """

    quantiles: np.ndarray
    sd: np.ndarray

    def interval(self, coverage: float) -> np.ndarray:
        """(n, 2): the ends of the central interval; `coverage` is one of COVERAGES."""
        low = int(np.argmin(np.abs(np.array(QUANTILES) - (1 - coverage) / 2)))
        return self.quantiles[:, [low, -1 - low]]

    def spread(self) -> np.ndarray:
        """(n,) widths of the central 80 %, scaled to equal the sd of a normal distribution.

        Unlike the sd, it is robust to small probabilities far away.
        """
        return np.ptp(self.interval(0.8), axis=1) / NORMAL_WIDTH


def predict(learner: Learner, X: pd.DataFrame) -> Predictive:
    """The fitted learner's predictive distributions for X. Raises CannotDo if it has none."""
    learner.check_uncertainty()
    return Predictive(*learner.predictive(X, QUANTILES))


def coverage(interval: np.ndarray, y: np.ndarray) -> float:
    """Share of the true values `y` (n,) inside their intervals (n, 2), ends included."""
    return float(np.mean((interval[:, 0] <= y) & (y <= interval[:, 1])))


def nonconformity(interval: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(n,) distances of true values `y` (n,) outside their intervals (n, 2), negative inside.

    Conformalised quantile regression (Romano et al. 2019): both ends of every interval are moved
    outwards by the `metrics.conformal_bound` of these, or inwards if it is negative.
    """
    return np.maximum(interval[:, 0] - y, y - interval[:, 1])


def scores(
    test: Predictive, y: np.ndarray, noise: np.ndarray, held_out: Predictive, y_held_out: np.ndarray
) -> dict[str, float]:
    """All MEASURES of one learner.

    crps               mean over the test rows, in the target's units
    coverage_P         share of the test rows inside their central P % interval; width_P: its mean width
    conformal_…        the same after the intervals are calibrated on the held-out rows; a negative
                       widening never reverses an interval
    spearman, pearson  correlation of the spread (`Predictive.spread`) with the noise over the test rows; nan where
                       either is constant; sd_…: of the sd instead
    noise_1 … noise_5  mean noise in each fifth of the test rows, from lowest to highest noise
    spread_1 … spread_5  mean spread in the same fifths

    Args:
        test, y: predictions and true values (n,), with noise, of the test rows.
        noise: (n,) sd of that noise.
        held_out, y_held_out: those of the rows on which intervals are calibrated.
    """
    found = {"crps": float(metrics.crps(test.quantiles, QUANTILES, y).mean())}
    for share, percent in zip(COVERAGES, _PERCENT, strict=True):
        interval = test.interval(share)
        wider = metrics.conformal_bound(nonconformity(held_out.interval(share), y_held_out), share)
        middle, half = interval.mean(axis=1), np.ptp(interval, axis=1) / 2
        half = np.maximum(half + wider, 0.0)
        calibrated = np.stack([middle - half, middle + half], axis=1)
        for name, ends in (("", interval), ("conformal_", calibrated)):
            found[f"{name}coverage_{percent}"] = coverage(ends, y)
            found[f"{name}width_{percent}"] = float((ends[:, 1] - ends[:, 0]).mean())
    for name, spread in (("", test.spread()), ("sd_", test.sd)):
        found[f"{name}spearman"] = correlation(stats.spearmanr, spread, noise)
        found[f"{name}pearson"] = correlation(stats.pearsonr, spread, noise)
    for part, rows in enumerate(np.array_split(np.argsort(noise, kind="stable"), PARTS), start=1):
        found[f"noise_{part}"] = float(noise[rows].mean())
        found[f"spread_{part}"] = float(test.spread()[rows].mean())
    return {name: found[name] for name in MEASURES}


def correlation(kind: Callable, a: np.ndarray, b: np.ndarray) -> float:
    """The correlation of two columns; nan if one is missing or constant (up to rounding)."""
    constant = any(not np.isfinite(x).all() or np.ptp(x) <= 1e-9 * np.abs(x).max() for x in (a, b))
    return float("nan") if constant else float(kind(a, b).statistic)


def measures(
    learner: Learner, split: Split, y: np.ndarray, noise: np.ndarray
) -> dict[str, Callable[[pd.DataFrame], float]]:
    """MEASURES for `Trial.measures`; the learner is queried once, when the first of them is called.

    Args:
        learner: the trial's, fitted by then. The validation rows calibrate the conformal intervals.
        split: the trial's.
        y: (n_test,) true values of the test rows with noise.
        noise: (n_test,) sd of that noise.

    Raises:
        CannotDo: the learner has no distribution.
    """
    learner.check_uncertainty()

    @cache
    def found() -> dict[str, float]:
        test, held_out = (predict(learner, X) for X in (split.X_test, split.X_validation))
        return scores(test, np.asarray(y), np.asarray(noise), held_out, split.y_validation.to_numpy())

    return {name: lambda answers, name=name: found()[name] for name in MEASURES}


def spreads(frame: pd.DataFrame, title: str) -> Figure:
    """Spread against noise, and coverage of the intervals: two panels per data set.

    Left, the mean spread in each fifth of the test rows by noise, against that noise. Right, the coverage on test rows
    against the nominal coverage; dashed after conformal calibration. Grey lines are ideal.

    Args:
        frame: finished cases with the columns dataset, method and those of MEASURES.
        title: what the figure shows.
    """
    frame = reporting.by_model(frame)
    methods, datasets = sorted(frame["method"].unique(), key=reporting.rank), sorted(frame["dataset"].unique())
    names = ("spread of the predictions", "coverage of the intervals")
    figure, grid = plots.panel_table(datasets, names)
    colours = plots.method_colours(methods)
    fifths = range(1, PARTS + 1)
    for (left, right), dataset in zip(grid, datasets, strict=True):
        means = frame[frame["dataset"] == dataset].groupby("method").mean(numeric_only=True)
        noise = means[[f"noise_{i}" for i in fifths]].mean()
        left.plot([0, noise.max()], [0, noise.max()], color="0.8", linewidth=4, zorder=0, label="ideal")
        right.plot(COVERAGES, COVERAGES, color="0.8", linewidth=4, zorder=0, label="ideal")
        for method in means.index:
            style = {"color": colours[method], "marker": "o", "markersize": 3, **plots.LIFT_LINE.get(method, {})}
            left.plot(noise, means.loc[method, [f"spread_{i}" for i in fifths]], label=method, **style)
            for name, line in (("", "-"), ("conformal_", "--")):
                share = [means.loc[method, f"{name}coverage_{100 * level:g}"] for level in COVERAGES]
                label = f"{method}, calibrated" if name else method
                right.plot(COVERAGES, share, linestyle=line, label=label, **style)
        left.set(xlim=0, ylim=0)
        right.set_xticks(COVERAGES, [f"{level:.0%}" for level in COVERAGES])
        right.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    grid[-1, 0].set_xlabel("sd of the noise (units of y)")
    grid[-1, 1].set_xlabel("promised")
    return plots.finished(figure, grid.flat, title)
