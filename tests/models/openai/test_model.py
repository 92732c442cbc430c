"""LIFT on a server of the OpenAI protocol that really tunes: what is sent, what is paid, how every failure ends."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from others import rehearsal
from others.rehearsal import Fault, faults
from tests.conftest import ROOT
from tests.programs import finish, launch, run
from utils import tables
from utils.errors import CannotDo, UserError
from utils.estimators import LIFTClassifier, LIFTRegressor
from utils.models.openai import jobs, log_probabilities, session, wire
from utils.models.openai.ledger import OverBudget
from utils.models.openai.model import TRIAL, OpenAIModel
from utils.models.openai.quote import Quote
from utils.models.openai.session import Session
from utils.study import budget

KEY = "sk-planted-0123456789abcdef"
RECIPE = {"adapter": "full", "batch_size": 8, "learning_rate": 1.0, "epochs": 2}
PROVIDER = {
    "name": "test",
    "hosts": ["127.0.0.1"],
    "hyperparameters": {"epochs": "n_epochs", "batch_size": "batch_size", "learning_rate": "learning_rate_multiplier"},
    "echo": True,
    "checkpoints": 2,
    "concurrency": 3,
    "recipe": RECIPE | {"classification": {"decoding": "generate"}, "regression": {"decoding": "greedy"}},
}
CHAT = {
    "lines": "chat",
    "inference": "chat",
    "limit": "max_completion_tokens",
    "message_tokens": 3,
    "request_tokens": 3,
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """lift-tiny without its recipe, so that a local fine-tune has the settings of the server's."""
    folder = tmp_path_factory.mktemp("models") / "plain"
    shutil.copytree(ROOT / "data" / "models" / "lift-tiny", folder)
    (folder / "lift.json").unlink()
    return folder


