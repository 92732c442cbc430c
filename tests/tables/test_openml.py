"""Downloads from a small server on this machine that answers as OpenML does, and as it should not."""

import logging

import numpy as np
import pytest

from utils import tables
from utils.errors import BadTable, UnknownName, Unobtainable, UserError
from utils.tables import openml, registry

ARFF = """% a comment
@RELATION demo
@ATTRIBUTE row NUMERIC
@ATTRIBUTE class {yes,no}
@ATTRIBUTE 'the width' NUMERIC
@ATTRIBUTE colour {red,'light, blue'}
@attribute note STRING
@DATA
1,yes,1.5,red,'it\\'s'
2,no,?,'light, blue',"say \\"hi\\" 🙂"
3,yes,2,?,'?'
4,no,3,red,it's plain
"""
COLUMNS = [
    ("row", "numeric"),
    ("class", "nominal"),
    ("the width", "numeric"),
    ("colour", "nominal"),
    ("note", "string"),
]


def iris_arff():
    labels = ["Iris-setosa", "Iris-versicolor", "Iris-virginica"]
    lines = [f"{row / 10},{row},{row % 7},{row % 5},{labels[row % 3]}" for row in range(150)]
    return "@data\n" + "\n".join(lines) + "\n"


@pytest.fixture
def server(openml_server):
    openml_server.add(900, ARFF, COLUMNS, target=["class"], ignored=["row"])
    return openml_server


def demo(server, rows=5):
    """The demo table again, long enough to be learnt from."""
    head, _, body = ARFF.partition("@DATA\n")
    server.add(901, head + "@DATA\n" + body * rows, COLUMNS, target=["class"], ignored=["row"])
    return tables.load("openml:901")


def test_cells_of_every_kind(server):
    table = demo(server)
    assert (table.name, table.task, table.source) == ("openml:901", "classification", "OpenML 901, demo version 1")
    assert list(table.X.columns) == ["the width", "colour", "note"]
    assert list(table.X["the width"][[0, 2, 3]]) == [1.5, 2.0, 3.0]
    assert np.isnan(table.X["the width"].iloc[1])
    assert list(table.X["colour"][:4]) == ["red", "light, blue", None, "red"]
    assert list(table.X["note"][:4]) == ["it's", 'say "hi" 🙂', "?", "it's plain"]
    assert list(table.y[:4]) == ["yes", "no", "yes", "no"]


def test_a_second_load_asks_nobody(server):
    first = demo(server)
    asked = list(server.asked)
    assert len(asked) == 3
    server.pages.clear()
    assert tables.load("openml:901").sha256 == first.sha256
    assert server.asked == asked
    assert not list(openml.CACHE.glob("*.part"))


def test_a_changed_copy_is_refused(server):
    copy = openml.fetch("900")
    copy.path.write_bytes(copy.path.read_bytes()[:-1] + b"x")
    with pytest.raises(BadTable, match=r"900\.parquet is not the file.*remove it"):
        openml.fetch("900")
    copy.path.unlink()
    assert openml.fetch("900").target == "class"


@pytest.mark.parametrize("faults", [[503, 500], ["cut"], ["slow"], [429, "cut", "slow"]])
def test_passing_faults_are_tried_again(server, monkeypatch, faults):
    monkeypatch.setattr(openml, "TIMEOUT", 2 if "slow" in faults else 300)  # seconds; good answers must be faster
    server.faults = list(faults)
    assert openml.fetch("900").target == "class"
    assert server.asked.count("/file/900") == len(faults) + 1


@pytest.mark.parametrize(
    ("fault", "message"),
    [(503, "answered 503"), ("cut", "cannot be read.*IncompleteRead.*LIFT_DATA"), ("slow", "timed out.*LIFT_DATA")],
)
def test_lasting_faults_end_in_a_message(server, monkeypatch, fault, message):
    server.faults = [fault] * openml.ATTEMPTS
    with monkeypatch.context() as patch:
        patch.setattr(openml, "TIMEOUT", 2 if fault == "slow" else 300)
        with pytest.raises(UserError, match=message):
            openml.fetch("900")
    assert not list(openml.CACHE.glob("900.parquet"))
    assert openml.fetch("900").target == "class"


