"""Synthetic tables as token sequences: rows written by the project's own templates, with a loss on their answers.

A sequence holds rows of one table, each followed by its answer, as in the paper's in-context form (paper §3.1, figure
on in-context learning). Every row is a query with the rows before it as examples: the first has the single-row form of
fine-tuning without shots, the last has the whole prompt before it. In some sequences the rows are the nearest
neighbours of the last one, in order of decreasing distance, as `shot_choice="nearest"` writes them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from others.pretraining.prior import Limits, SyntheticTable, sample_table
from utils.errors import UserError
from utils.models.local.tokens import IGNORE, TextTokenizer
from utils.prompts import Template
from utils.prompts.few_shot import Nearest
from utils.tables import encoding

SEQUENCES_PER_TABLE = 2  # disjoint sequences of rows from one table, which is written once
MOST_ROWS = 1200
COARSEST = 8  # most values of a column of a coarse table


@dataclass(frozen=True)
class Mixture:
    """The distribution of texts, as shares and weights.

    Attributes:
        regression: share of regression tables.
        nearest: share of tables whose sequences end with a row after its nearest neighbours.
        single: share of tables whose sequences show a single row, with the end of the text after its answer.
        coarse: share of tables whose numbers are quantised to a few values; half of these look up answers by value.
        wordings, numbers, scales, levels, categories: weights of the template's options.
    """

    regression: float = 0.3
    nearest: float = 0.3
    single: float = 0.05
    coarse: float = 0.05
    wordings: dict[str, float] = field(default_factory=lambda: {"compact": 0.84, "paper": 0.1, "names": 0.06})
    numbers: dict[str, float] = field(default_factory=lambda: {"scaled": 0.92, "significant": 0.05, "paper": 0.03})
    scales: dict[str, float] = field(
        default_factory=lambda: {"column": 0.65, "quantile": 0.15, "row": 0.1, "table": 0.1}
    )
    levels: dict[int, float] = field(default_factory=lambda: {1000: 0.55, 400: 0.25, 100: 0.2})
    categories: dict[str, float] = field(default_factory=lambda: {"levels": 0.75, "text": 0.25})


@dataclass(frozen=True)
class Batch:
    """Sequences of one length.

    Attributes:
        ids: (n, length) tokens, padded with the end token.
        positions: (n, n_answers) positions whose next token has a loss; 0 where `targets` is IGNORE.
        targets: (n, n_answers) the next token, or IGNORE.
        groups: (n, n_answers) groups for reporting the loss: 0 classes, 1 numbers.
        late: (n, n_answers) whether the answer is in the second half of its sequence.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    targets: torch.Tensor
    groups: torch.Tensor
    late: torch.Tensor


@dataclass(frozen=True)
class Row:
    """A row with its answer: token ids, and the start and end of the answer in them."""

    ids: list[int]
    start: int
    stop: int


def batch(
    rng: np.random.Generator, tokenizer: PreTrainedTokenizerBase, n: int, length: int, limits: Limits, mixture: Mixture
) -> Batch:
    """Draws and writes tables until there are `n` sequences of at most `length` tokens."""
    sequences: list[tuple[list[int], list[tuple[int, int]], int]] = []
    while len(sequences) < n:
        sequences += table_sequences(rng, tokenizer, length, limits, mixture)
    sequences = sequences[:n]
    n_answers = length // 4  # a row with one column has four tokens: value, arrow, label, line end
    ids = np.full((n, length), tokenizer.eos_token_id)
    positions, targets = np.zeros((n, n_answers), np.int64), np.full((n, n_answers), IGNORE)
    groups, late = np.zeros((n, n_answers), np.int64), np.zeros((n, n_answers), bool)
    for i, (tokens, answers, group) in enumerate(sequences):
        ids[i, : len(tokens)] = tokens
        where = np.array([p for start, stop in answers for p in range(start, stop)])[-n_answers:]
        positions[i, : len(where)] = where - 1
        targets[i, : len(where)] = np.asarray([*tokens, tokenizer.eos_token_id])[where]
        groups[i] = group
        late[i, : len(where)] = where >= len(tokens) // 2
    return Batch(*map(torch.from_numpy, (ids, positions, targets, groups, late)))