@pytest.fixture
def place(tmp_path, monkeypatch, plain):
    """Starts a server, and writes the files of prices and providers for it."""
    opened = []

    def start(*, provider=None, price=(8.0, 2.0, 4.0, 0.5), **options):
        server = (
            opened.append(rehearsal.serve(models={"test": plain}, folder=tmp_path / "server", **options)) or opened[-1]
        )
        running = server.__enter__()
        entry = PROVIDER | {"tokenizers": {"test": str(plain)}} | (provider or {})
        (tmp_path / "providers.json").write_text(json.dumps([entry]))
        line = ",".join(map(str, ["127.0.0.1", "test", *price, "2026-01-01"]))
        (tmp_path / "prices.csv").write_text(f"host,model,train,prompt,completion,batch,as_of\n{line}\n")
        monkeypatch.setenv("OPENAI_BASE_URL", running.url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        return running

    monkeypatch.setattr(jobs, "POLL", (0.02, 0.1))
    before = session.current()
    yield start
    session.use(before)
    for server in opened:
        server.__exit__(None, None, None)


@pytest.fixture
def agreed(tmp_path):
    """Opens a session in this process."""

    def agree(**flags):
        files = {"prices": tmp_path / "prices.csv", "providers": tmp_path / "providers.json"}
        budget.approve(results_dir=tmp_path / "results", **{**files, "retry_minutes": 0.1, "job_hours": 0.02, **flags})

    return agree


def rows(n=20):
    split = tables.load("iris").split(0, "paper").limit(n)
    return (split.X_train, split.y_train), (split.X_validation, split.y_validation), (split.X_test, split.y_test)


def fitted(n=20, model="openai:test", **settings):
    train, validation, _ = rows(n)
    return LIFTClassifier(model=model, **settings).fit(*train, validation=validation)


def paths(server, method="POST"):
    return [entry.path for entry in server.log if entry.method == method]


def ledger(folder):
    return pd.read_csv(folder / "results" / "openai" / "ledger.csv")


# ---- the same numbers as on this machine -----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1])
def test_the_answers_are_those_of_the_local_model(place, agreed, plain, seed):
    place()
    agreed()
    settings = {"epochs": 2, "batch_size": 8, "decoding": "generate", "random_state": seed}
    here = fitted(model=str(plain), recipe="paper", adapter="full", learning_rate=1e-3, **settings)
    there = fitted(learning_rate=1.0, **settings)
    test = rows()[2][0]
    assert there.answers(test).texts == here.answers(test).texts
    assert there.best_epoch_ == here.best_epoch_
    assert there.n_tokens_trained_ == here.n_tokens_trained_


def test_scored_classes_have_the_local_probabilities(place, agreed, plain):
    place()
    agreed()
    here = fitted(model=str(plain), recipe="paper", adapter="full", learning_rate=1e-3, epochs=1, batch_size=8)
    there = fitted(epochs=1, decoding="score")
    test = rows()[2][0]
    np.testing.assert_allclose(there.predict_proba(test), here.predict_proba(test), atol=1e-4)


def test_through_a_chat_classes_are_scored_by_their_first_token(place, agreed):
    server = place(provider=CHAT | {"top_logprobs": 20}, lines="chat")
    agreed()
    lift, test = fitted(decoding="score"), rows()[2][0]
    probabilities = lift.predict_proba(test)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    free = fitted(decoding="generate").answers(test).values
    read = [(a, b) for a, b in zip(lift.predict(test), free, strict=True) if b is not None]
    assert read
    assert all(a == b for a, b in read)
    assert not server.violations


CLASSES = [" 0@@@", " 1@@@", " 2@@@"]
TOLD = {"top_logprobs": 5, "concurrency": 1, "checkpoints": 1}
ENOUGH = {"n": 80, "epochs": 8, "learning_rate": 3.0}  # to have the classes among five first tokens


def scoring_requests(server):
    """Requests for first tokens, and for the texts of classes."""
    asked = [entry.body for entry in server.log if entry.path == "/v1/completions"]
    n = sum("logprobs" in body and "echo" not in body for body in asked)
    return n, sum("echo" in body for body in asked)


def fitted_prompts(lift):
    return lift.template_.prompts(rows()[2][0])


def test_classes_of_one_token_are_scored_with_a_third_of_the_requests(place, agreed, plain):
    server = place(provider=TOLD)
    agreed()
    settings = ENOUGH | {"batch_size": 8, "learning_rate": 3e-3, "adapter": "full", "recipe": "paper"}
    here, there = fitted(model=str(plain), **settings), fitted(decoding="score", **ENOUGH)
    test = rows()[2][0]
    server.log.clear()
    tokens = there.predict_proba(test)
    n = len(set(fitted_prompts(there)))
    assert scoring_requests(server) == (n, 0)  # with the texts of three classes, 3 n
    local = here.model_.log_likelihood(fitted_prompts(here), [" 0", " 1", " 2"])
    expected = np.exp(local - np.logaddexp.reduce(local, axis=1, keepdims=True))
    np.testing.assert_allclose(tokens, expected, atol=1e-4)
    np.testing.assert_allclose(tokens, here.predict_proba(test), atol=0.05)  # there with the mark, all but sure
    assert not server.violations


def test_classes_of_several_tokens_have_the_scores_that_echo_gives(place, agreed):
    server = place(provider=TOLD)
    agreed()
    told = fitted(epochs=1).model_
    candidates, prompts = [" setosa@@@", " 1@@@"], fitted_prompts(fitted(epochs=1))
    server.log.clear()
    scores = told.log_likelihood(prompts, candidates)
    n = len(set(prompts))
    assert n > TRIAL
    assert scoring_requests(server) == (TRIAL, 2 * n)
    place(provider={"top_logprobs": 0})
    agreed()
    np.testing.assert_array_equal(fitted(epochs=1).model_.log_likelihood(prompts, candidates), scores)


def test_scores_by_first_tokens_are_paid_once_and_quoted_between_their_bounds(place, agreed, tmp_path):
    server = place(provider=TOLD)
    agreed()
    lift = fitted(**ENOUGH)
    prompts = list(dict.fromkeys(fitted_prompts(lift)))
    n = len(prompts)

    def quoted(candidates):
        quote = Quote()
        with session.quoting(quote):
            OpenAIModel.load(f"openai:{lift.model_.served}").log_likelihood(prompts, candidates)
        return quote

    line = quoted(CLASSES).line()
    assert (line.least_requests, line.requests) == (n, 5 * n)  # at most again with a space, and the three classes
    assert line.completion == 2 * n  # a first token each; the echoed texts have none
    counted, before = lift.model_.count_tokens(prompts), server.usage
    assert line.least_prompt == sum(counted)
    whole = lift.model_.count_tokens([prompt + text for prompt in prompts for text in CLASSES])
    spaced = lift.model_.count_tokens([f"{prompt} " for prompt in prompts])
    assert line.prompt == sum(counted) + sum(spaced) + sum(whole)
    lift.model_.log_likelihood(prompts, CLASSES)
    used = {name: server.usage[name] - before[name] for name in ("prompt", "completion")}
    assert used == {"prompt": line.least_prompt, "completion": n}
    posts = len(paths(server))
    assert not quoted(CLASSES).hosts
    lift.model_.log_likelihood(prompts, CLASSES)
    assert len(paths(server)) == posts
    several = quoted([" setosa@@@", " 1@@@"]).line()  # the first tokens are known, and that they do not do
    assert several.least_requests == several.requests == 2 * n
    assert ledger(tmp_path)["prompt_tokens"].sum() == server.usage["prompt"]


def test_an_answer_that_ends_at_once_tells_its_first_tokens_too(place, agreed):
    server = place(provider=TOLD)
    agreed()
    model = fitted(epochs=1).model_
    text = fitted_prompts(fitted(epochs=1))[0] + " 1@@@"  # after which the end token is the most likely one
    [response] = model._back_end.ask("/v1/completions", [wire.first_token(model._provider, model.served, text)])
    assert response["choices"][0]["text"] == ""
    assert log_probabilities.token_likelihoods(response, ["<|end|>"])[0] < 0
    assert not server.violations


def test_rows_in_the_prompt_need_no_job(place, agreed, plain):
    server = place()
    agreed()
    settings = {"epochs": 0, "shots": 3, "decoding": "generate", "max_new_tokens": 4}
    here, there = fitted(model=str(plain), recipe="paper", **settings), fitted(**settings)
    test = rows()[2][0]
    texts = [text.removesuffix(wire.CUT) for text in there.answers(test).texts]  # untuned, it never ends by itself
    assert texts == here.answers(test).texts
    assert not [path for path in paths(server) if "jobs" in path or "files" in path]


def test_chat_and_sampled_numbers(place, agreed):
    server = place(provider=CHAT, lines="chat")
    agreed()
    table = tables.load("linear:n=60").split(0, "paper").limit(20)
    lift = LIFTRegressor(model="openai:test", epochs=1, samples=3, decoding="median")
    lift.fit(table.X_train, table.y_train, validation=(table.X_validation, table.y_validation))
    answers = lift.answers(table.X_test)
    assert all(len(json.loads(text)) == 3 for text in answers.texts)
    assert not server.violations
    with pytest.raises(CannotDo, match="--decoding generate"):
        LIFTClassifier(model="openai:test", epochs=1, decoding="score").fit(*rows()[0])


def test_batches_bring_the_same_answers_at_half_the_price(place, agreed, tmp_path):
    place()
    agreed()
    test = rows()[2][0]
    one = fitted()
    texts, cost = one.answers(test).texts, one.model_.cost_usd
    shutil.rmtree(tmp_path / "results" / "openai" / "answers")
    agreed(openai_batch=True)
    many = fitted()
    assert many.answers(test).texts == texts
    training = ledger(tmp_path).query("kind in ('training', 'correction')")["usd"].sum()
    assert many.model_.cost_usd - training == pytest.approx((cost - training) / 2)


# ---- paid once -------------------------------------------------------------------------------------------------------


def test_the_same_again_sends_nothing(place, agreed, tmp_path):
    server = place()
    agreed()
    first = fitted()
    texts = first.answers(rows()[2][0]).texts
    posts = len(paths(server))
    again = fitted()
    assert again.answers(rows()[2][0]).texts == texts
    assert len(paths(server)) == posts
    assert again.model_.cost_usd == first.model_.cost_usd == pytest.approx(ledger(tmp_path)["usd"].sum())


def test_the_ledger_has_the_server_s_counts(place, agreed, tmp_path):
    server = place()
    agreed()
    fitted().answers(rows()[2][0])
    book = ledger(tmp_path)
    assert book["prompt_tokens"].sum() == server.usage["prompt"]
    assert book["completion_tokens"].sum() == server.usage["completion"]
    assert book["training_tokens"].sum() == server.usage["training"]
    usage = server.usage
    expected = (8 * usage["training"] + 2 * usage["prompt"] + 4 * usage["completion"]) / 1e6
    assert book["usd"].sum() == pytest.approx(expected)


def test_a_job_whose_creation_was_not_answered_is_found_and_not_made_again(place, agreed):
    server = place()
    server.faults.add(Fault("POST", r"/fine_tuning/jobs$", do="after", answer=faults.drop()))
    agreed()
    fitted()
    assert paths(server).count("/v1/fine_tuning/jobs") == 1


def test_a_creation_that_failed_is_told_and_the_next_run_looks_first(place, agreed, monkeypatch):
    monkeypatch.setattr(jobs, "SEARCHES", 2)
    server = place()
    server.faults.add(Fault("POST", r"/fine_tuning/jobs$", answer=faults.status(500)))
    agreed()
    with pytest.raises(UserError, match="run the same command again"):
        fitted()
    assert paths(server).count("/v1/fine_tuning/jobs") == 1
    fitted()
    assert paths(server).count("/v1/fine_tuning/jobs") == 2
    assert len(paths(server)) - 2 == paths(server).count("/v1/completions") + paths(server).count("/v1/files")
    assert paths(server).count("/v1/files") == 2


def test_a_late_answer_is_asked_for_again_and_counted_twice(place, agreed, tmp_path, monkeypatch):
    monkeypatch.setattr("utils.models.openai.connection.TIMEOUT", 1.0)
    server = place()
    server.faults.add(Fault("POST", "completions", do="after", answer=faults.slow(3)))
    agreed()
    fitted().answers(rows()[2][0])
    book = ledger(tmp_path)
    assert (book["kind"] == "lost answer").sum() == 1
    assert book["prompt_tokens"].sum() == server.usage["prompt"]


def test_one_server_tunes_and_another_answers(place, agreed, plain, monkeypatch):
    tuner = place()
    agreed()
    with rehearsal.serve(models={"test": plain}) as asker:
        monkeypatch.setenv("OPENAI_INFERENCE_BASE_URL", asker.url)
        lift = fitted(epochs=0, shots=3)
        lift.answers(rows()[2][0])
        assert not tuner.log
        assert "/v1/completions" in paths(asker)
        assert lift.model_.device == asker.url.removeprefix("http://").removesuffix("/v1")


# ---- every failure has an end ----------------------------------------------------------------------------------------


ENDS = {
    "401": (("GET", "models"), lambda: faults.status(401), "OPENAI_API_KEY"),
    "403 training": (("POST", "jobs$"), lambda: faults.status(403), "lift-tiny"),
    "404 model": (("POST", "jobs$"), lambda: faults.status(404), "does not know"),
    "money": (("POST", "completions"), lambda: faults.no_money(), "money or quota"),
    "html for ever": (("POST", "completions"), lambda: faults.html(), "3 times"),
    "cut json for ever": (("POST", "completions"), lambda: faults.cut_json(), "3 times"),
    "empty for ever": (("POST", "completions"), lambda: faults.empty(), "3 times"),
    "500 for ever": (("POST", "completions"), lambda: faults.status(500), "retry-minutes"),
    "503 while polling for ever": (("GET", r"jobs/[^/]+$"), lambda: faults.status(503), "retry-minutes"),
    "no connection": (("POST", "files"), lambda: faults.drop(), "no connection"),
    "failed": (("GET", r"jobs/[^/]+$"), lambda: faults.job_state("failed", error="too few whales"), "too few whales"),
    "cancelled": (("GET", r"jobs/[^/]+$"), lambda: faults.job_state("cancelled"), "cancelled"),
    "paused": (("GET", r"jobs/[^/]+$"), lambda: faults.job_state("paused"), "resume it"),
    "unknown state": (("GET", r"jobs/[^/]+$"), lambda: faults.job_state("pondering"), "'pondering'"),
    "no model": (("GET", r"jobs/[^/]+$"), lambda: faults.succeeded_without_model(), "produced no model"),
    "file error": (("POST", "files"), lambda: faults.file_error(), "refused the file"),
}


@pytest.mark.parametrize("name", ENDS)
def test_what_does_not_pass_ends_with_what_to_do(place, agreed, name):
    (method, path), answer, told = ENDS[name]
    server = place()
    server.faults.add(Fault(method, path, times=None, answer=answer()))
    agreed(retry_minutes=0.05, job_hours=0.0005)
    with pytest.raises(UserError, match=told) as error:
        fitted()
    assert KEY not in str(error.value)
    assert paths(server).count("/v1/fine_tuning/jobs") <= 1


PASSES = {
    "429 with a date": (("POST", "completions"), lambda: faults.status(429, headers={"Retry-After": "0.2"})),
    "429 without": (("POST", "completions"), lambda: faults.status(429)),
    "429 at the creation": (("POST", "jobs$"), lambda: faults.status(429, headers={"Retry-After": "0.1"})),
    "409": (("POST", "completions"), lambda: faults.status(409)),
    "503 while polling": (("GET", r"jobs/[^/]+$"), lambda: faults.status(503)),
    "html while polling": (("GET", r"jobs/[^/]+$"), lambda: faults.html()),
    "half an answer": (("POST", "completions"), lambda: faults.cut_json()),
    "a dropped upload": (("POST", "files"), lambda: faults.drop()),
    "a model not yet known": (("POST", "completions"), lambda: faults.not_yet()),
    "endless events": (("GET", "events"), lambda: faults.endless_events()),
}


@pytest.mark.parametrize("name", PASSES)
def test_what_passes_is_waited_for_and_changes_no_answer(place, agreed, name, plain, tmp_path):
    (method, path), answer = PASSES[name]
    server = place()
    server.faults.add(Fault(method, path, times=2 if name != "endless events" else None, answer=answer()))
    agreed(retry_minutes=0.5)
    texts = fitted().answers(rows()[2][0]).texts
    settings = {"epochs": 2, "batch_size": 8, "learning_rate": 1e-3, "adapter": "full", "decoding": "generate"}
    assert texts == fitted(model=str(plain), recipe="paper", **settings).answers(rows()[2][0]).texts
    assert len(list((tmp_path / "server" / "jobs").iterdir())) == 1


def test_withheld_and_cut_answers_are_not_read(place, agreed):
    server = place(provider=CHAT, lines="chat")
    agreed()
    lift = fitted()
    server.faults.add(Fault("POST", "chat/completions", answer=faults.content_filter()))
    server.faults.add(Fault("POST", "chat/completions", answer=faults.length()))
    answers = lift.answers(rows()[2][0])
    assert answers.values.count(None) >= 2
    assert answers.texts.count("") == 1


def test_nine_rows_are_refused_before_anything_is_sent(place, agreed):
    server = place()
    agreed()
    with pytest.raises(UserError, match="10 at least"):
        fitted(9)
    assert not server.log


def test_rows_that_change_from_epoch_to_epoch_cannot_be_a_file(place, agreed):
    place()
    agreed()
    with pytest.raises(CannotDo, match="epoch to epoch"):
        fitted(jitter=0.1)


def test_a_model_that_is_gone_is_refused_before_the_upload(place, agreed):
    server = place(shutdown_date={"test": 10**9})
    agreed()
    with pytest.raises(UserError, match="was shut down on 2001-09-09"):
        fitted()
    assert not paths(server)


def test_a_model_that_goes_soon_is_warned_of(place, agreed, capsys):
    place(shutdown_date={"test": time.time() + 7 * 86400})
    agreed()
    fitted()
    assert "warning: test and its tunes are shut down on" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("told", "day"),
    [("2027-01-14", 14), ("2027-01-14T00:00:00Z", 14), (1800000000, 15), (None, None), ("soon", None), (1e30, None)],
)
def test_dates_as_servers_write_them(told, day):
    found = jobs._day(told)
    assert (found and found.day) == day


