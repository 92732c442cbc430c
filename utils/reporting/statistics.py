"""Statistics that reviewers ask for: which learners differ, how often one wins, and confidence intervals of means.

Tests are over data sets, each with one score per learner (the mean over its seeds): seeds of one table share its rows
and are not independent evidence. With too few tables there is no test, but a reason.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from ..optional import require

FEWEST_TABLES, FEWEST_LEARNERS = 5, 3  # for a Friedman test; with fewer tables no pair can reach 5 %
DRAWS = 10_000  # of the bootstrap
ELO_ROUNDS = 200  # of the bootstrap of Elo, each with its own fit
LEADERBOARD = [f"{name}{end}" for name in ("elo", "improvability") for end in ("", "_low", "_high")]


@dataclass(frozen=True)
class Ranking:
    """Learners over tables.

    Attributes:
        ranks: mean rank of each learner, 1 for the best, ascending.
        n_tables: tables on which all of them have a score.
        p: of the Friedman test of the hypothesis that all are equal; nan without a test.
        critical_difference: of mean ranks by Nemenyi's test at `alpha`; nan without a test.
        reason: why there is no test, or empty.
    """

    ranks: pd.Series
    n_tables: int
    p: float
    critical_difference: float
    reason: str = ""

    def alike(self) -> list[tuple[str, ...]]:
        """The largest groups of learners, best first, whose mean ranks differ by less than the critical difference."""
        if math.isnan(self.critical_difference):
            return []
        names, values = list(self.ranks.index), self.ranks.to_numpy()
        spans = [int(np.searchsorted(values, value + self.critical_difference, "left")) for value in values]
        groups = [
            (start, end) for start, end in enumerate(spans) if end - start > 1 and (not start or end > spans[start - 1])
        ]
        return [tuple(names[start:end]) for start, end in groups]


def friedman_nemenyi(scores: pd.DataFrame, is_error: bool, alpha: float = 0.05) -> Ranking:
    """Mean ranks, the Friedman test that all learners are equal, and Nemenyi's critical difference of two ranks.

    Args:
        scores: tables by learners; tables without a score of every learner are excluded.
        is_error: whether a smaller score is better.
        alpha: level of Nemenyi's test (Demšar 2006).
    """
    scores = scores.dropna()
    n, k = scores.shape
    ranks = scores.rank(axis=1, ascending=is_error).mean().sort_values(kind="stable")
    nothing = Ranking(ranks, n, math.nan, math.nan)
    if k < FEWEST_LEARNERS or n < FEWEST_TABLES:
        few = f"{n} tables with a score of all of {k} learners; {FEWEST_TABLES} and {FEWEST_LEARNERS} are needed"
        return Ranking(**{**vars(nothing), "reason": few})
    if (scores.nunique(axis=1) == 1).all():
        return Ranking(**{**vars(nothing), "p": 1.0, "reason": "all learners are equal on every table"})
    p = float(stats.friedmanchisquare(*(scores[name] for name in scores)).pvalue)
    q = float(stats.studentized_range.ppf(1 - alpha, k, math.inf)) / math.sqrt(2)
    return Ranking(ranks, n, p, q * math.sqrt(k * (k + 1) / (6 * n)))


def leaderboard(scores: pd.DataFrame, is_error: bool) -> pd.DataFrame:
    """Elo and improvability of each learner over the tables, as TabArena computes them (package bencheval).

    Elo is based on which learner is better on each table: 400 points are odds of ten to one; the mean is 1000.
    Improvability is the share by which the best learner of a table reduces the learner's error, averaged over tables.
    The intervals are 95 % bootstrap intervals over tables.

    Args:
        scores: tables by learners, accuracies or errors; tables without a score of every learner are excluded.
        is_error: whether a smaller score is better; for accuracies, the error is 1 - accuracy.

    Returns:
        Columns elo, elo_low, elo_high, improvability, improvability_low, improvability_high, by learner, the best Elo
        first; no rows for fewer than 5 tables or 2 learners.

    Raises:
        MissingPackage: bencheval is not installed.
    """
    evaluator = require("bencheval.evaluator").BenchmarkEvaluator(columns_to_agg_extra=[])
    scores = scores.dropna()
    if len(scores) < FEWEST_TABLES or scores.shape[1] < 2:
        return pd.DataFrame(columns=LEADERBOARD)
    errors = (scores if is_error else 1 - scores).rename_axis(index="task", columns="method")
    cases = errors.stack().rename("metric_error").reset_index().astype({"task": str, "method": str})
    found = evaluator.leaderboard(cases, metrics=["elo", "improvability"], elo_kwargs={"BOOTSTRAP_ROUNDS": ELO_ROUNDS})
    for name in ("elo", "improvability"):
        found[f"{name}_low"], found[f"{name}_high"] = found[name] - found[f"{name}-"], found[name] + found[f"{name}+"]
    return found[LEADERBOARD].sort_values("elo", ascending=False, kind="stable")


def win_tie_loss(scores: pd.DataFrame, learner: str, is_error: bool, tolerance: float = 0.0) -> pd.DataFrame:
    """On how many tables `learner` is better than, equal to and worse than each other learner.

    Args:
        tolerance: largest difference at which scores count as equal.

    Returns:
        Columns win, tie, loss and p (two-sided sign test without the ties; nan if all are ties), by the other learner.
    """
    rows = {}
    for other, ahead in _advantages(scores, learner, is_error):
        win, loss = int((ahead > tolerance).sum()), int((ahead < -tolerance).sum())
        p = float(stats.binomtest(win, win + loss).pvalue) if win + loss else math.nan
        rows[other] = {"win": win, "tie": len(ahead) - win - loss, "loss": loss, "p": p}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["win", "tie", "loss", "p"])


def bootstrap(values: np.ndarray | pd.Series, coverage: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """The percentile bootstrap interval of a mean; (nan, nan) for fewer than two values."""
    values = np.asarray(values, dtype=float)
    values = values[~np.isnan(values)]
    if len(values) < 2:
        return math.nan, math.nan
    drawn = np.random.default_rng(seed).choice(values, (DRAWS, len(values))).mean(axis=1)
    low, high = np.quantile(drawn, [(1 - coverage) / 2, (1 + coverage) / 2])
    return float(low), float(high)


def paired_bootstrap(scores: pd.DataFrame, learner: str, is_error: bool, seed: int = 0) -> pd.DataFrame:
    """Mean advantage of `learner` over each other learner on the same tables, with its 95 % interval over tables.

    Returns:
        Columns n, advantage (positive where `learner` is better), low, high, by the other learner.
    """
    rows = {}
    for other, ahead in _advantages(scores, learner, is_error):
        low, high = bootstrap(ahead, seed=seed)
        rows[other] = {"n": len(ahead), "advantage": float(ahead.mean()), "low": low, "high": high}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["n", "advantage", "low", "high"])


def _advantages(scores: pd.DataFrame, learner: str, is_error: bool) -> Iterator[tuple[str, pd.Series]]:
    """Each other learner, and the advantage of `learner` on the tables that have scores of both."""
    for other in scores.columns.drop(learner):
        pairs = scores[[learner, other]].dropna()
        yield other, (pairs[other] - pairs[learner]) if is_error else (pairs[learner] - pairs[other])
