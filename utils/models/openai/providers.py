"""Differences between servers, and their prices: two files that a user can edit."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from urllib.parse import urlsplit

from ...errors import UserError
from ...paths import DATA

PROVIDERS, PRICES = DATA / "providers.json", DATA / "prices.csv"
OTHER = "other"  # the entry for all hosts without their own
OF_ANSWERS = ("inference", "limit", "echo", "echo_tokens", "top_logprobs", "request_extra", "concurrency")
PER = 1e6  # tokens per unit of price


@dataclass(frozen=True)
class Provider:
    """The interface of one server.

    Attributes:
        name: of the entry.
        hosts: to which the entry applies; a host may be followed by a port.
        lines: form of training files, "completion" (prompt and completion) or "chat" (messages).
        inference: "completions" or "chat", the endpoint that answers.
        hyperparameters: LIFT's "epochs", "batch_size", "learning_rate" → the server's names; others are not sent.
        more_hyperparameters, job_extra, request_extra: additional fields of every job's hyperparameters, every job and
            every request for an answer.
        limit: the field for the maximum number of tokens of an answer.
        echo: completions can return the log-probabilities of the prompt, so that classes can be scored.
        echo_tokens: answer tokens in such a request; for servers that refuse 0, 1, which is ignored.
        top_logprobs: number of most likely first tokens whose log-probabilities an answer returns, by which classes
            are scored; 0 for none. OpenAI allows 20 in a chat and 5 in completions, vLLM 20 (--max-logprobs).
        metadata: jobs and batches can carry metadata, by which one can be found if its creation was not answered.
        seed: jobs and answers take a seed.
        checkpoints: number of last epochs whose model the server keeps; 1 for the final model only.
        concurrency: simultaneous requests.
        message_tokens, request_tokens: billed in addition to the texts of a chat, per message and per request.
        tokenizers: beginning of a model's name → "tiktoken:ENCODING", a model folder, or a Hub id.
        recipe: fine-tuning defaults for the server's models, as in a model's lift.json.
    """

    name: str
    hosts: tuple[str, ...] = ()
    lines: str = "completion"
    inference: str = "completions"
    hyperparameters: dict[str, str] = field(default_factory=dict)
    more_hyperparameters: dict[str, object] = field(default_factory=dict)
    job_extra: dict[str, object] = field(default_factory=dict)
    request_extra: dict[str, object] = field(default_factory=dict)
    limit: str = "max_tokens"
    echo: bool = False
    echo_tokens: int = 0
    top_logprobs: int = 0
    metadata: bool = True
    seed: bool = True
    checkpoints: int = 1
    concurrency: int = 8
    message_tokens: int = 0
    request_tokens: int = 0
    tokenizers: dict[str, str] = field(default_factory=dict)
    recipe: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Price:
    """USD per million tokens, as of the day `as_of`."""

    train: float
    prompt: float
    completion: float
    batch: float  # price of batches as a share of prompt and completion prices
    as_of: str

    def usd(self, training: int = 0, prompt: int = 0, completion: int = 0, batched: bool = False) -> float:
        """The cost of these tokens."""
        answers = prompt * self.prompt + completion * self.completion
        return (training * self.train + answers * (self.batch if batched else 1.0)) / PER


def host(url: str) -> str:
    """The host of a base URL, with its port if given, without user or password."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserError(f"{url!r} is not a base URL; give one such as https://api.openai.com/v1 in OPENAI_BASE_URL")
    return f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname


def provider(url: str, file: Path = PROVIDERS) -> Provider:
    """The entry for a base URL: by host and port, by host alone, or the one called "other".

    Raises:
        UserError: the file is missing or invalid.
    """
    entries = _entries(file)
    address = host(url)
    for name in (address, address.partition(":")[0]):
        for entry in entries:
            if name in entry.hosts:
                return entry
    return next((entry for entry in entries if entry.name == OTHER), Provider(OTHER))


def pair(train_url: str, ask_url: str, file: Path = PROVIDERS) -> Provider:
    """The entry of the tuning server, with the inference fields of the server that answers."""
    tunes, answers = provider(train_url, file), provider(ask_url, file)
    return replace(tunes, **{name: getattr(answers, name) for name in OF_ANSWERS})


def pair_price(train_url: str, ask_url: str, model: str, file: Path = PRICES) -> Price | None:
    """The price of tuning on one server and of answers on another; None if either is unknown."""
    tunes, answers = price(train_url, model, file), price(ask_url, model, file)
    if tunes is None or answers is None:
        return None
    return replace(answers, train=tunes.train, as_of=min(tunes.as_of, answers.as_of))


def price(url: str, model: str, file: Path = PRICES) -> Price | None:
    """What a model costs: the line of its host (or of "*") whose model is the longest beginning of its name.

    A tuned model costs what its base does; both are listed by the base's name. None if no line fits.
    """
    base = base_name(model)
    address = host(url)
    best: tuple[int, int, Price] | None = None
    for row in _rows(file):
        is_listed = row["host"] in ("*", address, address.partition(":")[0])
        if not is_listed or not (base.startswith(row["model"]) or row["model"] == "*"):
            continue
        numbers = [float(row[name]) for name in ("train", "prompt", "completion", "batch")]
        rank = (row["host"] != "*", len(row["model"].rstrip("*")))
        if best is None or rank > best[:2]:
            best = (*rank, Price(*numbers, row["as_of"]))
    return best[2] if best else None


def base_name(model: str) -> str:
    """The base of a tuned model: NAME of ft:NAME:organisation:suffix:id."""
    return model.split(":")[1] if model.startswith("ft:") else model


def _entries(file: Path) -> list[Provider]:
    names = {f.name for f in fields(Provider)}
    try:
        entries = json.loads(file.read_text("utf-8"))
        if not isinstance(entries, list):
            raise TypeError("it is no list")
        unknown = sorted({name for entry in entries for name in entry} - names)
        if unknown:
            raise UserError(f"{file} has unknown fields {', '.join(unknown)}; data/README.md lists them")
        return [Provider(**{**entry, "hosts": tuple(entry.get("hosts", ()))}) for entry in entries]
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror}); give another with --providers") from error
    except (ValueError, TypeError, AttributeError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{file} is not a JSON list of servers ({error}); data/README.md has the form") from error


def _rows(file: Path) -> list[dict[str, str]]:
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
            for row in rows:
                for name in ("train", "prompt", "completion", "batch"):
                    float(row[name])
                if not (row["host"] and row["model"] and row["as_of"]):
                    raise ValueError("a line without host, model or as_of")
            return rows
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror}); give another with --prices") from error
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(
            f"{file} is not a price table ({error}); it has the columns host,model,train,prompt,completion,batch,as_of "
            "and USD per million tokens"
        ) from error
