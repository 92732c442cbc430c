"""What surrounds the client of the OpenAI protocol: prices, requests, the store, the ledger, the quote. No server."""

import io
import json
import math
import threading
from dataclasses import replace

import numpy as np
import pytest

from utils import storage
from utils.errors import CannotDo, UserError
from utils.models.openai import log_probabilities, model, providers, reading, replies, wire
from utils.models.openai.ledger import Ledger, OverBudget
from utils.models.openai.providers import Price, Provider
from utils.models.openai.quote import Quote
from utils.models.openai.store import Store
from utils.models.openai.token_counts import Counter
from utils.models.openai.wire import BadAnswer
from utils.prompts import wordings
from utils.study import budget

URL = "http://127.0.0.1:1/v1"
COMPLETIONS = Provider("a", echo=True)
CHAT = Provider("b", lines="chat", inference="chat", limit="max_completion_tokens", message_tokens=4, request_tokens=3)
ASKED = {"stop": "@@@", "temperature": 0.0, "samples": 1, "max_new_tokens": 5, "seed": 3}


# ---- files that grow by lines ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("torn", [0, 1, 5000])
def test_a_line_cut_short_is_left_out_and_removed(tmp_path, torn):
    file = tmp_path / "a.txt"
    storage.append(file, "one\n", header="head\n")
    with file.open("a") as stream:
        stream.write("x" * torn)
    assert storage.complete_lines(file) == ["head\n", "one\n"]
    storage.append(file, "zwö\n", header="head\n")
    assert file.read_text("utf-8") == "head\none\nzwö\n"


# ---- providers and prices --------------------------------------------------------------------------------------------


def test_a_provider_is_found_by_host_and_port_then_by_host_then_other(tmp_path):
    file = tmp_path / "providers.json"
    file.write_text(
        json.dumps([{"name": "x", "hosts": ["h"]}, {"name": "y", "hosts": ["h:9"]}, {"name": "other", "echo": True}])
    )
    assert [providers.provider(f"http://{h}/v1", file).name for h in ("h:9", "h:8", "h", "z")] == [
        "y",
        "x",
        "x",
        "other",
    ]


@pytest.mark.parametrize("text", ["{", "{}", "[1]", '[{"name": "x", "colour": 1}]'])
def test_a_broken_provider_file_is_named(tmp_path, text):
    file = tmp_path / "providers.json"
    file.write_text(text)
    with pytest.raises(UserError, match=r"providers\.json"):
        providers.provider(URL, file)


def test_the_price_is_that_of_the_longest_name_and_of_the_base_of_a_tuned_model(tmp_path):
    file = tmp_path / "prices.csv"
    file.write_text(
        "host,model,train,prompt,completion,batch,as_of\n*,*,9,9,9,1,d\nh,gpt,1,2,3,.5,d\nh,gpt-mini,4,5,6,.5,d\n"
    )
    assert providers.price("http://h/v1", "ft:gpt-mini-1:me::id", file) == Price(4, 5, 6, 0.5, "d")
    assert providers.price("http://h/v1", "gpt-2", file).train == 1
    assert providers.price("http://z/v1", "gpt-2", file).train == 9
    assert Price(4, 5, 6, 0.5, "d").usd(10**6, 2 * 10**6, 10**6) == 20
    assert Price(4, 5, 6, 0.5, "d").usd(0, 2 * 10**6, 10**6, batched=True) == 8


def test_one_server_may_tune_and_another_answer(tmp_path):
    file = tmp_path / "providers.json"
    tunes = {"name": "t", "hosts": ["t"], "lines": "chat", "inference": "chat", "checkpoints": 3}
    file.write_text(json.dumps([tunes, {"name": "a", "hosts": ["a"], "echo": True}]))
    both = providers.pair("http://t/v1", "http://a/v1", file)
    assert (both.lines, both.checkpoints, both.inference, both.echo) == ("chat", 3, "completions", True)
    prices = tmp_path / "prices.csv"
    prices.write_text("host,model,train,prompt,completion,batch,as_of\nt,*,1,2,3,.5,2026-02\na,*,4,5,6,1,2026-01\n")
    assert providers.pair_price("http://t/v1", "http://a/v1", "m", prices) == Price(1, 5, 6, 1, "2026-01")
    assert providers.pair_price("http://t/v1", "http://z/v1", "m", prices) is None


