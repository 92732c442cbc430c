"""Where a study keeps what it buys, and what it may spend. One session at a time in a process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...paths import RESULTS
from . import providers

if TYPE_CHECKING:
    from .quote import Quote

PREFIX = "openai:"  # of the names of models behind the protocol
OFFICIAL = "https://api.openai.com/v1"


@dataclass(frozen=True)
class Session:
    """See `utils.study.budget.Spending` for the flags.

    Attributes:
        folder: jobs, answers and ledger.
        approved: whether anything may be sent; False until the quote was agreed to.
        quote: adds up instead of sending, where there is one.
    """

    folder: Path = RESULTS / "openai"
    approved: bool = False
    max_usd: float | None = None
    prices: Path = providers.PRICES
    providers: Path = providers.PROVIDERS
    batch: bool = False
    job_hours: float = 24.0
    retry_minutes: float = 10.0
    quote: Quote | None = field(default=None, compare=False)


_current = Session()


def urls() -> tuple[str, str]:
    """Base URLs of the server that tunes (OPENAI_BASE_URL) and of the one that answers (OPENAI_INFERENCE_BASE_URL)."""
    train = (os.environ.get("OPENAI_BASE_URL") or OFFICIAL).rstrip("/")
    return train, (os.environ.get("OPENAI_INFERENCE_BASE_URL") or train).rstrip("/")


def recipe() -> dict[str, object]:
    """The fine-tuning defaults for models of the server."""
    return providers.provider(urls()[0], current().providers).recipe


def fingerprint(name: str) -> str:
    """The identity of a model behind the protocol: its name, and where it is tuned and asked."""
    return " ".join([name, *dict.fromkeys(urls())])


def current() -> Session:
    """The session of this process; before `use`, one that sends nothing."""
    return _current


def use(session: Session) -> None:
    """From now on models of the protocol belong to this session."""
    global _current
    _current = session


@contextmanager
def quoting(quote: Quote) -> Iterator[None]:
    """Within, models of the protocol send nothing; what they would send is added to `quote`."""
    before = current()
    use(replace(before, quote=quote))
    try:
        yield
    finally:
        use(before)
