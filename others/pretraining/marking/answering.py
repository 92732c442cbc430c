"""In context without tuning: training rows in the prompt, likelihoods of the classes, averaged over several prompts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from utils.errors import UserError
from utils.models.local.network import Network
from utils.models.local.tokens import TextTokenizer, batches, pad_left, positions
from utils.prompts import Template
from utils.prompts.few_shot import Nearest

BATCH_TOKENS = 8192  # of one pass
PACKED = 32  # queries behind the same rows in one sequence


@dataclass(frozen=True)
class Way:
    """How a query is answered; the likelihoods of all members are averaged.

    Attributes:
        members: prompts for each query. Each draws rows, or at least their order, anew.
        nearest: share of a prompt's rows that are the query's nearest, the nearest last, after rows at random.
        labels: whether each member has its own codes for the classes.
        columns: whether each member has its own order of the columns.
    """

    members: int = 1
    nearest: float = 0.0
    labels: bool = False
    columns: bool = False


WAYS = {
    "one": Way(),
    "rows": Way(8),
    "labels": Way(8, labels=True),
    "columns": Way(8, columns=True),
    "all": Way(8, labels=True, columns=True),
    "nearest": Way(nearest=1.0),
    "nearest-all": Way(4, nearest=1.0, labels=True, columns=True),
    "mixed-all": Way(4, nearest=0.5, labels=True, columns=True),
}


class InContext:
    """A model that answers from rows in its prompt; its tokenizer must have a token for each class code.

    Args:
        model, tokenizer: with `texts.encode`, one row's tokens are the same whatever stands before it.
        length: tokens of a prompt with its answer, at most.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, length: int):
        self.network = Network(model.eval(), "cpu", "float32")
        self.tokens = TextTokenizer(tokenizer, "the model", model.config.max_position_embeddings)
        self.length = length

    def members(self, way: Way, X: pd.DataFrame, y: np.ndarray, queries: pd.DataFrame, seed: int) -> np.ndarray:
        """Log-probabilities of each member, normalised over the classes.

        Args:
            way: how to answer.
            X, y: training rows and their labels.
            queries: rows to answer.
            seed: of orders and permutations.

        Returns:
            shape (members, queries, classes), the classes sorted.
        """
        rng = np.random.default_rng([seed, len(X)])
        template = Template(
            "classification", wording="compact", numbers="scaled", levels=1000, categories="levels"
        ).fit(X, y)
        codes = np.searchsorted(template.classes_, y)
        near = Nearest(X, len(X)).neighbours(queries) if way.nearest else None
        scores = []
        for member in range(way.members):
            k = len(template.classes_)
            label = rng.permutation(k) if way.labels else np.arange(k)
            written = template.permuted(rng.permutation(X.shape[1])) if way.columns and member else template
            answers = self._single([f" {code}" for code in range(k)])
            rows = self._rows(written, X, [answers[code] for code in label[codes]])
            asked = self._ids(written, queries)
            room = self.length - max(map(len, asked)) - 1
            if near is None:
                context = self._context(rows, rng.permutation(len(rows)), room)
                log_p = self._after_one(context, asked, answers)
            else:
                n_near = math.ceil(way.nearest * min(len(rows), room // max(map(len, rows))))
                orders = [_after_others(rng, order, n_near) for order in near]
                prompts = [self._context(rows, order, room) + query for order, query in zip(orders, asked, strict=True)]
                log_p = self._after_own(prompts, answers)
            scores.append(log_p[:, label])
        return np.array(scores)

    def _rows(self, template: Template, X: pd.DataFrame, answers: list[int]) -> list[list[int]]:
        """Tokens of each training row with its answer and the end of its line."""
        (end,) = self._single(["\n"])
        return [[*ids, answer, end] for ids, answer in zip(self._ids(template, X), answers, strict=True)]

    def _context(self, rows: list[list[int]], order: np.ndarray, room: int) -> list[int]:
        """The last rows of an order, as many as there is room for."""
        lengths = np.cumsum([len(rows[i]) for i in order[::-1]])
        kept = order[len(order) - int((lengths <= room).sum()) :]
        return [token for i in kept.tolist() for token in rows[i]]

    def _ids(self, template: Template, X: pd.DataFrame) -> list[list[int]]:
        return self.tokens.prompts(template.prompts(X))

    def _single(self, texts: Sequence[str]) -> list[int]:
        ids = self.tokens.ids(texts)
        if any(len(one) != 1 for one in ids):
            raise UserError("the tokenizer has no single token for a class code; give a model of lift-tiny's kind")
        return [one[0] for one in ids]

    @torch.inference_mode()
    def _after_one(self, context: list[int], queries: list[list[int]], answers: list[int]) -> np.ndarray:
        """Answers to queries after the same rows, many in one sequence: each sees the rows and itself alone."""
        scores = []
        for begin in range(0, len(queries), PACKED):
            part = queries[begin : begin + PACKED]
            owner = [0] * len(context) + [i + 1 for i, query in enumerate(part) for _ in query]
            place = [*range(len(context)), *(len(context) + j for query in part for j in range(len(query)))]
            ids = torch.tensor([context + [token for query in part for token in query]])
            owner, ends = torch.tensor(owner), len(context) + torch.tensor([len(query) for query in part]).cumsum(0) - 1
            seen = ((owner[:, None] == owner) | (owner == 0)) & torch.ones(len(owner), len(owner)).tril().bool()
            mask = torch.zeros(seen.shape).masked_fill(~seen, torch.finfo(torch.float32).min)[None, None]
            logits, _ = self.network(ids, mask=mask, positions=torch.tensor([place]), keep=ends)
            scores.append(logits[0][:, answers].log_softmax(-1).double())
        return torch.cat(scores).numpy()

    @torch.inference_mode()
    def _after_own(self, prompts: list[list[int]], answers: list[int]) -> np.ndarray:
        """Answers to queries after rows of their own."""
        scores = np.zeros((len(prompts), len(answers)))
        lengths = [len(prompt) for prompt in prompts]
        for batch in batches(lengths, lambda n, width: n * width <= BATCH_TOKENS, equal=False):
            ids, mask = pad_left([prompts[i] for i in batch], self.tokens.end, "cpu")
            logits, _ = self.network(ids, mask=mask, positions=positions(mask), keep=1)
            scores[batch] = logits[:, -1, answers].log_softmax(-1).double().numpy()
        return scores


def _after_others(rng: np.random.Generator, order: np.ndarray, n: int) -> np.ndarray:
    """The order with its last `n` rows where they are, and all others before them at random."""
    before, last = np.split(order, [len(order) - n])
    return np.concatenate([rng.permutation(before), last])


def average(log_p: np.ndarray) -> np.ndarray:
    """The mean of the members' log-probabilities, shape (queries, classes)."""
    return log_p.mean(axis=0)
