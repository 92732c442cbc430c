"""The fine-tuning loop: next-token loss on the completions only (paper §2), including the end of the answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import TypeAlias

import torch
from torch.nn.functional import cross_entropy

from ... import progress
from ...errors import BadModel, UserError
from .. import distributed
from ..base import Example, Examples, FineTuning
from .network import Network
from .optimization import Fit, check_settings
from .tokens import IGNORE, Encoded, TextTokenizer, batches

MEGABATCH = 50  # batches within which rows are sorted by length, so that padding is small and the order stays random
VALIDATION_TOKENS = 8192  # tokens per batch

OnEpoch: TypeAlias = Callable[[int, float], float | None]


def tune(
    network: Network,
    tokens: TextTokenizer,
    examples: Examples,
    validation: Sequence[Example],
    settings: FineTuning,
    seed: int,
    on_epoch: OnEpoch,
) -> int:
    """Trains the network's unfrozen parameters in place and leaves it with those of the best epoch.

    With `settings.ema`, a moving average of the weights is evaluated and kept, while training continues with the
    weights themselves.

    Args:
        on_epoch: receives the epoch and the validation loss (nan without rows) at every evaluation; returns a score,
            greater is better.

    Returns:
        The number of tokens trained on, over all epochs.

    Raises:
        UserError: invalid settings, or no examples.
        BadModel: the loss is no longer a finite number.
        TooLong: an example longer than the context.
    """
    return tune_each([network], tokens, examples, validation, [settings], [seed], [on_epoch])[0]


def tune_each(
    networks: Sequence[Network],
    tokens: TextTokenizer,
    examples: Examples,
    validation: Sequence[Example],
    settings: Sequence[FineTuning],
    seeds: Sequence[int],
    on_epochs: Sequence[OnEpoch],
    one_pass: Callable[[Sequence[int]], AbstractContextManager[None]] = nullcontext,
) -> list[int]:
    """As `tune`, for several networks on the same examples, one update of each in turn.

    Args:
        settings: with the same number of epochs, batch size and evaluations. All fine-tunes end together, when the
            last one runs out of patience.
        one_pass: given the number of rows of each network, a context in which their concatenated batch goes through
            the first network, each row with the parameters of its own network.

    Returns:
        The numbers of tokens trained on.
    """
    for own in settings:
        check_settings(own)
    draw = examples if callable(examples) else lambda epoch: examples
    held_out = _encode(tokens, validation)
    rows = _encode(tokens, _some(draw(1)))
    epochs, batch_size = settings[0].epochs, settings[0].batch_size
    n_updates = epochs * math.ceil(len(rows) / batch_size)
    fits = [Fit(*arguments, n_updates) for arguments in zip(networks, settings, seeds, strict=True)]
    before: torch.Tensor | None = None  # the last update's losses, read during the next one, to keep a GPU busy
    with progress.counting("update", n_updates, epochs) as bar:
        for epoch in range(1, epochs + 1):
            if epoch > 1 and callable(examples):
                rows = _encode(tokens, _some(draw(epoch)))
            for network in networks:
                network.module.train()
            with seeded(seeds[0] + epoch, networks[0].device):
                for groups in zip(*(_shuffled(rows, batch_size, fit.order) for fit in fits), strict=True):
                    now = _update(fits, groups, tokens.end, one_pass)
                    _show(bar, before)
                    before = now
                    for fit, group in zip(fits, groups, strict=True):
                        fit.n_tokens += sum(len(row.ids) for row in group)
                    bar.step()
            _show(bar, before)
            if epoch % settings[0].evaluate_every and epoch < epochs:
                continue
            for fit, on_epoch in zip(fits, on_epochs, strict=True):
                fit.keep_if_best(partial(_score, fit.network, epoch, held_out, tokens.end, on_epoch))
            if all(fit.is_over for fit in fits):
                break
    for fit in fits:
        fit.finish()
    return [fit.n_tokens for fit in fits]


@torch.inference_mode()
def mean_loss(network: Network, rows: Sequence[Encoded], end: int) -> float:
    """Mean loss per completion token over all rows."""
    total, count = 0.0, 0
    for batch in batches(
        [len(row.ids) for row in rows], lambda n, longest: n * longest <= VALIDATION_TOKENS, equal=False
    ):
        loss, n = _loss(network, [rows[i] for i in batch], end)
        total += loss.item() * n
        count += n
    return total / count


def _score(network: Network, epoch: int, held_out: Sequence[Encoded], end: int, on_epoch: OnEpoch) -> float | None:
    return on_epoch(epoch, mean_loss(network, held_out, end) if held_out else math.nan)


def _encode(tokens: TextTokenizer, examples: Sequence[Example]) -> list[Encoded]:
    rows = tokens.pairs(examples)
    if rows:
        tokens.check_fits(max(len(row.ids) for row in rows) + 1, "example with its answer")
    return rows


def _some(examples: Sequence[Example]) -> Sequence[Example]:
    if not examples:
        raise UserError("there are no rows to fine-tune on")
    return examples


def _shuffled(rows: Sequence[Encoded], batch_size: int, order: torch.Generator) -> Iterator[list[Encoded]]:
    """Batches in random order, each with rows of similar length."""
    shuffled = torch.randperm(len(rows), generator=order).tolist()
    cut = []
    for begin in range(0, len(rows), MEGABATCH * batch_size):
        mega = sorted(shuffled[begin : begin + MEGABATCH * batch_size], key=lambda i: len(rows[i].ids))
        cut += [mega[i : i + batch_size] for i in range(0, len(mega), batch_size)]
    for i in torch.randperm(len(cut), generator=order).tolist():
        yield [rows[j] for j in cut[i]]


def _loss(network: Network, batch: Sequence[Encoded], end: int) -> tuple[torch.Tensor, int]:
    """Mean loss over the completion tokens and the end token, and the number of these tokens."""
    losses, n = group_losses(network, [batch], end)
    return losses[0], n


def group_losses(network: Network, groups: Sequence[Sequence[Encoded]], end: int) -> tuple[torch.Tensor, int]:
    """Mean loss of each group of rows, computed in one pass, and the total number of tokens with a loss.

    Rows are padded on the right, which a causal network ignores; labels are set by position in the row, so that padding
    never counts, whatever its id.
    """
    batch = [row for group in groups for row in group]
    width = max(len(row.ids) for row in batch)
    spare = [width - len(row.ids) for row in batch]
    ids = torch.tensor([[*row.ids, *[end] * n] for row, n in zip(batch, spare, strict=True)])
    firsts = [max(1, row.start) for row in batch]  # the first token has nothing before it to predict it from
    labels = torch.tensor(
        [
            [*[IGNORE] * (first - 1), *row.ids[first:], end, *[IGNORE] * n]
            for row, first, n in zip(batch, firsts, spare, strict=True)
        ]
    )
    mask = None
    if any(spare):
        mask = torch.tensor([[1] * len(row.ids) + [0] * n for row, n in zip(batch, spare, strict=True)])
        mask = mask.to(network.device)
    columns = (labels != IGNORE).any(dim=0).nonzero().flatten()
    labels = labels[:, columns]
    logits, _ = network(ids.to(network.device), mask=mask, keep=columns.to(network.device))
    n = int((labels != IGNORE).sum())
    sizes = [len(group) for group in groups]
    parts = zip(logits.split(sizes), labels.to(network.device).split(sizes), strict=True)
    losses = [cross_entropy(part.flatten(0, 1), own.flatten(), ignore_index=IGNORE) for part, own in parts]
    return torch.stack(losses), n


def _update(
    fits: Sequence[Fit],
    groups: Sequence[Sequence[Encoded]],
    end: int,
    one_pass: Callable[[Sequence[int]], AbstractContextManager[None]],
) -> torch.Tensor:
    """One update of each fit; returns their mean losses."""
    own = [distributed.share(group) for group in groups]
    with one_pass([len(group) for group in groups]):
        losses, n = group_losses(
            fits[0].network, [part or group[:1] for part, group in zip(own, groups, strict=True)], end
        )
    for fit in fits:
        fit.forget()
    if distributed.world() == 1:
        losses.sum().backward()  # no parameter is shared, so each gets the gradient of its own loss
    else:
        share, pooled = distributed.pooled_loss(losses.sum(), n if own[0] else 0)
        (losses.sum() * share).backward()
        distributed.add_gradients([p for fit in fits for p in fit.parameters])
        losses = pooled.reshape(1)  # the same in all processes, so that all stop if it is not finite
    for fit in fits:
        fit.step()
    return losses.detach()


def _show(bar: progress.Count, losses: torch.Tensor | None) -> None:
    """Shows losses next to the progress. Raises BadModel if one is not finite."""
    if losses is None:
        return
    values = losses.tolist()
    if not all(map(math.isfinite, values)):
        raise BadModel("the training loss is no longer a finite number; use a smaller learning rate")
    bar.losses = values


@contextmanager
def seeded(seed: int, device: str) -> Iterator[None]:
    """Context in which torch's global generators (dropout, fresh adapters) start at `seed`; restored afterwards."""
    with torch.random.fork_rng(devices=[torch.device(device)] if device.startswith("cuda") else []):
        torch.manual_seed(seed)
        yield
