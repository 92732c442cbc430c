"""Small files as other programs write them: each has its right reading, or one sentence that says what to do."""

import gzip
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from utils import tables
from utils.errors import BadTable
from utils.tables import disguises, files, registry

N = 20  # rows
PRICES = [1234.5 + 1000 * row for row in range(N)]
LABELS = ["ja" if row % 3 else "nein" for row in range(N)]


def german(value, places=2):
    return f"{value:,.{places}f}".translate(str.maketrans(",.", ".,"))


def lines(cells, header="price{0}size{0}label", separator=",", end="\n"):
    """A file of N rows; `cells(row)` gives the first cell."""
    body = [separator.join([cells(row), str(row % 7), LABELS[row]]) for row in range(N)]
    return end.join([header.format(separator), *body]) + end


def quoted(form):
    return lines(lambda row: f'"{form(PRICES[row])}"')


PLAIN = lines(lambda row: str(PRICES[row]))
GERMAN = lines(lambda row: german(PRICES[row]), separator=";")
ENGLISH = "{:,.2f}".format

READ = {  # file name, content, a word of the account
    "plain": ("my.csv", PLAIN, None),
    "byte-order mark": ("my.csv", PLAIN.encode("utf-8-sig"), None),
    "CRLF": ("my.csv", PLAIN.replace("\n", "\r\n"), None),
    "CR": ("my.csv", PLAIN.replace("\n", "\r"), None),
    "gzip": ("my.csv.gz", gzip.compress(PLAIN.encode()), None),
    "tabs in .tsv": ("my.tsv", PLAIN.replace(",", "\t"), None),
    "tabs in .csv": ("my.csv", PLAIN.replace(",", "\t"), "separated by tabs"),
    "bars": ("my.csv", PLAIN.replace(",", "|"), "separated by vertical bars"),
    "semicolons": ("my.csv", PLAIN.replace(",", ";"), "separated by semicolons"),
    "semicolons in .tsv": ("my.tsv", PLAIN.replace(",", ";"), "separated by semicolons"),
    "semicolons and decimal commas": ("my.csv", GERMAN, "'10.234,50' is 10234.5"),
    "decimal commas without groups": ("my.csv", GERMAN.replace(".", ""), "'10234,50' is 10234.5"),
    "Excel's sep=": ("my.csv", "sep=;\r\n" + GERMAN.replace("\n", "\r\n"), "'10.234,50' is 10234.5"),
    "a comma in a name": ("my.csv", lines(lambda row: german(PRICES[row]), "price{0}size, m{0}label", ";"), None),
    "UTF-16": ("my.csv", GERMAN.encode("utf-16"), "UTF-16"),
    "UTF-16 without a mark": ("my.csv", PLAIN.encode("utf-16-le"), "UTF-16-LE"),
    "Windows-1252": ("my.csv", GERMAN.replace("nein", "nö").encode("cp1252"), "Windows-1252, as in 'nö'"),
    "latin-1": ("my.csv", PLAIN.replace("nein", "n\x81ö").encode("latin-1"), "LATIN-1"),
    "thousands": ("my.csv", quoted(ENGLISH), "'10,234.50' is 10234.5"),
    "spaces": ("my.csv", quoted(lambda v: f"{v:,.2f}".replace(",", " ")), "'10 234.50' is 10234.5"),
    "narrow spaces": ("my.csv", quoted(lambda v: german(v).replace(".", "\u202f")), "is 10234.5"),
    "apostrophes": ("my.csv", quoted(lambda v: f"{v:,.2f}".replace(",", "’")), "is 10234.5"),
    "pounds": ("my.csv", quoted(lambda v: f"£{v:,.2f}"), "'£10,234.50' is 10234.5"),
    "euros": ("my.csv", quoted(lambda v: f"{german(v)} €"), "'10.234,50 €' is 10234.5"),
    "codes of currencies": ("my.csv", quoted(lambda v: f"USD {v:,.2f}"), "is 10234.5"),
    "percent": ("my.csv", quoted(lambda v: f"{v} %"), "'10234.5 %' is 10234.5"),
    "padded": ("my.csv", quoted(lambda v: f"  {v} "), None),
    "titles": ("my.csv", "Prices of 2024\n\n" + PLAIN, "'Prices of 2024', skipped"),
    "padded titles": ("my.csv", "Prices;;\n;;\n" + GERMAN, "'Prices', skipped"),
    "comments": ("my.csv", "# made by hand\n# twice\n" + PLAIN, "2 lines above"),
    "separators at the ends": ("my.csv", PLAIN.replace("\n", ",\n"), "ends with a separator"),
    "separators below the names": ("my.csv", PLAIN.replace("ja\n", "ja,\n").replace("nein\n", "nein,\n"), "ends with"),
    "empty lines": ("my.csv", PLAIN + ",,\n,,\n", "2 lines without any entry"),
    "R's quotes": ("my.csv", PLAIN.replace("price", '"price"').replace("ja", '"ja"'), None),
}


