"""Responses made after OpenAI's description of its protocol, and spoilt: always a sentence or the right answer.

500 responses, the same ones in every run; LIFT_FUZZ=5000 for more.
"""

import gzip
import itertools
import json
import math
import os
import resource
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from others.rehearsal import checks, scripted
from others.rehearsal.scripted import Scripted, http
from utils.errors import UserError
from utils.models.openai import jobs, log_probabilities, wire
from utils.models.openai.providers import Provider

SPEC = checks.amended(json.loads(gzip.decompress(checks.DESCRIPTION.read_bytes())))
SCHEMAS = SPEC["components"]["schemas"]
N = int(os.environ.get("LIFT_FUZZ", 500))
MOST_REQUESTS = 12  # that one act may send
MOST_MEMORY = 300 * 2**20  # bytes by which the process may grow
KEY = "sk-planted-0123456789abcdef"
DEEP = 1  # levels of an object at which fields that may be missing are drawn
URL = "http://127.0.0.1/v1"  # a part of what jobs are known by, and so without the port, which varies
PROMPT, TEXT = "a row: 12 =>", "a row: 12 => 1"
COMPLETIONS = Provider("test", echo=True, checkpoints=2, concurrency=1)
CHAT = Provider("test", lines="chat", inference="chat", top_logprobs=5, concurrency=1)
HOW = {"stop": "", "temperature": 0.0, "samples": 1, "max_new_tokens": 5, "seed": 3}
FREE = wire.free(COMPLETIONS, "test", PROMPT, **HOW)
PAIR = wire.training_lines(COMPLETIONS, [(PROMPT, " 1")])
JOB = wire.Job("test", PAIR, b"", 20, {}, {}, seed=1, epochs=2, n_updates=4)


def nested(n):
    """A list in a list, `n` times."""
    found: list = []
    for _ in range(n):
        found = [found]
    return found


HOSTILE = [None, True, False, 0, 1, -1, 2, -(10**9), 2**53, 10**30, 10**4000, -0.5, 0.5, 1e308, -1e308]
HOSTILE += [math.nan, math.inf, -math.inf, "", "..", "a/b", "1", "\ud800", "x" * 1000, "\x1b[2J", "\u2028", KEY]
HOSTILE += [[], {}, [None], [[]], {"id": "a"}, nested(150), nested(400), ["1"] * 50, {"": {}}]


# ---- responses -------------------------------------------------------------------------------------------------------


def described(draw, schema, depth=0):
    """A value that fits a schema of the description."""
    while "$ref" in schema:
        schema = SCHEMAS[schema["$ref"].rpartition("/")[2]]
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return described(draw, draw(st.sampled_from(schema[several])), depth)
    if "allOf" in schema:
        parts = [described(draw, part, depth) for part in schema["allOf"]]
        return {k: v for part in parts for k, v in part.items()} if isinstance(parts[0], dict) else parts[0]
    if "enum" in schema or "const" in schema:
        return draw(st.sampled_from(schema.get("enum") or [schema["const"]]))
    kind = schema.get("type", "object")
    kind = draw(st.sampled_from(kind)) if isinstance(kind, list) else kind
    if kind == "object":
        must, fields = schema.get("required", ()), schema.get("properties", {})
        taken = [name for name in fields if name in must or (depth < DEEP and draw(st.booleans()))]
        return {name: described(draw, fields[name], depth + 1) for name in taken}
    if kind == "array":
        n = draw(st.integers(schema.get("minItems", 0), schema.get("minItems", 0) + 2))
        return [described(draw, schema.get("items", {}), depth + 1) for _ in range(n)]
    low, high = schema.get("minimum", -5), schema.get("maximum", 10**6)
    leaves = {"integer": st.integers(low, high), "number": st.floats(low, high), "boolean": st.booleans()}
    leaves |= {"string": st.sampled_from(["", "1", " 1", "abc-1", "é ✓"]), "null": st.none()}
    return draw(leaves[kind])


