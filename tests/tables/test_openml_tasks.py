"""Tasks and suites of OpenML: official folds by seed, suites as groups, and answers that cannot be used."""

import numpy as np
import pytest

from utils import study, tables
from utils.errors import BadTable, UnknownName, Unobtainable, UserError
from utils.results import Results
from utils.study.runner import Runner
from utils.tables import openml, openml_tasks

N, REPEATS, FOLDS = 60, 2, 5
SPLITS = "@relation demo_splits\n\n@attribute type {{TRAIN,TEST}}\n@attribute rowid numeric\n"
SPLITS += "@attribute repeat numeric\n@attribute fold numeric\n\n@data\n{}\n"


def order(repeat):
    return np.random.default_rng(repeat).permutation(N)


def lines(n_repeats=REPEATS, n_folds=FOLDS):
    for repeat in range(n_repeats):
        for fold, test in enumerate(np.array_split(order(repeat), n_folds)):
            for row in order(repeat):
                yield f"{'TEST' if row in test else 'TRAIN'},{row},{repeat},{fold}"


def describe(server, task=7, kind="Supervised Classification", target="colour", table=800, **procedure):
    """A task as the server tells of it; the two kinds of lists of names follow OpenML's JSON."""
    known = {"id": "1", "type": "crossvalidation", "data_splits_url": f"{server.address}/file/splits-{task}"}
    about = {
        "task_id": str(task),
        "task_type": kind,
        "input": [
            {"name": "source_data", "data_set": {"data_set_id": str(table), "target_feature": target}},
            {"name": "estimation_procedure", "estimation_procedure": {**known, **procedure}},
            {"name": "cost_matrix", "cost_matrix": []},
        ],
    }
    server.put(f"/api/v1/json/task/{task}", {"task": about})
    server.pages[f"/file/splits-{task}"] = SPLITS.format("\n".join(lines())).encode()


@pytest.fixture
def server(openml_server):
    """A table of 60 rows whose default target is not the task's, and a task of 2 x 5 folds on it."""
    cells = [f"{row},{row % 3 / 2},{'red' if row % 3 else 'blue'},{row * 1.5}" for row in range(N)]
    kinds = [("row", "numeric"), ("width", "numeric"), ("colour", "nominal"), ("height", "numeric")]
    openml_server.add(800, "@data\n" + "\n".join(cells) + "\n", kinds, target=["height"], ignored=["row"])
    describe(openml_server)
    return openml_server


