"""The local language models, on tiny random GPT-2, GPT-J and Llama checkpoints made on the spot."""

import hashlib
import json
import math

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer, decoders, pre_tokenizers, processors, trainers
from tokenizers import models as tokenizer_models
from transformers import AutoModelForCausalLM, GPT2Config, GPTJConfig, LlamaConfig, PreTrainedTokenizerFast

from utils import models
from utils.errors import BadModel, CannotDo, MissingPackage, TooLong, UnknownName, UserError
from utils.models import FineTuning
from utils.models.local import adapters, optimization, prefix_cache, scoring, training

KINDS = ("gpt2", "gptj", "llama")
CONTEXT = 64
PAIRS = [(f"x1={i}, x2={i * 3}. What is y? ###", f" {'abcdefgh'[i]}{i % 2}") for i in range(8)]
PROMPTS = [prompt for prompt, _ in PAIRS]
FAST = FineTuning(learning_rate=1e-2, epochs=30, batch_size=8, weight_decay=0.0)


def small_tokenizer(kind):
    """A byte-level BPE of about 300 tokens; Llama's puts a begin token before every text."""
    tokenizer = Tokenizer(tokenizer_models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<|endoftext|>", "<s>"],
        show_progress=False,
    )
    tokenizer.train_from_iterator([p + c for p, c in PAIRS] * 3 + ["12 13 14 setosa versicolor virginica"] * 3, trainer)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    if kind == "llama":
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>", bos_token="<s>")


def config_of(kind, vocabulary):
    if kind == "gpt2":
        return GPT2Config(
            vocab_size=vocabulary,
            n_embd=32,
            n_layer=2,
            n_head=4,
            n_positions=CONTEXT,
            eos_token_id=0,
            attn_pdrop=0.0,
            embd_pdrop=0.0,
            resid_pdrop=0.0,
        )
    if kind == "gptj":
        return GPTJConfig(
            vocab_size=vocabulary, n_embd=32, n_layer=2, n_head=4, n_positions=CONTEXT, rotary_dim=4, eos_token_id=0
        )
    return LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        bos_token_id=1,
        eos_token_id=0,
    )


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    for kind in KINDS:
        tokenizer = small_tokenizer(kind)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            network = AutoModelForCausalLM.from_config(config_of(kind, len(tokenizer)))
            for p in network.parameters():
                torch.nn.init.normal_(p, std=0.1) if p.dim() > 1 else None
        network.save_pretrained(root / kind)
        tokenizer.save_pretrained(root / kind)
    return root


@pytest.fixture(params=KINDS)
def folder(request, folders):
    return folders / request.param


def load(folder, **settings):
    return models.load(str(folder), device="cpu", **settings)