def test_a_model_without_a_price_has_none_and_a_broken_table_is_named(tmp_path):
    assert providers.price("https://api.openai.com/v1", "unheard-of") is None
    (tmp_path / "prices.csv").write_text("host,model,train\nh,m,cheap\n")
    with pytest.raises(UserError, match="not a price table"):
        providers.price(URL, "m", tmp_path / "prices.csv")


def test_the_shipped_files_are_whole():
    assert providers.provider("http://localhost:8000/v1").top_logprobs == 20  # vLLM
    here = providers.provider("http://localhost:8080/v1")  # llama.cpp, which cannot echo
    assert here.top_logprobs == 20
    assert not here.echo
    assert providers.provider("https://api.openai.com/v1").name == "openai"
    assert providers.price("https://api.openai.com/v1", "gpt-4o-mini-2024-07-18").as_of
    with pytest.raises(UserError, match="not a base URL"):
        providers.host("api.openai.com")


# ---- requests, lines, responses --------------------------------------------------------------------------------------


def test_training_lines_hold_any_text():
    pairs = [('a "b", c\n### ✓', " 1@@@")]
    assert json.loads(wire.training_lines(COMPLETIONS, pairs)) == {"prompt": pairs[0][0], "completion": " 1@@@"}
    chat = json.loads(wire.training_lines(CHAT, pairs))["messages"]
    assert chat == [{"role": "user", "content": pairs[0][0]}, {"role": "assistant", "content": "1@@@"}]


def test_requests_have_the_fields_of_their_endpoint():
    assert wire.free(COMPLETIONS, "m", "p", **ASKED) == {
        "model": "m",
        "prompt": "p",
        "max_tokens": 5,
        "temperature": 0.0,
        "stop": ["@@@"],
    }
    assert wire.free(COMPLETIONS, "m", "p", **ASKED | {"temperature": 1.0})["seed"] == 3
    chat = wire.free(replace(CHAT, seed=False), "m", "p", **ASKED | {"samples": 2, "stop": "", "temperature": 1.0})
    assert chat == {
        "model": "m",
        "messages": [{"role": "user", "content": "p"}],
        "max_completion_tokens": 5,
        "temperature": 1.0,
        "n": 2,
    }
    assert wire.answer_limit(CHAT, chat) == 10
    with pytest.raises(CannotDo, match="--decoding generate"):
        wire.scoring(CHAT, "m", "p")


def choice(index, text, reason="stop"):
    return {"index": index, "text": text, "finish_reason": reason}


def test_answers_are_put_in_order_and_cut_ones_are_marked():
    assert wire.texts({"choices": [choice(1, "b"), choice(0, "a")]}, 2) == ["a", "b"]
    assert wire.texts({"choices": [choice(0, " 12.3", "length")]}, 1) == [" 12.3…"]
    assert wire.texts({"choices": [choice(0, "1\nnext", "length")]}, 1) == ["1\nnext"]  # its first line is whole
    withheld = {"index": 0, "message": {"content": None}, "finish_reason": "content_filter"}
    assert wire.texts({"choices": [withheld]}, 1) == [""]


@pytest.mark.parametrize("response", [{}, {"choices": None}, {"choices": [{"index": 0}]}, {"choices": []}])
def test_a_response_without_answers_is_no_answer(response):
    with pytest.raises(BadAnswer):
        wire.texts(response, 1)


def scored(tokens, values):
    offsets = [sum(map(len, tokens[:i])) for i in range(len(tokens))]
    return {"choices": [{"logprobs": {"tokens": tokens, "token_logprobs": values, "text_offset": offsets}}]}


