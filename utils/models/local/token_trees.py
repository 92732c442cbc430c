"""Multi-token answers as a tree after the prompt: scored in one pass, every shared prefix once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from .network import Network
from .prefix_cache import Prefix
from .tokens import pad_left, positions

TOLERANCE = 1e-3  # of a log-probability; in bfloat16 the two methods differ by more
TOLERANCE_BFLOAT16 = 0.2
WINDOWS = ("sliding_window", "window_size", "attention_chunk_size")  # settings that limit the attention span
REFUSALS = (RuntimeError, ValueError, TypeError, IndexError, AttributeError, KeyError, NotImplementedError)


@dataclass(frozen=True)
class Tree:
    """Candidates as a tree of tokens; the last token of each is predicted but not an input, so it has no node.

    Attributes:
        tokens: of the nodes, parents first.
        parents: of the nodes; -1 if the prompt is the parent.
        depths: of the nodes, from 0.
        steps: for each token of each candidate: the candidate, the node that it follows (-1: the prompt), the token.
        n: of candidates.
    """

    tokens: tuple[int, ...]
    parents: tuple[int, ...]
    depths: tuple[int, ...]
    steps: tuple[tuple[int, int, int], ...]
    n: int


def grow(suffixes: Sequence[Sequence[int]]) -> Tree:
    """The tree of candidates, given as the tokens that follow a prompt."""
    return _grow(tuple(map(tuple, suffixes)))


@lru_cache(maxsize=256)
def _grow(suffixes: tuple[tuple[int, ...], ...]) -> Tree:
    nodes: dict[tuple[int, int], int] = {}  # (parent, token) -> node
    steps = []
    for candidate, suffix in enumerate(suffixes):
        node = -1
        for position, token in enumerate(suffix):
            steps.append((candidate, node, token))
            if position + 1 < len(suffix):
                node = nodes.setdefault((node, token), len(nodes))
    parents = tuple(parent for parent, _ in nodes)
    depths: list[int] = []
    for parent in parents:
        depths.append(0 if parent < 0 else depths[parent] + 1)
    return Tree(tuple(token for _, token in nodes), parents, tuple(depths), tuple(steps), len(suffixes))


def suit(network: Network, longest: int) -> bool:
    """Whether the network supports this for rows of up to `longest` tokens; tested once.

    Not if it takes no positions, ignores an attention mask (ALiBi, recurrent states), or has a layer whose attention
    window is shorter than the row.
    """
    config = network.module.config.get_text_config()
    windows = [getattr(config, name, None) for name in WINDOWS]
    if not network.takes_positions or any(isinstance(window, int) and window < longest for window in windows):
        return False
    if network.takes_trees is None:
        network.takes_trees = _respects_mask(network)
    return network.takes_trees


def score(
    network: Network, prefix: Prefix, prompts: Sequence[Sequence[int]], trees: Sequence[Tree], pad: int
) -> np.ndarray:
    """Summed token log-probabilities of the candidates, float64, shape (n_prompts, n_candidates).

    Args:
        prefix: the common prefix of all prompts.
        prompts: token ids.
        trees: one per prompt, with the same number of candidates.
        pad: the padding id.
    """
    device, n_known = network.device, prefix.n_tokens
    given, real_prompt = pad_left([prompt[n_known:] for prompt in prompts], pad, "cpu")
    most = max(len(tree.tokens) for tree in trees)
    sees, real_tree, ids_tree, positions_tree = (
        np.zeros((len(trees), most, *more), int) for more in ((most,), (), (), ())
    )
    for row, (tree, prompt) in enumerate(zip(trees, prompts, strict=True)):
        n = len(tree.tokens)
        real_tree[row, :n], ids_tree[row, :n], ids_tree[row, n:] = 1, tree.tokens, pad
        positions_tree[row, :n] = np.array(tree.depths, int) + len(prompt)
        sees[row, :n] = _sees(tree, most)
    real = torch.cat([real_prompt, torch.from_numpy(real_tree)], dim=1)
    ids = torch.cat([given, torch.from_numpy(ids_tree)], dim=1)
    where = torch.cat([positions(real_prompt) + n_known, torch.from_numpy(positions_tree)], dim=1)
    width = given.shape[1]
    allowed = torch.zeros(len(ids), width + most, n_known + width + most, dtype=torch.bool)
    allowed[:, :, :n_known] = True
    allowed[:, :width, n_known : n_known + width] = torch.ones(width, width).tril().bool() & real_prompt[:, None].bool()
    allowed[:, width:, n_known : n_known + width] = real_prompt[:, None].bool()
    allowed[:, width:, n_known + width :] = torch.from_numpy(sees).bool()
    allowed[:, range(width + most), range(n_known, n_known + width + most)] = (
        True  # padding attends to itself, so that no row is empty
    )
    dtype = torch.bfloat16 if network.dtype == "bfloat16" else torch.float32
    mask = torch.zeros(allowed.shape, dtype=dtype).masked_fill(~allowed, torch.finfo(dtype).min)[:, None]
    cache = prefix.cache(len(ids))
    logits, _ = network(
        ids.to(device),
        mask=mask.to(device),
        positions=where.to(device),
        keep=torch.arange(width - 1, width + most, device=device),
        cache=cache,
        use_cache=cache is not None,
        real=real,
        tags=[repr((tree.parents, len(prompt))).encode() for tree, prompt in zip(trees, prompts, strict=True)],
    )
    return _sums(logits, trees)


def _sees(tree: Tree, most: int) -> np.ndarray:
    """Which nodes each node attends to: itself and its ancestors."""
    sees = np.zeros((len(tree.tokens), most), int)
    for node, parent in enumerate(tree.parents):
        if parent >= 0:
            sees[node] = sees[parent]
        sees[node, node] = 1
    return sees


def _sums(logits: torch.Tensor, trees: Sequence[Tree]) -> np.ndarray:
    """Scores of the candidates from logits after the prompt and after each node."""
    sizes = [len(tree.steps) for tree in trees]
    rows = torch.repeat_interleave(torch.arange(len(trees)), torch.tensor(sizes))
    candidates, nodes, tokens = torch.tensor([step for tree in trees for step in tree.steps]).reshape(-1, 3).T
    columns = (nodes + 1).to(logits.device)
    chosen = logits[rows.to(logits.device), columns, tokens.to(logits.device)]
    log_p = chosen - logits.logsumexp(-1)[rows.to(logits.device), columns]
    sums = np.zeros((len(trees), trees[0].n))
    np.add.at(sums, (rows.numpy(), candidates.numpy()), log_p.double().cpu().numpy())
    return sums


@torch.inference_mode()
def _respects_mask(network: Network) -> bool:
    """Whether a small tree gives the same scores as its branches one by one."""
    words = [i % network.vocabulary_size for i in range(3, 11)]
    prompts, suffixes = [words[:3], words[1:3]], [words[3:6], [*words[3:5], words[7]], words[5:7]]
    tree = grow(suffixes)
    try:
        found = score(network, Prefix(network, prompts[:1]), prompts, [tree, tree], words[0])
    except REFUSALS:
        return False
    expected = []
    for prompt in prompts:
        for suffix in suffixes:
            ids = torch.tensor([prompt + suffix], device=network.device)
            log_p = network(ids[:, :-1], keep=len(suffix))[0].log_softmax(-1)
            expected.append(log_p[0, range(len(suffix)), suffix].sum().item())
    tolerance = TOLERANCE_BFLOAT16 if network.dtype == "bfloat16" else TOLERANCE
    return bool(np.allclose(found.ravel(), expected, rtol=tolerance, atol=tolerance))