def weights(model):
    return {name: p.detach().clone() for name, p in model.network.module.named_parameters()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def one_by_one(model, prompt, candidate, *, end=False):
    """Brute force: one row, no padding, no cache."""
    tokens = model.tokens
    before, ids = tokens.prompts([prompt])[0], tokens.pairs([(prompt, candidate)])[0].ids
    assert ids[: len(before)] == before
    ids = ids + [tokens.end] * end
    with torch.inference_mode():
        log_p = model.network.module(torch.tensor([ids]), use_cache=False).logits[0].log_softmax(-1)
    return sum(log_p[i - 1, ids[i]].item() for i in range(len(before), len(ids)))


# Fine-tuning


@pytest.mark.parametrize("adapter", ["full", "lora"])
def test_eight_examples_are_learnt_by_heart(folder, adapter):
    model = load(folder, adapter=adapter, adapter_rank=8)
    before = weights(model)
    settings = FAST if adapter == "full" else FineTuning(learning_rate=2e-2, epochs=100, batch_size=8, weight_decay=0.0)
    tuned = model.fine_tune(PAIRS, settings=settings, seed=0)
    assert tuned.generate(PROMPTS, max_new_tokens=12) == [[completion] for _, completion in PAIRS]  # ends by itself
    assert same(weights(model), before)
    n_tokens = sum(model.count_tokens([p + c for p, c in PAIRS])) * settings.epochs
    assert (tuned.n_tokens_trained, model.n_tokens_trained) == (n_tokens, 0)


def test_the_loss_sees_the_completion_only(folder):
    model = load(folder)
    rows = model.tokens.pairs([("x1=1 ###", " ab"), ("x1=1, x2=22 ###", " a")])
    end = model.tokens.end
    together, n = training._loss(model.network, rows, end)
    alone = 0.0
    for row in rows:
        logits = model.network.module(torch.tensor([row.ids])).logits[0].log_softmax(-1)
        target = [*row.ids[row.start :], end]
        alone -= sum(logits[row.start - 1 + i, token].item() for i, token in enumerate(target))
    assert n == sum(len(row.ids) - row.start + 1 for row in rows)
    assert together.item() == pytest.approx(alone / n, abs=1e-5)


@pytest.mark.parametrize(
    ("prompt", "completion", "learnt"),
    [("a ###", " b", " b"), ("x=1", "2", "12"), ("", " b", " b"), ("a ###", "", ""), ("é", "😀", "😀")],
)
def test_a_token_that_straddles_belongs_to_the_completion(folders, prompt, completion, learnt):
    tokens = load(folders / "gpt2").tokens
    row = tokens.pairs([(prompt, completion)])[0]
    assert tokens.tokenizer.decode(row.ids[row.start :]) == learnt


def test_special_tokens_in_a_cell_are_text(folder):
    model = load(folder)
    text = "a </s> <|endoftext|> <s> b"
    assert not {0, 1} & set(model.tokens.ids([text])[0])
    assert not {0, 1} & set(model.tokens.pairs([(text, text)])[0].ids[len(model.tokens.prefix) :])
    tuned = model.fine_tune([("q ###", " <|endoftext|> z")], settings=FAST, seed=0)
    assert tuned.generate(["q ###"], max_new_tokens=30) == [[" <|endoftext|> z"]]


def test_seeds_decide_everything_and_leak_nothing(folders):
    model = load(folders / "gptj", adapter="lora")  # GPT-J has dropout
    short = FineTuning(learning_rate=1e-2, epochs=2)
    state = torch.get_rng_state()
    first = model.fine_tune(PAIRS, settings=short, seed=1)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(123)
    assert same(weights(first), weights(model.fine_tune(PAIRS, settings=short, seed=1)))
    assert not same(weights(first), weights(model.fine_tune(PAIRS, settings=short, seed=2)))


def test_the_best_epoch_is_kept_and_examples_are_drawn_anew(folders):
    model = load(folders / "llama")
    seen, states = [], []

    def on_epoch(epoch, tuned, loss):
        states.append(weights(tuned))
        assert loss == pytest.approx(training.mean_loss(tuned.network, tuned.tokens.pairs(PAIRS[:3]), 0))
        return [0.1, 0.7, 0.3][epoch - 1]

    def draw(epoch):
        seen.append(epoch)
        return PAIRS[epoch : epoch + 4]

    tuned = model.fine_tune(draw, PAIRS[:3], settings=FineTuning(epochs=3), seed=0, on_epoch=on_epoch)
    assert seen == [1, 2, 3]
    assert same(weights(tuned), states[1])
    last = model.fine_tune(
        PAIRS, settings=FineTuning(epochs=2), seed=0, on_epoch=lambda e, m, loss: states.append(loss)
    )
    assert math.isnan(states[-1])
    assert last.n_tokens_trained > 0


@pytest.mark.parametrize("adapter", ["full", "lora"])
def test_ctrl_c_leaves_the_model_as_it_was(folders, adapter):
    model = load(folders / "gpt2", adapter=adapter)
    before, structure = weights(model), str(model.network.module)

    def interrupt(epoch, tuned, loss):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fine_tune(PAIRS, settings=FAST, seed=0, on_epoch=interrupt)
    assert same(weights(model), before)
    assert str(model.network.module) == structure
    assert len(model.generate(PROMPTS[:2])) == 2


def test_a_tuned_model_can_be_tuned_further(folders):
    model = load(folders / "llama", adapter="lora")
    once = model.fine_tune(PAIRS, settings=FineTuning(epochs=1), seed=0)
    before = weights(once)
    twice = once.fine_tune(PAIRS, settings=FineTuning(epochs=1, learning_rate=1e-2), seed=0)
    assert same(weights(once), before)
    assert not same(weights(twice), before)
    assert twice.n_tokens_trained == 2 * once.n_tokens_trained


def test_a_loss_that_explodes_is_an_error(folders):
    with pytest.raises(BadModel, match="smaller learning rate"):
        load(folders / "gpt2").fine_tune(PAIRS, settings=FineTuning(learning_rate=1e30, warmup=0), seed=0)


@pytest.mark.parametrize(
    "settings", [{"schedule": "step"}, {"epochs": 0}, {"learning_rate": 0}, {"warmup": 2}, {"batch_size": 0}]
)
def test_settings_without_sense_are_refused(folders, settings):
    with pytest.raises(UserError, match=next(iter(settings))):
        load(folders / "gpt2").fine_tune(PAIRS, settings=FineTuning(**settings), seed=0)


def test_no_examples_is_an_error(folders):
    with pytest.raises(UserError, match="no rows"):
        load(folders / "gpt2").fine_tune([], settings=FAST, seed=0)


@pytest.mark.parametrize("schedule", optimization.SCHEDULES)
def test_the_learning_rate_rises_and_falls(schedule):
    rates = [optimization.rate(i, 100, FineTuning(warmup=0.1, schedule=schedule)) for i in range(100)]
    assert rates[:11] == sorted(rates[:11])
    assert rates[10] == max(rates) == 1.0
    assert rates[-1] == pytest.approx(1.0 if schedule == "constant" else 0.0, abs=0.02)


def test_too_long_is_refused_never_cut(folder):
    model = load(folder)
    long = "é" * 40
    with pytest.raises(TooLong, match=rf"\d+ tokens, but .*at most {CONTEXT}.*scaled.*compact"):
        model.fine_tune([*PAIRS, (long, " a")], settings=FAST, seed=0)
    with pytest.raises(TooLong):
        model.fine_tune(PAIRS, [(long, " a")], settings=FAST, seed=0)
    with pytest.raises(TooLong):
        model.log_likelihood([long], [" a"])
    with pytest.raises(TooLong):
        model.generate([PROMPTS[0]], max_new_tokens=CONTEXT)


# Generation

ODD_LENGTHS = ["a", "x1=1, x2=22. What is y? ###", "12 13", "", "x1=7 ###", "a", "versicolor virginica"]


def test_answers_do_not_depend_on_the_batch(folder, monkeypatch):
    model = load(folder)
    settings = {"temperature": 1.0, "samples": 3, "max_new_tokens": 8, "seed": 5}
    greedy, sampled = model.generate(ODD_LENGTHS, max_new_tokens=8), model.generate(ODD_LENGTHS, **settings)
    assert [len(answers) for answers in sampled] == [3] * len(ODD_LENGTHS)
    assert greedy[0] == greedy[5]
    assert len({answers[0] for answers in sampled}) > 3
    monkeypatch.setattr("utils.models.local.decoding.BATCH_ROWS", 1)
    assert model.generate(ODD_LENGTHS, max_new_tokens=8) == greedy
    assert model.generate(ODD_LENGTHS, **settings) == sampled
    assert model.generate(ODD_LENGTHS[::-1], **settings) == sampled[::-1]
    assert model.generate(ODD_LENGTHS, **{**settings, "seed": 6}) != sampled


def test_greedy_equals_the_plain_loop(folder):
    model = load(folder)
    for prompt, [answer] in zip(ODD_LENGTHS, model.generate(ODD_LENGTHS, max_new_tokens=6), strict=True):
        ids = start = model.tokens.prompts([prompt])[0]
        with torch.inference_mode():
            for _ in range(6):
                ids = [*ids, model.network.module(torch.tensor([ids]), use_cache=False).logits[0, -1].argmax().item()]
        new = ids[len(start) :]
        assert answer == model.tokens.answer(start, new[: new.index(0)] if 0 in new else new)


SHARED = "qzwjkvbqzwjkvbqzwjkvbqzwjkvb x"
AFTER_SHARED = [SHARED + rest for rest in ("1=1, x2=22 ###", "7 ###", "1=3. What", "")]


def test_what_all_prompts_begin_with_is_computed_once_and_changes_nothing(folder, monkeypatch):
    model = load(folder)
    answers = ["setosa", "versicolor", "12 13", "1"]
    assert prefix_cache.Prefix(model.network, model.tokens.prompts(AFTER_SHARED)).n_tokens >= prefix_cache.LEAST_TOKENS
    n_computed = [0]

    def count(module, args, given):
        n_computed[0] += given["input_ids"].numel()

    seen = model.network.module.register_forward_pre_hook(count, with_kwargs=True)
    shared = model.log_likelihood(AFTER_SHARED, answers), model.generate(AFTER_SHARED, max_new_tokens=6)
    n_shared, n_computed[0] = n_computed[0], 0
    monkeypatch.setattr("utils.models.local.prefix_cache.LEAST_TOKENS", CONTEXT)
    alone = model.log_likelihood(AFTER_SHARED, answers), model.generate(AFTER_SHARED, max_new_tokens=6)
    seen.remove()
    assert shared[0] == pytest.approx(alone[0], abs=1e-4)
    assert shared[1] == alone[1]
    assert n_shared < 0.8 * n_computed[0]


@pytest.mark.parametrize("prompts", [[], [[1, 2]], [[1] * 20, [2] * 20], [[1] * 20, [1] * 3]])
def test_little_in_common_is_not_worth_a_pass(folders, prompts):
    assert prefix_cache.Prefix(load(folders / "gpt2").network, prompts).n_tokens == 0


def test_one_fused_kernel_gives_the_logits_of_transformers(folders):
    model, plain = load(folders / "gpt2"), AutoModelForCausalLM.from_pretrained(folders / "gpt2").eval()
    kinds = {type(part).__name__ for part in model.network.module.modules()}
    assert "GELU" in kinds
    assert "NewGELUActivation" not in kinds
    ids = torch.tensor([[5, 9, 2, 7]])
    with torch.inference_mode():
        assert torch.allclose(model.network.module(ids).logits, plain(ids).logits, atol=1e-6)


def test_sampling_follows_the_distribution(folders):
    model = load(folders / "gpt2")
    prompt = PROMPTS[0]
    drawn = model.generate([prompt], temperature=1.0, samples=2000, max_new_tokens=1)[0]
    letters = sorted({text for text in drawn if text.isascii() and text}, key=drawn.count)[-3:]
    expected = np.exp([one_by_one(model, prompt, letter) for letter in letters])
    assert [drawn.count(letter) / 2000 for letter in letters] == pytest.approx(expected, abs=0.03)


def test_generation_stops_at_the_stop_text(folders):
    tuned = load(folders / "gptj").fine_tune([(p, c + "@@@ more") for p, c in PAIRS], settings=FAST, seed=0)
    assert tuned.generate(PROMPTS, stop="@@@") == [[completion] for _, completion in PAIRS]
    assert "@@@" in tuned.generate(PROMPTS[:1])[0][0]


@pytest.mark.parametrize("settings", [{"temperature": -1.0}, {"samples": 0}, {"max_new_tokens": 0}])
def test_generation_refuses_settings_without_sense(folders, settings):
    with pytest.raises(UserError, match="at least"):
        load(folders / "gpt2").generate(["a"], **settings)


def test_nothing_in_nothing_out(folders):
    model = load(folders / "gpt2")
    assert model.generate([]) == []
    assert model.log_likelihood([], [" a", " b"]).shape == (0, 2)
    assert model.log_likelihood(["a"], []).shape == (1, 0)


# Scoring


@pytest.mark.parametrize("budget", [40, 8192])
@pytest.mark.parametrize(
    ("candidates", "end"),
    [
        ([" a", " b", " c"], False),
        ([" setosa", " versicolor", " virginica", " x"], False),
        ([" zyx", " zy", " qq rr"], True),
        (["", " a"], True),
        ([" é", " 😀"], False),
    ],
)
def test_likelihoods_equal_brute_force(folder, candidates, end, budget, monkeypatch):
    monkeypatch.setattr(scoring, "BATCH_TOKENS", budget)
    model = load(folder)
    prompts = [*PROMPTS, *ODD_LENGTHS]
    scores = model.log_likelihood(prompts, candidates)
    expected = [[one_by_one(model, p, c, end=end) for c in candidates] for p in prompts]
    assert scores.dtype == np.float64
    np.testing.assert_allclose(scores, expected, atol=1e-4)


def test_likelihoods_of_candidates_that_merge_with_the_prompt(folders):
    model = load(folders / "gpt2")
    prompts, candidates = ["x2=1", "x1=1, x2=2"], ["2", "3", "a"]  # "12" is one token
    joint = [[row.ids for row in model.tokens.pairs([(p, c) for c in candidates])] for p in prompts]
    assert any(ids[: len(model.tokens.prompts([p])[0])] != model.tokens.prompts([p])[0]
               for p, rows in zip(prompts, joint, strict=True) for ids in rows)  # fmt: skip
    for row, p in zip(model.log_likelihood(prompts, candidates), prompts, strict=True):
        rows = [r.ids for r in model.tokens.pairs([(p, c) for c in candidates])]
        shared = next(i for i in range(99) if len({tuple(ids[: i + 1]) for ids in rows}) > 1)
        with torch.inference_mode():
            logs = [model.network.module(torch.tensor([ids])).logits[0].log_softmax(-1) for ids in rows]
        expected = [sum(log[i - 1, ids[i]].item() for i in range(shared, len(ids)))
                    for log, ids in zip(logs, rows, strict=True)]  # fmt: skip
        np.testing.assert_allclose(row, expected, atol=1e-4)


def test_single_tokens_cost_one_pass_and_double_prompts_nothing(folders, monkeypatch):
    model = load(folders / "llama")
    passes = []
    forward = model.network.module.forward

    def counted(*args, **settings):
        passes.append(settings["input_ids"].shape)
        return forward(*args, **settings)

    monkeypatch.setattr(model.network.module, "forward", counted)
    model.network._takes_keep = True
    scores = model.log_likelihood([PROMPTS[0], PROMPTS[1], PROMPTS[0]], ["a", "b"])
    assert [shape[0] for shape in passes] == [2]
    np.testing.assert_array_equal(scores[0], scores[2])


# Folders


@pytest.mark.parametrize("adapter", ["full", "lora"])
def test_saved_and_loaded_again_to_the_same_logits(folder, adapter, tmp_path):
    tuned = load(folder, adapter=adapter).fine_tune(PAIRS, settings=FineTuning(epochs=2, learning_rate=1e-2), seed=0)
    expected = tuned.log_likelihood(PROMPTS, [" a0", " b1"])
    for _ in range(2):  # the second time over the first
        tuned.save(tmp_path / "deep" / "saved")
    again = load(tmp_path / "deep" / "saved", adapter=adapter)
    np.testing.assert_allclose(again.log_likelihood(PROMPTS, [" a0", " b1"]), expected, atol=1e-6)
    assert [f.name for f in (tmp_path / "deep").iterdir()] == ["saved"]
    assert (tmp_path / "deep" / "saved" / "adapter_config.json").exists() == (adapter == "lora")
    assert again.fine_tune(PAIRS, settings=FineTuning(epochs=1), seed=0).n_tokens_trained > 0


def test_a_failed_save_leaves_the_old_folder(folders, tmp_path, monkeypatch):
    model = load(folders / "gpt2")
    model.save(tmp_path / "saved")
    before = models.fingerprint(str(tmp_path / "saved"))

    def full_disk(*args, **settings):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model.tokens.tokenizer, "save_pretrained", full_disk)
    with pytest.raises(OSError, match="No space"):
        model.save(tmp_path / "saved")
    assert models.fingerprint(str(tmp_path / "saved")) == before
    assert [f.name for f in tmp_path.iterdir()] == ["saved"]


