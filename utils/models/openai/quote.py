"""The back end that sends nothing: it returns empty answers and counts every token that would be sent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import UserError
from ...storage import write_text
from . import wire
from .providers import Price, Provider, host
from .store import Store
from .token_counts import Counter
from .wire import Job, Tuned


@dataclass
class Line:
    """The cost of one learner on one table; tokens by kind, with answers of maximum length.

    Attributes:
        requests, prompt, completion, usd: upper bounds.
        least_requests, least_prompt: lower bounds, without requests that depend on answers not yet known.
    """

    jobs: int = 0
    requests: int = 0
    least_requests: int = 0
    training: int = 0
    prompt: int = 0
    least_prompt: int = 0
    completion: int = 0
    usd: float = 0.0
    exact: bool = True


@dataclass
class Quote:
    """Everything that a study would send.

    Attributes:
        files: folder for the training files that would be uploaded; None to write none.
        label: the table and learner being added to.
        lines: the sums by label.
        hosts: all hosts that would receive anything.
        example: the first training line or prompt.
    """

    files: Path | None = None
    label: str = ""
    lines: dict[str, Line] = field(default_factory=lambda: defaultdict(Line))
    hosts: set[str] = field(default_factory=set)
    example: str = ""
    as_of: set[str] = field(default_factory=set)
    _seen: set[str] = field(default_factory=set)

    def line(self) -> Line:
        return self.lines[self.label]

    def new(self, key: str) -> bool:
        """Whether a request or job is seen for the first time; a repeated one costs nothing."""
        new = key not in self._seen
        self._seen.add(key)
        return new


class Placeholder(dict):
    """An empty response in place of one not yet known."""


class DryRunBackend:
    """A back end like `live.PaidBackend`, without network access.

    Args:
        quote: the quote to add to.
        train_url, ask_url: base URLs.
        price: of the base model; None if the table has none.
        batch: whether answers would be requested in batches.
    """

    def __init__(
        self,
        quote: Quote,
        provider: Provider,
        price: Price | None,
        counter: Counter,
        store: Store,
        train_url: str,
        ask_url: str,
        batch: bool,
    ) -> None:
        self.quote, self.provider, self.price, self.counter, self.store = quote, provider, price, counter, store
        self.train_url, self.ask_url, self.batch = train_url, ask_url, batch
        self.usd = 0.0

    def tune(self, job: Job) -> Tuned:
        """The job's outcome if known; else one with the cost of the training."""
        key = job.key(self.train_url)
        state = self.store.state(key)
        if "tuned" in state:
            steps = {int(step): name for step, name in state["checkpoints"].items()}
            return Tuned(state["tuned"], steps, state["n_tokens"])
        n_tokens = job.n_tokens * job.epochs
        if "job" not in state and self.quote.new(key):
            line = self.quote.line()
            line.jobs += 1
            line.training += n_tokens
            self._add(host(self.train_url), training=n_tokens)
            self.quote.example = self.quote.example or job.training.decode().partition("\n")[0]
            if self.quote.files is not None:
                write_text(self.quote.files / f"{key}.train.jsonl", job.training.decode())
                if job.validation:
                    write_text(self.quote.files / f"{key}.valid.jsonl", job.validation.decode())
        per_epoch = job.n_updates / job.epochs
        kept = range(max(1, job.epochs - self.provider.checkpoints + 1), job.epochs)
        return Tuned(f"quoted:{key}", {round(n * per_epoch): f"quoted:{key}:{n}" for n in kept}, n_tokens)

    def ask(self, path: str, requests: Sequence[dict[str, object]], needed: bool = True) -> list[dict[str, object]]:
        """The known answers, and a `Placeholder` for each of the others, which is counted.

        Args:
            needed: whether the requests will certainly be sent; False if that depends on answers not known yet.
        """
        return [self._ask(path, request, needed) for request in requests]

    def _ask(self, path: str, request: dict[str, object], needed: bool) -> dict[str, object]:
        stored = self.store.answer(self.ask_url, path, request)
        if stored is not None:
            return stored
        if self.quote.new(wire.digest([self.ask_url, path, request])):
            prompt, completion = cost(self.provider, self.counter, request)
            line = self.quote.line()
            line.requests += 1
            line.prompt += prompt
            line.least_requests += needed
            line.least_prompt += prompt * needed
            line.completion += completion
            self._add(host(self.ask_url), prompt=prompt, completion=completion)
            self.quote.example = self.quote.example or wire.prompt_text(request)
        return Placeholder(choices=_choices(request))

    def _add(self, server: str, **tokens: int) -> None:
        if self.price is None:
            raise UserError(
                f"no price is known for this model at {server}, so no quote can be made; add a line for its host and "
                "name to data/prices.csv (0 for a server of your own), or give another table with --prices"
            )
        line = self.quote.line()
        line.usd += self.price.usd(**tokens, batched=self.batch)
        line.exact &= self.counter.exact
        self.quote.hosts.add(server)
        self.quote.as_of.add(self.price.as_of)


def _choices(request: dict[str, object]) -> list[dict[str, object]]:
    """Empty answers in the form that the request asks for."""
    content = {"message": {"content": ""}} if "messages" in request else {"text": ""}
    if wire.wants_first_token(request):
        in_chat = {"content": [{"top_logprobs": [{"token": "", "logprob": 0.0}]}]}
        return [
            {"index": 0, **content, "logprobs": in_chat if "messages" in request else {"top_logprobs": [{"": 0.0}]}}
        ]
    if request.get("echo"):
        logprobs = {"tokens": [request["prompt"]], "token_logprobs": [0.0], "text_offset": [0]}
        return [{"index": 0, "text": request["prompt"], "logprobs": logprobs}]
    return [{"index": i, **content, "finish_reason": "stop"} for i in range(int(request.get("n", 1)))]


def cost(provider: Provider, counter: Counter, request: dict[str, object]) -> tuple[int, int]:
    """Tokens of a request: its prompt, and answers of maximum length."""
    prompt = counter([wire.prompt_text(request)])[0]
    if "messages" in request:
        prompt += provider.request_tokens + provider.message_tokens * len(request["messages"])
    return prompt, wire.answer_limit(provider, request)
