"""The paper's numbers for one experiment, its settings as columns and its methods under the names used here."""

from __future__ import annotations

import pandas as pd

from utils import report


def rows(experiment: str) -> pd.DataFrame:
    """The rows of data/published/results.csv of an experiment, such as "E03-regression-real".

    Returns:
        The columns dataset (as the paper calls it, see `tables.published_name`), method (ours where there is one, else
        the paper's), metric, value, std and, as texts, every key of the settings; None where a row lacks one.
    """
    frame = pd.read_csv(report.PUBLISHED, dtype={"setting": str})
    frame = frame[frame["experiment"] == experiment].reset_index(drop=True)
    settings = [dict(word.split("=", 1) for word in text.split(";")) for text in frame["setting"]]
    ours = {paper: name for name, paper in report.PAPER_METHODS.items()}
    frame = frame.assign(method=frame["method"].replace(ours))
    keys = dict.fromkeys(key for one in settings for key in one)
    wide = pd.DataFrame({key: [one.get(key) for one in settings] for key in keys}, dtype=object, index=frame.index)
    return pd.concat([frame[["dataset", "method", "metric", "value", "std"]], wide], axis=1)


def real_tables() -> pd.DataFrame:
    """RAE of the paper's regression tables: dataset, method, fraction, names ("no", "yes"), and two numbers.

    paper           over all test rows. Its classical learners had the row number among their features, no scaling, and
                    were chosen on the test rows.
    paper_filtered  without errors above 5 × RMSE; of LIFT only, and the only number of Student

    Files called 80 % that hold 60 % are left out.
    """
    both = [rows(experiment) for experiment in ("E03-regression-real", "E15-names-regression")]
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
