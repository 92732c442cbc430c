"""A tuned model on its way to the Hub: nothing without an answer, one commit, a card that says what it is."""

import json
import sys
from pathlib import Path

import huggingface_hub
import numpy as np
import pandas as pd
import pytest

from utils import predict
from utils.errors import UserError
from utils.estimators import LIFTClassifier, hub, load

X = pd.DataFrame({"x": np.arange(24.0), "word": ["a", "b", "c"] * 8})
Y = np.where(X["x"] > 11, "high", "low")


class Api:
    """Stands in for huggingface_hub.HfApi: remembers what it is told."""

    def __init__(self, error=None):
        self.calls, self.error = [], error

    def whoami(self):
        if self.error:
            raise self.error

    def create_repo(self, repo_id, *, private, exist_ok):
        self.calls.append(("repo", repo_id, private))

    def create_commit(self, *, repo_id, operations, commit_message):
        files = {one.path_in_repo: one.path_or_fileobj for one in operations}
        self.calls.append(("commit", repo_id, files))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hub") / "kept"
    scores = {"n_test": 9, "accuracy": 0.875, "chosen": "{}"}
    facts = {"scores": scores, "scored_on": "test rows", "table": "/home/me/secret/my.csv", "target": "level"}
    LIFTClassifier(epochs=1).fit(X, Y).save(folder, model="me/base", **facts)
    return folder


def test_all_goes_in_one_commit_after_a_yes(folder, capsys):
    api, asked = Api(), []
    what = hub.upload(folder, "me/levels")
    assert hub.push(api, what, lambda text: asked.append(text) or "y") == "https://huggingface.co/me/levels"
    assert asked == ["Push this? [y/N] "]
    assert [call[:2] for call in api.calls] == [("repo", "me/levels"), ("commit", "me/levels")]
    assert api.calls[0][2] is True  # private
    files = api.calls[1][2]
    assert {"README.md", "saved.json", "estimator.pickle", "model/model.safetensors"} <= set(files)
    assert json.loads(files["saved.json"])["table"] == "my.csv"
    assert b"secret" not in files["README.md"]
    said = capsys.readouterr().out
    assert "me/levels on the Hub, private:" in said
    assert "weights can reveal training rows" in said


@pytest.mark.parametrize("answer", ["", "n", "no", "maybe"])
def test_nothing_goes_without_a_yes(folder, answer):
    api = Api()
    assert hub.push(api, hub.upload(folder, "me/levels"), lambda text: answer) is None
    assert api.calls == []


def test_what_was_pushed_opens_again(folder, tmp_path):
    api = Api()
    hub.push(api, hub.upload(folder, "me/levels", private=False), None)
    assert api.calls[0][2] is False
    for name, content in api.calls[1][2].items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else Path(content).read_bytes())
    np.testing.assert_array_equal(load(tmp_path).predict(X), load(folder).predict(X))


def test_the_card_is_one_that_the_hub_reads(folder):
    text = hub.upload(folder, "me/levels").files["README.md"].decode()
    head = huggingface_hub.ModelCard(text).data
    assert (head.library_name, head.pipeline_tag, head.base_model) == (
        "transformers",
        "tabular-classification",
        "me/base",
    )
    assert "| accuracy | 0.875 |" in text
    assert "predict `level` of `my.csv`" in text
    assert "Classes: high, low." in text
    assert "| word | text |" in text
    assert (
        huggingface_hub.ModelCard(
            hub.card({**json.loads((folder / "saved.json").read_text())}, "me/x", True)
        ).data.library_name
        == "peft"
    )


def run(tmp_path, **flags):
    X.assign(level=Y).to_csv(tmp_path / "my.csv", index=False)
    config = {"table": str(tmp_path / "my.csv"), "model_folder": tmp_path / "kept", "epochs": 1, "quiet": True}
    predict.main(predict.Config(**config, **flags))


def test_the_command_pushes_what_it_keeps(tmp_path, monkeypatch, capsys):
    api = Api()
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: api)
    run(tmp_path, push_to="me/levels", yes=True)
    assert [call[0] for call in api.calls] == ["repo", "commit"]
    assert "pushed   https://huggingface.co/me/levels" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "error", "message"),
    [
        ({"push_to": "levels", "yes": True}, None, "--push-to levels: give OWNER/NAME"),
        ({"push_to": "me/levels"}, None, "there is no terminal; agree with --yes"),
        ({"push_to": "me/levels", "yes": True}, OSError("no token\nmore"), r"\(no token\); export HF_TOKEN"),
    ],
)
def test_what_stops_a_push_is_told_before_anything_is_tuned(tmp_path, monkeypatch, flags, error, message):
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: Api(error))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    with pytest.raises(UserError, match=message):
        run(tmp_path, **flags)
    assert not (tmp_path / "kept").exists()