def test_an_unknown_model_is_answered_with_those_that_are_there(place, agreed):
    place()
    agreed()
    with pytest.raises(UserError, match="lists test"):
        LIFTClassifier(model="openai:test-2").fit(*rows()[0])


def test_the_limit_holds_over_runs(place, agreed, tmp_path):
    place()
    agreed()
    fitted()
    spent = ledger(tmp_path)["usd"].sum()
    agreed(max_usd=spent)
    with pytest.raises(OverBudget, match="--max-usd"):
        fitted(random_state=1)


def test_nothing_is_sent_before_a_quote(place):
    server = place()
    session.use(Session())
    with pytest.raises(CannotDo, match="quote"):
        fitted()
    assert not server.log


def test_without_a_key_the_variable_is_named(place, agreed, monkeypatch):
    place()
    agreed()
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(UserError, match="OPENAI_API_KEY is not set"):
        fitted()


# ---- as a user runs it -----------------------------------------------------------------------------------------------


def flags(folder, *more):
    files = [
        "--prices",
        folder / "prices.csv",
        "--providers",
        folder / "providers.json",
        "--results-dir",
        folder / "results",
    ]
    study = ["classification.accuracy", "--datasets", "iris", "--methods", "lift", "--model", "openai:test"]
    return [*study, *files, "--workers", 1, *more]


