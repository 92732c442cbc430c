"""Generated tables: formulas, options, streams, difficulty."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from utils import tables
from utils.errors import BadTable, UnknownName, UserError
from utils.tables import synthetic
from utils.tables.point_sets import PAPER_SETS

SIZES = {"9clusters": 1998, "network": 2000}


def logistic(name, seed=0):
    split = synthetic.load(name).split(seed)
    return LogisticRegression().fit(split.X_train, split.y_train).score(split.X_test, split.y_test)


@pytest.mark.parametrize(
    ("name", "x", "y"),
    [
        ("linear", 10, 9.0),
        ("quadratic", 10, 9.0),
        ("quadratic", 0, -9.0),
        ("exponential", -10, -9.0),
        ("exponential", 10, 9.0),
        ("cosine", 2, -9.0),
        ("cosine", 1, 0.0),
        ("l1norm", -10, 9.0),
        ("l1norm", 0, -9.0),
        ("piecewise", -3.001, 18 * (6.999 / 8 - 0.5)),
        ("piecewise", -3, 0.0),
        ("piecewise", 3, -18 * 3 / 8),
        ("piecewise", 10, 9.0),
    ],
)
def test_the_functions_at_known_points(name, x, y):
    assert synthetic.function(name, [[x]]) == pytest.approx([y])
    assert synthetic.function(name, [[x, x, x]]) == pytest.approx([y])  # means over the coordinates


def test_functions_stay_near_nine():
    X = np.linspace(-10, 10, 2001)[:, None]
    for name in synthetic.FUNCTIONS:
        assert np.abs(synthetic.function(name, X)).max() == pytest.approx(9, abs=0.3)


@pytest.mark.parametrize("name", [*PAPER_SETS, "network"])
def test_classification_sets(name):
    split = synthetic.load(name).split(0)
    sizes = [len(split.y_train), len(split.y_validation), len(split.y_test)]
    assert sum(sizes) == SIZES.get(name, 2000)
    shares = (0.6, 0.2, 0.2) if name == "network" else (0.64, 0.16, 0.2)
    assert np.array(sizes) / sum(sizes) == pytest.approx(shares, abs=0.001)
    assert list(split.X_train.columns) == ["x1", "x2"]
    assert split.y_train.nunique() == {"9clusters": 9, "blobs": 4}.get(name, 2)
    assert all(type(label) is str for label in split.y_test)
    assert split.fingerprint() == synthetic.load(name).split(0).fingerprint()
    assert split.fingerprint() != synthetic.load(name).split(1).fingerprint()


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("circles", 0.4, 0.6),
        ("two_circles", 0.4, 0.6),
        ("moons", 0.83, 0.91),
        ("blobs", 0.93, 0.99),
        ("9clusters", 1, 1),
    ],
)
def test_logistic_regression_does_about_as_in_the_paper(name, low, high):
    assert low <= np.mean([logistic(name, seed) for seed in range(3)]) <= high


def test_two_circles_are_shifted_and_flipped():
    split = synthetic.load("two_circles:noise=0").split(0)
    left = split.X_train["x1"] < 1.5 - 1e-9
    radius = np.hypot(split.X_train["x1"], split.X_train["x2"])
    is_left_circle = np.isclose(radius, 1) | np.isclose(radius, 0.8)
    outer = np.isclose(radius, 1)
    assert set(split.y_train[outer & left & (split.X_train["x1"] < 0)]) == {"0"}
    right = split.X_train[~is_left_circle]
    outer_right = np.isclose(np.hypot(right["x1"] - 3, right["x2"]), 1)
    assert set(split.y_train[right.index[outer_right]]) == {"1"}


def test_the_network_gets_harder_and_stays_balanced():
    scores, shares = [], []
    for epoch in (10, 40, 80, 300, 490):
        scores.append(np.mean([logistic(f"network:epoch={epoch}", seed) for seed in range(3)]))
        shares.append(synthetic.load(f"network:epoch={epoch}").split(0).y_train.value_counts(normalize=True).min())
    assert min(shares) >= 0.3
    assert scores[0] > 0.98
    assert scores[0] > scores[1] > scores[2] > max(scores[3:])
    assert 0.74 < scores[4] < 0.85


def test_flipped_labels_leave_the_test_clean():
    clean, noisy = (synthetic.load(name).split(2) for name in ("network", "network:flip=0.05"))
    assert (clean.y_train != noisy.y_train).sum() == 60
    assert (clean.y_validation != noisy.y_validation).sum() == 20
    assert clean.y_test.equals(noisy.y_test)
    assert clean.X_train.equals(noisy.X_train)


@pytest.mark.parametrize("name", synthetic.FUNCTIONS)
@pytest.mark.parametrize("p", [1, 2, 50, 120])
def test_regression_parts(name, p):
    split = synthetic.load(f"{name}:p={p}").split(0)
    assert (split.X_train.shape, split.X_validation.shape, split.X_test.shape) == ((200, p), (50, p), (100, p))
    assert split.X_train.columns[-1] == f"x{p}"
    assert split.y_test.to_numpy() == pytest.approx(synthetic.function(name, split.X_test))
    truth = synthetic.function(name, split.X_train)
    assert np.std(split.y_train - truth) == pytest.approx(0.1 * np.std(truth), rel=0.2)
    truth_validation = synthetic.function(name, split.X_validation)
    assert np.std(split.y_validation - truth_validation) == pytest.approx(0.1 * np.std(truth), rel=0.35)


def test_streams_are_independent_and_fresh():
    first, second = (synthetic.load("linear").split(seed) for seed in (0, 1))
    values = pd.concat(
        [split.X_train["x1"] for split in (first, second)] + [first.X_test["x1"], first.X_validation["x1"]]
    )
    assert values.is_unique
    assert first.fingerprint() == synthetic.load("linear").split(0, "independent").fingerprint()
    assert synthetic.load("cosine").split(0).X_train["x1"].iloc[0] != first.X_train["x1"].iloc[0]


def test_variants_share_their_inputs():
    plain, noisy, outliers = (
        synthetic.load(name).split(4) for name in ("cosine", "cosine:noise=0.4", "cosine:outliers=0.05")
    )
    assert plain.X_train.equals(noisy.X_train)
    assert plain.X_test.equals(outliers.X_test)
    assert plain.y_train.equals(outliers.y_train[:200])


@pytest.mark.parametrize(("share", "n"), [(0.01, 2), (0.02, 4), (0.05, 10), (0.1, 22), (0.2, 50)])
def test_outliers_are_as_many_as_in_the_paper(share, n):
    split = synthetic.load(f"linear:outliers={share}").split(0)
    assert len(split.y_train) == 200 + n
    assert (split.y_train[200:] >= 0).all()
    assert (len(split.y_validation), len(split.y_test)) == (50, 100)
    both = synthetic.load(f"linear:outliers={share},sign=both").split(1).y_train[200:]
    assert n < 10 or ((both > 0).any() and (both < 0).any())


def test_integers_and_ranges():
    split = synthetic.load("quadratic:p=2,lo=0,hi=300,integer=1").split(0)
    for X in (split.X_train, split.X_validation, split.X_test):
        assert set(X.dtypes) == {np.dtype("int64")}
        assert X.min().min() >= 0
        assert X.max().max() <= 300
    assert (split.y_train % 1 == 0).all()
    assert not (split.y_test % 1 == 0).all()
    assert not np.signbit(split.y_train[split.y_train == 0]).any()
    assert synthetic.load("exponential:lo=-150,hi=150").split(0).y_train.max() > 1e12


@pytest.mark.parametrize("p", [1, 2])
def test_the_hole(p):
    split = synthetic.load(f"linear:p={p},hole=1,n=400").split(0)
    for X, expected in ((split.X_train, False), (split.X_validation, False), (split.X_test, True)):
        assert (X.abs() < 10 / 3).all(axis=1).any() == expected
    assert 200 < len(split.y_train) < 400


@settings(max_examples=50)
@given(
    p=st.integers(1, 5),
    noise=st.floats(0, 3),
    lo=st.floats(-100, -1),
    hi=st.floats(1, 100),
    n=st.integers(10, 60),
    integer=st.integers(0, 1),
)
def test_the_canonical_name_means_the_same_table(p, noise, lo, hi, n, integer):
    table = synthetic.load(f"l1norm:n={n},hi={hi!r},integer={integer},lo={lo!r},noise={noise!r},p={p}")
    assert synthetic.load(table.name) == table
    assert synthetic.load(table.name).split(0).fingerprint() == table.split(0).fingerprint()


def test_defaults_are_left_out_of_names():
    assert synthetic.load("cosine:p=1,noise=0.10,n=200").name == "cosine"
    assert synthetic.load("cosine:noise=0.2,p=2").name == "cosine:p=2,noise=0.2"
    assert tables.load("moons:n=500").name == "moons:n=500"
    assert len(tables.load("moons:n=500").split(0).y_train) == 320
    assert tables.load("cosine:p=1").sha256 == tables.load("cosine").sha256 != tables.load("cosine:p=2").sha256


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("sine", UnknownName, "have 9clusters.*cosine"),
        ("cosine:q=2", UnknownName, "no option 'q=2'.*p=1, lo=-10, hi=10"),
        ("cosine:p", UnknownName, "no option 'p'"),
        ("moons:p=2", UnknownName, "n=2000, noise=0.1"),
        ("cosine:p=two", UserError, "'p=two' is not valid"),
        ("cosine:p=2.5", UserError, "is not valid"),
        ("cosine:p=0", UserError, "p is 0, must be from 1"),
        ("cosine:p=1,p=2", UserError, "twice"),
        ("cosine:n=5", UserError, "n is 5"),
        ("cosine:noise=-1", UserError, "0 or more"),
        ("cosine:noise=nan", UserError, "0 or more"),
        ("cosine:lo=10", UserError, "a number above lo"),
        ("cosine:hi=inf", UserError, "hi is inf"),
        ("cosine:integer=2", UserError, "0 or 1"),
        ("cosine:outliers=1", UserError, "below 1"),
        ("cosine:sign=up", UserError, "positive or both"),
        ("network:epoch=491", UserError, "from 1 to 490"),
        ("network:flip=0.6", UserError, "from 0 to 0.5"),
        ("blobs:n=9", UserError, "from 10"),
    ],
)
def test_bad_names_and_values(name, error, message):
    with pytest.raises(error, match=message):
        synthetic.load(name)


def test_functions_that_overflow_and_protocols():
    with pytest.raises(BadTable, match="not finite"):
        synthetic.load("exponential:hi=1e5").split(0)
    with pytest.raises(UnknownName, match="no function"):
        synthetic.function("sine", [[1.0]])
    with pytest.raises(UnknownName, match="no protocol"):
        synthetic.load("moons").split(0, "mine")
    with pytest.raises(UserError, match="negative"):
        synthetic.load("cosine").split(-1)
