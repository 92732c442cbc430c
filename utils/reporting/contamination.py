"""Contamination: verdicts of the experiment others/memorised, and the column that shows them next to other results."""

from __future__ import annotations

import re

import pandas as pd

from ..results import Results

COLUMN = "memorised"
KINDS = ("own", "permuted")  # values of the lines: the table's, and the control's
LEVEL = 0.05  # one-sided error probability below which a table counts as known
KNOWN, NO_SIGN, NOT_TESTED, NEVER_PRETRAINED = "known", "no sign", "not tested", ""
NEEDED = {"dataset", "method", "model", "test", "values", "accuracy", "n_test"}  # columns
# models that never saw text: shipped, generated from these, or with random weights (data/cache/models, with a hash)
SHIPPED = re.compile(r"(data/models/)?(lift-tiny|lift-context)/?")
GENERATED = re.compile(r"data/cache/models/((lift-tiny|lift-context|numbers)-.*|.*-random(-.*)?)-[0-9a-f]{12}")


def verdicts(frame: pd.DataFrame) -> pd.DataFrame:
    """For each table, model and test: shares of completed lines, own and permuted, and whether more of its own are.

    A sorted table can be guessed from the lines above, and its permuted copy cannot. So a model must also complete more
    lines than the most frequent text does (method `majority`, if it was run).

    Args:
        frame: finished cases of others/memorised.

    Returns:
        One row per table, method, model (if `frame` has that column) and test: `own`, `permuted`, `majority` (on the
        own values), `n` lines of each, `p` (Fisher's exact test, one-sided, the larger of both comparisons) and the
        `verdict`: "known" below LEVEL, else "no sign".
    """
    from scipy.stats import fisher_exact

    rows = []
    names = [name for name in ("dataset", "test", "method", "model") if name in frame]
    counted = [(dict(zip(names, same, strict=True)), _counts(part)) for same, part in frame.groupby(names, sort=False)]
    floors = {(of["dataset"], of["test"]): counts for of, counts in counted if of["method"] == "majority"}
    for of, (hits, totals) in counted:
        if of["method"] == "majority" or set(hits) != set(KINDS):
            continue
        own, controls = (hits["own"], totals["own"]), [(hits["permuted"], totals["permuted"])]
        guessed, tried = (floor.get("own", 0) for floor in floors.get((of["dataset"], of["test"]), ({}, {})))
        controls += [(guessed, tried)] if tried else []
        p = max(float(fisher_exact([_split(own), _split(pair)], alternative="greater").pvalue) for pair in controls)
        row = {name: of[name] for name in ("dataset", "method", "model", "test") if name in of}
        row |= {kind: hits[kind] / totals[kind] for kind in KINDS}
        row |= {"majority": guessed / tried if tried else float("nan"), "n": totals["own"]}
        rows.append(row | {"p": p, "verdict": KNOWN if p < LEVEL else NO_SIGN})
    return pd.DataFrame(rows)


def column(results: Results, rows: pd.DataFrame) -> pd.Series | None:
    """For each row of an experiment's results, whether its model has seen its table.

    Args:
        results: of the experiment; the verdicts come from others/memorised in the same results folder.
        rows: with the columns dataset and model.

    Returns:
        "known" if any test of others/memorised found the table known to the model, "no sign" if none did, "not tested"
        if there is none, and "" for rows without a model pretrained on text. None if all rows are of that last kind, or
        the experiment is others/memorised itself.
    """
    if (results.path.parent.name, results.experiment) == ("others", "memorised") or "model" not in rows:
        return None
    pretrained = rows["model"].map(is_pretrained_on_text)
    if not pretrained.any():
        return None
    by_pair = _by_pair(Results(results.path.parents[1], "others", "memorised").frame())
    pairs = zip(rows["dataset"], rows["model"], pretrained, strict=True)
    found = [by_pair.get((d, m), NOT_TESTED) if yes else NEVER_PRETRAINED for d, m, yes in pairs]
    return pd.Series(found, index=rows.index, name=COLUMN)


def is_pretrained_on_text(model: object) -> bool:
    """Whether a model, as the results name it, may have seen text: any but those of this project, and random starts."""
    name = "" if pd.isna(model) else str(model)
    return bool(name) and not SHIPPED.fullmatch(name) and not GENERATED.fullmatch(name)


def insert(frame: pd.DataFrame, values: pd.Series | None, after: str) -> pd.DataFrame:
    """The frame with the column behind another one, or as it is if there are no values."""
    if values is None:
        return frame
    frame = frame.copy()
    frame.insert(frame.columns.get_loc(after) + 1, COLUMN, values)
    return frame


def by_model(rows: pd.DataFrame, index: str) -> dict[str, pd.Series]:
    """Verdicts by data set, for a table of scores: "(memorised)", or "(memorised: MODEL)" if there are several models.

    Args:
        rows: with the columns model and, if any model was pretrained on text, `COLUMN`.
        index: the column that names the data sets.
    """
    if COLUMN not in rows:
        return {}
    pretrained = rows[rows[COLUMN] != NEVER_PRETRAINED]
    parts = {model: part.groupby(index)[COLUMN].first() for model, part in pretrained.groupby("model", sort=False)}
    return {f"({COLUMN})" if len(parts) == 1 else f"({COLUMN}: {model})": part for model, part in parts.items()}


def _by_pair(frame: pd.DataFrame) -> dict[tuple[str, str], str]:
    """The verdict of each data set and model, over all tests."""
    if not set(frame) >= NEEDED:
        return {}
    from .summary import latest  # which imports this module

    tested = verdicts(latest(frame))
    if not len(tested):
        return {}
    is_known = (tested["verdict"] == KNOWN).groupby([tested["dataset"], tested["model"]]).any()
    return {pair: KNOWN if found else NO_SIGN for pair, found in is_known.items()}


def _split(lines: tuple[int, int]) -> list[int]:
    """Completed and missed lines, of completed and asked ones."""
    return [lines[0], lines[1] - lines[0]]


def _counts(part: pd.DataFrame) -> tuple[dict[str, int], dict[str, int]]:
    """Completed and asked lines of both kinds, over all draws."""
    groups = part.assign(hits=(part["accuracy"] * part["n_test"]).round()).groupby("values")
    return groups["hits"].sum().astype(int).to_dict(), groups["n_test"].sum().astype(int).to_dict()
