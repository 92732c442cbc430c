"""Rows that several figures are drawn of."""

import numpy as np
import pandas as pd
import pytest

ARM_ROWS = [
    (dataset, method, arm, series, x, seed, 0.5 + 0.1 * x + 0.01 * seed)
    for dataset in ("a", "b")
    for method, arm in (("logreg", "none"), ("knn", "none"), ("lift", "none"), ("lift", "new"))
    for series in (("s", "t") if method == "lift" else ("s",))
    for x in (1, 2, 4)
    for seed in (0, 1)
]


@pytest.fixture
def arms():
    """Two data sets, two learners beside LIFT, which has two arms in two series."""
    return pd.DataFrame(ARM_ROWS, columns=["dataset", "method", "arm", "series", "x", "seed", "accuracy"])


@pytest.fixture
def frame():
    """Two data sets and methods, one of which lacks the score `other`."""
    rows = [(d, m, x, s) for d in ("a", "b") for m in ("knn", "lift") for x in (1, 2, 4) for s in (0, 1)]
    frame = pd.DataFrame(rows, columns=["dataset", "method", "x", "seed"])
    return frame.assign(score=frame["x"] + frame["seed"], other=np.where(frame["method"] == "knn", np.nan, 1.0))


@pytest.fixture
def cases(frame):
    """The same as finished cases, in the columns of a result CSV; the data sets have options."""
    named = frame["dataset"].map({"a": "cosine:lo=-150,hi=150", "b": "linear:integer=1"})
    return frame.assign(key=frame.index, experiment="e", dataset=named, n_train=9)[
        ["key", "experiment", "dataset", "method", "x", "seed", "n_train", "score"]
    ]


@pytest.fixture
def with_models():
    """A function that gives the rows, those of LIFT once more by another model, whose scores are higher by 1."""

    def rows(frame):
        lift = frame["method"] == "lift"
        first = frame.assign(model=frame["method"].where(lift).replace("lift", "lift-tiny"), n_train=9)
        score = "score" if "score" in frame else "accuracy"
        return pd.concat([first, first[lift].assign(model="smollm2", **{score: frame[score] + 1})], ignore_index=True)

    return rows
