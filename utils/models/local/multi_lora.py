"""Several fine-tunes over one frozen base in one pass: LoRA adapters trained side by side (learning rates, seeds).

The rows of all fine-tunes go through the frozen weights as one batch; each fine-tune's rows get its own adapter's
products, and each adapter has its own gradients, optimizer, schedule and best epoch. Results equal those of sequential
fine-tunes, up to rounding. Fine-tunes that cannot share a pass run sequentially.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch

from .. import distributed
from ..base import Example, Examples, FineTuning, LanguageModel
from . import training
from .model import LocalModel

if TYPE_CHECKING:
    from peft import PeftModel

ADAPTERS = ("lora", "rslora")  # their layers add their own product to that of the frozen weights
TOKENS = 16_384  # maximum in one pass of all fine-tunes, whose activations are in memory at once
ADAPTER = "default"  # peft's name of a network's only adapter

Report = Callable[[int, LanguageModel, float], float | None]


def fine_tune_each(
    model: LanguageModel,
    examples: Examples,
    validation: Sequence[Example],
    *,
    settings: Sequence[FineTuning],
    seeds: Sequence[int],
    on_epochs: Sequence[Report],
) -> Iterator[LanguageModel]:
    """`model.fine_tune` for each of the settings, with its seed and `on_epoch`; side by side if possible.

    Args:
        on_epochs: as in `fine_tune`; side by side, they are called in turn after each epoch.

    Yields:
        The tuned models, in order; sequentially tuned ones are not kept here.
    """
    n = _at_once(model, examples, settings)
    fits = zip(settings, seeds, on_epochs, strict=True)
    while group := list(islice(fits, n)):
        networks = [model.trainable_copy(seed) for _, seed, _ in group] if n > 1 else []
        if networks and can_share_a_pass([network.module for network in networks]):
            yield from _side_by_side(model, networks, examples, validation, group)
        else:
            for own, seed, on_epoch in group:
                yield model.fine_tune(examples, validation, settings=own, seed=seed, on_epoch=on_epoch)


def _at_once(model: LanguageModel, examples: Examples, settings: Sequence[FineTuning]) -> int:
    """How many fine-tunes share a pass."""
    shapes = {(own.epochs, own.batch_size) for own in settings}
    local = isinstance(model, LocalModel) and model.adapter in ADAPTERS and distributed.world() == 1
    if not local or len(settings) < 2 or len(shapes) > 1:
        return 1
    first = examples(1) if callable(examples) else examples
    longest = max(model.count_tokens([prompt + answer for prompt, answer in first]), default=1)
    return max(1, TOKENS // (settings[0].batch_size * longest))


def _side_by_side(
    model: LocalModel, networks: Sequence[Any], examples: Examples, validation: Sequence[Example], fits: Sequence[Any]
) -> list[LocalModel]:
    tuned = [model.with_network(network) for network in networks]
    settings, seeds, on_epochs = zip(*fits, strict=True)

    def report(own: LocalModel, on_epoch: Report, epoch: int, loss: float) -> float | None:
        return on_epoch(epoch, own, loss)

    n_tokens = training.tune_each(
        networks,
        model.tokens,
        examples,
        validation,
        settings,
        seeds,
        [partial(report, own, on_epoch) for own, on_epoch in zip(tuned, on_epochs, strict=True)],
        partial(one_pass, [network.module for network in networks]),
    )
    for own, n in zip(tuned, n_tokens, strict=True):
        own.n_tokens_trained += n
    return tuned


@contextmanager
def one_pass(modules: Sequence[PeftModel], n_rows: Sequence[int]) -> Iterator[None]:
    """Context in which the first network computes the rows of all: first n_rows[0] of its own, then the second's, …"""
    changed = []
    try:
        for layers in zip(*map(_layers, modules), strict=True):
            layers[0].forward = partial(_forward, layers, n_rows)  # before the class's own
            changed.append(layers[0])
        yield
    finally:
        for layer in changed:
            del layer.forward


def can_share_a_pass(modules: Sequence[torch.nn.Module]) -> bool:
    """Whether `one_pass` gives each network's rows the same result as the network itself.

    Not with dropout, which would be drawn for other rows, nor with layers that rearrange rows (experts).
    """
    trained = [name for name, p in modules[0].named_parameters() if p.requires_grad]
    layers = _layers(modules[0])
    plain = all(ADAPTER in layer.lora_A and not layer.lora_variant for layer in layers)
    dropout = any(isinstance(part, torch.nn.Dropout) and part.p > 0 for part in modules[0].modules())
    dropout = dropout or getattr(modules[0].config.get_text_config(), "attention_dropout", 0) > 0
    if not layers or not plain or dropout or not all("lora_" in name for name in trained):
        return False
    where = next(modules[0].parameters()).device
    try:
        with torch.inference_mode(), one_pass(modules, [1] * len(modules)):
            modules[0](input_ids=torch.zeros(len(modules), 3, dtype=torch.long, device=where), use_cache=False)
    except _Rearranged:
        return False
    return True


class _Rearranged(Exception):
    """Signals that the first dimension of a layer's input is not the rows."""


def _layers(module: torch.nn.Module) -> list[Any]:
    from peft.tuners.lora import LoraLayer

    return [layer for layer in module.modules() if isinstance(layer, LoraLayer)]


def _forward(layers: Sequence[Any], n_rows: Sequence[int], x: torch.Tensor) -> torch.Tensor:
    """The frozen product for all rows, plus the product of each network's own adapter for its rows."""
    if len(x) != sum(n_rows):
        raise _Rearranged
    parts = []
    for layer, part in zip(layers, x.split(list(n_rows)), strict=True):
        down, up = layer.lora_A[ADAPTER], layer.lora_B[ADAPTER]
        parts.append(up(down(part.to(down.weight.dtype))) * layer.scaling[ADAPTER])
    frozen = layers[0].base_layer(x)
    return (frozen + torch.cat(parts)).to(frozen.dtype)
