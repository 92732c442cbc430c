"""Fine-tunes that share the passes over one frozen base: the numbers of one after the other."""

from dataclasses import replace

import pytest
import torch
from sklearn.datasets import load_iris
from transformers import AutoModelForCausalLM, GPT2Config, GPTJConfig, LlamaConfig, Qwen2MoeConfig

from utils import models
from utils.estimators import LIFTClassifier
from utils.models import FineTuning
from utils.models.local import adapters, multi_lora, training

ROWS = [
    (f"{3 * i},{i * i % 97}{',5' * (i % 3)}>", f"{i % 2}") for i in range(21)
]  # of three lengths; 21: a last batch of 5
HOW = FineTuning(learning_rate=1e-2, epochs=3, batch_size=8)
RATES = (3e-2, 1e-2, 1e-3)


def loaded(adapter="lora"):
    return models.load("lift-tiny", adapter=adapter, adapter_rank=4, device="cpu", threads=1)


def run(model, settings, seeds):
    """The models, and (epoch, validation loss) of each."""
    curves = [[] for _ in settings]
    reports = [lambda epoch, now, loss, own=own: own.append((epoch, loss)) for own in curves]
    tuned = multi_lora.fine_tune_each(model, ROWS, ROWS[::3], settings=settings, seeds=seeds, on_epochs=reports)
    return list(tuned), curves


@pytest.fixture
def passes(monkeypatch):
    """The number of fine-tunes in each pass with gradients."""
    seen = []
    losses = training.group_losses

    def recorded(network, groups, end):
        if torch.is_grad_enabled():
            seen.append(len(groups))
        return losses(network, groups, end)

    monkeypatch.setattr(training, "group_losses", recorded)
    return seen


@pytest.mark.parametrize("adapter", multi_lora.ADAPTERS)
@pytest.mark.parametrize(
    ("settings", "seeds"),
    [
        ([replace(HOW, learning_rate=rate) for rate in RATES], [4, 4, 4]),
        ([HOW, replace(HOW, schedule="constant", ema=0.5)], [1, 2]),
    ],
    ids=["rates", "seeds"],
)
def test_side_by_side_gives_the_numbers_of_one_after_the_other(passes, adapter, settings, seeds):
    model = loaded(adapter)
    tuned, curves = run(model, settings, seeds)
    assert set(passes) == {len(settings)}
    assert len(passes) == 3 * 3  # updates of one fine-tune
    prompts = [prompt for prompt, _ in ROWS]
    answers = [one.log_likelihood(prompts, ["0", "1"]) for one in tuned]
    for one, seed, curve, own, answer in zip(settings, seeds, curves, tuned, answers, strict=True):
        wanted = []
        alone = model.fine_tune(
            ROWS, ROWS[::3], settings=one, seed=seed, on_epoch=lambda e, m, loss, to=wanted: to.append((e, loss))
        )
        assert [epoch for epoch, _ in curve] == [1, 2, 3]
        assert [loss for _, loss in curve] == pytest.approx([loss for _, loss in wanted], rel=1e-4)
        assert answer == pytest.approx(alone.log_likelihood(prompts, ["0", "1"]), abs=1e-3)
        assert own.n_tokens_trained == alone.n_tokens_trained
    assert abs(answers[0] - answers[1]).max() > 0.01  # they are not one and the same


def test_the_base_and_the_layers_are_left_as_they_were():
    model = loaded()
    before = model.log_likelihood(["1,2>"], ["0", "1"])
    tuned, _ = run(model, [replace(HOW, learning_rate=rate) for rate in RATES], [0, 0, 0])
    assert model.log_likelihood(["1,2>"], ["0", "1"]) == pytest.approx(before, abs=0)
    assert not any("forward" in vars(layer) for layer in multi_lora._layers(tuned[0].network.module))


