"""Requests and training lines as the protocol has them, and what a response says."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from utils.errors import CannotDo, UserError
from utils.models.base import Example
from utils.models.protocol.providers import Provider

PATHS = {"completions": "/v1/completions", "chat": "/v1/chat/completions"}
CUT = "…"  # ends an answer that the limit of tokens cut short, so that 12.3 is not read out of 12.34
TINY = 1e-12  # probability of what no token tells
NOTHING = ""  # an answer that a filter withheld


class BadAnswer(Exception):
    """A response that is no answer: a page in HTML, a field that is missing. The message tells what came instead."""


@dataclass(frozen=True)
class Job:
    """A fine-tune to be bought.

    Attributes:
        model: the base, as the server calls it.
        training, validation: the files' bytes, JSON lines; empty for no validation file.
        n_tokens: of the training lines, one epoch.
        hyperparameters, extra: as the server calls them.
        seed: in 0 … 2**31 - 1, or None where the server takes none.
        epochs, n_updates: passes over the training lines, and updates in all of them.
    """

    model: str
    training: bytes = field(repr=False)
    validation: bytes = field(repr=False)
    n_tokens: int
    hyperparameters: dict[str, object]
    extra: dict[str, object]
    seed: int | None
    epochs: int
    n_updates: int

    def key(self, url: str) -> str:
        """Identity of the job at a server: all that is sent."""
        texts = [hashlib.sha256(part).hexdigest() for part in (self.training, self.validation)]
        return digest([url, self.model, texts, self.hyperparameters, self.extra, self.seed])


@dataclass(frozen=True)
class Tuned:
    """What came of a job.

    Attributes:
        model: the tuned model's name at the server.
        checkpoints: update after which a model was kept → that model's name; the final one is not among them.
        n_tokens: trained on, all epochs counted.
    """

    model: str
    checkpoints: dict[int, str]
    n_tokens: int


@dataclass(frozen=True)
class Usage:
    """Tokens of one answered request, and whether they are the server's own count."""

    prompt: int
    completion: int
    told: bool


def digest(what: object) -> str:
    """The name of a request or job: 32 hexadecimal digits."""
    return hashlib.sha256(json.dumps(what, sort_keys=True, ensure_ascii=True).encode()).hexdigest()[:32]


def training_lines(provider: Provider, pairs: Sequence[Example]) -> bytes:
    """The pairs as a training file, in the form that the server takes."""
    return json_lines([_line(provider, pair) for pair in pairs])


def line_texts(provider: Provider, pair: Example) -> list[str]:
    """The texts of a training line that are billed."""
    prompt, completion = pair
    return [prompt, completion.lstrip(" ")] if provider.lines == "chat" else [prompt + completion]


def line_overhead(provider: Provider) -> int:
    """Tokens billed for a training line beside its texts."""
    return 2 * provider.message_tokens + provider.request_tokens if provider.lines == "chat" else 0


def json_lines(records: Sequence[dict[str, object]]) -> bytes:
    """Records as a file of JSON lines."""
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def _line(provider: Provider, pair: Example) -> dict[str, object]:
    if provider.lines == "completion":
        return {"prompt": pair[0], "completion": pair[1]}
    roles = zip(("user", "assistant"), line_texts(provider, pair), strict=True)
    return {"messages": [{"role": role, "content": text} for role, text in roles]}


def free(
    provider: Provider,
    model: str,
    prompt: str,
    *,
    stop: str,
    temperature: float,
    samples: int,
    max_new_tokens: int,
    seed: int,
) -> dict[str, object]:
    """A request for `samples` free answers to one prompt."""
    if provider.inference == "chat":
        asked: dict[str, object] = {"messages": [{"role": "user", "content": prompt}]}
    else:
        asked = {"prompt": prompt}
    asked |= {"model": model, provider.limit: max_new_tokens, "temperature": temperature}
    asked |= {"n": samples} if samples > 1 else {}
    asked |= {"stop": [stop]} if stop else {}
    asked |= {"seed": seed % 2**31} if provider.seed and temperature > 0 else {}  # greedy answers need none
    return asked | provider.request_extra


def scoring(provider: Provider, model: str, text: str) -> dict[str, object]:
    """A request for the log-probabilities of a text's own tokens, without an answer.

    Raises:
        CannotDo: the server has no such thing.
    """
    if provider.inference != "completions" or not provider.echo:
        raise CannotDo(
            f"the server called {provider.name!r} gives no log-probabilities of a prompt, so classes and levels cannot "
            "be scored; use --decoding generate (regression: greedy, or a mean or median with --samples 20), or set "
            '"echo" in data/providers.json if it can'
        )
    asked = {"model": model, "prompt": text, "max_tokens": provider.echo_tokens, "temperature": 0.0}
    return asked | {"echo": True, "logprobs": 1} | provider.request_extra


