"""Training rows placed before a prompt: random, balanced over the answers, or the nearest ones (paper §3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, zip_longest

import numpy as np
import pandas as pd

from ..errors import BadTable, UnknownName, UserError
from ..models.base import LanguageModel
from ..tables import encoding
from . import numbers
from .template import Template

CHOICES = ("random", "balanced", "nearest")


class Random:
    """`shots` of `n_rows` training rows, drawn uniformly."""

    def __init__(self, n_rows: int, shots: int):
        self.n_rows, self.shots = n_rows, shots

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """(shots,) rows for all queries."""
        return rng.choice(self.n_rows, self.shots, replace=False)

    def own(self, rng: np.random.Generator) -> np.ndarray:
        """(n_rows, shots) rows for each training row, never itself."""
        rows = np.empty((self.n_rows, self.shots), int)
        for i in range(self.n_rows):
            others = rng.choice(self.n_rows - 1, self.shots, replace=False)
            rows[i] = others + (others >= i)
        return rows


class Balanced:
    """`shots` training rows, as evenly over the classes as possible; for numbers, one from each range of ranks.

    Args:
        y: (n_rows,) the training targets.
        shots: rows to draw, fewer than n_rows.
        task: "classification", or "regression", whose targets are cut into `shots` parts of similar size.
    """

    def __init__(self, y: np.ndarray, shots: int, task: str):
        self.n_rows, self.shots = len(y), shots
        if task == "classification":
            parts = np.unique(y, return_inverse=True)[1]
        else:
            parts = np.argsort(np.argsort(y, kind="stable")) * shots // len(y)
        order = np.argsort(parts, kind="stable")
        self.parts = np.split(order, np.flatnonzero(np.diff(parts[order])) + 1)

    def draw(self, rng: np.random.Generator, without: int = -1) -> np.ndarray:
        """(shots,) rows in random order, none of them `without`."""
        drawn = []
        # `without` empties at most one part, so this many parts are always enough
        for part in rng.permutation(len(self.parts))[: self.shots + 1]:
            rows = self.parts[part][self.parts[part] != without]
            drawn.append(rng.choice(rows, min(len(rows), self.shots), replace=False))
        interleaved = (row for turn in zip_longest(*drawn) for row in turn if row is not None)
        return rng.permutation(list(islice(interleaved, self.shots)))

    def own(self, rng: np.random.Generator) -> np.ndarray:
        """(n_rows, shots) rows for each training row, never itself."""
        return np.array([self.draw(rng, i) for i in range(self.n_rows)])


class Nearest:
    """The training rows nearest to a query, nearest last: Euclidean, numbers standardised, other columns one-hot.

    Args:
        X: the training rows.
        shots: neighbours of each query, fewer than the rows.
        row_levels: if above 0, the numbers of a row are first mapped to that many levels between its own minimum and
            maximum, as a template of scale "row" does, so that rows of the same shape are near.
    """

    def __init__(self, X: pd.DataFrame, shots: int, row_levels: int = 0):
        self.row_levels = row_levels
        scaled = self._scaled(X)
        self.encoder = encoding.Encoder().fit(scaled)
        from sklearn.neighbors import NearestNeighbors

        self.index = NearestNeighbors(n_neighbors=shots).fit(self.encoder.transform(scaled))

    def neighbours(self, X: pd.DataFrame) -> np.ndarray:
        """(n, shots) training rows for each row of X."""
        points = self.encoder.transform(self._scaled(X))
        return self.index.kneighbors(points, return_distance=False)[:, ::-1]

    def own(self, rng: np.random.Generator | None = None) -> np.ndarray:
        """(n_rows, shots) rows for each training row, never itself; an identical row may be among them."""
        return self._own

    @cached_property
    def _own(self) -> np.ndarray:
        return self.index.kneighbors(return_distance=False)[:, ::-1]

    def _scaled(self, X: pd.DataFrame) -> pd.DataFrame:
        if not self.row_levels:
            return X
        numeric = [name for name in X.columns if encoding.is_numeric(X[name])]
        levels = numbers.row_levels(encoding.numbers(X, numeric), self.row_levels).astype(float)
        levels[levels < 0] = np.nan  # a missing cell
        return pd.concat([pd.DataFrame(levels, columns=numeric, index=X.index), X.drop(columns=numeric)], axis=1)


@dataclass(frozen=True)
class Shots:
    """The training rows that prompts show.

    Attributes:
        chooser: selects the rows.
        X, y: the rows shown for all queries, or all training rows if each query shows its nearest.
    """

    chooser: Random | Balanced | Nearest
    X: pd.DataFrame
    y: np.ndarray

    @classmethod
    def of(
        cls, settings: dict[str, object], template: Template, X: pd.DataFrame, y: np.ndarray, seed: int
    ) -> Shots | None:
        """The shots for the settings `shots` and `shot_choice`; None without shots.

        Args:
            settings: by name.
            template: fitted; rows that it scales individually are compared on that scale.
            X, y: the training rows.
            seed: of the rows for all queries.

        Raises:
            BadTable: no more training rows than shots.
        """
        n, choice = settings["shots"], settings["shot_choice"]
        if not n:
            return None
        if n >= len(X):
            raise BadTable(f"{n} rows in the prompt need more than {len(X)} training rows; lower --shots")
        if choice == "nearest":
            return cls(Nearest(X, n, template.cells_.row_levels), X, y)
        chooser = Balanced(y, n, template.task) if choice == "balanced" else Random(len(X), n)
        rows = chooser.draw(np.random.default_rng(seed))
        return cls(chooser, X.iloc[rows], y[rows])

    def before(self, prompts: Sequence[str], X: pd.DataFrame, template: Template) -> list[str]:
        """The prompts of these rows, each preceded by its shots, all written by the template."""
        if isinstance(self.chooser, Nearest):
            near = self.chooser.neighbours(X)
            rows, inverse = np.unique(near, return_inverse=True)
            texts = template.examples(self.X.iloc[rows], self.y[rows])
            shown = [[texts[j] for j in own] for own in inverse.reshape(near.shape).tolist()]
        else:
            shown = [template.examples(self.X, self.y)] * len(prompts)
        return [template.prompt_with_shots(shots, prompt) for shots, prompt in zip(shown, prompts, strict=True)]


def check(settings: dict[str, object]) -> None:
    """Raises UserError for an invalid number of shots or an unknown choice."""
    if settings["shots"] < 0:
        raise UserError(f"shots is {settings['shots']}; it must not be negative")
    if settings["shot_choice"] not in CHOICES:
        raise UnknownName(f"no shot choice {settings['shot_choice']!r}; have {', '.join(CHOICES)}")


def affordable(
    settings: dict[str, object], model: LanguageModel, template: Template, X: pd.DataFrame, y: np.ndarray, answer: int
) -> int:
    """The requested shots, cut to the table's rows and to what fits if all rows were as long as the longest.

    Args:
        settings: with `shots` and, optionally, `shot_tokens`, the maximum tokens of all shown rows together.
        model: counts tokens; its context length may be unknown.
        template: fitted.
        X, y: the training rows.
        answer: tokens of the longest answer.
    """
    limits = [settings["shot_tokens"]] if settings.get("shot_tokens") is not None else []
    requested = min(settings["shots"], len(X) - 1)
    if not requested or (model.context_length is None and not limits):
        return requested
    pairs = template.examples(X, y)
    if model.context_length is not None:
        limits.append(model.context_length - max(model.count_tokens([prompt for prompt, _ in pairs])) - answer)
    longest = max(model.count_tokens([template.prompt_with_shots([pair], "") for pair in pairs]))
    return max(0, min(requested, min(limits) // longest))
