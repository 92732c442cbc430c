"""Tables for papers: LaTeX with booktabs, mean ± sd, the best of each row in bold."""

from __future__ import annotations

import math

import pandas as pd

from .published import published_score
from .summary import main_score, rank

SPECIAL = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
SPECIAL |= {c: f"\\{c}" for c in "&%$#_{}"}


def escape(text: object) -> str:
    """The text with LaTeX's special characters escaped."""
    return "".join(SPECIAL.get(c, c) for c in str(text).replace("\n", " "))


def table(summary: pd.DataFrame, caption: str) -> str:
    """Data sets by learners, then chance and the paper's LIFT; all means equal to the best after rounding are bold.

    Args:
        summary: the result of `reporting.summarise`.
    """
    score, digits = main_score(summary), 3
    better = max if score == "accuracy" else min
    rows = summary.drop_duplicates(["dataset", "learner"], keep="last").set_index(["dataset", "learner"])
    learners = sorted(summary["learner"].unique(), key=rank)
    lines = [" & ".join(["", *map(escape, learners), "(chance)", "(LIFT/GPT-3, 2022)"]) + r" \\", r"\midrule"]
    for dataset in dict.fromkeys(summary["dataset"]):
        means = {name: rows.loc[(dataset, name), score] for name in learners if (dataset, name) in rows.index}
        rounded = [round(value, digits) for value in means.values() if not math.isnan(value)]
        best = better(rounded) if rounded else None
        cells = [_cell(rows, (dataset, name), score, best, digits) for name in learners]
        chance = rows.loc[[dataset], "chance"].mean()
        paper = published_score(dataset, "lift")
        cells += ["--" if math.isnan(value) else f"{value:.{digits}f}" for value in (chance, paper)]
        lines.append(" & ".join([escape(dataset), *cells]) + r" \\")
    head = [r"\begin{table}", r"\centering", rf"\caption{{{escape(caption)}}}"]
    head += [rf"\begin{{tabular}}{{l{'r' * (len(learners) + 2)}}}", r"\toprule"]
    return "\n".join([*head, *lines, r"\bottomrule", r"\end{tabular}", r"\end{table}"]) + "\n"


def _cell(rows: pd.DataFrame, key: tuple[str, str], score: str, best: float | None, digits: int) -> str:
    if key not in rows.index or math.isnan(rows.loc[key, score]):
        return "--"
    mean, sd = rows.loc[key, score], rows.loc[key, f"{score}_sd"]
    text = f"{mean:.{digits}f}"
    text = rf"\textbf{{{text}}}" if round(mean, digits) == best else text
    return text if math.isnan(sd) else rf"{text} $\pm$ {sd:.{digits}f}"
