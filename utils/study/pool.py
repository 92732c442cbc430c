"""Cases in several processes on this machine."""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import UserError
from .display import Outputs
from .plans import Outcome, Plan

GROWTH = 2 * 2**30  # bytes by which a worker may grow before it is replaced


def outcomes(runner, plans: Sequence[Plan], commit: str, workers: int, outputs: Path | None) -> Iterator[Outcome]:
    """Runs the plans and stores their results, several at a time, started in order.

    Args:
        runner: the study's `runner.Runner`.
        outputs: a folder for what the processes print; None to leave their output alone.

    Raises:
        UserError: a process was killed.
    """
    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    try:
        lifetime = {"initializer": _begin, "initargs": (os.getpid(), outputs)}
        # With more calls pending than the pool's queue holds (twice the workers), Ctrl-C kills its manager thread and
        # leaks its semaphores.
        pool = Parallel(workers, return_as="generator_unordered", batch_size=1, pre_dispatch="2*n_jobs", **lifetime)
        with warnings.catch_warnings():
            # Replacing a grown worker loses no case, but the pool warns about it and about calls it drops.
            for message in ("A worker stopped while some jobs", ".*(were still being processed|but not used)"):
                warnings.filterwarnings("ignore", message=message)
            yield from pool(delayed(runner.run_one)(plan, commit) for plan in plans)
    except TerminatedWorkerError as error:
        raise UserError(
            "a worker process was killed, usually because memory ran out; finished cases are kept: run the same "
            f"command again with fewer --workers than {workers}"
        ) from error


def _begin(parent: int, outputs: Path | None) -> None:
    """Initialises a worker: redirects its output, lets it grow, and makes it end with its parent."""
    from joblib.externals.loky import process_executor

    if outputs is not None:
        Outputs.divert(outputs)
    # The pool treats a worker that is 300 MB larger than after its first case as leaking and replaces it. A study
    # starts with the cheapest learners, so importing LIFT's libraries would count as a leak and happen twice.
    process_executor._MAX_MEMORY_LEAK_SIZE = GROWTH
    _end_with(parent)


def _end_with(parent: int) -> None:
    """Ends this worker within a second of its parent; if that is killed, an orphan would run on unnoticed."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
