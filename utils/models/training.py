"""The fine-tuning loop: next-token loss on the completions only (paper §2), end of the answer included."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext

import torch
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from utils.errors import BadModel, UserError
from utils.models import base, optimizers, parallel
from utils.models.base import Example, Examples, FineTuning
from utils.models.network import Network
from utils.models.tokens import IGNORE, Encoded, Tokens, batches

SCHEDULES = ("linear", "cosine", "constant")
MEGABATCH = 50  # batches among which rows are sorted by length, so that little is padded and order stays random
VALIDATION_TOKENS = 8192  # per batch


def tune(
    network: Network,
    tokens: Tokens,
    examples: Examples,
    validation: Sequence[Example],
    settings: FineTuning,
    seed: int,
    on_epoch: Callable[[int, float], float | None],
) -> int:
    """Trains the network's unfrozen parameters in place and leaves those of the best epoch in it.

    With `settings.ema`, a moving average of the weights is what is measured and left, while training goes on with the
    weights themselves.

    Args:
        on_epoch: gets the epoch and the validation loss (nan without rows); returns a score, greater is better.

    Returns:
        The number of tokens trained on, all epochs counted.

    Raises:
        UserError: settings that make no sense, or no examples.
        BadModel: the loss is no longer a finite number.
        TooLong: an example longer than the context.
    """
    check_settings(settings)
    draw = examples if callable(examples) else lambda epoch: examples
    held_out = _encode(tokens, validation)
    parameters = [p for p in network.module.parameters() if p.requires_grad]
    named = {name: p for name, p in network.module.named_parameters() if p.requires_grad}
    embedding_rate = settings.embedding_share * settings.learning_rate
    made = optimizers.build(named, settings.optimizer, settings.learning_rate, settings.weight_decay, embedding_rate)
    rows = _encode(tokens, _some(draw(1)))
    total = settings.epochs * math.ceil(len(rows) / settings.batch_size)
    schedulers = [torch.optim.lr_scheduler.LambdaLR(o, lambda step: rate(step, total, settings)) for o in made]
    order = torch.Generator().manual_seed(seed)
    average = Average(parameters, settings.ema) if settings.ema else None
    best, best_score, n_tokens = None, -math.inf, 0
    before: torch.Tensor | None = None  # the last update's loss, read when the next is under way: a GPU need not wait
    with tqdm(total=total, desc="tune", unit="upd", leave=False, disable=None if base.progress_bars else True) as bar:
        for epoch in range(1, settings.epochs + 1):
            if epoch > 1 and callable(examples):
                rows = _encode(tokens, _some(draw(epoch)))
            network.module.train()
            with seeded(seed + epoch, network.device):
                for batch in _shuffled(rows, settings.batch_size, order):
                    loss = _update(network, batch, tokens.end, parameters, made, settings.max_grad_norm)
                    _show(bar, before)
                    before = loss
                    for scheduler in schedulers:
                        scheduler.step()
                    if average is not None:
                        average.update()
                    n_tokens += sum(len(row.ids) for row in batch)
                    bar.update()
            _show(bar, before)
            network.module.eval()
            with nullcontext() if average is None else average.in_place():
                score = on_epoch(epoch, mean_loss(network, held_out, tokens.end) if held_out else math.nan)
                if score is not None and score > best_score:
                    best, best_score = _snapshot(network), score
    if best is not None:
        _restore(network, best)
    elif average is not None:
        average.write()
    return n_tokens


class Average:
    """Exponential moving average of parameters, in float32: a small step would be lost in the digits of bfloat16.

    Over the first updates the decay rises as (1 + update) / (10 + update), so that the start is soon forgotten.
    """

    def __init__(self, parameters: Sequence[torch.nn.Parameter], decay: float) -> None:
        self.parameters, self.decay, self.n_updates = list(parameters), decay, 0
        self.values = [p.detach().float().clone() for p in self.parameters]

    @torch.no_grad()
    def update(self) -> None:
        """Takes in the parameters as they are now."""
        decay = min(self.decay, (1 + self.n_updates) / (10 + self.n_updates))
        self.n_updates += 1
        for value, p in zip(self.values, self.parameters, strict=True):
            value.lerp_(p.detach().float(), 1 - decay)

    @torch.no_grad()
    def write(self) -> None:
        """Puts the average into the parameters."""
        for value, p in zip(self.values, self.parameters, strict=True):
            p.copy_(value)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Inside, the parameters are the average; after that they are themselves again."""
        own = [p.detach().clone() for p in self.parameters]
        self.write()
        try:
            yield
        finally:
            with torch.no_grad():
                for value, p in zip(own, self.parameters, strict=True):
                    p.copy_(value)


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


