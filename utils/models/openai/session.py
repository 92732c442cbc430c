"""Where a study keeps its purchases, and what it may spend. One session at a time per process."""

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

PREFIX = "openai:"  # of model names on such servers
OFFICIAL = "https://api.openai.com/v1"


@dataclass(frozen=True)
class Session:
    """See `utils.study.budget.Spending` for the flags.

    Attributes:
        folder: jobs, answers and ledger.
        approved: whether anything may be sent; False until the quote is approved.
        quote: if set, requests are added up instead of sent.
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
    """Base URLs of the tuning server (OPENAI_BASE_URL) and the inference server (OPENAI_INFERENCE_BASE_URL)."""
    train = (os.environ.get("OPENAI_BASE_URL") or OFFICIAL).rstrip("/")
    return train, (os.environ.get("OPENAI_INFERENCE_BASE_URL") or train).rstrip("/")


def recipe() -> dict[str, object]:
    """The fine-tuning defaults for models of the server."""
    return providers.provider(urls()[0], current().providers).recipe


def fingerprint(name: str) -> str:
    """The identity of a model on a server: its name, and where it is tuned and queried."""
    return " ".join([name, *dict.fromkeys(urls())])


def current() -> Session:
    """The session of this process; before `use`, one that sends nothing."""
    return _current


def use(session: Session) -> None:
    """Makes this the session of all models on servers."""
    global _current
    _current = session


@contextmanager
def quoting(quote: Quote) -> Iterator[None]:
    """Context in which models on servers send nothing; what they would send is added to `quote`."""
    before = current()
    use(replace(before, quote=quote))
    try:
        yield
    finally:
        use(before)
