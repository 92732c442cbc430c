"""Likelihood of each candidate answer after each prompt, computing the prompt once for all candidates.

Single-token answers need one pass over the prompts. Longer ones form a tree of tokens after each prompt: shared
prefixes are computed once, in the same pass as the prompt, and a mask lets each token attend only to its ancestors.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from . import token_trees
from .network import Network
from .prefix_cache import Prefix, n_common
from .tokens import TextTokenizer, batches, positions

BATCH_TOKENS = 8192  # tokens per pass, including padding
BATCH_LOGITS = 2**26  # logits per pass, 256 MiB in float32
TAIL = 32  # characters at a prompt's end that can affect where its last token ends


@dataclass(frozen=True)
class Task:
    """A prompt's tokens and, for each candidate, those that follow. Tasks with the same suffixes may share one list."""

    prompt: list[int]
    suffixes: list[list[int]]


@torch.inference_mode()
def log_likelihood(
    network: Network, tokens: TextTokenizer, prompts: Sequence[str], candidates: Sequence[str]
) -> np.ndarray:
    """Summed token log-probabilities of each candidate after each prompt, float64, shape (n_prompts, n_candidates).

    Raises:
        TooLong: a prompt with a candidate exceeds the context.
    """
    unique = {prompt: i for i, prompt in enumerate(dict.fromkeys(prompts))}
    scores = np.zeros((len(unique), len(candidates)))
    if scores.size == 0:
        return np.zeros((len(prompts), len(candidates)))
    tasks = _tasks(tokens, tuple(unique), tuple(candidates))
    longest = max(len(task.prompt) + max(map(len, task.suffixes)) for task in tasks)
    tokens.check_fits(longest, "prompt with an answer")
    prefix = Prefix(network, [task.prompt for task in tasks])
    lengths = [len(task.prompt) for task in tasks]
    if any(len(suffix) > 1 for task in tasks for suffix in task.suffixes) and token_trees.suit(network, longest):
        _score_trees(network, prefix, tasks, tokens.end, scores)
        return scores[[unique[prompt] for prompt in prompts]]
    for batch in batches(lengths, lambda n, width: n * width <= BATCH_TOKENS, equal=not network.takes_positions):
        scores[batch] = _score(network, prefix, [tasks[i] for i in batch], tokens.end)
    return scores[[unique[prompt] for prompt in prompts]]


@lru_cache(maxsize=1)
def _tasks(tokens: TextTokenizer, prompts: tuple[str, ...], candidates: tuple[str, ...]) -> list[Task]:
    """Cached `make_tasks`, since every evaluation uses the same prompts."""
    return make_tasks(tokens, prompts, candidates)


def make_tasks(tokens: TextTokenizer, prompts: Sequence[str], candidates: Sequence[str]) -> list[Task]:
    """Candidates tokenised as continuations of each prompt, with the end token if one is a prefix of another."""
    ids = tokens.prompts(prompts)
    shared = _shared_suffixes(tokens, prompts, candidates)
    if shared is not None:
        suffixes = [[*s, tokens.end] for s in shared] if _has_prefix_pair(shared) else shared
        return [Task(prompt, suffixes) for prompt in ids]
    tasks = [_joint_task(tokens, prompt, candidates) for prompt in prompts]
    if any(_has_prefix_pair(task.suffixes) for task in tasks):
        tasks = [Task(task.prompt, [[*s, tokens.end] for s in task.suffixes]) for task in tasks]
    return tasks


def _shared_suffixes(
    tokens: TextTokenizer, prompts: Sequence[str], candidates: Sequence[str]
) -> list[list[int]] | None:
    """The candidates' tokens if they are the same after every prompt, else None.

    All candidates are tried after the first prompt, and one for each two-character start after every prompt's tail.
    """
    suffixes = _suffixes(tokens, prompts[0], candidates)
    if suffixes is None or not tokens.is_joined:
        return suffixes
    beginnings = {candidate[:2]: i for i, candidate in enumerate(candidates)}
    tails = list({prompt[-TAIL:] for prompt in prompts})
    before = tokens.prompts(tails)
    for i in beginnings.values():
        joint = tokens.prompts([tail + candidates[i] for tail in tails])
        if any(ids != [*tail, *suffixes[i]] for ids, tail in zip(joint, before, strict=True)):
            return None
    return suffixes


def _suffixes(tokens: TextTokenizer, prompt: str, candidates: Sequence[str]) -> list[list[int]] | None:
    """The tokens that each candidate adds to the prompt's, or None if one changes those."""
    before = tokens.prompts([prompt])[0]
    joint = [row.ids for row in tokens.pairs([(prompt, candidate) for candidate in candidates])]
    if any(ids[: len(before)] != before for ids in joint):
        return None
    return [ids[len(before) :] for ids in joint]