def test_log_probabilities_are_found_by_place_and_not_by_number():
    whole = scored(["ab", "c#", "# 1", "@@@", " extra"], [None, -1.0, -2.0, -4.0, -8.0])
    assert log_probabilities.log_likelihood(whole, "abc## 1@@@", 5) == -6.0
    assert log_probabilities.log_likelihood(whole, "abc## 1@@@", 4) == -6.0
    with pytest.raises(BadAnswer):
        log_probabilities.log_likelihood(scored([" extra"], [-1.0]), "abc## 1@@@", 5)  # only of what was generated
    with pytest.raises(BadAnswer):
        log_probabilities.log_likelihood({"choices": [{"logprobs": None}]}, "abc", 2)


def test_log_probabilities_one_place_late_are_refused():
    """As llama-cpp-python 0.3.36 answers an echo with one new token: nothing of that token, but its guess before it."""
    prompt, tokens = "The capital of France is", ["The", " capital", " of", " France", " is"]
    response = scored(tokens, [None, -9.6, -10.5, -11.2, -11.8])
    late = [None, {" of": -0.4}, {" the": -2.0}, {" is": -0.4}, {" Paris": -0.3, " is": -11.8}]
    right = [None, {" most": -2.1}, {" of": -0.4}, {" the": -2.0}, {" is": -0.4}]
    response["choices"][0] |= {"text": f"{prompt} Paris"}
    for likeliest in (right, None, [], [None] * 5, [{}] * 5, [{" Paris": None, "": 0.0}]):
        response["choices"][0]["logprobs"]["top_logprobs"] = likeliest
        assert log_probabilities.log_likelihood(response, prompt, 21) == -11.8
    response["choices"][0]["logprobs"]["top_logprobs"] = late
    with pytest.raises(BadAnswer, match="tokens after"):
        log_probabilities.log_likelihood(response, prompt, 21)
    whole = scored([*tokens, " Paris"], [None, -9.6, -10.5, -11.2, -11.8, -0.3])
    whole["choices"][0]["text"] = f"{prompt} Paris"
    whole["choices"][0]["logprobs"]["top_logprobs"] = [*right, {" Paris": -0.3}]
    assert log_probabilities.log_likelihood(whole, prompt, 21) == -11.8


def first(**told):
    top = [{"token": token, "logprob": math.log(p)} for token, p in told.items()]
    return {"choices": [{"logprobs": {"content": [{"top_logprobs": top}]}}]}


def test_classes_are_scored_by_the_first_token_that_is_theirs_alone():
    response = first(**{"setosa": 0.5, "vi": 0.2, "ver": 0.1, "v": 0.1, "x": 0.05})
    assert np.exp(
        log_probabilities.first_likelihoods(response, ["setosa", "virginica", "versicolor"])
    ) == pytest.approx([0.5, 0.2, 0.1])
    response = first(**{" 1": 0.6, "10": 0.3, "x": 0.02})
    got = np.exp(log_probabilities.first_likelihoods(response, ["1", "10", "2", "3"]))
    assert got == pytest.approx([0.6, 0.3, 0.02, 0.02])  # 0.08 are left for two, the last one told has 0.02
    with pytest.raises(BadAnswer):
        log_probabilities.first_likelihoods({"choices": [{"logprobs": None}]}, ["a"])


def first_of_completion(**told):
    return {"choices": [{"logprobs": {"top_logprobs": [{token: math.log(p) for token, p in told.items()}]}}]}


def test_a_class_is_one_token_only_where_a_token_has_its_text():
    response = first_of_completion(**{" 0": 0.6, " 1": 0.3, "2": 0.05, " set": 0.02})
    assert np.exp(log_probabilities.token_likelihoods(response, [" 1", " 0"])) == pytest.approx([0.3, 0.6])
    for other in (" 2", "0", " setosa", " 0@@@", " 3"):
        assert log_probabilities.token_likelihoods(response, [" 0", other]) is None
    got = np.exp(log_probabilities.first_likelihoods(response, ["0", "2", "setosa"], chat=False))
    assert got == pytest.approx([0.6, 0.05, 0.02])
    for wrong in ({"choices": [{"logprobs": None}]}, {"choices": [{"logprobs": {}}]}):
        with pytest.raises(BadAnswer):
            log_probabilities.token_likelihoods(wrong, [" 0"])
    with pytest.raises(BadAnswer):
        log_probabilities.first_likelihoods(response, ["0"])  # a chat has another form


