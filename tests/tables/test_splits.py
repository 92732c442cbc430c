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
from utils import tables
from utils.errors import BadTable, UnknownName, UserError
from utils.tables import splits

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


def test_a_subsample_keeps_the_shares_of_the_classes_and_the_test_rows():
    split = splits.draw(*frame(["a"] * 300 + ["b"] * 150 + ["c"] * 50), "classification", 0)
    assert len(split.y_train) == 320
    smaller = split.subsample(32, seed=1)
    assert smaller.y_train.value_counts().to_dict() == {"a": 19, "b": 10, "c": 3}
    assert len(smaller.y_validation) == 8
    assert smaller.X_test is split.X_test
    assert set(smaller.y_train.index) <= set(split.y_train.index)
    assert smaller.X_train.index.equals(smaller.y_train.index)


def test_subsamples_of_a_seed_are_nested_and_those_of_others_differ():
    split = splits.draw(*frame(["a", "b", "b", "c"] * 60), "classification", 0)
    drawn = [set(split.subsample(n, seed=0).y_train.index) for n in (8, 16, 64)]
    assert drawn[0] < drawn[1] < drawn[2]
    assert set(split.subsample(16, seed=1).y_train.index) != drawn[1]
    assert split.subsample(16, seed=0).fingerprint() == split.subsample(16, seed=0).fingerprint()


def test_every_class_has_a_row_where_there_are_enough():
    split = splits.draw(*frame(["a"] * 960 + ["b"] * 20 + ["c"] * 20), "classification", 0)
    assert set(split.subsample(3, seed=0).y_train) == {"a", "b", "c"}
    assert set(split.subsample(16, seed=0).y_train) == {"a", "b", "c"}
    assert len(split.subsample(2, seed=0).y_train) == 2


def test_a_subsample_of_numbers_and_one_of_all_rows():
    X, _ = frame(["a"] * 200)
    split = splits.draw(X, pd.Series(np.arange(200.0), name="y"), "regression", 0)
    smaller = split.subsample(70, seed=0)
    assert (len(smaller.y_train), len(smaller.y_validation), len(smaller.y_test)) == (70, 15, 30)
    assert split.subsample(140, seed=0) is split
    assert split.subsample(10**9, seed=0) is split
    with pytest.raises(UserError, match="0 training rows"):
        split.subsample(0, seed=0)
