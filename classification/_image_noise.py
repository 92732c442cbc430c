"""Corrupted test images: the same for every learner, with an accuracy for each corruption (paper §3.4).

The clean test images are the trial's test rows; its queries are all corrupted images, ordered by kind, then by ε, then
as the test rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd

from classification import _attacks
from utils.errors import UnknownName, UserError
from utils.tables import images, perturbations
from utils.tables.splits import Split

KINDS = (*perturbations.IMAGE_NOISE, *_attacks.ATTACKS)
TITLES = {kind: f"{kind} noise" for kind in perturbations.IMAGE_NOISE}
TITLES |= {kind: f"PGD on {network}" for kind, network in _attacks.ATTACKS.items()}


def check(kinds: Sequence[str], epsilons: Sequence[float]) -> None:
    """Raises UserError if a kind is unknown or missing, or an ε is not above 0 and at most 1."""
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown or not kinds:
        raise UnknownName(f"no corruption {(*unknown, '')[0]!r}; --kinds takes {', '.join(KINDS)}")
    wrong = [epsilon for epsilon in epsilons if not 0 < epsilon <= 1]
    if wrong or not epsilons:
        given = wrong[0] if wrong else "no value"
        raise UserError(
            f"--epsilons has {given}; give numbers above 0, at most 1 (ε = 0 are the test images themselves)"
        )
    if set(kinds) & set(_attacks.ATTACKS):
        _attacks.check()


def queries(
    split: Split, kinds: Sequence[str], epsilons: Sequence[float], side: int, greys: int, seed: int
) -> pd.DataFrame:
    """The test images under every corruption, rounded to the grey levels of the split.

    Attacks target networks trained on the split's training rows, see `_attacks.transferred`.
    """
    clean = images.values(split.X_test, greys)
    parts = []
    for kind, epsilon in _pairs(kinds, epsilons):
        if kind in _attacks.ATTACKS:
            noisy = _attacks.transferred(split, _attacks.ATTACKS[kind], epsilon, side, greys, seed)
        else:
            noisy = perturbations.image_noise(clean, kind, epsilon, seed)
        parts.append(images.table(noisy, greys, split.X_test.columns))
    return pd.concat(parts, ignore_index=True)


def measures(
    n_test: int, kinds: Sequence[str], epsilons: Sequence[float]
) -> dict[str, Callable[[pd.DataFrame], float]]:
    """KIND_ε → accuracy of the answers to these images; nan for kinds not requested: the columns stay the same."""
    requested = _pairs(kinds, epsilons)
    return {_column(*pair): partial(_accuracy, n_test, requested, pair) for pair in _pairs(KINDS, epsilons)}


def curves(results: pd.DataFrame) -> pd.DataFrame:
    """The finished cases with one row per corruption and ε: the accuracy, with ε = 0 for the clean images.

    The columns `panel` (the kind in words, and the data set if there are several) and `epsilon` come first, `images`
    (the kind and ε, or "clean") last.
    """
    several = results["dataset"].nunique() > 1
    parts = []
    for kind in KINDS:
        levels = [float(name.removeprefix(f"{kind}_")) for name in results if name.startswith(f"{kind}_")]
        done = results[results[[_column(kind, epsilon) for epsilon in levels]].notna().all(axis=1)] if levels else ()
        for epsilon in (0.0, *levels) if len(done) else ():
            accuracy = done[_column(kind, epsilon) if epsilon else "accuracy"]
            panel = done["dataset"] + " · " + TITLES[kind] if several else TITLES[kind]
            part = done.assign(accuracy=accuracy, images=f"{kind} {epsilon:g}" if epsilon else "clean")
            part.insert(0, "epsilon", epsilon)
            part.insert(0, "panel", panel)
            parts.append(part)
    frame = pd.concat(parts, ignore_index=True)
    return frame.sort_values("dataset", kind="stable", ignore_index=True) if several else frame


def _pairs(kinds: Sequence[str], epsilons: Sequence[float]) -> list[tuple[str, float]]:
    return [(kind, epsilon) for kind in KINDS if kind in kinds for epsilon in sorted(set(epsilons))]


def _column(kind: str, epsilon: float) -> str:
    return f"{kind}_{epsilon:g}"


def _accuracy(n_test: int, requested: list[tuple[str, float]], pair: tuple[str, float], answers: pd.DataFrame) -> float:
    if pair not in requested:
        return float("nan")
    first = n_test * (1 + requested.index(pair))
    parsed, truth = answers["parsed"].iloc[first : first + n_test].tolist(), answers["truth"].iloc[:n_test].tolist()
    return float(np.mean([answer == label for answer, label in zip(parsed, truth, strict=True)]))
