"""Files that are never half-written: files replaced atomically, and files that grow by whole lines.

A line cut short by a crash is ignored by readers and removed by the next write.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

BEGUN = ".part"  # suffix of an unfinished file
BLOCK = 4096  # bytes read at a time while looking for the end of the last whole line


def complete_lines(path: Path) -> list[str]:
    """The complete lines of a file, with line ends; none if there is no file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="\n") as file:
        return [line for line in file if line.endswith("\n")]


def append(path: Path, line: str, header: str = "") -> None:
    """Appends a line in one write, after `header` in a new file, and undoes it if the write fails.

    The caller holds the file's lock; both texts end with a line break. On return the line is on disk.

    Raises:
        OSError: it could not be written; the file is unchanged.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        end = _end(file)
        os.ftruncate(file, end)
        os.lseek(file, end, os.SEEK_SET)
        text = (line if end else header + line).encode()
        try:
            while text:
                text = text[os.write(file, text) :]
            os.fsync(file)
        except OSError:
            os.ftruncate(file, end)
            raise
    finally:
        os.close(file)


def _end(file: int) -> int:
    """The offset in bytes at which the last complete line of an open file ends."""
    end = os.lseek(file, 0, os.SEEK_END)
    while end:
        start = max(0, end - BLOCK)
        found = os.pread(file, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def write_text(path: Path, text: str) -> None:
    """Writes a whole file or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, lambda target: target.write_text(text, "utf-8"))


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Lets `write` fill a temporary file next to `path` and then renames it atomically."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=BEGUN)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
