"""Numbers to text and back: signs, scales and exponents survive, levels grow with their numbers."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from utils.prompts.numbers import Format, Scale, all_integers, fixed, number, row_levels, significant

fast = settings(max_examples=150)
finite = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5.0),
        ("-5", -5.0),
        ("+5", 5.0),
        ("−5.5", -5.5),
        ("–5", -5.0),
        (".5", 0.5),
        ("-.5", -0.5),
        ("5.", 5.0),
        ("1e-3", 0.001),
        ("-1.5E+10", -1.5e10),
        ("1,234.5", 1234.5),
        ("-12,345,678", -12345678.0),
        ("007", 7.0),
        (" 3 ", 3.0),
        ('"3"', 3.0),
        ("(3)", 3.0),
        ("**3**", 3.0),
        ("3 years", 3.0),
        ("3. That is my guess!", 3.0),
        ("y=3", 3.0),
        ("y = -3", -3.0),
        ("y: 3", 3.0),
        ("the answer is 3", 3.0),
        ("The answer is: 3.", 3.0),
    ],
)
def test_a_clear_number_is_read_with_goodwill(text, value):
    assert number(text) == value


UNCLEAR = """
one/nan/inf/-inf/1e999/1e-999/1 or 2/1 2/1, 2/1-2/1–2/1.2.3/1,23/0,123/1,2345/12,34/1_000/0x10/3%/3k/
5th/$5/3 k/3 million/3 or so/not 3/no 3/about 3/~3/<3/--5/+-5/- 5/5-/x1/x1=/y==3/f(x)=3/y=x1+3/
5 = five/３/e5/./-/,/.../@@@/3 minus one/minus 3/between 3/2 x 10/3@/y is not 3/3 😀
"""


@pytest.mark.parametrize("text", ["", "1/2", *UNCLEAR.replace("\n", "").split("/")])
def test_what_is_not_one_clear_number_is_none(text):
    assert number(text) is None


@fast
@given(finite, st.integers(1, 17))
def test_significant_digits_keep_the_relative_error_small(value, digits):
    back = number(significant(value, digits))
    if back is None:  # rounded up beyond the largest float, or below the smallest
        assert abs(value) > 1e307 or abs(value) < 1e-300
    elif abs(value) > 1e-300:
        assert abs(back - value) <= 0.5 * 10 ** (1 - digits) * abs(value) * (1 + 1e-9)
        assert math.copysign(1, back) == math.copysign(1, value)


@fast
@given(finite, st.integers(0, 12))
def test_fixed_decimals_are_exact_to_the_last_place(value, decimals):
    back = number(fixed(value, decimals))
    assert abs(back - value) <= 0.5 * 10**-decimals * (1 + 1e-6) + abs(value) * 1e-15


@fast
@given(st.integers(-(2**63), 2**63 - 1))
def test_integer_columns_are_exact(value):
    assert Format("significant", 3, True).write(np.array([value], dtype=np.int64)) == [str(value)]


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(1234.5, 3, "1230"), (1e14, 2, "100000000000000"), (9.99e14, 1, "1e+15"), (1.5e-9, 3, "1.5e-09"), (0.0, 3, "0")],
)
def test_significant_uses_an_exponent_only_at_the_ends(value, digits, text):
    assert significant(value, digits) == text


def test_a_format_writes_whole_columns_as_integers_and_nan_as_unknown():
    values = np.array([1.0, np.nan, 2.5, -3.0])
    assert Format("fixed", 2, True).write(values) == ["1", "unknown", "2.50", "-3"]
    assert Format("fixed", 2, False).write(values) == ["1.00", "unknown", "2.50", "-3.00"]
    assert Format("significant", 3, False).write(np.array([1999, 5])) == ["2000", "5"]


def test_whole_looks_at_the_finite_numbers():
    assert all_integers(np.array([1.0, np.nan, -2.0]))
    assert not all_integers(np.array([1.0, 2.5]))
    assert not all_integers(np.array([np.nan]))


columns = st.lists(st.one_of(finite, st.just(math.nan)), min_size=1, max_size=30).map(np.array)


@fast
@given(columns, columns, st.integers(2, 1000), st.sampled_from([Scale.between, Scale.quantiles]))
def test_levels_grow_with_their_numbers_and_stay_in_range(train, test, levels, make):
    test = np.sort(test[~np.isnan(test)])
    found = make(train, levels).level(test)
    assert (np.diff(found) >= 0).all()
    assert ((found >= 0) & (found < levels)).all()


@fast
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30), st.integers(2, 1000))
def test_a_level_stands_for_a_number_half_a_level_away_at_most(train, levels):
    values = np.array(train)
    scale = Scale.between(values, levels, widen=0.05)
    back = scale.value(scale.level(values))
    width = 1.1 * (values.max() - values.min()) / (levels - 1)
    assert (np.abs(back - values) <= width / 2 + 1e-6 * np.abs(values).max() * 1e-3 + 1e-12).all()


def test_scales_clip_skip_missing_and_put_constants_in_the_middle():
    scale = Scale.between(np.array([0.0, np.nan, 10.0, np.inf]), 11)
    assert scale.level(np.array([-5, 0, 5, 10, 99, np.inf, -np.inf, np.nan])).tolist() == [0, 0, 5, 10, 10, 10, 0, -1]
    assert Scale.between(np.array([7.0, 7.0]), 1000).level(np.array([7.0, 0.0, np.nan])).tolist() == [499, 499, -1]
    assert Scale.between(np.array([7.0, 7.0]), 1000).value([0, 499, 999]).tolist() == [7, 7, 7]
    assert Scale.between(np.array([np.nan]), 1000).level(np.array([np.nan, 1.0])).tolist() == [-1, 499]
    assert Scale.between(np.array([-1.7e308, 1.7e308]), 3, 0.05).level(np.array([-1.7e308, 0, 1.7e308])).tolist() == [
        0,
        1,
        2,
    ]


def test_quantiles_spread_a_skewed_column():
    values = np.array([0.0, 1, 2, 3, 1e9])
    assert Scale.quantiles(values, 5).level(values).tolist() == [0, 1, 2, 3, 4]
    assert Scale.between(values, 5).level(values).tolist() == [0, 0, 0, 0, 4]


def test_quantiles_put_ties_at_their_middle():
    values = np.array([0.0, 0, 0, 1, 2])  # ranks 1.5, 3.5, 4.5
    assert Scale.quantiles(values, 301).level(np.array([0.0, 1, 2])).tolist() == [0, 200, 300]


def test_rows_are_scaled_by_their_own_numbers():
    values = np.array([[0.0, 5, 10], [3, 3, 3], [np.nan, 1, 2], [np.nan] * 3, [-np.inf, 0, 1]])
    assert row_levels(values, 101).tolist() == [[0, 50, 100], [50] * 3, [-1, 0, 100], [-1] * 3, [0, 0, 100]]
    assert row_levels(np.empty((2, 0)), 10).shape == (2, 0)