def table_sequences(
    rng: np.random.Generator, tokenizer: PreTrainedTokenizerBase, length: int, limits: Limits, mixture: Mixture
) -> list[tuple[list[int], list[tuple[int, int]], int]]:
    """Sequences from one table: tokens, the spans of its answers, and the group 0 (classes) or 1 (numbers)."""
    task = "regression" if rng.random() < mixture.regression else "classification"
    nearest = rng.random() < mixture.nearest
    table = sample_table(rng, _n_rows(rng, length, limits, nearest), task, limits)
    if rng.random() < mixture.coarse:
        table = _coarse(rng, table, limits)
    template = _template(rng, table, mixture)
    rows = encode(tokenizer, template, table)
    width = max(len(row.ids) for row in rows) + 1
    if width > length:
        return []
    single = rng.random() < mixture.single
    fit = 1 if single else max(1, min(length // width, len(rows) - 1))
    if nearest and fit > 1 and fit < len(rows):
        near = Nearest(table.X, fit - 1, template.cells_.row_levels)
        orders = np.column_stack([near.own(), np.arange(len(rows))])[rng.permutation(len(rows))[:SEQUENCES_PER_TABLE]]
    else:
        count = min(SEQUENCES_PER_TABLE, len(rows) // fit)
        orders = rng.permutation(len(rows))[: fit * count].reshape(count, fit)
    group = int(task == "regression")
    return [(*_joined([rows[i] for i in order], whole=single), group) for order in orders.tolist()]


def encode(tokenizer: PreTrainedTokenizerBase, template: Template, table: SyntheticTable) -> list[Row]:
    """The rows, each with its separator. Concatenated, they are the tokens of the concatenated text."""
    pairs = template.examples(table.X, table.y)
    between = " " if template.stop else "\n"
    encoded = TextTokenizer(tokenizer, "lift-tiny", None).pairs([(p, c + between) for p, c in pairs])
    return [Row(row.ids, row.start, len(row.ids) - 1) for row in encoded]


def _joined(rows: list[Row], whole: bool) -> tuple[list[int], list[tuple[int, int]]]:
    """Tokens and answer spans; a `whole` text ends after its answer, and the end token has a loss too."""
    ids: list[int] = []
    answers = []
    for row in rows:
        answers.append((len(ids) + row.start, len(ids) + row.stop))
        ids += row.ids
    ids.pop()  # no separator after the last row
    if whole:
        answers[-1] = (answers[-1][0], answers[-1][1] + 1)
    return ids, answers


def _n_rows(rng: np.random.Generator, length: int, limits: Limits, nearest: bool) -> int:
    """Enough for the sequences of a narrow table; with many classes, neighbours of the same class need large tables."""
    if nearest and limits.max_classes > 10:
        return int(rng.integers(200, MOST_ROWS))
    return int(np.clip(SEQUENCES_PER_TABLE * length / 6, 64, MOST_ROWS))


def _coarse(rng: np.random.Generator, table: SyntheticTable, limits: Limits) -> SyntheticTable:
    """The table with at most 8 values in each numeric column.

    In-context learning starts with exactly repeated rows: finding the same value and copying its answer is far easier
    than weighing similarity, which develops from it (LOG.md).
    """
    numeric = [name for name in table.X.columns if encoding.is_numeric(table.X[name])]
    n_values = int(rng.integers(2, COARSEST + 1))
    values = table.X[numeric].to_numpy(float)
    low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
    width = np.where(high > low, high - low, 1.0)
    cut = np.rint((values - low) / width * (n_values - 1))
    X = table.X.assign(**dict(zip(numeric, cut.T, strict=True)))
    if table.task == "regression" or not numeric or rng.random() < 0.5:
        return replace(table, X=X)
    looked_up = np.nan_to_num(cut[:, :2], nan=n_values).astype(int)  # of one or two columns
    keys = looked_up @ (n_values + 1, 1)[: looked_up.shape[1]]
    answers = rng.integers(int(rng.integers(2, min(limits.max_classes, COARSEST) + 1)), size=(n_values + 1) ** 2 + 1)
    y = np.unique(answers[keys], return_inverse=True)[1]
    return replace(table, X=X, y=y) if y.max() else replace(table, X=X)


def _template(rng: np.random.Generator, table: SyntheticTable, mixture: Mixture) -> Template:
    numeric = all(encoding.is_numeric(table.X[name]) for name in table.X.columns)
    scale = _pick(rng, mixture.scales)
    if table.mechanism == "row_shape" and rng.random() < 0.7:
        scale = "row"
    if scale in ("row", "table") and (not numeric or table.X.shape[1] < 3):
        scale = "column"
    numbers = _pick(rng, mixture.numbers) if table.task == "classification" else "scaled"
    return Template(
        table.task,
        wording=_pick(rng, mixture.wordings),
        numbers=numbers,
        scale=scale,
        levels=_pick(rng, mixture.levels),
        categories=_pick(rng, mixture.categories) if numbers == "scaled" else "text",
    ).fit(table.X, table.y)


def _pick(rng: np.random.Generator, weights: dict):
    if not weights:
        raise UserError("a mixture needs at least one choice of each kind")
    names = list(weights)
    shares = np.array(list(weights.values()), float)
    return names[int(rng.choice(len(names), p=shares / shares.sum()))]
