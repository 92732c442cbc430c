"""GPT-2's forward pass for logits at some columns only: the last block computes no others.

Tuning reads two columns of a row, scoring one. The last block still computes keys and values of all columns, but
queries, feed-forward layer and final norm only for those wanted. The result is the same as transformers'.
"""

from __future__ import annotations

import torch
from torch.nn.functional import linear, scaled_dot_product_attention
from transformers import GPT2LMHeadModel, PreTrainedModel
from transformers.models.gpt2.modeling_gpt2 import GPT2Attention, GPT2Block
from transformers.pytorch_utils import Conv1D


def serves(module: torch.nn.Module) -> bool:
    """Whether `logits` matches the module: a plain GPT-2, without adapters, dropout or modified layers."""
    if type(module) is not GPT2LMHeadModel:
        return False
    config = module.config
    drops = (config.embd_pdrop, config.attn_pdrop, config.resid_pdrop)
    plain = not any(drops) and config.scale_attn_weights and not config.scale_attn_by_inverse_layer_idx
    return plain and not config.add_cross_attention and all(map(_is_plain, module.transformer.h))


def _is_plain(block: torch.nn.Module) -> bool:
    layers = (block.attn.c_attn, block.attn.c_proj, block.mlp.c_fc, block.mlp.c_proj)
    return type(block) is GPT2Block and all(type(layer) is Conv1D for layer in layers)


def logits(
    module: PreTrainedModel,
    ids: torch.Tensor,
    mask: torch.Tensor | None,
    positions: torch.Tensor | None,
    columns: torch.Tensor,
) -> torch.Tensor:
    """The module's logits at some columns, shape (rows, kept columns, vocabulary).

    Args:
        ids: tokens, shape (rows, columns).
        mask: 1 for a token, 0 for padding, same shape; None without padding.
        positions: of the tokens in their rows, same shape; None if they equal the columns.
        columns: the wanted columns.
    """
    body = module.transformer
    position_embeddings = body.wpe.weight[: ids.shape[1]] if positions is None else body.wpe(positions)
    x = body.wte(ids) + position_embeddings
    *blocks, last = body.h
    seen = None if mask is None else _seen(torch.arange(ids.shape[1], device=ids.device), mask)
    for block in blocks:
        query, key, value = block.attn.c_attn(block.ln_1(x)).chunk(3, dim=-1)
        x = _after_attention(block, x, query, key, value, seen)
    inner = last.ln_1(x)
    x = x[:, columns]
    query, key, value = _last_projections(last.attn, inner, columns)
    x = _after_attention(last, x, query, key, value, _seen(columns, mask, ids.shape[1]))
    return linear(body.ln_f(x), module.lm_head.weight)


def _seen(columns: torch.Tensor, mask: torch.Tensor | None, width: int = 0) -> torch.Tensor:
    """What each of these columns attends to, shape (rows or 1, 1, kept columns, columns); padding attends to itself."""
    others = torch.arange(width if mask is None else mask.shape[1], device=columns.device)
    before = others <= columns[:, None]
    if mask is None:
        return before[None, None]
    return (before & (mask[:, None] > 0) | (others == columns[:, None]))[:, None]


def _last_projections(
    attention: GPT2Attention, inner: torch.Tensor, columns: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Queries of some columns, and keys and values of all."""
    width = inner.shape[-1]
    weight, bias = attention.c_attn.weight, attention.c_attn.bias
    query = torch.addmm(bias[:width], inner[:, columns].flatten(0, 1), weight[:, :width])
    both = torch.addmm(bias[width:], inner.flatten(0, 1), weight[:, width:])
    key, value = both.view(*inner.shape[:2], 2 * width).chunk(2, dim=-1)
    return query.view(len(inner), len(columns), width), key, value


def _after_attention(
    block: GPT2Block,
    x: torch.Tensor,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    seen: torch.Tensor | None,
) -> torch.Tensor:
    """The block's output for the input `x`; `seen` is None if each column attends to itself and those before it."""
    n_heads = block.attn.num_heads
    query, key, value = (part.unflatten(-1, (n_heads, -1)).transpose(1, 2) for part in (query, key, value))
    mixed = scaled_dot_product_attention(query, key, value, attn_mask=seen, is_causal=seen is None)
    x = x + block.attn.c_proj(mixed.transpose(1, 2).flatten(2))
    return x + block.mlp(block.ln_2(x))
