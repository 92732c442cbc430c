"""The content of a report on one experiment, as JSON values: scores, answers, rows, prompts, settings, time."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ..errors import MissingPackage
from ..results import Results
from . import contamination, latex, statistics
from .summary import labels, latest, main_score, not_run, rank, summarise

MOST_ROWS = 2000  # answers shown per case, the worst first
MOST_CELLS = 40  # columns shown per row
DIGITS = 4
SILENT = ("key", "experiment", "source", "chosen", "commit", "finished_at")  # columns that the table does not show
EXAMPLES = 3  # unreadable texts shown for each learner
SETTING_LENGTH = 200  # characters of a setting


@dataclass(frozen=True)
class AnsweredRows:
    """The rows that a case answered.

    Attributes:
        cells: features, indexed by the answers' column `row`.
        prompts: prompts by row, only those known to be what the model saw.
        reason: why there is nothing, or empty.
    """

    cells: pd.DataFrame | None = None
    prompts: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""


def experiment(
    results: Results, answered_rows: Callable[[Results, Mapping[str, object]], AnsweredRows], most_rows: int = MOST_ROWS
) -> dict[str, object]:
    """Everything about the finished cases of an experiment.

    Args:
        answered_rows: returns the rows and prompts of a case, given its row of the results.
        most_rows: answers to keep per case, the worst first.
    """
    frame = latest(results.frame())
    score, names = main_score(frame), labels(frame)
    summary = summarise(frame)
    summary = contamination.insert(summary, contamination.column(results, summary), "learner")
    seen = contamination.column(results, frame)
    shared = _Shared()
    answers = {}
    for row in frame.to_dict("records"):
        found = _answers(results, row, answered_rows, shared, most_rows)
        if found:
            answers[row["key"]] = found
    missing = not_run(results)
    return _plain(
        {
            "score": score,
            "isError": score != "accuracy",
            "pivot": _pivot(frame, names, score, seen),
            "cases": _cases(frame, names, seen),
            "statistics": _statistics(frame, names, score),
            "settings": _settings(results, frame),
            "machine": _machine(frame),
            "ledger": _ledger(results, frame, names),
            "missing": missing[["dataset", "method", "seed", "reason"]].to_dict("records") if len(missing) else [],
            "answers": answers,
            "rows": shared.rows,
            "prompts": shared.prompts,
            "csv": summary.to_csv(index=False, float_format="%.6g"),
            "latex": latex.table(summary, f"{results.experiment}: {score}, mean and sd over seeds"),
        }
    )


class _Shared:
    """Rows and prompts shared by several cases, stored once."""

    def __init__(self) -> None:
        self.rows: dict[str, object] = {}
        self.prompts: dict[str, object] = {}
        self._ids: dict[str, str] = {}

    def put(self, kind: str, value: object) -> str:
        store = getattr(self, kind)
        text = json.dumps(_plain(value), sort_keys=True)
        name = self._ids.setdefault(f"{kind} {text}", f"{kind[0]}{len(self._ids)}")
        store[name] = value
        return name


def _pivot(frame: pd.DataFrame, names: pd.Series, score: str, seen: pd.Series | None) -> dict[str, object]:
    learners, rows = sorted(names.unique(), key=rank), []
    for dataset, part in frame.groupby("dataset", sort=False):
        cells = []
        for learner in learners:
            own = part[names.loc[part.index] == learner]
            values = own[score].dropna()
            cells.append(
                {"mean": values.mean(), "sd": values.std(), "n": len(values), "keys": own["key"].tolist()}
                if len(values)
                else None
            )
        rows.append({"name": dataset, "chance": part["chance"].mean(), "cells": cells})
    verdicts = contamination.by_model(contamination.insert(frame, seen, "dataset"), "dataset")
    for row in rows:
        row["memorised"] = [of.get(row["name"], "") for of in verdicts.values()]
    return {"learners": learners, "rows": rows, "memorised": list(verdicts)}


def _cases(frame: pd.DataFrame, names: pd.Series, seen: pd.Series | None) -> dict[str, object]:
    shown = [c for c in frame if c not in (*SILENT, "method") and frame[c].astype(str).ne("").any()]
    shown = [c for c in shown if c in ("dataset", "seed") or frame[c].nunique(dropna=False) > 1 or c.startswith("n_")]
    table = frame[shown].copy()
    table.insert(1, "learner", names)
    table = contamination.insert(table, seen, "learner")
    rows = table.astype(object).where(table.notna(), None).to_numpy().tolist()
    facts = [{name: row[name] for name in SILENT if row.get(name, "") != ""} for row in frame.to_dict("records")]
    return {"columns": list(table), "keys": frame["key"].tolist(), "rows": rows, "facts": facts}


def _statistics(frame: pd.DataFrame, names: pd.Series, score: str) -> dict[str, object] | None:
    """Ranks, wins and intervals over the data sets, for learners with results on all of them."""
    grid = frame.assign(learner=names).pivot_table(index="dataset", columns="learner", values=score)
    grid, is_error = grid.dropna(axis=1), score != "accuracy"
    if grid.shape[0] < 2 or grid.shape[1] < 2:
        return None
    found = statistics.friedman_nemenyi(grid, is_error)
    base = "lift" if "lift" in grid else found.ranks.index[0]
    pairs = statistics.win_tie_loss(grid, base, is_error).join(
        statistics.paired_bootstrap(grid, base, is_error)[["advantage", "low", "high"]]
    )
    try:
        leaders = statistics.leaderboard(grid, is_error)
    except MissingPackage:  # optional part of the page
        leaders = pd.DataFrame()
    return {
        "ranks": list(found.ranks.items()),
        "leaders": leaders.reset_index().to_numpy().tolist(),
        "n": found.n_tables,
        "p": found.p,
        "cd": found.critical_difference,
        "reason": found.reason,
        "base": base,
        "pairs": [{"other": other, **row} for other, row in pairs.to_dict("index").items()],
    }


def _settings(results: Results, frame: pd.DataFrame) -> list[tuple[str, str]]:
    """The flags of the latest case, without empty ones."""
    for key in reversed(frame["key"].tolist()):
        path = results.record_path(key)
        if path.is_file():
            flags = json.loads(path.read_text("utf-8"))["config"]
            given = {name: value for name, value in flags.items() if value not in ("", [], None, False)}
            return [(name, json.dumps(value, ensure_ascii=False)[:SETTING_LENGTH]) for name, value in given.items()]
    return []


def _machine(frame: pd.DataFrame) -> list[tuple[str, str]]:
    seconds = frame[["seconds_fit", "seconds_predict"]].sum()
    facts = [("cases", f"{len(frame):,}"), ("fitting", f"{seconds.iloc[0]:,.0f} s")]
    facts += [("answering", f"{seconds.iloc[1]:,.0f} s")]
    for name in ("device", "dtype", "model", "commit"):
        if name in frame:
            facts.append(
                (name, ", ".join(sorted({str(value) for value in frame[name] if str(value) not in ("", "nan")})))
            )
    if "cost_usd" in frame and frame["cost_usd"].sum():
        facts.append(("cost", f"{frame['cost_usd'].sum():.4f} USD"))
    return [*facts, ("finished", f"{frame['finished_at'].min()} to {frame['finished_at'].max()}")]


def _ledger(results: Results, frame: pd.DataFrame, names: pd.Series) -> list[dict[str, object]]:
    """For each learner that answers with text: the number of answers, of unreadable ones, and examples of these."""
    found: dict[str, dict[str, object]] = {}
    for row, learner in zip(frame.to_dict("records"), names, strict=True):
        if not results.answers_path(row["key"]).is_file():
            continue
        answers = results.answers(row["key"])
        if "text" not in answers:
            continue
        line = found.setdefault(learner, {"learner": learner, "answers": 0, "unreadable": 0, "said": []})
        lost = answers["parsed"].isna()
        line["answers"] += len(answers)
        line["unreadable"] += int(lost.sum())
        line["said"] = list(dict.fromkeys([*line["said"], *answers["text"][lost].dropna()]))[:EXAMPLES]
    return list(found.values())


def _answers(
    results: Results, row: Mapping[str, object], answered_rows, shared: _Shared, most: int
) -> dict[str, object] | None:
    if not results.answers_path(str(row["key"])).is_file():
        return None
    frame = results.answers(str(row["key"]))
    frame = frame[frame["truth"].notna()]
    columns = [name for name in frame if name.startswith("log_p_")]
    classes = [name.removeprefix("log_p_") for name in columns]
    is_label = bool(columns) or "rae" not in row
    wrong, badness = _badness(frame, classes, columns, is_label)
    order = np.lexsort((np.arange(len(frame)), -badness))
    confusion = None
    if is_label:
        labels_ = classes or sorted({*frame["truth"], *frame["parsed"].dropna()})
        if len(labels_) <= 30:
            pairs = pd.crosstab(frame["truth"], frame["parsed"].fillna("(unreadable)"))
            pairs = pairs.reindex(index=labels_, fill_value=0)
            pairs = pairs.reindex(columns=[*labels_, *[c for c in pairs if c not in labels_]], fill_value=0)
            confusion = {"truth": list(pairs.index), "said": list(pairs.columns), "n": pairs.to_numpy().tolist()}
    kept = frame.iloc[order[:most]]
    about = answered_rows(results, row)
    rows = [str(name) for name in kept["row"]]
    found: dict[str, object] = {
        "n": len(frame),
        "wrong": int(wrong.sum()) if is_label else None,
        "row": rows,
        "parsed": kept["parsed"].tolist(),
        "truth": kept["truth"].tolist(),
        "text": kept["text"].tolist() if "text" in kept else None,
        "classes": classes,
        "p": np.round(np.exp(kept[columns].to_numpy(float)), DIGITS).tolist() if columns else None,
        "isLabel": is_label,
        "confusion": confusion,
        "reason": about.reason,
    }
    if about.cells is not None:
        cells = about.cells.iloc[:, :MOST_CELLS]
        cells = cells.set_axis([str(name) for name in cells.index])
        cells = cells.loc[[name for name in dict.fromkeys(rows) if name in cells.index]]
        written = {
            name: [_cell(value) for value in values] for name, values in zip(cells.index, cells.to_numpy(), strict=True)
        }
        found["cells"] = shared.put(
            "rows", {"columns": [str(c) for c in cells], "cells": dict(sorted(written.items()))}
        )
    if about.prompts:
        found["prompts"] = shared.put(
            "prompts", {name: about.prompts[name] for name in sorted(rows) if name in about.prompts}
        )
    return found


def _badness(
    frame: pd.DataFrame, classes: list[str], columns: list[str], is_label: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Which answers are wrong, and how wrong: unreadable ones first, then the most confident mistakes."""
    lost = frame["parsed"].isna().to_numpy()
    if not is_label:
        truth, parsed = pd.to_numeric(frame["truth"]), pd.to_numeric(frame["parsed"])
        return lost, np.where(lost, math.inf, (parsed - truth).abs())
    wrong = (frame["parsed"] != frame["truth"]).to_numpy()
    uncertainty = np.zeros(len(frame))
    if columns:
        index = {name: i for i, name in enumerate(classes)}
        chosen = [index.get(name, -1) for name in frame["truth"]]
        logs = frame[columns].to_numpy(float)
        uncertainty = np.array([1 - math.exp(logs[i, j]) if j >= 0 else 1.0 for i, j in enumerate(chosen)])
    return wrong, uncertainty + wrong + lost


def _cell(value: object) -> object:
    return float(f"{value:.6g}") if isinstance(value, float) and math.isfinite(value) else value


def _plain(value: object) -> object:
    """Values that JSON can represent: no nan, no numpy types."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)
