"""Optimizers by name. All take one learning rate: Muon's steps are scaled to the size of AdamW's."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch.distributed.tensor import DTensor

from utils.errors import UserError
from utils.models import devices

OPTIMIZERS = ("adamw", "muon")
MOMENTUM = 0.95  # of Muon
# Newton–Schulz steps as torch.optim.Muon has them: singular values end between about .7 and 1.2.
COEFFICIENTS, STEPS = (3.4445, -4.7750, 2.0315), 5


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
        made.append(Muon(inner, learning_rate, weight_decay))
    if outer:
        rate = learning_rate if embedding_rate is None else embedding_rate
        made.append(torch.optim.AdamW(outer, lr=rate, betas=betas, weight_decay=0.0, fused=True))
    return made


class Muon(torch.optim.Muon):
    """torch's Muon, faster on small matrices: those of one shape are orthogonalised together, in a fast number type.

    A step has the size of AdamW's (`adjust_lr_fn="match_rms_adamw"`), so that one learning rate serves both.
    """

    def __init__(self, parameters: list[torch.nn.Parameter], learning_rate: float, weight_decay: float) -> None:
        super().__init__(
            parameters,
            lr=learning_rate,
            momentum=MOMENTUM,
            weight_decay=weight_decay,
            ns_coefficients=COEFFICIENTS,
            ns_steps=STEPS,
            adjust_lr_fn="match_rms_adamw",
        )
        self.dtype = getattr(torch, product_dtype(str(parameters[0].device)))

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Changes all parameters that have a gradient."""
        if any(isinstance(p, DTensor) for group in self.param_groups for p in group["params"]):
            super().step()  # divided among processes: one matrix at a time
            return
        for group in self.param_groups:
            changed = [p for p in group["params"] if p.grad is not None]
            if not changed:
                continue
            buffers = [self._momentum(p) for p in changed]
            gradients = [p.grad for p in changed]
            torch._foreach_lerp_(buffers, gradients, 1 - group["momentum"])
            wanted = torch._foreach_lerp(gradients, buffers, group["momentum"])  # Nesterov's look ahead
            torch._foreach_mul_(changed, 1 - group["lr"] * group["weight_decay"])
            alike: dict[torch.Size, list[int]] = {}
            for i, p in enumerate(changed):
                alike.setdefault(p.shape, []).append(i)
            for shape, places in alike.items():
                step = orthogonal(torch.stack([wanted[i] for i in places]), self.dtype)
                size = -group["lr"] * 0.2 * max(shape) ** 0.5  # entries then have the rms .2, as AdamW's steps do
                torch._foreach_add_([changed[i] for i in places], list(step.to(changed[0].dtype)), alpha=size)

    def _momentum(self, parameter: torch.nn.Parameter) -> torch.Tensor:
        state = self.state[parameter]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        return state["momentum_buffer"]


def orthogonal(matrices: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Nearly the orthogonal factor of each matrix, shape (n, rows, columns): singular values of about 1.

    Newton–Schulz steps are polynomials in the matrix times its transpose. Where that product is much the smaller
    matrix, as in feed-forward layers, they are multiplied out there, and the matrix itself enters twice instead of ten
    times.
    """
    rows, columns = matrices.shape[-2:]
    X = (matrices.mT if rows > columns else matrices).to(dtype)
    X = X / X.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-7)
    a, b, c = COEFFICIENTS
    if dtype == torch.float32 and max(rows, columns) >= 2 * min(rows, columns):
        gram = X @ X.mT
        whole = None
        for left in reversed(range(STEPS)):
            factor = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
            factor.diagonal(dim1=-2, dim2=-1).add_(a)
            whole = factor if whole is None else factor @ whole
            if left:
                gram = factor @ gram @ factor
        X = whole @ X
    else:
        for _ in range(STEPS):
            gram = X @ X.mT
            X = torch.baddbmm(X, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), X, beta=a)
    return X.mT if rows > columns else X


def product_dtype(device: str) -> str:
    """The number type in which Muon multiplies on a device; the weights stay in theirs."""
    return "bfloat16" if devices.has_fast_bfloat16(device) else "float32"


def check(optimizer: str) -> None:
    """Raises UserError for a name that is not known."""
    if optimizer not in OPTIMIZERS:
        raise UserError(f"no optimizer {optimizer!r}; have {', '.join(OPTIMIZERS)}")


def _is_inner(name: str, parameter: torch.nn.Parameter) -> bool:
    return parameter.dim() == 2 and not any(word in name for word in ("embed", "wte", "wpe", "lm_head"))