def load(folder, name, content, **told):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return tables.load(str(path), **told)


def account(table):
    return " ".join([*table.account.notes, *table.account.columns.values(), *table.account.odd.values()])


@pytest.mark.parametrize("case", READ)
def test_files_of_other_dialects_are_the_same_table(tmp_path, case):
    name, content, word = READ[case]
    table = load(tmp_path, name, content)
    assert table.X.iloc[:, 0].tolist() == PRICES
    assert table.X.iloc[:, 1].tolist() == [row % 7 for row in range(N)]
    assert (table.X.columns[0], table.y.name, table.task) == ("price", "label", "classification")
    assert table.y.eq("ja").tolist() == [label == "ja" for label in LABELS]
    if word is None:
        assert not table.account.notes or "semicolons" in table.account.notes[0]
    else:
        assert word in account(table)


REFUSED = {
    "a workbook": ("my.csv", b"PK\x03\x04rest", "spreadsheet"),
    "an old workbook": ("my.csv", b"\xd0\xcf\x11\xe0rest", "Excel"),
    "Parquet under another name": ("my.csv", b"PAR1....", "call it .parquet"),
    "gzip under another name": ("my.csv", gzip.compress(b"a,b\n1,2\n"), "call it .csv.gz"),
    "zero bytes": ("my.csv", b"a,b\n1,\0\0\0\n", "zero bytes"),
    "half of UTF-16": ("my.csv", b"\xff\xfea\0,\0b\0\n\0\x00\xd8", "not valid utf-16"),
    "blank lines alone": ("my.csv", b" \n\n ,\n", "is empty"),
    "a long line": ("my.csv", PLAIN + "1,2,3,4\n", "line 22: 4 cells, but line 1 names 3 columns; put double quotes"),
    "a short line": ("my.csv", PLAIN + "1,2\n", "line 22: 2 cells.*a cell or a separator is missing"),
    "a footer": ("my.csv", PLAIN + "Source: us\n", "line 22: 1 cell, .*removed"),
    "R's row names": ("my.csv", "a,b,c\n" + "r,1,2,x\n" * 9, "as in every line; .*row.names"),
    "commas for decimals, too": ("my.csv", "a,b,c\n" + "1,5,2,5,x\n" * 9, "also the decimal mark, separate"),
    "blanks between the cells": ("my.csv", "a b c\n1 2 3\n", "only column is 'a b c'"),
    "no names, twice the same": ("my.csv", "5,5,a\n1,2,b\n", "'5' occur more than once; put a line of names"),
    "an open quote": ("my.csv", 'a;b\n1;"2\n3;4\n', "a quote may be missing"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_gets_one_sentence(tmp_path, case):
    name, content, message = REFUSED[case]
    with pytest.raises(BadTable, match=message) as caught:
        load(tmp_path, name, content)
    assert "\n" not in str(caught.value).replace(str(tmp_path), "")


def test_a_comma_file_with_other_separators_in_its_texts_stays_one(tmp_path):
    body = "".join(f"a|b;c {row}|{row},{row},x;y\n" for row in range(30))
    assert load(tmp_path, "my.csv", "text,n,label\n" + body + "a,1,z;y\n").X.shape == (31, 2)


def test_lines_are_counted_as_an_editor_does(tmp_path):
    path = tmp_path / "my.csv"
    path.write_text('Title\n\na,b\n"x\ny",1\nz,2\n')
    assert files.sheet(path).lines == (5, 6)
    path.write_text("sep=;\na;b\nz;2\n")
    assert files.sheet(path).lines == (3,)


def read(*cells, separator=",", **others):
    """What a column of these cells is read as, and how; other columns may stand beside it."""
    frame = pd.DataFrame({"a": cells, **others}, dtype=object)
    X, told = files.understood(files.Sheet(frame, separator, tuple(range(2, len(frame) + 2))))
    return X["a"].tolist(), told.columns.get("a", ""), told.odd.get("a", "")


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (("1,234", "12,345,678"), [1234, 12345678]),
        (("12,34,567", "5"), [1234567, 5]),
        (("1,5", "-2,25"), [1.5, -2.25]),
        (("1.234.567", "1.000"), [1234567, 1000]),
        (("1.234,5", "7"), [1234.5, 7]),
        (("0,123", "0,500"), [0.123, 0.5]),
        (("−5", "3"), [-5, 3]),
        (("$1,200", "-$3"), [1200, -3]),
        (("$-3", "$ 4"), [-3, 4]),
        (("US$5", "US$6.50"), [5, 6.5]),
        (("5.1%", "7 %"), [5.1, 7]),
        (("1,5e3", "2,0"), [1500, 2]),
        (("1'234.5", "1'000"), [1234.5, 1000]),
    ],
)
def test_numbers_in_disguise(cells, values):
    found, told, odd = read(*cells)
    assert found == values
    assert told
    assert not odd


