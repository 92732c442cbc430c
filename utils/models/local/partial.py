"""Parts of a network by name, for fine-tunes that change some weights and freeze the others.

full:upper, full:lower   the later or the earlier half of the blocks
full:attention           the attention of all blocks
full:feedforward         everything else in the blocks except their norms
full:embeddings          tokens, positions and the head
full:bitfit              norms and biases (BitFit)

Blocks are found as the module list with as many entries as the network has layers, whatever its name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ...errors import CannotDo

if TYPE_CHECKING:
    from torch.nn import Module, Parameter
    from transformers import PreTrainedModel


def unfreeze(network: PreTrainedModel, part: str, layers: int | None = None) -> PreTrainedModel:
    """The network with this part of its parameters trainable, as its own float32 copies; the others are frozen.

    Args:
        network: changed in place; parameters shared with other networks are not modified.
        part: one of PARTS, or "full" for all of the upper layers.
        layers: how many of the upper layers change; None for all layers with this part.

    Raises:
        CannotDo: the network, or those layers, have no such part.
    """
    import torch

    chosen = {id(p) for p in PARTS[part](network)} if part in PARTS else {id(p) for p in network.parameters()}
    if layers is not None:
        chosen &= {id(p) for layer in upper(network, layers) for p in layer.parameters()}
    if not chosen:
        raise CannotDo(f"adapter {part!r}: a {network.config.model_type} model has no such part; use full or lora")
    own: dict[int, Parameter] = {}  # tied weights stay tied
    for module in network.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            if id(parameter) in chosen:
                copy = torch.nn.Parameter(parameter.detach().float().clone())
                setattr(module, name, own.setdefault(id(parameter), copy))
            else:
                parameter.requires_grad_(False)
    return network


def blocks(network: PreTrainedModel) -> list[Module]:
    """The network's layers, first to last.

    Raises:
        CannotDo: no module list has as many entries as the network has layers.
    """
    import torch

    n_layers = getattr(network.config.get_text_config(), "num_hidden_layers", None)
    found = [m for m in network.modules() if isinstance(m, torch.nn.ModuleList) and len(m) == n_layers]
    if not found:
        raise CannotDo(f"the layers of a {network.config.model_type} model were not found; use full or an adapter")
    return list(max(found, key=lambda layers: sum(p.numel() for p in layers.parameters())))


def upper(network: PreTrainedModel, n: int) -> list[Module]:
    """The network's upper `n` layers.

    Raises:
        CannotDo: it has fewer layers, or they are not found.
    """
    found = blocks(network)
    if not 1 <= n <= len(found):
        raise CannotDo(f"{n} tuned layers: for this {network.config.model_type} model give 1 to {len(found)}")
    return found[len(found) - n :]


def _half(network: PreTrainedModel, upper: bool) -> list[Parameter]:
    layers = blocks(network)
    middle = len(layers) // 2
    return [p for layer in (layers[middle:] if upper else layers[:middle]) for p in layer.parameters()]


def _attention(network: PreTrainedModel) -> list[Parameter]:
    return [p for layer in blocks(network) for p in _inside(layer, "attention")]


def _feedforward(network: PreTrainedModel) -> list[Parameter]:
    others = {id(p) for layer in blocks(network) for word in ("attention", "norm") for p in _inside(layer, word)}
    return [p for layer in blocks(network) for p in layer.parameters() if id(p) not in others]


def _inside(layer: Module, word: str) -> list[Parameter]:
    """Parameters of the modules whose class name contains `word`: LlamaAttention, GPT2Attention, LayerNorm, …"""
    named = [module for module in layer.modules() if word in type(module).__name__.lower()]
    return [p for module in named for p in module.parameters()]


def _embeddings(network: PreTrainedModel) -> list[Parameter]:
    import torch

    inner = {id(module) for layer in blocks(network) for module in layer.modules()}
    outer = [m for m in network.modules() if isinstance(m, torch.nn.Embedding) and id(m) not in inner]
    head = network.get_output_embeddings()
    return [p for module in [*outer, *([] if head is None else [head])] for p in module.parameters()]


def _bitfit(network: PreTrainedModel) -> list[Parameter]:
    return [p for p in network.parameters() if p.dim() < 2]


PARTS: dict[str, Callable[[PreTrainedModel], list[Parameter]]] = {
    "full:upper": lambda network: _half(network, upper=True),
    "full:lower": lambda network: _half(network, upper=False),
    "full:attention": _attention,
    "full:feedforward": _feedforward,
    "full:embeddings": _embeddings,
    "full:bitfit": _bitfit,
}