def _joint_task(tokens: TextTokenizer, prompt: str, candidates: Sequence[str]) -> Task:
    """The task for a prompt whose last tokens depend on what follows: scored from where the candidates diverge."""
    rows = tokens.pairs([(prompt, candidate) for candidate in candidates])
    n_shared = n_common([row.ids for row in rows])
    n_shared = max(1, min(n_shared, min(row.start for row in rows)))
    return Task(rows[0].ids[:n_shared], [row.ids[n_shared:] for row in rows])


def _has_prefix_pair(suffixes: Sequence[list[int]]) -> bool:
    sequences = {tuple(suffix) for suffix in suffixes}
    return any(suffix[:n] in sequences for suffix in sequences for n in range(len(suffix)))


def _score_trees(network: Network, prefix: Prefix, tasks: Sequence[Task], end: int, scores: np.ndarray) -> None:
    """Fills in the scores, with as many candidates at a time as one row's logits allow in memory."""
    n_logits = BATCH_LOGITS // network.vocabulary_size  # columns of one pass
    longest = max(len(suffix) for task in tasks for suffix in task.suffixes)
    n_candidates = max(1, (n_logits - 1) // (longest - 1))
    for begin in range(0, scores.shape[1], n_candidates):
        trees = [token_trees.grow(task.suffixes[begin : begin + n_candidates]) for task in tasks]
        most = max(len(tree.tokens) for tree in trees)

        def fits(n: int, width: int, most: int = most) -> bool:
            return n * width <= BATCH_TOKENS and n * (most + 1) <= n_logits

        for batch in batches([len(task.prompt) + most for task in tasks], fits, equal=False):
            prompts, own = [tasks[i].prompt for i in batch], [trees[i] for i in batch]
            found = token_trees.score(network, prefix, prompts, own, end)
            scores[np.ix_(batch, range(begin, begin + found.shape[1]))] = found


def _score(network: Network, prefix: Prefix, tasks: Sequence[Task], end: int) -> np.ndarray:
    """Scores of one batch, shape (n_tasks, n_candidates): one pass over the prompts, whose cache serves the rest."""
    width = max(len(suffix) for task in tasks for suffix in task.suffixes)
    logits, cache, mask = prefix.begin([task.prompt for task in tasks], end, use_cache=width > 1)
    first = torch.tensor([[suffix[0] if suffix else end for suffix in task.suffixes] for task in tasks])
    log_p = logits[:, -1].log_softmax(-1).gather(1, first.to(network.device)).double().cpu().numpy()
    log_p[[[not suffix for suffix in task.suffixes] for task in tasks]] = 0.0  # an empty answer costs nothing
    rest = [(r, c) for r, task in enumerate(tasks) for c, suffix in enumerate(task.suffixes) if len(suffix) > 1]
    rest.sort(key=lambda rc: len(tasks[rc[0]].suffixes[rc[1]]))  # stable: groups suffixes of similar length
    n_rows = min(BATCH_TOKENS // (mask.shape[1] + width), BATCH_LOGITS // (width * network.vocabulary_size))
    n_rows = max(1, n_rows)
    for begin in range(0, len(rest), n_rows):
        chunk = rest[begin : begin + n_rows]
        spare = cache if begin + n_rows >= len(rest) else copy.deepcopy(cache)
        suffixes = [tasks[r].suffixes[c] for r, c in chunk]
        added = _score_rest(network, spare, mask, [r for r, _ in chunk], suffixes, end)
        np.add.at(log_p, tuple(np.array(chunk).T), added)
    return log_p


def _score_rest(
    network: Network, cache: Any, mask: torch.Tensor, rows: list[int], suffixes: Sequence[list[int]], end: int
) -> np.ndarray:
    """Log-probability of each suffix without its first token, after its row's cached prompt. Consumes the cache."""
    chosen = torch.tensor(rows, device=network.device)
    cache.reorder_cache(chosen)
    width = max(map(len, suffixes)) - 1
    inputs = torch.tensor([s[:-1] + [end] * (width - len(s) + 1) for s in suffixes], device=network.device)
    targets = torch.tensor([s[1:] + [end] * (width - len(s) + 1) for s in suffixes], device=network.device)
    real = torch.tensor([[1] * (len(s) - 1) + [0] * (width - len(s) + 1) for s in suffixes], device=network.device)
    full_mask = torch.cat([mask[chosen], real], dim=1)
    position_ids = positions(full_mask)[:, mask.shape[1] :]
    logits, _ = network(inputs, mask=full_mask, positions=position_ids, cache=cache, use_cache=True)
    log_p = logits.log_softmax(-1).gather(2, targets.unsqueeze(-1)).squeeze(-1).cpu().double()
    return (log_p * real.cpu()).sum(dim=1).numpy()
