"""Columns of a synthetic table: hidden normal variables become skewed, discrete, textual and incomplete columns.

A column has two versions. Mechanisms use its standardised *reading*; the table shows its *record*: the same variable
after a monotone warp, quantised to few levels, in other units, or as a random word per category.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr

# Kinds of columns and their weights. The first seven are continuous, the next three integers.
KINDS = {
    "normal": 0.24,
    "uniform": 0.14,
    "heavy": 0.06,
    "lognormal": 0.10,
    "exponential": 0.07,
    "multimodal": 0.07,
    "inflated": 0.04,
    "levels": 0.08,
    "counts": 0.07,
    "binary": 0.05,
    "text": 0.14,
}
NAMES = tuple(KINDS)
RULE_KINDS = {"levels": 0.3, "binary": 0.25, "text": 0.45}  # for tables made by rules over categories
MAX_LEVELS = 20
CONSONANTS, VOWELS = "bcdfghjklmnprstvwz", "aeiou"


@dataclass(frozen=True)
class Columns:
    """Inputs of one table, each array of shape (n, d) and without missing values.

    Attributes:
        readings: standardised values, the inputs of mechanisms.
        records: values as recorded; the number of the category in a text column.
        is_text: which columns are written as text, shape (d,).
        is_whole: which columns hold integers, shape (d,).
    """

    readings: np.ndarray
    records: np.ndarray
    is_text: np.ndarray
    is_whole: np.ndarray


def pick(rng: np.random.Generator, weights: Any) -> int:
    """An index drawn with probabilities proportional to `weights`; several times faster than `rng.choice`."""
    steps = np.cumsum(weights)
    return min(int(np.searchsorted(steps, rng.random() * steps[-1], side="right")), len(steps) - 1)


def log_uniform(rng: np.random.Generator, low: float, high: float, size: Any = None) -> Any:
    """Log-uniform numbers; a float if `size` is None."""
    return np.exp(np.log(low) + (np.log(high) - np.log(low)) * rng.random(size))


def standardised(values: np.ndarray) -> np.ndarray:
    """Columns of mean 0 and standard deviation 1; constant ones become 0."""
    centred = values - values.mean(axis=0)
    sd = np.sqrt(np.mean(centred * centred, axis=0))
    return centred / np.where(sd > 1e-12, sd, 1.0)


def hidden(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    """Normal variables, shape (n, d): independent, sharing random factors, or scattered around a few centres."""
    G = rng.standard_normal((n, d))
    if d > 1 and rng.random() < (0.45 if d <= 10 else 0.75):  # columns of wide real tables are hardly ever independent
        n_factors = 1 + int(log_uniform(rng, 1, max(2, d // 2)))
        loadings = rng.standard_normal((n_factors, d))
        loadings *= rng.random(d) ** 0.5 / np.sqrt(np.sum(loadings**2, axis=0))  # share of variance: uniform
        G = G * np.sqrt(1 - np.sum(loadings**2, axis=0)) + rng.standard_normal((n, n_factors)) @ loadings
    if rng.random() < 0.12:
        centres = log_uniform(rng, 0.5, 3) * rng.standard_normal((rng.integers(2, 7), d))
        G += centres[rng.integers(len(centres), size=n)]
        G = standardised(G)
    return G


def repeat(rng: np.random.Generator, G: np.ndarray) -> np.ndarray:
    """Sometimes replaces a few columns by near-copies of others."""
    d = G.shape[1]
    if d < 3 or rng.random() > 0.12:
        return G
    order = rng.permutation(d)
    n_copies = int(rng.integers(1, max(2, d // 3)))
    copies, sources = order[:n_copies], order[rng.integers(n_copies, d, size=n_copies)]
    G = G.copy()
    blur = log_uniform(rng, 0.01, 0.5)
    G[:, copies] = (G[:, sources] + blur * rng.standard_normal((len(G), n_copies))) / np.sqrt(1 + blur**2)
    return G


def inputs(rng: np.random.Generator, n: int, d: int, texts: bool, is_rule: bool) -> Columns:
    """Columns for a mechanism that computes the target from them; with few levels each for rules."""
    G = repeat(rng, hidden(rng, n, d))
    kinds = _kinds(rng, d, RULE_KINDS if is_rule else KINDS, texts)
    is_shared = is_rule and rng.random() < 0.4  # all columns have the same categories, like the squares of a board
    records = _records(rng, G, kinds, is_shared)
    # In half of the tables the target depends on the recorded values, in the others on the hidden ones.
    is_behind = rng.random() < 0.5
    readings = G if is_behind and not is_rule else np.clip(standardised(records), -5, 5)
    is_text = kinds == NAMES.index("text")
    is_whole = kinds >= NAMES.index("levels")
    if is_behind and not is_rule and is_whole.any() and rng.random() < 0.85:
        readings = np.where(is_whole, np.clip(standardised(records), -5, 5), readings)
    if is_text.any():
        effects = rng.standard_normal((MAX_LEVELS, d))
        if is_shared:
            effects[:] = effects[:, :1]
        values = np.take_along_axis(effects, records.astype(np.intp) % MAX_LEVELS, axis=0)
        readings = np.where(is_text, values if is_shared else standardised(values), readings)
    return Columns(readings, records, is_text, is_whole)


def measured(rng: np.random.Generator, G: np.ndarray, texts: bool) -> Columns:
    """Columns for variables drawn jointly with the target; half of the tables show them unchanged."""
    G = repeat(rng, standardised(G))
    kinds = np.zeros(G.shape[1], dtype=np.intp) if rng.random() < 0.5 else _kinds(rng, G.shape[1], KINDS, texts)
    records = _records(rng, G, kinds, False)
    return Columns(G, records, kinds == NAMES.index("text"), kinds >= NAMES.index("levels"))


def _kinds(rng: np.random.Generator, d: int, weights: dict[str, float], texts: bool) -> np.ndarray:
    """Positions in NAMES, shape (d,): one kind for the whole table, or up to five mixed."""
    n_kinds = 1 if rng.random() < 0.4 else int(rng.integers(2, 6))
    chosen = np.array([NAMES.index(tuple(weights)[pick(rng, tuple(weights.values()))]) for _ in range(n_kinds)])
    if not texts:
        chosen[chosen == NAMES.index("text")] = NAMES.index("levels")
    return chosen[rng.integers(n_kinds, size=d)]


def _records(rng: np.random.Generator, G: np.ndarray, kinds: np.ndarray, is_shared: bool) -> np.ndarray:
    """The columns of G, roughly standard normal, each warped to its kind; never infinite."""
    records = G.copy()
    for kind in np.unique(kinds):
        if NAMES[kind] != "normal":
            where = np.flatnonzero(kinds == kind)
            records[:, where] = _warped(rng, np.clip(G[:, where], -6, 6), NAMES[kind], is_shared)
    return records


def _warped(rng: np.random.Generator, g: np.ndarray, kind: str, is_shared: bool) -> np.ndarray:
    d = g.shape[1]
    draw = rng.random(d)
    if kind == "heavy":
        return np.sinh((0.6 + draw) * g)
    if kind == "lognormal":
        return np.exp((0.4 + 1.1 * draw) * g)
    if kind == "counts":
        return np.floor(np.exp((0.4 + 0.8 * draw) * g + 3 * rng.random(d)))
    u = ndtr(g)
    if kind == "uniform":
        return u
    if kind == "exponential":
        return -np.log1p(-u)
    if kind == "multimodal":
        n_modes = rng.integers(2, 5, size=d)
        mode = np.floor(u * n_modes)
        return mode + (0.1 + 0.5 * draw) * (u * n_modes - mode)
    if kind == "inflated":
        n_zero = 0.2 + 0.5 * draw
        return -np.log1p(-np.maximum(u - n_zero, 0) / (1 - n_zero))
    if kind == "binary":
        return (u < 0.1 + 0.8 * draw).astype(float)
    n_levels = np.floor(log_uniform(rng, 2, 11, d)) if rng.random() < 0.9 else rng.integers(2, MAX_LEVELS + 1, size=d)
    if is_shared:
        n_levels[:] = n_levels[0]
    return np.minimum(np.floor(n_levels * u ** np.exp(0.5 * rng.standard_normal(d))), n_levels - 1)


def in_units(rng: np.random.Generator, columns: Columns) -> np.ndarray:
    """The records in random units, shape (n, d); integers mostly stay unchanged."""
    records, d = columns.records, columns.records.shape[1]
    if rng.random() < 0.3:
        return records
    scale = log_uniform(rng, 1e-3, 1e4, d if rng.random() < 0.7 else None) * np.ones(d)
    offset = scale * rng.standard_normal(d) * (rng.random(d) < 0.5) * log_uniform(rng, 0.1, 30)
    is_kept = columns.is_whole & (rng.random(d) < 0.8)
    values = np.where(is_kept, records, records * scale + offset)
    if rng.random() < 0.4:  # few significant digits, as from instruments
        decimals = np.clip(np.floor(rng.integers(1, 4) - np.log10(values.std(axis=0) + 1e-12)), 0, 8)
        values = np.rint(values * 10.0**decimals) / 10.0**decimals + 0.0  # + 0.0: no -0
    return values


def gaps(rng: np.random.Generator, columns: Columns) -> np.ndarray | None:
    """Which cells are missing, bool of shape (n, d), never a whole column; None in four tables out of five."""
    if rng.random() > 0.2:
        return None
    n, d = columns.records.shape
    rates = log_uniform(rng, 0.01, 0.4, d) * (rng.random(d) < log_uniform(rng, 0.1, 1.5))
    if not rates.any():
        rates[rng.integers(d)] = 0.1
    if rng.random() < 0.3:  # large values are missing
        rates = np.minimum(rates * 2 * ndtr(2 * standardised(columns.records)), 0.9)
    is_missing = rng.random((n, d)) < rates
    is_missing[rng.integers(n)] &= ~is_missing.all(axis=0)
    return is_missing


def words(rng: np.random.Generator, n: int) -> np.ndarray:
    """n distinct short texts (object): letters, syllables, or syllables with a number."""
    style = rng.random()
    if style < 0.25 and n <= len(VOWELS + CONSONANTS):
        letters = np.array(list(VOWELS + CONSONANTS), dtype=object)
        return letters[rng.permutation(len(letters))[:n]]
    n_syllables = 1 + int(rng.integers(3))
    first = rng.integers(len(CONSONANTS), size=(n, n_syllables)).tolist()
    second = rng.integers(len(VOWELS), size=(n, n_syllables)).tolist()
    texts = [
        "".join(CONSONANTS[i] + VOWELS[j] for i, j in zip(row, column, strict=True))
        for row, column in zip(first, second, strict=True)
    ]
    if style > 0.8 or len(set(texts)) < n:
        texts = [f"{text}{position}" for position, text in enumerate(texts)]
    return np.array(texts, dtype=object)


@cache
def _names(d: int) -> pd.Index:
    return pd.Index([f"x{position}" for position in range(1, d + 1)])


def frame(
    rng: np.random.Generator, columns: Columns, values: np.ndarray, is_missing: np.ndarray | None
) -> pd.DataFrame:
    """The table as shown: float columns with NaN and object columns with None for missing cells."""
    names = _names(values.shape[1])
    if is_missing is not None:
        values = np.where(is_missing, np.nan, values)
    if not columns.is_text.any():
        return pd.DataFrame(values, columns=names)
    index = pd.RangeIndex(len(values))
    shown: dict[str, Any] = {}
    vocabulary = words(rng, MAX_LEVELS) if rng.random() < 0.2 else None  # one vocabulary for all columns
    for position, name in enumerate(names):
        if not columns.is_text[position]:
            shown[name] = values[:, position]
            continue
        codes = columns.records[:, position].astype(np.intp)
        texts = (words(rng, codes.max() + 1) if vocabulary is None else vocabulary)[codes]
        if is_missing is not None:
            texts[is_missing[:, position]] = None
        shown[name] = pd.Series(texts, index=index, dtype=object)
    return pd.DataFrame(shown, index=index)
