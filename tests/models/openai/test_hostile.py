"""A server that lies, redirects, drips or breaks: no row goes astray, no sum is bent, every failure is a sentence."""

import csv
import json
import math
import re

import numpy as np
import pytest

from others.rehearsal import scripted
from others.rehearsal.scripted import JOB, Scripted, http
from utils.errors import UserError
from utils.models.openai import jobs, log_probabilities, reading, transport, wire
from utils.models.openai.providers import Provider
from utils.models.openai.replies import Redirected
from utils.models.openai.wire import BadAnswer

KEY = "sk-planted-0123456789abcdef"
PLANTED = "planted row 4711"
COMPLETIONS = Provider("test", echo=True, checkpoints=2, concurrency=1)
CHAT = Provider("test", lines="chat", inference="chat", top_logprobs=5, concurrency=1)
ASKED = {"stop": "", "temperature": 0.0, "samples": 1, "max_new_tokens": 5, "seed": 3}
CODE = re.compile(r"\w(Error|Exception)\(|Traceback|object at 0x")  # what is no sentence


@pytest.fixture
def server():
    with Scripted() as running:
        yield running


@pytest.fixture
def back_end(server, tmp_path, monkeypatch):
    """Makes a back end on the server that tries each request once."""
    from utils.models.openai.connection import Connection

    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr(jobs, "POLL", (0.0, 0.0))
    monkeypatch.setattr(jobs, "SEARCHES", 1)

    def make(provider=COMPLETIONS, **flags):
        return scripted.live(Connection(server.url, "OPENAI_API_KEY", 0.0), provider, tmp_path / "openai", **flags)

    return make


def job(**changes):
    line = wire.training_lines(COMPLETIONS, [(PLANTED, " 1")])
    settings = {"model": "test", "training": line, "validation": line, "n_tokens": 20, "hyperparameters": {}}
    return wire.Job(**settings | {"extra": {}, "seed": 1, "epochs": 2, "n_updates": 4} | changes)


def free(provider=COMPLETIONS, prompt=PLANTED, **changes):
    return wire.free(provider, "test", prompt, **ASKED | changes)


def ask(live, request):
    [response] = live.ask(wire.PATHS["chat" if "messages" in request else "completions"], [request])
    return response


