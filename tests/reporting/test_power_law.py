"""Power laws through learning curves, and the rows that follow from them."""

import math

import numpy as np
import pandas as pd
import pytest

from utils.reporting import power_law

SIZES = np.array([8, 16, 32, 64, 128, 256])


def test_a_power_law_is_found_again():
    law = power_law.PowerLaw(floor=0.05, scale=2.0, rate=0.7)
    found = power_law.fit(SIZES, law(SIZES))
    assert found.floor == pytest.approx(0.05, abs=1e-4)
    assert found.rate == pytest.approx(0.7, abs=1e-3)
    assert found.rows(float(law(100.0))) == pytest.approx(100, rel=1e-2)


def test_what_lies_below_the_floor_is_never_reached():
    assert power_law.PowerLaw(0.2, 1.0, 0.5).rows(0.1) == math.inf
    assert power_law.PowerLaw(0.0, 1.0, 0.0).rows(0.1) == math.inf


def test_a_flat_curve_and_a_perfect_one_are_fitted_too():
    assert power_law.fit(SIZES, np.full(6, 0.3))(64) == pytest.approx(0.3, abs=1e-3)
    assert power_law.fit(SIZES, np.zeros(6))(64) == pytest.approx(0.0, abs=1e-3)


def test_three_sizes_are_too_few():
    assert power_law.fit(SIZES[:3], np.array([0.3, 0.2, 0.1])) is None


def test_rows_to_match_reads_the_reference_at_its_largest_size():
    law = power_law.PowerLaw(0.0, 1.0, 0.5)
    rows = [("a", "lift", n, law(n)) for n in SIZES] + [("a", "xgboost", n, 1 / n) for n in (8, 100)]
    rows += [("b", "xgboost", 8, 0.1)]  # no curve of lift: left out
    frame = pd.DataFrame(rows, columns=["dataset", "method", "n_train", "error"])
    needed = power_law.rows_to_match(frame, "error", "lift", "xgboost")
    assert needed["dataset"].tolist() == ["a"]
    assert needed["n_train"].item() == 100
    assert needed["error_xgboost"].item() == pytest.approx(0.01)
    assert needed["rows"].item() == pytest.approx(10_000, rel=0.05)


def test_two_models_have_a_curve_each():
    laws = {"lift-tiny": power_law.PowerLaw(0.0, 1.0, 0.5), "smollm2": power_law.PowerLaw(0.0, 1.0, 1.0)}
    rows = [("a", "lift", 0, name, n, law(n)) for name, law in laws.items() for n in SIZES]
    rows += [("a", "xgboost", 0, "", 100, 0.01)]
    frame = pd.DataFrame(rows, columns=["dataset", "method", "seed", "model", "n_train", "error"])
    needed = power_law.rows_to_match(frame, "error", "lift", "xgboost").set_index("learner")["rows"]
    assert needed["lift lift-tiny"] == pytest.approx(10_000, rel=0.05)
    assert needed["lift smollm2"] == pytest.approx(100, rel=0.05)