def test_faults_that_will_not_pass_are_asked_once(server):
    server.faults = [403]
    with pytest.raises(UserError, match="answered 403"):
        openml.fetch("900")
    assert server.asked.count("/file/900") == 1


def test_no_network(server, monkeypatch):
    monkeypatch.setattr(openml, "SERVER", "http://127.0.0.1:9")
    with pytest.raises(Unobtainable, match=r"OpenML 31 is not on this machine.*With a network.*LIFT_DATA"):
        tables.load("german")


def test_unknown_ids_and_names(server):
    server.put("/api/v1/json/data/list/data_name/nothing%2Fhere/limit/2/status/active/", {"data": {"dataset": []}})
    for word in ("31415", "nothing", "nothing/here"):
        with pytest.raises(UnknownName, match=f"OpenML has no (active )?table '{word}'"):
            tables.load(f"openml:{word}")


def test_names_lead_to_the_first_active_version(server, caplog):
    path = "/api/v1/json/data/list/data_name/my%20demo/limit/2/status/active/"
    server.put(path, {"data": {"dataset": [{"did": 900}, {"did": 7}]}})
    with caplog.at_level(logging.WARNING):
        assert openml.fetch("my demo").source == "OpenML 900, demo version 1"
    assert "taking id 900" in caplog.text


@pytest.mark.parametrize(
    ("path", "content", "message"),
    [
        ("/api/v1/json/data/900", b"<html>down for repairs</html>", "not answer with JSON"),
        ("/api/v1/json/data/900", b'{"data_set_description": {}}', "without 'name'"),
        ("/file/900", b"<html>down for repairs</html>", "incomplete or altered"),
    ],
)
def test_answers_of_another_kind(server, path, content, message):
    server.pages[path] = content
    with pytest.raises(UserError, match=message):
        openml.fetch("900")


@pytest.mark.parametrize(
    ("arff", "message"),
    [
        ("<html>", "not in ARFF format"),
        ("@data\n{0 1, 1 yes}\n", "sparse"),
        ("@data\n1,yes\n", "line 2: 2 cells instead of 5"),
        ("@data\n1,yes,1,'red,x\n", "instead of 5"),
        ("@data\n1,yes,wide,red,x\n", "'the width' holds cells that are not numbers"),
    ],
)
def test_data_files_of_another_kind(server, arff, message):
    server.add(902, arff, COLUMNS, target=["class"])
    with pytest.raises(BadTable, match=message):
        openml.fetch("902")


def test_a_file_address_is_not_followed(server):
    server.add(903, ARFF, COLUMNS, target=["class"], url="file:///etc/hostname")
    with pytest.raises(UserError, match="not a web address"):
        openml.fetch("903")


def test_targets_are_told_where_openml_names_none(server):
    head, _, body = ARFF.partition("@DATA\n")
    server.add(904, head + "@DATA\n" + body * 5, COLUMNS, target=[], ignored=["row"])
    with pytest.raises(BadTable, match=r"no single target.*--target: class, the width"):
        tables.load("openml:904")
    assert tables.load("openml:904", target="class").y.nunique() == 2


def test_nominal_digits_stay_text(server):
    columns = [("code", "nominal"), ("class", "nominal")]
    rows = "\n".join(f"{row % 3},{row % 30}" for row in range(90))
    server.add(905, f"@data\n{rows}\n", columns, target=["class"])
    table = tables.load("openml:905")
    assert (table.task, table.y.iloc[29], table.X["code"].iloc[1]) == ("classification", "29", "1")


def test_known_tables_are_checked_against_the_registry(server):
    columns = [(name, "numeric") for name in ("a", "b", "c", "d")] + [("class", "nominal")]
    server.add(61, iris_arff(), columns, target=["class"], name="iris")
    table = tables.load("openml:61")
    assert (table.name, table.X.shape, table.y.nunique()) == ("iris", (150, 4), 3)
    assert tables.load("openml:iris").sha256 == table.sha256
    assert registry.by_openml_id(61).name == "iris"
    server.add(31, iris_arff(), columns, target=["class"], name="credit-g")
    with pytest.raises(BadTable, match=r"not the credit-g.*150 rows \(expected 1000\).*3 classes \(expected 2\)"):
        tables.load("german")
