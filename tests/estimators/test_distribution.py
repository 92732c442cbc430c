"""The distribution over levels: every number against brute force, scipy or arithmetic by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from utils.estimators.distribution import Distribution

HAND = Distribution([[0.2, 0.5, 0.3], [0.0, 0.0, 1.0], [0.5, 0.0, 0.5]], [1.0, 2.0, 3.0])
UNEVEN = np.array([-2.0, -1.0, 3.0, 3.5])  # bins of widths 1, 2.5, 2.25, 0.5


def draws(distribution, n=200_000):
    """`n` numbers from each row's distribution: a bin by its probability, then a point of the bin."""
    rng = np.random.default_rng(0)
    edges = distribution.edges
    bins = [rng.choice(len(row), n, p=row) for row in distribution.probabilities]
    return np.array([edges[row] + rng.uniform(size=n) * np.diff(edges)[row] for row in bins])


def rounded(centres, sd, levels):
    """Normal distributions as their rounding to evenly spaced levels leaves them."""
    width = levels[1] - levels[0]
    edges = np.append(levels - width / 2, levels[-1] + width / 2)
    return Distribution(np.diff(stats.norm.cdf(edges, centres[:, None], sd), axis=1), levels)


def test_by_hand():
    assert HAND.edges.tolist() == [0.5, 1.5, 2.5, 3.5]
    np.testing.assert_allclose(HAND.mean(), [2.1, 3.0, 2.0])
    np.testing.assert_allclose(HAND.std() ** 2, [0.49 + 1 / 12, 1 / 12, 1 + 1 / 12])
    np.testing.assert_allclose(HAND.median(), [2.1, 3.0, 1.5])  # row 1: 0.3 of 0.5 into the bin that starts at 1.5
    np.testing.assert_allclose(HAND.quantiles([0, 0.2, 1])[:2], [[0.5, 1.5, 3.5], [2.5, 2.7, 3.5]])
    np.testing.assert_allclose(HAND.interval(0.5)[1], [2.75, 3.25])
    assert HAND.quantiles([]).shape == (3, 0)


def test_uneven_levels_against_draws():
    distribution = Distribution(np.array([[0.1, 0.4, 0.3, 0.2], [0.7, 0.0, 0.1, 0.2]]), UNEVEN)
    sample = draws(distribution)
    q = [0.05, 0.25, 0.5, 0.77, 0.95]
    np.testing.assert_allclose(distribution.mean(), sample.mean(axis=1), atol=0.02)
    np.testing.assert_allclose(distribution.std(), sample.std(axis=1), atol=0.02)
    np.testing.assert_allclose(distribution.quantiles(q), np.quantile(sample, q, axis=1).T, atol=0.06)
    for truth in (-4.0, -1.2, 0.3, 3.1, 9.0):
        by_draws = np.abs(sample - truth).mean(axis=1) - np.abs(sample[:, ::2] - sample[:, 1::2]).mean(axis=1) / 2
        np.testing.assert_allclose(distribution.crps([truth, truth]), by_draws, atol=0.02)


def test_quantiles_are_those_of_the_histogram_of_scipy():
    probabilities = np.random.default_rng(1).dirichlet(np.ones(9), size=5)
    distribution = Distribution(probabilities, np.arange(9.0) * 0.5)
    q = np.linspace(0.01, 0.99, 23)
    for row, found in zip(probabilities, distribution.quantiles(q), strict=True):
        histogram = stats.rv_histogram((row, distribution.edges), density=False)
        np.testing.assert_allclose(found, histogram.ppf(q))


def test_a_normal_distribution_comes_back_from_its_rounding():
    centres = np.random.default_rng(2).uniform(30, 70, 2000)
    distribution = rounded(centres, 3.0, np.arange(100.0))
    np.testing.assert_allclose(distribution.mean(), centres, atol=1e-9)
    np.testing.assert_allclose(distribution.std(), 3.0, rtol=0.01)
    np.testing.assert_allclose(
        distribution.quantiles([0.1, 0.9]), stats.norm.ppf([[0.1, 0.9]], centres[:, None], 3), atol=0.06
    )
    truth = centres + 2.0
    z = 2 / 3
    by_formula = 3 * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi))
    np.testing.assert_allclose(distribution.crps(truth), by_formula, rtol=0.01)