def test_first_tokens_may_come_in_the_form_of_a_chat():
    """As the server of llama.cpp answers completions."""
    told = [{"id": 216, "token": " 0", "bytes": [32, 48], "logprob": math.log(0.6)}, {"token": " 1", "logprob": -1.5}]
    response = {"choices": [{"text": " 0", "logprobs": {"content": [told[0] | {"top_logprobs": told}]}}]}
    assert log_probabilities.token_likelihoods(response, [" 1", " 0"]) == [-1.5, math.log(0.6)]
    assert log_probabilities.token_likelihoods(response, [" 1", " 2"]) is None
    with pytest.raises(BadAnswer):
        log_probabilities.log_likelihood(response, "abc", 2)  # it does not echo
    response["choices"][0]["logprobs"]["content"] *= 2  # the first could be the prompt's
    with pytest.raises(BadAnswer, match="first token alone"):
        log_probabilities.token_likelihoods(response, [" 1", " 0"])


def test_only_the_mark_of_lift_is_cut_off_a_class():
    assert wordings.Wording.stop == log_probabilities.MARK
    assert log_probabilities.class_texts([" 1.5@@@", " 2.5@@@"]) == [" 1.5", " 2.5"]
    assert log_probabilities.class_texts([" 0", " 1@@@"]) == [" 0", " 1@@@"]


def test_first_tokens_are_requested_as_their_endpoint_has_it():
    both = replace(COMPLETIONS, top_logprobs=5)
    asked = {"model": "m", "prompt": "p", "max_tokens": 1, "temperature": 0.0, "logprobs": 5}
    assert wire.first_token(both, "m", "p") == asked
    assert wire.wants_first_token(asked)
    assert wire.wants_first_token(wire.first_token(replace(CHAT, top_logprobs=5), "m", "p"))
    assert not wire.wants_first_token(wire.scoring(both, "m", "p"))
    assert not wire.wants_first_token(wire.free(both, "m", "p", **ASKED))
    assert wire.answer_limit(both, asked) == 1


class Answering:
    """A back end that answers first tokens from a table by prompt, and texts with -1 a character; each once."""

    ask_url, batch = URL, False

    def __init__(self, told, **provider):
        self.told, self.provider, self.asked = told, replace(COMPLETIONS, **{"top_logprobs": 5} | provider), []
        self.asker = self

    @property
    def url(self):
        return URL

    def ask(self, path, requests, needed=True):
        assert needed or not requests
        self.asked += [request for request in requests if request not in self.asked]
        return [self._answer(request) for request in requests]

    def _answer(self, request):
        if not request.get("echo"):
            return first_of_completion(**self.told[request["prompt"]])
        return scored(list(request["prompt"]), [None, *[-1.0] * (len(request["prompt"]) - 1)])

    def counts(self):
        """Requests for first tokens, and for texts."""
        n = sum(not request.get("echo") for request in self.asked)
        return n, len(self.asked) - n


WHOLE, LACKING = {" 0": 0.6, " 1": 0.3, " 2": 0.06}, {" 0": 0.6, " 1": 0.3, "\n": 0.06}
CLASSES = [" 0@@@", " 1@@@", " 2@@@"]


def scores_of(back_end, prompts, candidates):
    return model.OpenAIModel("openai:m", "m", back_end).log_likelihood(prompts, candidates)


def test_classes_of_one_token_take_one_request_for_each_prompt():
    back_end = Answering({"a": WHOLE, "b": WHOLE})
    np.testing.assert_allclose(np.exp(scores_of(back_end, ["a", "b"], CLASSES)), [list(WHOLE.values())] * 2)
    assert back_end.counts() == (2, 0)


