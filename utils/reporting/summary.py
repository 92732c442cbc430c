"""Summaries of a result CSV: means with their spread, the paper's numbers next to them, a table, a figure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pandas as pd
from rich.console import Console
from rich.table import Table

from ..results import Results
from ..storage import write_text
from . import contamination
from .published import PAPER_COLUMN, published_score

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ORDER = (
    "majority",
    "random",
    "mean",
    "polynomial",
    "kernel_ridge",
    "logreg",
    "knn",
    "tree",
    "mlp",
    "svm",
    "gbt",
    "forest",
)
ORDER += ("gp", "xgboost", "lightgbm", "catboost", "tabicl")
ORDER += ("lift-digits", "lift-unordered", "lift-fourier", "lift-random", "lift")  # of learners in tables and figures
SPREAD = "± is the standard deviation over seeds (n - 1); no ± means one seed."
MADE = "data/cache/models/"  # location of models built by code
REFERENCES = ("majority", "random", "mean")  # ignore the inputs
WIDE = 200  # characters per line if the output is not a terminal


def main_score(frame: pd.DataFrame) -> str:
    """The column that tables and figures show first."""
    return "accuracy" if "accuracy" in frame else "rae_mean_filled"


def identity(frame: pd.DataFrame) -> list[str]:
    """The columns that identify a run, including the seed: all before `n_train` except the key."""
    columns = list(frame.columns)
    return [column for column in columns[: columns.index("n_train")] if column not in ("key", "experiment")]


def latest(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per case as shown to the reader: of rows that differ only in their key (an edited prompt), the last."""
    return frame.drop_duplicates(identity(frame), keep="last").reset_index(drop=True) if len(frame) else frame


