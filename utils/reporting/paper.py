"""The paper's tables with our numbers next to those of 2022, and a verdict on each claim by a stated rule.

Only finished cases count. A number of ours is compared with a published one if table, method and settings are the same;
all other published numbers are listed with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .. import tables
from ..tables import synthetic
from .published import published_rows

RUNS = 3  # behind every published number that has a spread
ERRORS = 2  # standard errors within which two means count as equal
RULE = (
    f"Two numbers count as equal if they differ by at most {ERRORS} standard errors of their difference (sd/√n of ours "
    f"and of the paper's {RUNS} runs, which share their test rows). With a single seed of ours, the verdict is "
    "undecided. The paper's spread is over training rows only, so a difference may be due to the test rows."
)
FACTS = ("dataset", "method", "metric", "value", "std", "provenance")  # columns that are not settings
PERCENT = ("accuracy", "F1", "precision", "recall")  # metrics published in percent
Key = tuple[str, ...]


@dataclass(frozen=True)
class Item:
    """A table or figure of the paper.

    Attributes:
        place: where it is in the paper.
        published: the experiment of data/published/results.csv.
        ours: AREA/NAME of the script.
        theirs_key: maps a published row to its identity without the method; None if it has no counterpart here.
        ours_key: the same for a row of our summary.
        metric: maps a published row to our column.
        flags: flags of the script that give the published settings.
        fallbacks: further scripts, whose rows are used if `ours` has none.
    """

    place: str
    title: str
    published: str
    ours: str
    theirs_key: Callable[[Mapping[str, object]], Key | None] = lambda row: None
    ours_key: Callable[[Mapping[str, object]], Key | None] = lambda row: None
    metric: Callable[[Mapping[str, object]], str] = lambda row: "accuracy"
    flags: str = ""
    fallbacks: tuple[str, ...] = ()


def _name(row: Mapping[str, object]) -> str | None:
    return tables.published_name(str(row["dataset"]))


def _plain_openml(row: Mapping[str, object]) -> Key | None:
    name = _name(row)
    return (name,) if name and not synthetic.is_synthetic(str(row["dataset"])) else None


def _plain_synthetic(row: Mapping[str, object]) -> Key | None:
    dataset = str(row["dataset"])
    return (str(_name(row)),) if synthetic.is_synthetic(dataset) and ":" not in dataset else None


def _function(row: Mapping[str, object]) -> Key | None:
    base, _, options = str(row["dataset"]).partition(":")
    given = dict(word.split("=", 1) for word in options.split(",") if "=" in word)
    if not synthetic.is_synthetic(str(row["dataset"])) or set(given) - {"p"}:
        return None
    return base, given.get("p", "1")


def _rae(row: Mapping[str, object]) -> str:
    kinds = {"3rmse": "rae_filtered3", "5rmse": "rae_filtered5"}
    return kinds.get(str(row.get("outlier_filter")), "rae")


def _real(row: Mapping[str, object]) -> Key | None:
    is_whole = row.get("fraction") == "1.0" and row.get("names") in (None, "no")
    return (str(row["dataset"]),) if is_whole and row.get("outlier_filter") in (None, "none") else None


def _inputs(row: Mapping[str, object]) -> Key | None:
    same = row.get("input") == "real" and row.get("range") == "-10..10"
    return (str(row["dataset"]), str(row["p"])) if same else None


def _dataset(row: Mapping[str, object]) -> Key | None:
    return None if row.get("rounded") else (str(row["dataset"]),)


ITEMS = (
    Item("Table 4", "Classification, OpenML", "E01-openml", "classification/accuracy", _dataset, _plain_openml,
         flags=" --datasets paper"),
    Item("Table 4", "Classification, synthetic", "E01-synthetic", "classification/accuracy", _dataset,
         _plain_synthetic, flags=" --datasets synthetic"),
    Item("Table 4", "Classification, images", "E01-image", "classification/images"),
    Item("Table 5", "In-context learning", "E05-in-context", "classification/in_context"),
    Item("Table 19", "Regression, functions", "E02-regression-synthetic", "regression/accuracy",
         _inputs, _function, _rae, " --datasets functions", ("regression/dimensions",)),
    Item("Table 20", "Regression, real tables", "E03-regression-real", "regression/accuracy",
         _real, _plain_openml, _rae, " --datasets paper"),
    Item("Fig. 2", "Fitted surfaces", "E04-surface", "regression/surfaces"),
    Item("Fig. 3", "Decision boundaries by difficulty", "E07-nn-difficulty", "classification/boundaries"),
    Item("§3.4", "Outliers among the training targets", "E10-outliers", "regression/outliers"),
    Item("Table 6", "Noise on images", "E12-mnist-noise", "classification/image_noise"),
    Item("Table 7", "Attacks on images", "E12-mnist-pgd", "classification/image_noise"),
    Item("Table 8", "Is pretraining needed?", "E13-pretraining", "others/pretraining_ablation"),
    Item("Table 9", "Feature names, classification", "E15-names-classification", "classification/feature_names"),
    Item("Table 35", "Feature names, regression", "E15-names-regression", "regression/real"),
    Item("Appendix", "Contradicting prompts", "E16-contradicting", "others/contradicting_prompts"),
    Item("Fig. 5", "Two-stage tuning", "E19-two-stage", "classification/two_stage"),
    Item("§5.2", "Noisy copies in training", "E20-augmentation", "classification/image_noise"),
    Item("Appendix", "Type and range of the inputs", "E22-input-type", "regression/number_types"),
    Item("Appendix", "A gap in the inputs", "E23-donut", "regression/interpolation"),
    Item("Appendix", "Learning curves of a fit", "E25-learning-curve", "regression/learning_curves"),
    Item("Appendix", "Rows as a penalty", "E26-ridge", "others/ridge"),
    Item("Appendix", "Rare classes", "E27-imbalance", "classification/imbalance"),
)  # fmt: skip


@dataclass(frozen=True)
class Section:
    """One item with our numbers.

    Attributes:
        table: settings as rows, methods as columns; cells "2022 / ours" as text. † marks a number recalled from memory.
        pairs: the covered numbers: key, method, theirs, theirs_sd, ours, ours_sd, n, verdict.
        n_published, n_covered: counts of published numbers, and of those with a counterpart here.
        models: the language models behind our numbers.
        missing: why numbers are not covered, as a sentence.
    """

    item: Item
    table: pd.DataFrame
    pairs: pd.DataFrame
    n_published: int
    n_covered: int
    models: tuple[str, ...]
    missing: str


def section(item: Item, summaries: Mapping[str, pd.DataFrame]) -> Section:
    """One table of the paper.

    Args:
        summaries: `reporting.summarise` of each experiment's finished cases, by AREA/NAME.
    """
    published = published_rows(item.published, provenance=True)
    found: dict[tuple[Key, str], tuple[Mapping[str, object], str]] = {}
    for name in (*item.fallbacks, item.ours):
        for row in summaries.get(name, pd.DataFrame()).to_dict("records"):
            key = item.ours_key(row)
            is_plain = not str(row.get("options") or "").replace("nan", "")
            if key and is_plain:
                found[key, str(row["method"])] = row, str(row.get("model") or "")
    settings = [name for name in published if name not in FACTS]
    lines, models, n_comparable = [], set(), 0
    for row in published.to_dict("records"):
        key = item.theirs_key(row)
        n_comparable += key is not None
        ours, model = found.get((key, row["method"]), ({}, "")) if key else ({}, "")
        column = item.metric(row)
        scale = 100 if row["metric"] in PERCENT else 1
        theirs, spread = float(row["value"]) / scale, float(row["std"]) / scale
        value, sd = float(ours.get(column, math.nan)), float(ours.get(f"{column}_sd", math.nan))
        n, verdict = int(ours.get("n", 0)), "–"
        if not math.isnan(value):
            models |= {model} - {"", "nan"}
            verdict = compare(value, sd, n, theirs, spread, is_error=column != "accuracy")
        given = [f"{name}={row[name]}" for name in settings if isinstance(row[name], str)]
        label = " p=".join(key) if key else " ".join([row["dataset"], *given])
        label += f", {row['metric']}" if published["metric"].nunique() > 1 else ""
        is_recalled = row["provenance"] == "recalled"
        lines.append([label, row["method"], theirs, spread, is_recalled, value, sd, n, verdict])
    columns = ["setting", "method", "theirs", "theirs_sd", "recalled", "ours", "ours_sd", "n", "verdict"]
    everything = pd.DataFrame(lines, columns=columns)
    pairs = everything[everything["ours"].notna()].reset_index(drop=True)
    missing = _missing(item, len(published), n_comparable, len(pairs))
    return Section(item, _wide(everything), pairs, len(published), len(pairs), tuple(sorted(models)), missing)


def compare(ours: float, sd: float, n: int, theirs: float, theirs_sd: float, is_error: bool) -> str:
    """ "equal", "better" or "worse" by RULE, or "undecided"."""
    if n < 2 or math.isnan(sd):
        return "undecided"
    error = math.sqrt(sd**2 / n + (0.0 if math.isnan(theirs_sd) else theirs_sd) ** 2 / RUNS)
    if abs(ours - theirs) <= ERRORS * error or math.isclose(ours, theirs, abs_tol=5e-5):
        return "equal"
    return "better" if (ours < theirs) == is_error else "worse"


def _wide(numbers: pd.DataFrame) -> pd.DataFrame:
    """Settings as rows, methods as columns, in the order of the published numbers."""
    cells = [
        f"{_number(row.theirs, row.theirs_sd)}{'†' * row.recalled} / {_number(row.ours, row.ours_sd)}"
        for row in numbers.itertuples(index=False)
    ]
    order = list(dict.fromkeys(numbers["setting"])), list(dict.fromkeys(numbers["method"]))
    wide = numbers.assign(cell=cells).pivot_table(index="setting", columns="method", values="cell", aggfunc="first")
    wide = wide.reindex(index=order[0], columns=order[1]).fillna("")
    lift = numbers[numbers["method"] == "lift"].drop_duplicates("setting").set_index("setting")["verdict"]
    if (lift != "–").any():
        wide = wide.assign(**{"LIFT today": lift.reindex(wide.index).fillna("–")})
    return wide.rename_axis(columns=None).reset_index(names="")


def _number(value: float, sd: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}" + ("" if math.isnan(sd) else f" ±{sd:.3f}")


def _missing(item: Item, n_published: int, n_comparable: int, n_covered: int) -> str:
    reasons = []
    if n_published > n_comparable:
        reasons.append(
            f"{n_published - n_comparable} have settings without a counterpart on this page; to see what the script "
            f"finds: bash {item.ours}.sh"
        )
    if n_comparable > n_covered:
        reasons.append(f"{n_comparable - n_covered} still have to be run: bash {item.ours}.sh{item.flags}")
    return "; ".join(reasons)


@dataclass(frozen=True)
class Claim:
    """A claim of the paper, and what our rows say about it.

    Attributes:
        verdict: "reproduced", "not reproduced" or "undecided".
        reason: the numbers behind it.
    """

    place: str
    text: str
    verdict: str
    reason: str


def claims(sections: Sequence[Section]) -> list[Claim]:
    """The paper's quantifiable claims, each with its rule, in the paper's order."""
    by_name = {part.item.published: part.pairs for part in sections}
    tables_ = pd.concat([by_name["E01-openml"], by_name["E01-synthetic"]])
    functions = by_name["E02-regression-synthetic"]
    return [
        _top_three(tables_),
        _many_classes(by_name["E01-openml"]),
        _never_better(functions),
        _beats_guessing(functions),
    ]


def _grid(pairs: pd.DataFrame) -> pd.DataFrame:
    return pairs.pivot_table(index="setting", columns="method", values="ours", aggfunc="first", sort=False)


def _top_three(pairs: pd.DataFrame) -> Claim:
    text = "LIFT is among the three best classifiers on most tables. "
    text += "(Rule: a share of tables above one half by two standard errors.)"
    grid = _grid(pairs)
    if "lift" not in grid or grid.shape[1] < 4:
        return Claim("§3.1, Table 4", text, "undecided", "too few methods have finished")
    grid = grid.dropna()
    ranks = grid.rank(axis=1, ascending=False, method="min")["lift"]
    return _share("§3.1, Table 4", text, ranks <= 3, f"among the best three of {grid.shape[1]}")


def _share(where: str, text: str, hits: pd.Series, finding: str) -> Claim:
    n = len(hits)
    if n < 2:
        return Claim(where, text, "undecided", f"{n} tables")
    share = float(hits.mean())
    error = math.sqrt(max(share * (1 - share), 1 / n / 4) / n)
    sure = abs(share - 0.5) > ERRORS * error
    verdict = "undecided" if not sure else "reproduced" if share > 0.5 else "not reproduced"
    return Claim(
        where, text, verdict, f"{finding} on {int(hits.sum())} of {n} tables, a share of {share:.2f} ± {error:.2f}"
    )


def _many_classes(pairs: pd.DataFrame) -> Claim:
    text = "With a hundred classes (Margin, Texture) LIFT falls far behind. "
    text += "(Rule: ten points or more behind the best other, by two standard errors.)"
    gaps = []
    for name in ("Margin", "Texture"):
        own = pairs[pairs["setting"] == name].set_index("method")
        others = own.drop(index=["lift", "majority"], errors="ignore")
        if "lift" in own.index and len(others):
            best = others.loc[others["ours"].idxmax()]
            lift = own.loc["lift"]
            error = math.sqrt(
                np.nan_to_num(best["ours_sd"]) ** 2 / best["n"] + np.nan_to_num(lift["ours_sd"]) ** 2 / lift["n"]
            )
            gaps.append((name, best["ours"] - lift["ours"], error, min(best["n"], lift["n"]) > 1))
    if len(gaps) < 2 or not all(has_seeds for *_, has_seeds in gaps):
        return Claim("§3.1, Table 4", text, "undecided", f"{len(gaps)} of 2 tables have at least two seeds")
    is_far = [gap - ERRORS * error >= 0.1 for _, gap, error, _ in gaps]
    is_near = [gap + ERRORS * error < 0.1 for _, gap, error, _ in gaps]
    verdict = "reproduced" if all(is_far) else "not reproduced" if all(is_near) else "undecided"
    return Claim(
        "§3.1, Table 4",
        text,
        verdict,
        "; ".join(f"{name}: {gap:.3f} ± {error:.3f} behind" for name, gap, error, _ in gaps),
    )


def _never_better(pairs: pd.DataFrame) -> Claim:
    where = "§3.1, Table 19"
    text = "In regression with one or two inputs, LIFT is never better than a Gaussian process. "
    text += "(Rule: by two standard errors.)"
    better, worse, n = [], [], 0
    for setting, own in pairs.groupby("setting", sort=False):
        by = own.set_index("method")
        if not {"lift", "gp"} <= {*by.index} or setting.endswith("=50") or min(by.loc[["lift", "gp"], "n"]) < 2:
            continue
        n += 1
        lift, gp = by.loc["lift"], by.loc["gp"]
        error = math.sqrt(lift["ours_sd"] ** 2 / lift["n"] + gp["ours_sd"] ** 2 / gp["n"])
        better += [setting] * int(lift["ours"] < gp["ours"] - ERRORS * error)
        worse += [setting] * int(lift["ours"] > gp["ours"] + ERRORS * error)
    if not n:
        return Claim(where, text, "undecided", "no function has at least two seeds of both")
    verdict = "not reproduced" if better else "reproduced" if len(worse) == n else "undecided"
    return Claim(
        where, text, verdict, f"of {n} functions LIFT is clearly worse on {len(worse)}, clearly better on {len(better)}"
    )


def _beats_guessing(pairs: pd.DataFrame) -> Claim:
    text = "Token prediction can fit functions of one or two inputs. (Rule: RAE below one half by two standard errors.)"
    own = pairs[(pairs["method"] == "lift") & ~pairs["setting"].str.endswith("=50") & (pairs["n"] > 1)]
    if not len(own):
        return Claim("§3.1, Table 19", text, "undecided", "no function has at least two seeds")
    top = own["ours"] + ERRORS * own["ours_sd"] / np.sqrt(own["n"])
    low = own["ours"] - ERRORS * own["ours_sd"] / np.sqrt(own["n"])
    verdict = "reproduced" if (top < 0.5).all() else "not reproduced" if (low > 0.5).any() else "undecided"
    return Claim(
        "§3.1, Table 19",
        text,
        verdict,
        f"RAE {own['ours'].min():.3f} to {own['ours'].max():.3f} on {len(own)} functions",
    )
