"""Before anything is sent to a server: what would be sent, where, at what cost, and whether the user agrees."""

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
    """Flags for models on a server, --model openai:NAME. Key and server come from the environment."""

    yes: bool = False  # accept the quote without being asked
    dry_run: bool = False  # write the training files and stop after the quote
    max_usd: float | None = None  # spending limit for this --results-dir, including earlier runs
    prices: Path = providers.PRICES  # table of USD per million tokens; edit as needed
    providers: Path = providers.PROVIDERS  # the differences between servers
    openai_batch: bool = False  # request answers in batches: cheaper, within 24 hours
    job_hours: float = 24.0  # longest wait for a job or batch; it keeps running, and the same command waits again
    retry_minutes: float = 10.0  # how long a request is retried after a timeout or a transient error

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
    """Inside this context, models on a server can be inspected, but nothing is sent."""
    session.use(spending.session(results_dir, approved=False))
    with session.quoting(Quote()):
        yield


class DryRun(Exception):
    """Raised after the quote was shown with `--dry-run`."""


def approve(max_usd: float | None = None, results_dir: Path | None = None, **flags: object) -> None:
    """For use from Python: allows tuning and prediction with models on a server, for at most `max_usd`.

    Args:
        max_usd: None for no limit.
        results_dir: jobs, answers and the ledger are stored in its subfolder `openai`.
        flags: other fields of `Spending`.
    """
    folder = Path(results_dir) if results_dir is not None else session.RESULTS
    session.use(Spending(max_usd=max_usd, **flags).session(folder, approved=True))


def agree(trials: Iterable[tuple[str, object]], spending: Spending, results_dir: Path) -> None:
    """Shows the quote of a study and asks for confirmation; on return the session is open.

    Args:
        trials: label and trial of each case to run whose model is on a server.

    Raises:
        UserError: no price, a quote above the limit, or no confirmation.
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
        print(f"nothing was sent; the training files are in {quote.files}")
        raise DryRun
    if spending.max_usd is not None and spent + total > spending.max_usd:
        raise UserError(
            f"a total of {spent + total:.4f} USD would exceed --max-usd {spending.max_usd:g}; raise it, or run fewer "
            "--datasets or --seeds"
        )
    if quote.hosts and not spending.yes and not _confirmed():
        raise UserError("nothing was sent; confirm with --yes, or inspect the training files with --dry-run")
    session.use(spending.session(results_dir, approved=True))


def quoted(trial, quote: Quote) -> None:
    """Adds a trial to the quote by running it completely with a back end that only counts and answers nothing."""
    with session.quoting(quote), warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")  # scores of empty answers
        with progress.listening(None):
            trial.run()


def is_remote(trial) -> bool:
    """Whether the trial's model is on a server."""
    return models.is_remote(trial.learner.model)


def _show(quote: Quote, columns: dict[str, list[str]]) -> None:
    console = Console()
    if not quote.hosts:
        print("everything this study needs has been paid for and is stored; nothing is sent")
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
        print("~ a conservative estimate: the model's tokenizer is not available")
    if any(line.least_requests < line.requests for line in quote.lines.values()):
        print("a to b: more requests only for rows whose classes are not all among the first tokens returned")
    print(f"prices as of {', '.join(sorted(quote.as_of))}; answers counted at their maximum length")
    print(f"These columns leave this machine for {', '.join(sorted(quote.hosts))}:")
    for name, names in columns.items():
        print(f"  {name}: {', '.join(names[:40])}{f', … ({len(names)} in all)' if len(names) > 40 else ''}")
    print(f"  for example: {quote.example[:300]}")


def _confirmed() -> bool:
    if not sys.stdin.isatty():
        return False
    return input("Send this? [y/N] ").strip().lower() in ("y", "yes")
