"""Rows parted by a column: whole groups, time; and what no column can part."""

import numpy as np
import pandas as pd
import pytest

from utils import study, tables
from utils.errors import BadTable, UserError
from utils.study import table_check

PARTS = ("train", "validation", "test")
N = 120
RNG = np.random.default_rng(0)
DAYS = pd.date_range("2023-11-01", periods=N, freq="36h")[RNG.permutation(N)]
FRAME = pd.DataFrame(
    {
        "x": RNG.normal(size=N).round(3),
        "hospital": [f"h{row % 12}" for row in range(N)],
        "visit": DAYS.strftime("%d.%m.%Y %H:%M"),
        "day": RNG.integers(0, 40, N),
        "y": RNG.choice(["ill", "well"], N, p=[0.3, 0.7]),
    }
)


@pytest.fixture
def file(tmp_path):
    FRAME.to_csv(tmp_path / "my.csv", index=False)
    return str(tmp_path / "my.csv")


def indices(split):
    return [getattr(split, f"y_{part}").index for part in PARTS]


@pytest.mark.parametrize("target", ["y", "x"])
@pytest.mark.parametrize("protocol", ["paper", "independent"])
def test_no_group_is_on_two_sides(file, target, protocol):
    table = tables.load(file, group="hospital", target=target)
    assert "hospital" not in table.X
    tests = []
    for seed in range(4):
        split = table.split(seed, protocol)
        assert split.protocol == "group=hospital"
        parts = [set(FRAME["hospital"][index]) for index in indices(split)]
        assert sum(map(len, parts)) == 12
        assert set.union(*parts) == set(FRAME["hospital"])
        assert [len(index) for index in indices(split)] == pytest.approx([77, 19, 24], abs=12)
        tests.append(frozenset(parts[2]))
    assert (len(set(tests)) == 1) == (protocol == "paper")


@pytest.mark.parametrize("column", ["visit", "day"])
def test_training_is_earlier_than_validation_and_that_than_test(file, column):
    table = tables.load(file, time=column)
    assert column not in table.X
    when = pd.Series(DAYS) if column == "visit" else FRAME["day"]
    split = table.split(0)
    train, validation, test = ([when[row] for row in index] for index in indices(split))
    assert max(train) < min(validation)
    assert max(validation) < min(test)
    assert [len(train), len(validation), len(test)] == pytest.approx([77, 19, 24], abs=4)
    assert split.fingerprint() == table.split(1).fingerprint()
    with pytest.raises(UserError, match="--protocol independent draws test rows at random, but --time"):
        table.split(0, "independent")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"group": "clinic"}, "has no column 'clinic'; choose --group from x, hospital, visit, day"),
        ({"group": "y"}, "'y' is the target"),
        ({"group": "hospital", "time": "day"}, "--group hospital and --time day are two ways"),
        ({"time": "hospital"}, "'hospital' holds neither numbers nor dates in a single format"),
    ],
)
def test_columns_that_part_nothing(file, flags, message):
    with pytest.raises(UserError, match=message):
        tables.load(file, **flags)


@pytest.mark.parametrize(
    ("column", "flag", "message"),
    [
        (["a", "b"] * 60, "group", "has 2 groups"),
        (["a", None, "c"] * 40, "group", r"40 of 120 rows have no 'g' \(the first is row 1,"),
        ([1, 2] * 60, "time", "has 2 different times"),
        (["01/02/2024", "03/04/2024", "05/06/2024"] * 40, "time", "may begin with the day or with the month"),
    ],
)
def test_cells_that_part_nothing(tmp_path, column, flag, message):
    FRAME[["x", "y"]].assign(g=column)[["x", "g", "y"]].to_csv(tmp_path / "g.csv", index=False)
    with pytest.raises(BadTable, match=message):
        tables.load(str(tmp_path / "g.csv"), **{flag: "g"})


def test_generated_tables_have_no_such_column():
    with pytest.raises(UserError, match="moons is drawn anew for each seed; leave out --time x1"):
        tables.load("moons", time="x1")


def test_the_flags_reach_the_case_and_the_check(file, capsys):
    plain = study.Config(datasets=(file,), methods=("tree",), check=True)
    case = study.Case(file, "tree", 0)
    keys = set()
    for flags in ({}, {"group": "hospital"}, {"time": "visit"}):
        config = study.Config(**{**vars(plain), **flags})
        trial = study.trial(case, config, "classification")
        keys.add(trial.key(0, {}))
        table_check.report([case], config, lambda case, trial=trial: trial, study.table_of)
    assert len(keys) == 3
    said = capsys.readouterr().out
    assert "(seed 0, protocol paper)" in said
    assert "by whole groups of hospital, which is not a feature" in said
    assert "in the order of visit, which is not a feature" in said
