"""Pretraining: texts that are those of the templates, a loss that is the ordinary one, a run that may stop anywhere."""

import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock
from safetensors.torch import load_file

from others.pretraining import card, folder, initial, loop, settings, texts, train
from others.pretraining import tokenizer as tokens
from others.pretraining.prior import Limits, sample_table
from tests.conftest import ROOT
from tests.programs import HEAR_CTRL_C
from utils import models
from utils.errors import UserError
from utils.models import FineTuning
from utils.models.local.tokens import IGNORE, TextTokenizer
from utils.prompts import Template
from utils.prompts.few_shot import Nearest

TOKENIZER = tokens.build()
IDS = TextTokenizer(TOKENIZER, "lift-tiny", None)
SMALL = Limits(max_features=5, max_classes=12)
MODEL = replace(settings.IN_CONTEXT, hidden=16, intermediate=32, layers=1, heads=2)
N_UPDATES = 12


@pytest.fixture
def tiny(tmp_path):
    """A run of seconds, from its first table to its folder."""
    return settings.Config(
        folder=tmp_path / "model",
        scratch=tmp_path / "scratch",
        updates=N_UPDATES,
        batch_tokens=512,
        warmup=3,
        workers=0,
        model=MODEL,
    )


def weights(config):
    return load_file(config.folder / "model.safetensors")


def equal(some, others):
    return some.keys() == others.keys() and all(torch.equal(some[name], others[name]) for name in some)


# ---- texts --------------------------------------------------------------------------------------------------------

MIXED = texts.Mixture()
FORMS = [
    *(("classification", wording, numbers) for wording in MIXED.wordings for numbers in MIXED.numbers),
    *(("regression", wording, numbers) for wording in MIXED.wordings for numbers in ("scaled", "significant")),
]


@pytest.mark.parametrize("form", FORMS, ids="-".join)
@pytest.mark.parametrize("categories", ["levels", "text"])
def test_joined_rows_are_the_tokens_of_the_joined_text(form, categories):
    task, wording, numbers = form
    rng = np.random.default_rng(len(wording) + len(numbers))
    for whole in (False, True, False):
        table = sample_table(rng, 40, task, SMALL)
        template = Template(task, wording, numbers=numbers, categories=categories).fit(table.X, table.y)
        pairs = template.examples(table.X, table.y)[:7]
        rows = texts.encode(TOKENIZER, template, table)[:7]
        ids, answers = texts._joined(rows, whole)
        shots, (prompt, completion) = pairs[:-1], pairs[-1]
        assert ids == IDS.ids([template.prompt_with_shots(shots, prompt) + completion])[0]
        assert len(answers) == 7
        assert answers[-1][1] == len(ids) + whole  # the end of a whole text is learnt, too
        for (start, stop), (_, completion) in zip(answers, pairs, strict=True):
            assert TOKENIZER.decode(ids[start:stop]) == completion


def test_a_neighbourhood_ends_with_its_row_and_never_shows_it_before(monkeypatch):
    drawn = []
    encode = texts.encode
    monkeypatch.setattr(texts, "encode", lambda *given: drawn.append(given[1:]) or encode(*given))
    mixture = texts.Mixture(nearest=1.0, single=0.0, coarse=0.0, wordings={"compact": 1.0}, levels={1000: 1.0})
    limits = Limits(min_features=4, max_features=6, texts=False, missing=False)
    n_checked = 0
    for seed in range(8):
        drawn.clear()
        found = texts.table_sequences(np.random.default_rng(seed), TOKENIZER, 256, limits, mixture)
        (template, table), lines = drawn[0], [TOKENIZER.decode(ids).split("\n") for ids, _, _ in found]
        written = ["".join(pair) for pair in template.examples(table.X, table.y)]
        for shown in lines:
            near = Nearest(table.X, len(shown) - 1, template.cells_.row_levels).own()
            queries = [i for i, text in enumerate(written) if text == shown[-1]]  # equal rows have equal texts
            assert shown[:-1] in [[written[j] for j in near[i]] for i in queries]
            assert all(i not in near[i] for i in queries)
            n_checked += len(shown) > 3
    assert n_checked > 8