def by_model(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with a method for each of LIFT's models, if it has several: a mean over models is nobody's score."""
    columns = ["dataset", "method", "seed", "model", "n_train"]
    if not {*columns} <= {*frame}:
        return frame
    rows = frame[columns].fillna({"model": ""})
    of_models = rows[rows["model"] != ""]  # a figure of arms may call those of all learners by the same names
    if not (of_models.groupby("method")["model"].nunique() > 1).any():
        return frame
    return frame.assign(method=labels(rows))


def model_suffix(frame: pd.DataFrame) -> pd.Series:
    """What to add to the name of each row's arm: " " and the model if LIFT has several, else nothing."""
    return by_model(frame)["method"].where(frame["method"] == "lift", "").str.removeprefix("lift")


def labels(frame: pd.DataFrame) -> pd.Series:
    """The learner's name in tables and figures: the method, and the settings that distinguish it within the frame."""
    settings = [c for c in identity(frame) if c not in ("dataset", "source", "method", "seed")]
    varying = [c for c in settings if frame.groupby("method")[c].nunique(dropna=False).max() > 1]
    others = [c for c in varying if c != "options"]
    same = ["dataset", "method", *others]
    if (
        others
        and "options" in varying
        and frame.groupby(same, dropna=False)["options"].nunique(dropna=False).max() == 1
    ):
        varying = others  # LIFT's varied flags have columns of their own
    if "model" in varying:
        frame = frame.assign(model=_called(frame["model"]))
    parts = [frame["method"]] + [
        frame[c].map(lambda value, name=c: f" {value if name in ('model', 'options') else f'{name}={value}'}".rstrip())
        for c in varying
    ]
    return pd.concat(parts, axis=1).astype(str).agg("".join, axis=1)


def _called(models: pd.Series) -> pd.Series:
    """Names of models; those in data/cache/models without folder and hash, if they stay distinct."""
    short = {name: re.sub(r"-[0-9a-f]{12}$", "", name.removeprefix(MADE)) for name in models.unique()}
    return models.map(short) if len(set(short.values())) == len(short) else models


def summarise(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per data set and learner: seeds, mean and sd of each score, chance level, the paper's number."""
    frame = latest(frame)
    groups = [column for column in identity(frame) if column != "seed"]
    columns = list(frame.columns)
    scores = columns[columns.index("n_test") + 1 : columns.index("n_invalid")]
    grouped = frame.assign(learner=labels(frame)).groupby([*groups, "learner"], sort=False, dropna=False)
    summary = grouped.agg(
        n=("seed", "size"),
        n_train=("n_train", "first"),
        n_test=("n_test", "first"),
        **{score: (score, "mean") for score in scores},
        **{f"{score}_sd": (score, "std") for score in scores if score != "chance"},
        n_invalid=("n_invalid", "sum"),
        n_collisions=("n_collisions", "mean"),
        seconds_fit=("seconds_fit", "mean"),
        seconds_predict=("seconds_predict", "mean"),
    ).reset_index()
    paper = [published_score(d, m) for d, m in zip(summary["dataset"], summary["method"], strict=True)]
    return summary.assign(paper=paper)


def digest(frame: pd.DataFrame) -> dict[str, object]:
    """The outcome of one experiment: means over data sets, settings and seeds, each learner over its own cases.

    Args:
        frame: the experiment's finished cases.
    """
    frame = latest(frame)
    score = main_score(frame)
    means = frame.groupby("method")[score].mean()
    plain = means[[m for m in means.index if not m.startswith("lift") and m not in REFERENCES]]
    best = (plain.idxmax() if score == "accuracy" else plain.idxmin()) if len(plain) else ""
    lift = frame[frame["method"].str.startswith("lift")]
    return {
        "score": score,
        "cases": len(frame),
        "lift": means.get("lift", float("nan")),
        "best other": f"{best} {plain[best]:.3f}" if best else "–",
        "chance": frame["chance"].mean(),
        "unreadable": int(frame["n_invalid"].sum()),
        "s per LIFT case": (lift["seconds_fit"] + lift["seconds_predict"]).mean(),
    }


def write(results: Results, figure: Callable[[pd.DataFrame], Figure]) -> None:
    """Prints the table and writes summary and figure next to the CSV, from the files alone."""
    frame = latest(results.frame())
    console = Console(width=None if Console().is_terminal else WIDE)
    missing = not_run(results)
    if len(frame):
        summary = summarise(frame)
        summary = contamination.insert(summary, contamination.column(results, summary), "learner")
        cells, score = pivot(summary), main_score(frame)
        write_text(results.sibling("_summary.csv"), summary.to_csv(index=False, float_format="%.6g"))
        write_text(results.sibling("_summary.md"), _markdown(results.experiment, score, summary, cells, missing))
        figure(frame).savefig(results.sibling(".png"), dpi=150)
        console.print(_rich(cells, f"{results.path.parent.name} {results.experiment}: {score}, mean ± sd over seeds"))
        invalid = summary.loc[summary["n_invalid"] > 0, ["dataset", "learner", "n_invalid"]]
        for row in invalid.itertuples():
            console.print(f"{row.n_invalid} unreadable answers: {row.learner} on {row.dataset}", markup=False)
        for row in summary[summary["n_collisions"] > 0].itertuples():
            console.print(
                f"{row.n_collisions:.0f} of {row.n_train} training rows share a prompt with another row: "
                f"{row.learner} on {row.dataset}",
                markup=False,
            )
        lift = summary[summary["method"] == "lift"]
        if len(lift) and not len(invalid):
            console.print("n_invalid: 0, every answer could be read", markup=False)
        console.print(
            f"rows     {results.path}\nsummary  {results.sibling('_summary.md')}", markup=False, soft_wrap=True
        )
        console.print(f"figure   {results.sibling('.png')}", markup=False, soft_wrap=True)
    for row in missing.itertuples():
        console.print(
            f"not run: {row.dataset} {row.method} seed {row.seed}: {row.reason}", markup=False, soft_wrap=True
        )


def pivot(summary: pd.DataFrame) -> pd.DataFrame:
    """Text cells, mean ± sd: learners by data sets, the longer side as rows; then chance level and the paper's LIFT.

    The mean over the data sets is shown only for learners that have all of them. A summary with the column of
    `contamination.column` has one more for each model pretrained on text: whether it has seen the data set.
    """
    score = main_score(summary)
    several = summary.groupby("dataset")["source"].transform("nunique") > 1
    named = summary["dataset"].where(~several, summary["dataset"] + " (" + summary["source"] + ")")
    rows = summary.assign(row=named).drop_duplicates(["row", "learner"], keep="last")
    order = sorted(rows["learner"].unique(), key=rank)
    means, spread = (rows.pivot(index="row", columns="learner", values=v)[order] for v in (score, f"{score}_sd"))
    means["(chance)"] = rows.groupby("row")["chance"].mean()
    means[PAPER_COLUMN] = rows.groupby("row")["dataset"].first().map(lambda dataset: published_score(dataset, "lift"))
    means = means.dropna(axis=1, how="all")
    if len(means) > 1:
        means.loc["mean"] = means.mean(skipna=False)
    spread = spread.reindex(index=means.index, columns=means.columns)
    cells = means.map(lambda m: "–" if pd.isna(m) else f"{m:.3f}") + spread.map(
        lambda sd: "" if pd.isna(sd) else f" ±{sd:.3f}"
    )
    for name, verdicts in contamination.by_model(rows, "row").items():
        cells[name] = verdicts.reindex(cells.index, fill_value="")
    return cells if len(cells) >= cells.shape[1] else cells.T


def rank(learner: str) -> tuple[int, list[tuple[float, str]]]:
    """Sort key of a learner in tables and figures: LIFT last, unknown ones before it; settings in numeric order."""
    method, _, settings = learner.partition(" ")
    parts = re.split(r"(\d+(?:\.\d+)?)", settings)
    position = ORDER.index(method) if method in ORDER else ORDER.index("lift") - 1
    return position, [(float(part), "") if i % 2 else (-1.0, part) for i, part in enumerate(parts)]


def not_run(results: Results) -> pd.DataFrame:
    """The last failure of every case that has not finished since: dataset, method, seed, reason, key, etc."""
    failures = results.failures()
    if not len(failures):
        return failures
    return failures[~failures["key"].isin(results.finished())].drop_duplicates("key", keep="last")


def _rich(cells: pd.DataFrame, title: str) -> Table:
    table = Table("", *cells.columns, title=title, title_justify="left", title_style="bold")
    for name, row in cells.iterrows():
        table.add_row(str(name), *row, style="bold" if str(name).startswith("lift") else None)
    return table


def _markdown(experiment: str, score: str, summary: pd.DataFrame, cells: pd.DataFrame, missing: pd.DataFrame) -> str:
    parts = [f"# {experiment}: {score}", SPREAD, markdown_table(cells.reset_index(names="")), "## All scores"]
    numbers = summary.select_dtypes("number").columns
    shown = summary.drop(columns=["method"]).assign(**{c: summary[c].map("{:.4g}".format) for c in numbers})
    parts.append(markdown_table(shown.loc[:, (shown != "").any()]))
    if len(missing):
        parts += ["## Not run", markdown_table(missing[["dataset", "method", "seed", "reason"]].astype(str))]
    return "\n\n".join(parts) + "\n"


def show(results: Results, name: str, table: pd.DataFrame, title: str) -> None:
    """Writes a table to EXPERIMENT_name.csv and prints it under its title; does nothing for a table without rows."""
    if len(table):
        path = results.write_table(name, table)
        print(f"\n{title}\n\n{markdown_table(table.round(3))}\n\ntable    {path}")


def markdown_table(frame: pd.DataFrame) -> str:
    """A Markdown table of the frame's cells, without its index."""
    lines = ["| " + " | ".join(map(str, frame.columns)) + " |", "|" + "---|" * frame.shape[1]]
    lines += [
        "| " + " | ".join(str(v).replace("|", "\\|") for v in row) + " |" for row in frame.itertuples(index=False)
    ]
    return "\n".join(lines)
