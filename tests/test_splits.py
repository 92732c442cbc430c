"""The paper's split, independent splits, and what they keep."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.conftest import ROOT
from utils import splits, tables
from utils.errors import BadTable, UnknownName, UserError

PARTS = ("X_train", "X_validation", "X_test")


def frame(y):
    return pd.DataFrame({"x": np.arange(len(y))}), pd.Series(y, name="y")


def published(method):
    results = pd.read_csv(ROOT / "data" / "published" / "results.csv")
    results = results[(results["experiment"] == "E01-openml") & (results["method"] == method)]
    return results.set_index("dataset")[["value", "std"]]


def accuracies(name, C):
    """As in the original: columns scaled and encoded on all rows, test included; 100 iterations, converged or not."""
    table = tables.load(name)
    codes = {label: code for code, label in enumerate(table.label_order or sorted(table.y.unique()))}
    text = table.X.select_dtypes("object").columns
    columns = make_column_transformer((OneHotEncoder(), text), remainder=StandardScaler()).fit(table.X)
    for seed in range(3):
        split = table.split(seed)
        learner = LogisticRegression(C=C, max_iter=100).fit(columns.transform(split.X_train), split.y_train.map(codes))
        yield 100 * learner.score(columns.transform(split.X_test), split.y_test.map(codes))


@pytest.mark.parametrize("name", tables.expand(["paper"], "classification"))
def test_majority_is_the_published_one(lift_data, name):
    split = tables.load(name).split(0)
    majority = split.y_train.value_counts().idxmax()
    expected = published("MCC")["value"][tables.published_name(name)]
    assert 100 * np.mean(split.y_test == majority) == pytest.approx(expected, abs=0.01)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("name", "C"), [("tae", 1), ("vehicle", 100), ("pollution", 10), ("margin", 1)])
def test_logistic_regression_is_the_published_one(lift_data, name, C):
    scores = list(accuracies(name, C))
    expected = published("LogReg").loc[tables.published_name(name)]
    assert np.mean(scores) == pytest.approx(expected["value"], abs=0.01)
    assert np.std(scores) == pytest.approx(expected["std"], abs=0.01)


def test_paper_sizes_of_the_real_regression_tables(lift_data):
    sizes = [
        tuple(len(getattr(tables.load(name).split(0), part)) for part in PARTS)
        for name in ("ccpp", "insurance", "servo")
    ]
    assert sizes == [(6697, 1435, 1436), (936, 201, 201), (116, 25, 26)]


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_protocols(task):
    y = [f"k{row % 3}" for row in range(60)] if task == "classification" else np.arange(60.0)
    X, y = frame(y)
    drawn = {
        (protocol, seed): splits.draw(X, y, task, seed, protocol) for protocol in splits.PROTOCOLS for seed in (0, 1)
    }
    test = {key: list(split.X_test.index) for key, split in drawn.items()}
    assert test["paper", 0] == test["paper", 1] == test["independent", 0] != test["independent", 1]
    assert list(drawn["paper", 0].X_train.index) != list(drawn["paper", 1].X_train.index)
    with pytest.raises(UnknownName, match="paper, independent"):
        splits.draw(X, y, task, 0, "mine")
    with pytest.raises(UserError, match="negative"):
        splits.draw(X, y, task, -1)


@settings(max_examples=80)
@given(
    y=st.lists(st.integers(0, 12), min_size=10, max_size=80),
    task=st.sampled_from(["classification", "regression"]),
    seed=st.integers(0, 5),
    limit=st.integers(1, 20),
)
def test_every_row_is_in_one_part(y, task, seed, limit):
    X, y = frame([f"k{code}" for code in y] if task == "classification" else np.array(y, dtype=float))
    split = splits.draw(X, y, task, seed, "independent")
    assert sorted(row for part in PARTS for row in getattr(split, part).index) == list(range(len(y)))
    assert split.X_test.index.equals(split.y_test.index)
    assert split.y_train.equals(y.loc[split.X_train.index])
    assert split.fingerprint() == splits.draw(X, y, task, seed, "independent").fingerprint()
    shorter = split.limit(limit)
    assert len(shorter.y_train) == len(shorter.X_train) == min(limit, len(split.y_train))
    assert set(shorter.X_test.index) <= set(split.X_test.index)
    if task == "classification":
        assert shorter.y_train.nunique() == min(limit, split.y_train.nunique())


def test_classes_are_spread_over_the_parts():
    split = splits.draw(*frame(["a"] * 80 + ["b"] * 20), "classification", 3)
    assert (split.y_train == "b").sum() == 13
    assert (split.y_validation == "b").sum() == 3
    assert (split.y_test == "b").sum() == 4


def test_rare_classes_share_a_stratum():
    split = splits.draw(*frame(["a"] * 40 + ["b"] * 10 + [f"k{row}" for row in range(10)]), "classification", 0)
    assert sum(label.startswith("k") for label in split.y_test) == 2  # ten single rows count as one class of ten
    lonely = splits.draw(*frame(["a"] * 18 + ["b", "c", "c"]), "classification", 0)
    assert len(lonely.y_test) == 5


def test_label_order_selects_other_rows():
    X, y = frame(["a", "b", "c"] * 20)
    usual = splits.draw(X, y, "classification", 0)
    other = splits.draw(X, y, "classification", 0, label_order=("c", "a", "b"))
    assert list(usual.X_test.index) != list(other.X_test.index)
    with pytest.raises(BadTable, match="the classes are"):
        splits.draw(X, y, "classification", 0, label_order=("c", "a"))


def test_too_few_rows_and_too_small_limits():
    with pytest.raises(BadTable, match="9 rows are too few"):
        splits.draw(*frame(["a", "b", "c"] * 3), "classification", 0)
    with pytest.raises(UserError, match="limit of 0"):
        splits.draw(*frame(["a", "b"] * 9), "classification", 0).limit(0)


def test_the_hash_sees_names_kinds_values_and_missing_cells():
    frames = [
        pd.DataFrame({"a": [1, 2]}),
        pd.DataFrame({"b": [1, 2]}),
        pd.DataFrame({"a": [1.0, 2.0]}),
        pd.DataFrame({"a": ["1", "2"]}),
        pd.DataFrame({"a": ["1", None]}, dtype=object),
        pd.DataFrame({"a": ["1", ""]}, dtype=object),
        pd.DataFrame({"a": ["1", "None"]}, dtype=object),
        pd.DataFrame({"a": [1.0, np.nan]}),
        pd.DataFrame({"a": [2, 1]}),
        pd.DataFrame({"a": [1], "b": [2]}),
    ]
    assert len({splits.content_hash(frame) for frame in frames}) == len(frames)
    assert splits.content_hash(frames[0]) == splits.content_hash(frames[0].set_index(np.array([7, 8])))
