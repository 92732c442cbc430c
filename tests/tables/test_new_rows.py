"""New rows for a fitted model: columns by name, cells as the training rows were read, and what is told of them."""

import json

import pandas as pd
import pytest

from utils import tables
from utils.errors import BadTable
from utils.tables import new_rows
from utils.tables.new_rows import Column


def line(i):
    """A row as a German Excel writes it: decimal commas, points between thousands, a currency, codes with zeros."""
    return f"{str(i / 4).replace('.', ',')};{i + 1}.{100 + i},5 €;{'red' if i % 2 else 'blue'};0{i % 3};{i % 2}"


@pytest.fixture(scope="module")
def columns(tmp_path_factory):
    path = tmp_path_factory.mktemp("train") / "train.csv"
    path.write_text("a;price;word;code;y\n" + "\n".join(map(line, range(24))), "utf-8")
    table = tables.load(str(path))
    found = [Column.of(table.X[name], table.account) for name in table.X]
    return [Column.from_json(json.loads(json.dumps(column.to_json()))) for column in found]


@pytest.fixture
def read(columns, tmp_path):
    def read(*lines, name="new.csv"):
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", "utf-8")
        return new_rows.read(path, columns, "y")

    return read


def test_columns_are_those_of_the_training_rows(columns):
    kinds = [(column.name, column.kind, column.levels) for column in columns]
    assert kinds[:2] == [("a", "number", None), ("price", "number", None)]
    assert kinds[2:] == [("word", "text", ["blue", "red"]), ("code", "text", ["00", "01", "02"])]
    assert (columns[1].reading.decimal, columns[1].reading.group, columns[1].reading.unit) == (",", ".", "€")


def test_reordered_columns_are_found_by_name_and_cells_read_as_in_training(read):
    frame, told = read("code;word;price;a", "01;red;1.234 €;1,25", "02;blue;2.000,75 €;3")
    assert list(frame) == ["a", "price", "word", "code"]
    assert frame["a"].tolist() == [1.25, 3.0]
    assert frame["price"].tolist() == [1234.0, 2000.75], "1.234 is no fraction where training prices had decimal commas"
    assert frame["code"].tolist() == ["01", "02"], "a code keeps its zero"
    assert told == ["cells are separated by semicolons"]


def test_missing_columns_are_an_error_that_names_what_may_be_meant(read):
    with pytest.raises(BadTable, match=r"lacks column 'price', .*rename 'Price ' to 'price'"):
        read("a;Price ;word;code", "1;1 €;red;01")
    with pytest.raises(BadTable, match=r"lacks columns 'word', 'code', .*empty cells where unknown"):
        read("a;price;q", "1;1 €;2")


def test_extra_columns_and_the_target_are_named_and_left_out(read):
    frame, told = read("id;a;price;word;code;y", "7;1;5.000 €;red;01;no")
    assert list(frame) == ["a", "price", "word", "code"]
    assert "column 'y', which the model predicts, is ignored" in told[1]
    assert told[2].startswith("column 'id' ignored: not in the training rows")


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("ten", r"'price' holds 'ten' \(line 3\) where .*numbers, written like '1\.234,5 €'"),
        ("$ 5", "line 3"),
        ("5", "5"),
    ],
)
def test_texts_among_numbers_are_an_error_with_their_lines(read, cell, words):
    with pytest.raises(BadTable, match=words):
        read("a;price;word;code", "1;5.000 €;red;01", f"1;{cell};red;01")


def test_plain_numbers_are_not_read_with_another_decimal_mark(tmp_path):
    path = tmp_path / "plain.csv"
    path.write_text("x,w\n1.5,a\n", "utf-8")
    column = [Column("x", "number")]
    assert new_rows.read(path, column, "")[0]["x"].tolist() == [1.5]
    path.write_text("x;w\n1,5;a\n", "utf-8")
    with pytest.raises(BadTable, match=r"'x' holds '1,5' \(line 2\) where the training rows have numbers; correct"):
        new_rows.read(path, column, "")


def test_missing_cells_new_categories_and_numbers_out_of_range_are_told(read):
    frame, told = read("a;price;word;code", ";5.000 €;green;01", "99;n/a;;01", "1;5.000 €;red;01")
    assert frame["a"].isna().tolist() == [True, False, False]
    assert frame["price"].isna().tolist() == [False, True, False]
    assert frame["word"].tolist() == ["green", None, "red"]
    text = "\n".join(told)
    for words in (
        "'word': 1 cell has a category that no training row has, 'green'",
        "'a': 1 cell has a number outside the training range, 0 to 5.75",
        "'a': 1 of 3 cells are missing, and no training row",
    ):
        assert words in text, text
    empty, _ = read("a;price;word;code", ";;;", ";5.000 €;;")
    assert empty["a"].isna().all()


def test_parquet_and_infinite_cells(columns, tmp_path):
    path = tmp_path / "new.parquet"
    frame = pd.DataFrame({"a": [1, 2], "price": ["1.000 €", None], "word": ["red", "blue"], "code": ["00", "01"]})
    frame.to_parquet(path)
    read, _ = new_rows.read(path, columns, "y")
    assert read["a"].tolist() == [1.0, 2.0]
    assert read["price"].tolist()[0] == 1000.0
    frame.assign(a=[1.0, float("inf")]).to_parquet(path)
    with pytest.raises(BadTable, match=r"'a' is infinite \(row 1, counted from 0\)"):
        new_rows.read(path, columns, "y")
    frame.assign(a=["x", "1"]).to_parquet(path)
    with pytest.raises(BadTable, match=r"'a' holds 'x' \(row 0, counted from 0\)"):
        new_rows.read(path, columns, "y")


def test_no_rows(read):
    with pytest.raises(BadTable, match="no rows"):
        read("a;price;word;code")