def test_the_median_is_unbiased_and_nearer_than_the_lowest_level_that_reaches_half():
    centres = np.random.default_rng(3).uniform(30, 70, 4000)
    levels = np.arange(100.0)
    distribution = rounded(centres, 1.0, levels)
    lowest = levels[(distribution.cumulative[:, 1:] >= 0.5).argmax(axis=1)]
    assert np.abs(lowest - centres).mean() == pytest.approx(0.25, abs=0.01)
    assert np.abs(distribution.median() - centres).mean() < 0.02
    assert abs((distribution.median() - centres).mean()) < 1e-3


@given(
    arrays.arrays(float, (3, 7), elements=st.floats(0, 1)).filter(lambda p: (p.sum(axis=1) > 0).all()),
    arrays.arrays(float, 7, elements=st.floats(-1e300, 1e300), unique=True).map(np.sort),
)
def test_quantiles_rise_and_stay_among_the_bins(probabilities, levels):
    distribution = Distribution(probabilities, levels)
    quantiles = distribution.quantiles([0, 0.1, 0.5, 0.9, 1])
    slack = 1e-9 * np.abs(distribution.edges).max()
    assert (np.diff(quantiles, axis=1) >= -slack).all()
    assert (quantiles >= distribution.edges[0] - slack).all()
    assert (quantiles <= distribution.edges[-1] + slack).all()
    assert np.isfinite(distribution.std()).all()
    np.testing.assert_array_equal(distribution.median(), quantiles[:, 2])


def test_sums_other_than_one_are_scaled_and_equal_levels_have_no_width():
    np.testing.assert_array_equal(
        Distribution([[2.0, 5.0, 3.0]], HAND.levels).median(), Distribution([[0.2, 0.5, 0.3]], HAND.levels).median()
    )
    constant = Distribution([[0.25] * 4], [7.0] * 4)
    assert (constant.median()[0], constant.mean()[0], constant.std()[0]) == (7.0, 7.0, 0.0)
    assert constant.crps([9.0]).tolist() == [2.0]
    single = Distribution([[1.0]], [7.0])
    assert (single.median()[0], single.std()[0], single.crps([6.0])[0]) == (7.0, 0.0, 1.0)


def test_levels_at_the_end_of_the_floats():
    largest = np.finfo(float).max
    distribution = Distribution([[0.5, 0.0, 0.5]], [-largest, 0.0, largest])
    assert np.isfinite(distribution.edges).all()
    assert np.isfinite(distribution.quantiles([0.1, 0.5, 0.9])).all()
    assert np.isfinite(distribution.std()).all()


@pytest.mark.parametrize(
    ("probabilities", "levels", "words"),
    [
        ([[0.5, 0.5]], [1.0], "shape"),
        ([0.5, 0.5], [1.0, 2.0], "shape"),
        ([[0.5, 0.5]], [2.0, 1.0], "ascending"),
        ([[0.5, 0.5]], [1.0, np.inf], "finite"),
        ([[0.0, 0.0]], [1.0, 2.0], "positive sum"),
        ([[1.5, -0.5]], [1.0, 2.0], "negative"),
        ([[np.nan, 0.5]], [1.0, 2.0], "negative"),
    ],
)
def test_what_is_no_distribution_is_refused(probabilities, levels, words):
    with pytest.raises(ValueError, match=words):
        Distribution(np.array(probabilities), levels)


@pytest.mark.parametrize("q", [0.5, [1.1], [np.nan]])
def test_shares_are_a_list_from_0_to_1(q):
    with pytest.raises(ValueError, match="probabilities from 0 to 1"):
        HAND.quantiles(q)


def test_crps_needs_a_truth_per_row():
    with pytest.raises(ValueError, match="3 rows"):
        HAND.crps([1.0])
