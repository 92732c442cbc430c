"""Models without a recipe of their own: what follows from their size, and what the paper's recipe is."""

import math

import numpy as np
import pandas as pd
import pytest

from tests import gguf_model
from tests.doubles import NearestRow
from tests.models.local.test_model import small_tokenizer
from utils import models
from utils.errors import UnknownName
from utils.estimators import LIFTClassifier, LIFTRegressor, pretrained, recipes, selection
from utils.study import config as study_config
from utils.study import experiment

PAPER = {
    "wording": "paper",
    "numbers": "paper",
    "adapter": "lora",
    "epochs": 10,
    "learning_rate": 1e-4,
    "batch_size": 4,
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Random Llamas of six layers, by width."""
    root = tmp_path_factory.mktemp("widths")
    tokenizer = small_tokenizer("gpt2")
    for width in (32, 192, 384):
        gguf_model.network(len(tokenizer), layers=6, hidden_size=width).save_pretrained(root / str(width))
        tokenizer.save_pretrained(root / str(width))
    return root


def settings(folder, **given):
    return LIFTClassifier(str(folder), **given).settings()


def test_the_rate_falls_with_the_width_and_is_a_tenth_for_whole_weights(folders, monkeypatch):
    monkeypatch.setattr(pretrained, "WIDTH", 96)
    rates = {width: settings(folders / str(width))["learning_rate"] for width in (32, 192, 384)}
    assert rates[384] == pytest.approx(pretrained.RATE * pretrained.WIDTH / 384, rel=0.05)
    assert rates[192] == pytest.approx(2 * rates[384], rel=0.05)
    assert rates[32] == pretrained.RATE
    for adapter in ("full", "full:attention"):
        assert settings(folders / "384", adapter=adapter)["learning_rate"] == pytest.approx(rates[384] / 10, rel=0.05)


def test_the_upper_third_is_tuned_and_the_validation_rows_end_the_epochs(folders):
    found = settings(folders / "192")
    assert found["tuned_layers"] == 2
    assert settings(folders / "192", adapter="full")["tuned_layers"] == 2
    assert settings(folders / "192", adapter="full:embeddings")["tuned_layers"] == 0
    assert found["patience"] > 0
    assert found["min_delta"] > 0
    for name in ("min_delta", "beat_majority"):
        assert name in found
        assert name not in LIFTRegressor(str(folders / "192")).settings()
    assert recipes.tuning(found, 80).epochs == 15
    assert recipes.tuning(found, 8).epochs == found["max_epochs"]
    assert recipes.tuning(found, 8000).epochs == found["min_epochs"]


def test_patience_starts_when_the_majority_is_beaten(folders, monkeypatch):
    """In classification; absolute errors are compared from the first epoch on."""
    used = []

    def tune(base, texts, held_out, tuning, *others):
        used.append(tuning)
        return selection.Outcome(base, 0.0, 1)

    monkeypatch.setattr(selection, "tune", tune)
    X = pd.DataFrame({"a": range(20)})
    classes, numbers = np.array(["x", "y", "z", "z"] * 5), np.arange(20.0)
    for learner, y in ((LIFTClassifier, classes), (LIFTRegressor, numbers)):
        learner(str(folders / "192")).fit(X[4:], y[4:], (X[:4], y[:4]))
    assert [tuning.patience_above for tuning in used] == [0.5, -math.inf]
    assert used[0].patience > 0


def test_what_the_user_says_comes_first(folders):
    given = {"learning_rate": 0.5, "epochs": 3, "tuned_layers": 0, "batch_size": 2, "template": "names"}
    found = settings(folders / "192", **given)
    assert {name: found[name] for name in ("learning_rate", "epochs", "tuned_layers", "batch_size")} == {
        name: value for name, value in given.items() if name != "template"
    }
    assert found["wording"] == "names"
    assert recipes.tuning(found, 80).epochs == 3


def test_an_untuned_model_reads_the_numbers_themselves(folders):
    for kind in (LIFTClassifier, LIFTRegressor):
        found = kind(str(folders / "192"), epochs=0).settings()
        assert (found["wording"], found["numbers"]) == ("compact", "significant")
        assert not {"levels", "jitter", "versions", "updates", "patience"} & set(found)
        task = kind.task
        said = pretrained.reasons(str(folders / "192"), task, found)
        assert [line.partition(":")[0] for line in said] == ["wording compact", "numbers significant"]
    assert settings(folders / "192", epochs=0, template={"numbers": "paper"})["numbers"] == "paper"
    tuned = pretrained.reasons(str(folders / "192"), "classification", settings(folders / "192"))
    assert not any(line.startswith("numbers") for line in tuned)


def test_the_papers_recipe_is_the_papers_to_the_letter(folders):
    for name in (str(folders / "192"), "lift-tiny"):
        for kind, decoding in ((LIFTClassifier, "score"), (LIFTRegressor, "greedy")):
            found = kind(name, recipe="paper").settings()
            assert found.items() >= (PAPER | {"decoding": decoding, "tuned_layers": 0}).items()
            assert not {"patience", "updates", "candidates"} & set(found)
    with pytest.raises(UnknownName, match="no recipe 'papers'; have paper"):
        LIFTClassifier(recipe="papers").settings()


def test_models_with_a_recipe_and_objects_keep_theirs(folders):
    assert LIFTClassifier().settings()["wording"] == "compact"
    assert LIFTClassifier().settings()["tuned_layers"] == 0
    assert LIFTClassifier(NearestRow()).settings().items() >= PAPER.items()


def test_switches_that_are_off_leave_a_case_what_it_was(folders):
    described = LIFTClassifier().describe()
    assert not {"tuned_layers", "chat", "recipe"} & set(described)
    assert LIFTClassifier(str(folders / "192")).describe()["tuned_layers"] == 2


def test_the_width_is_that_of_the_configuration(folders):
    assert models.shape(str(folders / "384")) == (384, 6)


def test_a_run_says_what_it_uses_and_why(folders, capsys):
    name = str(folders / "192")
    experiment._print_recipe(study_config.Config(methods=("majority", "lift"), model=name, batch_size=3))
    said = capsys.readouterr().out
    assert "(--recipe paper for the paper's settings)" in said
    assert "learning_rate 0.003: 0.003 up to width 576, beyond it scaled as 1/width (here 192)" in said
    assert "tuned_layers 2: the upper third; the output of the 4 below is computed once per row" in said
    assert "batch_size" not in said  # the user's own
    assert "decoding median: of the answer's exact distribution over the levels (regression)" in said
    assert "(classification)" in next(line for line in said.splitlines() if "min_delta" in line)
    assert said.count("levels 100") == 1
    for quiet in ({"model": "lift-tiny"}, {"model": name, "recipe": "paper"}, {"model": name, "methods": ("forest",)}):
        experiment._print_recipe(study_config.Config(**{"methods": ("lift",), **quiet}))
        assert capsys.readouterr().out == ""
