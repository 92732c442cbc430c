"""A finished case can be run again from what it left behind, and a changed number is seen."""

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from classification import accuracy
from utils import study, verify
from utils.errors import UserError
from utils.paths import ROOT
from utils.results import Results
from utils.study import records
from utils.study.runner import Runner


@pytest.fixture
def finished(tmp_path):
    config = accuracy.Config(datasets=("iris",), methods=("tree", "knn"), seeds=(0,), limit=40, results_dir=tmp_path)
    results = Results(tmp_path, "classification", "accuracy")
    assert Runner(config, accuracy.build, results).run(accuracy.cases(config)) == 0
    return results


def check(results, **options):
    return verify.main(verify.Config(csv=results.path, **options))


def test_the_same_numbers_come_out(finished, capsys):
    assert check(finished) == 0
    assert "0 of 2 rows differ" in capsys.readouterr().out


def test_a_changed_score_and_a_changed_answer_are_seen(finished, capsys):
    frame = pd.read_csv(finished.path)
    frame.loc[0, "accuracy"] += 0.01
    frame.to_csv(finished.path, index=False)
    key = frame.loc[1, "key"]
    answers = finished.answers(key)
    answers.loc[0, "parsed"] = "another"
    answers.to_csv(finished.answers_path(key), index=False, compression="gzip")
    assert check(finished) == 2
    out = capsys.readouterr().out
    assert "accuracy: " in out
    assert f"1 of {len(answers)} answers" in out


def test_one_row_by_its_key_and_no_other(finished, capsys):
    key = finished.frame()["key"].iloc[1]
    assert check(finished, keys=(key,)) == 0
    assert capsys.readouterr().out.count("the same") == 1
    with pytest.raises(UserError, match="no row nothing"):
        check(finished, keys=("nothing",))


def test_a_case_that_is_another_one_today_is_told(finished, monkeypatch):
    monkeypatch.setattr("utils.study.cases.Trial.key", lambda *_: "0" * 16)
    with pytest.raises(UserError, match="another case today"):
        check(finished)


def test_without_a_record_or_without_rows_it_says_so(finished, tmp_path):
    for key in finished.frame()["key"]:
        finished.record_path(key).unlink()
    with pytest.raises(UserError, match="it is unknown how"):
        check(finished)
    with pytest.raises(UserError, match="holds no results"):
        verify.main(verify.Config(csv=tmp_path / "classification" / "none.csv"))


def test_flags_survive_the_way_to_json_and_back():
    config = accuracy.Config(
        seeds=(1, 2), learning_rates=(0.1, 1), epochs=None, target="a", jitter=0.5, results_dir=Path("x")
    )
    known = records.encode(config)
    assert records.decode(accuracy.Config, known) == config
    assert str(ROOT) not in json.dumps(known), "paths of this repository are kept without the folder it lies in"


def test_a_flag_that_is_gone_is_named():
    @dataclass(frozen=True)
    class Old(study.Config):
        colour: str = "red"

    with pytest.raises(UserError, match="no flag colour"):
        records.decode(study.Config, records.encode(Old()))


def test_rows_that_are_committed_can_be_run_again(capsys):
    csv = ROOT / "benchmarks" / "runs" / "classification" / "accuracy.csv"
    frame = pd.read_csv(csv)
    assert len(frame) == 60
    assert frame["n_invalid"].sum() == 0
    keys = frame.loc[frame["method"].isin(["majority", "knn"]) & (frame["dataset"] != "digits"), "key"]
    assert verify.main(verify.Config(csv=csv, keys=tuple(keys))) == 0
    assert f"0 of {len(keys)} rows differ" in capsys.readouterr().out