def files_with(text, folder):
    return [file for file in folder.rglob("*") if file.is_file() and text.encode() in file.read_bytes()]


def test_a_study_from_the_quote_to_its_row(place, tmp_path, plain):
    server = place()
    out, err = run(*flags(tmp_path, "--seeds", 0, "--dry-run"))
    assert not server.log
    assert "petal width" in out
    assert server.url.removeprefix("http://").removesuffix("/v1") in out
    assert list((tmp_path / "results" / "openai" / "dry-run").glob("*.train.jsonl"))
    quoted = [int(n) for n in re.search(r"iris lift\s*│([^│]+)│([^│]+)│([^│]+)│([^│]+)│", out).groups()]
    out, err = run(*flags(tmp_path, "--seeds", 0), code=2)
    assert "--yes" in err
    assert not server.log
    out, err = run(*flags(tmp_path, "--seeds", 0, "--yes"))
    assert quoted == [1, paths(server).count("/v1/completions"), server.usage["training"], server.usage["prompt"]]
    row = pd.read_csv(tmp_path / "results" / "classification" / "accuracy.csv").iloc[0]
    assert row["cost_usd"] == pytest.approx(ledger(tmp_path)["usd"].sum())
    local = LIFTClassifier(
        model=str(plain),
        recipe="paper",
        adapter="full",
        learning_rate=1e-3,
        epochs=2,
        batch_size=8,
        decoding="generate",
    )
    split = tables.load("iris").split(0, "paper")
    local.fit(split.X_train, split.y_train, validation=(split.X_validation, split.y_validation))
    assert row["accuracy"] == pytest.approx(local.score(split.X_test, split.y_test))
    assert not server.violations
    assert not files_with(KEY, tmp_path / "results")
    assert KEY not in out + err
    out, err = run(*flags(tmp_path, "--seeds", 0, "--yes"))
    assert "finished already" in out


