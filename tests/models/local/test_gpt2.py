"""The forward pass of GPT-2 at some columns: the same numbers and gradients as transformers', for what it serves."""

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from utils.models.local import adapters, gpt2
from utils.models.local.network import Network
from utils.models.local.tokens import positions

SIZES = {"vocab_size": 50, "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 32}
DRY = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}


def small(**changes):
    torch.manual_seed(0)
    return GPT2LMHeadModel(GPT2Config(**{**SIZES, **DRY, **changes}))


def texts(padded):
    """Ids of four rows of seven tokens, the first of them with two of padding on that side."""
    ids = torch.randint(0, 50, (4, 7), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    if padded == "left":
        mask[0, :2] = 0
    elif padded == "right":
        mask[0, -2:] = 0
    return ids, mask if padded else None


@pytest.mark.parametrize("columns", [[6], [3, 5], [0, 1, 2, 3, 4, 5, 6]])
@pytest.mark.parametrize("padded", ["", "left", "right"])
def test_logits_and_gradients_are_those_of_transformers(padded, columns):
    module = small()
    ids, mask = texts(padded)
    places = positions(mask) if padded == "left" else None
    real = torch.ones_like(ids) if mask is None else mask
    wanted = torch.tensor(columns)
    gradients = []
    theirs = module(input_ids=ids, attention_mask=mask, position_ids=places, logits_to_keep=wanted).logits
    for logits in (theirs, gpt2.logits(module, ids, mask, places, wanted)):
        module.zero_grad()
        kept = logits[real[:, wanted] > 0]  # nobody reads what is said of padding
        assert torch.isfinite(logits).all()
        torch.testing.assert_close(kept, theirs[real[:, wanted] > 0])
        kept.square().sum().backward()
        gradients.append([p.grad.clone() for p in module.parameters()])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_a_network_reads_the_last_columns_this_way_and_all_of_them_as_before(monkeypatch):
    network = Network(small(), "cpu", "float32")
    ids, _ = texts("")
    whole, _ = network(ids)
    asked = []
    original = gpt2.logits
    monkeypatch.setattr(gpt2, "logits", lambda *given: asked.append(given[-1].tolist()) or original(*given))
    last, cache = network(ids, keep=2)
    torch.testing.assert_close(last, whole[:, -2:])
    assert (asked, cache) == ([[5, 6]], None)
    assert network(ids, keep=1, use_cache=True)[1] is not None
    assert len(asked) == 1, "keys and values of all columns are what a cache is for"


def test_it_serves_plain_networks_alone():
    llama = LlamaConfig(vocab_size=50, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2)
    assert gpt2.serves(small())
    assert not gpt2.serves(LlamaForCausalLM(llama))
    assert not gpt2.serves(small(resid_pdrop=0.1))
    assert not gpt2.serves(small(scale_attn_by_inverse_layer_idx=True))
    assert not gpt2.serves(adapters.add(small(), "lora", 2, "base"))
    changed = small()
    changed.transformer.h[1].mlp.c_fc = torch.nn.Linear(16, 64)
    assert not gpt2.serves(changed)
