"""From a table to answers on new rows: tuned once, kept, asked again; and what must not go wrong on the way."""

import json

import numpy as np
import pandas as pd
import pytest

from tests import programs
from tests.conftest import ROOT
from utils import predict
from utils.errors import BadTable, UserError
from utils.estimators import LIFTClassifier, load
from utils.predict import Config

RNG = np.random.default_rng(0)
ROWS = pd.DataFrame({"x1": RNG.normal(size=60).round(3), "x2": RNG.normal(size=60).round(3), "word": ["a", "b"] * 30})
LABELS = np.where(ROWS["x1"] > 0, "yes", "no")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with train.csv and new.csv, in which the test works."""
    monkeypatch.chdir(tmp_path)
    ROWS.assign(y=LABELS).to_csv("train.csv", index=False)
    ROWS.head(7).to_csv("new.csv", index=False)
    ROWS.assign(y=ROWS["x1"] * 2).to_csv("numbers.csv", index=False)
    return tmp_path


def run(**flags):
    defaults = {"table": "train.csv", "new": "new.csv", "out": "answers.csv", "model_folder": "kept", "epochs": 1}
    given = {**defaults, **flags}
    if given["table"]:
        given["table"] = str(predict.Path(given["table"]).resolve())  # tables are remembered by their names
    paths = {name: predict.Path(given[name]) for name in ("new", "out", "model_folder") if given[name] is not None}
    predict.main(Config(**{**given, **paths}))


def test_tuned_once_and_asked_again(place, capsys):
    run()
    first = pd.read_csv("answers.csv")
    assert list(first) == ["row", "y", "p_no", "p_yes"]
    assert first["row"].tolist() == list(range(7))
    np.testing.assert_allclose(first[["p_no", "p_yes"]].sum(axis=1), 1, atol=1e-5)
    assert first["y"].tolist() == load("kept").predict(ROWS.head(7)).tolist()
    said = capsys.readouterr().out
    assert "tuning   lift-tiny on 38 rows, 10 more choose the epoch" in said
    assert "on 12 test rows: accuracy" in said
    weights = (place / "kept" / "model" / "model.safetensors").stat().st_mtime_ns

    other = ROWS.iloc[[4, 2]].assign(id=9)[["id", "word", "x2", "x1"]]
    other.to_csv("more.csv", index=False)
    run(new="more.csv", out="more_answers.csv")
    said = capsys.readouterr().out
    assert "tuning" not in said
    assert "kept since" in said
    assert "'id' ignored: not in the training rows" in said
    assert (place / "kept" / "model" / "model.safetensors").stat().st_mtime_ns == weights
    pd.testing.assert_frame_equal(
        pd.read_csv("more_answers.csv").drop(columns="row"),
        first.iloc[[4, 2]].reset_index(drop=True).drop(columns="row"),
        atol=1e-5,
    )

    run(table="", new="more.csv", out="third.csv", quiet=True)
    assert (place / "third.csv").read_bytes() == (place / "more_answers.csv").read_bytes()
    assert not capsys.readouterr().out


def test_numbers_come_with_their_spread(place, capsys):
    run(table="numbers.csv", quantiles=(0.1, 0.9), all_rows=True)
    found = pd.read_csv("answers.csv")
    assert list(found) == ["row", "y", "sd", "q0.1", "q0.9"]
    assert (found["q0.1"] < found["q0.9"]).all()
    assert (found["sd"] > 0).all()
    assert "on 9 validation rows, which chose the epoch: rae_mean_filled" in capsys.readouterr().out


def test_the_kept_model_says_what_it_is(place):
    run()
    facts = json.loads((place / "kept" / "saved.json").read_text("utf-8"))
    assert [(column["name"], column["kind"]) for column in facts["read"]] == [
        ("x1", "number"),
        ("x2", "number"),
        ("word", "text"),
    ]
    assert facts["scores"]["n_test"] == 12
    assert (facts["target"], facts["task"], facts["recipe"]["epochs"]) == ("y", "classification", 1)


def test_a_model_tuned_otherwise_is_not_taken_silently(place, capsys):
    run()
    for flags, words in (
        ({"epochs": 2}, "settings"),
        ({"seed": 1}, "rows and settings"),
        ({"target": "word"}, "rows and target"),
    ):
        with pytest.raises(UserError, match=f"was tuned with other {words} .*--model-folder, --redo"):
            run(out="other.csv", **flags)
    run(target="word", new="train.csv", out="other.csv", redo=True)
    assert "tuning" in capsys.readouterr().out
    assert "p_a" in pd.read_csv("other.csv")
    LIFTClassifier(epochs=0).fit(ROWS, LABELS).save("python")
    with pytest.raises(UserError, match="from Python"):
        run(model_folder="python", out="other.csv")


def test_a_file_in_the_way_of_the_answers_is_kept(place, capsys):
    (place / "answers.csv").write_text("mine", "utf-8")
    with pytest.raises(UserError, match=r"answers.csv exists .* --overwrite"):
        run()
    assert not (place / "kept").exists(), "nothing is tuned for answers that cannot be written"
    run(out="other.csv")
    with pytest.raises(UserError, match=r"answers.csv exists"):
        run()
    assert (place / "answers.csv").read_text("utf-8") == "mine"
    run(overwrite=True)
    run()
    assert "as it was" in capsys.readouterr().out.splitlines()[-1]


def test_answers_are_whole_or_not_there(place, monkeypatch):
    run(new=None)
    monkeypatch.setattr(predict, "write_text", lambda path, text: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run()
    assert not list(place.glob("*answers*"))
    monkeypatch.undo()
    monkeypatch.chdir(place)
    monkeypatch.setattr(predict.Path, "replace", lambda self, target: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run()
    assert not list(place.glob("*answers*")), "a writer that was stopped leaves nothing half-written"


def test_new_rows_are_looked_at_before_anything_is_tuned(place):
    ROWS.drop(columns="x2").to_csv("new.csv", index=False)
    with pytest.raises(BadTable, match="lacks column 'x2'"):
        run()
    assert not (place / "kept").exists()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"table": "", "model_folder": None}, "no table to tune on"),
        ({"model": "openai:gpt"}, "kept by its server"),
        ({"quantiles": (0.5, 2.0)}, "shares between 0 and 1"),
        ({"table": ""}, "saved.json does not exist"),
        ({"table": "none.csv"}, "there is no file"),
    ],
)
def test_what_cannot_be_done_is_told(place, flags, words):
    with pytest.raises(UserError, match=words):
        run(**flags)


def test_a_target_called_row_and_check(place, capsys):
    ROWS.assign(row=LABELS).to_csv("train.csv", index=False)
    run(check=True)
    assert "--check: nothing was run" in capsys.readouterr().out
    assert not (place / "kept").exists()
    run()
    assert list(pd.read_csv("answers.csv"))[:2] == ["row number", "row"]


def test_from_the_command_line(place):
    _, err = programs.run("utils.predict", place / "train.csv", "--new", place / "none.csv", code=2)
    assert err.strip() == f"error: there is no file {place / 'none.csv'}"
    assert "utils/env.sh" in (ROOT / "predict.sh").read_text("utf-8")
