"""The back end that sends: each job, batch and answer is bought once, even if runs are interrupted."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

from ... import progress
from ...errors import CannotDo, UserError
from . import jobs, wire
from .ledger import Ledger
from .providers import Price, Provider, host
from .quote import cost
from .replies import check
from .session import Session
from .store import Store
from .token_counts import Counter
from .wire import Job, Tuned

NEW = 600.0  # seconds after the job during which the server may not know the tuned model yet


class PaidBackend:
    """A back end on a server.

    Args:
        trainer, asker: connections to the two base URLs, see `utils.models.openai.connection.Connection`.
        price: of the base model.

    Attributes:
        usd: cost of everything requested through this object, whether paid now or earlier.
    """

    def __init__(
        self,
        trainer,
        asker,
        session: Session,
        provider: Provider,
        price: Price | None,
        counter: Counter,
        store: Store,
        ledger: Ledger,
    ) -> None:
        if not session.approved:
            raise CannotDo(
                "no spending was approved yet; run a script with --model openai:NAME, which shows a quote first, "
                "or call utils.study.budget.approve(max_usd=…) from Python"
            )
        if price is None:
            raise CannotDo("no price is known for this model; add a line for its host and name to data/prices.csv")
        self.trainer, self.asker, self.session = trainer, asker, session
        self.provider, self.price, self.counter = provider, price, counter
        self.store, self.ledger = store, ledger
        self.usd = 0.0
        self.batch = session.batch
        self._new_models: dict[str, float] = {}
        self._counted: set[str] = set()
        self._warned = False  # whether a usage was implausible, reported once

    def tune(self, job: Job) -> Tuned:
        """Buys the job, or resumes it where an earlier run stopped, and waits for its end.

        Raises:
            UserError: it is refused, failed, or takes longer than the session allows.
        """
        with self.store.purchase(job.key(self.trainer.url)) as state:
            usd = jobs.tune(self, job, state)
        self.usd += usd
        tuned = Tuned(state["tuned"], {int(k): v for k, v in state["checkpoints"].items()}, state["n_tokens"])
        self._new_models |= dict.fromkeys((tuned.model, *tuned.checkpoints.values()), state["ended"] + NEW)
        return tuned

    def ask(self, path: str, requests: Sequence[dict[str, object]], needed: bool = True) -> list[dict[str, object]]:
        """The response to each request; identical requests are bought once.

        Args:
            needed: ignored; see `quote.DryRunBackend.ask`.

        Raises:
            UserError: the server refuses, or does not answer within the session's time limit; received answers stay.
        """
        keys = [wire.digest([self.asker.url, path, request]) for request in requests]
        unique = dict(zip(keys, requests, strict=True))
        missing = {k: r for k, r in unique.items() if self.store.answer(self.asker.url, path, r) is None}
        if missing and self.batch:
            jobs.batch(self, path, missing)
        elif missing:
            self._all(path, list(missing.values()))
        answers = {key: self.store.answer(self.asker.url, path, request) for key, request in unique.items()}
        for key, request in unique.items():
            self._check_kept(request, answers[key])
            if key in self._counted:
                continue
            self._counted.add(key)
            used = self._used(request, answers[key])
            self.usd += self.price.usd(prompt=used.prompt, completion=used.completion, batched=self.batch)
        return [answers[key] for key in keys]

    def keep(self, path: str, request: dict[str, object], response: dict[str, object]) -> None:
        """Stores an answer and records its price."""
        used = self._used(request, response)
        if used.rejected and not self._warned:
            self._warned = True
            most = " and ".join(map(str, wire.most_tokens(self.provider, request)))
            self.say(
                f"warning: {host(self.asker.url)} reports a usage of {self.asker.clean(used.rejected)}, where prompt "
                f"and answer have {most} tokens at most; what was quoted is counted instead, here and where the ledger "
                'says "quote"'
            )
        usd = self.price.usd(prompt=used.prompt, completion=used.completion, batched=self.batch)
        key = wire.digest([self.asker.url, path, request])
        self.store.keep_answer(self.asker.url, path, request, response)
        self.ledger.add(
            host=host(self.asker.url),
            model=str(request["model"]),
            kind="answer",
            id=key,
            usd=usd,
            counted=used.counted,
            prompt=used.prompt,
            completion=used.completion,
        )

    def _check_kept(self, request: dict[str, object], response: dict[str, object]) -> None:
        """Raises UserError if a stored answer is invalid, as one from an earlier version may be."""
        try:
            check(request, response)
        except wire.BadAnswer as error:
            raise UserError(
                f"an answer of {request['model']} in {self.store.folder / 'answers'} cannot be used: {error}; remove "
                "its line there, and it is asked for again"
            ) from None

    def _used(self, request: dict[str, object], response: dict[str, object]) -> wire.Usage:
        quoted = cost(self.provider, self.counter, request)
        return wire.usage(response, quoted, wire.most_tokens(self.provider, request))

    def _all(self, path: str, requests: list[dict[str, object]]) -> None:
        """Several at a time; after an error no more are sent, and those under way are awaited and kept."""
        with (
            progress.counting("answer", len(requests)) as count,
            ThreadPoolExecutor(self.provider.concurrency) as pool,
        ):
            futures = [pool.submit(self._one, path, request, count.step) for request in requests]
            try:
                done, _ = wait(futures, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
            except KeyboardInterrupt:
                self.say("stopping: waiting for answers under way, which are kept (Ctrl-C again drops them)")
                raise
            finally:
                self.asker.stopping.set()  # no retries, no further requests
                pool.shutdown(wait=True, cancel_futures=True)
                self.asker.stopping.clear()

    def _one(self, path: str, request: dict[str, object], tick: Callable[[], object]) -> None:
        prompt, completion = cost(self.provider, self.counter, request)
        most = self.price.usd(prompt=prompt, completion=completion)
        with self.ledger.reserving(most, "the next answer"):
            patient = time.time() < self._new_models.get(str(request["model"]), 0.0)
            response = self.asker.ask(path, request, lambda answer: check(request, answer), patient, self._lost)
            self.keep(path, request, response)
        tick()

    def _lost(self, path: str, request: dict[str, object], attempt: int) -> None:
        """A broken or lost answer may have been billed: its estimate goes into the ledger."""
        prompt, completion = cost(self.provider, self.counter, request)
        self.ledger.add(
            host=host(self.asker.url),
            model=str(request["model"]),
            kind="lost answer",
            id=f"{wire.digest([self.asker.url, path, request])}-{time.time_ns()}-{attempt}",
            usd=self.price.usd(prompt=prompt, completion=completion),
            counted="estimate",
            prompt=prompt,
            completion=completion,
        )

    def say(self, text: str) -> None:
        """A line of progress on the terminal."""
        progress.say(text)
