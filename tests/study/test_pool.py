"""The processes that share a study's cases."""

import os
import time

from utils.study import pool

_kept = []


class Growing:
    """Cases that answer with their process; each but the first of a process keeps 350 MB."""

    def run_one(self, plan, commit):
        if _kept:
            time.sleep(1.1)  # the pool looks at its workers' memory at most once a second
        _kept.append(b"x" * (350_000_000 if _kept else 1))
        return os.getpid()


def test_a_worker_that_has_loaded_its_libraries_is_kept():
    """A new one would import them again, which takes longer than many a case."""
    assert len(set(pool.outcomes(Growing(), [None] * 6, "", workers=2, outputs=None))) == 2
