"""Requests and training lines in the protocol's form, and the contents of responses."""

from __future__ import annotations

import hashlib
import json
import reprlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from ...errors import CannotDo, UserError
from ..base import Example
from .providers import Provider

PATHS = {"completions": "/v1/completions", "chat": "/v1/chat/completions"}
CUT = "…"  # ends an answer cut short by the token limit, so that 12.34 is not read as 12.3
NOTHING = ""  # an answer withheld by a filter
TEMPLATE = 256  # tokens that a server may add around a prompt: chat template, begin and end tokens

_short = reprlib.Repr()
_short.maxstring = _short.maxother = _short.maxlong = 60


class BadAnswer(Exception):
    """An invalid response: an HTML page, a missing field. The message says what came instead."""


@dataclass(frozen=True)
class Job:
    """A fine-tuning job to buy.

    Attributes:
        model: the server's name of the base model.
        training, validation: the files as bytes, JSON lines; empty for no validation file.
        n_tokens: of the training lines, one epoch.
        hyperparameters, extra: by the server's names.
        seed: in 0 … 2**31 - 1, or None if the server takes none.
        epochs, n_updates: passes over the training lines, and total updates.
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
        """Identity of the job on a server: everything that is sent."""
        texts = [hashlib.sha256(part).hexdigest() for part in (self.training, self.validation)]
        return digest([url, self.model, texts, self.hyperparameters, self.extra, self.seed])


@dataclass(frozen=True)
class Tuned:
    """The outcome of a job.

    Attributes:
        model: the tuned model's name on the server.
        checkpoints: update → name of the model kept after it; without the final model.
        n_tokens: trained on, over all epochs.
    """

    model: str
    checkpoints: dict[int, str]
    n_tokens: int


@dataclass(frozen=True)
class Usage:
    """Tokens of one answered request.

    Attributes:
        counted: "server", "estimate" if the server gave none, or "quote" if its count is impossible.
        rejected: the server's count in the last case.
    """

    prompt: int
    completion: int
    counted: str
    rejected: str = ""


def digest(content: object) -> str:
    """The name of a request or job: 32 hexadecimal digits."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=True).encode()).hexdigest()[:32]


def training_lines(provider: Provider, pairs: Sequence[Example]) -> bytes:
    """The pairs as a training file, in the server's form."""
    return json_lines([_line(provider, pair) for pair in pairs])


def line_texts(provider: Provider, pair: Example) -> list[str]:
    """The billed texts of a training line."""
    prompt, completion = pair
    return [prompt, completion.lstrip(" ")] if provider.lines == "chat" else [prompt + completion]


def line_overhead(provider: Provider) -> int:
    """Tokens billed for a training line in addition to its texts."""
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
    """A request for `samples` generated answers to one prompt."""
    if provider.inference == "chat":
        request: dict[str, object] = {"messages": [{"role": "user", "content": prompt}]}
    else:
        request = {"prompt": prompt}
    request |= {"model": model, provider.limit: max_new_tokens, "temperature": temperature}
    request |= {"n": samples} if samples > 1 else {}
    request |= {"stop": [stop]} if stop else {}
    request |= {"seed": seed % 2**31} if provider.seed and temperature > 0 else {}  # greedy decoding needs none
    return request | provider.request_extra


def scoring(provider: Provider, model: str, text: str) -> dict[str, object]:
    """A request for the log-probabilities of a text's own tokens, without an answer.

    Raises:
        CannotDo: the server cannot do this.
    """
    if provider.inference != "completions" or not provider.echo:
        raise CannotDo(
            f"the server called {provider.name!r} has no log-probabilities of a prompt, so classes and levels cannot "
            "be scored; use --decoding generate (regression: greedy, or a mean or median with --samples 20), or set "
            '"echo" in data/providers.json if it can (for classes alone, "top_logprobs")'
        )
    request = {"model": model, "prompt": text, "max_tokens": provider.echo_tokens, "temperature": 0.0}
    return request | {"echo": True, "logprobs": 1} | provider.request_extra


def first_token(provider: Provider, model: str, prompt: str) -> dict[str, object]:
    """A request for the most likely first tokens of an answer; only one token is generated.

    Raises:
        CannotDo: the server returns no log-probabilities.
    """
    if not provider.top_logprobs:
        raise CannotDo(
            f"the server called {provider.name!r} has no log-probabilities of answers, so classes cannot be scored; "
            'use --decoding generate, or set "top_logprobs" in data/providers.json if it can'
        )
    if provider.inference == "completions":
        request = {"prompt": prompt, "model": model, provider.limit: 1, "temperature": 0.0}
        return request | {"logprobs": provider.top_logprobs} | provider.request_extra
    request = {"messages": [{"role": "user", "content": prompt}], "model": model, provider.limit: 1, "temperature": 0.0}
    request |= {"seed": 0} if provider.seed else {}
    return request | {"logprobs": True, "top_logprobs": provider.top_logprobs} | provider.request_extra


