"""Names, files and what is refused."""

import gzip
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import ROOT
from utils import tables
from utils.errors import BadTable, UnknownName, Unobtainable, UserError
from utils.tables import files, registry

CELLS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\x00\r"), min_size=1)


@pytest.fixture(autouse=True)
def _no_folders(monkeypatch):
    monkeypatch.delenv("LIFT_DATA", raising=False)


def written(folder, text, name="my.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def rows(n, *columns):
    """A CSV of n rows; columns are functions of the row number."""
    lines = [",".join(str(column(row)) for column in columns) for row in range(n)]
    return ",".join(f"c{position}" for position in range(len(columns))) + "\n" + "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("name", "shape", "classes"),
    [("iris", (150, 4), 3), ("wine", (178, 13), 3), ("digits", (1797, 64), 10), ("breast_cancer", (569, 30), 2)],
)
def test_scikit_learn_classification(name, shape, classes):
    table = tables.load(name)
    assert (table.name, table.X.shape, table.y.nunique(), table.task) == (name, shape, classes, "classification")
    assert all(type(label) is str for label in table.y)
    assert list(table.X.index) == list(range(shape[0]))


def test_scikit_learn_labels_and_whole_numbers():
    assert set(tables.load("iris").y) == {"setosa", "versicolor", "virginica"}
    assert set(tables.load("digits").X.dtypes) == {np.dtype("int64")}
    diabetes = tables.load("diabetes")
    assert (diabetes.task, diabetes.y.dtype, diabetes.X["age"].iloc[0]) == ("regression", np.dtype("float64"), 59)


def test_csv_with_everything_in_its_cells(tmp_path):
    frame = pd.DataFrame(
        {
            "text, with comma": ['say "hi"', "two\nlines", "### 🙂", "a,b", "@@@ ="] * 6,
            "mixed": ["1", "2.5", "-3e2", None, "0"] * 6,
            "whole": range(30),
            "zip": ["02134", "10115"] * 15,
            "country": ["NA", "DE", None] * 10,
            "label": ["1.0", "2"] * 15,
        }
    )
    frame.to_csv(tmp_path / "my.csv", index=False, encoding="utf-8-sig")
    table = tables.load(str(tmp_path / "my.csv"))
    assert table.task == "classification"
    assert list(table.y) == ["1.0", "2"] * 15
    assert list(table.X.columns) == ["text, with comma", "mixed", "whole", "zip", "country"]
    assert list(table.X["text, with comma"][:5]) == ['say "hi"', "two\nlines", "### 🙂", "a,b", "@@@ ="]
    assert [column.kind for column in table.X.dtypes] == ["O", "f", "i", "O", "O"]
    assert table.X["mixed"].iloc[:3].tolist() == [1.0, 2.5, -300.0]
    assert table.X["mixed"].isna().sum() == 6
    assert list(table.X["country"][:3]) == ["NA", "DE", None]
    assert table.X["zip"].iloc[0] == "02134"


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cells=st.lists(CELLS, min_size=2, max_size=8))
def test_any_text_survives_a_csv(tmp_path, cells):
    frame = pd.DataFrame({"cell": cells, "anchor": "text"})
    path = tmp_path / "my.csv.gz"
    frame.to_csv(path, index=False, lineterminator="\n")
    assert list(files.read(path)["cell"]) == cells


@settings(max_examples=60)
@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63) + 1, 2**63 - 1)))
def test_numbers_are_read_back_exactly(values):
    column = files.numbers(pd.Series([repr(value) for value in values], dtype=object))
    if not values:
        assert column is None
    else:
        assert column.dtype.kind == ("i" if all(isinstance(value, int) for value in values) else "f")
        assert [float(value) for value in values] == list(column.astype("float64"))


