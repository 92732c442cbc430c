"""Frozen layers are computed once: the same numbers as when they are computed every time."""

from dataclasses import replace
from itertools import chain

import pytest
import torch
from transformers import AutoModelForCausalLM

from tests.models.local.test_model import KINDS, config_of, same, small_tokenizer, weights
from utils import models
from utils.errors import CannotDo
from utils.models import FineTuning
from utils.models.local import lower_layers, multi_lora

ROWS = [(f"x1={3 * i}{', x2=5' * (i % 3)}. y? ###", f" {'ab'[i % 2]}{i % 3}") for i in range(13)]
HELD = [(f"x1={7 * i}{', x2=4' * (i % 2)}. y? ###", f" {'ab'[i % 2]}1") for i in range(5)]
CLASSES = [" a1", " b1", " a", " b2"]
HOW = FineTuning(learning_rate=1e-2, epochs=3, batch_size=4)
LAYERS = 4


@pytest.fixture(scope="module", params=KINDS)
def folder(request, tmp_path_factory):
    place = tmp_path_factory.mktemp(request.param)
    tokenizer = small_tokenizer(request.param)
    config = config_of(request.param, len(tokenizer))
    config.num_hidden_layers = LAYERS
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = AutoModelForCausalLM.from_config(config)
        for p in network.parameters():
            torch.nn.init.normal_(p, std=0.1) if p.dim() > 1 else None
    network.save_pretrained(place)
    tokenizer.save_pretrained(place)
    return place


def loaded(folder, adapter, **settings):
    models._load.cache_clear()
    settings = {"tuned_layers": 2, "adapter_rank": 4, "device": "cpu", "dtype": "float32", "threads": 1, **settings}
    return models.load(str(folder), adapter=adapter, **settings)


def run(model, settings):
    """Losses and likelihoods after each epoch of each fine-tune, and the tuned models."""
    seen = [[] for _ in settings]

    def report(own, epoch, now, loss):
        own.append((loss, now.log_likelihood([prompt for prompt, _ in HELD], CLASSES)))
        return float(epoch == 2)

    reports = [lambda *now, own=own: report(own, *now) for own in seen]
    seeds = [1] * len(settings)
    tuned = list(multi_lora.fine_tune_each(model, ROWS, HELD, settings=settings, seeds=seeds, on_epochs=reports))
    return seen, tuned


@pytest.fixture
def computed(monkeypatch):
    """The texts whose lower layers were computed, one entry for each time."""
    seen = []
    compute = lower_layers.LowerLayers._computed

    def counted(self, inputs, rows):
        seen.extend(bytes(inputs["input_ids"][i].numpy()) for i in rows)
        return compute(self, inputs, rows)

    monkeypatch.setattr(lower_layers.LowerLayers, "_computed", counted)
    return seen


@pytest.mark.parametrize("adapter", ["lora", "full", "full:attention"])
@pytest.mark.parametrize("n", [1, 2])
def test_the_numbers_are_those_without(monkeypatch, computed, folder, adapter, n):
    settings = [replace(HOW, learning_rate=rate) for rate in (1e-2, 3e-3)[:n]]
    seen, tuned = run(loaded(folder, adapter), settings)
    assert computed
    n_computed = len(computed)
    monkeypatch.setattr(lower_layers, "_frozen", lambda module: [])
    wanted, plain = run(loaded(folder, adapter), settings)
    assert len(computed) == n_computed
    for own, other in zip(chain(*seen), chain(*wanted), strict=True):
        assert own[0] == pytest.approx(other[0], abs=1e-5)
        assert own[1] == pytest.approx(other[1], abs=1e-5)
    for one, other in zip(tuned, plain, strict=True):
        prompts = [prompt for prompt, _ in HELD]
        assert one.generate(prompts, max_new_tokens=5) == other.generate(prompts, max_new_tokens=5)