def wants_first_token(request: dict[str, object]) -> bool:
    """Whether a request is one of `first_token`."""
    return "top_logprobs" in request or (bool(request.get("logprobs")) and not request.get("echo"))


def prompt_text(request: dict[str, object]) -> str:
    """The text of a request billed as its prompt."""
    if "messages" in request:
        return "\n".join(message["content"] for message in request["messages"])
    return request["prompt"]


def answer_limit(provider: Provider, request: dict[str, object]) -> int:
    """Maximum total of tokens in the request's answers."""
    limit = request.get(provider.limit, request.get("max_tokens", 0))
    return int(limit) * int(request.get("n", 1))


def most_tokens(provider: Provider, request: dict[str, object]) -> tuple[int, int]:
    """Maximum tokens of prompt and answers of a request for any tokenizer, since every token has at least one byte.

    Some servers generate a token even if none was requested.
    """
    prompt = len(prompt_text(request).encode("utf-8", "surrogatepass")) + TEMPLATE
    return prompt, max(answer_limit(provider, request), int(request.get("n", 1)))


def shown(value: object) -> str:
    """A server's value for use in a message: short, without unprintable characters."""
    return _short.repr(value.decode("utf-8", "replace") if isinstance(value, bytes) else value)


def texts(response: dict[str, object], n: int) -> list[str]:
    """The `n` answers of a response, in order.

    Raises:
        BadAnswer: the response has the wrong form or the wrong number of answers.
    """
    choices = choices_of(response)
    if len(choices) != n:
        raise BadAnswer(f"{len(choices)} answers where {n} were asked for")
    indices = [choice.get("index") for choice in choices]
    if not all(is_whole(index) for index in indices) or sorted(indices) != list(range(n)):
        raise BadAnswer(f"answers that are numbered {shown(indices)}")
    return [_text(choice) for choice in sorted(choices, key=lambda choice: choice["index"])]


def choices_of(response: dict[str, object]) -> list[dict[str, object]]:
    """The choices of a response. Raises BadAnswer if they are not a list of objects."""
    choices = response.get("choices")
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        raise BadAnswer("a response without answers")
    return choices


def _text(choice: dict[str, object]) -> str:
    holder, name = (choice.get("message"), "content") if "message" in choice else (choice, "text")
    if not isinstance(holder, dict) or name not in holder:
        raise BadAnswer("an answer without text")
    text = holder[name]
    if text is None or choice.get("finish_reason") == "content_filter":
        return NOTHING
    if not isinstance(text, str):
        raise BadAnswer(f"an answer whose text is {shown(text)}")
    body = text.lstrip()
    cut = choice.get("finish_reason") == "length" and body and len(body.splitlines()) == 1
    return text + CUT if cut else text


def is_whole(value: object) -> bool:
    """Whether a value is a whole number; True and 1.0 are not."""
    return isinstance(value, int) and not isinstance(value, bool)


def usage(response: dict[str, object], quoted: tuple[int, int], most: tuple[int, int]) -> Usage:
    """The tokens billed according to the server, if plausible.

    Args:
        quoted: used otherwise, (prompt, completion).
        most: maximum that the request can have used, see `most_tokens`.
    """
    reported = response.get("usage")
    if reported is None:
        return Usage(*quoted, "estimate")
    if not isinstance(reported, dict):
        return Usage(*quoted, "quote", shown(reported))
    counts = {name: reported.get(name) for name in ("prompt_tokens", "completion_tokens")}
    for (name, count), limit in zip(counts.items(), most, strict=True):
        if count is not None and not (is_whole(count) and 0 <= count <= limit):
            return Usage(*quoted, "quote", f"{name} {shown(count)}")
    if None in counts.values():
        return Usage(*quoted, "estimate")
    return Usage(*counts.values(), "server")


def trained(reported: object, job: Job) -> tuple[int, str]:
    """Tokens of a job: the server's count if plausible, else the quoted; and the implausible count."""
    quoted, most = job.n_tokens * job.epochs, job.epochs * (len(job.training) + len(job.validation))
    if reported is None or (is_whole(reported) and 0 <= reported <= most):
        return (quoted if reported is None else reported), ""
    return quoted, shown(reported)


def check_texts(pairs: Sequence[Example]) -> None:
    """Raises UserError if a training line would have an empty part, which servers refuse after the upload."""
    for i, (prompt, completion) in enumerate(pairs):
        if not prompt or not completion:
            raise UserError(f"training row {i} has an empty prompt or answer, which the server would refuse")
