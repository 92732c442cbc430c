"""Long answers as a tree of tokens: the scores of one answer after the other, in one pass."""

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, BloomConfig, MistralConfig

from tests.models.local.test_model import KINDS, config_of, small_tokenizer
from utils.models.local import scoring, token_trees
from utils.models.local.network import Network
from utils.models.local.tokens import TextTokenizer

NAMES = [" Iris setosa", " Iris versicolor", " Iris virginica", " Iris virginica alba", " none of them"]
PROMPTS = [f"x1={i}{', x2=5' * (i % 3)} ###" for i in range(5)]
SHARED = [f"When it rains on Monday it rains on Tuesday, and x1={i} ###" for i in range(4)]


def network(config):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = AutoModelForCausalLM.from_config(config)
        for p in module.parameters():
            torch.nn.init.normal_(p, std=0.1) if p.dim() > 1 else None
    return Network(module.eval().requires_grad_(False), "cpu", "float32")


@pytest.fixture(params=KINDS)
def model(request):
    tokenizer = small_tokenizer(request.param)
    config = config_of(request.param, len(tokenizer))
    config.max_position_embeddings = 256  # n_positions of the GPTs, too
    return network(config), TextTokenizer(tokenizer, "small", 256)


@pytest.fixture
def passes(monkeypatch):
    """The shapes of the ids of all passes."""
    seen = []
    call = Network.__call__

    def counted(self, ids, **settings):
        seen.append(tuple(ids.shape))
        return call(self, ids, **settings)

    monkeypatch.setattr(Network, "__call__", counted)
    return seen


def plain(net, tokens, prompts, candidates, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(token_trees, "suit", lambda network, longest: False)
        return scoring.log_likelihood(net, tokens, prompts, candidates)


@pytest.mark.parametrize("prompts", [PROMPTS, SHARED], ids=["prompts", "shared"])
@pytest.mark.parametrize("few_logits", [False, True])
def test_the_scores_are_those_of_one_after_the_other(model, passes, monkeypatch, prompts, few_logits):
    net, tokens = model
    wanted = plain(net, tokens, prompts, NAMES, monkeypatch)
    token_trees.suit(net, 64)
    passes.clear()
    if few_logits:  # of 40 columns: some candidates at a time
        monkeypatch.setattr(scoring, "BATCH_LOGITS", 40 * net.vocabulary_size)
    scores = scoring.log_likelihood(net, tokens, prompts, NAMES)
    np.testing.assert_allclose(scores, wanted, atol=1e-4)
    if not few_logits:
        assert len(passes) == 1 + (prompts is SHARED)  # the shared beginning has a pass of its own


def test_a_shared_beginning_is_computed_once(model):
    _, tokens = model
    suffixes = [row.ids for row in tokens.pairs([("", name) for name in NAMES[:3]])]
    tree = token_trees.grow(suffixes)
    assert len(tree.tokens) < sum(len(suffix) - 1 for suffix in suffixes)
    assert len({suffix[0] for suffix in suffixes}) == 1
    assert [step for step in tree.steps if step[1] == -1] == [(i, -1, suffixes[0][0]) for i in range(3)]
    assert all(parent < node for node, parent in enumerate(tree.parents))


def test_answers_of_their_own_tokens_for_each_prompt(model, monkeypatch):
    net, tokens = model
    prompts, candidates = ["x2=1", "x1=1, x2=2", "x2=3"], ["2 x2=1", "3 x1=1", "2 ###"]  # "12" is one token
    wanted = plain(net, tokens, prompts, candidates, monkeypatch)
    np.testing.assert_allclose(scoring.log_likelihood(net, tokens, prompts, candidates), wanted, atol=1e-4)


@pytest.mark.parametrize("kind", ["alibi", "window"])
def test_networks_that_do_not_heed_the_mask_are_asked_in_the_other_way(kind):
    if kind == "alibi":
        config = BloomConfig(vocab_size=320, hidden_size=32, n_layer=1, n_head=2)
    else:
        sizes = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
        config = MistralConfig(vocab_size=320, num_key_value_heads=2, sliding_window=16, **sizes)
    net = network(config)
    assert not token_trees.suit(net, 17)
    assert token_trees.suit(net, 16) == (kind == "window")


def test_a_network_that_fails_with_such_a_mask_is_asked_in_the_other_way(monkeypatch, model):
    net, _ = model
    monkeypatch.setattr(token_trees, "score", lambda *given: np.zeros((2, 3)))
    assert not token_trees.suit(net, 32)