def first_token(provider: Provider, model: str, prompt: str) -> dict[str, object]:
    """A request for the likeliest first tokens of a chat's answer.

    Raises:
        CannotDo: the server tells no log-probabilities.
    """
    if not provider.top_logprobs:
        raise CannotDo(
            f"the server called {provider.name!r} tells no log-probabilities of answers, so classes cannot be scored; "
            'use --decoding generate, or set "top_logprobs" in data/providers.json if it can'
        )
    asked = {"messages": [{"role": "user", "content": prompt}], "model": model, provider.limit: 1, "temperature": 0.0}
    asked |= {"seed": 0} if provider.seed else {}
    return asked | {"logprobs": True, "top_logprobs": provider.top_logprobs} | provider.request_extra


def prompt_text(request: dict[str, object]) -> str:
    """The text of a request that is billed as its prompt."""
    if "messages" in request:
        return "\n".join(message["content"] for message in request["messages"])
    return request["prompt"]


def answer_limit(provider: Provider, request: dict[str, object]) -> int:
    """The most tokens that the request's answers may have together."""
    limit = request.get(provider.limit, request.get("max_tokens", 0))
    return int(limit) * int(request.get("n", 1))


def texts(response: dict[str, object], n: int) -> list[str]:
    """The `n` answers of a response, in order.

    Raises:
        BadAnswer: the response has another form or another number of answers.
    """
    try:
        choices = sorted(response["choices"], key=lambda choice: choice["index"])
        found = [_text(choice) for choice in choices]
    except (KeyError, TypeError) as error:
        raise BadAnswer(f"a response without answers ({error!r})") from error
    if len(found) != n:
        raise BadAnswer(f"{len(found)} answers where {n} were asked for")
    return found


def _text(choice: dict[str, object]) -> str:
    text = choice["message"]["content"] if "message" in choice else choice["text"]
    if text is None or choice.get("finish_reason") == "content_filter":
        return NOTHING
    if not isinstance(text, str):
        raise TypeError(text)
    body = text.lstrip()
    cut = choice.get("finish_reason") == "length" and body and len(body.splitlines()) == 1
    return text + CUT if cut else text


def log_likelihood(response: dict[str, object], text: str, n_prompt: int) -> float:
    """Sum of the log-probabilities of the tokens that end behind the first `n_prompt` characters of `text`.

    Tokens are found by their place; one that straddles the border belongs to what follows it, as in training.

    Raises:
        BadAnswer: the response has no log-probabilities of this text. (Some servers give those of the answer alone.)
    """
    try:
        known = response["choices"][0]["logprobs"]
        tokens = list(zip(known["tokens"], known["token_logprobs"], known["text_offset"], strict=True))
        ours = [value for token, value, start in tokens if start < len(text) and start + len(token) > n_prompt]
        from_the_start = tokens[0][2] == 0 and text.startswith(tokens[0][0])
        if not from_the_start or not ours or None in ours:
            raise BadAnswer("log-probabilities of something else than the prompt")
        return float(sum(ours))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise BadAnswer(f"a response without log-probabilities ({error!r})") from error


def first_likelihoods(response: dict[str, object], labels: Sequence[str]) -> list[float]:
    """Log-probability of each label by the first token of an answer.

    A token is a label's where it is the label, or begins that one alone. Labels that are not among the likeliest tokens
    share what probability these leave, but none gets more than the least likely one that is told.

    Raises:
        BadAnswer: the response tells no log-probabilities.
    """
    try:
        told = [
            (t["token"].strip(), float(t["logprob"]))
            for t in response["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
        ]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise BadAnswer(f"a response without log-probabilities ({error!r})") from error
    if not told:
        raise BadAnswer("a response without log-probabilities")
    p = dict.fromkeys(labels, 0.0)
    for token, value in told:
        owners = [label for label in labels if label == token] or [label for label in labels if label.startswith(token)]
        if token and len(owners) == 1:
            p[owners[0]] += math.exp(value)
    missing = sum(value == 0.0 for value in p.values())
    rest = max(0.0, 1.0 - sum(math.exp(value) for _, value in told)) / max(1, missing)
    floor = max(min(rest, math.exp(min(value for _, value in told))), TINY)
    return [math.log(p[label] or floor) for label in labels]


def usage(response: dict[str, object], otherwise: tuple[int, int]) -> Usage:
    """Tokens that the server says it has billed, else the estimate `otherwise`, (prompt, completion)."""
    told = response.get("usage") or {}
    try:
        return Usage(int(told["prompt_tokens"]), int(told.get("completion_tokens") or 0), True)
    except (KeyError, TypeError, ValueError):
        return Usage(*otherwise, False)


def check_texts(pairs: Sequence[Example]) -> None:
    """Raises UserError where a training line would have an empty part, which servers refuse after the upload."""
    for i, (prompt, completion) in enumerate(pairs):
        if not prompt or not completion:
            raise UserError(f"training row {i} has an empty prompt or answer, which the server would refuse")
