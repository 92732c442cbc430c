"""The server of OpenAI's fine-tuning protocol, asked with OpenAI's own package over TCP."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import numpy as np
import openai
import pytest
import torch

from others import rehearsal
from others.rehearsal import Fault, engine, faults, lines
from others.rehearsal.server import main
from tests.conftest import ROOT
from utils.models.base import FineTuning
from utils.models.local.model import LocalModel

TINY = ROOT / "data" / "models" / "lift-tiny"
KEY = "sk-planted-0123456789abcdef"
PAIRS = [(f"When we have x={i / 4}, what is y? ###", f" {i % 3}@@@") for i in range(20)]
HELD_OUT = [("When we have x=9, what is y? ###", " 1@@@")]
PROMPTS = ["When we have x=0.3, what is y? ###", "When we have x=é ✓, what is y? ###"]
SEED = 7
STARTED = {"model": "test", "seed": SEED, "suffix": "mine"}
HYPERPARAMETERS = {"n_epochs": 2, "batch_size": 8, "learning_rate_multiplier": 2.0}
FREE = {"max_tokens": 6, "temperature": 0.0, "seed": 3}


@contextmanager
def serving(**options):
    """A server and a client of it that tries nothing twice."""
    with rehearsal.serve(**options) as server, client_of(server) as client:
        yield server, client


def client_of(server, key=KEY):
    return openai.OpenAI(base_url=server.url, api_key=key, max_retries=0, timeout=300)


@pytest.fixture
def served():
    with serving() as pair:
        yield pair


def completion_lines(pairs):
    return "".join(json.dumps({"prompt": p, "completion": c}) + "\n" for p, c in pairs).encode()


def chat_lines(pairs):
    roles = [(("user", p), ("assistant", c)) for p, c in pairs]
    return "".join(
        json.dumps({"messages": [{"role": r, "content": t} for r, t in row]}) + "\n" for row in roles
    ).encode()


def upload(client, data, purpose="fine-tune"):
    return client.files.create(file=("rows.jsonl", data), purpose=purpose).id


def start(client, data=None, **more):
    method = {"type": "supervised", "supervised": {"hyperparameters": more.pop("hyperparameters", HYPERPARAMETERS)}}
    file = upload(client, completion_lines(PAIRS) if data is None else data)
    return client.fine_tuning.jobs.create(training_file=file, method=method, **(STARTED | more)).id


def wait(client, job, *states):
    until = time.monotonic() + 300
    while (found := client.fine_tuning.jobs.retrieve(job)).status not in (states or ("succeeded", "failed")):
        assert time.monotonic() < until, found
        time.sleep(0.02)
    return found


def tuned(client, data=None, **more):
    return wait(client, start(client, data, **more))


def wait_for_batch(client, id):
    until = time.monotonic() + 300
    while (found := client.batches.retrieve(id)).status not in ("completed", "failed", "cancelled"):
        assert time.monotonic() < until, found
        time.sleep(0.02)
    return found


@pytest.fixture(scope="module")
def done():
    """A server with a job that has ended, its client, and the job."""
    with serving() as (server, client):
        held_out = upload(client, completion_lines(HELD_OUT))
        yield server, client, tuned(client, validation_file=held_out, metadata={"lift": "a1"})
        assert server.violations == []


@pytest.fixture(scope="module")
def local():
    """The same fine-tune on this machine: the models after the first and the last epoch."""
    base, first = LocalModel.load(str(TINY), adapter="full", device="cpu", threads=1), []
    settings = FineTuning(learning_rate=2e-3, epochs=2, batch_size=8)

    def keep(epoch, model, loss):
        if epoch == 1:
            first.append({k: v.clone() for k, v in model.network.module.state_dict().items()})

    last = base.fine_tune(PAIRS, settings=settings, seed=SEED, on_epoch=keep)
    early = base.with_network(base.network.copy())
    early.network.module.load_state_dict(first[0])
    return early, last


# ---- files -----------------------------------------------------------------------------------------------------------


def test_files_are_kept_listed_read_and_deleted(served):
    server, client = served
    data = 'é "\u2028"\r\n--not a boundary\r\n\r\n'.encode()
    ids = [upload(client, data), upload(client, data), upload(client, b"{}", "batch")]
    assert len(set(ids)) == 3
    assert [file.id for file in client.files.list()] == ids[::-1]
    assert [file.id for file in client.files.list(limit=1, order="asc")] == ids
    assert [file.id for file in client.files.list(purpose="batch")] == ids[2:]
    assert client.files.content(ids[0]).content == data
    file = client.files.retrieve(ids[1])
    assert (file.bytes, file.filename, file.status, file.purpose) == (len(data), "rows.jsonl", "processed", "fine-tune")
    assert client.files.delete(ids[1]).deleted
    with pytest.raises(openai.NotFoundError, match=ids[1]):
        client.files.retrieve(ids[1])
    with pytest.raises(openai.BadRequestError, match="empty"):
        upload(client, b"")
    assert server.violations == []
    assert server.log[0].body == {"purpose": "fine-tune", "file": "rows.jsonl", "bytes": len(data)}


# ---- jobs ------------------------------------------------------------------------------------------------------------


def test_a_job_that_succeeded(done):
    _, client, job = done
    assert re.fullmatch(r"ft:test:lift:mine:\w+", job.fine_tuned_model)
    assert job.hyperparameters.model_dump() == HYPERPARAMETERS
    assert (job.seed, job.metadata, job.error) == (SEED, {"lift": "a1"}, None)
    expected = 2 * sum(LocalModel.load(str(TINY), device="cpu").count_tokens([p + c for p, c in PAIRS]))
    assert job.trained_tokens == expected
    table = client.files.content(job.result_files[0]).text.splitlines()
    assert table[0] == "step,train_loss,valid_loss"
    assert [line.split(",")[0] for line in table[1:]] == ["3", "6"]


def test_events_come_newest_first_and_in_pages(done):
    _, client, job = done
    events = client.fine_tuning.jobs.list_events(job.id).data
    told = [event.message for event in events][::-1]
    assert told[0].startswith("Created")
    assert told[1].startswith("Validating")
    assert "started" in told[3]
    assert told[-1] == "The job has successfully completed"
    numbers = [event.data for event in events[::-1] if event.type == "metrics"]
    assert [n["step"] for n in numbers] == [3, 6]
    assert all(n["train_loss"] > 0 and n["valid_loss"] > 0 for n in numbers)
    page = client.fine_tuning.jobs.list_events(job.id, limit=2)
    assert page.has_more
    assert [event.id for event in page.data] == [event.id for event in events[:2]]
    assert [event.id for event in page] == [event.id for event in events]


def test_jobs_are_listed_newest_first_and_found_by_their_metadata(served):
    server, client = served
    ids = [start(client, metadata={"lift": str(i), "a": "b"}) for i in range(3)]
    jobs = client.fine_tuning.jobs
    assert [job.id for job in jobs.list(limit=2)] == ids[::-1]
    assert [job.id for job in jobs.list(metadata={"lift": "1"})] == [ids[1]]
    assert [job.id for job in jobs.list(metadata={"lift": "1", "a": "c"})] == []
    assert server.violations == []


def test_each_epoch_is_a_checkpoint(done):
    _, client, job = done
    found = client.fine_tuning.jobs.checkpoints.list(job.id).data
    assert [c.step_number for c in found] == [6, 3]
    assert found[1].fine_tuned_model_checkpoint == f"{job.fine_tuned_model}:ckpt-step-3"
    assert found[0].metrics.valid_loss > 0
    names = [model.id for model in client.models.list()]
    assert {"test", job.fine_tuned_model, found[1].fine_tuned_model_checkpoint} <= set(names)


def test_only_so_many_checkpoints_and_a_tune_of_a_tune():
    with serving(checkpoints=1) as (server, client):
        first = tuned(client)
        assert [c.step_number for c in client.fine_tuning.jobs.checkpoints.list(first.id)] == [6]
        second = tuned(client, model=first.fine_tuned_model, suffix=None)
        assert second.fine_tuned_model.startswith("ft:test:lift::")
        assert server.usage["training"] == first.trained_tokens + second.trained_tokens
        assert server.violations == []


def test_the_defaults_of_a_job(served):
    _, client = served
    file = upload(client, completion_lines(PAIRS))
    job = client.fine_tuning.jobs.create(model="test", training_file=file)
    assert job.hyperparameters.model_dump() == {"n_epochs": 3, "batch_size": 4, "learning_rate_multiplier": 1.0}
    auto = {"n_epochs": "auto", "batch_size": 2}
    job = client.fine_tuning.jobs.create(model="test", training_file=file, hyperparameters=auto)
    assert (job.hyperparameters.n_epochs, job.hyperparameters.batch_size) == (3, 2)
    assert 0 <= job.seed < 2**31


@pytest.mark.parametrize("form", ["completion", "chat"])
def test_answers_are_those_of_the_local_model(form, local):
    data = completion_lines(PAIRS) if form == "completion" else chat_lines(PAIRS)
    with serving(lines=form) as (server, client):
        job = tuned(client, data)
        early = client.fine_tuning.jobs.checkpoints.list(job.id).data[-1].fine_tuned_model_checkpoint
        for name, model in ((early, local[0]), (job.fine_tuned_model, local[1])):
            for how in ({}, {"stop": "@@@"}, {"stop": "@@@", "temperature": 1.0, "n": 3}):
                asked = FREE | {"model": name} | how
                for prompt in PROMPTS:
                    if form == "completion":
                        texts = [choice.text for choice in client.completions.create(prompt=prompt, **asked).choices]
                    else:
                        chat = client.chat.completions.create(messages=[{"role": "user", "content": prompt}], **asked)
                        texts = [choice.message.content for choice in chat.choices]
                    samples = {"samples": how.get("n", 1), "max_new_tokens": 6, "temperature": asked["temperature"]}
                    assert [texts] == model.generate([prompt], stop=how.get("stop", ""), seed=3, **samples)
        assert server.violations == []


def test_tokens_of_chat_lines(local):
    with serving() as (server, client):
        job = tuned(client, chat_lines(PAIRS))
        texts = sum(sum(local[1].count_tokens(pair)) for pair in PAIRS)
        assert job.trained_tokens == 2 * (texts + len(PAIRS) * (2 * 3 + 3))
        assert server.usage == {"training": job.trained_tokens, "prompt": 0, "completion": 0}


def test_cancel_pause_and_resume():
    with serving(seconds_per_step=0.2) as (server, client):
        jobs = client.fine_tuning.jobs
        first, second = start(client), start(client)
        wait(client, first, "running")
        assert jobs.cancel(second).status == "cancelled"
        assert jobs.pause(first).status == "paused"
        third = start(client)
        wait(client, third, "running")
        assert jobs.cancel(third).status == "cancelled"
        assert jobs.resume(first).status == "queued"
        ended = wait(client, first)
        assert ended.fine_tuned_model
        assert [c.step_number for c in jobs.checkpoints.list(first)] == [6, 3]
        for job, change in ((first, jobs.cancel), (second, jobs.resume), (third, jobs.pause)):
            with pytest.raises(openai.BadRequestError, match="status"):
                change(job)
        assert jobs.retrieve(second).fine_tuned_model is None
        assert server.usage["training"] == ended.trained_tokens
        assert server.violations == []


def test_a_restart_keeps_all_and_takes_jobs_up(tmp_path):
    asked = FREE | {"prompt": PROMPTS[0]}
    with serving(folder=tmp_path / "s") as (_, client):
        job = tuned(client)
        text = client.completions.create(model=job.fine_tuned_model, **asked).choices[0].text
    with serving(folder=tmp_path / "s", seconds_per_step=5) as (_, client):
        other = start(client)
        wait(client, other, "running")
    with serving(folder=tmp_path / "s") as (server, client):
        assert client.fine_tuning.jobs.retrieve(job.id) == job
        assert client.files.content(job.training_file).content == completion_lines(PAIRS)
        assert client.completions.create(model=job.fine_tuned_model, **asked).choices[0].text == text
        again = wait(client, other)
        assert client.completions.create(model=again.fine_tuned_model, **asked).choices[0].text == text
        assert server.violations == []


def test_a_checkpoint_has_the_weights_of_its_epoch(done, local):
    _, client, job = done
    names = [f"{job.fine_tuned_model}:ckpt-step-3", job.fine_tuned_model]
    scores = []
    for name in names:
        asked = {"prompt": PROMPTS[0] + " 1@@@", "echo": True, "max_tokens": 0, "logprobs": 0}
        known = client.completions.create(model=name, **asked).choices[0].logprobs
        start = len(PROMPTS[0])
        scores.append(sum(p for p, at in zip(known.token_logprobs, known.text_offset, strict=True) if at >= start))
    expected = [model.log_likelihood(PROMPTS[:1], [" 1@@@"])[0, 0] for model in local]
    assert scores == pytest.approx(expected, abs=1e-5)
    assert abs(scores[0] - scores[1]) > 1e-3  # far more than the tolerance


# ---- what a job refuses ----------------------------------------------------------------------------------------------


def failed(client, data):
    job = tuned(client, data)
    assert job.status == "failed"
    assert job.fine_tuned_model is job.trained_tokens is None
    return job.error


def test_nine_rows_are_refused(served):
    server, client = served
    error = failed(client, completion_lines(PAIRS[:9]))
    assert error.code == "invalid_n_examples"
    assert error.param == "training_file"
    assert error.message == "Training file has 9 example(s), but must have at least 10 examples"
    assert server.usage["training"] == 0
    assert tuned(client, completion_lines(PAIRS[:10])).status == "succeeded"
    assert server.violations == []


USER, ASSISTANT = {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}
BAD_LINES = {
    "no json": ("both", "{", "Line 2 is not a dictionary"),
    "a list": ("both", "[]", "Line 2 is not a dictionary"),
    "an empty line": ("both", "", "Line 2 is not a dictionary"),
    "no completion": ("both", {"prompt": "a"}, 'missing key "completion"'),
    "an empty completion": ("completion", {"prompt": "a", "completion": ""}, 'empty "completion"'),
    "one key more": ("completion", {"prompt": "a", "completion": "b", "c": 1}, "extra keys: c"),
    "completion among chats": ("chat", {"prompt": "a", "completion": "b"}, 'missing key "messages"'),
    "chat among completions": ("completion", {"messages": [USER, ASSISTANT]}, 'missing key "prompt"'),
    "both forms": ("both", {"messages": [USER, ASSISTANT]}, "another form"),
    "user last": ("chat", {"messages": [ASSISTANT, USER]}, "end with a message of the assistant"),
    "one message": ("chat", {"messages": [ASSISTANT]}, "at least two"),
    "a strange role": ("chat", {"messages": [{"role": "bot", "content": "a"}, ASSISTANT]}, "role 'bot'"),
    "no content": ("chat", {"messages": [{"role": "user"}, ASSISTANT]}, "without content"),
    "a key more in a message": ("chat", {"messages": [USER | {"mood": 1}, ASSISTANT]}, "extra keys: mood"),
    "a strange weight": ("chat", {"messages": [USER, ASSISTANT | {"weight": 2}]}, "weight"),
    "a weight of nought": ("chat", {"messages": [USER, ASSISTANT | {"weight": 0}]}, "end with"),
}


@pytest.mark.parametrize("name", BAD_LINES)
def test_a_bad_line_is_named(name):
    form, line, told = BAD_LINES[name]
    good = chat_lines(PAIRS[:1]) if form == "chat" else completion_lines(PAIRS[:1])
    bad = line if isinstance(line, str) else json.dumps(line)
    with pytest.raises(lines.BadFile, match=told) as error:
        lines.read(good + bad.encode() + b"\n" + good, "training", form, 1)
    assert error.value.error["code"] == "invalid_training_file"


def test_lines_hold_any_text():
    pair = ("a\u2028b\x85c\n", ' "é"')
    line = json.dumps({"prompt": pair[0], "completion": pair[1]}, ensure_ascii=False)
    assert [lines.example(row) for row in lines.read(f"{line}\n{line}".encode(), "training", "both", 1)] == [pair] * 2
    several = {"messages": [USER | {"role": "system"}, USER, ASSISTANT]}
    assert lines.example(several) == ("a\na", "b")
    assert lines.billed(several) == (["a", "a", "b"], 12)


def test_files_fail_in_validation_and_long_rows_in_training(served):
    _, client = served
    assert failed(client, b"\xff\xfe").code == "invalid_training_file"
    error = failed(client, completion_lines([*PAIRS, ("long " * 3000, " 1")]))
    assert (error.code, error.param) == ("invalid_training_file", "training_file")
    with pytest.raises(openai.BadRequestError, match="purpose 'batch'"):
        client.fine_tuning.jobs.create(model="test", training_file=upload(client, b"{}", "batch"))
    with pytest.raises(openai.BadRequestError, match="invalid training_file"):
        client.fine_tuning.jobs.create(model="test", training_file="file-no")
    validation = upload(client, b"{}\n")
    job = tuned(client, validation_file=validation)
    assert (job.error.code, job.error.param) == ("invalid_validation_file", "validation_file")


REFUSED_JOBS = {
    "unknown hyperparameter": (
        {"method": {"type": "supervised", "supervised": {"hyperparameters": {"lora": 1}}}},
        "lora",
    ),
    "unknown deprecated hyperparameter": ({"hyperparameters": {"packing": 1}}, "packing"),
    "unknown field": ({"extra_body": {"context_length": 9}}, "context_length"),
    "another method": ({"method": {"type": "dpo"}}, "dpo"),
}


@pytest.mark.parametrize("name", REFUSED_JOBS)
def test_what_a_job_would_ignore_is_refused(served, name):
    asked, told = REFUSED_JOBS[name]
    _, client = served
    with pytest.raises(openai.BadRequestError, match=told):
        client.fine_tuning.jobs.create(model="test", training_file=upload(client, completion_lines(PAIRS)), **asked)
    assert client.fine_tuning.jobs.list().data == []


def test_unknown_names(served):
    server, client = served
    with pytest.raises(openai.NotFoundError) as error:
        start(client, model="gone")
    assert error.value.code == "model_not_found"
    for ask in (client.models.retrieve, client.batches.retrieve, client.fine_tuning.jobs.retrieve):
        with pytest.raises(openai.NotFoundError):
            ask("none")
    with pytest.raises(openai.NotFoundError, match="Could not find"):
        client.fine_tuning.jobs.list_events("ftjob-no")
    assert server.violations == []


def test_one_key_or_any():
    with serving(key=KEY) as (server, client):
        assert client.models.list().data
        with client_of(server, "sk-" + "wrong" * 9) as other, pytest.raises(openai.AuthenticationError) as error:
            other.models.list()
        assert error.value.code == "invalid_api_key"
        assert "wrong" * 2 not in str(error.value)
        assert [entry.status for entry in server.log] == [200, 401]


def test_the_last_day_of_a_model_is_told():
    with serving(shutdown_date={"test": 10**9}) as (server, client):
        assert client.models.retrieve("test").shutdown_date == "2001-09-09"
        assert server.violations == []


# ---- answers ---------------------------------------------------------------------------------------------------------


def test_the_end_of_an_answer_is_told_and_its_tokens_are_billed(done, local):
    server, client, job = done
    asked = FREE | {"model": job.fine_tuned_model, "prompt": PROMPTS[0]}
    before = server.usage
    whole = client.completions.create(**asked | {"max_tokens": 40}, logprobs=0)
    stopped = client.completions.create(**asked, stop=["@@@", "zzz"])
    short = client.completions.create(**asked | {"max_tokens": 1}, n=3)
    [text], [free] = local[1].generate([PROMPTS[0]], stop="@@@", max_new_tokens=6), local[1].generate([PROMPTS[0]])
    assert [stopped.choices[0].text] == text
    assert stopped.choices[0].finish_reason == "stop"
    assert stopped.usage.completion_tokens == len(local[1].tokens.ids([text[0] + "@@@"])[0])
    assert {choice.finish_reason for choice in short.choices} == {"length"}
    assert short.usage.completion_tokens == 3
    assert whole.choices[0].text.startswith(free[0])
    assert whole.choices[0].finish_reason == "stop"  # by the end token, which is counted and not among the tokens
    assert whole.usage.completion_tokens == len(whole.choices[0].logprobs.tokens) + 1
    assert whole.usage.prompt_tokens == local[1].count_tokens([PROMPTS[0]])[0] == short.usage.prompt_tokens
    usages = [answer.usage for answer in (whole, stopped, short)]
    for name in ("prompt", "completion"):
        assert server.usage[name] - before[name] == sum(getattr(usage, f"{name}_tokens") for usage in usages)


def test_a_list_of_prompts_is_answered_in_order(done):
    _, client, job = done
    asked = FREE | {"model": job.fine_tuned_model, "temperature": 1.0, "n": 2}
    answers = client.completions.create(prompt=PROMPTS, **asked)
    assert [choice.index for choice in answers.choices] == [0, 1, 2, 3]
    alone = [choice.text for p in PROMPTS for choice in client.completions.create(prompt=p, **asked).choices]
    assert [choice.text for choice in answers.choices] == alone
    other = client.completions.create(prompt=PROMPTS * 8, **asked | {"seed": 4, "n": 1})
    assert len({choice.text for choice in other.choices}) > 1 or len(set(alone)) > 1


def test_a_text_is_scored_as_the_network_scores_it(done, local):
    _, client, job = done
    candidates = [" 0@@@", " 1@@@", " 12é@@@"]
    expected = local[1].log_likelihood(PROMPTS, candidates)
    for row, prompt in enumerate(PROMPTS):
        for column, candidate in enumerate(candidates):
            text = prompt + candidate
            asked = {"prompt": text, "echo": True, "max_tokens": 0, "logprobs": 2}
            answer = client.completions.create(model=job.fine_tuned_model, **asked)
            known = answer.choices[0].logprobs
            assert answer.choices[0].text == "".join(known.tokens) == text
            assert known.token_logprobs[0] is known.top_logprobs[0] is None
            assert answer.usage.completion_tokens == 0
            ours = [p for p, at in zip(known.token_logprobs, known.text_offset, strict=True) if at >= len(prompt)]
            assert sum(ours) == pytest.approx(expected[row, column], abs=1e-4)
            ids = torch.tensor(local[1].tokens.prompts([text]))
            with torch.inference_mode():
                logits, _ = local[1].network(ids)
            whole = logits[0, :-1].log_softmax(-1).gather(1, ids[0, 1:, None]).flatten().numpy()
            np.testing.assert_array_equal(np.float32(known.token_logprobs[1:]), whole)
            assert all(
                max(t.values()) >= p for t, p in list(zip(known.top_logprobs, known.token_logprobs, strict=True))[1:]
            )


def test_an_echo_goes_before_the_answer(done):
    _, client, job = done
    asked = FREE | {"model": job.fine_tuned_model, "prompt": PROMPTS[1], "logprobs": 5, "temperature": 1.0}
    drawn = ({**asked, "seed": seed} for seed in range(100))
    asked = next(one for one in drawn if client.completions.create(**one).choices[0].text)  # an answer of some tokens
    plain, echoed = client.completions.create(**asked), client.completions.create(**asked, echo=True)
    text, known = plain.choices[0].text, plain.choices[0].logprobs
    assert echoed.choices[0].text == PROMPTS[1] + text
    assert "".join(known.tokens) == text
    both = echoed.choices[0].logprobs
    assert both.tokens[-len(known.tokens) :] == known.tokens
    assert both.text_offset[-len(known.tokens) :] == [len(PROMPTS[1]) + at for at in known.text_offset]
    assert known.text_offset[0] == 0
    np.testing.assert_allclose(both.token_logprobs[-len(known.tokens) :], known.token_logprobs)
    assert all(
        5 <= len(top) <= 6 and top[token] == p
        for token, p, top in zip(known.tokens, known.token_logprobs, known.top_logprobs, strict=True)
    )


def test_chats(done, local):
    _, client, job = done
    messages = [{"role": "system", "content": "S"}, {"role": "user", "content": [{"type": "text", "text": PROMPTS[0]}]}]
    asked = {"model": job.fine_tuned_model, "messages": messages, "temperature": 0, "stop": "@@@"}
    answer = client.chat.completions.create(**asked, max_completion_tokens=6, logprobs=True, top_logprobs=3)
    assert [[answer.choices[0].message.content]] == local[1].generate(
        [f"S\n{PROMPTS[0]}"], stop="@@@", max_new_tokens=6
    )
    assert answer.usage.prompt_tokens == sum(local[1].count_tokens(["S", PROMPTS[0]])) + 3 * 2 + 3
    told = answer.choices[0].logprobs.content
    assert b"".join(bytes(token.bytes) for token in told).decode() == answer.choices[0].message.content
    assert all(len(token.top_logprobs) == 3 and token.top_logprobs[0].logprob == token.logprob for token in told)
    free = client.chat.completions.create(**asked)
    assert free.choices[0].logprobs is None
    assert free.choices[0].finish_reason == "stop"
    with pytest.raises(openai.BadRequestError, match="logprobs"):
        client.chat.completions.create(**asked, top_logprobs=3)


@pytest.mark.parametrize("form", ["completion", "chat"])
def test_endpoints_are_served_as_the_lines_are(form):
    with serving(lines=form) as (server, client):
        asks = {
            "completion": lambda: client.completions.create(model="test", prompt="a", max_tokens=1),
            "chat": lambda: client.chat.completions.create(model="test", messages=[USER], max_completion_tokens=1),
        }
        assert asks.pop(form)().choices
        [other] = asks.values()
        with pytest.raises(openai.NotFoundError, match="Did you mean"):
            other()
        assert server.violations == []


REFUSED_ANSWERS = {
    "no room": ({"prompt": "a " * 3000}, "2048"),
    "nothing to do": ({"max_tokens": 0}, "echo"),
    "another sampling": ({"top_p": 0.5}, "top_p"),
    "a stream": ({"stream": True}, "stream"),
    "best of": ({"best_of": 3}, "best_of"),
    "an unknown field": ({"extra_body": {"top_k": 4}}, "top_k"),
    "tokens": ({"prompt": [1, 2]}, "texts"),
}


@pytest.mark.parametrize("name", REFUSED_ANSWERS)
def test_what_an_answer_would_ignore_is_refused(done, name):
    asked, told = REFUSED_ANSWERS[name]
    server, client, _ = done
    before = server.usage
    with pytest.raises(openai.BadRequestError, match=told):
        client.completions.create(**{"model": "test", "prompt": "a"} | asked)
    assert server.usage == before


# ---- batches ---------------------------------------------------------------------------------------------------------


def batch_lines(requests, url="/v1/completions"):
    rows = [{"custom_id": str(i), "method": "POST", "url": url, "body": body} for i, body in enumerate(requests)]
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def run_batch(client, data, endpoint="/v1/completions"):
    made = client.batches.create(
        input_file_id=upload(client, data, "batch"), endpoint=endpoint, completion_window="24h"
    )
    return wait_for_batch(client, made.id)


def test_a_batch_gives_the_same_answers_in_another_order(served):
    server, client = served
    asked = [FREE | {"model": "test", "prompt": f"{prompt} {i}"} for i in range(4) for prompt in PROMPTS]
    batch = run_batch(client, batch_lines(asked))
    assert (batch.status, batch.error_file_id, batch.request_counts.completed) == ("completed", None, 8)
    rows = [json.loads(line) for line in client.files.content(batch.output_file_id).text.splitlines()]
    order = [int(row["custom_id"]) for row in rows]
    assert order != sorted(order) == list(range(8))
    for row in rows:
        assert row["response"]["status_code"] == 200
        alone = client.completions.create(**asked[int(row["custom_id"])])
        assert row["response"]["body"]["choices"][0]["text"] == alone.choices[0].text
        assert row["response"]["body"]["usage"] == alone.usage.model_dump(exclude_unset=True)
    assert [found.id for found in client.batches.list()] == [batch.id]
    assert server.violations == []


def test_lines_of_a_batch_fail_alone_and_bad_lines_the_whole(served):
    server, client = served
    messages = [{"role": "user", "content": PROMPTS[0]}]
    asked = [{"model": name, "messages": messages, "max_completion_tokens": 2} for name in ("test", "gone")]
    url = "/v1/chat/completions"
    batch = run_batch(client, batch_lines(asked, url), url)
    assert batch.status == "completed"
    [good] = client.files.content(batch.output_file_id).text.splitlines()
    [bad] = client.files.content(batch.error_file_id).text.splitlines()
    assert json.loads(good)["custom_id"] == "0"
    assert json.loads(bad)["response"]["status_code"] == 404
    assert json.loads(bad)["response"]["body"]["error"]["code"] == "model_not_found"
    for data in (b"{", batch_lines(asked, url), batch_lines([{}]) * 2):
        assert run_batch(client, data).status == "failed"
    assert run_batch(client, batch_lines([{}]) * 2).errors.data[0].code == "duplicate_custom_id"
    assert server.violations == []


def test_a_batch_can_be_cancelled(served):
    _, client = served
    data = batch_lines([FREE | {"model": "test", "prompt": f"{i}", "max_tokens": 200} for i in range(50)])
    made = client.batches.create(
        input_file_id=upload(client, data, "batch"), endpoint="/v1/completions", completion_window="24h"
    )
    assert client.batches.cancel(made.id).status == "cancelling"
    ended = wait_for_batch(client, made.id)
    assert ended.status == "cancelled"
    assert ended.request_counts.completed < 50


# ---- the description of the API --------------------------------------------------------------------------------------


VIOLATIONS = {
    "role": lambda c: c.chat.completions.create(model="test", messages=[{"role": "bot", "content": "a"}]),
    "logprobs": lambda c: c.completions.create(model="test", prompt="a", logprobs=6),
    "top_logprobs": lambda c: c.chat.completions.create(model="test", messages=[USER], logprobs=True, top_logprobs=21),
    "purpose": lambda c: c.files.create(file=("a", b"{}"), purpose="fun"),
    "seed": lambda c: c.fine_tuning.jobs.create(model="test", training_file="f", seed=2**31),
    "suffix": lambda c: c.fine_tuning.jobs.create(model="test", training_file="f", suffix="x" * 65),
    "training_file": lambda c: c.post("/fine_tuning/jobs", body={"model": "test"}, cast_to=object),
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_request_that_breaks_the_description_is_refused_and_kept(served, name):
    pytest.importorskip("openapi_core")
    server, client = served
    with pytest.raises(openai.BadRequestError):
        VIOLATIONS[name](client)
    assert len(server.violations) == 1
    assert server.log[0].path in server.violations[0]


def test_an_unknown_path_is_a_violation(served):
    pytest.importorskip("openapi_core")
    server, client = served
    with pytest.raises(openai.NotFoundError):
        client.get("/fine_tunes", cast_to=object)
    assert len(server.violations) == 1


def test_a_wrong_answer_is_a_violation(served, monkeypatch):
    pytest.importorskip("openapi_core")
    server, client = served
    monkeypatch.setattr("others.rehearsal.answers._reason", lambda answer: "tired")
    client.completions.create(model="test", prompt="a", max_tokens=1)
    assert "'tired'" in server.violations[0]


# ---- faults ----------------------------------------------------------------------------------------------------------


ERRORS = {
    "401": (faults.status(401), openai.AuthenticationError, "invalid_api_key"),
    "403": (faults.status(403), openai.PermissionDeniedError, "training_not_available"),
    "404": (faults.status(404), openai.NotFoundError, "model_not_found"),
    "409": (faults.status(409), openai.ConflictError, "conflict"),
    "429": (faults.status(429), openai.RateLimitError, "rate_limit_exceeded"),
    "no money": (faults.no_money(), openai.RateLimitError, "insufficient_quota"),
    "500": (faults.status(500), openai.InternalServerError, None),
    "503": (faults.status(503), openai.InternalServerError, "server_is_overloaded"),
    "own": (faults.status(422, {"detail": [{"msg": "no"}]}), openai.UnprocessableEntityError, None),
}


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_status(served, name):
    server, client = served
    answer, kind, code = ERRORS[name]
    fault = server.faults.add(Fault("POST", r"/completions$", answer=answer))
    with pytest.raises(kind) as error:
        client.completions.create(model="test", prompt="a", max_tokens=1)
    assert (error.value.code, fault.hits) == (code, 1)
    assert "retry-after" not in error.value.response.headers
    assert server.usage["prompt"] == 0
    assert client.completions.create(model="test", prompt="a", max_tokens=1).choices
    assert server.usage["prompt"] == 1
    assert server.violations == []


def test_a_rate_limit_with_a_date(served):
    server, client = served
    server.faults.add(Fault("GET", "/models", answer=faults.status(429, headers={"Retry-After": "7"})))
    with pytest.raises(openai.RateLimitError) as error:
        client.models.list()
    assert error.value.response.headers["retry-after"] == "7"


@pytest.mark.parametrize("do", ["before", "after"])
def test_an_answer_that_is_none(served, do):
    server, client = served

    def ask():
        return client.completions.create(model="test", prompt="a", max_tokens=1)

    def spoil(answer):
        server.faults.add(Fault("POST", "completions", do=do, answer=answer))

    spoil(faults.html())
    assert ask().startswith("<html>")
    for answer in (faults.cut_json(), faults.empty()):
        spoil(answer)
        with pytest.raises(json.JSONDecodeError):
            ask()
    spoil(faults.drop())
    with pytest.raises(openai.APIConnectionError):
        ask()
    assert [entry.status for entry in server.log] == [200, 200, 200, None]
    assert server.usage["prompt"] == (4 if do == "after" else 0)
    assert ask().choices


def test_slow_answers(served):
    server, client = served
    server.faults.add(Fault("GET", "/models", do="after", answer=faults.slow(0.1)))
    begun = time.monotonic()
    assert client.models.list().data
    assert time.monotonic() - begun >= 0.1
    hanging = server.faults.add(Fault("GET", "/models", answer=faults.slow(600)))
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=2).models.list()  # seconds; enough for the request to arrive
    assert hanging.hits == 1
    assert [entry.status for entry in server.log] == [200, None]


@pytest.mark.parametrize("do", ["before", "after"])
def test_a_job_whose_creation_is_not_answered_may_be_there(served, do):
    server, client = served
    server.faults.add(Fault("POST", "/jobs$", do=do, answer=faults.drop()))
    with pytest.raises(openai.APIConnectionError):
        start(client, metadata={"lift": "k"})
    assert len(client.fine_tuning.jobs.list(metadata={"lift": "k"}).data) == (do == "after")


def test_times_and_after(served):
    server, client = served
    fault = server.faults.add(Fault("GET", "/models$", times=2, after=1))
    codes = []
    for _ in range(5):
        try:
            client.models.list()
            codes.append(200)
        except openai.InternalServerError:
            codes.append(500)
    assert codes == [200, 500, 500, 200, 200]
    assert fault.hits == 2
    server.faults.add(Fault("GET", "/models$", times=None))
    for _ in range(3):
        with pytest.raises(openai.InternalServerError):
            client.models.list()
    server.faults.clear()
    assert client.models.list().data
    with pytest.raises(ValueError, match="before"):
        Fault("GET", "x", do="never")


def test_answers_withheld_cut_and_shuffled(done):
    server, client, job = done
    asked = {"model": job.fine_tuned_model, "temperature": 1, "n": 3, "seed": 5, "max_tokens": 6}

    def chat(answer):
        server.faults.add(Fault("POST", "chat/completions", answer=answer))
        return client.chat.completions.create(messages=[USER | {"content": PROMPTS[0]}], **asked)

    def plain(*answers):
        for answer in answers:
            server.faults.add(Fault("POST", "v1/completions", answer=answer))
        return client.completions.create(prompt=PROMPTS[0], **asked)

    whole = [choice.text for choice in plain().choices]
    withheld = chat(faults.content_filter())
    assert [(c.message.content, c.finish_reason) for c in withheld.choices] == [(None, "content_filter")] * 3
    assert withheld.usage is None
    assert {c.text for c in plain(faults.content_filter()).choices} == {""}
    for cut in (
        [c.text for c in plain(faults.length()).choices],
        [c.message.content for c in chat(faults.length()).choices],
    ):
        assert cut == [text[: len(part)] for text, part in zip(whole, cut, strict=True)]
        assert all(
            part.strip() and len(part) <= max(3, len(text) / 2 + 1) for text, part in zip(whole, cut, strict=True)
        )
    shuffled = plain(faults.shuffled_choices()).choices
    assert [c.index for c in shuffled] == [2, 1, 0]
    assert [c.text for c in sorted(shuffled, key=lambda c: c.index)] == whole


def test_states_of_a_job(done):
    server, client, job = done

    def look(answer):
        server.faults.add(Fault("GET", r"/jobs/[^/]+$", answer=answer))
        return client.fine_tuning.jobs.retrieve(job.id)

    for state in ("paused", "cancelled", "pondering"):
        found = look(faults.job_state(state))
        assert (found.status, found.fine_tuned_model, found.error) == (state, None, None)
    assert look(faults.job_state("failed")).error.code == "server_error"
    assert look(faults.job_state("failed", error="too few whales")).error.message == "too few whales"
    assert look(faults.job_state("failed", error={"code": "odd"})).error.code == "odd"
    found = look(faults.succeeded_without_model())
    assert (found.status, found.fine_tuned_model) == ("succeeded", None)
    assert client.fine_tuning.jobs.retrieve(job.id) == job


def test_a_file_in_error_endless_events_and_a_model_not_yet_known(done):
    server, client, job = done
    server.faults.add(Fault("POST", "/files$", answer=faults.file_error("no rows")))
    file = client.files.create(file=("a", b"x"), purpose="fine-tune")
    assert (file.status, file.status_details) == ("error", "no rows")
    endless = server.faults.add(Fault("GET", "/events$", times=None, answer=faults.endless_events()))
    pages = [client.fine_tuning.jobs.list_events(job.id, limit=2)]
    pages += [pages[0].get_next_page()]
    assert pages[0].data == pages[1].data
    assert pages[1].has_more
    endless.times = endless.hits
    server.faults.add(Fault("POST", "completions", answer=faults.not_yet(2)))
    for _ in range(2):
        with pytest.raises(openai.NotFoundError) as error:
            client.completions.create(model=job.fine_tuned_model, prompt="a", max_tokens=1)
        assert error.value.code == "model_not_found"
    assert client.completions.create(model=job.fine_tuned_model, prompt="a", max_tokens=1).choices


# ---- the command line ------------------------------------------------------------------------------------------------


WITHOUT_CORE = (
    "import runpy, sys; sys.modules['openapi_core'] = None;"
    "runpy.run_module('others.rehearsal.server', run_name='__main__', alter_sys=True)"
)


def test_the_command_line_serves_until_it_is_ended_and_needs_no_openapi_core(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    flags = ["--models", f"mine={engine.LIFT_TINY}", "--port", str(port), "--folder", str(tmp_path / "s")]
    command = [sys.executable, "-W", "error", "-c", WITHOUT_CORE, *flags]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        told = [process.stdout.readline() for _ in range(2)]
        url = re.search(r"OPENAI_BASE_URL=(\S+)", told[1]).group(1)
        assert url == f"http://127.0.0.1:{port}/v1"
        with openai.OpenAI(base_url=url, api_key="any", max_retries=0) as client:
            assert [model.id for model in client.models.list()] == ["mine"]
            assert client.completions.create(model="mine", prompt="a", max_tokens=1, logprobs=6).choices  # unchecked
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (0, "")
    assert out == "2 requests; billed tokens: training 0, prompt 1, completion 1\n"


def test_a_model_without_a_folder_is_named():
    with pytest.raises(SystemExit, match="name=folder, not mine"):
        main(models=("mine",))
