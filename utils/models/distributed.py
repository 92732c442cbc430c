"""Several processes that tune one model: data-parallel training under `accelerate launch`.

Every process holds the whole model and runs the same cases in the same order. Batches and the prompts to be answered
are divided among them; gradients are summed, so that the loss is that of one process with the whole batch.
With `--use_fsdp` the weights are sharded as well (`local/sharding.py`).
Only the first process keeps results. Without `accelerate launch` nothing here has any effect.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

PATIENCE = timedelta(days=2)  # maximum wait of processes for one another, such as while the first waits for a claim

Row = TypeVar("Row")
Flags = TypeVar("Flags")


def world() -> int:
    """The number of processes."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_sharded() -> bool:
    """Whether the model's weights are sharded, too (`accelerate launch --use_fsdp`)."""
    return world() > 1 and os.environ.get("ACCELERATE_USE_FSDP", "false").lower() == "true"


def is_first() -> bool:
    """Whether this is the process that keeps the results."""
    return int(os.environ.get("RANK", "0")) == 0


def start(device: str) -> None:
    """Joins the process group and selects this process's GPU, once; call it before loading a model.

    Args:
        device: as given by the user; with "cpu" the processes use the CPU, whatever else the machine has.
    """
    if world() > 1:
        from accelerate import PartialState

        PartialState(cpu=device == "cpu" or not _has_cuda(), timeout=PATIENCE)


def aside(config: Flags) -> Flags:
    """The flags; all processes but the first get a temporary folder for results and print nothing.

    The process group exists from here on.
    """
    start(config.device)
    if is_first():
        return config
    sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the process ends
    return replace(config, results_dir=Path(tempfile.mkdtemp(prefix="lift-process-")))


def broadcast(value: Any) -> Any:
    """The first process's `value`, in all processes."""
    if world() == 1:
        return value
    from accelerate.utils import broadcast_object_list

    values = [value]
    broadcast_object_list(values, from_process=0)
    return values[0]


def wait() -> None:
    """Blocks until all processes arrive."""
    if world() > 1:
        from accelerate import PartialState

        PartialState().wait_for_everyone()


def share(batch: Sequence[Row]) -> Sequence[Row]:
    """This process's rows of a batch; possibly none if there are fewer rows than processes."""
    return batch[int(os.environ.get("RANK", "0")) :: world()]


def pooled_loss(loss: Any, n: int) -> tuple[float, Any]:
    """The weight of a mean loss over this process's `n` tokens in the mean over all processes' tokens, and that mean.

    Gradients are averaged over the processes for sharded weights, and summed for others.
    """
    import torch
    from accelerate.utils import reduce

    own = torch.stack([loss.detach() * n, torch.full_like(loss, n)])
    total, n_all = reduce(own, reduction="sum")
    return n * (world() if is_sharded() else 1) / float(n_all), total / n_all


def add_gradients(parameters: Sequence[Any]) -> None:
    """Sums each gradient over all processes; those of sharded weights are reduced already."""
    if is_sharded():
        return
    import torch
    from accelerate.utils import reduce

    with torch.no_grad():
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        pooled = reduce(torch.cat([gradient.flatten() for gradient in gradients]), reduction="sum")
        for p, part in zip(parameters, pooled.split([p.numel() for p in parameters]), strict=True):
            p.grad = part.view_as(p)


def answered(prompts: Sequence[str], answer: Callable[[Sequence[str]], Sequence[Any]]) -> list[Any]:
    """`answer(prompts)`, one item per prompt; prompts are divided among the processes if each has the whole model."""
    if world() == 1 or is_sharded():
        return list(answer(prompts))
    from accelerate.utils import gather_object

    own = answer(share(prompts))
    parts = gather_object([(index, item) for index, item in zip(share(range(len(prompts))), own, strict=True)])
    return [item for _, item in sorted(parts, key=lambda part: part[0])]


def _has_cuda() -> bool:
    import torch

    return torch.cuda.is_available()