@pytest.mark.parametrize("word", ["n/a", "N/A", "?", "-", "--", "–", "unknown", "UNKNOWN", "#N/A", ".", "missing", " "])
def test_one_word_for_missing_among_numbers(word):
    found, told, _ = read("1", "2.5", word, word)
    assert found[:2] == [1, 2.5]
    assert np.isnan(found[2:]).all()
    assert f"{word!r} is missing (2 times)" in told
    assert read("x", "y", word, None)[0] == ["x", "y", word, None], "among words it is a word"


@pytest.mark.parametrize(
    "cells",
    [
        ("02134", "10115"),
        ("£5", "$6"),
        ("5 %", "6"),
        ("1,5", "1.5"),
        ("1,23", "1,2345,6"),
        ("12.05.2024", "13.05.2024"),
        ("1.2.3", "1.2.4"),
        ("1-2", "3-4"),
        ("5 kg", "6 kg"),
        ("99999999999999999999,0,0", "1"),
        ("9" + ",999" * 7, "1"),
        ("(5)", "6"),
        ("-", "?"),
    ],
)
def test_what_has_no_one_reading_stays_text(cells):
    assert read(*cells)[0] == list(cells)


def test_cells_in_doubt_follow_the_file():
    assert read("1,234", "5,678")[:2] == ([1234, 5678], "'1,234' is 1234 ('1,234' could also be 1.234)")
    assert read("1,234", "5,678", separator=";")[0] == [1.234, 5.678]
    assert read("1,234", "5,678", b=["0,5", "1,25"])[0] == [1.234, 5.678]
    assert read("1,234", "5,678", separator=";", b=["0.5", "1.25"])[0] == [1234, 5678]
    assert read("1.234", "5.678")[0] == [1.234, 5.678]
    assert read("1.234", "5.678", separator=";")[0] == [1.234, 5.678], "a plain number is what it says"
    assert read("1.234", "5.678", separator=";", b=["0,5", "1,25"])[0] == [1234, 5678]
    assert read("1.234", "5.6", separator=";", b=["0,5", "1,25"])[0] == [1.234, 5.6]