def test_all_classes_of_a_prompt_are_scored_by_their_text_where_one_lacks_its_token():
    back_end = Answering({"a": WHOLE, "b": LACKING})
    scores = scores_of(back_end, ["a", "b"], CLASSES)
    np.testing.assert_allclose(np.exp(scores[0]), list(WHOLE.values()))
    assert scores[1].tolist() == [-5.0, -5.0, -5.0]  # each with its mark; none from its token
    assert back_end.counts() == (2, 3)


@pytest.mark.parametrize(
    "candidates",
    [[" 1@@@", " 10@@@"], [" 0@@@"], [f" {i}@@@" for i in "012345"]],
    ids=["one begins another", "one alone", "more than are told"],
)
def test_first_tokens_are_not_requested_where_they_cannot_do(candidates):
    back_end = Answering({})
    scores_of(back_end, ["a", "b"], candidates)
    assert back_end.counts() == (0, 2 * len(candidates))


def test_first_tokens_are_given_up_where_they_helped_none_of_the_first_prompts():
    prompts = [f"{i:02}" for i in range(20)]
    back_end = Answering(dict.fromkeys(prompts, LACKING))
    scores_of(back_end, prompts, CLASSES)
    assert back_end.counts() == (model.TRIAL, 60)
    back_end = Answering(dict.fromkeys(prompts, LACKING) | {"03": WHOLE})
    scores_of(back_end, prompts, CLASSES)
    assert back_end.counts() == (20, 57)
    back_end.batch, back_end.asked = True, []  # in batches each question waits for the one before
    scores_of(back_end, prompts, [" x@@@", " y@@@"])
    assert back_end.counts() == (20, 40)


def test_without_echo_what_is_no_token_is_scored_as_in_a_chat():
    back_end = Answering({"a": WHOLE | {"0": 0.01}, "b": LACKING | {"0": 0.01}}, echo=False)
    got = np.exp(scores_of(back_end, ["a", "b"], CLASSES))
    assert got == pytest.approx(np.array([[0.6, 0.3, 0.06], [0.61, 0.3, 0.01]]))
    assert back_end.counts() == (2, 0)
    with pytest.raises(CannotDo, match="--decoding generate"):
        scores_of(Answering({}, echo=False, top_logprobs=0), ["a"], CLASSES)


APART = {" ": 0.9, "\n": 0.05}  # as tokenizers answer that write " 0" as a space and a digit
DIGITS = {"0": 0.6, "1": 0.3, "2": 0.06}


def test_a_space_that_is_a_token_is_asked_with_the_prompt():
    prompts = [f"{i:02}" for i in range(20)]
    told = dict.fromkeys(prompts, APART) | dict.fromkeys([f"{prompt} " for prompt in prompts], DIGITS)
    for echo in (True, False):
        back_end = Answering(told, echo=echo)
        scores = scores_of(back_end, prompts, CLASSES)
        np.testing.assert_allclose(np.exp(scores), [list(DIGITS.values())] * 20)
        assert back_end.counts() == (model.TRIAL + 20, 0)
    back_end = Answering(told | {"03 ": {"0": 0.6, "1": 0.3, "7": 0.06}})
    assert scores_of(back_end, prompts, CLASSES)[3].tolist() == [-5.0] * 3  # its texts, with space and mark
    assert back_end.counts() == (model.TRIAL + 20, 3)


def test_a_space_is_not_asked_for_where_classes_have_it_in_their_tokens():
    """A tokenizer with tokens like " 0" was trained on no text that has a space before a token like "0"."""
    back_end = Answering({"a": {" ": 0.5, " 0": 0.2, "\n": 0.1}})
    assert scores_of(back_end, ["a"], CLASSES).tolist() == [[-5.0] * 3]
    assert back_end.counts() == (1, 3)


