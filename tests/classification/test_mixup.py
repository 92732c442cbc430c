"""Mixed rows: between which, with which classes, and that all rows weigh alike."""

import numpy as np
import pandas as pd
import pytest

from classification import _mixup, mixup
from utils import study, tables
from utils.errors import UnknownName, UserError


@pytest.fixture(scope="module")
def iris():
    return tables.load("iris", task="classification").split(0)


def test_pairs_are_of_different_rows_and_lambda_has_nine_values():
    first, second, tenths = _mixup.draw(20, 2000, seed=0)
    assert (first != second).all()
    assert set(np.concatenate([first, second])) == set(range(20))
    assert np.bincount(tenths)[1:].min() > 150
    assert sorted(set(tenths)) == list(range(1, 10))
    assert np.bincount(first).tolist() == [100] * 20


def test_numbers_lie_between_and_categories_come_from_the_heavier_row():
    a = pd.DataFrame({"whole": [0, 10, 4], "real": [0.0, 1.0, 2.0]}, index=[5, 6, 7])
    b = pd.DataFrame({"whole": [10, 0, 4], "real": [1.0, np.nan, 4.0]}, index=[1, 2, 3])
    a["kind"] = pd.Series(["p", "q", None], a.index, dtype=object)
    b["kind"] = pd.Series(["r", "s", "t"], b.index, dtype=object)
    mixed = _mixup.features(a, b, np.array([0.3, 0.5, 0.9]))
    assert mixed["whole"].tolist() == pytest.approx([7.0, 5.0, 4.0])
    assert mixed["real"].tolist() == pytest.approx([0.7, 1.0, 2.2])
    assert mixed["kind"].tolist() == ["r", "q", None]
    assert mixed.index.tolist() == [5, 6, 7]


def test_a_missing_number_of_the_heavier_row_stays_missing():
    a, b = pd.DataFrame({"real": [np.nan, np.nan]}), pd.DataFrame({"real": [1.0, 2.0]})
    assert _mixup.features(a, b, np.array([0.7, 0.2]))["real"].isna().tolist() == [True, False]


def test_the_classes_of_a_mixed_row_are_its_tenths(iris):
    extended = _mixup.extended(iris, 0.5, "mixed", seed=2)
    n = len(iris.y_train)
    first, second, tenths = _mixup.draw(n, n // 2, seed=2)
    X = extended.X_train.iloc[10 * n :].to_numpy()
    y = extended.y_train.iloc[10 * n :].to_numpy()
    assert len(y) == 10 * (n // 2)
    for i in range(n // 2):
        rows = slice(10 * i, 10 * i + 10)
        wanted = pd.Series(iris.y_train.iloc[[first[i]] * tenths[i] + [second[i]] * (10 - tenths[i])].to_numpy())
        assert sorted(y[rows]) == sorted(wanted)
        weight = tenths[i] / 10
        between = weight * iris.X_train.iloc[first[i]] + (1 - weight) * iris.X_train.iloc[second[i]]
        np.testing.assert_allclose(X[rows], np.tile(between, (10, 1)))


@pytest.mark.parametrize("kind", _mixup.KINDS)
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_every_row_is_written_ten_times(iris, kind, share):
    extended = _mixup.extended(iris, share, kind, seed=0)
    n = len(iris.y_train)
    assert len(extended.y_train) == len(extended.X_train) == 10 * (n + round(share * n))
    old = extended.X_train.iloc[: 10 * n]
    assert old.reset_index(drop=True).equals(iris.X_train.iloc[np.repeat(np.arange(n), 10)].reset_index(drop=True))
    assert extended.y_train.iloc[: 10 * n].tolist() == np.repeat(iris.y_train.to_numpy(), 10).tolist()
    assert extended.X_train.index.equals(extended.y_train.index)
    for part in ("X_validation", "y_validation", "X_test", "y_test"):
        assert getattr(extended, part).equals(getattr(iris, part))


def test_copies_are_copies_of_the_rows_that_are_mixed(iris):
    n = len(iris.y_train)
    copies = _mixup.extended(iris, 0.5, "copies", seed=4)
    first = _mixup.draw(n, n // 2, seed=4)[0]
    assert copies.X_train.iloc[10 * n :: 10].to_numpy().tolist() == iris.X_train.iloc[first].to_numpy().tolist()
    assert copies.y_train.iloc[10 * n :: 10].tolist() == iris.y_train.iloc[first].tolist()


def test_whole_numbers_stay_whole_where_nothing_is_mixed():
    split = tables.load("digits", task="classification").split(0).limit(30)
    copies = _mixup.extended(split, 1.0, "copies", seed=0)
    assert (copies.X_train.dtypes == split.X_train.dtypes).all()
    assert _mixup.extended(split, 1.0, "mixed", seed=0).X_train.dtypes.eq("float64").any()


def test_a_smaller_share_is_part_of_a_larger_one(iris):
    few, many = (_mixup.extended(iris, share, "mixed", seed=0) for share in (0.25, 1.0))
    n = len(few.y_train)
    pd.testing.assert_frame_equal(many.X_train.iloc[:n], few.X_train)
    assert many.y_train.iloc[:n].equals(few.y_train)
    assert _mixup.extended(iris, 0.25, "mixed", seed=1).fingerprint() != few.fingerprint()


def test_bad_shares_and_kinds(iris):
    with pytest.raises(UserError, match="give 0 or more"):
        _mixup.extended(iris, -0.5, "mixed", seed=0)
    with pytest.raises(UnknownName, match="mixed, copies"):
        _mixup.extended(iris, 0.5, "cut", seed=0)


def test_a_table_of_two_rows_can_be_mixed():
    split = tables.load("iris", task="classification").split(0).subsample(2, 0)
    assert len(_mixup.extended(split, 3.0, "mixed", seed=0).y_train) == 80


def test_all_methods_of_the_experiment_get_the_same_rows():
    config = mixup.Config(datasets=("iris",), rows=12)
    rows = {}
    for case in mixup.cases(config):
        trial = mixup.build(case, config)
        rows.setdefault(tuple(case.settings.values()), set()).add(trial.split.fingerprint())
    assert all(len(prints) == 1 for prints in rows.values())
    assert len(set.union(*rows.values())) == len(rows) == 5
    whole = mixup.build(study.Case("iris", "lift", 0, {"share": 0.0, "kind": "none"}), mixup.Config(rows=0))
    assert len(whole.split.y_train) == 960
