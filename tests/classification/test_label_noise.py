"""Which cases the label-noise experiment has."""

import pytest

from classification import label_noise
from utils import study
from utils.tables import openml


@pytest.fixture(autouse=True)
def own_tables(monkeypatch):
    monkeypatch.delenv("LIFT_DATA", raising=False)


def kinds(datasets, *names):
    config = label_noise.Config(datasets=datasets, methods=("knn",), shares=(0.2,), kinds=names)
    return [(case.dataset, case.settings["kind"]) for case in label_noise.cases(config)]


def test_systematic_noise_of_two_classes_is_not_drawn_beside_the_same_random_noise():
    assert kinds(("moons", "iris"), "random", "systematic") == [
        ("moons", "random"),
        ("iris", "random"),
        ("iris", "systematic"),
    ]
    assert kinds(("moons",), "systematic") == [("moons", "systematic")]


def test_two_classes_have_one_kind_of_noise():
    """The reason why one is left out."""
    random, systematic = (
        label_noise.build(
            study.Case("moons", "knn", 0, {"share": 0.2, "kind": kind, "repair": "none"}),
            label_noise.Config(datasets=("moons",)),
        ).split.y_train.tolist()
        for kind in ("random", "systematic")
    )
    assert random == systematic


def test_a_table_that_cannot_be_had_keeps_its_cases(tmp_path, monkeypatch):
    """The runner names it and goes on with the others."""
    monkeypatch.setattr(openml, "SERVER", "http://127.0.0.1:9")
    monkeypatch.setattr(openml, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(openml, "ATTEMPTS", 1)
    names = kinds(("PizzaCutter3",), "random", "systematic")
    assert {kind for _, kind in names} == {"random", "systematic"}
