"""Optimizers by name, and the state of one fine-tune.

All optimizers take one learning rate: Muon's steps are scaled to the size of AdamW's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext

import torch
from torch.distributed.tensor import DTensor, distribute_tensor

from ...errors import UserError
from ..base import FineTuning
from . import devices
from .network import Network

OPTIMIZERS = ("adamw", "muon")
SCHEDULES = ("linear", "cosine", "constant")
MOMENTUM = 0.95  # of Muon
# Newton–Schulz steps aX + bXXᵀX + c(XXᵀ)²X. Each is the minimax approximation of 1 by a polynomial of its degree, on
# the interval to which the previous steps map singular values of .003 to 1: they end between .8 and 1.2, as with the
# five equal steps of torch.optim.Muon.
STEPS = (
    (8.3837, -24.7659, 18.3571),
    (4.0434, -3.0114, 0.5695),
    (3.5056, -2.6267, 0.5257),
    (2.4901, -1.8343, 0.4368),
)


def build(
    named: Mapping[str, torch.nn.Parameter],
    optimizer: str,
    learning_rate: float,
    weight_decay: float,
    embedding_rate: float | None = None,
    betas: tuple[float, float] = (0.9, 0.999),
) -> list[torch.optim.Optimizer]:
    """The optimizers that together update all parameters.

    "adamw" decays all matrices. "muon" (momentum with orthogonalised updates) handles and decays the matrices inside
    the layers; embeddings, biases and norms stay with AdamW, undecayed.

    Args:
        named: parameters by name; those with "embed", "wte", "wpe" or "lm_head" in their name are left to AdamW.
        optimizer: "adamw" or "muon".
        learning_rate: of all parameters if `embedding_rate` is None.
        weight_decay: decoupled, per unit of learning rate.
        embedding_rate: of the parameters that AdamW updates alongside Muon.
        betas: of AdamW.

    Raises:
        UserError: no such optimizer.
    """
    check_optimizer(optimizer)
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
    """torch's Muon, faster on small matrices: they are orthogonalised together, in a fast data type.

    A step has the size of AdamW's (`adjust_lr_fn="match_rms_adamw"`), so that one learning rate serves both.
    """

    def __init__(self, parameters: list[torch.nn.Parameter], learning_rate: float, weight_decay: float) -> None:
        super().__init__(
            parameters,
            lr=learning_rate,
            momentum=MOMENTUM,
            weight_decay=weight_decay,
            adjust_lr_fn="match_rms_adamw",
        )
        self.dtype = getattr(torch, product_dtype(str(parameters[0].device)))

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Updates all parameters that have a gradient."""
        for group in self.param_groups:
            changed = [p for p in group["params"] if p.grad is not None]
            if not changed:
                continue
            buffers = [self._momentum(p) for p in changed]
            gradients = [p.grad for p in changed]
            torch._foreach_lerp_(buffers, gradients, 1 - group["momentum"])
            updates = torch._foreach_lerp(gradients, buffers, group["momentum"])  # Nesterov momentum
            torch._foreach_mul_(changed, 1 - group["lr"] * group["weight_decay"])
            full = [update.full_tensor() if isinstance(update, DTensor) else update for update in updates]
            for p, step in zip(changed, orthogonal(full, self.dtype), strict=True):
                # entries then have an RMS of .2, like AdamW's steps
                p.add_(_like(p, step.to(p.dtype)), alpha=-group["lr"] * 0.2 * max(p.shape) ** 0.5)

    def _momentum(self, parameter: torch.nn.Parameter) -> torch.Tensor:
        state = self.state[parameter]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        return state["momentum_buffer"]


def _like(parameter: torch.nn.Parameter, full: torch.Tensor) -> torch.Tensor:
    """A tensor that all processes hold, sharded like the parameter if that is sharded."""
    if not isinstance(parameter, DTensor):
        return full
    return distribute_tensor(full, parameter.device_mesh, parameter.placements, src_data_rank=None)


