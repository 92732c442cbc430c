"""Folders of generated models: made once, complete or not at all, by one process at a time."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from filelock import FileLock


def folder(cache: Path, name: str, identity: Iterable[bytes], write: Callable[[Path], None]) -> Path:
    """The folder `cache`/`name`-HASH; `write` fills it on first use.

    Args:
        cache: the parent folder; created if missing.
        name: the beginning of the folder's name.
        identity: everything the model depends on, including its code.
        write: fills an empty folder.
    """
    return make(cache / f"{name}-{hashlib.sha256(bytes(1).join(identity)).hexdigest()[:12]}", write)


def make(made: Path, write: Callable[[Path], None]) -> Path:
    """The folder `made`; `write` fills it on first use."""
    made.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{made}.lock"):
        if not made.exists():
            unfinished = Path(tempfile.mkdtemp(dir=made.parent))
            try:
                write(unfinished)
                unfinished.chmod(0o755)
                unfinished.rename(made)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
    return made