def test_rows_at_random_are_shared_by_no_two_sequences(monkeypatch):
    monkeypatch.setattr(texts, "_joined", lambda rows, whole: (rows, whole))
    found = texts.table_sequences(np.random.default_rng(0), TOKENIZER, 128, SMALL, texts.Mixture(nearest=0, single=0))
    rows = [id(row) for rows, _, _ in found for row in rows]
    assert len(found) == texts.SEQUENCES_PER_TABLE
    assert len(rows) == len(set(rows))


@pytest.mark.parametrize("part", settings.CURRICULUM, ids=lambda part: str(part.until))
def test_a_batch_fits_its_length_and_points_at_answers(part):
    rng = np.random.default_rng(1)
    batch = texts.batch(rng, TOKENIZER, 6, part.length, part.limits, part.mixture)
    assert batch.ids.shape == (6, part.length)
    assert batch.positions.shape == batch.targets.shape == batch.groups.shape == batch.late.shape
    real = batch.targets != IGNORE
    assert real.any(dim=1).all()
    assert (batch.positions[~real] == 0).all()
    assert not batch.late[~real].any()
    ends = torch.full((6, 1), TOKENIZER.eos_token_id)
    following = torch.cat([batch.ids, ends], dim=1).gather(1, batch.positions + 1)
    assert torch.equal(following[real], batch.targets[real])
    assert set(batch.groups[real].tolist()) <= ({0, 1} if part.mixture.regression else {0})


def test_a_row_longer_than_a_sequence_is_left_out():
    wide = Limits(min_features=60, max_features=60)
    assert texts.table_sequences(np.random.default_rng(0), TOKENIZER, 32, wide, texts.Mixture(single=0)) == []


def test_a_mixture_without_a_choice_is_refused():
    with pytest.raises(UserError, match="at least one choice"):
        texts.table_sequences(np.random.default_rng(0), TOKENIZER, 128, SMALL, texts.Mixture(levels={}))


def test_a_batch_follows_from_seed_and_step_alone(tiny):
    def ids(config, begin, i):
        return loop.Texts(config, begin, N_UPDATES, TOKENIZER)[i].ids

    assert torch.equal(ids(tiny, 0, 7), ids(tiny, 5, 2))
    assert not torch.equal(ids(tiny, 0, 7), ids(replace(tiny, seed=1), 0, 7))
    assert not torch.equal(ids(tiny, 0, 7), ids(tiny, 0, 8))


# ---- schedule and curriculum --------------------------------------------------------------------------------------


def test_learning_rates_rise_stay_and_fall_to_nothing():
    config = settings.Config(updates=1000, warmup=50, decay=0.4)
    rates = [settings.rate(config, step) for step in range(1000)]
    assert rates[0] == 1 / 50
    assert rates[24] == 0.5
    assert set(rates[49:601]) == {1.0}
    assert rates[800] == pytest.approx(0.5)
    assert rates[999] == pytest.approx(0.001 / 0.4)
    assert all(a > b for a, b in pairwise(rates[600:]))


def test_the_curriculum_grows_and_covers_the_run():
    config = settings.Config()
    parts = [settings.stage(config, step) for step in range(config.updates)]
    assert parts[0] is settings.CURRICULUM[0]
    assert parts[-1] is settings.CURRICULUM[-1]
    assert list(dict.fromkeys(map(id, parts))) == list(map(id, settings.CURRICULUM))
    for name in ("max_features", "max_classes"):
        sizes = [getattr(part.limits, name) for part in settings.CURRICULUM]
        assert sizes == sorted(sizes)
    by_hand = sum(settings.sequences(config, part) * part.length for part in parts)
    assert settings.n_tokens(config, config.updates) == by_hand
    assert settings.n_tokens(config, 1) == settings.sequences(config, parts[0]) * parts[0].length


