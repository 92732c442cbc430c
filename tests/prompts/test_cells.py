"""Columns of every kind as texts."""

import numpy as np
import pandas as pd
import pytest

from utils.errors import BadTable
from utils.prompts.cells import CellWriter, frame, targets
from utils.prompts.wordings import get


def write(train, test=None, numbers="paper", scale="column", wording="paper", categories="text", levels=1000):
    writer = CellWriter(train, numbers, 3, scale, levels, get(wording, "classification"), categories)
    columns = writer.columns(train if test is None else test)
    return [writer.texts(columns, [i])[i] for i in range(len(columns))]


def test_every_kind_of_column():
    table = pd.DataFrame(
        {
            "int": [1, -2, 3],
            "float": [0.5, np.nan, 1e20],
            "whole": [1.0, np.nan, 3.0],
            "bool": [True, False, True],
            "text": ["a", None, "b, c"],
            "nullable": pd.array([1, None, 3], dtype="Int64"),
            "category": pd.Categorical(["u", "v", None]),
            "day": pd.to_datetime(["2024-01-01", None, "2024-01-03"]),
            "mixed": pd.Series(["x", 1, pd.NA], dtype=object),
            "nothing": pd.Series([None, None, None], dtype=object),
            "nan": [np.nan, np.nan, np.nan],
        }
    )
    assert write(table) == [
        ["1", "-2", "3"],
        ["0.50", "unknown", "1e+20"],
        ["1", "unknown", "3"],
        ["1", "0", "1"],
        ["a", "unknown", r"b\x2c c"],
        ["1", "unknown", "3"],
        ["u", "v", "unknown"],
        ["2024-01-01 00:00:00", "unknown", "2024-01-03 00:00:00"],
        ["x", "1", "unknown"],
        ["unknown"] * 3,
        ["unknown"] * 3,
    ]
    scaled = write(table, numbers="scaled")
    assert scaled[:4] == [["599", "0", "999"], ["0", "unknown", "999"], ["0", "unknown", "999"], ["999", "0", "999"]]
    assert scaled[5] == ["0", "unknown", "999"]
    assert scaled[4:5] + scaled[6:] == write(table)[4:5] + write(table)[6:]


def test_a_whole_column_still_writes_fractions_that_come_later():
    train, test = pd.DataFrame({"a": [1, 2, 3]}), pd.DataFrame({"a": [1.0, 2.25, np.nan]})
    assert write(train, test) == [["1", "2.25", "unknown"]]


def test_scales_are_those_of_the_training_rows():
    train = pd.DataFrame({"a": [0.0, 10.0], "b": [0.0, 1.0], "c": [5.0, 5.0]})
    test = pd.DataFrame({"c": [5.0, 9.0], "b": [0.5, -1.0], "a": [20.0, np.nan]})
    assert write(train, test, "scaled") == [["999", "unknown"], ["500", "0"], ["499", "499"]]
    assert write(train, test, "scaled", "table") == [["999", "unknown"], ["50", "0"], ["500", "899"]]
    assert write(train, test, "scaled", "row") == [["999", "unknown"], ["0", "0"], ["231", "999"]]
    assert write(train, test, "scaled", "quantile") == [["999", "unknown"], ["500", "0"], ["499", "499"]]


def test_rows_of_texts_have_nothing_to_scale():
    table = pd.DataFrame({"a": ["x", "y"]})
    for scale in ("column", "row", "table", "quantile"):
        assert write(table, None, "scaled", scale) == [["x", "y"]]


# ---- categories as levels -----------------------------------------------------------------------------------------


def codes(train, test=None, levels=1000):
    """What a column of texts becomes."""
    frames = [None if cells is None else pd.DataFrame({"a": pd.Series(cells, dtype=object)}) for cells in (train, test)]
    return write(*frames, numbers="scaled", categories="levels", levels=levels)[0]


