"""The moving average of the weights in a fine-tune, and when it ends."""

import math

import pytest
import torch

from utils import models
from utils.errors import UserError
from utils.models import FineTuning
from utils.models.local import adapters, optimization, training

PAIRS = [("1 2 =>", " 0"), ("3 4 =>", " 1"), ("5 6 =>", " 0")]
THREE = FineTuning(learning_rate=1e-2, epochs=1, batch_size=1)


@pytest.fixture
def trail(monkeypatch):
    """The trained parameters after each update, as lists of tensors."""
    steps = []
    update = training._update

    def recorded(runs, *batch):
        if not steps:
            steps.append([p.detach().clone() for p in runs[0].parameters])
        loss = update(runs, *batch)
        steps.append([p.detach().clone() for p in runs[0].parameters])
        return loss

    monkeypatch.setattr(training, "_update", recorded)
    return steps


def tuned(trail, adapter="full", on_epoch=None, **settings):
    """The weights that a fine-tune returns, those after each of its updates, and the model."""
    trail.clear()
    model = models.load("lift-tiny", adapter=adapter, device="cpu", threads=1)
    how = FineTuning(**{**vars(THREE), **settings})
    model = model.fine_tune(PAIRS, PAIRS, settings=how, seed=0, on_epoch=on_epoch)
    return weights(model), list(trail)


def weights(model):
    return [p.detach().clone() for p in model.network.module.parameters() if p.requires_grad]


def equal(some, others):
    return all(torch.allclose(a, b, atol=1e-7) for a, b in zip(some, others, strict=True))


@pytest.mark.parametrize("adapter", ["full", "lora"])
def test_the_average_of_three_updates_is_that_of_a_hand(trail, adapter):
    adapters.check(adapter, 16, "none", "cpu")
    left, steps = tuned(trail, adapter, ema=0.15)
    start, one, two, three = steps
    by_hand = [
        0.15 * (0.15 * (0.1 * a + 0.9 * b) + 0.85 * c) + 0.85 * d  # 1/10, then 2/11 and 3/12, which 0.15 cuts
        for a, b, c, d in zip(start, one, two, three, strict=True)
    ]
    assert equal(left, by_hand)
    assert not equal(left, three)
    warming, _ = tuned(trail, adapter, ema=0.999)
    by_hand = [
        3 / 12 * (2 / 11 * (0.1 * a + 0.9 * b) + 9 / 11 * c) + 9 / 12 * d
        for a, b, c, d in zip(start, one, two, three, strict=True)
    ]
    assert equal(warming, by_hand)


def test_scores_and_the_best_epoch_are_of_the_average_and_training_goes_on_without_it(trail):
    plain, raw = tuned(trail, epochs=4)
    assert equal(plain, raw[-1])
    seen, losses = [], []

    def on_epoch(epoch, model, loss):
        seen.append(weights(model))
        losses.append(loss)
        return {1: 0.0, 2: 5.0, 3: 1.0, 4: 5.0}[epoch]

    left, steps = tuned(trail, epochs=4, ema=0.9, on_epoch=on_epoch)
    assert all(equal(a, b) for a, b in zip(steps, raw, strict=True))
    average = raw[0]
    for i, step in enumerate(raw[1:]):
        decay = min(0.9, (1 + i) / (10 + i))
        average = [decay * a + (1 - decay) * b for a, b in zip(average, step, strict=True)]
        if i % 3 == 2:
            assert equal(seen[i // 3], average)
            assert not equal(average, step)
    assert equal(left, seen[1])  # the first of the best
    assert len(set(losses)) == 4


@pytest.mark.parametrize("ema", [-0.1, 1.0, 2.0, float("nan")])
def test_a_decay_without_sense_is_refused(ema):
    with pytest.raises(UserError, match="ema is"):
        optimization.check_settings(FineTuning(ema=ema))


def test_the_average_of_short_numbers_keeps_small_steps():
    p = torch.nn.Parameter(torch.ones(1, dtype=torch.bfloat16))
    average = optimization.WeightEMA([p], 0.9999)
    average.n_updates = 10**6
    with torch.no_grad():
        p += 1
    for _ in range(100):
        average.update()
    assert average.values[0].item() == pytest.approx(2 - 0.9999**100, rel=1e-4)  # in bfloat16 it would stay 1


@pytest.mark.parametrize(("min_delta", "n_epochs"), [(0.0, 6), (0.1, 5)])
def test_patience_waits_for_an_increase_that_counts_and_the_best_weights_are_kept_all_the_same(
    trail, min_delta, n_epochs
):
    seen = []

    def on_epoch(epoch, model, loss):
        seen.append(weights(model))
        return [0.0, 1.0, 1.05, 1.06, 0.5, 0.5, 0.5, 0.5][epoch - 1]

    left, _ = tuned(trail, epochs=8, patience=2 if min_delta == 0 else 3, min_delta=min_delta, on_epoch=on_epoch)
    assert len(seen) == n_epochs
    assert equal(left, seen[3])


@pytest.mark.parametrize(("above", "n_epochs"), [(-math.inf, 3), (0.5, 7), (0.7, 8)])
def test_patience_starts_when_the_score_is_above_a_bound(trail, above, n_epochs):
    seen = []

    def on_epoch(epoch, model, loss):
        seen.append(weights(model))
        return [0.5, 0.4, 0.5, 0.5, 0.7, 0.6, 0.6, 0.6][epoch - 1]

    left, _ = tuned(trail, epochs=8, patience=2, patience_above=above, on_epoch=on_epoch)
    assert len(seen) == n_epochs
    assert equal(left, seen[0 if n_epochs == 3 else 4])


@pytest.mark.parametrize("wrong", [{"patience": -1}, {"min_delta": -0.1}, {"min_delta": float("nan")}])
def test_a_patience_without_sense_is_refused(wrong):
    with pytest.raises(UserError, match=f"{next(iter(wrong))} "):
        optimization.check_settings(FineTuning(**wrong))
