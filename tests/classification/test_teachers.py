"""Teachers: the same labels each time, and agreement on answers that are known."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from classification import _teachers, teachers
from utils import tables
from utils.errors import BadTable, UnknownName
from utils.tables import grids


@pytest.fixture(scope="module")
def moons():
    return tables.load("moons:n=200,noise=0.2").split(0)


@pytest.mark.parametrize("name", _teachers.TEACHERS)
def test_every_teacher_teaches_the_same_labels_again(moons, name):
    small = moons.limit(40)
    teacher = _teachers.fit(small, name, seed=1)
    taught = teacher.relabel(small)
    assert _teachers.fit(small.limit(40), name, seed=1) is teacher  # equal rows: fitted once
    _teachers._fit.cache_clear()
    again = _teachers.fit(small, name, seed=1).relabel(small)
    assert again.fingerprint() == taught.fingerprint()
    assert set(taught.y_train) == {"0", "1"}
    assert taught.X_train.equals(small.X_train)
    assert (taught.y_test == small.y_test).mean() > 0.7


def test_teachers_differ_and_a_nearest_neighbour_repeats_its_rows(moons):
    assert _teachers.fit(moons, "knn1", 0).relabel(moons).y_train.equals(moons.y_train)
    grid = grids.over(moons.X_train, 20).frame()
    trees = {name: _teachers.fit(moons, name, 0).predict(grid) for name in ("tree3", "tree5", "logreg")}
    assert _teachers.agreement(trees["tree3"], trees["logreg"]) < 1
    assert _teachers.agreement(trees["tree3"], trees["tree5"]) < 1


def test_an_unknown_teacher_and_one_of_a_single_mind_are_told(moons):
    with pytest.raises(UnknownName, match="svm_poly, svm_rbf"):
        _teachers.fit(moons, "socrates", 0)
    circles = tables.load("circles").split(0).limit(20)
    with pytest.raises(BadTable, match=r"svm_sigmoid gives all 20 training rows the same label.*--teachers"):
        _teachers.fit(circles, "svm_sigmoid", 0).relabel(circles)


def test_kappa_of_known_tables():
    assert _teachers.kappa(list("aabb"), list("aabb")) == 1.0
    assert _teachers.kappa(list("aabb"), list("abab")) == 0.0  # as many equal ones as by chance
    assert _teachers.kappa(list("aabb"), list("bbaa")) == -1.0
    # 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: (0.7 - 0.5) / (1 - 0.5)
    ours, theirs = list("y" * 25 + "n" * 25), list("y" * 20 + "n" * 5 + "y" * 10 + "n" * 15)
    assert _teachers.kappa(ours, theirs) == pytest.approx(0.4)
    assert math.isnan(_teachers.kappa(list("aaa"), list("aaa")))
    assert _teachers.kappa(list("aab"), list("aaa")) == 0.0


def test_unreadable_answers_agree_with_nothing():
    assert _teachers.agreement(["a", None, np.nan], ["a", "a", np.nan]) == pytest.approx(1 / 3)
    assert _teachers.kappa(["a", None, "b", "b"], list("aabb")) < 1


def test_random_answers_agree_by_chance_only():
    rng = np.random.default_rng(0)
    ours, theirs = rng.choice(["a", "b"], 20_000, p=[0.9, 0.1]), rng.choice(["a", "b"], 20_000, p=[0.9, 0.1])
    assert _teachers.agreement(ours, theirs) == pytest.approx(0.82, abs=0.01)
    assert _teachers.kappa(ours, theirs) == pytest.approx(0, abs=0.03)


def test_only_cases_of_one_teacher_and_seed_are_compared():
    rows = [
        ("knn", 0, "tree", list("aabb")),
        ("lift", 0, "tree", list("aabb")),
        ("svm", 0, "tree", list("abab")),
        ("knn", 1, "tree", list("abab")),  # no answers of lift with this seed
        ("lift", 0, "mlp", list("abab")),
        ("svm", 0, "mlp", list("abab")),
    ]
    table = _teachers.alike(pd.DataFrame(rows, columns=["method", "seed", "teacher", "labels"]))
    assert table["method"].tolist() == ["knn", "svm"]
    assert table["kappa"].tolist() == [1.0, 0.5]
    assert table["n"].tolist() == [1, 2]


@pytest.mark.parametrize("models", [("lift-tiny",), ("lift-tiny", "smollm2")])
def test_each_model_of_lift_is_compared_with_the_other_students(monkeypatch, capsys, models):
    students = [
        ("tree", "", "abab"),
        *(("lift", model, "aabb" if model == "lift-tiny" else "abab") for model in models),
    ]
    rows = [
        {"dataset": "moons", "source": "", "protocol": "paper", "limit": 0, "seed": 0, "teacher": teacher, "grid": 2}
        | {"method": method, "model": model, "n_train": 9, "grid_kappa": kappa, "key": f"{method} {model}"}
        for teacher, kappa in (("knn5", 0.9), ("tree5", 0.5))
        for method, model, _ in students
    ]
    answers = {f"{method} {model}": pd.DataFrame({"parsed": list("xx" + own)}) for method, model, own in students}
    results = SimpleNamespace(frame=lambda: pd.DataFrame(rows), answers=answers.get)
    shown = {}
    monkeypatch.setattr(teachers.reporting, "show", lambda _, name, table, title: shown.update({name: table}))
    teachers.finish(results)
    table, out = shown["alike"], capsys.readouterr().out
    if len(models) == 1:
        assert table.to_dict("records") == [{"method": "tree", "kappa": 0.0, "n": 2}]
        assert "LIFT reproduces knn5 best, tree5 least" in out
        return
    kappas = table.set_index(["model", "method"])["kappa"]
    assert kappas["lift lift-tiny", "tree"] == 0
    assert kappas["lift smollm2", "tree"] == 1
    assert kappas["lift smollm2", "lift lift-tiny"] == 0
    assert "LIFT smollm2 reproduces knn5 best" in out