def orthogonal(matrices: Sequence[torch.Tensor], dtype: torch.dtype) -> list[torch.Tensor]:
    """Approximately the orthogonal factor of each matrix: singular values of about 1.

    Newton–Schulz steps are polynomials in the Gram matrix. In float32 they are composed there, for all matrices with
    the same short side together, so the matrix itself enters two products instead of ten. Data types with fewer digits
    would lose the small singular values in the Gram matrix; for them, matrices of the same shape are batched.
    """
    wide = [matrix.mT if matrix.shape[0] > matrix.shape[1] else matrix for matrix in matrices]
    on_product = dtype == torch.float32
    by_shape: dict[object, list[int]] = {}
    for i, X in enumerate(wide):
        by_shape.setdefault(X.shape[0] if on_product else X.shape, []).append(i)
    steps = {}
    for indices in by_shape.values():
        group = [wide[i].to(dtype) for i in indices]
        steps |= zip(indices, _on_products(group) if on_product else _on_matrices(torch.stack(group)), strict=True)
    return [steps[i].mT if X.shape[0] > X.shape[1] else steps[i] for i, X in enumerate(matrices)]


def _on_products(matrices: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Newton–Schulz steps on the Gram matrices of matrices with the same number of rows."""
    gram = torch.stack([X @ X.mT for X in matrices])
    size = gram.diagonal(dim1=-2, dim2=-1).sum(-1).clamp(min=1e-14)[:, None, None]  # squared norms
    gram = gram / size
    product = None
    for step, (a, b, c) in enumerate(STEPS, start=1):
        factor = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        factor.diagonal(dim1=-2, dim2=-1).add_(a)
        product = factor if product is None else factor @ product
        if step < len(STEPS):
            gram = factor @ gram @ factor
    return [factor @ X for factor, X in zip(product * size.rsqrt(), matrices, strict=True)]


def _on_matrices(X: torch.Tensor) -> torch.Tensor:
    """Newton–Schulz steps on matrices of the same shape, (n, rows, columns)."""
    X = X / (1.01 * X.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-7))  # steps overshoot if rounded above 1
    for a, b, c in STEPS:
        gram = X @ X.mT
        X = torch.baddbmm(X, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), X, beta=a)
    return X


def product_dtype(device: str) -> str:
    """The data type in which Muon multiplies on a device; the weights keep theirs."""
    return "bfloat16" if devices.has_fast_bfloat16(device) else "float32"


def check_optimizer(optimizer: str) -> None:
    """Raises UserError for an unknown name."""
    if optimizer not in OPTIMIZERS:
        raise UserError(f"no optimizer {optimizer!r}; have {', '.join(OPTIMIZERS)}")


def _is_inner(name: str, parameter: torch.nn.Parameter) -> bool:
    return parameter.dim() == 2 and not any(word in name for word in ("embed", "wte", "wpe", "lm_head"))


class Fit:
    """The state of one fine-tune.

    Attributes:
        network, settings: what is trained, and how.
        parameters: the trained ones.
        optimizers: the optimizers that update them.
        order: random generator for the order of the rows.
        n_tokens: tokens trained on so far.
    """

    def __init__(self, network: Network, settings: FineTuning, seed: int, n_updates: int) -> None:
        self.network, self.settings, self.n_tokens = network, settings, 0
        named = {name: p for name, p in network.module.named_parameters() if p.requires_grad}
        self.parameters = list(named.values())
        embedding_rate = settings.embedding_share * settings.learning_rate
        self.optimizers = build(
            named, settings.optimizer, settings.learning_rate, settings.weight_decay, embedding_rate
        )
        self._schedulers = [
            torch.optim.lr_scheduler.LambdaLR(o, lambda step: rate(step, n_updates, settings)) for o in self.optimizers
        ]
        self.order = torch.Generator().manual_seed(seed)
        self._average = WeightEMA(self.parameters, settings.ema) if settings.ema else None
        self._best: dict[str, torch.Tensor] | None = None
        self._best_score = self._score_to_beat = -math.inf
        self._looks_since_better = 0

    @property
    def is_over(self) -> bool:
        """Whether `patience` evaluations, once above `patience_above`, found none better by over `min_delta`."""
        return 0 < self.settings.patience <= self._looks_since_better

    def forget(self) -> None:
        """Clears the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    def step(self) -> None:
        """Updates the parameters from their gradients."""
        torch.nn.utils.clip_grad_norm_(self.parameters, self.settings.max_grad_norm)
        for optimizer in self.optimizers:
            optimizer.step()
        for scheduler in self._schedulers:
            scheduler.step()
        if self._average is not None:
            self._average.update()

    def keep_if_best(self, measure: Callable[[], float | None]) -> None:
        """Keeps the weights if they are the best so far; `measure` returns their score, None for no score."""
        self.network.module.eval()
        with nullcontext() if self._average is None else self._average.in_place():
            score = measure()
            self._looks_since_better += score is not None
            if score is not None and score > self._best_score:
                self._best, self._best_score = _snapshot(self.network), score
            if score is not None and score > self._score_to_beat + self.settings.min_delta:
                self._score_to_beat, self._looks_since_better = score, 0
            if self._best_score <= self.settings.patience_above:
                self._looks_since_better = 0

    def finish(self) -> None:
        """Leaves the weights of the best epoch in the network, or of the last if none had a score."""
        if self._best is not None:
            _restore(self.network, self._best)
        elif self._average is not None:
            self._average.write()


class WeightEMA:
    """Exponential moving average of parameters, in float32, since small steps would be lost in bfloat16.

    The decay first rises as (1 + update) / (10 + update), so that the start is soon forgotten.
    """

    def __init__(self, parameters: Sequence[torch.nn.Parameter], decay: float) -> None:
        self.parameters, self.decay, self.n_updates = list(parameters), decay, 0
        self.values = [_own(p).float().clone() for p in self.parameters]

    @torch.no_grad()
    def update(self) -> None:
        """Adds the current parameters."""
        decay = min(self.decay, (1 + self.n_updates) / (10 + self.n_updates))
        self.n_updates += 1
        torch._foreach_lerp_(self.values, [_own(p).float() for p in self.parameters], 1 - decay)

    @torch.no_grad()
    def write(self) -> None:
        """Writes the average into the parameters."""
        for value, p in zip(self.values, self.parameters, strict=True):
            _own(p).copy_(value)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Context in which the parameters are the average; they are restored afterwards."""
        own = [_own(p).clone() for p in self.parameters]
        self.write()
        try:
            yield
        finally:
            with torch.no_grad():
                for value, p in zip(own, self.parameters, strict=True):
                    _own(p).copy_(value)


def check_settings(settings: FineTuning) -> None:
    """Raises UserError for invalid settings."""
    if settings.schedule not in SCHEDULES:
        raise UserError(f"no schedule {settings.schedule!r}; have {', '.join(SCHEDULES)}")
    check_optimizer(settings.optimizer)
    for name in ("learning_rate", "epochs", "batch_size", "max_grad_norm"):
        if not getattr(settings, name) > 0:
            raise UserError(f"{name} is {getattr(settings, name)}; it must be above 0")
    if not 0 <= settings.embedding_share < math.inf:
        raise UserError(f"embedding_share is {settings.embedding_share}; it is a share of the learning rate, 0 or more")
    if not 0 <= settings.warmup <= 1:
        raise UserError(f"warmup is {settings.warmup}; it is the share of the updates, 0 to 1")
    if settings.evaluate_every < 1 or settings.patience < 0 or not settings.min_delta >= 0:
        raise UserError(
            f"evaluate_every is {settings.evaluate_every}, patience {settings.patience} and min_delta "
            f"{settings.min_delta}; they must be 1 or more, 0 or more and 0 or more"
        )
    if not 0 <= settings.ema < 1:
        raise UserError(f"ema is {settings.ema}; it is the decay of an average, from 0 (none) to below 1")


def rate(step: int, total: int, settings: FineTuning) -> float:
    """The factor on the learning rate at an update counted from 0: linear warm-up, then the schedule."""
    n_warmup = round(settings.warmup * total)
    if step < n_warmup:
        return (step + 1) / (n_warmup + 1)
    done = min(1.0, (step - n_warmup) / max(1, total - n_warmup))
    if settings.schedule == "linear":
        return 1.0 - done
    if settings.schedule == "cosine":
        return 0.5 * (1.0 + math.cos(math.pi * done))
    return 1.0


def _snapshot(network: Network) -> dict[str, torch.Tensor]:
    """Copies of the trained parameters in main memory."""
    trained = ((name, p) for name, p in network.module.named_parameters() if p.requires_grad)
    return {name: _own(p).to("cpu", copy=True) for name, p in trained}


@torch.no_grad()
def _restore(network: Network, state: dict[str, torch.Tensor]) -> None:
    for name, p in network.module.named_parameters():
        if name in state:
            _own(p).copy_(state[name])


def _own(parameter: torch.Tensor) -> torch.Tensor:
    """This process's part of a parameter: all of it, unless the network is sharded."""
    whole_or_share = parameter.detach()
    return whole_or_share.to_local() if isinstance(whole_or_share, DTensor) else whole_or_share
