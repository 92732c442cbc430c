"""Tables for papers: bold best, ± sd, nothing that LaTeX would take for a command."""

import math

import pandas as pd

from utils.reporting import latex

SUMMARY = pd.DataFrame(
    {
        "dataset": ["iris", "iris", "a_b&c", "a_b&c"],
        "learner": ["forest", "lift", "forest", "lift"],
        "accuracy": [0.9, 0.95, 0.8004, 0.8001],
        "accuracy_sd": [0.01, 0.02, math.nan, math.nan],
        "chance": [1 / 3, 1 / 3, 0.5, 0.5],
    }
)


def test_a_table_has_booktabs_bold_best_spread_and_the_papers_number():
    lines = latex.table(SUMMARY, "50 % & more").splitlines()
    assert lines[2] == r"\caption{50 \% \& more}"
    assert {r"\toprule", r"\midrule", r"\bottomrule"} <= set(lines)
    assert r"iris & 0.900 $\pm$ 0.010 & \textbf{0.950} $\pm$ 0.020 & 0.333 & 0.970 \\" in lines
    assert r"a\_b\&c & \textbf{0.800} & \textbf{0.800} & 0.500 & -- \\" in lines, "equal after rounding, both bold"
    assert lines[3] == r"\begin{tabular}{lrrrr}"


def test_of_errors_the_smallest_is_best_and_holes_are_dashes():
    errors = SUMMARY.rename(columns={"accuracy": "rae_mean_filled", "accuracy_sd": "rae_mean_filled_sd"}).head(3)
    text = latex.table(errors, "")
    assert r"iris & \textbf{0.900} $\pm$ 0.010 & 0.950" in text
    assert r"a\_b\&c & \textbf{0.800} & -- &" in text


def test_special_characters_are_written_out():
    assert latex.escape("a_b {c} \\d ~e ^f #g $h") == (
        r"a\_b \{c\} \textbackslash{}d \textasciitilde{}e \textasciicircum{}f \#g \$h"
    )