@pytest.mark.parametrize(
    "cells", [["1_000", "2"], ["٣", "4"], ["0x1F", "2"], ["2020-01-01"], ["1,5"], ["9" * 25, "1"], []]
)
def test_what_only_looks_like_a_number_stays_text(cells):
    assert files.numbers(pd.Series(cells, dtype=object)) is None


@pytest.mark.parametrize("word", files.MISSING)
def test_words_for_missing_count_only_among_numbers(word):
    among_numbers = files.features(pd.DataFrame({"a": ["1", word]}, dtype=object))["a"]
    assert among_numbers.dtype.kind == "f"
    assert np.isnan(among_numbers.iloc[1])
    assert list(files.features(pd.DataFrame({"a": ["x", word]}, dtype=object))["a"]) == ["x", word]


def test_parquet_keeps_its_types(tmp_path):
    n = 12
    frame = pd.DataFrame(
        {
            "flag": [True, False] * 6,
            "day": pd.date_range("2024-02-28", periods=n),
            "moment": pd.date_range("2024-02-28 13:00", periods=n, freq="h"),
            "count": pd.array([1, None] * 6, dtype="Int64"),
            "whole": np.arange(n, dtype="uint8"),
            "code": pd.Categorical(["3", "1"] * 6),
            "digits": ["1", "2"] * 6,
            "value": np.linspace(0, 1, n, dtype="float32"),
        },
        index=range(5, n + 5),
    )
    frame.to_parquet(tmp_path / "my.parquet")
    table = tables.load(str(tmp_path / "my.parquet"), task="regression")
    assert list(table.X.index) == list(range(n))
    assert list(table.X.iloc[0, :2]) == ["True", "2024-02-28"]
    assert table.X["moment"].iloc[0] == "2024-02-28 13:00:00"
    assert (table.X["count"].dtype, table.X["whole"].dtype) == (np.dtype("float64"), np.dtype("int64"))
    assert list(table.X["code"][:2]) == ["3", "1"]
    assert list(table.X["digits"][:2]) == ["1", "2"]
    assert table.y.dtype == np.dtype("float64")


@pytest.mark.parametrize(
    ("target", "task"),
    [
        (lambda row: row % 3, "classification"),
        (lambda row: row, "regression"),
        (lambda row: row % 15 / 10, "regression"),
        (lambda row: row % 4 / 2, "classification"),
        (lambda row: "yes" if row % 2 else "no", "classification"),
    ],
)
def test_the_task_is_guessed_and_can_be_told(tmp_path, target, task):
    path = written(tmp_path, rows(60, lambda row: row, target))
    assert tables.load(path).task == task
    assert tables.load(path, task="classification" if task == "regression" and target(0) != 0 else task).task == task


def test_target_and_task_are_told(tmp_path):
    path = written(tmp_path, rows(30, lambda row: row % 2, lambda row: row))
    table = tables.load(path, target="c0", task="regression")
    assert (table.y.name, list(table.X.columns), table.task) == ("c0", ["c1"], "regression")
    assert tables.load(path, target="c0").y.iloc[1] == "1"


