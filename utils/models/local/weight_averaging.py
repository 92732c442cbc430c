"""Averages the weights of several tuned models."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch

from ...errors import CannotDo
from . import adapters
from .model import LocalModel
from .network import Network


@torch.no_grad()
def mean(models: Sequence[LocalModel]) -> LocalModel:
    """A model whose weights are the means of theirs, which makes sense for models tuned from the same start.

    Adapters are merged into the weights first, since the mean of two factors is not the factor of the mean update.

    Raises:
        CannotDo: a quantised base, whose weights cannot be averaged, or an adapter that cannot be merged.
    """
    networks = [_merged(model) for model in models]
    average = copy.deepcopy(networks[0])
    states = [dict(network.named_parameters()) for network in networks]
    for name, parameter in average.named_parameters():
        if not parameter.is_floating_point():
            raise CannotDo("quantised weights cannot be averaged; use --quantization none")
        parameter.copy_(sum(state[name].detach().float() for state in states) / len(states))
    first = models[0]
    soup = first.with_network(Network(average.eval(), first.device, first.dtype))
    soup.n_tokens_trained = sum(model.n_tokens_trained for model in models)
    return soup


def _merged(model: LocalModel) -> torch.nn.Module:
    module = model.network.full_module()
    if not adapters.is_inside(module):
        return module
    own = copy.deepcopy(module)
    try:
        with adapters.quiet_peft():
            return own.merge_and_unload()
    except (AttributeError, ValueError, NotImplementedError, TypeError) as exc:
        raise CannotDo(f"adapter {model.adapter!r} cannot be merged into its weights: {exc}; use full or lora") from exc
