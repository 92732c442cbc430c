"""Data sets of the Hugging Face library `datasets`: folders, ids, their parts, and what is refused."""

import sys

import pytest

from utils import study, tables
from utils.errors import BadTable, MissingPackage, UnknownName, Unobtainable
from utils.tables import huggingface

datasets = pytest.importorskip("datasets", reason="pip install datasets")


def rows(n, first=0):
    words = {"kind": [row % 2 for row in range(first, first + n)], "x": [row / 4 for row in range(first, first + n)]}
    kinds = datasets.Features({"kind": datasets.ClassLabel(names=["cat", "dog"]), "x": datasets.Value("float32")})
    more = {"code": [str(row % 3) for row in range(n)]}
    return datasets.Dataset.from_dict(
        {**words, **more}, features=datasets.Features({**kinds, "code": datasets.Value("string")})
    )


@pytest.fixture
def folder(tmp_path):
    datasets.disable_progress_bars()
    return str(tmp_path / "saved")


def test_a_folder_with_parts_keeps_them(folder):
    datasets.DatasetDict(train=rows(30), validation=rows(10, 30), test=rows(20, 40)).save_to_disk(folder)
    table = tables.load(folder)
    assert (table.name, table.y.name, table.task, table.is_own) == (folder, "kind", "classification", True)
    assert sorted(set(table.y)) == ["cat", "dog"]
    assert table.X["code"].tolist()[:3] == ["0", "1", "2"]
    split = table.split(5)
    assert list(split.X_train.index) == list(range(30))
    assert list(split.X_validation.index) == list(range(30, 40))
    assert list(split.X_test.index) == list(range(40, 60))
    assert split.protocol == "official"
    assert tables.is_own(folder)


def test_validation_rows_are_drawn_where_there_are_none(folder):
    datasets.DatasetDict(train=rows(40), test=rows(20, 40)).save_to_disk(folder)
    first, second = (tables.load(folder).split(seed) for seed in (0, 1))
    assert len(first.X_validation) == 8
    assert list(first.X_test.index) == list(second.X_test.index) == list(range(40, 60))
    assert first.fingerprint() != second.fingerprint()


def test_one_part_is_parted_as_a_file_is(folder):
    rows(60).save_to_disk(folder)
    table = tables.load(folder, target="x")
    assert (table.task, table.partition) == ("regression", None)
    trial = study.trial(study.Case(folder, "tree", 0), study.Config(), "classification")
    assert (len(trial.split.X_test), trial.split.protocol) == (12, "")


def test_an_id_is_asked_of_the_library(monkeypatch):
    asked = []
    monkeypatch.setattr(datasets, "load_dataset", lambda *words: asked.append(words) or rows(60))
    assert tables.load("hf:me/pets").source == "Hugging Face me/pets"
    tables.load("hf:me/pets:small")
    assert asked == [("me/pets", None), ("me/pets", "small")]
    assert not tables.is_own("hf:me/pets")


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (datasets.exceptions.DatasetNotFoundError("no such thing"), UnknownName, "the Hub has no data set 'me/pets'"),
        (ConnectionError("no route\nmore"), Unobtainable, r"cannot be fetched from the Hub \(no route\); try again"),
        (ValueError("Config name is missing"), ValueError, "Config name is missing; give hf:OWNER/NAME:CONFIG"),
    ],
)
def test_ids_that_cannot_be_had(monkeypatch, error, kind, message):
    def fail(*words):
        raise error

    monkeypatch.setattr(datasets, "load_dataset", fail)
    with pytest.raises(kind, match=message):
        tables.load("hf:me/pets")


def test_other_parts_and_columns_are_refused(folder, tmp_path):
    datasets.DatasetDict(train=rows(30), extra=rows(10)).save_to_disk(folder)
    with pytest.raises(BadTable, match="has the parts train, extra; train and test are required"):
        tables.load(folder)
    lists = str(tmp_path / "lists")
    datasets.Dataset.from_dict({"x": [[1, 2]] * 20, "y": ["a", "b"] * 10}).save_to_disk(lists)
    with pytest.raises(BadTable, match=r"x holds neither numbers nor text; .*remove_columns\(\['x'\]\)"):
        tables.load(lists)
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "state.json").write_text("{}")
    with pytest.raises(BadTable, match="not a complete folder of save_to_disk"):
        tables.load(str(tmp_path / "torn"))


def test_without_the_library_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingPackage, match="datasets is not installed; pip install datasets"):
        huggingface.read("hf:me/pets")