# ---- the loss and the run -----------------------------------------------------------------------------------------


def test_the_loss_is_the_ordinary_one_on_the_answers():
    model, _ = initial.build(MODEL)
    batch = texts.batch(np.random.default_rng(3), TOKENIZER, 4, 200, SMALL, texts.Mixture(single=0))
    real = batch.targets != IGNORE
    loss = loop.losses(model, batch.ids, batch.positions, batch.targets)
    labels = torch.full_like(batch.ids, IGNORE)
    row, column = real.nonzero(as_tuple=True)
    labels[row, batch.positions[row, column] + 1] = batch.targets[row, column]
    assert (labels != IGNORE).sum() == real.sum()
    torch.testing.assert_close(loss.sum() / real.sum(), model(batch.ids, labels=labels).loss)
    assert (loss[~real] == 0).all()


def test_a_run_learns_and_writes_a_model_that_loads_and_is_tuned(tiny, capsys):
    assert train.train(replace(tiny, updates=40, learning_rate=1e-2, embedding_rate=1e-2, decay=0.1))
    lines = (tiny.scratch / "log.jsonl").read_text("utf-8").splitlines()
    line = json.loads(lines[-1])
    assert line["step"] == 40
    assert line["loss"] < 0.8 * math.log(len(TOKENIZER)), "the answers are a small part of the vocabulary"
    assert {path.name for path in tiny.folder.iterdir()} == folder.FILES
    model = models.load(str(tiny.folder), device="cpu", threads=1)
    assert models.recipe(str(tiny.folder)) == initial.CONTEXT_RECIPE
    tuned = model.fine_tune([("1 2 =>", " 0"), ("900 2 =>", " 1")], settings=FineTuning(epochs=2), seed=0)
    assert np.isfinite(tuned.log_likelihood(["5 5 =>"], [" 0", " 1"])).all()
    said = (tiny.folder / "README.md").read_text("utf-8")
    for fact in ("--updates 40", "--learning-rate 0.01", "--model.layers 1", f"loss at the end | {line['loss']:.3f}"):
        assert fact in said
    assert card.hardware(tiny) in said


def test_a_run_that_stops_after_every_update_gives_the_same_weights(tiny, tmp_path):
    assert train.train(tiny)
    whole = weights(tiny)
    parts = replace(tiny, folder=tmp_path / "other", scratch=tmp_path / "parts", minutes=0)
    assert not train.train(parts)
    assert not train.train(parts)
    assert not parts.folder.exists()
    state = torch.load(parts.scratch / "checkpoint.pt", weights_only=False)
    assert state["step"] == 2
    assert train.train(replace(parts, minutes=math.inf))
    assert equal(weights(parts), whole)
    logs = [(config.scratch / "log.jsonl").read_text("utf-8").splitlines() for config in (tiny, parts)]
    assert [len(log) for log in logs] == [1, 1]
    begun = (parts.folder / "README.md").stat().st_mtime_ns
    assert train.train(parts), "the same command again only writes the folder"
    assert (parts.folder / "README.md").stat().st_mtime_ns > begun
    assert equal(weights(parts), whole)


def test_ctrl_c_leaves_a_checkpoint_and_one_line(tiny, tmp_path, capsys, monkeypatch):
    update, flags = loop.Run.update, tiny_flags(tiny)

    def interrupted(run, batch):
        if run.step == 4:
            signal.raise_signal(signal.SIGINT)
        return update(run, batch)

    monkeypatch.setattr(loop.Run, "update", interrupted)
    before = signal.getsignal(signal.SIGINT)
    assert train.main(flags) == 130
    assert signal.getsignal(signal.SIGINT) is before
    said = capsys.readouterr().err
    assert said.strip() == f"stopped after 5 of {N_UPDATES} updates; run the same command to resume"
    assert not list(tiny.scratch.glob("*.new"))
    monkeypatch.undo()
    assert train.main(flags) == 0
    assert str(tiny.folder) in capsys.readouterr().out
    once = replace(tiny, folder=tmp_path / "once", scratch=tmp_path / "again")
    assert train.train(once)
    assert equal(weights(tiny), weights(once))


