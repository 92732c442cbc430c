"""The CSV of the mark: one row per accuracy, measured once and reused by later runs of the script."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from filelock import FileLock

from utils import storage
from utils.errors import UserError

COLUMNS = (
    *("key", "million_tokens", "part", "table", "n_rows", "seed", "learner", "length"),
    *("accuracy", "n_test", "seconds"),
)


def key(identity: Mapping[str, object]) -> str:
    """Hash of everything that an accuracy depends on."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]


class Store:
    """The CSV file; a truncated line is ignored, and replaced by the next one."""

    def __init__(self, path: Path):
        self.path = path

    def frame(self) -> pd.DataFrame:
        """All rows, the last one for each key. Raises UserError for a file with other columns."""
        written = storage.complete_lines(self.path)
        if not written:
            return pd.DataFrame(columns=list(COLUMNS))
        frame = pd.read_csv(io.StringIO("".join(written)), dtype={"key": str})
        if tuple(frame.columns) != COLUMNS:
            raise UserError(
                f"{self.path} does not have this version's columns; move it away, or give another --results-dir"
            )
        return frame.drop_duplicates("key", keep="last")

    def add(self, row: Mapping[str, object]) -> None:
        """Adds a row with the columns COLUMNS."""
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n").writerow([row[name] for name in COLUMNS])
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self.path.with_name(f".{self.path.name}.lock")):
            storage.append(self.path, buffer.getvalue(), header=",".join(COLUMNS) + "\n")
