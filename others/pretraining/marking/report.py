"""The mark's report: means over tables by rows and learner, differences to XGBoost on the same rows, and the plot."""

from __future__ import annotations

import math

import pandas as pd
from matplotlib.figure import Figure

from others.pretraining.marking.learners import BASELINES, TUNED, WAYS
from utils import plots

BEST = "xgboost"
MOST_ROWS = 64  # up to which the mean in context must reach XGBoost's
LEAST_GAIN = 0.02  # required of tuning from the pretrained weights over tuning from the untrained ones


def by_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Accuracy by part, table and rows (index) and learner (columns), means over the seeds that all learners have."""
    index = ["part", "table", "n_rows", "seed"]
    wide = frame.pivot_table(index=index, columns="learner", values="accuracy").dropna()
    return wide.groupby(level=["part", "table", "n_rows"]).mean()


def gain(wide: pd.DataFrame, learner: str, other: str) -> tuple[float, float]:
    """Mean difference of two learners over tables (each averaged over its numbers of rows), and its standard error."""
    mean, error = mean_and_error((wide[learner] - wide[other]).groupby(level="table").mean())
    return round(mean, 6) + 0.0, error  # not -1e-17 for equal ones


def mean_and_error(values: pd.Series) -> tuple[float, float]:
    """The mean of one value per table and its standard error, nan for a single table."""
    return float(values.mean()), float(values.std() / math.sqrt(len(values))) if len(values) > 1 else math.nan


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    """Per part and learner: mean accuracy by rows, and the difference to XGBoost over all rows with its error."""
    found = []
    for part in frame["part"].unique():
        wide = by_table(frame[frame["part"] == part])
        for learner in wide.columns:
            means = {str(n): wide[learner].xs(n, level="n_rows").mean() for n in wide.index.unique("n_rows")}
            line = {"part": part, "learner": learner, **means}
            if BEST in wide:
                line |= dict(zip(("to_xgboost", "error"), gain(wide, learner, BEST), strict=True))
            found.append(line | {"tables": wide.index.unique("table").size})
    return pd.DataFrame(found)


def verdicts(frame: pd.DataFrame) -> list[str]:
    """Whether the two marks are reached on the real tables, one sentence for each that was measured."""
    sentences = []
    wide = by_table(frame[(frame["part"] == "real") & ~frame["learner"].isin(TUNED)])
    small = wide[wide.index.get_level_values("n_rows") <= MOST_ROWS] if len(wide) else wide
    for way in [name for name in WAYS if name in small and BEST in small]:
        difference, error = gain(small, way, BEST)
        each = small.groupby(level="n_rows").mean()
        ahead = [str(n) for n in each.index if each.loc[n, way] >= each.loc[n, BEST]]
        sentences.append(
            f"in context ({way}), up to {MOST_ROWS} rows: {difference:+.3f} ± {error:.3f} to XGBoost, "
            f"{'reached' if difference >= 0 else 'not reached'}; at least as good with {', '.join(ahead) or 'no'} rows"
        )
    wide = by_table(frame[(frame["part"] == "real") & frame["learner"].isin(TUNED)])
    for start in [name for name in TUNED[1:] if name in wide and "tuned" in wide]:
        difference, error = gain(wide, "tuned", start)
        is_reached = difference >= LEAST_GAIN and difference >= 2 * error
        sentences.append(
            f"tuned, from these weights against {start}: {difference:+.3f} ± {error:.3f}, "
            f"{'reached' if is_reached else 'not reached'} (wanted: {LEAST_GAIN:+.2f} and twice its error)"
        )
    return sentences


def figure(frame: pd.DataFrame) -> Figure:
    """Mean accuracy over tables ± its standard error against tokens, a panel per part and number of rows."""
    parts, counts = sorted(frame["part"].unique()), sorted(frame["n_rows"].unique())
    drawn = Figure(figsize=(1 + 2.6 * len(counts), 1 + 2.4 * len(parts)), layout="constrained")
    grid = drawn.subplots(len(parts), len(counts), squeeze=False, sharey="row", sharex=True)
    learners = [name for name in (*WAYS, *TUNED, *BASELINES) if name in set(frame["learner"])]
    colours = dict(zip(learners, plots.COLOURS * 2, strict=False))
    handles = {}
    for axes_of, part in zip(grid, parts, strict=True):
        for axes, n in zip(axes_of, counts, strict=True):
            cell = frame[(frame["part"] == part) & (frame["n_rows"] == n)]
            for learner in learners:
                handles.setdefault(learner, _line(axes, cell[cell["learner"] == learner], learner, colours[learner]))
            axes.set_title(f"{part}, {n} rows", fontsize="medium")
            axes.grid(alpha=0.3)
        axes_of[0].set_ylabel("mean accuracy over tables")
    for axes in grid[-1]:
        axes.set_xlabel("million tokens")
    drawn.legend(handles.values(), handles, loc="outside lower center", ncols=len(handles), frameon=False)
    return drawn


def _line(axes, rows: pd.DataFrame, learner: str, colour: str):
    """Draws a learner in a panel: a line over the tokens, or a dashed level if they are irrelevant or unknown."""
    is_unknown = len(rows) > 0 and rows["million_tokens"].isna().all()
    if learner in (*BASELINES, *TUNED[1:]) or is_unknown:
        mean, _ = mean_and_error(rows.groupby("table")["accuracy"].mean())
        return axes.axhline(mean, color=colour, linestyle="--", linewidth=1)
    at = rows.groupby(["million_tokens", "table"])["accuracy"].mean().groupby("million_tokens")
    points = at.agg(lambda values: mean_and_error(values)[0]), at.agg(lambda values: mean_and_error(values)[1])
    return axes.errorbar(points[0].index, points[0], yerr=points[1].fillna(0), color=colour, marker="o", markersize=3)