def test_without_echo_first_tokens_that_are_no_class_are_no_score():
    prompts, told = [f"{i:02}" for i in range(20)], {"\n": 0.9, "The": 0.05}
    back_end = Answering(dict.fromkeys(prompts, told), echo=False)
    with pytest.raises(CannotDo, match=r"none of the classes .* --decoding generate"):
        scores_of(back_end, prompts, CLASSES)
    assert back_end.counts() == (model.TRIAL, 0)
    back_end = Answering(dict.fromkeys(prompts, told) | {"07": WHOLE}, echo=False)
    assert scores_of(back_end, prompts, CLASSES).shape == (20, 3)


def test_an_entry_that_tells_no_first_tokens_is_asked_as_before():
    back_end = Answering({}, top_logprobs=0)
    assert scores_of(back_end, ["a"], CLASSES).tolist() == [[-5.0] * 3]
    assert back_end.counts() == (0, 3)


def test_the_labels_of_candidates_are_without_their_mark():
    assert model._labels([" 0@@@", " 1@@@"]) == ["0", "1"]
    assert model._labels([" cats@@@", " dogs@@@"]) == ["cats", "dogs"]
    assert model._labels([" 0", " 10"]) == ["0", "10"]


# ---- what a reply means ----------------------------------------------------------------------------------------------


def means(status, body=None, headers=None, patient=False):
    return replies.meaning(
        status, body, headers or {}, host="h", key="sk-secret", key_name="K", resource="an answer", patient=patient
    )


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
def test_what_may_pass(status):
    assert isinstance(means(status), replies.Transient)


def test_the_server_may_say_how_long_to_wait():
    assert means(429, headers={"retry-after": "7"}).after == 7
    assert means(429, headers={"retry-after": "Wed, 21 Oct"}).after is None


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (401, {"error": {"message": "Incorrect API key provided: sk-secret"}}, "K"),
        (403, {"error": {"code": "training_not_available"}}, "lift-tiny"),
        (404, {"error": {"message": "no such model"}}, "no such model"),
        (429, {"error": {"code": "insufficient_quota"}}, "money"),
        (429, {"error": {"type": "project_spend_limit_exceeded"}}, "money"),
        (422, {"detail": [{"loc": "x", "msg": "bad"}]}, "bad"),
        (400, {"error": "sk-secret is odd"}, r"\[key\]"),
    ],
)
def test_what_is_final_and_never_shows_the_key(status, body, told):
    meant = means(status, body)
    assert isinstance(meant, replies.Refused)
    with pytest.raises(UserError, match=told):
        raise meant
    assert "sk-secret" not in str(meant)


def test_a_new_model_may_be_unknown_for_a_while():
    assert isinstance(means(404, patient=True), replies.Transient)
    assert isinstance(means(404), replies.Refused)


@pytest.mark.parametrize("answer", ["<html>", "", None, [1]])
def test_a_page_is_no_answer(answer):
    with pytest.raises(BadAnswer):
        reading.record(answer)


# ---- store and ledger ------------------------------------------------------------------------------------------------


def test_answers_are_known_by_server_path_and_whole_request(tmp_path):
    store, request = Store(tmp_path), {"model": "m", "prompt": "p"}
    store.keep_answer(URL, "/v1/completions", request, {"a": 1})
    again = Store(tmp_path)
    assert again.answer(URL, "/v1/completions", dict(reversed(request.items()))) == {"a": 1}
    others = [
        (URL + "x", "/v1/completions", request),
        (URL, "/v1/chat", request),
        (URL, "/v1/completions", request | {"n": 2}),
    ]
    assert [again.answer(*other) for other in others] == [None, None, None]


def test_answers_of_another_process_are_seen_and_a_torn_one_is_not(tmp_path):
    first, second, request = Store(tmp_path), Store(tmp_path), {"model": "m", "prompt": "p"}
    assert second.answer(URL, "c", request) is None
    first.keep_answer(URL, "c", request, {"a": 1})
    assert second.answer(URL, "c", request) == {"a": 1}
    file = next((tmp_path / "answers").glob("*.jsonl"))
    with file.open("a") as stream:
        stream.write('{"key": "torn')
    assert Store(tmp_path).answer(URL, "c", request) == {"a": 1}
    second.keep_answer(URL, "c", request | {"n": 2}, {"a": 2})
    assert Store(tmp_path).answer(URL, "c", request | {"n": 2}) == {"a": 2}