def test_a_second_ctrl_c_does_not_wait(tiny, monkeypatch, capsys):
    def twice(run, batch):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(loop.Run, "update", twice)
    assert train.main(tiny_flags(tiny)) == 130
    assert capsys.readouterr().err.strip().startswith("stopped; ")
    assert not (tiny.scratch / "checkpoint.pt").exists()


def test_ctrl_c_on_a_terminal_reaches_the_workers_too_and_does_no_harm(tiny):
    words = [sys.executable, "-c", HEAR_CTRL_C, "-m", "others.pretraining.train", *tiny_flags(tiny)]
    words += ["--workers", "1", "--updates", "1000000", "--checkpoint-minutes", "0.001"]
    process = subprocess.Popen(words, cwd=ROOT, text=True, stderr=subprocess.PIPE, start_new_session=True)
    try:
        while process.poll() is None and not (tiny.scratch / "checkpoint.pt").exists():
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=600)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130, said
    assert re.fullmatch(r"\s*stopped after \d+ of 1000000 updates; run the same command to resume\s*", said)


def test_an_updates_log_lines_are_written_once(tiny, monkeypatch):
    monkeypatch.setattr(loop, "REPORT_EVERY", 1)
    run = replace(tiny, minutes=0)
    train.train(run)
    saved = (tiny.scratch / "checkpoint.pt").read_bytes()
    train.train(run)
    (tiny.scratch / "checkpoint.pt").write_bytes(saved)  # as if the second session had been killed
    with (tiny.scratch / "log.jsonl").open("a") as file:
        file.write('{"step": 3, "mill')
    train.train(tiny)
    lines = [json.loads(line) for line in (tiny.scratch / "log.jsonl").read_text("utf-8").splitlines()]
    assert [line["step"] for line in lines] == list(range(1, N_UPDATES + 1))


# ---- what is refused ----------------------------------------------------------------------------------------------


def tiny_flags(config):
    return [
        *("--folder", str(config.folder), "--scratch", str(config.scratch), "--updates", str(config.updates)),
        *("--batch-tokens", str(config.batch_tokens), "--warmup", str(config.warmup), "--workers", "0"),
        *("--model.hidden", "16", "--model.intermediate", "32", "--model.layers", "1", "--model.heads", "2"),
    ]


def test_the_flags_are_those_of_a_setting(tiny):
    assert train.flags(tiny_flags(tiny)) == tiny
    assert train.flags([]) == settings.Config() == train.flags(["cpu"])
    assert train.flags(["gpu", "--seed", "3"]) == replace(settings.SETTINGS["gpu"], seed=3)
    assert settings.command(tiny).startswith(
        f"bash others/pretraining/train.sh --updates {N_UPDATES} --batch-tokens 512"
    )
    assert settings.command(settings.SETTINGS["gpu"]) == "bash others/pretraining/train.sh gpu"
    assert settings.command(replace(settings.SETTINGS["gpu"], compile=False)).endswith("gpu --no-compile")


@pytest.mark.parametrize("words", [["gppu"], ["--setings", "gpu"], ["--updates", "many"]])
def test_unknown_words_are_refused(words, capsys):
    with pytest.raises(SystemExit) as end:
        train.main(words)
    assert end.value.code == 2


BAD = {
    "--batch-tokens is 500": ["--batch-tokens", "500"],
    "--updates is 0": ["--updates", "0"],
    "--warmup is 0": ["--warmup", "0"],
    "--decay is 0.0": ["--decay", "0"],
    "--learning-rate is nan": ["--learning-rate", "nan"],
    "--weight-decay is -1.0": ["--weight-decay", "-1"],
    "--minutes is nan": ["--minutes", "nan"],
    "--seed is -1": ["--seed", "-1"],
    "hidden must be a multiple": ["--model.heads", "3"],
    "layers is 0": ["--model.layers", "0"],
    "type --device cpu": ["--device", "xpu"],
}