@pytest.mark.parametrize("adapter", ["lora", "full"])
def test_each_text_is_computed_once(computed, folder, adapter):
    model = loaded(folder, adapter)
    run(model, [HOW, replace(HOW, learning_rate=3e-3)])
    kept = model.network.lower.kept
    texts = {prompt + answer for prompt, answer in ROWS + HELD} | {prompt for prompt, _ in HELD}
    assert len(computed) >= len(texts)  # a padded text may look like another one here
    assert len(computed) == len(kept)
    n_tokens = sum(len(ids) for ids in model.tokens.prompts(sorted(texts)))
    assert kept.in_memory >= n_tokens * 32 * 4  # width 32, float32
    assert kept.on_disk == 0


def test_layers_below_stay_as_they_are(folder):
    model = loaded(folder, "full")
    before = weights(model)
    _, (tuned,) = run(model, [HOW])
    after = weights(tuned)
    changed = {name.split(".")[2] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"2", "3"}
    assert same(weights(model), before)


def test_an_adapter_sits_in_the_upper_layers_and_is_read_again(folder, tmp_path):
    _, (tuned,) = run(loaded(folder, "lora"), [HOW])
    named = [name for name, p in tuned.network.module.named_parameters() if p.requires_grad]
    assert named
    assert not any(f".{layer}." in name for name in named for layer in (0, 1))
    tuned.save(tmp_path / "tuned")
    again = models.load(str(tmp_path / "tuned"), device="cpu", dtype="float32")
    asked = ["x1=3. y? ###"], CLASSES
    assert again.log_likelihood(*asked) == pytest.approx(tuned.log_likelihood(*asked), abs=1e-5)


@pytest.mark.parametrize("adapter", ["dora", "vera", "ia3", "ln_tuning"])
def test_other_adapters(folder, adapter):
    if adapter == "ln_tuning" and folder.name.startswith("gptj"):
        pytest.skip("peft tunes no norm of a GPT-J")
    _, (tuned,) = run(loaded(folder, adapter), [HOW])
    named = [name for name, p in tuned.network.module.named_parameters() if p.requires_grad]
    assert named
    assert not any(f".{layer}." in name for name in named for layer in (0, 1))


@pytest.mark.parametrize("disk", [10**9, 3000])
def test_what_does_not_fit_into_memory_lies_on_disk(monkeypatch, computed, folder, disk):
    wanted, _ = run(loaded(folder, "lora"), [HOW])
    n_computed = len(computed)
    monkeypatch.setattr(lower_layers, "MEMORY", 5000)
    monkeypatch.setattr(lower_layers, "DISK", disk)
    model = loaded(folder, "lora")
    seen, _ = run(model, [HOW])
    kept = model.network.lower.kept
    assert kept.in_memory <= 5000
    assert kept.on_disk <= disk
    if disk == 10**9:
        assert kept.on_disk > 0
        assert len(computed) == 2 * n_computed
    else:  # forgotten and computed anew
        assert len(computed) > 2 * n_computed
    for own, other in zip(seen[0], wanted[0], strict=True):
        assert own[0] == pytest.approx(other[0], abs=1e-5)
        assert own[1] == pytest.approx(other[1], abs=1e-5)


def test_a_full_disk_costs_time_and_no_numbers(monkeypatch, folder):
    def full(self, states):
        raise OSError("no space left on device")

    wanted, _ = run(loaded(folder, "lora"), [HOW])
    monkeypatch.setattr(lower_layers, "MEMORY", 5000)
    monkeypatch.setattr(lower_layers.Kept, "_write", full)
    seen, _ = run(loaded(folder, "lora"), [HOW])
    assert [loss for loss, _ in seen[0]] == pytest.approx([loss for loss, _ in wanted[0]], abs=1e-5)


def test_more_layers_than_there_are_cannot_be_tuned(folder):
    for n in (0, LAYERS + 1):
        with pytest.raises(CannotDo, match=f"{n} tuned layers: .* 1 to {LAYERS}"):
            run(loaded(folder, "lora", tuned_layers=n), [HOW])


def test_nothing_is_kept_where_all_layers_are_tuned(computed, folder):
    run(loaded(folder, "lora", tuned_layers=None), [HOW])
    run(loaded(folder, "full", tuned_layers=LAYERS), [HOW])
    assert computed == []
