"""Cases in several processes of this machine."""

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

GROWTH = 2 * 2**30  # bytes by which a worker may grow before the pool replaces it; freed memory comes back to it, too


def outcomes(runner, plans: Sequence[Plan], commit: str, workers: int, outputs: Path | None) -> Iterator[Outcome]:
    """Runs the plans and stores them, several at a time, begun in their order.

    Args:
        runner: the study's `runner.Runner`.
        outputs: a folder for what the processes print; None where that may go where the study's own goes.

    Raises:
        UserError: a process was killed.
    """
    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    try:
        lifetime = {"initializer": _begin, "initargs": (os.getpid(), outputs)}
        # More calls at once than the pool's queue holds, which are twice the workers, and an end by Ctrl-C finds the
        # thread that manages it dead, its semaphores leaked.
        pool = Parallel(workers, return_as="generator_unordered", batch_size=1, pre_dispatch="2*n_jobs", **lifetime)
        with warnings.catch_warnings():
            # The pool replaces a worker that has grown by 300 MB, without losing a case, and tells those it drops.
            for message in ("A worker stopped while some jobs", ".*(were still being processed|but not used)"):
                warnings.filterwarnings("ignore", message=message)
            yield from pool(delayed(runner.run_one)(plan, commit) for plan in plans)
    except TerminatedWorkerError as error:
        raise UserError(
            "a worker process was killed, most often for want of memory; finished cases are kept: run the same "
            f"command again with fewer --workers than {workers}"
        ) from error


def _begin(parent: int, outputs: Path | None) -> None:
    """The start of a process: where it prints, that it is kept however it grows, and that it ends with its parent."""
    from joblib.externals.loky import process_executor

    if outputs is not None:
        Outputs.divert(outputs)
    # The pool replaces a worker that is 300 MB larger than after its first case, as if it leaked. A study begins with
    # its cheapest learners, so LIFT's libraries alone would be such a leak, and their import would be paid for twice.
    process_executor._MAX_MEMORY_LEAK_SIZE = GROWTH
    _end_with(parent)


def _end_with(parent: int) -> None:
    """Ends this worker within a second of its parent, which may be killed: an orphan would go on, unseen."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
