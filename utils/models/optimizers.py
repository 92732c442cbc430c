"""Optimizers by name. All take one learning rate: Muon's steps are scaled to the size of AdamW's."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from utils.errors import UserError

OPTIMIZERS = ("adamw", "muon")
MOMENTUM = 0.95  # of Muon


def build(
    named: Mapping[str, torch.nn.Parameter],
    optimizer: str,
    learning_rate: float,
    weight_decay: float,
    embedding_rate: float | None = None,
    betas: tuple[float, float] = (0.9, 0.999),
) -> list[torch.optim.Optimizer]:
    """The optimizers that together step all parameters.

    "adamw" decays all matrices. "muon" (momentum whose updates are made orthogonal) takes and decays the matrices
    between the layers; embeddings, biases and norms stay with AdamW, undecayed.

    Args:
        named: parameters by name; those with "embed", "wte", "wpe" or "lm_head" in their name are no matrices to Muon.
        optimizer: "adamw" or "muon".
        learning_rate: of all, where `embedding_rate` is None.
        weight_decay: decoupled, per unit of learning rate.
        embedding_rate: of what AdamW keeps beside Muon.
        betas: of AdamW.

    Raises:
        UserError: no such optimizer.
    """
    check(optimizer)
    if optimizer == "adamw":
        decayed = [p for p in named.values() if p.dim() >= 2]
        others = [p for p in named.values() if p.dim() < 2]
        groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
        return [torch.optim.AdamW([g for g in groups if g["params"]], lr=learning_rate, betas=betas, fused=True)]
    inner = [p for name, p in named.items() if _is_inner(name, p)]
    outer = [p for name, p in named.items() if not _is_inner(name, p)]
    made: list[torch.optim.Optimizer] = []
    if inner:
        made.append(
            torch.optim.Muon(
                inner,
                lr=learning_rate,
                momentum=MOMENTUM,
                weight_decay=weight_decay,
                adjust_lr_fn="match_rms_adamw",
            )
        )
    if outer:
        rate = learning_rate if embedding_rate is None else embedding_rate
        made.append(torch.optim.AdamW(outer, lr=rate, betas=betas, weight_decay=0.0, fused=True))
    return made


def check(optimizer: str) -> None:
    """Raises UserError for a name that is not known."""
    if optimizer not in OPTIMIZERS:
        raise UserError(f"no optimizer {optimizer!r}; have {', '.join(OPTIMIZERS)}")


def _is_inner(name: str, parameter: torch.nn.Parameter) -> bool:
    return parameter.dim() == 2 and not any(word in name for word in ("embed", "wte", "wpe", "lm_head"))
