"""The paper's numbers for one experiment, with settings as columns and methods under the names used here."""

from __future__ import annotations

from functools import lru_cache

import pandas as pd

from .. import tables
from ..paths import DATA

PUBLISHED = DATA / "published" / "results.csv"
PAPER_METHODS = {
    "majority": "MCC",
    "logreg": "LogReg",
    "knn": "KNN",
    "tree": "DT",
    "mlp": "MLP",
    "svm": "RBF-SVM",
    "forest": "RF",
    "xgboost": "XGBoost",
    "polynomial": "PR3",
    "kernel_ridge": "KRR",
    "gbt": "GBT",
    "gp": "GP",
    "lift": "LIFT/GPT-3",
}
PAPER_REAL = "fraction=1.0;index_leak=yes;selected_on=test", "fraction=1.0;names=no;outlier_filter=none"
PAPER_INPUTS = "input=real;range=-10..10"
PAPER_COLUMN = "(paper: LIFT/GPT-3)"


def published_rows(experiment: str, provenance: bool = False) -> pd.DataFrame:
    """The rows of data/published/results.csv of an experiment, such as "E03-regression-real".

    Args:
        provenance: whether to keep the column of that name, which identifies numbers recalled from memory.

    Returns:
        The columns dataset (the paper's name, see `tables.published_name`), method (our name if there is one, else the
        paper's), metric, value, std and every key of the settings, as text; None if a row lacks it.
    """
    frame = _frame()
    frame = frame[frame["experiment"] == experiment].reset_index(drop=True)
    ours = {paper: name for name, paper in PAPER_METHODS.items()}
    frame = frame.assign(method=frame["method"].replace(ours))
    kept = ["dataset", "method", "metric", "value", "std", *(["provenance"] if provenance else [])]
    return pd.concat([frame[kept], settings(frame)], axis=1)


def settings(frame: pd.DataFrame) -> pd.DataFrame:
    """The settings of rows of data/published/results.csv, a text column for each key; None if a row lacks it."""
    each = [dict(word.partition("=")[::2] for word in text.split(";") if word) for text in frame["setting"].fillna("")]
    keys = dict.fromkeys(key for row in each for key in row)
    return pd.DataFrame({key: [row.get(key) for row in each] for key in keys}, dtype=object, index=frame.index)


def real_tables() -> pd.DataFrame:
    """RAE of the paper's regression tables: dataset, method, fraction, names ("no", "yes"), and two numbers.

    paper           over all test rows. Its classical learners had the row number among their features, no scaling, and
                    were chosen on the test rows.
    paper_filtered  without errors above 5 × RMSE; for LIFT only, and the only number for Student

    Files labelled 80 % that contain 60 % are excluded.
    """
    both = [published_rows(experiment) for experiment in ("E03-regression-real", "E15-names-regression")]
    frame = pd.concat([both[0], both[1][both[1]["dataset"] == "Student"]], ignore_index=True)
    frame = frame[(frame["metric"] == "RAE") & frame["actual_fraction"].isna()]
    plain = frame["outlier_filter"].fillna("none") == "none"
    frame = frame.assign(
        fraction=frame["fraction"].astype(float),
        names=frame["names"].fillna("no"),
        column=plain.map({True: "paper", False: "paper_filtered"}),
    )
    keys = ["dataset", "method", "fraction", "names"]
    wide = frame.pivot_table(index=keys, columns="column", values="value", aggfunc="first")
    return wide.reset_index().rename_axis(columns=None)


@lru_cache(maxsize=1)
def _frame() -> pd.DataFrame:
    return pd.read_csv(PUBLISHED, dtype={"setting": str})


def published_score(dataset: str, method: str) -> float:
    """The paper's number for the main score of a data set and method; nan if there is none.

    Accuracy is a share. RAE of the synthetic functions is filtered at 3 × RMSE, the only value the paper gives.
    """
    rows = _frame()
    rows = rows[(rows["dataset"] == tables.published_name(dataset)) & (rows["method"] == PAPER_METHODS.get(method))]
    options = dataset.partition(":")[2]
    setting, experiment = rows["setting"], rows["experiment"]
    same = (experiment == "E01-openml") | ((experiment == "E01-synthetic") & (options == ""))
    same |= (experiment == "E03-regression-real") & setting.isin(PAPER_REAL)
    same |= (experiment == "E02-regression-synthetic") & setting.str.startswith(f"{options or 'p=1'};{PAPER_INPUTS}")
    if not same.any():
        return float("nan")
    first = rows[same].iloc[0]
    return float(first["value"]) / (100 if first["metric"] == "accuracy" else 1)