def test_a_word_among_numbers_is_told_with_its_place():
    found, _, odd = read("1", "ten", "3", "4", "5")
    assert found == ["1", "ten", "3", "4", "5"]
    assert "1 of its 5 cells: 'ten' (line 3)" in odd
    assert "--as-text a" in odd
    assert "'x' (line 3 and 1 more)" in read("1", "x", "3", "x", "5", "6", "7")[2]
    assert "'5 %'" in read("5 %", "6", "7", "8")[2]
    assert "'1.5'" in read("1,5", "2,5", "3,5", "1.5")[2]
    assert not read("a", "b", "3", "4")[2]
    assert not read("02134", "10115", "10117", "10119")[2]


def test_the_text_stays_where_that_is_asked_for(tmp_path):
    content = quoted(ENGLISH)
    table = load(tmp_path, "my.csv", content, as_text=("price", "size"))
    assert table.X["price"].iloc[0] == "1,234.50"
    assert table.X["size"].iloc[1] == "1"
    assert not table.account.columns
    with pytest.raises(BadTable, match="no column 'prize'; --as-text from price, size, label"):
        load(tmp_path, "my.csv", content, as_text=("prize",))


def test_a_target_in_disguise(tmp_path):
    content = "x,price\n" + "".join(f'{row},"£{1000 + 3 * row:,}"\n' for row in range(30))
    table = load(tmp_path, "my.csv", content)
    assert (table.task, table.y.iloc[0]) == ("regression", 1000)
    with pytest.raises(BadTable, match="single row"):
        load(tmp_path, "my.csv", content, as_text=("price",))
    few = "x,grade\n" + "".join(f'{row},"{row % 2},5"\n' for row in range(30))
    assert set(load(tmp_path, "my.csv", few).y) == {"0,5", "1,5"}, "labels stay as they are written"
    with pytest.raises(BadTable, match="1 of 31 rows have no 'price'"):
        load(tmp_path, "my.csv", content + "31,n/a\n")


def test_a_reading_reads_further_rows_alike():
    column = pd.Series(["£1,200.50", "n/a"], dtype=object)
    (reading,) = disguises.readings(column)
    assert reading.apply(pd.Series(["£5", "£2,000.5", None], dtype=object)).tolist()[:2] == [5, 2000.5]
    assert reading.apply(pd.Series(["$5"], dtype=object)) is None


def test_tables_of_the_project_are_read_as_ever(tmp_path, monkeypatch):
    """The key of a case depends on the content: a known table has no disguises, a file beside it may have."""
    body = "a,label\n" + "".join(f'"{row},5",{row % 2}\n' for row in range(30))
    (tmp_path / "mine.csv").write_text(body)
    monkeypatch.setenv("LIFT_DATA", str(tmp_path))
    assert tables.load("mine").X["a"].iloc[0] == 0.5
    assert [tables.is_own(name) for name in ("mine", "iris", "moons", "none.csv", "none")] == [1, 0, 0, 1, 0]
    entry = registry.entries()["servo"]
    known = replace(entry, rows=30, features=(1,), classes=2, task="classification", categorical=())
    monkeypatch.setitem(registry.entries(), "mine", known)
    table = tables.load("mine")
    assert table.X["a"].iloc[0] == "0,5"
    assert not table.is_own
    assert not tables.is_own("mine")


def test_real_tables_are_what_pandas_reads_and_hold_nothing_in_disguise(lift_data):
    paths = [path for path in lift_data.glob("*.csv.gz") if path.stat().st_size < 20_000]  # the others take seconds
    for path in paths:
        sheet = files.sheet(path)
        plain = pd.read_csv(path, dtype=str, keep_default_na=False)
        pd.testing.assert_frame_equal(sheet.frame.fillna("").astype(str), plain.astype(str), check_dtype=False)
        frame, told = files.understood(sheet)
        pd.testing.assert_frame_equal(files.features(frame), files.features(sheet.frame))
        assert (sheet.notes, told.readings) == ((), {})
        assert set(told.odd) <= {"doors", "persons"}, "of car: 2, 3, 4 and 5more; 2, 4 and more"
    assert len(paths) > 30