def test_the_fingerprint_is_that_of_the_weights(folders, tmp_path):
    model = load(folders / "gpt2")
    model.save(tmp_path / "a")
    assert models.fingerprint(str(tmp_path / "a")) == models.fingerprint(str(tmp_path / "a"))
    model.fine_tune(PAIRS, settings=FineTuning(epochs=1), seed=0).save(tmp_path / "b")
    assert models.fingerprint(str(tmp_path / "a")) != models.fingerprint(str(tmp_path / "b"))
    assert models.fingerprint("EleutherAI/gpt-j-6b@main") == "hub:EleutherAI/gpt-j-6b@main"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("openai:", "names no model"),
        ("", "empty"),
        ("./no-such-folder", "no model folder"),
        ("/nowhere/model", "no model folder"),
    ],
)
def test_names_that_cannot_be_loaded(name, message):
    with pytest.raises(BadModel, match=message):
        models.load(name)


def test_incomplete_folders_say_what_they_lack(folders, tmp_path):
    with pytest.raises(BadModel, match=r"no config\.json"):
        models.load(str(tmp_path))
    (tmp_path / "config.json").write_bytes((folders / "gpt2" / "config.json").read_bytes())
    with pytest.raises(BadModel, match="no tokenizer"):
        models.load(str(tmp_path))
    for file in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / file).write_bytes((folders / "gpt2" / file).read_bytes())
    with pytest.raises(BadModel, match="cannot load"):
        models.load(str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(BadModel, match="cannot load"):
        models.load(str(tmp_path))


def test_a_recipe_travels_with_the_weights(tmp_path):
    recipe = models.recipe("lift-tiny")
    assert recipe["wording"] == "compact"
    models.load("lift-tiny", device="cpu").save(tmp_path / "copy")
    assert models.recipe(str(tmp_path / "copy")) == recipe
    assert models.recipe("gpt2") == {}
    (tmp_path / "copy" / "lift.json").write_text("{")
    with pytest.raises(BadModel, match=r"lift\.json"):
        models.recipe(str(tmp_path / "copy"))


# Adapters, devices


@pytest.mark.parametrize("adapter", sorted(set(adapters.ADAPTERS) - {"lora"}))
def test_other_adapters_work_or_say_why_not(folders, adapter):
    for kind in KINDS:
        model = load(folders / kind, adapter=adapter, adapter_rank=4)
        try:
            tuned = model.fine_tune(PAIRS, settings=FineTuning(epochs=1, learning_rate=1e-2), seed=0)
        except CannotDo as refusal:
            assert adapter in str(refusal)  # noqa: PT017 - both outcomes are fine, a third is not
            continue
        assert not np.allclose(
            tuned.log_likelihood(PROMPTS, [" a", " b"]), model.log_likelihood(PROMPTS, [" a", " b"]), atol=1e-6
        )


@pytest.mark.parametrize("base", ["lift-tiny", "gptj"])
def test_fifteen_adapters_and_more_come_back_from_their_folders_with_the_same_logits(folders, base, tmp_path):
    place = base if base == "lift-tiny" else folders / base
    pairs = [(f"{i},{i * 3}>", f"{i % 2}") for i in range(8)] if base == "lift-tiny" else PAIRS
    prompts, answers = [prompt for prompt, _ in pairs], [pairs[0][1], pairs[1][1]]
    came_back, refused = [], []
    for adapter in adapters.ADAPTERS:
        try:
            model = load(place, adapter=adapter, adapter_rank=4)
            tuned = model.fine_tune(pairs, settings=FineTuning(epochs=2, learning_rate=1e-2), seed=0)
        except CannotDo as refusal:
            assert adapter in str(refusal)  # noqa: PT017 - the adapter is not for this network, and says so
            refused.append(adapter)
            continue
        expected = tuned.log_likelihood(prompts, answers)
        assert not np.allclose(expected, model.log_likelihood(prompts, answers), atol=1e-6), adapter
        tuned.save(tmp_path / adapter)
        again = load(tmp_path / adapter, adapter=adapter)
        np.testing.assert_allclose(again.log_likelihood(prompts, answers), expected, atol=1e-5, err_msg=adapter)
        came_back.append(adapter)
    assert len(came_back) >= 15, refused


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"adapter": "lorra"}, UnknownName, "have full, lora"),
        ({"adapter": "lora", "adapter_rank": 0}, BadModel, "adapter_rank"),
        ({"quantization": "2bit"}, UnknownName, "4bit"),
        ({"quantization": "4bit"}, BadModel, "choose an adapter"),
        ({"quantization": "8bit", "adapter": "lora"}, CannotDo, "CUDA"),
        ({"dtype": "float8"}, UnknownName, "bfloat16"),
    ],
)
def test_settings_that_do_not_go_together(folders, settings, error, message):
    with pytest.raises(error, match=message):
        load(folders / "gpt2", **settings)


