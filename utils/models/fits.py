"""One fine-tune under way: its optimizers, its learning rate by update, the average of its weights, its best epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext

import torch
from torch.distributed.tensor import DTensor

from utils.errors import UserError
from utils.models import optimizers
from utils.models.base import FineTuning
from utils.models.network import Network

SCHEDULES = ("linear", "cosine", "constant")


class Fit:
    """One fine-tune under way.

    Attributes:
        network, settings: what is trained, and how.
        parameters: those that change.
        optimizers: that step them.
        order: of the rows.
        n_tokens: trained on so far.
    """

    def __init__(self, network: Network, settings: FineTuning, seed: int, n_updates: int) -> None:
        self.network, self.settings, self.n_tokens = network, settings, 0
        named = {name: p for name, p in network.module.named_parameters() if p.requires_grad}
        self.parameters = list(named.values())
        embedding_rate = settings.embedding_share * settings.learning_rate
        self.optimizers = optimizers.build(
            named, settings.optimizer, settings.learning_rate, settings.weight_decay, embedding_rate
        )
        self._schedulers = [
            torch.optim.lr_scheduler.LambdaLR(o, lambda step: rate(step, n_updates, settings)) for o in self.optimizers
        ]
        self.order = torch.Generator().manual_seed(seed)
        self._average = Average(self.parameters, settings.ema) if settings.ema else None
        self._best: dict[str, torch.Tensor] | None = None
        self._best_score = -math.inf
        self._looks_since_best = 0

    @property
    def is_over(self) -> bool:
        """Whether as many looks as the settings' patience have found nothing better."""
        return 0 < self.settings.patience <= self._looks_since_best

    def forget(self) -> None:
        """Clears the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    def step(self) -> None:
        """Changes the parameters as their gradients say."""
        torch.nn.utils.clip_grad_norm_(self.parameters, self.settings.max_grad_norm)
        for optimizer in self.optimizers:
            optimizer.step()
        for scheduler in self._schedulers:
            scheduler.step()
        if self._average is not None:
            self._average.update()

    def judge(self, measure: Callable[[], float | None]) -> None:
        """Keeps the weights where they are the best so far: `measure` gives its score, None for no score."""
        self.network.module.eval()
        with nullcontext() if self._average is None else self._average.in_place():
            score = measure()
            self._looks_since_best += score is not None
            if score is not None and score > self._best_score:
                self._best, self._best_score, self._looks_since_best = _snapshot(self.network), score, 0

    def finish(self) -> None:
        """Leaves the weights of the best epoch in the network, the last where none had a score."""
        if self._best is not None:
            _restore(self.network, self._best)
        elif self._average is not None:
            self._average.write()


class Average:
    """Exponential moving average of parameters, in float32: a small step would be lost in the digits of bfloat16.

    Over the first updates the decay rises as (1 + update) / (10 + update), so that the start is soon forgotten.
    """

    def __init__(self, parameters: Sequence[torch.nn.Parameter], decay: float) -> None:
        self.parameters, self.decay, self.n_updates = list(parameters), decay, 0
        self.values = [_own(p).float().clone() for p in self.parameters]

    @torch.no_grad()
    def update(self) -> None:
        """Takes in the parameters as they are now."""
        decay = min(self.decay, (1 + self.n_updates) / (10 + self.n_updates))
        self.n_updates += 1
        torch._foreach_lerp_(self.values, [_own(p).float() for p in self.parameters], 1 - decay)

    @torch.no_grad()
    def write(self) -> None:
        """Puts the average into the parameters."""
        for value, p in zip(self.values, self.parameters, strict=True):
            _own(p).copy_(value)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Inside, the parameters are the average; after that they are themselves again."""
        own = [_own(p).clone() for p in self.parameters]
        self.write()
        try:
            yield
        finally:
            with torch.no_grad():
                for value, p in zip(own, self.parameters, strict=True):
                    _own(p).copy_(value)


def check_settings(settings: FineTuning) -> None:
    """Raises UserError for settings that make no sense."""
    if settings.schedule not in SCHEDULES:
        raise UserError(f"no schedule {settings.schedule!r}; have {', '.join(SCHEDULES)}")
    optimizers.check(settings.optimizer)
    for name in ("learning_rate", "epochs", "batch_size", "max_grad_norm"):
        if not getattr(settings, name) > 0:
            raise UserError(f"{name} is {getattr(settings, name)}; it must be above 0")
    if not 0 <= settings.embedding_share < math.inf:
        raise UserError(f"embedding_share is {settings.embedding_share}; it is a share of the learning rate, 0 or more")
    if not 0 <= settings.warmup <= 1:
        raise UserError(f"warmup is {settings.warmup}; it is the share of the updates, 0 to 1")
    if settings.evaluate_every < 1 or settings.patience < 0:
        raise UserError(
            f"evaluate_every is {settings.evaluate_every} and patience {settings.patience}; they must be 1 or more and "
            "0 or more"
        )
    if not 0 <= settings.ema < 1:
        raise UserError(f"ema is {settings.ema}; it is the decay of an average, from 0 (none) to below 1")


def rate(step: int, total: int, settings: FineTuning) -> float:
    """The factor on the learning rate at an update counted from 0: a rise over the warm-up, then the schedule."""
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
    """What this process holds of a parameter: all of it, unless the network is sharded."""
    whole_or_share = parameter.detach()
    return whole_or_share.to_local() if isinstance(whole_or_share, DTensor) else whole_or_share