@torch.inference_mode()
def mean_loss(network: Network, rows: Sequence[Encoded], end: int) -> float:
    """Mean loss of a completion token over all rows."""
    total, count = 0.0, 0
    for batch in batches(
        [len(row.ids) for row in rows], lambda n, longest: n * longest <= VALIDATION_TOKENS, equal=False
    ):
        loss, n = _loss(network, [rows[i] for i in batch], end)
        total += loss.item() * n
        count += n
    return total / count


def _encode(tokens: Tokens, examples: Sequence[Example]) -> list[Encoded]:
    rows = tokens.pairs(examples)
    if rows:
        tokens.check_fits(max(len(row.ids) for row in rows) + 1, "example with its answer")
    return rows


def _some(examples: Sequence[Example]) -> Sequence[Example]:
    if not examples:
        raise UserError("there are no rows to fine-tune on")
    return examples


def _shuffled(rows: Sequence[Encoded], batch_size: int, order: torch.Generator) -> Iterator[list[Encoded]]:
    """Batches in random order; rows of like length meet."""
    shuffled = torch.randperm(len(rows), generator=order).tolist()
    cut = []
    for begin in range(0, len(rows), MEGABATCH * batch_size):
        mega = sorted(shuffled[begin : begin + MEGABATCH * batch_size], key=lambda i: len(rows[i].ids))
        cut += [mega[i : i + batch_size] for i in range(0, len(mega), batch_size)]
    for i in torch.randperm(len(cut), generator=order).tolist():
        yield [rows[j] for j in cut[i]]


def _loss(network: Network, batch: Sequence[Encoded], end: int) -> tuple[torch.Tensor, int]:
    """Mean loss over the completion tokens and the end token, and their number.

    Rows are padded on the right, which a causal network cannot see; a label is a token by its place in the row, so
    that padding never counts, whatever its id.
    """
    width = max(len(row.ids) for row in batch)
    ids = torch.full((len(batch), width), end)
    labels = torch.full((len(batch), width), IGNORE)
    for i, row in enumerate(batch):
        ids[i, : len(row.ids)] = torch.tensor(row.ids)
        first = max(1, row.start)  # nothing comes before the first token that could predict it
        labels[i, first - 1 : len(row.ids)] = torch.tensor([*row.ids[first:], end])
    mask = None
    if any(len(row.ids) < width for row in batch):
        mask = torch.tensor([[1] * len(row.ids) + [0] * (width - len(row.ids)) for row in batch]).to(network.device)
    columns = (labels != IGNORE).any(dim=0).nonzero().flatten()
    labels = labels[:, columns]
    logits, _ = network(ids.to(network.device), mask=mask, keep=columns.to(network.device))
    n = int((labels != IGNORE).sum())
    loss = cross_entropy(logits.flatten(0, 1), labels.flatten().to(network.device), ignore_index=IGNORE)
    return loss, n


def _update(
    network: Network,
    batch: Sequence[Encoded],
    end: int,
    parameters: Sequence[torch.nn.Parameter],
    made: Sequence[torch.optim.Optimizer],
    max_norm: float,
) -> torch.Tensor:
    """One update; returns the mean loss of the rows that this process had."""
    own = parallel.share(batch)
    loss, n = _loss(network, own or batch[:1], end)
    for optimizer in made:
        optimizer.zero_grad()
    if parallel.world() == 1:
        loss.backward()
    else:
        (loss * parallel.share_of_loss(n if own else 0)).backward()
        parallel.add_gradients(parameters)
    torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    for optimizer in made:
        optimizer.step()
    return loss.detach()


def _show(bar: tqdm, loss: torch.Tensor | None) -> None:
    """Puts a loss beside the progress. Raises BadModel for one that is no number."""
    if loss is None:
        return
    value = loss.item()
    if not math.isfinite(value):
        raise BadModel("the training loss is no longer a finite number; use a smaller learning rate")
    bar.set_postfix(loss=f"{value:.3f}", refresh=False)


def _snapshot(network: Network) -> dict[str, torch.Tensor]:
    """Copies of the trained parameters in main memory."""
    trained = ((name, p) for name, p in network.module.named_parameters() if p.requires_grad)
    return {name: p.detach().to("cpu", copy=True) for name, p in trained}


@torch.no_grad()
def _restore(network: Network, state: dict[str, torch.Tensor]) -> None:
    for name, p in network.module.named_parameters():
        if name in state:
            p.copy_(state[name])


@contextmanager
def seeded(seed: int, device: str) -> Iterator[None]:
    """Inside, torch's global generators (dropout, fresh adapters) start at `seed`; outside they stay as they were."""
    with torch.random.fork_rng(devices=[torch.device(device)] if device.startswith("cuda") else []):
        torch.manual_seed(seed)
        yield
