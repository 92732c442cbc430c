"""Many learners on many tables: mean score, mean rank, wins, seconds, and which differences are significant.

Only tables on which every learner has a result count, so that all means are over the same rows; the others are listed.
"""

from __future__ import annotations

import io
import warnings
from contextlib import redirect_stdout

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..errors import CannotDo, MissingPackage
from ..results import Results
from ..storage import write_text
from .published import published_score
from .summary import main_score, markdown_table, rank
from .summary import summarise as by_learner

DIGITS = 6  # to which scores are compared; the CSV has no more
LEAST_SECONDS = 0.01  # the resolution of the clock in the CSV
BASE = "xgboost"  # reference learner of the column `times`
PAPER = "(paper: LIFT/GPT-3)"
FEWEST_TABLES, FEWEST_LEARNERS = 5, 3  # for a critical-difference figure


def seed_means(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per data set and learner, from finished cases.

    Returns:
        Columns dataset, learner, n (seeds), n_train, n_test, the main score and its sd (…_sd), chance, and seconds for
        fitting and predicting; scores and seconds are means over the seeds. Sorted by data set and learner.
    """
    summary = by_learner(frame)
    score = main_score(summary)
    summary["seconds"] = summary["seconds_fit"] + summary["seconds_predict"]
    columns = ["dataset", "learner", "n", "n_train", "n_test", score, f"{score}_sd", "chance", "seconds"]
    means = summary[columns].drop_duplicates(["dataset", "learner"], keep="last")
    order = sorted(means.index, key=lambda i: (means.loc[i, "dataset"], rank(means.loc[i, "learner"])))
    return means.loc[order].reset_index(drop=True)


def complete(means: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """The rows of the tables on which all learners were run equally, and the names of the others with the reason.

    Args:
        means: `seed_means` with a column `group`; a table may be in several groups.
    """
    learners, score = set(means["learner"]), main_score(means)
    reasons, kept = {}, []
    for (group, dataset), rows in means.groupby(["group", "dataset"], sort=False):
        missing = learners - set(rows.loc[rows[score].notna(), "learner"])
        if missing:
            reasons[f"{dataset} ({group})"] = f"no result of {', '.join(sorted(missing, key=rank))}"
        elif rows[["n", "n_train", "n_test"]].nunique().max() > 1:
            reasons[f"{dataset} ({group})"] = "unlike numbers of seeds or rows"
        else:
            kept.append(rows)
    return pd.concat(kept) if kept else means.head(0), reasons


def scores(means: pd.DataFrame) -> pd.DataFrame:
    """The main score, tables by learners."""
    grid = means.pivot(index=["group", "dataset"], columns="learner", values=main_score(means))
    return grid[sorted(grid.columns, key=rank)].round(DIGITS)


def is_error(means: pd.DataFrame) -> bool:
    """Whether a smaller main score is better."""
    return main_score(means) != "accuracy"


def ranks(scores: pd.DataFrame, is_error: bool) -> pd.DataFrame:
    """The rank of each learner on each table, 1 for the best; equal scores share the mean of their ranks."""
    return scores.rank(axis=1, ascending=is_error, method="average")


def wins(scores: pd.DataFrame, is_error: bool) -> pd.Series:
    """Number of tables on which each learner is best; a tie of k learners gives each 1/k of the table."""
    best = scores.min(axis=1) if is_error else scores.max(axis=1)
    first = scores.eq(best, axis=0)
    return first.div(first.sum(axis=1), axis=0).sum()


def summarise(means: pd.DataFrame) -> pd.DataFrame:
    """One row per group and learner, best mean rank first: n_tables, score (mean), mean_rank, wins, seconds, times.

    `seconds` is the median over tables, `times` the median of the ratio to XGBoost's on the same table, nan without it.
    If the paper has a number for every table of a group, its LIFT/GPT-3 follows, with the mean score only.

    Args:
        means: the first part of `complete`.
    """
    worse, summary = is_error(means), []
    for group, rows in means.groupby("group", sort=False):
        grid = scores(rows)
        seconds = rows.pivot(index=["group", "dataset"], columns="learner", values="seconds").clip(lower=LEAST_SECONDS)
        columns = {
            "group": group,
            "n_tables": len(grid),
            "score": grid.mean(),
            "mean_rank": ranks(grid, worse).mean(),
            "wins": wins(grid, worse),
            "seconds": seconds.median(),
            "times": seconds.div(seconds[BASE], axis=0).median() if BASE in seconds else np.nan,
        }
        summary.append(pd.DataFrame(columns).sort_values("mean_rank", kind="stable").rename_axis("learner"))
        paper = [published_score(dataset, "lift") for _, dataset in grid.index]
        if not np.isnan(paper).any():
            alone = {"group": group, "n_tables": len(grid), "score": np.mean(paper)}
            summary.append(pd.DataFrame(alone, index=pd.Index([PAPER], name="learner")))
    frame = pd.concat(summary).reset_index()
    return frame[["group", "learner", "n_tables", "score", "mean_rank", "wins", "seconds", "times"]]


def markdown(means: pd.DataFrame) -> str:
    """The summary as a Markdown table, a block of columns per group; then seeds, rows and excluded tables."""
    kept, reasons = complete(means)
    left_out = "; ".join(f"{table}: {reason}" for table, reason in reasons.items())
    left_out = f"Left out of all columns: {left_out}." if reasons else ""
    if not len(kept):
        return left_out
    summary, score = summarise(kept), main_score(kept).replace("_mean_filled", "")
    everything = summarise(kept.assign(dataset=kept["group"] + kept["dataset"], group="all")).set_index("learner")
    order = [*everything.index, *([PAPER] if PAPER in set(summary["learner"]) else [])]
    table = pd.DataFrame({"": order}, index=order)
    for group, rows in summary.groupby("group", sort=False):
        rows = rows.set_index("learner").reindex(order)
        table[f"{group} ({rows['n_tables'].max():.0f} tables): {score}"] = rows["score"].map(_cell(".3f"))
        table[f"{group}: mean rank"] = rows["mean_rank"].map(_cell(".2f"))
        table[f"{group}: wins"] = rows["wins"].map(_cell(".1f"))
    times = everything.reindex(order)
    table["seconds"] = times["seconds"].map(_cell(".3g"))
    table[f"seconds / {BASE}"] = times["times"].map(_cell(".2g"))
    return "\n\n".join(filter(None, [markdown_table(table), _sizes(kept), left_out]))


def critical_difference(means: pd.DataFrame) -> Figure:
    """Mean ranks on a line; bars connect learners that do not differ significantly (Friedman and Nemenyi, α = 0.05).

    Args:
        means: the first part of `complete`.

    Raises:
        CannotDo: too few tables or learners for the test, or no significant difference.
        MissingPackage: autorank is not installed.
    """
    grid = scores(means) if len(means) else pd.DataFrame()
    if len(grid) < FEWEST_TABLES or grid.shape[1] < FEWEST_LEARNERS:
        raise CannotDo(
            f"a critical-difference figure needs {FEWEST_TABLES} tables and {FEWEST_LEARNERS} learners with results on "
            f"all of them; there are {len(grid)} and {grid.shape[1]}"
        )
    try:
        import autorank
    except ModuleNotFoundError as error:
        if error.name != "autorank":
            raise  # it is installed, but one of its dependencies is not
        raise MissingPackage(
            "the critical-difference figure needs autorank: pip install -r requirements-extras.txt, then run the same "
            "command again (finished cases are kept)"
        ) from error
    order = "ascending" if is_error(means) else "descending"
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # it also tests for normality, which the rank test does not need, and warns
        result = autorank.autorank(grid.reset_index(drop=True), alpha=0.05, order=order, force_mode="nonparametric")
    if result.pvalue >= result.alpha:
        raise CannotDo(f"the learners' ranks differ no more than by chance (Friedman test, p = {result.pvalue:.2f})")
    figure = Figure(figsize=(7, 1.4 + 0.12 * grid.shape[1]), layout="constrained")
    with redirect_stdout(io.StringIO()):
        autorank.plot_stats(result, ax=figure.add_subplot())
    figure.suptitle(f"Mean ranks on {len(grid)} tables, the best on the right", x=0.02, ha="left", fontsize="medium")
    return figure


def write(results: Results, means: pd.DataFrame) -> None:
    """Prints the summary and writes it next to the results: …_means.csv, …_ranks.csv, …_ranks.md, …_ranks.png."""
    kept, _ = complete(means)
    text = markdown(means)
    write_text(results.sibling("_means.csv"), means.to_csv(index=False, float_format="%.6g"))
    write_text(results.sibling("_ranks.md"), f"# {results.experiment}\n\n{text}\n")
    if len(kept):
        write_text(results.sibling("_ranks.csv"), summarise(kept).to_csv(index=False, float_format="%.6g"))
    print(f"\n{text}\n\nranks    {results.sibling('_ranks.md')}")
    try:
        critical_difference(kept).savefig(results.sibling("_ranks.png"), dpi=150)
        print(f"figure   {results.sibling('_ranks.png')}")
    except (CannotDo, MissingPackage) as reason:
        results.sibling("_ranks.png").unlink(missing_ok=True)  # one from an earlier run would be outdated
        print(f"no figure of ranks: {reason}")


def _sizes(means: pd.DataFrame) -> str:
    counts = means.groupby("group", sort=False)["n"].unique()
    seeds = ", ".join(f"{group} {' to '.join(map(str, sorted({min(n), max(n)})))}" for group, n in counts.items())
    spans = means.groupby("group", sort=False)["n_train"].agg(["min", "max"])
    rows = ", ".join(f"{group} {least:,} to {most:,}" for group, least, most in spans.itertuples())
    return f"Seeds per table: {seeds}. Training rows: {rows}."


def _cell(form: str):
    return lambda value: "–" if pd.isna(value) else format(value, form)
