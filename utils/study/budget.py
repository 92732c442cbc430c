"""Before anything is sent to a server: what would be sent, where to, what it costs, and whether the user agrees."""

from __future__ import annotations

import contextlib
import io
import sys
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from .. import models, progress
from ..errors import UserError
from ..models.openai import providers, session
from ..models.openai.ledger import Ledger
from ..models.openai.quote import Quote
from ..models.openai.session import Session


@dataclass(frozen=True)
class Spending:
    """Flags of models behind the OpenAI protocol, --model openai:NAME. Key and server come from the environment."""

    yes: bool = False  # agree to the quote without being asked
    dry_run: bool = False  # stop after the quote, and write the training files
    max_usd: float | None = None  # most that may be spent in this --results-dir, earlier runs included
    prices: Path = providers.PRICES  # USD per million tokens, a table to edit
    providers: Path = providers.PROVIDERS  # what differs between servers
    openai_batch: bool = False  # ask for answers in batches: cheaper, within 24 hours
    job_hours: float = 24.0  # longest wait for a job or batch; it goes on, and the same command waits again
    retry_minutes: float = 10.0  # how long a request is tried again that has no answer or a passing error

    def session(self, results_dir: Path, approved: bool) -> Session:
        """The session of a study."""
        return Session(
            folder=Path(results_dir) / "openai",
            approved=approved,
            max_usd=self.max_usd,
            prices=self.prices,
            providers=self.providers,
            batch=self.openai_batch,
            job_hours=self.job_hours,
            retry_minutes=self.retry_minutes,
        )


@contextlib.contextmanager
def offline(spending: Spending, results_dir: Path) -> Iterator[None]:
    """Within, models behind the protocol can be looked at and nothing is sent."""
    session.use(spending.session(results_dir, approved=False))
    with session.quoting(Quote()):
        yield


class DryRun(Exception):
    """The quote was shown, and nothing else was asked for."""


def approve(max_usd: float | None = None, results_dir: Path | None = None, **flags: object) -> None:
    """For use from Python: allows models of the protocol to be tuned and asked, for at most `max_usd`.

    Args:
        max_usd: None for no limit.
        results_dir: jobs, answers and the ledger lie in its folder `openai`.
        flags: as `Spending` has them.
    """
    folder = Path(results_dir) if results_dir is not None else session.RESULTS
    session.use(Spending(max_usd=max_usd, **flags).session(folder, approved=True))


def agree(trials: Iterable[tuple[str, object]], spending: Spending, results_dir: Path) -> None:
    """Quotes the study and asks; on return the session is open.

    Args:
        trials: label and trial of each case that is to run and has a model behind the protocol.

    Raises:
        UserError: no price, too little money, or nobody to ask.
        DryRun: with `--dry-run`, after the quote.
    """
    session.use(spending.session(results_dir, approved=False))
    folder = session.current().folder
    quote = Quote(files=folder / "dry-run" if spending.dry_run else None)
    columns: dict[str, list[str]] = {}
    for label, trial in trials:
        quote.label = label
        columns[trial.dataset] = [*map(str, trial.split.X_train.columns), f"{trial.split.y_train.name} (target)"]
        quoted(trial, quote)
    _show(quote, columns)
    total = sum(line.usd for line in quote.lines.values())
    spent = Ledger(folder / "ledger.csv", None).spent()
    print(f"spent so far in {folder}: {spent:.4f} USD; this study: at most {total:.4f} USD")
    if spending.dry_run:
        print(f"nothing was sent; the training files lie in {quote.files}")
        raise DryRun
    if spending.max_usd is not None and spent + total > spending.max_usd:
        raise UserError(
            f"{spent + total:.4f} USD are above --max-usd {spending.max_usd:g}; raise it, or run fewer --datasets or "
            "--seeds"
        )
    if quote.hosts and not spending.yes and not _asked():
        raise UserError("nothing was sent; agree with --yes, or look at the training files with --dry-run")
    session.use(spending.session(results_dir, approved=True))


def quoted(trial, quote: Quote) -> None:
    """Adds a trial to the quote: it is run whole, with a back end that counts and answers with nothing."""
    with session.quoting(quote), warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")  # scores of empty answers
        with progress.listening(None):
            trial.run()


def is_remote(trial) -> bool:
    """Whether the trial's learner is a model behind the protocol."""
    return models.is_remote(trial.learner.model)


def _show(quote: Quote, columns: dict[str, list[str]]) -> None:
    console = Console()
    if not quote.hosts:
        print("everything that this study needs was paid for and is kept; nothing is sent")
        return
    table = Table("", "jobs", "requests", "training tokens", "prompt tokens", "answer tokens ≤", "USD ≤", title="Quote")
    for label, line in quote.lines.items():
        mark = "" if line.exact else "~"
        ranges = [(line.least_requests, line.requests), (line.least_prompt, line.prompt)]
        requests, prompt = (f"{most}" if least == most else f"{least} to {most}" for least, most in ranges)
        cells = [line.jobs, requests, *(f"{mark}{n}" for n in (line.training, prompt, line.completion))]
        table.add_row(label, *map(str, cells), f"{line.usd:.4f}")
    console.print(table)
    if not all(line.exact for line in quote.lines.values()):
        print("~ an estimate on the safe side: the model's tokenizer is not at hand")
    if any(line.least_requests < line.requests for line in quote.lines.values()):
        print("a to b: more requests only for rows whose classes are not all among the first tokens returned")
    print(f"prices of {', '.join(sorted(quote.as_of))}; answers counted at their longest")
    print(f"These columns leave this machine for {', '.join(sorted(quote.hosts))}:")
    for name, names in columns.items():
        print(f"  {name}: {', '.join(names[:40])}{f', … ({len(names)} in all)' if len(names) > 40 else ''}")
    print(f"  for example: {quote.example[:300]}")


def _asked() -> bool:
    if not sys.stdin.isatty():
        return False
    return input("Send this? [y/N] ").strip().lower() in ("y", "yes")
