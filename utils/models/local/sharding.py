"""One network sharded over the devices of several processes, for models larger than one device (torch's FSDP 2).

Enabled by `accelerate launch --use_fsdp`. Each process holds a shard of every weight, and a layer's weights are
gathered on each device only while that layer computes. Rows of an update are divided among the processes as usual;
prompts are not, since all processes must pass through the layers together.
"""

from __future__ import annotations

import copy

import torch
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from transformers import PreTrainedModel

from .. import distributed
from .network import Network


class ShardedNetwork(Network):
    """A network with sharded weights; `copy` and `full_module` return unsharded ones, in main memory.

    Every method that gathers weights must be called by all processes.

    Args:
        full: on the CPU; it is kept, and receives the trained weights on request.
    """

    def __init__(self, full: Network, device: str) -> None:
        self._full = full
        super().__init__(_divided(full.module, device), device, full.dtype)
        self.lower.n = 0  # all processes pass through all layers together

    def copy(self) -> Network:
        """The network with its current weights, unsharded, to be changed and sharded again."""
        return Network(self.full_module(), "cpu", self.dtype).copy()

    @torch.no_grad()
    def full_module(self) -> torch.nn.Module:
        """The module with all its current weights."""
        own = dict(self._full.module.named_parameters())
        for name, p in self.module.named_parameters():
            if p.requires_grad:
                own[name].copy_(p.full_tensor())
        return self._full.module


def _divided(module: PreTrainedModel, device: str) -> PreTrainedModel:
    """A copy of which this process holds a shard on `device`; layers move there one by one."""
    aliases = {
        id(p): torch.nn.Parameter(p.detach(), requires_grad=p.requires_grad) for p in module.parameters()
    }  # FSDP frees these, while the module keeps its own
    copied = copy.deepcopy(module, aliases)
    mesh = init_device_mesh(torch.device(device).type, (distributed.world(),))
    blocks = _block_names(module)
    for part in list(copied.modules()):
        if type(part).__name__ in blocks:
            fully_shard(part, mesh=mesh)
    return fully_shard(copied, mesh=mesh, reshard_after_forward=True)  # only shards are read between passes


def _block_names(module: torch.nn.Module) -> set[str]:
    """Class names of a network's layers, as given by transformers."""
    return {name for part in module.modules() for name in getattr(part, "_no_split_modules", None) or ()}
