"""Language models on servers with an OpenAI-compatible API, as the three verbs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from itertools import takewhile
from pathlib import Path

import numpy as np

from ...errors import BadModel, CannotDo, UserError
from ..base import Example, Examples, FineTuning, LanguageModel
from . import log_probabilities, providers, session, wire
from .ledger import Ledger
from .live import PaidBackend
from .quote import DryRunBackend, Placeholder
from .store import Store
from .token_counts import Counter
from .wire import Job

FEWEST_ROWS = 10  # minimum that servers accept in a training file
TRIAL = 8  # one of these prompts must get single-token scores before first tokens of more prompts are requested


class OpenAIModel:
    """See `utils.models.base.LanguageModel` for the verbs and the attributes.

    Attributes:
        cost_usd: cost of all requests to this model and those it was tuned from, paid now or earlier.
    """

    context_length = None  # not part of the protocol
    dtype = ""

    def __init__(
        self, name: str, served: str, back_end: PaidBackend | DryRunBackend, n_tokens_trained: int = 0
    ) -> None:
        self.name = name
        self.served = served
        self.device = providers.host(back_end.ask_url if isinstance(back_end, DryRunBackend) else back_end.asker.url)
        self.n_tokens_trained = n_tokens_trained
        self._back_end = back_end
        self._provider = back_end.provider

    @classmethod
    def load(cls, name: str, *, adapter: str = "full", quantization: str = "none") -> OpenAIModel:
        """The model `name`, with the prefix "openai:", on the server set in the environment. Nothing is sent.

        Raises:
            UserError: no name, no key, no price, or an adapter is set, which the server chooses.
        """
        served = name.removeprefix(session.PREFIX)
        if not served.strip():
            raise BadModel(f"{name} names no model; write {session.PREFIX}NAME")
        if adapter != "full" or quantization != "none":
            raise CannotDo(
                f"{name}: adapter and quantization are the server's choice; leave --adapter and --quantization out"
            )
        now = session.current()
        train_url, ask_url = session.urls()
        provider = providers.pair(train_url, ask_url, now.providers)
        price = providers.pair_price(train_url, ask_url, served, now.prices)
        counter = Counter(provider, served)
        store = Store(now.folder)
        if now.quote is not None:
            return cls(
                name, served, DryRunBackend(now.quote, provider, price, counter, store, train_url, ask_url, now.batch)
            )
        from .connection import Connection  # and with it the package, which a quote does not need

        trainer = Connection(train_url, "OPENAI_API_KEY", now.retry_minutes, provider.metadata)
        asker = trainer
        if ask_url != train_url:
            own = "OPENAI_INFERENCE_API_KEY"
            asker = Connection(
                ask_url, own if os.environ.get(own) else "OPENAI_API_KEY", now.retry_minutes, provider.metadata
            )
        ledger = Ledger(now.folder / "ledger.csv", now.max_usd)
        return cls(name, served, PaidBackend(trainer, asker, now, provider, price, counter, store, ledger))

    @property
    def cost_usd(self) -> float:
        return self._back_end.usd

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self._back_end.counter(texts)

    def fine_tune(
        self,
        examples: Examples,
        validation: Sequence[Example] = (),
        *,
        settings: FineTuning,
        seed: int,
        on_epoch: Callable[[int, LanguageModel, float], float | None] | None = None,
    ) -> OpenAIModel:
        """See `LanguageModel.fine_tune`. Epochs whose model the server keeps are scored, at least the last.

        Raises:
            CannotDo: examples that change between epochs, which a training file cannot express.
            UserError: see `live.PaidBackend.tune`.
        """
        pairs = _fixed(examples)
        tuned = self._back_end.tune(self._job(pairs, validation, settings, seed))
        names = {
            round(step * settings.epochs / self._n_updates(pairs, settings)): name
            for step, name in tuned.checkpoints.items()
        }
        first = settings.epochs - self._provider.checkpoints + 1
        kept = sorted((epoch, name) for epoch, name in names.items() if max(1, first) <= epoch < settings.epochs)
        best, best_score = None, -np.inf
        for epoch, served in [*kept, (settings.epochs, tuned.model)]:
            model = OpenAIModel(self.name, served, self._back_end, tuned.n_tokens)
            score = None if on_epoch is None else on_epoch(epoch, model, float("nan"))
            if score is None or score > best_score:
                best, best_score = model, -np.inf if score is None else score
        return best

    def generate(
        self,
        prompts: Sequence[str],
        *,
        stop: str = "",
        temperature: float = 0.0,
        samples: int = 1,
        max_new_tokens: int = 16,
        seed: int = 0,
    ) -> list[list[str]]:
        """See `LanguageModel.generate`. An answer cut short by the limit ends in "…"; a withheld one is empty."""
        drawn = samples if temperature > 0 else 1  # greedy answers are identical
        how = {
            "stop": stop,
            "temperature": temperature,
            "samples": drawn,
            "max_new_tokens": max_new_tokens,
            "seed": seed,
        }
        requests = [wire.free(self._provider, self.served, prompt, **how) for prompt in prompts]
        responses = self._back_end.ask(wire.PATHS[self._provider.inference], requests)
        answers = [wire.texts(response, drawn) for response in responses]
        answers = [[text.split(stop)[0] if stop else text for text in texts] for texts in answers]
        return answers if temperature > 0 else [texts * samples for texts in answers]

    def log_likelihood(self, prompts: Sequence[str], candidates: Sequence[str]) -> np.ndarray:
        """See `LanguageModel.log_likelihood`. All candidates of a prompt are scored alike, in the first way possible:

        1. The log-probability of a single token, one request per prompt: if completions return the most likely first
           tokens, every candidate is among them without its stop mark (`log_probabilities.MARK`), and none is a prefix
           of another. The stop mark is not scored: a model that was tuned with it, or sees it in its prompt, gives it
           a probability near 1 after any class. Where the tokenizer makes the space before a class a token of its own,
           as Llama 3 and Qwen do before digits, it is asked with the prompt: its probability is the same for all
           candidates, and part of no score.
        2. The log-likelihood of the whole text with its stop mark, one request per prompt and candidate, if the server
           echoes prompts.
        3. An estimate from the first tokens, one request per prompt (`log_probabilities.first_likelihoods`).

        Raises:
            CannotDo: the server gives no log-probabilities, or only of other first tokens than the candidates'; or one
                candidate begins another.
        """
        provider = self._provider
        if provider.inference == "chat" or (provider.top_logprobs and not provider.echo):
            scores = self._by_first_token(prompts, candidates)
        else:
            scores = self._by_text(prompts, candidates)
        return np.array(scores, dtype=float).reshape(len(prompts), len(candidates))

    def _by_text(self, prompts: Sequence[str], candidates: Sequence[str]) -> list[list[float]]:
        """Single-token scores, or log-likelihoods of the whole texts for prompts without them."""
        if _has_prefix_pair(candidates):
            raise CannotDo(
                f"{self.name} cannot tell an answer from the beginning of another one; use --decoding generate"
            )
        scores, unknown = self._by_token(prompts, candidates)
        for needed in (True, False):
            rows = [i for i, found in enumerate(scores) if found is None and needed != unknown[i]]
            pairs = [(prompts[i], prompts[i] + candidate) for i in rows for candidate in candidates]
            requests = [wire.scoring(self._provider, self.served, text) for _, text in pairs]
            responses = self._back_end.ask(wire.PATHS["completions"], requests, needed)
            values = [
                log_probabilities.log_likelihood(r, t, len(prompt))
                for r, (prompt, t) in zip(responses, pairs, strict=True)
            ]
            for index, i in enumerate(rows):
                scores[i] = values[index * len(candidates) : (index + 1) * len(candidates)]
        return scores

    def _by_token(
        self, prompts: Sequence[str], candidates: Sequence[str]
    ) -> tuple[list[list[float] | None], list[bool]]:
        """Single-token scores of each prompt, None if its first tokens do not include all candidates; and for each
        prompt whether its first tokens are still unknown, as they are in a quote.
        """
        scores: list[list[float] | None] = []
        unknown: list[bool] = []
        texts = log_probabilities.class_texts(candidates)
        if 2 <= len(texts) <= self._provider.top_logprobs and not _has_prefix_pair(texts):
            prompts, texts = self._up_to_the_class(prompts, texts)
            for part in self._trial_and_rest(prompts):
                responses = self._first_tokens(part)
                scores += [log_probabilities.token_likelihoods(response, texts) for response in responses]
                unknown += [isinstance(response, Placeholder) for response in responses]
                if not any(scores) and not any(unknown):
                    break
        rest = len(prompts) - len(scores)
        return scores + [None] * rest, unknown + [False] * rest

    def _by_first_token(self, prompts: Sequence[str], candidates: Sequence[str]) -> list[list[float]]:
        """Single-token scores, or estimates from the first tokens for prompts without them."""
        chat, labels = self._provider.inference == "chat", _labels(candidates)
        texts = log_probabilities.class_texts(candidates)
        if not chat:
            prompts, texts = self._up_to_the_class(prompts, texts)
        scorable = [] if chat or _has_prefix_pair(texts) else texts
        scores, says_something = [], False
        for part in self._trial_and_rest(prompts):
            responses = self._first_tokens(part)
            for response in responses:
                exact = log_probabilities.token_likelihoods(response, scorable) if scorable else None
                scores.append(exact or log_probabilities.first_likelihoods(response, labels, chat))
            says_something |= any(len(set(row)) > 1 for row in scores) or _are_unknown(responses)
            if scores and len(labels) > 1 and not says_something:
                raise CannotDo(
                    f"{self.name}: none of the classes begins with one of the {self._provider.top_logprobs} first "
                    "tokens of which the server gives the log-probability; use --decoding generate"
                )
        return scores

    def _up_to_the_class(self, prompts: Sequence[str], texts: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
        """Prompts and classes with the space between them moved to the prompts, where it is a token of its own.

        It is one if it is among the first tokens of some of the first prompts, and no class is. A quote cannot know
        this, and counts the requests with the space among those that may be needed.
        """
        if not all(text.startswith(" ") and len(text) > 1 for text in texts):
            return prompts, texts
        spaced = [f"{prompt} " for prompt in prompts]
        trial = self._first_tokens(self._trial_and_rest(prompts)[0])
        if _are_unknown(trial):
            self._first_tokens(spaced, needed=False)
        elif log_probabilities.begin_with_space(trial, texts):
            return spaced, [text[1:] for text in texts]
        return prompts, texts

    def _trial_and_rest(self, prompts: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
        n_trial = len(prompts) if self._back_end.batch else TRIAL  # a batch takes hours, however small it is
        return prompts[:n_trial], prompts[n_trial:]

    def _first_tokens(self, prompts: Sequence[str], needed: bool = True) -> list[dict[str, object]]:
        requests = [wire.first_token(self._provider, self.served, prompt) for prompt in prompts]
        return self._back_end.ask(wire.PATHS[self._provider.inference], requests, needed)

    def save(self, folder: Path) -> None:
        """Writes the tuned model's name; its weights stay on the server."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "openai.json").write_text(json.dumps({"model": session.PREFIX + self.served}) + "\n", "utf-8")

    def _job(self, pairs: list[Example], validation: Sequence[Example], settings: FineTuning, seed: int) -> Job:
        if len(pairs) < FEWEST_ROWS:
            raise UserError(f"{len(pairs)} training rows; a server of this protocol takes {FEWEST_ROWS} at least")
        wire.check_texts(pairs)
        provider = self._provider
        texts = [wire.line_texts(provider, pair) for pair in pairs]
        n_tokens = sum(self.count_tokens([text for row in texts for text in row])) + len(pairs) * wire.line_overhead(
            provider
        )
        ours = {"epochs": settings.epochs, "batch_size": settings.batch_size, "learning_rate": settings.learning_rate}
        return Job(
            model=self.served,
            training=wire.training_lines(provider, pairs),
            validation=wire.training_lines(provider, validation),
            n_tokens=n_tokens,
            hyperparameters={
                provider.hyperparameters[name]: value
                for name, value in ours.items()
                if name in provider.hyperparameters
            }
            | provider.more_hyperparameters,
            extra=dict(provider.job_extra),
            seed=seed % 2**31 if provider.seed else None,
            epochs=settings.epochs,
            n_updates=self._n_updates(pairs, settings),
        )

    def _n_updates(self, pairs: Sequence[Example], settings: FineTuning) -> int:
        return -(-len(pairs) // settings.batch_size) * settings.epochs


def _are_unknown(responses: Sequence[dict[str, object]]) -> bool:
    return any(isinstance(response, Placeholder) for response in responses)


def _has_prefix_pair(texts: Sequence[str]) -> bool:
    return any(a != b and b.startswith(a) for a in texts for b in texts)


def _labels(candidates: Sequence[str]) -> list[str]:
    """The candidates without the ending that all of them share, their stop mark, and without outer spaces."""
    endings = zip(*(reversed(candidate) for candidate in candidates), strict=False)
    shared = "".join(letters[0] for letters in takewhile(lambda letters: len(set(letters)) == 1, endings))[::-1]
    mark = (shared if len(candidates) > 1 else "").lstrip(
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ "
    )
    return [candidate.removesuffix(mark).strip() for candidate in candidates]


def _fixed(examples: Examples) -> list[Example]:
    """The training pairs, the same in each epoch."""
    if not callable(examples):
        return list(examples)
    first = list(examples(1))
    if list(examples(2)) != first:
        raise CannotDo(
            "the training rows change from epoch to epoch (--jitter, swapped cells, feature orders, shots drawn anew), "
            "which a training file cannot express; leave those flags out with --model openai:NAME"
        )
    return first
