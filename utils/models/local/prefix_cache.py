"""The first pass over a batch of prompts; their common prefix (shots, an instruction) is computed once."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch

from .network import Network
from .tokens import pad_left, positions

LEAST_TOKENS = 16  # a shorter prefix is not worth a separate pass
LEAST_SHARE = 0.25  # of the longest prompt


class Prefix:
    """The keys and values of the tokens that all prompts begin with.

    Args:
        prompts: token ids of all prompts that will be used, in whatever batches.

    Attributes:
        n_tokens: how many tokens are shared; 0 if they are too few, if the network takes no positions, or if it caches
            the output of its lower layers for whole prompts.
    """

    def __init__(self, network: Network, prompts: Sequence[Sequence[int]]) -> None:
        self.network = network
        n = 0
        if network.takes_positions and len(prompts) > 1 and not network.lower.n:
            n = min(n_common(prompts), min(map(len, prompts)) - 1)  # each keeps at least one token for its logits
        worth = n >= LEAST_TOKENS and n >= LEAST_SHARE * max(map(len, prompts))
        self.n_tokens = n if worth else 0
        self._cache: Any = None
        if self.n_tokens:
            ids, mask = pad_left([prompts[0][:n]], 0, network.device)
            _, self._cache = network(ids, mask=mask, positions=positions(mask), keep=1, use_cache=True)

    def begin(
        self, prompts: Sequence[Sequence[int]], pad: int, use_cache: bool
    ) -> tuple[torch.Tensor, Any, torch.Tensor]:
        """Logits after each prompt, the cache, and the attention mask of its contents.

        Returns:
            logits, float32, shape (n_prompts, 1, vocabulary); the cache (None without `use_cache`); the mask, shape
            (n_prompts, longest prompt).
        """
        ids, mask = pad_left([prompt[self.n_tokens :] for prompt in prompts], pad, self.network.device)
        cache = self.cache(len(ids))
        if self.n_tokens:
            mask = torch.cat([mask.new_ones(len(mask), self.n_tokens), mask], dim=1)
        position_ids = positions(mask)[:, self.n_tokens :]
        logits, cache = self.network(
            ids, mask=mask, positions=position_ids, keep=1, cache=cache, use_cache=use_cache or bool(self.n_tokens)
        )
        return logits, cache if use_cache else None, mask

    def cache(self, n_rows: int) -> Any:
        """The keys and values of the prefix, for `n_rows` rows; None without a prefix."""
        if not self.n_tokens:
            return None
        cache = copy.deepcopy(self._cache)
        cache.reorder_cache(torch.zeros(n_rows, dtype=torch.long, device=self.network.device))
        return cache


def n_common(rows: Sequence[Sequence[int]]) -> int:
    """The length of the longest common prefix of all rows, in tokens."""
    first, last = min(rows), max(rows)  # in lexicographic order: what these two share, all share
    return next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