BAD = {
    "no target": ("a,b\n1,2\n", {"target": "price"}, "no column 'price'.*--target NAME from a, b"),
    "no rows": ("a,b\n", {}, "no rows"),
    "no text": ("", {}, "is empty"),
    "one class": (rows(20, lambda row: row, lambda row: "x"), {}, "'x' in every row"),
    "one number": (rows(20, lambda row: row, lambda row: 5), {"task": "regression"}, "5 in every row"),
    "classes of one": (rows(20, lambda row: row, lambda row: f"id{row}"), {}, "20 of the 20 classes.*--target"),
    "numbers as classes": (
        rows(20, lambda row: 1, lambda row: row * 3),
        {"task": "classification"},
        "single row.*--task regression",
    ),
    "text as quantity": (rows(20, lambda row: 1, lambda row: "ab"[row % 2]), {"task": "regression"}, "not numeric"),
    "missing label": (rows(20, lambda row: row, lambda row: ["a", "b", ""][row % 3]), {}, "6 of 20 rows.*row 2"),
    "nan target": (rows(40, lambda row: 1, lambda row: "NaN" if row == 7 else row), {}, "1 of 40 rows.*row 7"),
    "infinite target": (rows(40, lambda row: 1, lambda row: "-inf" if row == 7 else row), {}, "infinite in row 7"),
    "huge target": (rows(40, lambda row: 1, lambda row: "1e999" if row == 7 else row), {}, "infinite in row 7"),
    "infinite feature": (
        rows(20, lambda row: "inf" if row > 7 else row, lambda row: row % 2),
        {},
        "'c0' is infinite in 12",
    ),
    "name twice": ("a,a,b\n1,2,3\n", {}, "'a' occur more than once"),
    "row numbers": (",a,b\n0,1,2\n", {}, "column 1 has no name.*index=False"),
    "one column": ("a b\n1 2\n", {}, "only column is 'a b'.*commas"),
    "long row": ("a,b\n1,2\n1,2,3\n", {}, "line 3: 3 cells.*names 2"),
    "open quote": ('a,b\n1,"2\n3,4\n', {}, "a quote may be missing"),
    "no text at all": (b"a,b\n\0\1,2\n", {}, "zero bytes"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_csv(tmp_path, case):
    text, told, message = BAD[case]
    with pytest.raises(BadTable, match=message):
        tables.load(written(tmp_path, text), **told)


def test_bad_files(tmp_path):
    with pytest.raises(BadTable, match="no file"):
        tables.load(str(tmp_path / "absent.csv"))
    with pytest.raises(BadTable, match="suffix"):
        tables.load(written(tmp_path, "a,b\n1,2\n", "my.txt"))
    with pytest.raises(BadTable, match="damaged gzip"):
        tables.load(written(tmp_path, gzip.compress(b"a,b\n1,2\n" * 99)[:-9], "my.csv.gz"))
    with pytest.raises(BadTable, match="damaged gzip"):
        tables.load(written(tmp_path, "a,b\n", "plain.csv.gz"))
    with pytest.raises(BadTable, match="Parquet"):
        tables.load(written(tmp_path, "a,b\n", "my.parquet"))


def test_constant_and_empty_columns_are_kept(tmp_path):
    table = tables.load(written(tmp_path, rows(20, lambda row: 7, lambda row: "", lambda row: row % 2)))
    assert list(table.X.columns) == ["c0", "c1"]
    assert table.X["c1"].isna().all()


def test_300_columns_and_10000_classes(tmp_path):
    wide = tables.load(written(tmp_path, rows(20, *[lambda row: row] * 300, lambda row: row % 2)))
    assert wide.X.shape == (20, 300)
    many = tables.load(written(tmp_path, rows(30_000, lambda row: row, lambda row: f"k{row % 10_000}")))
    split = many.split(0)
    assert many.y.nunique() == 10_000
    assert len(split.y_test) == 6000


def test_unknown_names_and_options():
    with pytest.raises(UnknownName, match="did you mean 'iris'"):
        tables.load("irsi")
    with pytest.raises(UnknownName, match="no task 'ranking'"):
        tables.load("iris", task="ranking")
    with pytest.raises(UserError, match="is a classification table, not regression"):
        tables.load("iris", task="regression")
    with pytest.raises(UserError, match="leave out --target"):
        tables.load("moons", target="y")
    with pytest.raises(UnknownName, match="ships no table"):
        tables.load("sklearn:boston")
    with pytest.raises(Unobtainable, match=r"servo\.csv\.gz.*LIFT_DATA"):
        tables.load("servo")


def test_expand():
    assert len(tables.expand(["paper"], "classification")) == 14
    assert len(tables.expand(["paper"], "regression")) == 4
    assert tables.expand(["synthetic"], "regression")[0] == "linear"
    assert tables.expand(["sklearn", "moons", "iris", "my.csv"], "classification") == [
        *("iris", "wine", "digits", "breast_cancer", "moons", "my.csv")
    ]
    assert len(tables.expand(["synthetic"], "classification")) == 5
    assert tables.expand(["functions"], "regression")[5:7] == ["piecewise", "linear:p=2"]
    with pytest.raises(UserError, match="functions has no table for classification"):
        tables.expand(["functions"], "classification")
    with pytest.raises(UserError, match="export LIFT_DATA"):
        tables.expand(["other"], "regression")
    with pytest.raises(UserError, match="no table given"):
        tables.expand([], "classification")
    with pytest.raises(UnknownName, match="no task"):
        tables.expand(["paper"], "ranking")


def test_the_hash_follows_the_content_only(tmp_path):
    text = rows(20, lambda row: row, lambda row: row % 2)
    first = tables.load(written(tmp_path, text, "a.csv")).sha256
    assert tables.load(written(tmp_path, gzip.compress(text.encode()), "b.csv.gz")).sha256 == first
    assert tables.load(written(tmp_path, text.replace("c0", "c9"), "c.csv")).sha256 != first
    assert tables.load(written(tmp_path, text.replace("\n3,", "\n3.0,"), "d.csv")).sha256 != first


def test_folders_of_tables(tmp_path, monkeypatch):
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    written(second, rows(20, lambda row: row, lambda row: row % 2), "mine.csv.gz.csv")
    (second / "mine.csv.gz").write_bytes(gzip.compress(rows(20, lambda row: row, lambda row: row % 2).encode()))
    monkeypatch.setenv("LIFT_DATA", f"{first}:{second}")
    assert tables.load("mine").name == "mine"
    with pytest.raises(UnknownName, match="did you mean 'mine'"):
        tables.load("mime")
    written(first, rows(20, lambda row: row, lambda row: row % 2), "iris.csv")
    with pytest.raises(BadTable, match=r"not the iris.*20 rows \(expected 150\), 1 features \(expected 4\)"):
        tables.load("iris")
    assert tables.load("sklearn:iris").source == "scikit-learn"
    monkeypatch.setenv("LIFT_DATA", str(tmp_path / "absent"))
    with pytest.raises(UserError, match="is not a folder"):
        tables.load("mine")


def test_the_registry_and_the_folder_agree(lift_data):
    paths = [path for path in lift_data.glob("*.csv.gz") if path.stat().st_size < 20_000]  # the others take seconds
    for stem in (path.name.removesuffix(".csv.gz") for path in paths):
        table, entry = tables.load(stem), registry.find(stem)
        assert (table.name, table.task) == (stem, entry.task)
        assert set(entry.categorical) <= set(table.X.select_dtypes(exclude="number").columns), stem
        assert entry.label_order is None or set(entry.label_order) == set(table.y)
    assert len(paths) > 30


def test_aliases_and_the_two_tables_called_diabetes(lift_data):
    assert tables.load("customers").name == "wholesale-customers"
    assert tables.load("texture").X.shape == (5500, 40)
    assert tables.load("plants-texture").name == "one-hundred-plants-texture"
    assert tables.load("diabetes").task == "classification"
    assert tables.load("diabetes", task="regression").source == "scikit-learn"


def test_names_in_the_published_results():
    published = set(pd.read_csv(ROOT / "data" / "published" / "results.csv")["dataset"])
    names = [*registry.entries(), *tables.expand(["synthetic"], "classification"), "cosine:p=2", "network:epoch=10"]
    ours = {tables.published_name(name) for name in names} - {None}
    assert ours <= published
    assert tables.published_name("openml:61") == "IRIS"
    assert tables.published_name("my.csv") is None


def test_importing_tables_stays_light():
    code = "import sys, utils.tables; sys.exit(bool({'torch', 'transformers', 'xgboost'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