@pytest.mark.parametrize("message", BAD)
def test_bad_settings_end_with_a_message_and_write_nothing(message, tiny, capsys):
    assert train.main([*tiny_flags(tiny), *BAD[message]]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert message in said
    assert not tiny.scratch.exists()


def test_no_cuda_is_said_before_anything_is_made(tiny, capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert train.main(["gpu", *tiny_flags(tiny)]) == 2
    assert "type --device cpu" in capsys.readouterr().err
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert train.main(["gpu", *tiny_flags(tiny), "--device", "cuda:1"]) == 2
    assert "cuda:0" in capsys.readouterr().err
    assert not tiny.scratch.exists()


def test_torch_compile_needs_a_compiler(tiny, monkeypatch, capsys):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert train.main([*tiny_flags(tiny), "--compile"]) == 2
    assert "add --no-compile" in capsys.readouterr().err


def test_a_checkpoint_of_other_settings_is_refused(tiny, capsys):
    assert train.main([*tiny_flags(tiny), "--minutes", "0"]) == 0
    assert "run the same command to resume" in capsys.readouterr().out
    assert train.main([*tiny_flags(tiny), "--seed", "1", "--model.layers", "2"]) == 2
    assert "(model, seed)" in capsys.readouterr().err
    path = tiny.scratch / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:1000])
    assert train.main(tiny_flags(tiny)) == 2
    assert "cannot be read; delete it" in capsys.readouterr().err


def test_a_committed_checkpoint_is_taken_up_where_settings_agree(tiny, tmp_path, monkeypatch):
    train.train(replace(tiny, minutes=0))
    step = torch.load(tiny.scratch / "checkpoint.pt", weights_only=True)["step"]
    monkeypatch.setattr(settings, "UNDER_WAY", tiny.scratch)
    elsewhere = replace(tiny, scratch=tmp_path / "elsewhere", minutes=0)
    train.train(elsewhere)
    assert torch.load(elsewhere.scratch / "checkpoint.pt", weights_only=True)["step"] == step + 1
    other = replace(elsewhere, scratch=tmp_path / "other", seed=1)
    train.train(other)
    assert torch.load(other.scratch / "checkpoint.pt", weights_only=True)["step"] == 1


def test_a_run_may_be_ended_sooner_until_its_rates_fall(tiny, capsys):
    slow = [*tiny_flags(tiny), "--decay", "0.5", "--minutes", "0"]
    assert train.main(slow) == 0
    shorter = replace(tiny, decay=0.5, stop=8)
    assert [settings.rate(shorter, step) == 1 for step in range(2, 8)] == [True, False, False, False, False, False]
    assert train.train(shorter)
    assert torch.load(tiny.scratch / "checkpoint.pt", weights_only=True)["step"] == 8
    capsys.readouterr()
    assert train.main(slow) == 2
    assert "(stop)" in capsys.readouterr().err


def test_a_run_ended_sooner_has_the_weights_of_one_that_was_meant_to_be(tiny, tmp_path):
    meant = replace(tiny, decay=0.5, stop=8, scratch=tmp_path / "meant", folder=tmp_path / "of-meant")
    train.train(meant)
    train.train(replace(tiny, decay=0.5, minutes=0))
    train.train(replace(tiny, decay=0.5, stop=8))
    assert equal(weights(tiny), weights(meant))


def test_the_average_of_the_weights_is_what_a_run_leaves(tiny):
    train.train(tiny)
    state = torch.load(tiny.scratch / "checkpoint.pt", weights_only=True)
    named = dict(zip(dict(initial.build(tiny.model)[0].named_parameters()), state["average"], strict=True))
    left = weights(tiny)
    assert all(torch.equal(left[name], named[name]) for name in left)
    assert any(not torch.equal(left[name], state["model"][name]) for name in left)


