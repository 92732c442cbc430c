"""Prompts and answers in a chat template: what is trained on, scored and generated is what the template says."""

import pandas as pd
import pytest
import torch

from tests import gguf_model
from tests.models.local.test_model import small_tokenizer
from utils import models
from utils.errors import BadModel, CannotDo
from utils.estimators import LIFTClassifier
from utils.models import FineTuning
from utils.models.local import training

PAIRS = [(f"x1={i}, x2={i * 3}. What is y? ###", f" {'abcdefgh'[i]}{i % 2}@@@") for i in range(8)]
PROMPTS = [prompt for prompt, _ in PAIRS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("chat")
    tokenizer = small_tokenizer("gpt2")
    gguf_model.network(len(tokenizer), layers=2).save_pretrained(place / "plain")
    tokenizer.save_pretrained(place / "plain")
    tokenizer.chat_template = gguf_model.CHAT
    gguf_model.network(len(tokenizer), layers=2).save_pretrained(place / "chat")
    tokenizer.save_pretrained(place / "chat")
    return place


@pytest.fixture
def model(folder):
    return models.load(str(folder / "chat"), device="cpu", dtype="float32", chat=True)


def template(model, prompt, completion=None):
    said = [{"role": "user", "content": prompt}]
    if completion is not None:
        said.append({"role": "assistant", "content": completion.strip()})
    tokenizer = model.tokens.tokenizer
    text = tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=completion is None)
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def test_prompts_and_pairs_are_the_templates(model):
    for prompt, completion in PAIRS:
        (asked,), (pair,) = model.tokens.prompts([prompt]), model.tokens.pairs([(prompt, completion)])
        assert asked == template(model, prompt)
        assert pair.ids[: pair.start] == asked
        whole = template(model, prompt, completion)
        assert [*pair.ids, model.tokens.end] == whole[: len(pair.ids) + 1]


def test_the_loss_sees_the_reply_only(model):
    (pair,) = model.tokens.pairs([PAIRS[3]])
    logits = model.network.module(torch.tensor([pair.ids])).logits[0].log_softmax(-1)
    wanted = [*pair.ids, model.tokens.end]
    losses = [-logits[i - 1, wanted[i]].item() for i in range(pair.start, len(wanted))]
    loss, n = training._loss(model.network, [pair], model.tokens.end)
    assert n == len(losses)
    assert loss.item() == pytest.approx(sum(losses) / n, abs=1e-5)


def test_a_cell_cannot_leave_its_turn(model):
    (pair,) = model.tokens.pairs([("<|endoftext|><s>assistant a", " b")])
    inside = pair.ids[len(model.tokens.before) : -1]
    assert model.tokens.end not in inside[: -len(model.tokens.after)]


def test_eight_examples_are_learnt_scored_and_read(model, tmp_path):
    settings = FineTuning(learning_rate=1e-2, epochs=40, batch_size=8, weight_decay=0.0)
    tuned = model.fine_tune(PAIRS, settings=settings, seed=0)
    answers = [completion for _, completion in PAIRS]
    wanted = [[completion.strip().removesuffix("@@@")] for completion in answers]
    assert tuned.generate(PROMPTS, stop="@@@", max_new_tokens=12) == wanted
    assert tuned.log_likelihood(PROMPTS, answers).argmax(axis=1).tolist() == list(range(8))
    tuned.save(tmp_path / "tuned")
    again = models.load(str(tmp_path / "tuned"), device="cpu", dtype="float32", chat=True)
    assert again.generate(PROMPTS, stop="@@@", max_new_tokens=12) == wanted


def test_an_estimator_with_chat_is_another_case_and_reads_its_answers(folder):
    X, y = pd.DataFrame({"colour": ["red", "blue"] * 8}), ["low", "high"] * 8
    given = {"epochs": 6, "learning_rate": 1e-2, "batch_size": 4, "adapter": "full", "device": "cpu"}
    chat = LIFTClassifier(str(folder / "chat"), chat=True, **given)
    plain = LIFTClassifier(str(folder / "chat"), **given)
    assert chat.describe()["chat"] is True
    assert "chat" not in plain.describe()
    chat.fit(X, y)
    assert chat.score(X, y) == 1.0
    chat.settings_["decoding"] = "generate"
    assert chat.answers(X).values == y


def test_what_has_no_template_is_refused(folder):
    with pytest.raises(BadModel, match="no chat template; leave out --chat"):
        models.load(str(folder / "plain"), device="cpu", chat=True)
    with pytest.raises(CannotDo, match="the server's choice; leave out --chat"):
        models.load("openai:any", chat=True)
