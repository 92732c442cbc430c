"""Processes that tune one model together: data-parallel training under `accelerate launch`.

Every process holds the whole model and runs the same cases in the same order. Each batch is divided among them, and so
are the prompts to be answered; gradients are added up, so that the loss is that of one process with the whole batch.
With `--use_fsdp` the processes divide the weights as well (`local/sharding.py`).
Only the first process keeps results. Without `accelerate launch` nothing here does anything.
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

PATIENCE = timedelta(days=2)  # that processes wait for one another, for instance while the first waits for a claim

Row = TypeVar("Row")
Flags = TypeVar("Flags")


def world() -> int:
    """The number of processes."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_sharded() -> bool:
    """Whether the processes divide the model's weights among them, too (`accelerate launch --use_fsdp`)."""
    return world() > 1 and os.environ.get("ACCELERATE_USE_FSDP", "false").lower() == "true"


def is_first() -> bool:
    """Whether this is the process that keeps the results."""
    return int(os.environ.get("RANK", "0")) == 0


def start(device: str) -> None:
    """Joins the processes and takes this one's own GPU, unless that is done; before a model is loaded.

    Args:
        device: as the user says it: with "cpu" the processes meet there, whatever else the machine has.
    """
    if world() > 1:
        from accelerate import PartialState

        PartialState(cpu=device == "cpu" or not _has_cuda(), timeout=PATIENCE)


def aside(config: Flags) -> Flags:
    """The flags; in all processes but the first with a throw-away folder for results, and with nothing printed.

    The processes have met from here on.
    """
    start(config.device)
    if is_first():
        return config
    sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the process ends
    return replace(config, results_dir=Path(tempfile.mkdtemp(prefix="lift-process-")))


def broadcast(value: Any) -> Any:
    """What the first process gives as `value`, in all of them."""
    if world() == 1:
        return value
    from accelerate.utils import broadcast_object_list

    values = [value]
    broadcast_object_list(values, from_process=0)
    return values[0]


def wait() -> None:
    """Until all processes are here."""
    if world() > 1:
        from accelerate import PartialState

        PartialState().wait_for_everyone()


def share(batch: Sequence[Row]) -> Sequence[Row]:
    """This process's rows of a batch; none where there are fewer rows than processes."""
    return batch[int(os.environ.get("RANK", "0")) :: world()]


def pooled_loss(loss: Any, n: int) -> tuple[float, Any]:
    """What a mean loss over this process's `n` tokens counts in the mean over the tokens of all, and that mean.

    Sharded weights get the mean of the processes' gradients, others the sum.
    """
    import torch
    from accelerate.utils import reduce

    own = torch.stack([loss.detach() * n, torch.full_like(loss, n)])
    total, n_all = reduce(own, reduction="sum")
    return n * (world() if is_sharded() else 1) / float(n_all), total / n_all


def add_gradients(parameters: Sequence[Any]) -> None:
    """Puts the sum over all processes into each gradient; of sharded weights it is there already."""
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
    """`answer(prompts)`, one item per prompt, the prompts divided among the processes that have the whole model."""
    if world() == 1 or is_sharded():
        return list(answer(prompts))
    from accelerate.utils import gather_object

    own = answer(share(prompts))
    parts = gather_object([(place, item) for place, item in zip(share(range(len(prompts))), own, strict=True)])
    return [item for _, item in sorted(parts, key=lambda part: part[0])]


def _has_cuda() -> bool:
    import torch

    return torch.cuda.is_available()
