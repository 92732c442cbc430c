"""Free-text answers: greedy or sampled, batched, with a KV cache."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import torch

from ...errors import UserError
from .network import Network
from .prefix_cache import Prefix
from .tokens import TextTokenizer, batches, positions

BATCH_TOKENS = 8192  # tokens per batch, including answers and padding
BATCH_ROWS = 256


@torch.inference_mode()
def generate(
    network: Network,
    tokens: TextTokenizer,
    ends: frozenset[int],
    prompts: Sequence[str],
    *,
    stop: str,
    temperature: float,
    samples: int,
    max_new_tokens: int,
    seed: int,
) -> list[list[str]]:
    """`samples` answers for each prompt. An answer depends on its prompt, its number and `seed`, not on the batch.

    Args:
        ends: ids that end an answer.

    Raises:
        UserError: a negative temperature, or no samples or tokens asked for.
        TooLong: a prompt that leaves too little room in the context.
    """
    if temperature < 0 or samples < 1 or max_new_tokens < 1:
        raise UserError("temperature must be at least 0, and samples and max_new_tokens at least 1")
    unique = list(dict.fromkeys(prompts))
    ids = tokens.prompts(unique)
    tokens.check_fits(max(map(len, ids), default=0) + max_new_tokens, f"prompt with {max_new_tokens} tokens to answer")
    n_drawn = samples if temperature > 0 else 1  # greedy answers are all identical

    def fits(n: int, longest: int) -> bool:
        return n * n_drawn <= BATCH_ROWS and n * n_drawn * (longest + max_new_tokens) <= BATCH_TOKENS

    prefix = Prefix(network, ids)
    answers: dict[str, list[str]] = {}
    for batch in batches([len(row) for row in ids], fits, equal=not network.takes_positions):
        noise = np.stack([uniforms(seed, unique[i], k, max_new_tokens) for i in batch for k in range(n_drawn)])
        rows = [ids[i] for i in batch]
        texts = _decode(network, prefix, tokens, ends, rows, stop, temperature, torch.from_numpy(noise))
        for index, i in enumerate(batch):
            drawn = texts[index * n_drawn : (index + 1) * n_drawn]
            answers[unique[i]] = drawn if temperature > 0 else drawn * samples
    return [list(answers[prompt]) for prompt in prompts]


def uniforms(seed: int, prompt: str, sample: int, n: int) -> np.ndarray:
    """The uniform numbers in [0, 1) that determine a sampled answer, one for each of its `n` tokens, shape (n,)."""
    digest = hashlib.sha256(f"{seed}\0{sample}\0{prompt}".encode("utf-8", "surrogatepass")).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big")).random(n)


def _decode(
    network: Network,
    prefix: Prefix,
    tokens: TextTokenizer,
    ends: frozenset[int],
    prompts: Sequence[list[int]],
    stop: str,
    temperature: float,
    noise: torch.Tensor,
) -> list[str]:
    """Answers to one batch, those of a prompt adjacent. `noise`: shape (n_prompts * n_drawn, max_new_tokens)."""
    n_drawn = len(noise) // len(prompts)
    logits, cache, mask = prefix.begin(prompts, tokens.end, use_cache=True)
    prompts = [prompt for prompt in prompts for _ in range(n_drawn)]
    if n_drawn > 1:
        origin = torch.arange(len(mask), device=network.device).repeat_interleave(n_drawn)
        cache.reorder_cache(origin)
        logits, mask = logits[origin], mask[origin]
    texts: list[str | None] = [None] * len(prompts)
    new: list[list[int]] = [[] for _ in prompts]
    for step in range(noise.shape[1]):
        chosen = choose(logits[:, -1].cpu(), temperature, noise[:, step])
        for row, token in enumerate(chosen.tolist()):
            if texts[row] is None:
                new[row].append(token)
                texts[row] = _finished(tokens, ends, prompts[row], new[row], stop)
        if step + 1 == noise.shape[1] or None not in texts:
            break
        mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
        given = chosen.to(network.device).unsqueeze(1)
        logits, cache = network(given, mask=mask, positions=positions(mask)[:, -1:], cache=cache, use_cache=True)
    pairs = zip(texts, prompts, new, strict=True)
    return [tokens.answer(prompt, ids) if text is None else text for text, prompt, ids in pairs]


def choose(logits: torch.Tensor, temperature: float, noise: torch.Tensor) -> torch.Tensor:
    """One token per row of logits: the most likely at temperature 0, else by inverse transform sampling with its noise.

    Args:
        logits: shape (rows, vocabulary).
        noise: uniform numbers in [0, 1), one for each row.

    Returns:
        Token ids, shape (rows,).
    """
    if temperature == 0:
        return logits.argmax(dim=-1)
    bounds = (logits.double() / temperature).softmax(dim=-1).cumsum(dim=-1)
    chosen = torch.searchsorted(bounds, (noise * bounds[:, -1]).unsqueeze(1), right=True).squeeze(1)
    return chosen.clamp(max=logits.shape[-1] - 1)


def _finished(tokens: TextTokenizer, ends: frozenset[int], prompt: list[int], new: list[int], stop: str) -> str | None:
    """The answer's text if its last token ended it, else None."""
    if new[-1] in ends:
        return tokens.answer(prompt, new[:-1])
    if stop:
        text = tokens.answer(prompt, new)
        if stop in text:
            return text[: text.index(stop)]
    return None