def test_a_failing_study_shows_no_key(place, tmp_path):
    server = place()
    server.faults.add(Fault("POST", "completions", times=None, answer=faults.status(401)))
    out, err = run(*flags(tmp_path, "--seeds", 0, "--limit", 20, "--yes"), code=1)
    assert "does not accept the key" in err
    assert KEY not in out + err
    assert not files_with(KEY, tmp_path / "results")


WATCH = """
import json, os, sys
def hook(event, args):
    if event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR):
        told = ["file", os.path.abspath(os.fsdecode(args[0]))] if not isinstance(args[0], int) else None
    elif event == "os.rename":
        told = ["file", os.path.abspath(os.fsdecode(args[1]))]
    elif event in ("socket.connect", "socket.sendto"):
        told = ["host", *args[1][:2]] if isinstance(args[1], tuple) else None
    elif event == "socket.getaddrinfo":
        told = ["host", str(args[0]), args[1]]
    else:
        told = None
    if told:
        os.write(log, (json.dumps(told) + "\\n").encode())
log = os.open(os.environ["WATCHED"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
sys.addaudithook(hook)
"""


def test_a_planted_key_and_planted_rows_reach_only_the_server_and_the_results(place, tmp_path):
    """Each process notes down every file that it opens for writing and every host that it speaks to."""
    server = place()
    (tmp_path / "watch").mkdir()
    (tmp_path / "watch" / "sitecustomize.py").write_text(WATCH)
    rows = [f"planted row {i},{i % 7},{'yes' if i % 2 else 'no'}" for i in range(60)]
    (tmp_path / "mine.csv").write_text("\n".join(["note,x,label", *rows]) + "\n")
    places = {"HOME": "home", "TMPDIR": "scratch", "XDG_CACHE_HOME": "cache"}
    for name in places.values():
        (tmp_path / name).mkdir()
    environment = os.environ | {name: str(tmp_path / folder) for name, folder in places.items()}
    environment |= {"PYTHONPATH": f"{tmp_path / 'watch'}:{ROOT}", "WATCHED": str(tmp_path / "watched")}
    study = [word if word != "iris" else str(tmp_path / "mine.csv") for word in map(str, flags(tmp_path, "--yes"))]
    study += ["--methods", "lift", "tree", "--epochs", "1"]
    how = {"cwd": ROOT, "env": environment, "capture_output": True, "text": True, "check": False}
    two = ["--seeds", "0", "1", "--workers", "2"]
    done = subprocess.run([sys.executable, "-W", "error", "-m", *study, *two], **how)
    assert done.returncode == 0, done.stderr
    server.faults.add(Fault("POST", "completions", times=None, answer=faults.status(500)))
    one = ["--seeds", "2", "--workers", "1", "--retry-minutes", "0"]
    failed = subprocess.run([sys.executable, "-m", *study, *one], **how)
    assert failed.returncode == 1, failed.stderr
    noted = [json.loads(line) for line in (tmp_path / "watched").read_text().splitlines()]
    port = int(server.url.rpartition(":")[2].removesuffix("/v1"))
    hosts = {tuple(told[1:]) for told in noted if told[0] == "host"}
    assert hosts <= {("127.0.0.1", port)}
    assert hosts
    results = tmp_path / "results"
    files = {Path(told[1]) for told in noted if told[0] == "file"}
    files |= {file for name in places.values() for file in (tmp_path / name).rglob("*")}
    outside = [file for file in files if file.is_file() and not file.is_relative_to(results)]
    assert not [file for file in outside if b"planted row" in (data := file.read_bytes()) or KEY.encode() in data]
    assert any(file.is_relative_to(results / "openai") for file in files)
    assert files_with("planted row", results)
    assert not files_with(KEY, results)
    told = (done.stdout + done.stderr + failed.stdout + failed.stderr).splitlines()
    shown = [line for line in told if "planted row" in line]
    assert len(shown) == 2
    assert all(line.startswith("  for example: ") for line in shown)  # of each quote, so that one sees what leaves
    assert not [line for line in told if KEY in line]