def places(value, path=()):
    """Where anything lies in a JSON value."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*path, key))


def changed(value, path, new):
    """The value with another one at a place; with none there where `new` is `changed` itself."""
    if not path:
        return new if new is not changed else {}
    copy = value.copy()
    if new is changed and len(path) == 1:
        del copy[path[0]]
    else:
        copy[path[0]] = changed(value[path[0]], path[1:], new)
    return copy


def spoilt(draw, data):
    """Bytes that were cut, filled or altered."""
    place = len(data) * draw(st.integers(0, 16)) // 16
    junk = draw(st.sampled_from([b"", b"\xff", b"\xed\xa0\x80", b"}", b'"', b"9" * 5000, b"[" * 5000, b"\xef\xbb\xbf"]))
    return draw(st.sampled_from([data[:place], data[:place] + junk + data[place:], junk + data[place:]]))


@st.composite
def bodies(draw, schema, good):
    """A body for a response to which `good` would be one: after the description, after `good`, or both; then spoilt."""
    way = draw(st.sampled_from(["described", "good", "both", "both"]))
    body = {} if way == "good" else described(draw, schema)
    body = body if way == "described" else body | good
    for _ in range(draw(st.integers(0, 2))):
        path = draw(st.sampled_from(list(places(body))))
        body = changed(body, path, draw(st.sampled_from([changed, *HOSTILE])))
    data = json.dumps(body).encode()  # with what JSON does not allow, as NaN
    return spoilt(draw, data) if draw(st.integers(0, 5)) == 0 else data


# ---- what is done with them ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Act:
    """Something that is asked of a server.

    Attributes:
        request: the one whose response is made, method and path.
        schema: of that response.
        good: fields of a response that goes well.
        do: returns what came of it.
        right: whether that is what the response, parsed, says; None where it decides nothing.
        wrong: a request that goes unanswered, so that this one is made.
    """

    request: tuple[str, str]
    schema: dict
    good: Any
    do: Any
    right: Any = None
    provider: Provider = COMPLETIONS
    wrong: tuple[str, str] | None = None


def ref(name):
    return {"$ref": f"#/components/schemas/{name}"}


def asked(live, request):
    [response] = live.ask(wire.PATHS["chat" if "messages" in request else "completions"], [request])
    most = wire.most_tokens(live.provider, request)
    assert 0 <= live.usd <= live.price.usd(prompt=most[0], completion=most[1])
    return response


def tune(live):
    tuned = live.tune(JOB)
    assert 0 <= tuned.n_tokens <= JOB.epochs * len(JOB.training)
    assert 0 <= live.usd <= live.price.usd(training=JOB.epochs * len(JOB.training))
    assert all(isinstance(step, int) and isinstance(name, str) for step, name in tuned.checkpoints.items())
    return tuned.model


def batch(live):
    jobs.batch(live, "/v1/completions", {"0": FREE})
    return wire.texts(live.store.answer(live.asker.url, "/v1/completions", FREE), 1)


def text_of(told):
    [choice] = told["choices"]
    body = choice["message"]["content"] if "message" in choice else choice["text"]
    return "" if body is None or choice.get("finish_reason") == "content_filter" else body


def likelihood_of(told):
    known = told["choices"][0]["logprobs"]
    inside = [v for v, start in zip(known["token_logprobs"], known["text_offset"], strict=True) if start < len(TEXT)]
    assert "".join(known["tokens"][: len(inside)]) == TEXT
    return sum(inside[len(PROMPT) :]) if len(inside) == len(TEXT) else None


TOLD = Provider("test", echo=True, top_logprobs=5, checkpoints=2, concurrency=1)
TOKEN = wire.first_token(TOLD, "test", PROMPT)
SCORE, FIRST = wire.scoring(COMPLETIONS, "test", TEXT), wire.first_token(CHAT, "test", PROMPT)
SAID = wire.free(CHAT, "test", PROMPT, **HOW)
LINE = {"custom_id": "0", "response": {"status_code": 200, "body": scripted.completion(FREE)}, "error": None}
LINES = {"type": "object", "properties": {"response": {"type": "object", "properties": {}}}}


def page(**entry):
    return {"object": "list", "data": [entry], "has_more": False}


def same_text(made, told):
    return made.removesuffix(wire.CUT) == text_of(told)


def same_tokens(made, told):
    top = told["choices"][0]["logprobs"]["top_logprobs"][0]
    if made is None:
        return not {" 0", " 1"} <= set(top)
    return made == pytest.approx([top[" 0"], top[" 1"]], abs=1e-5) and all(-1e6 <= value <= 0 for value in made)


def same_score(made, told):
    expected = likelihood_of(told)
    return math.isfinite(made) and made <= 0 and (expected is None or made == pytest.approx(expected, abs=1e-5))


ANSWER, CHATTED, TUNING = ref("CreateCompletionResponse"), ref("CreateChatCompletionResponse"), ref("FineTuningJob")
JOB_MARK = {"lift": JOB.key(URL)}
BATCH_MARK = {"lift": wire.digest(["batch", URL, "/v1/completions", ["0"]])}
ACTS = {
    "answer": Act(
        ("POST", "/completions"),
        ANSWER,
        scripted.completion(FREE),
        lambda live: wire.texts(asked(live, FREE), 1)[0],
        same_text,
    ),
    "chat": Act(
        ("POST", "/completions"),
        CHATTED,
        scripted.completion(SAID),
        lambda live: wire.texts(asked(live, SAID), 1)[0],
        same_text,
        CHAT,
    ),
    "score": Act(
        ("POST", "/completions"),
        ANSWER,
        scripted.completion(SCORE),
        lambda live: log_probabilities.log_likelihood(asked(live, SCORE), TEXT, len(PROMPT)),
        same_score,
    ),
    "first token": Act(
        ("POST", "/completions"),
        CHATTED,
        scripted.completion(FIRST),
        lambda live: log_probabilities.first_likelihoods(asked(live, FIRST), ["0", "1"]),
        lambda made, told: all(math.isfinite(value) and value <= math.log(2) for value in made),
        CHAT,
    ),
    "first token of a completion": Act(
        ("POST", "/completions"),
        ANSWER,
        scripted.completion(TOKEN),
        lambda live: log_probabilities.token_likelihoods(asked(live, TOKEN), [" 0", " 1"]),
        same_tokens,
        TOLD,
    ),
    "upload": Act(("POST", "/files$"), ref("OpenAIFile"), {"id": "file-1", "status": "processed"}, tune),
    "creation": Act(("POST", "/jobs$"), TUNING, scripted.JOB | {"status": "queued"}, tune),
    "job": Act(
        ("GET", "/jobs/[^/]+$"),
        TUNING,
        scripted.JOB,
        tune,
        lambda made, told: made == told["fine_tuned_model"],
    ),
    "jobs": Act(
        ("GET", r"/jobs(\?|$)"),
        ref("ListPaginatedFineTuningJobsResponse"),
        page(id="ftjob-1", metadata=JOB_MARK),
        tune,
        wrong=("POST", "/jobs$"),
    ),
    "events": Act(("GET", "/events"), ref("ListFineTuningJobEventsResponse"), page(id="e", message="m"), tune),
    "checkpoints": Act(
        ("GET", "/checkpoints"),
        ref("ListFineTuningJobCheckpointsResponse"),
        page(step_number=2, fine_tuned_model_checkpoint="m"),
        tune,
    ),
    "models": Act(("GET", "/models"), ref("ListModelsResponse"), page(id="test", object="model"), tune),
    "batch creation": Act(("POST", "/batches$"), ref("Batch"), scripted.BATCH, batch),
    "batch": Act(("GET", "/batches/"), ref("Batch"), scripted.BATCH, batch),
    "batches": Act(
        ("GET", r"/batches(\?|$)"),
        ref("ListBatchesResponse"),
        page(id="batch_1", metadata=BATCH_MARK),
        batch,
        wrong=("POST", "/batches$"),
    ),
    "batch's lines": Act(
        ("GET", "/content"),
        LINES,
        LINE,
        batch,
        lambda made, told: made[0].removesuffix(wire.CUT) == text_of(told["response"]["body"]),
    ),
}


@pytest.mark.parametrize("name", ACTS)
def test_any_response_ends_in_a_sentence_or_the_right_answer(name, tmp_path, monkeypatch, capsys):
    from utils.models.openai.connection import Connection

    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr(jobs, "POLL", (0.0, 0.0))
    monkeypatch.setattr(jobs, "SEARCHES", 1)
    act, folders, ends = ACTS[name], (tmp_path / str(i) for i in itertools.count()), Counter()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    with Scripted() as server:
        connection = Connection(server.url, "OPENAI_API_KEY", 0.0)
        connection.url = URL

        @settings(max_examples=-(-N // len(ACTS)), suppress_health_check=list(HealthCheck), database=None)
        @given(bodies(act.schema, act.good), st.sampled_from([200] * 9 + [201, 400, 404, 500]))
        # Whatever is drawn: one response that goes well, and two that cannot.
        @example(json.dumps(act.good).encode(), 200)
        @example(b"{", 200)
        @example(b"{}", 400)
        def check(body, status):
            folder = next(folders)
            server.reset()
            if act.wrong:
                server.script(*act.wrong, lambda good: [])
            server.script(*act.request, lambda good: [http(body, status)])
            live = scripted.live(connection, act.provider, folder)
            made, problem = outcome(act, live)
            ends[bool(problem)] += 1
            if problem:
                assert problem.isprintable()
                assert "Error(" not in problem
                assert KEY not in problem
            elif act.right and status < 300:
                assert act.right(made, json.loads(body.splitlines()[0]))
            assert server.count("POST", "/jobs$") <= 1
            assert server.count("POST", "/batches$") <= 1
            assert len(server.got) <= MOST_REQUESTS
            assert 0 <= live.ledger.spent() < 1
            for file in (folder / "answers").glob("*.jsonl"):
                assert [json.loads(line)["response"] for line in file.read_text("utf-8").splitlines()]

        check()
    assert min(ends[True], ends[False]) > 0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 < before + MOST_MEMORY
    assert KEY not in "".join(capsys.readouterr())


def outcome(act, live):
    """What came of an act, and the sentence that it ended in, "" where it did not."""
    try:
        return act.do(live), ""
    except UserError as error:
        return None, str(error)


def test_what_is_made_after_the_description_fits_it():
    jsonschema = pytest.importorskip("jsonschema")

    @settings(max_examples=60, suppress_health_check=list(HealthCheck), database=None)
    @given(st.data())
    def check(data):
        act = ACTS[data.draw(st.sampled_from([name for name in sorted(ACTS) if "$ref" in ACTS[name].schema]))]
        made = described(data.draw, act.schema)
        jsonschema.Draft202012Validator({**act.schema, "components": SPEC["components"]}).validate(made)

    check()
