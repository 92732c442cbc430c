"""Differences between arms of a comparison, on the same rows."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd


def paired_differences(
    frame: pd.DataFrame, arm: str, reference: str, same: Sequence[str], score: str = "accuracy"
) -> pd.DataFrame:
    """Differences between arms that saw the same rows, seed by seed.

    Args:
        frame: finished cases.
        arm: column that names the arms.
        reference: the arm that all others are compared with.
        same: columns, besides the seed, that define a pair. Several cases of an arm in one pair are averaged.
        score: column of the score.

    Returns:
        One row per combination of `same` and arm: `n` pairs, the mean `difference` (arm minus reference), its `sd`
        (n - 1; nan with one pair) and `better`, the share of pairs in which the arm is ahead. If each arm shares a
        model of LIFT with the reference, and there are several, there is a row for each, named in the column `model`.
    """
    if {"method", "model"} <= {*frame}:
        models = frame[frame["method"] == "lift"].groupby(arm)["model"].agg(set)
        own = models.get(reference, set())
        if all(own & others for others in models) and len(set().union(*models)) > 1:
            frame, same = frame.fillna({"model": ""}), (*same, "model")
    cells = frame.groupby([*same, "seed", arm], as_index=False)[score].mean()
    base = cells[cells[arm] == reference].drop(columns=arm).rename(columns={score: "score of the reference"})
    pairs = cells[cells[arm] != reference].merge(base, on=[*same, "seed"])
    pairs = pairs.assign(difference=pairs[score] - pairs["score of the reference"])
    grouped = pairs.assign(better=pairs["difference"] > 0).groupby([*same, arm], sort=False)
    return grouped.agg(
        n=("difference", "size"), difference=("difference", "mean"), sd=("difference", "std"), better=("better", "mean")
    ).reset_index()
