"""Saved estimators: what stands beside the weights, other versions and other names of the library, damaged folders."""

import hashlib
import json
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.doubles import NearestRow
from utils import VERSION, estimators
from utils.errors import UserError
from utils.estimators import LIFTClassifier, LIFTRegressor, saved

RNG = np.random.default_rng(0)
X = pd.DataFrame({"x1": RNG.normal(size=40).round(3), "x2": RNG.normal(size=40).round(3), "word": ["a", "b"] * 20})
LABELS = np.where(X["x1"] > 0, "yes", "no")
# Names of what is pickled, by format. Where they change, FORMAT is raised, and `load` mends the old one or refuses it.
PICKLED = {1: "3dadcd67fdaae027", 2: "d79ca697cabb2fc1", 3: "b318119d0a8a159d"}  # 3: class_weight


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "model"
    LIFTClassifier(epochs=1).fit(X, LABELS).save(folder, scores={"accuracy": 0.5}, table="my.csv")
    return folder


@pytest.fixture
def changed(folder, tmp_path):
    """A function that writes a copy of the folder with other facts or another pickle."""

    def change(state=None, **facts):
        (tmp_path / "model").symlink_to(folder / "model")
        known = json.loads((folder / saved.FACTS).read_text("utf-8"))
        (tmp_path / saved.FACTS).write_text(json.dumps(known | facts), "utf-8")
        (tmp_path / saved.STATE).write_bytes(state or (folder / saved.STATE).read_bytes())
        return tmp_path

    return change


def test_what_stands_beside_the_weights(folder):
    facts = saved.describe(folder)
    assert (facts["format"], facts["version"], facts["estimator"]) == (saved.FORMAT, VERSION, "LIFTClassifier")
    assert facts["recipe"]["epochs"] == 1
    kinds = [(column["name"], column["kind"]) for column in facts["columns"]]
    assert kinds == [("x1", "number"), ("x2", "number"), ("word", "text")]
    assert facts["classes"] == ["no", "yes"]
    assert (facts["scores"], facts["table"]) == ({"accuracy": 0.5}, "my.csv")
    assert facts["packages"]["torch"]


def test_a_later_version_opens_it_and_its_own_format_is_refused(changed, monkeypatch):
    monkeypatch.setattr(saved, "VERSION", "7.0")
    again = estimators.load(changed())
    assert again.predict(X).shape == (40,)


def test_a_format_of_a_later_version_is_refused_with_a_sentence(changed):
    with pytest.raises(UserError, match=rf"version 9.9 in format 99, which this version, {VERSION}, does not know"):
        estimators.load(changed(format=99, version="9.9"))


def test_a_class_that_is_gone_is_told_with_both_versions(changed):
    state = b"cutils.cells\nCellWriter\n."  # a pickle that names a module which has moved since
    with pytest.raises(UserError, match=r"saved by version 0\.0\.1 and .*utils.cells.*fit the estimator again"):
        estimators.load(changed(state, version="0.0.1"))


def test_one_that_the_installed_package_wrote_opens_in_the_repository(changed, folder):
    state = (folder / saved.STATE).read_bytes()
    kind, values = pickle.loads(state)
    old = pickle.dumps((kind, values), protocol=0)  # module names in plain text, without lengths before them
    assert b"cutils.estimators.lift" in old
    again = estimators.load(changed(old.replace(b"cutils.", b"clift.")))
    assert type(again) is LIFTClassifier
    np.testing.assert_allclose(again.predict_proba(X), estimators.load(folder).predict_proba(X))


def test_the_names_that_are_pickled_are_those_of_the_format(folder):
    lift = estimators.load(folder)
    parts = [lift, lift.template_, lift.template_.cells_, lift.reader_, lift.template_.reader_]
    parts += [lift.template_.cells_.formats[0], lift.template_.wording_]
    names = [f"{type(part).__module__}.{type(part).__name__}: {' '.join(sorted(vars(part)))}" for part in parts]
    found = hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
    assert found == PICKLED[saved.FORMAT], f"raise saved.FORMAT, and add {found!r} to PICKLED: {names}"


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda folder: None, "does not exist; give a folder"),
        (lambda folder: (folder / "model").mkdir(), "next to model: the folder is incomplete"),
        (lambda folder: (folder / "estimator.joblib").touch(), "written by another version of this code"),
        (lambda folder: (folder / saved.FACTS).write_text("{", "utf-8"), "is damaged"),
    ],
)
def test_folders_that_are_none(tmp_path, prepare, words):
    prepare(tmp_path)
    with pytest.raises(UserError, match=words):
        estimators.load(tmp_path)


def test_a_torn_pickle_is_told(changed, folder):
    with pytest.raises(UserError, match=r"estimator.pickle is damaged"):
        estimators.load(changed((folder / saved.STATE).read_bytes()[:-20]))


def test_a_save_that_fails_leaves_no_folder_that_looks_whole(folder, tmp_path, monkeypatch):
    lift = estimators.load(folder)
    lift.save(tmp_path / "again")
    monkeypatch.setattr(type(lift.model_), "save", lambda self, path: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        lift.save(tmp_path / "again")
    with pytest.raises(UserError, match="incomplete"):
        estimators.load(tmp_path / "again")


def test_pickles_pipelines_and_cross_validation_as_the_manual_has_them(folder):
    lift = estimators.load(folder)
    again = pickle.loads(pickle.dumps(lift))
    np.testing.assert_array_equal(again.predict_proba(X), lift.predict_proba(X))
    numbers, double = X[["x1", "x2"]], NearestRow()
    template = {"wording": "compact", "numbers": "significant", "digits": 6}
    plain = LIFTRegressor(model=double, template=template, epochs=1, validation_fraction=0.0)
    pipeline = make_pipeline(StandardScaler().set_output(transform="pandas"), plain)
    scores = cross_val_score(pipeline, numbers, X["x1"], cv=4)
    assert scores.shape == (4,)
    assert scores.mean() > 0.5