def test_a_state_is_on_the_disk_at_once(tmp_path):
    with Store(tmp_path).purchase("k") as state:
        assert state == {}
        state.put(job="j", creating="now")
        assert Store(tmp_path).state("k") == {"job": "j", "creating": "now"}
        state.put(creating=None)
    assert Store(tmp_path).state("k") == {"job": "j"}


def test_a_state_that_was_half_written_is_removed(tmp_path):
    with Store(tmp_path).purchase("k") as state:
        state.put(job="j")
    (tmp_path / "jobs" / ".k.json.x.part").touch()
    (tmp_path / "jobs" / ".other.json.x.part").touch()  # somebody may be writing it
    with Store(tmp_path).purchase("k") as state:
        assert state == {"job": "j"}
    assert [file.name for file in (tmp_path / "jobs").glob("*.part")] == [".other.json.x.part"]


def paid(ledger, id, usd=1.0, kind="answer"):
    ledger.add(host="h", model="m", kind=kind, id=id, usd=usd, counted="server", prompt=3)


def test_a_call_is_written_down_once_and_the_sum_survives(tmp_path):
    ledger = Ledger(tmp_path / "ledger.csv", None)
    for id in ("a", "b", "a"):
        paid(ledger, id)
    paid(ledger, "a", kind="correction", usd=-0.25)
    assert ledger.spent() == Ledger(tmp_path / "ledger.csv", None).spent() == 1.75


def test_the_limit_counts_what_was_spent_before_what_is_under_way_and_other_processes(tmp_path):
    ledger, other = Ledger(tmp_path / "ledger.csv", 3.0), Ledger(tmp_path / "ledger.csv", 3.0)
    paid(ledger, "a")
    with ledger.reserving(1.5, "x"), pytest.raises(OverBudget, match="--max-usd 3"), ledger.reserving(1.0, "y"):
        pass
    with ledger.reserving(1.0, "y"):
        pass
    paid(other, "b", usd=1.5)
    with pytest.raises(OverBudget), ledger.reserving(1.0, "y"):
        pass


def test_threads_never_pass_the_limit_together(tmp_path):
    ledger, held, refused = Ledger(tmp_path / "ledger.csv", 3.0), [], []
    start, end = threading.Barrier(8), threading.Barrier(8)

    def call():
        start.wait()
        try:
            with ledger.reserving(1.0, "x"):
                held.append(1)
                end.wait()
        except OverBudget:
            refused.append(1)
            end.wait()

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(held), len(refused)) == (3, 5)


# ---- counting and asking ---------------------------------------------------------------------------------------------


def test_tokens_are_exact_with_the_tokenizer_and_an_upper_estimate_without():
    exact = Counter(Provider("a", tokenizers={"te": "lift-tiny"}), "ft:test:x::1")
    assert exact.exact
    assert exact(["999 12 =>", ""]) == [3, 1]
    estimate = Counter(Provider("a", tokenizers={"m": "/no/such/folder"}), "m")
    assert not estimate.exact
    assert estimate(["abcd", "äö"]) == [2, 2]


def test_a_quote_shows_from_how_many_requests_to_how_many(capsys):
    quote = Quote(label="iris lift", hosts={"h"})
    quote.line().requests = quote.line().least_requests = 30
    budget._show(quote, {})
    assert " to " not in capsys.readouterr().out
    quote.line().requests, quote.line().prompt = 120, 900
    budget._show(quote, {})
    assert "30 to 120" in (out := capsys.readouterr().out)
    assert "0 to 900" in out
    assert "more requests only for rows" in out


def test_without_a_terminal_and_without_yes_nothing_is_agreed(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert not budget._confirmed()
