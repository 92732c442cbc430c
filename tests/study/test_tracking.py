"""Finished cases at a tracker: what each library is told, what is missing, and a library that fails."""

import sys
from contextlib import contextmanager
from types import ModuleType

import pytest

from utils import study
from utils.errors import MissingPackage
from utils.results import Results
from utils.study.runner import Case, Runner


def build(case, config):
    return study.trial(case, config, "classification")


def run(folder, tracker, workers=1):
    """Two cases of a learner that takes no time."""
    config = study.Config(log_to=tracker, results_dir=folder, quiet=True, workers=workers)
    results = Results(folder, "classification", "toy")
    Runner(config, build, results).run([Case("iris", method, 1) for method in ("majority", "knn")])
    return results.frame()


@pytest.fixture
def told():
    return []


@pytest.fixture
def wandb(monkeypatch, told):
    """A module with the functions that wandb and trackio share."""
    library = ModuleType("wandb")
    library.init = lambda **given: told.append(("init", given))
    library.log = lambda scores: told.append(("log", scores))
    library.finish = lambda: told.append(("finish", None))
    monkeypatch.setitem(sys.modules, "wandb", library)
    monkeypatch.setitem(sys.modules, "trackio", library)
    return library


@pytest.mark.parametrize(("tracker", "workers"), [("wandb", 1), ("trackio", 2)])
def test_each_case_is_a_run_with_its_settings_and_scores(tmp_path, wandb, told, tracker, workers):
    rows = run(tmp_path, tracker, workers).sort_values("method").reset_index(drop=True)
    assert [verb for verb, _ in told] == ["init", "log", "finish"] * 2
    runs = {told[i][1]["name"]: (told[i][1], told[i + 1][1]) for i in (0, 3)}
    assert set(runs) == {"iris majority seed 1", "iris knn seed 1"}
    given, scores = runs["iris knn seed 1"]
    assert given["project"] == "classification-toy"
    assert {k: given["config"][k] for k in ("dataset", "method", "seed", "protocol")} == {
        "dataset": "iris",
        "method": "knn",
        "seed": "1",
        "protocol": "paper",
    }
    assert scores["accuracy"] == rows["accuracy"][0]
    assert "seed" not in scores


def test_mlflow(tmp_path, monkeypatch, told):
    library = ModuleType("mlflow")

    @contextmanager
    def start_run(run_name):
        told.append(("run", run_name))
        yield

    library.start_run = start_run
    library.set_experiment = lambda name: told.append(("experiment", name))
    library.log_params = lambda given: told.append(("params", given))
    library.log_metrics = lambda given: told.append(("metrics", given))
    monkeypatch.setitem(sys.modules, "mlflow", library)
    run(tmp_path, "mlflow")
    assert [verb for verb, _ in told] == ["experiment", "run", "params", "metrics"] * 2
    assert told[1][1] == "iris majority seed 1"
    assert told[2][1]["method"] == "majority"
    assert told[3][1]["n_test"] == 30


def test_finished_cases_are_not_sent_again_and_nothing_is_sent_by_default(tmp_path, wandb, told):
    run(tmp_path, "none")
    run(tmp_path, "wandb")
    assert told == []


def test_a_tracker_that_fails_costs_no_row_and_is_told_once(tmp_path, wandb, capsys):
    def fail(**given):
        raise ConnectionError("no route")

    wandb.init = fail
    assert len(run(tmp_path, "wandb")) == 2
    assert capsys.readouterr().err.count("--log-to wandb: ConnectionError: no route; nothing more is sent") == 1


def test_a_library_that_is_missing_is_told_before_anything_runs(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(MissingPackage, match="mlflow is not installed; pip install mlflow, or leave out"):
        run(tmp_path, "mlflow")
    assert not list(tmp_path.rglob("*.csv"))