def test_categories_are_spread_over_the_levels_in_sorted_order():
    assert codes(["b", "a", "c", "a"]) == ["500", "0", "999", "0"]
    assert codes(["b", "a"]) == ["999", "0"]
    assert codes(list("edcba"), levels=5) == ["4", "3", "2", "1", "0"]
    assert codes(list("edcba"), levels=400) == ["399", "299", "200", "100", "0"]


def test_unseen_and_missing_categories_are_unknown():
    assert codes(["a", None, "b"], ["b", "c", "", None, "a ", "A"]) == ["999", *["unknown"] * 5]
    assert codes(["a", "b"], [None, np.nan]) == ["unknown", "unknown"]
    assert codes([None, None], ["a", None]) == ["unknown", "unknown"]
    assert codes(["None", "nan", "a"], ["None", None, np.nan, "nan"]) == ["0", "unknown", "unknown", "999"]


def test_a_single_category_is_in_the_middle():
    assert codes(["a", "a", None]) == ["499", "499", "unknown"]
    assert codes(["a"], levels=2) == ["0"]
    assert codes(["a"], levels=101) == ["50"]


def test_numbers_as_text_are_categories_sorted_as_texts():
    assert codes(["10", "9", "2"]) == ["0", "999", "500"]
    assert codes(["1", 1, "01"], ["1", 1, 1.0]) == ["999", "999", "unknown"]


def test_more_categories_than_levels_collide_and_keep_their_order():
    names = [f"{i:03d}" for i in range(250)]
    written = [int(text) for text in codes(names * 2, names, levels=100)]
    assert written == sorted(written)
    assert (written[0], written[-1], len(set(written))) == (0, 99, 100)


def test_names_of_single_rows_are_written_as_those_of_new_rows_will_be():
    names = [f"row {i}" for i in range(60)]
    assert set(codes([*names, "twice", "twice"])) == {"unknown", "499"}
    assert codes([*names, "twice", "twice"], ["row 3", "twice", "new"]) == ["unknown", "499", "unknown"]
    often = ["a", "b"] * 30
    assert "unknown" not in codes([*names, *often]), "half of the rows is not most of them"
    assert "unknown" not in codes(names[:30]), "thirty rows are too few to tell"
    assert "unknown" in codes(names[:31])


@pytest.mark.parametrize("numbers", ["paper", "significant", "scaled"])
def test_categories_as_levels_leave_numbers_alone_and_need_no_escape(numbers):
    table = pd.DataFrame({"n": [1, 2, 4], "t": ["a, b", "###", "x=1"], "u": pd.Categorical(["v", None, "u"])})
    plain, coded = (write(table, numbers=numbers, categories=categories) for categories in ("text", "levels"))
    assert coded[0] == plain[0]
    assert coded[1:] == [["500", "0", "999"], ["999", "unknown", "0"]]
    assert plain[1] != ["a, b", "###", "x=1"]


def test_arrays_get_the_names_x1_x2():
    assert list(frame(np.zeros((2, 3))).columns) == ["x1", "x2", "x3"]
    assert frame(np.array([[1, "a"], [2.5, "b"]], dtype=object)).dtypes.iloc[0].kind == "f"
    with pytest.raises(BadTable, match="2-D"):
        frame(np.zeros(3))


def test_bad_tables_are_refused():
    table = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
    with pytest.raises(BadTable, match="lacks the columns b"):
        write(table, table[["a"]])
    with pytest.raises(BadTable, match="column a held numbers"):
        write(table, table.assign(a=["x", "y"]))
    with pytest.raises(BadTable, match="two columns are called a"):
        write(table.set_axis(["a", "a"], axis=1))
    for empty in (table.iloc[:0], table[[]]):
        with pytest.raises(BadTable, match="rows and columns"):
            write(empty)


def test_a_column_that_is_missing_throughout_the_test_rows_is_unknown():
    assert write(pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [None, None]})) == [["unknown", "unknown"]]


@pytest.mark.parametrize("y", [[1.0, np.nan], [1.0, np.inf], [-np.inf], ["a"], [None]])
def test_targets_must_be_finite_numbers(y):
    with pytest.raises(BadTable, match="regression targets must be"):
        targets(y)