def test_the_best_epoch_of_each_is_kept():
    model = loaded()
    kept = [{}, {}]

    def report(which, best):
        def on_epoch(epoch, now, loss):
            kept[which][epoch] = now.log_likelihood(["1,2>"], ["0", "1"])
            return float(epoch == best)

        return on_epoch

    settings = [HOW, replace(HOW, learning_rate=3e-2)]
    reports = [report(0, 1), report(1, 2)]
    first, second = multi_lora.fine_tune_each(model, ROWS, ROWS, settings=settings, seeds=[0, 0], on_epochs=reports)
    assert first.log_likelihood(["1,2>"], ["0", "1"]) == pytest.approx(kept[0][1], abs=1e-5)
    assert second.log_likelihood(["1,2>"], ["0", "1"]) == pytest.approx(kept[1][2], abs=1e-5)
    assert abs(kept[0][1] - kept[0][3]).max() > 1e-3


@pytest.mark.parametrize(
    ("adapter", "settings"),
    [
        ("full", [HOW, HOW]),
        ("ia3", [HOW, HOW]),
        ("lora", [HOW, replace(HOW, epochs=2)]),
        ("lora", [HOW, replace(HOW, batch_size=4)]),
    ],
    ids=["full", "ia3", "epochs", "batches"],
)
def test_what_cannot_share_a_pass_is_tuned_one_after_the_other(passes, adapter, settings):
    tuned, _ = run(loaded(adapter), settings, [0, 1])
    assert len(tuned) == 2
    assert set(passes) == {1}


def test_a_pass_has_no_more_tokens_than_memory_allows(passes, monkeypatch):
    model = loaded()
    longest = max(model.count_tokens(["".join(row) for row in ROWS]))
    monkeypatch.setattr(multi_lora, "TOKENS", 2 * HOW.batch_size * longest)
    run(model, [replace(HOW, learning_rate=rate) for rate in RATES], [0, 0, 0])
    assert passes == [2] * 9 + [1] * 9  # two side by side, then the third alone


def random_network(config):
    torch.manual_seed(0)
    return adapters.add(AutoModelForCausalLM.from_config(config), "lora", 4, "nowhere")


SMALL = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 32}
LLAMA = SMALL | {"num_key_value_heads": 2, "intermediate_size": 16}
GPT = {"n_embd": 16, "n_layer": 1, "n_head": 2, "vocab_size": 32, "n_positions": 16}
EXPERTS = {"num_experts": 2, "moe_intermediate_size": 16, "shared_expert_intermediate_size": 16}
QUIET = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}


@pytest.mark.parametrize(
    ("config", "shared"),
    [
        (GPTJConfig(**GPT, rotary_dim=4), True),
        (LlamaConfig(**LLAMA), True),
        (GPT2Config(**GPT, **QUIET), True),
        (GPT2Config(**GPT), False),  # dropout of .1
        (LlamaConfig(**LLAMA, attention_dropout=0.1), False),
        (Qwen2MoeConfig(**LLAMA, **EXPERTS), False),  # whose layers get tokens, not rows
    ],
    ids=["gptj", "llama", "gpt2", "dropout", "attention", "experts"],
)
def test_which_networks_can_share_a_pass(config, shared):
    assert multi_lora.can_share_a_pass([random_network(config) for _ in range(2)]) == shared


def test_learning_rates_of_an_estimator_share_their_passes(passes):
    X, y = load_iris(return_X_y=True)
    given = {"adapter": "lora", "epochs": 2, "learning_rate": [1e-2, 1e-4], "template": {"wording": "compact"}}
    learner = LIFTClassifier(**given, device="cpu", random_state=1).fit(X[::3], y[::3])
    assert set(passes) >= {2}
    assert [(row["learning_rate"], row["epoch"]) for row in learner.history_] == [
        (1e-2, 1),
        (1e-2, 2),
        (1e-4, 1),
        (1e-4, 2),
    ]
    assert learner.best_learning_rate_ in (1e-2, 1e-4)
