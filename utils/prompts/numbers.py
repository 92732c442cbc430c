"""Numbers as text, and text as numbers: fixed decimals, significant digits, integer levels.

Signs and exponents are kept: numbers too long for positional notation get an exponent, and a text whose number is
ambiguous is not a number.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MISSING = "unknown"
LONG = 1e15  # above this, positional notation shows digits that a float does not have
MINUS_SIGNS = str.maketrans("−–－﹣", "----")
OPENING, CLOSING = " \t\"'`*([", " \t\"'`*)].,;:!?"
NUMBER = re.compile(r"[+-]?(?:(?:[1-9][0-9]{0,2}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
ASSIGNMENT = re.compile(r"(?:[^\W\d_]+\s+){0,3}[^\W\d_]+\s*[=:]\s*|(?:[^\W\d_]+\s+){1,3}is\s+")
DOUBT = re.compile(  # words that negate a number, add a second one or change its size
    r"\b(?:not|no|never|nor|neither|or|and|to|between|either|without|minus|plus|times|zero|one|two|three|four|five|six|seven"
    r"|eight|nine|ten|eleven|twelve|dozen|hundred|thousand|million|billion|trillion|percent|k|m|mn|bn|e)\b",
    re.IGNORECASE,
)


def fixed(value: float, decimals: int) -> str:
    """`value` with this many decimals, as the paper writes it; from 1e15 on with an exponent and all its digits.

    >>> fixed(-1234.5, 2), fixed(2e30, 2)
    ('-1234.50', '2e+30')
    """
    return f"{value:.{decimals}f}" if abs(value) < LONG else f"{value:.17g}"


def significant(value: float, digits: int) -> str:
    """`value` rounded to this many significant digits; an exponent only below 1e-4 and from 1e15 on.

    >>> significant(-1234.5, 3), significant(0.0123456, 3), significant(1.5e-9, 3), significant(2.0, 3)
    ('-1230', '0.0123', '1.5e-09', '2')
    """
    text = f"{value:.{digits}g}"
    return f"{float(text):.0f}" if "e+" in text and abs(float(text)) < LONG else text


def all_integers(values: np.ndarray) -> bool:
    """Whether all finite numbers are integers (and there is at least one)."""
    finite = values[np.isfinite(values)]
    return bool(len(finite)) and bool((finite == np.floor(finite)).all())


@dataclass(frozen=True)
class Format:
    """How the numbers of a column are written.

    Attributes:
        style: "fixed" for `digits` decimals, "significant" for `digits` significant digits.
        digits: how many.
        integers: the whole numbers of the column are written as integers, exactly.
    """

    style: str
    digits: int
    integers: bool

    def write(self, values: np.ndarray) -> list[str]:
        """The texts of integers or floats, shape (n,); nan is missing."""
        if values.dtype.kind in "iu" and self.integers:
            return [str(value) for value in values.tolist()]
        write = fixed if self.style == "fixed" else significant
        texts = []
        for value in values.astype(float).tolist():
            if math.isnan(value):
                texts.append(MISSING)
            elif self.integers and abs(value) < LONG and value.is_integer():
                texts.append(str(int(value)))
            else:
                texts.append(write(value, self.digits))
        return texts


def number(text: str) -> float | None:
    """The one unambiguous number in `text`, read leniently, or None.

    >>> [number(text) for text in ("-5", " +5 ", "−.5", "1,234.5", "y = 3", "3 years.", "1e-3")]
    [-5.0, 5.0, -0.5, 1234.5, 3.0, 3.0, 0.001]
    >>> [number(text) for text in ("", "one", "1 or 2", "1-2", "3 million", "3%", "about 3", "nan", "1e999", "1.2.3")]
    [None, None, None, None, None, None, None, None, None, None]
    """
    text = text.translate(MINUS_SIGNS)
    match = NUMBER.search(text)
    if match is None:
        return None
    before, after = text[: match.start()].lstrip(OPENING).rstrip("\"'`*(["), text[match.end() :]
    if before and not ASSIGNMENT.fullmatch(before):
        return None
    if after and after[0] not in CLOSING:
        return None
    if not all(character.isalpha() or character in CLOSING + OPENING for character in after):
        return None
    if DOUBT.search(before) or DOUBT.search(after):
        return None
    value = float(match.group().replace(",", ""))
    lost = not value and re.match(r"[^eE]*[1-9]", match.group())  # an exponent too small for a float
    return value if math.isfinite(value) and not lost else None


@dataclass(frozen=True)
class Scale:
    """An increasing, piecewise linear map from numbers to the levels 0 … levels - 1, constant beyond its ends.

    `knots` are numbers in ascending order and `heights` their levels before rounding. With no knot (no data) or one (a
    constant), everything maps to the middle level.
    """

    knots: np.ndarray
    heights: np.ndarray
    levels: int

    @classmethod
    def between(cls, values: np.ndarray, levels: int, widen: float = 0.0) -> Scale:
        """Linear from the smallest to the largest finite value, each end extended by `widen` times the range."""
        finite = values[np.isfinite(values)]
        if not len(finite) or finite.min() == finite.max():
            return cls(finite[:1], np.array([(levels - 1) // 2], float)[: len(finite)], levels)
        low, high = finite.min(), finite.max()
        room = max(sys.float_info.max - max(abs(low), abs(high)), 0.0)
        margin = min(widen * high - widen * low, room)
        return cls(np.array([low - margin, high + margin]), np.array([0.0, levels - 1.0]), levels)

    @classmethod
    def quantiles(cls, values: np.ndarray, levels: int) -> Scale:
        """By rank among the finite values, ties at their mean rank; the extremes get the end levels."""
        knots, counts = np.unique(values[np.isfinite(values)], return_counts=True)
        if len(knots) < 2:
            return cls.between(values, levels)
        ranks = np.cumsum(counts) - counts / 2
        return cls(knots, (ranks - ranks[0]) / (ranks[-1] - ranks[0]) * (levels - 1), levels)

    def level(self, values: np.ndarray) -> np.ndarray:
        """Levels, shape (n,), as integers; -1 for missing values."""
        values = np.asarray(values, float)
        if len(self.knots) < 2:
            levels = np.full(len(values), (self.levels - 1) // 2)
        else:  # halved, so that a range as wide as that of floats does not overflow
            levels = np.interp(np.nan_to_num(values) / 2, self.knots / 2, self.heights)
            levels = np.floor(levels + 0.5).astype(int)
        return np.where(np.isnan(values), -1, levels)

    def write(self, values: np.ndarray) -> list[str]:
        """The levels of the values as texts, shape (n,)."""
        return level_texts(self.level(values))

    def value(self, levels: Sequence[int]) -> np.ndarray:
        """The numbers at the centres of these levels; the constant itself if all numbers were equal."""
        if len(self.knots) < 2:
            return np.full(len(levels), self.knots[0] if len(self.knots) else np.nan)
        return np.interp(np.asarray(levels, float), self.heights, self.knots / 2) * 2


def level_texts(levels: np.ndarray) -> list[str]:
    """Levels as texts; -1 is missing."""
    return [str(level) if level >= 0 else MISSING for level in levels.tolist()]


def row_levels(values: np.ndarray, levels: int) -> np.ndarray:
    """Levels of each row between its own smallest and largest finite number: integers, shape (n, p); -1 for missing.

    A row whose numbers are all equal gets the middle level.
    """
    finite = np.isfinite(values)
    low = np.min(values, axis=1, initial=np.inf, where=finite, keepdims=True)
    high = np.max(values, axis=1, initial=-np.inf, where=finite, keepdims=True)
    spread = high > low
    low, high = np.where(spread, low, 0.0), np.where(spread, high, 1.0)
    share = (np.clip(values, low, high) / 2 - low / 2) / (high / 2 - low / 2)
    whole_levels = np.where(spread, np.floor(share * (levels - 1) + 0.5), (levels - 1) // 2)
    return np.where(np.isnan(values), -1, whole_levels).astype(int)