def test_two_runs_cannot_write_one_checkpoint(tiny, capsys):
    tiny.scratch.mkdir()
    with FileLock(tiny.scratch / ".lock"):
        assert train.main(tiny_flags(tiny)) == 2
    assert "give another --scratch" in capsys.readouterr().err


def test_a_folder_of_other_things_is_never_replaced(tiny, capsys):
    tiny.folder.mkdir()
    (tiny.folder / "thesis.tex").write_text("years of work")
    assert train.main(tiny_flags(tiny)) == 2
    assert "thesis.tex" in capsys.readouterr().err
    model, tokenizer = initial.build(MODEL)
    with pytest.raises(UserError, match=r"thesis\.tex"):
        folder.write(tiny.folder, model, tokenizer, {}, "")
    assert (tiny.folder / "thesis.tex").read_text() == "years of work"


def test_a_folder_is_replaced_whole_or_not_at_all(tiny, monkeypatch):
    model, tokenizer = initial.build(MODEL)
    folder.write(tiny.folder, model, tokenizer, {}, "first")
    rename = Path.rename
    for place, name, broken in (
        (type(tokenizer), "save_pretrained", lambda *given: 1 / 0),
        (Path, "rename", lambda path, target: 1 / 0 if path.name == "fresh" else rename(path, target)),
    ):
        monkeypatch.setattr(place, name, broken)
        with pytest.raises(ZeroDivisionError):
            folder.write(tiny.folder, model, tokenizer, {}, "second")
        assert (tiny.folder / "README.md").read_text() == "first"
        monkeypatch.undo()
    folder.write(tiny.folder, model, tokenizer, {"levels": 10}, "third")
    assert (tiny.folder / "README.md").read_text() == "third"
    assert {path.name for path in tiny.folder.iterdir()} == folder.FILES
    assert [path.name for path in tiny.folder.parent.iterdir()] == ["model"], "nothing unfinished stays"


# ---- three starts of the numbers ----------------------------------------------------------------------------------


def test_random_numbers_start_as_large_as_those_of_the_features():
    sizes = {}
    for numbers in ("fourier", "random"):
        config = initial.Architecture(numbers=numbers)
        rows = initial.number_embeddings(config)
        sizes[numbers] = np.sqrt(np.mean(rows**2))
        unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        assert (unit[500] @ unit[503] > 0.5) == (numbers == "fourier")
    assert sizes["random"] == pytest.approx(sizes["fourier"], rel=0.02)


def test_digits_are_what_numbers_fall_into():
    model, tokenizer = initial.build(replace(MODEL, numbers="digits"))
    ids = tokenizer("12 999 0 => 1", add_special_tokens=False)["input_ids"]
    assert [tokenizer.decode([i]) for i in ids] == ["1", "2", " ", "9", "9", "9", " ", "0", " =>", " ", "1"]
    assert tokenizer.decode(ids) == "12 999 0 => 1"
    assert model.config.vocab_size == len(tokenizer) == len(TOKENIZER) - 1990
    assert "numbers as digits" in initial.card(replace(MODEL, numbers="digits"), model)


def test_a_start_by_digits_is_pretrained_with_its_own_tokenizer(tiny):
    digits = replace(tiny, updates=2, model=replace(MODEL, numbers="digits"))
    assert train.train(digits)
    assert models.load(str(tiny.folder), device="cpu").count_tokens(["12 999 =>"]) == [7]
    assert settings.identity(digits, 0)["model"]["numbers"] == "digits"


def test_a_checkpoint_of_another_curriculum_is_another_run(monkeypatch):
    before = settings.identity(settings.Config(), 0)
    shorter = (replace(settings.CURRICULUM[0], until=0.5), *settings.CURRICULUM[1:])
    monkeypatch.setattr(settings, "CURRICULUM", shorter)
    after = settings.identity(settings.Config(), 0)
    assert [name for name in before if before[name] != after[name]] == ["curriculum"]