def test_the_seed_is_the_number_of_the_official_fold(server):
    table = tables.load("openml-task:7")
    assert (table.name, table.task, table.y.name) == ("openml-task:7", "classification", "colour")
    assert table.source == "OpenML 800, demo version 1, task 7"
    assert list(table.X) == ["width", "height"]
    for seed in range(REPEATS * FOLDS):
        split = table.split(seed)
        test = np.array_split(order(seed // FOLDS), FOLDS)[seed % FOLDS]
        assert sorted(split.X_test.index) == sorted(test)
        rest = [*split.X_train.index, *split.X_validation.index]
        assert sorted([*rest, *test]) == list(range(N))
        assert len(split.X_validation) == 10
        assert split.y_validation.value_counts()["red"] in (6, 7)
        assert split.protocol == "official"
    assert table.split(3).fingerprint() != table.split(8).fingerprint()
    with pytest.raises(UserError, match="openml-task:7 has 2 x 5 folds, numbered by seeds 0 to 9; seed 10"):
        table.split(10)


def build(case, config):
    return study.trial(case, config, "classification")


def test_results_say_that_the_split_is_the_official_one(server, tmp_path):
    config = study.Config(methods=("majority",), results_dir=tmp_path, quiet=True, workers=1)
    results = Results(tmp_path, "classification", "accuracy")
    cases = [study.Case("openml-task:7", "majority", seed) for seed in (2, 3)]
    assert Runner(config, build, results).run(cases) == 0
    rows = results.frame()
    assert rows[["dataset", "protocol", "seed", "n_test"]].values.tolist() == [
        ["openml-task:7", "official", 2, 12],
        ["openml-task:7", "official", 3, 12],
    ]


def test_a_second_load_asks_nobody_and_a_changed_copy_is_refused(server):
    before = tables.load("openml-task:7").split(1).fingerprint()
    asked = len(server.asked)
    server.pages.clear()
    assert tables.load("openml-task:7").split(1).fingerprint() == before
    assert len(server.asked) == asked == 5  # the task, its folds, the table's description, columns and rows
    path = openml.CACHE / "tasks" / "7.parquet"
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(BadTable, match=r"7\.parquet is not the file"):
        tables.load("openml-task:7")


def test_regression_tasks(server):
    describe(server, task=8, kind="Supervised Regression", target="height")
    table = tables.load("openml-task:8", task="regression")
    assert (table.task, table.y.dtype) == ("regression", float)
    split = table.split(0)
    assert (len(split.y_train), len(split.y_validation), len(split.y_test)) == (38, 10, 12)
    with pytest.raises(UserError, match="openml-task:8 is a regression task, not classification"):
        tables.load("openml-task:8", task="classification")


def test_a_suite_stands_for_its_tasks_of_a_kind(server):
    describe(server, task=8, kind="Supervised Regression", target="height")
    describe(server, task=9, kind="Clustering")
    server.put("/api/v1/json/study/99", {"study": {"name": "CC18", "tasks": {"task_id": ["9", "7", "8"]}}})
    server.put("/api/v1/json/study/one", {"study": {"tasks": {"task_id": 7}}})  # a list of one is no list
    assert tables.expand(["iris", "openml-suite:99"], "classification") == ["iris", "openml-task:7"]
    assert tables.expand(["openml-suite:99"], "regression") == ["openml-task:8"]
    assert tables.expand(["openml-suite:one"], "classification") == ["openml-task:7"]
    with pytest.raises(UnknownName, match="openml-suite:99 stands for several tables"):
        tables.load("openml-suite:99")
    server.pages.clear()
    assert tables.expand(["openml-suite:99"], "classification") == ["openml-task:7"]
    with pytest.raises(UnknownName, match=r"OpenML has no suite '98'.*give openml-suite:ID"):
        tables.expand(["openml-suite:98"], "classification")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"target": "width"}, "the target of openml-task:7 is colour; leave out --target width"),
        ({"group": "width"}, "openml-task:7 has its own split; leave out --group width"),
        ({"time": "width"}, "leave out --time width"),
    ],
)
def test_flags_that_contradict_a_task(server, flags, message):
    with pytest.raises(UserError, match=message):
        tables.load("openml-task:7", **flags)


def test_no_network_and_no_such_task(server, monkeypatch):
    with pytest.raises(UnknownName, match=r"OpenML has no task '70'.*give openml-task:ID"):
        tables.load("openml-task:70")
    monkeypatch.setattr(openml, "SERVER", "http://127.0.0.1:9")
    with pytest.raises(Unobtainable, match=r"OpenML task 7 is not on this machine.*copy .* from a machine that has it"):
        tables.load("openml-task:7")
    with pytest.raises(Unobtainable, match="OpenML suite 99 is not on this machine"):
        tables.expand(["openml-suite:99"], "classification")


def test_tasks_of_another_kind(server):
    describe(server, kind="Learning Curve")
    with pytest.raises(BadTable, match="task 7 is Learning Curve; Supervised Classification and"):
        openml_tasks.fetch("7")
    describe(server, data_splits_url=[])
    with pytest.raises(BadTable, match="task 7 has no official folds; its table is openml:800"):
        openml_tasks.fetch("7")
    server.put("/api/v1/json/task/7", {"task": {"input": []}})
    with pytest.raises(Unobtainable, match="describes task 7 in an unexpected form"):
        openml_tasks.fetch("7")
    assert not list(openml.CACHE.glob("tasks/*.parquet"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<html>", "is not an ARFF file of"),
        ("@attribute type {TRAIN,TEST}\n@attribute rowid numeric\n@data\nTRAIN,0\n", "is not an ARFF file of"),
        (SPLITS.format(""), "rows other than TRAIN and TEST"),
        (SPLITS.format("TRAIN,one,0,0"), "cannot be read"),
        (SPLITS.format("REST,1,0,0"), "rows other than TRAIN and TEST"),
        (SPLITS.format("TRAIN,1,0,0\nTEST,60,0,0"), "names row 60, but its table has 60 rows"),
        (SPLITS.format("TRAIN,1,0,0\nTRAIN,1,0,0\nTEST,2,0,0"), "repeated rows in a fold"),
        (SPLITS.format("TRAIN,1,0,1\nTEST,2,0,1"), "lacks some of its folds"),
    ],
)
def test_folds_of_another_form(server, content, message):
    server.pages["/file/splits-7"] = content.encode()
    with pytest.raises(BadTable, match=message):
        tables.load("openml-task:7")