def entries(tmp_path):
    with (tmp_path / "openai" / "ledger.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def is_sentence(error):
    return not CODE.search(str(error)) and str(error).isprintable() and KEY not in str(error)


# ---- redirects -------------------------------------------------------------------------------------------------------

VERBS = {  # what is done → the request in it that is redirected
    "an answer": (lambda live: ask(live, free()), ("POST", "/completions")),
    "an upload": (lambda live: live.tune(job()), ("POST", "/files$")),
    "a creation": (lambda live: live.tune(job()), ("POST", "/jobs$")),
    "a look at a job": (lambda live: live.tune(job()), ("GET", "/jobs/[^/]+$")),
    "a look at checkpoints": (lambda live: live.tune(job()), ("GET", "/checkpoints")),
    "the list of models": (lambda live: live.tune(job()), ("GET", "/models")),
    "a batch": (lambda live: jobs.batch(live, "/v1/completions", {"0": free()}), ("POST", "/batches$")),
    "a look at a batch": (lambda live: jobs.batch(live, "/v1/completions", {"0": free()}), ("GET", "/batches/")),
    "a download": (lambda live: jobs.batch(live, "/v1/completions", {"0": free()}), ("GET", "/content")),
}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("verb", VERBS)
def test_a_redirect_to_another_origin_is_refused_by_name_and_nothing_reaches_it(server, back_end, verb, status):
    act, request = VERBS[verb]
    with Scripted() as other:
        server.script(*request, lambda good: [http(b"", status, Location=f"{other.origin}/v1/elsewhere")])
        with pytest.raises(Redirected, match=f"{re.escape(other.origin)} .*nothing was sent there"):
            act(back_end())
        assert not other.got
    assert server.count(*request) == 1


@pytest.mark.parametrize(
    "location", ["http://localhost:{port}/v1", "https://127.0.0.1:{port}/v1", "//127.0.0.1/v1", "http://u:p@h.invalid/"]
)
def test_an_origin_is_scheme_host_and_port(server, back_end, location):
    place = location.format(port=server.server_address[1])
    server.script("POST", "/completions", lambda good: [http(b"", 307, Location=place)])
    with pytest.raises(Redirected, match="another server") as error:
        ask(back_end(), free())
    assert "u:p" not in str(error.value)
    assert len(server.got) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_within_the_origin_is_followed(server, back_end, status):
    def moved(good):
        return [http(b"", status, Location=f"/v1/moved{server.got[-1].path}")]

    paths = {"answer": ("POST", "^/v1/completions"), "upload": ("POST", "^/v1/files$"), "creation": ("POST", "^/v1/fi")}
    for path in paths.values():
        server.script(*path, moved)
    server.script("GET", "^/v1/moved/v1/completions", lambda good: [http(scripted.completion(free()))])
    server.script("GET", "^/v1/moved/v1/files$", lambda good: [http({"id": "file-1", "object": "file"})])
    server.script("GET", "^/v1/moved/v1/fine_tuning/jobs$", lambda good: [http(JOB)])
    live = back_end()
    if status in (307, 308):  # the others turn a POST into a GET, which the scripts above answer
        server.script("POST", "^/v1/moved/v1/completions", lambda good: [http(scripted.completion(free()))])
        server.script("POST", "^/v1/moved/v1/files$", lambda good: [http({"id": "file-1", "object": "file"})])
        server.script("POST", "^/v1/moved/v1/fine_tuning/jobs$", lambda good: [http(JOB)])
    assert wire.texts(ask(live, free()), 1) == [" 1"]
    assert live.tune(job()).model == "ft:test:1"
    again = [got for got in server.got if got.path.startswith("/v1/moved")]
    assert [got.method for got in again] == ["POST" if status in (307, 308) else "GET"] * 4
    assert all(got.headers["authorization"] == f"Bearer {KEY}" for got in again)
    assert sum(PLANTED.encode() in got.body for got in again) == (3 if status in (307, 308) else 0)


def test_endless_redirects_and_unreadable_addresses_end(server, back_end):
    server.script("POST", "/completions", lambda good: [http(b"", 307, Location="/v1/completions")])
    with pytest.raises(Redirected, match="6 times"):
        ask(back_end(), free())
    server.script("POST", "/completions", lambda good: [http(b"", 307, Location="http://[::bad")])
    with pytest.raises(Redirected, match="no address"):
        ask(back_end(), free())


# ---- usage -----------------------------------------------------------------------------------------------------------

UNTRUE = [-1, -(10**9), 10**9, 10**19, 1.5, 3.0, True, "3", "nan", [3], {"n": 3}]


@pytest.mark.parametrize("field", ["prompt_tokens", "completion_tokens"])
@pytest.mark.parametrize("told", UNTRUE)
def test_a_usage_that_cannot_be_counts_as_quoted_and_is_said(server, back_end, tmp_path, capsys, field, told):
    server.script("POST", "/completions", lambda good: [http(good | {"usage": good["usage"] | {field: told}})])
    live = back_end()
    ask(live, free())
    ask(live, free(prompt="another"))
    quoted = live.price.usd(prompt=sum(live.counter([PLANTED, "another"])), completion=2 * ASKED["max_new_tokens"])
    assert live.usd == pytest.approx(quoted)
    assert sum(float(entry["usd"]) for entry in entries(tmp_path)) == pytest.approx(quoted)
    assert [entry["counted"] for entry in entries(tmp_path)] == ["quote", "quote"]
    err = capsys.readouterr().err
    assert err.count("warning") == 1
    assert f"{field} {wire.shown(told)}" in " ".join(err.split())


@pytest.mark.parametrize("told", [None, {}, {"prompt_tokens": 3}, {"completion_tokens": 1}])
def test_a_usage_that_is_not_told_is_an_estimate(server, back_end, tmp_path, capsys, told):
    server.script("POST", "/completions", lambda good: [http(good | {"usage": told})])
    ask(back_end(), free())
    assert [entry["counted"] for entry in entries(tmp_path)] == ["estimate"]
    assert "warning" not in capsys.readouterr().err


def test_a_usage_that_can_be_is_believed(server, back_end, tmp_path):
    live = back_end()
    ask(live, free())
    assert live.usd == pytest.approx(live.price.usd(prompt=3, completion=1))
    assert [entry["counted"] for entry in entries(tmp_path)] == ["server"]


@pytest.mark.parametrize("told", UNTRUE)
def test_trained_tokens_that_cannot_be_count_as_quoted(server, back_end, tmp_path, capsys, told):
    server.script("GET", "/jobs/[^/]+$", lambda good: [http(good | {"trained_tokens": told})])
    live = back_end()
    assert live.tune(job()).n_tokens == 40
    assert sum(float(entry["usd"]) for entry in entries(tmp_path)) == pytest.approx(live.price.usd(training=40))
    assert wire.shown(told) in " ".join(capsys.readouterr().err.split())


def test_a_batch_s_usage_is_looked_at_too(server, back_end, tmp_path):
    line = {"custom_id": "0", "response": {"status_code": 200, "body": scripted.completion(free())}}
    line["response"]["body"]["usage"]["prompt_tokens"] = -(10**9)
    server.script("GET", "/content", lambda good: [http(json.dumps(line).encode())])
    jobs.batch(back_end(batch=True), "/v1/completions", {"0": free()})
    assert [entry["counted"] for entry in entries(tmp_path)] == ["quote"]


# ---- one reader ------------------------------------------------------------------------------------------------------

BROKEN = {
    "not UTF-8": b'{"choices": "\xff"}',
    "UTF-16": json.dumps({"choices": []}).encode("utf-16"),
    "100,000 digits": b'{"n": ' + b"9" * 100_000 + b"}",
    "4,000 digits": b'{"n": -' + b"9" * 4000 + b"}",
    "deep lists": b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep objects": b'{"a": ' * 100_000 + b"1" + b"}" * 100_000,
    "a lone surrogate": rb'{"choices": [{"index": 0, "text": "\ud800"}]}',
    "nan": b'{"usage": NaN}',
    "infinity": b'{"usage": {"prompt_tokens": Infinity}}',
    "infinity in digits": b'{"usage": {"prompt_tokens": 1e999}}',
    "a page": b"<html>",
    "half": b'{"choices": [{"text": "1',
    "a list": b"[1]",
    "null": b"null",
    "nothing": b"",
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_json_object_is_a_sentence(server, back_end, name):
    with pytest.raises(BadAnswer) as bad:
        reading.record(BROKEN[name])
    assert is_sentence(bad.value)
    server.script("POST", "/completions", lambda good: [http(BROKEN[name])])
    with pytest.raises(UserError) as error:
        ask(back_end(), free())
    assert is_sentence(error.value)
    assert "\ufffd" not in str(error.value) or name in ("not UTF-8", "UTF-16")


@pytest.mark.parametrize("name", BROKEN)
def test_an_error_s_body_is_read_by_the_same_reader(server, back_end, name):
    server.script("POST", "/completions", lambda good: [http(BROKEN[name], 400)])
    with pytest.raises(UserError, match=r"refused an answer of test \(400\)") as error:
        ask(back_end(), free())
    assert is_sentence(error.value)


@pytest.mark.parametrize(
    "inner", [1, [], {"message": {"a": 1}, "code": {}, "type": []}, "\x1b[2Jgone", f"{KEY}", None], ids=range(6)
)
def test_an_error_of_another_form_is_a_sentence(server, back_end, inner):
    for status in (400, 403, 429, 500):
        server.script("POST", "/completions", lambda good, status=status: [http({"error": inner}, status)])
        with pytest.raises(UserError) as error:
            ask(back_end(), free())
        assert is_sentence(error.value)


@pytest.mark.parametrize("after", ["nan", "inf", "-inf", "-5", "1e999", "soon", "9" * 99])
def test_a_date_that_is_none_is_not_waited_for(server, back_end, after):
    server.script("POST", "/completions", lambda good: [http({}, 429, Retry_After=after)])
    with pytest.raises(UserError, match="retry-minutes"):
        ask(back_end(), free())


def endless(good):
    yield b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"
    while True:
        yield b" " * 2**16


LARGE = {
    "500 MB are claimed": lambda good: [http(b"{", Content_Length="500000000")],
    "it has no end": endless,
    "it is packed": lambda good: [http(b"\x1f\x8b" + bytes(100), Content_Encoding="gzip")],
}


@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("verb", ["an answer", "an upload", "a look at a job", "a download"])
def test_a_body_that_is_too_large_is_not_read(server, back_end, monkeypatch, verb, name):
    monkeypatch.setattr(transport, "FILE_BYTES", 2**20)
    act, request = VERBS[verb]
    server.script(*request, LARGE[name])
    with pytest.raises(UserError, match=r"more than|compressed") as error:
        act(back_end())
    assert is_sentence(error.value)


@pytest.mark.parametrize("where", ["in the headers", "in the body"])
def test_a_body_that_drips_ends(server, back_end, monkeypatch, tmp_path, where):
    monkeypatch.setattr(transport, "ANSWER_SECONDS", 0.5)
    text = http({"choices": []}, Content_Length="1000") + b" " * 900
    start = 0 if where == "in the headers" else text.index(b"\r\n\r\n") + 4

    def drip(good):
        yield text[:start]
        for byte in text[start:]:
            yield bytes([byte])
            server.ending.wait(0.05)

    server.script("POST", "/completions", drip)
    with pytest.raises(UserError, match=r"within 0\.5 s"):
        ask(back_end(), free())
    assert [entry["kind"] for entry in entries(tmp_path)] == ["lost answer"]


# ---- log-probabilities -----------------------------------------------------------------------------------------------


def echoed(text, **changes):
    """Log-probabilities of a text's characters, some of them changed."""
    response = scripted.completion({"echo": True, "prompt": text, "model": "test"})
    known = response["choices"][0]["logprobs"]
    for name, (place, value) in changes.items():
        known[name][place] = value
    return response


ECHOES = {
    "nan": {"token_logprobs": (4, math.nan)},
    "infinite": {"token_logprobs": (4, -math.inf)},
    "all but infinite": {"token_logprobs": (4, -1e308)},
    "above 0": {"token_logprobs": (4, 0.5)},
    "above 0 in the prompt": {"token_logprobs": (1, 0.5)},
    "boolean": {"token_logprobs": (4, False)},
    "text": {"token_logprobs": (4, "-1")},
    "missing": {"token_logprobs": (4, None)},
    "another token": {"tokens": (4, "x")},
    "another token in the prompt": {"tokens": (1, "x")},
    "no token": {"tokens": (4, None)},
    "a longer token": {"tokens": (4, "ef")},
    "another place": {"text_offset": (4, 3)},
    "a fraction of a place": {"text_offset": (4, 4.0)},
    "a boolean place": {"text_offset": (1, True)},
    "places out of order": {"text_offset": (2, 4)},
}


@pytest.mark.parametrize("name", ECHOES)
def test_log_probabilities_of_anything_but_the_prompt_are_refused(name):
    assert log_probabilities.log_likelihood(echoed("abcdef"), "abcdef", 3) == -3.0
    with pytest.raises(BadAnswer) as error:
        log_probabilities.log_likelihood(echoed("abcdef", **ECHOES[name]), "abcdef", 3)
    assert is_sentence(error.value)


def test_tokens_that_are_left_out_are_noticed():
    response = echoed("abcdef")
    for column in response["choices"][0]["logprobs"].values():
        del column[4]
    with pytest.raises(BadAnswer, match="something else"):
        log_probabilities.log_likelihood(response, "abcdef", 3)


@pytest.mark.parametrize("halves", [["", "é"], ["\ufffd", ""], ["bytes:\\xc3", "bytes:\\xa9"]])
def test_a_character_in_two_tokens_may_be_written_in_several_ways(halves):
    known = {"tokens": ["ab", *halves, "d"], "token_logprobs": [None, -1.0, -2.0, -4.0], "text_offset": [0, 2, 2, 3]}
    response = {"choices": [{"logprobs": known}]}
    assert log_probabilities.log_likelihood(response, "abéd", 2) == -7.0
    assert log_probabilities.log_likelihood(response, "abéd", 3) == -4.0


TOPS = {
    "a token that is null": [{"token": None, "logprob": -1.0}],
    "no token": [{"logprob": -1.0}],
    "nan": [{"token": "1", "logprob": math.nan}],
    "infinite": [{"token": "1", "logprob": -math.inf}],
    "boolean": [{"token": "1", "logprob": False}],
    "above 0": [{"token": "1", "logprob": 0.5}],
    "text": [{"token": "1", "logprob": "-1"}],
    "more than is": [{"token": "1", "logprob": -0.1}, {"token": "0", "logprob": -0.1}],
    "no list": {"1": -1.0},
    "no object": ["1"],
    "nothing": [],
}


@pytest.mark.parametrize("name", TOPS)
def test_first_tokens_are_looked_at(name):
    content = [{"token": "1", "logprob": -1.0, "top_logprobs": TOPS[name]}]
    with pytest.raises(BadAnswer) as error:
        log_probabilities.first_likelihoods({"choices": [{"index": 0, "logprobs": {"content": content}}]}, ["0", "1"])
    assert is_sentence(error.value)


MAPS = {
    "a map with nan": [{" 0": -1.0, " 1": math.nan}],
    "a map with infinity": [{" 0": -1.0, " 1": -math.inf}],
    "a map with all but infinity": [{" 0": -1.0, " 1": -1e308}],
    "a map with a boolean": [{" 0": -1.0, " 1": False}],
    "a map above 0": [{" 0": -5.0, " 1": 0.5}],
    "a map of texts": [{" 0": "-1", " 1": "-1"}],
    "a map of null": [{" 0": None, " 1": None}],
    "a map of lists": [{" 0": [-1.0], " 1": [-1.0]}],
    "a map with more than is": [{" 0": -0.1, " 1": -0.1}],
    "two places": [{" 0": -1.0, " 1": -1.0}, {" 0": -1.0, " 1": -1.0}],
    "null and a place": [None, {" 0": -1.0, " 1": -1.0}],
    "a map alone": {" 0": -1.0, " 1": -1.0},
    "a list of a chat": [[{"token": " 0", "logprob": -1.0}]],
    "an empty map": [{}],
    "an empty list": [],
    "null": None,
    "a number": 3,
}


@pytest.mark.parametrize("name", MAPS)
def test_first_tokens_of_completions_are_looked_at(name, server, back_end, tmp_path):
    both = Provider("test", echo=True, top_logprobs=5, concurrency=1)
    request = wire.first_token(both, "test", PLANTED)
    good = scripted.completion(request)
    assert log_probabilities.token_likelihoods(good, [" 0", " 1"]) == [-1.0, -1.0]
    good["choices"][0]["logprobs"]["top_logprobs"] = MAPS[name]
    for read in (
        log_probabilities.token_likelihoods,
        lambda *given: log_probabilities.first_likelihoods(*given, chat=False),
    ):
        with pytest.raises(BadAnswer) as error:
            read(good, [" 0", " 1"])
        assert is_sentence(error.value)
    server.script("POST", "/completions", lambda _: [http(json.dumps(good).encode())])
    with pytest.raises(UserError):
        ask(back_end(both), request)
    assert not list((tmp_path / "openai").rglob("answers/*.jsonl"))  # nothing of it is kept


CHOICES = [None, 1, {}, [1], ["a"], [{"index": 0}], [{"index": 0, "text": 3}], [{"index": True, "text": "a"}]]
CHOICES += [[{"index": 1, "text": "a"}], [{"index": "0", "text": "a"}], [{"index": 0, "message": "a"}], [{"text": "a"}]]


@pytest.mark.parametrize("choices", CHOICES)
def test_answers_of_another_form_are_refused_in_a_sentence(choices):
    with pytest.raises(BadAnswer) as error:
        wire.texts({"choices": choices}, 1)
    assert is_sentence(error.value)


def test_an_answer_on_the_disk_that_is_none_is_named(server, back_end):
    live = back_end()
    live.store.keep_answer(live.asker.url, "/v1/completions", free(), {"choices": [{"index": 0, "text": 3}]})
    with pytest.raises(UserError, match="remove its line"):
        ask(live, free())
    assert not server.got


# ---- paid once -------------------------------------------------------------------------------------------------------

IDS = [{}, {"id": "a"}, ["a"], "..", ".", "a/b", "../files", "a" * 1000, "", "a\nb", "a?b", "a%2e", 7, True, None]


@pytest.mark.parametrize("id", IDS, ids=range(len(IDS)))
def test_an_id_that_is_none_is_refused_and_nothing_is_bought_twice(server, back_end, id):
    server.script("POST", "/jobs$", lambda good: [http(good | {"id": id})])
    assert back_end().tune(job()).model == "ft:test:1"  # found in the list
    assert server.count("POST", "/jobs$") == 1


@pytest.mark.parametrize("id", IDS, ids=range(len(IDS)))
def test_an_id_that_is_none_in_the_list_too_ends_in_a_sentence_again_and_again(server, back_end, id):
    server.script("POST", "/jobs$", lambda good: [http(good | {"id": id})])
    server.script(
        "GET", r"/jobs(\?|$)", lambda good: [http(good | {"data": [one | {"id": id} for one in good["data"]]})]
    )
    for _ in range(2):
        with pytest.raises(UserError, match="not bought again") as error:
            back_end().tune(job())
        assert is_sentence(error.value)
    assert server.count("POST", "/jobs$") == 1


@pytest.mark.parametrize("id", IDS[:11], ids=range(11))
def test_ids_of_files_and_batches_are_looked_at(server, back_end, id):
    server.script("POST", "/files$", lambda good: [http(good | {"id": id})])
    with pytest.raises(UserError) as error:
        back_end().tune(job())
    assert is_sentence(error.value)
    assert not server.count("POST", "/jobs$")
    server.reset()
    if id is not None:
        server.script("GET", "/batches/", lambda good: [http(good | {"output_file_id": id})])
        with pytest.raises(UserError) as error:
            jobs.batch(back_end(), "/v1/completions", {"0": free()})
        assert is_sentence(error.value)
        assert not server.count("GET", "/files/")


BODIES = [*BROKEN.values(), *map(json.dumps, ({}, JOB | {"status": {}}, JOB | {"fine_tuned_model": ["m"]}))]
BODIES += [json.dumps(JOB | {"object": "list"}), json.dumps(JOB | {"fine_tuned_model": "m\x1b[2J"})]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_a_training_that_was_paid_for_is_taken_up_after_any_nonsense(server, back_end, tmp_path, body):
    data = body if isinstance(body, bytes) else body.encode()
    server.script("GET", "/jobs/[^/]+$", lambda good: [http(data)])
    with pytest.raises(UserError) as error:
        back_end().tune(job())
    assert is_sentence(error.value)
    [state] = (tmp_path / "openai" / "jobs").glob("*.json")
    assert json.loads(state.read_text())["job"] == JOB["id"]
    assert [entry["kind"] for entry in entries(tmp_path)] == ["training"]
    server.script("GET", "/jobs/[^/]+$", lambda good: [http(good)])
    assert back_end().tune(job()).model == "ft:test:1"
    assert server.count("POST", "/jobs$") == 1
    assert [entry["kind"] for entry in entries(tmp_path)] == ["training"]


def test_an_empty_text_may_stand_for_null(server, back_end):
    server.script("POST", "/jobs$", lambda good: [http(good | {"fine_tuned_model": ""})])
    assert back_end().tune(job()).model == "ft:test:1"
    server.script("GET", "/batches/", lambda good: [http(good | {"error_file_id": ""})])
    jobs.batch(back_end(), "/v1/completions", {"0": free()})


EVENTS = [{}, {"id": {}, "message": "a"}, {"id": "e", "message": {}}, {"id": "e" * 9999, "message": "a"}, {"id": "e"}]


def test_events_that_are_none_are_left_out_and_do_not_steer_the_terminal(server, back_end, capsys):
    told = [*EVENTS, {"id": "f", "message": f"\x1b[2J{KEY} seen"}]
    server.script("GET", "/events", lambda good: [http({"object": "list", "data": told})])
    assert back_end().tune(job()).model == "ft:test:1"
    err = capsys.readouterr().err
    assert "[key] seen" in err
    assert "\x1b" not in err


STEPS = [{}, {"step_number": True}, {"step_number": "2"}, {"step_number": -1}, {"step_number": 2.5}]
STEPS += [{"fine_tuned_model_checkpoint": {}}, {"step_number": 10**19}]


@pytest.mark.parametrize("step", STEPS)
def test_checkpoints_that_are_none_end_in_a_sentence(server, back_end, step):
    whole = {"step_number": 2, "fine_tuned_model_checkpoint": "m"}
    server.script("GET", "/checkpoints", lambda good: [http(good | {"data": [whole | step if step else {}]})])
    with pytest.raises(UserError) as error:
        back_end().tune(job())
    assert is_sentence(error.value)


LINES = [*BROKEN.values(), b'{"custom_id": {}}', b'{"custom_id": "0", "response": 3}']
LINES += [b'{"custom_id": "0", "response": {"status_code": 200, "body": {"choices": 3}}}']
LINES += [b'{"custom_id": "0", "response": {"status_code": 400, "body": {"error": "\\u001b[2J"}}}']


@pytest.mark.parametrize("line", LINES, ids=range(len(LINES)))
def test_lines_of_a_batch_that_are_none_cost_no_other_line(server, back_end, line):
    server.script("GET", "/content", lambda good: [http(line.replace(b"\n", b"") + b"\n" + good.splitlines()[1])])
    live, two = back_end(), {"0": free(), "1": free(prompt="another")}
    with pytest.raises(UserError, match="1 of 2 requests") as error:
        jobs.batch(live, "/v1/completions", two)
    assert is_sentence(error.value)
    assert live.store.answer(live.asker.url, "/v1/completions", two["1"]) is not None


LISTS = {"[1]": None, '"a"': None, "3": None, "{}": None, "[{}]": "ft:test:1", '[{"id": {}}]': "ft:test:1"}


@pytest.mark.parametrize("listed", LISTS)
def test_a_list_of_another_form_ends_in_a_sentence_and_strange_entries_are_left_out(server, back_end, listed):
    server.script("GET", "/models", lambda good: [http({"object": "list", "data": json.loads(listed)})])
    if LISTS[listed]:
        assert back_end().tune(job()).model == LISTS[listed]
        return
    with pytest.raises(UserError) as error:
        back_end().tune(job())
    assert is_sentence(error.value)


def test_scores_are_finite_in_the_end(server, back_end):
    text = "row → 1"
    live = back_end()
    response = ask(live, wire.scoring(COMPLETIONS, "test", text))
    assert log_probabilities.log_likelihood(response, text, 5) == -2.0
    response = ask(back_end(CHAT), wire.first_token(CHAT, "test", text))
    assert np.isfinite(log_probabilities.first_likelihoods(response, ["0", "1", "2"])).all()