def test_a_network_without_keys_and_values_says_so(folders, monkeypatch):
    model = load(folders / "llama")
    forward = model.network.module.forward
    monkeypatch.setattr(model.network.module, "forward", lambda **inputs: forward(**{**inputs, "use_cache": False}))
    with pytest.raises(CannotDo, match="llama model has no KV cache"):
        model.generate(["a"])


def test_devices_are_checked(folders):
    with pytest.raises(UnknownName, match="no device"):
        models.load(str(folders / "gpt2"), device="abacus")
    if not torch.cuda.is_available():
        with pytest.raises(CannotDo, match="no cuda device"):
            models.load(str(folders / "gpt2"), device="cuda")


def test_quantization_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "bitsandbytes", None)
    with pytest.raises(MissingPackage, match=r"requirements-gpu\.txt"):
        adapters.quantization_config("4bit")


def test_bfloat16_computes(folders):
    model = load(folders / "llama", dtype="bfloat16", adapter="lora")
    tuned = model.fine_tune(PAIRS, settings=FineTuning(epochs=1), seed=0)
    assert (tuned.dtype, tuned.device) == ("bfloat16", "cpu")
    exact = load(folders / "llama").log_likelihood(PROMPTS, [" a", " b"])
    np.testing.assert_allclose(model.log_likelihood(PROMPTS, [" a", " b"]), exact, atol=0.3)


