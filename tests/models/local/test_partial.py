"""Tuning one part of a network: exactly that part moves, in every architecture, and the base stays."""

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, GPTJConfig, GPTNeoXConfig, OPTConfig

from tests.models.local.test_model import KINDS, PAIRS, PROMPTS, config_of, load, small_tokenizer, weights
from utils.errors import CannotDo
from utils.models import FineTuning
from utils.models.local import adapters, partial
from utils.models.local.partial import PARTS

EXPECTED = {  # a parameter that must be among those tuned, and one that must not
    "gpt2": {
        "full:upper": ("transformer.h.1.mlp.c_fc.weight", "transformer.h.0.mlp.c_fc.weight"),
        "full:lower": ("transformer.h.0.attn.c_attn.weight", "transformer.h.1.attn.c_attn.weight"),
        "full:attention": ("transformer.h.0.attn.c_attn.bias", "transformer.h.0.mlp.c_fc.weight"),
        "full:feedforward": ("transformer.h.1.mlp.c_proj.weight", "transformer.h.1.ln_2.weight"),
        "full:embeddings": ("transformer.wpe.weight", "transformer.ln_f.weight"),
        "full:bitfit": ("transformer.h.0.ln_1.weight", "transformer.h.0.mlp.c_fc.weight"),
    },
    "llama": {
        "full:attention": ("model.layers.0.self_attn.q_proj.weight", "model.layers.0.post_attention_layernorm.weight"),
        "full:feedforward": ("model.layers.0.mlp.gate_proj.weight", "model.layers.0.self_attn.q_proj.weight"),
        "full:embeddings": ("lm_head.weight", "model.norm.weight"),
        "full:bitfit": ("model.norm.weight", "model.embed_tokens.weight"),
    },
}


def network(config):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return AutoModelForCausalLM.from_config(config)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    root = tmp_path_factory.mktemp("parts")
    for kind in KINDS:
        tokenizer = small_tokenizer(kind)
        network(config_of(kind, len(tokenizer))).save_pretrained(root / kind)
        tokenizer.save_pretrained(root / kind)
    return root


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("kind", KINDS)
def test_only_the_part_moves_and_the_base_stays(saved, kind, part):
    model = load(saved / kind, adapter=part)
    before = {name: value.clone() for name, value in weights(model).items()}
    tuned = model.fine_tune(PAIRS, settings=FineTuning(epochs=2, learning_rate=1e-2), seed=0)
    after = weights(tuned)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert all(torch.equal(before[name], value) for name, value in weights(model).items())
    assert 0 < len(moved) < len(before)
    assert moved <= {name for name, p in tuned.network.module.named_parameters() if p.requires_grad}
    inside, outside = EXPECTED.get(kind, {}).get(part, (next(iter(moved)), None))
    assert inside in moved
    assert outside not in moved
    assert adapters.sizes(tuned)[0] == sum(after[name].numel() for name in moved)


@pytest.mark.parametrize("kind", KINDS)
def test_tied_weights_stay_tied_and_a_saved_part_is_read_again(saved, kind, tmp_path):
    tuned = load(saved / kind, adapter="full:embeddings").fine_tune(PAIRS, settings=FineTuning(epochs=1), seed=0)
    module = tuned.network.module
    tied = module.get_input_embeddings().weight is module.get_output_embeddings().weight
    assert tied == (kind == "gpt2")
    tuned.save(tmp_path / "again")
    again = load(tmp_path / "again", adapter="full:embeddings")
    np.testing.assert_allclose(again.log_likelihood(PROMPTS, [" a"]), tuned.log_likelihood(PROMPTS, [" a"]), atol=1e-5)


@pytest.mark.parametrize(
    "config",
    [
        GPTJConfig(vocab_size=50, n_embd=16, n_layer=3, n_head=2, rotary_dim=4),
        GPTNeoXConfig(vocab_size=50, hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=32),
        OPTConfig(
            vocab_size=50,
            hidden_size=16,
            num_hidden_layers=3,
            num_attention_heads=2,
            ffn_dim=32,
            word_embed_proj_dim=16,
        ),
    ],
    ids=lambda config: config.model_type,
)
def test_parts_of_a_block_are_all_of_it_in_other_architectures(config):
    whole = network(config)
    assert len(partial.blocks(whole)) == 3
    attention, feedforward = (PARTS[f"full:{part}"](whole) for part in ("attention", "feedforward"))
    assert attention
    assert feedforward
    assert not {id(p) for p in attention} & {id(p) for p in feedforward}
    found = {id(p) for p in [*attention, *feedforward, *PARTS["full:bitfit"](whole)]}
    assert {id(p) for block in partial.blocks(whole) for p in block.parameters()} <= found
    assert len(PARTS["full:upper"](whole)) == 2 * len(PARTS["full:lower"](whole)), (
        "the middle belongs to the upper half"
    )


def test_starts_that_change_frozen_weights_leave_the_base_alone(saved):
    for adapter in ("pissa", "olora"):
        model = load(saved / "llama", adapter=adapter, adapter_rank=4)
        before = {name: value.clone() for name, value in weights(model).items()}
        model.fine_tune(PAIRS, settings=FineTuning(epochs=1), seed=0)
        assert all(torch.equal(before[name], value) for name, value in weights(model).items())


def test_a_probe_says_that_an_adapter_does_not_go_with_a_network(saved):
    adapters.probe(load(saved / "gpt2", adapter="lora"))
    with pytest.raises(CannotDo, match="not available for a gpt2 model"):
        adapters.probe(load(saved / "gpt2", adapter="olora"))