STAGES = {
    "after the upload": ("POST", r"/files$", 1, "before"),
    "before the creation": ("POST", r"/fine_tuning/jobs$", 0, "before"),
    "after the creation": ("POST", r"/fine_tuning/jobs$", 0, "after"),
    "while polling": ("GET", r"/jobs/[^/]+$", 1, "before"),
    "in mid-inference": ("POST", r"/completions$", 7, "before"),
}


@pytest.mark.parametrize("stage", STAGES)
def test_kill_9_at_any_point_buys_nothing_twice(place, tmp_path, stage):
    """The request at which it is killed hangs, without effect or (after the creation) with one that is not answered."""
    method, path, after, do = STAGES[stage]
    server = place(provider={"concurrency": 1}, seconds_per_step=0.05)
    hanging = server.faults.add(Fault(method, path, after=after, do=do, answer=faults.slow(1200)))
    process = launch(*flags(tmp_path, "--seeds", 0, "--limit", 20, "--yes"))
    until = time.monotonic() + 600
    while not hanging.hits and time.monotonic() < until:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert hanging.hits
    run(*flags(tmp_path, "--seeds", 0, "--limit", 20, "--yes"))
    assert len(list((tmp_path / "server" / "jobs").iterdir())) == 1
    served = [entry for entry in server.log if entry.status == 200]
    asked = [json.dumps(entry.body, sort_keys=True) for entry in served if entry.path == "/v1/completions"]
    assert len(asked) == len(set(asked)) > 20
    assert not server.violations