# lift-tiny


def test_a_start_is_written_in_the_same_bytes_twice(tmp_path):
    from others.pretraining import initial

    def digests(folder):
        return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(folder.iterdir())}

    for place in ("a", "b"):
        initial.write(initial.Config(folder=tmp_path / place))
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert initial.Config().folder != models.resolve("lift-tiny"), "the start never replaces what was trained"


def test_lift_tiny_is_what_its_command_writes(tmp_path):
    from others.pretraining import initial

    start, shipped = tmp_path / "start", models.resolve("lift-tiny")
    initial.write(initial.Config(folder=start))
    for name in ("tokenizer.json", "README.md"):
        assert (shipped / name).read_bytes() == (start / name).read_bytes()
    for name in ("config.json", "generation_config.json", "tokenizer_config.json"):
        ours, theirs = (json.loads((folder / name).read_text("utf-8")) for folder in (start, shipped))
        assert {**ours, "transformers_version": ""} == {**theirs, "transformers_version": ""}, name
    assert json.loads((shipped / "lift.json").read_text("utf-8")) == initial.RECIPE
    ours, theirs = (load_file(folder / "model.safetensors") for folder in (start, shipped))
    assert ours.keys() == theirs.keys()
    # The last digits of a projection depend on the processor.
    assert all(torch.allclose(ours[name], theirs[name], rtol=0, atol=1e-6) for name in ours)
    assert sum(path.stat().st_size for path in shipped.iterdir()) <= 60 * 2**20


def test_lift_tinys_card_says_that_it_is_not_pretrained():
    said = (models.resolve("lift-tiny") / "README.md").read_text("utf-8")
    assert "not pretrained" in said
    for part in ("How to use it", "Limits"):
        assert f"## {part}" in said


def test_near_numbers_start_alike():
    from others.pretraining import initial

    rows = initial.number_embeddings(initial.Config())
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    assert rows[500] @ rows[510] > 0.7
    assert abs(rows[100] @ rows[400]) < 0.7


def test_lift_tiny_learns_a_threshold():
    model = models.load("lift-tiny", device="cpu", threads=1)
    rng = np.random.default_rng(0)
    values = rng.integers(0, 1000, size=(60, 2))
    pairs = [(f"{a} {b} =>", " 1" if a > 500 else " 0") for a, b in values]
    tuned = model.fine_tune(pairs, settings=FineTuning(learning_rate=2e-3, epochs=30, batch_size=16), seed=0)
    fresh = rng.integers(0, 1000, size=(100, 2))
    scores = tuned.log_likelihood([f"{a} {b} =>" for a, b in fresh], [" 0", " 1"])
    assert np.mean(scores.argmax(axis=1) == (fresh[:, 0] > 500)) > 0.85
