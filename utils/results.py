"""The store: one CSV per experiment, one row per finished case, nothing lost and nothing written twice.

    RESULTS_DIR/<area>/<experiment>.csv                  finished cases
    RESULTS_DIR/<area>/<experiment>.failures.csv         cases that ended in an error, with the reason
    RESULTS_DIR/<area>/<experiment>/answers/<key>.csv.gz every answer of a case, in the order of the test rows
    RESULTS_DIR/<area>/<experiment>/answers/<key>.json   settings of the case, for utils/verify.py

Several processes may write at once. A row is a single write under a file lock; a line cut short by a crash is removed
before the next one is written; a case claimed by another live process is skipped.
"""

from __future__ import annotations

import csv
import io
import json
import math
import time
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from . import storage
from .errors import UserError
from .storage import BEGUN, replace_file, write_text

if TYPE_CHECKING:
    import pandas as pd

STALE = 3600  # seconds after which an unfinished summary file is abandoned
FAILURE_COLUMNS = ("key", "experiment", "dataset", "method", "model", "seed", "reason", "failed_at")


class StorageError(UserError):
    """A result could not be written; since no other could be either, the study ends."""


class Busy(Exception):
    """Another process is working on this case."""


class Results:
    """The results of one experiment.

    Args:
        folder: the results directory; created with the first row.
        area: "classification", "regression" or "others".
        experiment: the experiment's name, which is that of its script.
    """

    def __init__(self, folder: Path, area: str, experiment: str):
        self.experiment = experiment
        self.path = Path(folder) / area / f"{experiment}.csv"
        self.failures_path = self.path.with_name(f"{experiment}.failures.csv")
        self.folder = self.path.with_name(experiment)

    def sibling(self, ending: str) -> Path:
        """The file next to the CSV with another suffix, such as `sibling("_summary.md")`."""
        return self.path.with_name(self.experiment + ending)

    def frame(self) -> pd.DataFrame:
        """All finished cases; text stays text, numbers become numbers, and a truncated last line is ignored."""
        return _read(self.path)

    def failures(self) -> pd.DataFrame:
        """The failed attempts, one row each."""
        return _read(self.failures_path)

    def finished(self) -> set[str]:
        """The keys of all finished cases."""
        frame = self.frame()
        return set(frame["key"]) if len(frame) else set()

    def check_columns(self, columns: list[str]) -> None:
        """Refuses a file with other columns before anything is run.

        Raises:
            UserError: the file exists and its header differs.
        """
        header = _header(self.path)
        if header and header != columns:
            missing = ", ".join(c for c in columns if c not in header) or "none"
            extra = ", ".join(c for c in header if c not in columns) or "none"
            raise UserError(
                f"{self.path} does not have the columns that this version writes (missing: {missing}; unknown: "
                f"{extra}); move the file away or give another --results-dir"
            )

    def add(
        self,
        row: Mapping[str, object],
        answers: pd.DataFrame | None = None,
        redo: bool = False,
        record: Mapping[str, object] | None = None,
    ) -> bool:
        """Stores a finished case: first its answers, then its row, so that no row is without answers.

        Args:
            row: the columns of the CSV, including "key".
            answers: one row per test row, stored unchanged.
            redo: replace an existing row with this key; otherwise it stays and False is returned.
            record: what the case was run with.

        Raises:
            UserError: the columns differ from the file's, or the disk is full (nothing is left half-written).
        """
        self.check_columns(list(row))
        with self._writing(self.path):
            exists = row["key"] in self.finished()
            if exists and not redo:
                return False
            if answers is not None:
                path = self.answers_path(str(row["key"]))
                path.parent.mkdir(parents=True, exist_ok=True)
                replace_file(path, lambda target: answers.to_csv(target, index=False, compression="gzip"))
            if record is not None:
                write_text(self.record_path(str(row["key"])), json.dumps(record, indent=1) + "\n")
            if exists:
                kept = storage.complete_lines(self.path)
                rows = [r for r in csv.reader(kept[1:]) if r[0] != row["key"]]
                replace_file(self.path, lambda target: target.write_text(kept[0] + "".join(map(_line, rows)), "utf-8"))
            _append(self.path, list(row), list(row.values()))
        return True

    def sweep(self) -> None:
        """Removes unfinished files of processes that were killed.

        For answers and rows this happens under the lock, so no other process is writing them. Summaries are written
        without it, so only those older than STALE are removed.
        """
        answers, beside = self.folder / "answers", self.path.parent
        if answers.exists():
            with self._writing(self.path):
                summaries = filter(_is_stale, beside.glob(f".{self.experiment}_*{BEGUN}"))
                for file in [*answers.glob(".*"), *beside.glob(f".{self.path.name}.*{BEGUN}"), *summaries]:
                    file.unlink(missing_ok=True)

    def fail(self, row: Mapping[str, object]) -> None:
        """Records a failed attempt with its reason; `row` has the columns FAILURE_COLUMNS."""
        with self._writing(self.failures_path):
            _append(self.failures_path, list(FAILURE_COLUMNS), [row[column] for column in FAILURE_COLUMNS])

    def answers_path(self, key: str) -> Path:
        """The file with the answers of a case."""
        return self.folder / "answers" / f"{key}.csv.gz"

    def record_path(self, key: str) -> Path:
        """The file that records what a case was run with."""
        return self.folder / "answers" / f"{key}.json"

    def write_table(self, name: str, table: pd.DataFrame) -> Path:
        """Writes a table derived from the rows to EXPERIMENT_name.csv, six significant digits, no index."""
        path = self.sibling(f"_{name}.csv")
        write_text(path, table.to_csv(index=False, float_format="%.6g"))
        return path

    def answers(self, key: str) -> pd.DataFrame:
        """The answers of a finished case: row, prompt_sha256, text, parsed, truth, log_p_CLASS, as available.

        Row names, texts and labels are strings, missing ones NaN.
        """
        import pandas as pd

        path = self.answers_path(key)
        columns = pd.read_csv(path, nrows=0).columns
        texts = {column: str for column in columns if not column.startswith("log_p_")}
        return pd.read_csv(path, dtype=texts, keep_default_na=False, na_values={c: [""] for c in columns})

    @contextmanager
    def claim(self, key: str, wait: bool = False):
        """Claims a case, so that no other process runs (and pays for) it at the same time.

        The claim ends with the process, however the process ends.

        Raises:
            Busy: another process holds the case and `wait` is False.
        """
        path = self.folder / ".claims" / f"{key}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, timeout=-1 if wait else 0)
        try:
            lock.acquire()
        except Timeout as error:
            raise Busy(key) from error
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _writing(self, path: Path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(path.with_name(f".{path.name}.lock")):
                yield
        except OSError as error:
            raise StorageError(
                f"{path} could not be written ({error.strerror or error}); free some space or give another "
                "--results-dir, then run the same command again: finished cases are kept"
            ) from error


def _is_stale(file: Path) -> bool:
    try:
        return file.stat().st_mtime < time.time() - STALE
    except FileNotFoundError:  # finished and renamed in the meantime
        return False


def _line(values: list[object]) -> str:
    """One CSV line without embedded line breaks, so that a truncated line can be recognised."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow([_cell(value) for value in values])
    return buffer.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, str):
        return value.replace("\r", " ").replace("\n", " ")
    return "" if isinstance(value, float) and math.isnan(value) else value  # an empty cell is "not measured"


def _header(path: Path) -> list[str]:
    written = storage.complete_lines(path)
    return next(csv.reader(written[:1])) if written else []


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd

    written = storage.complete_lines(path)
    if not written:
        return pd.DataFrame()
    texts = {"key": str, "experiment": str, "dataset": str, "source": str, "method": str, "model": str, "options": str}
    frame = pd.read_csv(io.StringIO("".join(written)), dtype=texts, keep_default_na=False)
    numbers = [column for column in frame if column not in texts]
    return frame.assign(**{column: _numeric(frame[column]) for column in numbers})


def _numeric(column: pd.Series) -> pd.Series:
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column):
        return column
    numbers = pd.to_numeric(column, errors="coerce")
    return numbers if numbers.notna().equals(column != "") else column


def _append(path: Path, columns: list[str], values: list[object]) -> None:
    """Appends one line, after the header in a new file."""
    storage.append(path, _line(values), header=_line(list(columns)))