def test_ctrl_c_keeps_the_answers_under_way_and_cancels_nothing(place, tmp_path):
    server = place(provider={"concurrency": 2})
    late = server.faults.add(Fault("POST", r"/completions$", after=7, do="after", answer=faults.slow(2)))
    process = launch(*flags(tmp_path, "--seeds", 0, "--limit", 20, "--yes"))
    until = time.monotonic() + 600
    while not late.hits and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = finish(process, code=130)
    assert "run the same command to resume" in err
    run(*flags(tmp_path, "--seeds", 0, "--limit", 20, "--yes"))
    asked = [json.dumps(entry.body, sort_keys=True) for entry in server.log if entry.path == "/v1/completions"]
    assert len(asked) == len(set(asked)) > 20
    assert not [path for path in paths(server) if "cancel" in path]
    assert len(list((tmp_path / "server" / "jobs").iterdir())) == 1


def test_the_rehearsal_script_is_whole():
    subprocess.run(["bash", "-n", ROOT / "others" / "rehearse.sh"], check=True)
    help_text = subprocess.run(
        [sys.executable, "-m", "others.rehearsal.server", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert all(
        flag in help_text
        for flag in re.findall(r"--(?:port|folder)", Path(ROOT / "others" / "rehearse.sh").read_text())
    )
