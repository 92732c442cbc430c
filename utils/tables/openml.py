"""OpenML tables: downloaded once, verified, kept as Parquet under data/cache/openml.

Next to each ID.parquet, ID.json records its SHA-256, target and origin. The server is contacted only if the copy is
missing. Tasks and suites are in `openml_tasks`.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import logging
import re
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

import pandas as pd
from filelock import FileLock
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from .. import paths
from ..errors import BadTable, UnknownName, Unobtainable, UserError
from . import files

SERVER = "https://www.openml.org"
CACHE = paths.CACHE / "openml"
TIMEOUT = 30.0  # seconds without a byte
ATTEMPTS = 4
WAIT = 1.0  # seconds before the second attempt, doubled each time
TRANSIENT_STATUS = (408, 425, 429, 500, 502, 503, 504)
COLUMN_KEYS = ("name", "data_type", "is_target", "is_ignore", "is_row_identifier")
NOT_FOUND = 412  # OpenML's status for an unknown id or name
CELL = re.compile(r"""\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([^,'"\s][^,]*?|))\s*(?:,|$)""")
ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}  # after a backslash; any other character stands for itself

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Copy:
    """A verified copy on this machine.

    Attributes:
        target: the default target, the last column of the file; None if OpenML names none or several.
        source: id, name and version.
    """

    path: Path
    target: str | None
    source: str


def fetch(word: str) -> Copy:
    """The table with this OpenML id or name, from the cache, else from the server.

    Of several versions it takes the first active one and logs which.

    Raises:
        UnknownName: OpenML has no such table.
        BadTable: the copy is damaged, or the table is of an unsupported kind.
        Unobtainable: the server cannot be reached or answers unexpectedly.
    """
    path, record = kept(quoted(word), lambda: _download(word))
    return Copy(path, record["target"], record["source"])


def kept(stem: str, download: Callable[[], tuple[pd.DataFrame, dict[str, Any]]]) -> tuple[Path, dict[str, Any]]:
    """The cached file STEM.parquet and its record in STEM.json, downloaded if missing.

    Raises:
        BadTable: the file has changed since.
    """
    path = CACHE / f"{stem}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):
        record_path = path.with_suffix(".json")
        if not (path.is_file() and record_path.is_file()):
            _store(*download(), path, record_path)
    record = json.loads(record_path.read_text(encoding="utf-8"))
    if hashlib.sha256(path.read_bytes()).hexdigest() != record["sha256"]:
        raise BadTable(f"{path} is not the file that was downloaded; remove it, and the next run will fetch it again")
    return path, record


def _store(frame: pd.DataFrame, record: dict[str, Any], path: Path, record_path: Path) -> None:
    unfinished = path.with_suffix(".part")
    frame.to_parquet(unfinished, index=False)
    record = {"sha256": hashlib.sha256(unfinished.read_bytes()).hexdigest(), **record}
    record_path.unlink(missing_ok=True)  # first, so that an old record never accompanies a new file
    unfinished.replace(path)
    unfinished_record = record_path.with_suffix(".json.part")
    unfinished_record.write_text(json.dumps(record, indent=1), encoding="utf-8")
    unfinished_record.replace(record_path)


def quoted(word: str) -> str:
    """A name as part of a URL or a file name."""
    return urllib.parse.quote(word, safe="")


def _download(word: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    try:
        number = word if word.isdigit() else _find(word)
        about = ask(f"/api/v1/json/data/{number}", word)["data_set_description"]
        columns = ask(f"/api/v1/json/data/features/{number}", word)["data_features"]["feature"]
        source = f"OpenML {number}, {about['name']} version {about['version']}"
        url, expected = about["url"], about.get("md5_checksum")
        columns = [{key: column[key] for key in COLUMN_KEYS} for column in columns]
    except (KeyError, TypeError) as error:
        raise Unobtainable(f"{SERVER} describes {word} without {error}; try again later") from error
    log.info("downloading %s", source)
    content = get(url, word)
    if expected and hashlib.md5(content, usedforsecurity=False).hexdigest() != expected:
        raise BadTable(f"OpenML {word}: the file from {url} is incomplete or altered (MD5); try again later")
    frame, target = _frame(content, columns, word)
    return frame, {"target": target, "source": source, "url": url}


def _find(name: str) -> str:
    found = ask(f"/api/v1/json/data/list/data_name/{quoted(name)}/limit/2/status/active/", name)["data"]["dataset"]
    if not found:
        raise UnknownName(f"OpenML has no active table {name!r}; look it up on {SERVER} and give openml:ID")
    if len(found) > 1:
        log.warning("OpenML has several tables %r; taking id %s; use openml:ID for another", name, found[0]["did"])
    return str(found[0]["did"])


def _frame(content: bytes, columns: list[dict[str, str]], word: str) -> tuple[pd.DataFrame, str | None]:
    """Columns in OpenML's order, target last; without row identifiers and columns that OpenML marks as ignored."""
    cells = _arff_cells(content, len(columns), word)
    frame = pd.DataFrame(cells, columns=[column["name"] for column in columns], dtype=object)
    targets = [column["name"] for column in columns if column["is_target"] == "true"]
    target = targets[0] if len(targets) == 1 else None
    kept = {}
    for column in columns:
        name = column["name"]
        if name not in targets and "true" in (column["is_ignore"], column["is_row_identifier"]):
            continue
        values = files.numbers(frame[name]) if column["data_type"] == "numeric" else files.text(frame[name])
        if values is None and frame[name].notna().any():
            raise BadTable(f"OpenML {word}: the numeric column {name!r} holds cells that are not numbers")
        kept[name] = frame[name].astype("float64") if values is None else values
    if target:
        kept[target] = kept.pop(target)
    return pd.DataFrame(kept), target


def _arff_cells(content: bytes, n_columns: int, word: str) -> list[list[str | None]]:
    """The rows after @DATA; quotes and backslashes resolved, an unquoted ? is None."""
    try:
        lines = content.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise BadTable(f"OpenML {word}: the file is not UTF-8 text ({error.reason})") from error
    starts = [number for number, line in enumerate(lines) if line.strip().lower() == "@data"]
    if not starts:
        raise BadTable(f"OpenML {word}: the file is not in ARFF format, the only one supported")
    rows = []
    for number, line in enumerate(lines[starts[0] + 1 :], start=starts[0] + 2):
        if not line.strip() or line.lstrip().startswith("%"):
            continue
        if line.lstrip().startswith("{"):
            raise BadTable(
                f"OpenML {word} is a sparse table, which is not supported; save it as CSV and name that file"
            )
        row = _cells(line)
        if len(row) != n_columns:
            raise BadTable(f"OpenML {word}, line {number}: {len(row)} cells instead of {n_columns}")
        rows.append(row)
    return rows


def _cells(line: str) -> list[str | None]:
    """The cells of one line; none at all if a quote is missing."""
    cells, start = [], 0
    while start <= len(line):
        found = CELL.match(line, start)
        if not found:
            return []
        single, double, plain = found.groups()
        quoted = single if single is not None else double
        if quoted is not None:
            cells.append(re.sub(r"\\(.)", lambda escape: ESCAPES.get(escape[1], escape[1]), quoted))
        else:
            cells.append(None if plain in ("?", "") else plain)
        if not found.group().endswith(","):
            break
        start = found.end()
    return cells


def ask(address: str, word: str, kind: str = "table") -> dict[str, Any]:
    """The server's response at an API address; `kind` and `word` name the request in messages.

    Raises:
        UnknownName: the server has no such item.
        Unobtainable: it cannot be reached or answers unexpectedly.
    """
    content = get(SERVER + address, word, kind)
    try:
        return json.loads(content)
    except ValueError as error:
        raise Unobtainable(f"{SERVER} did not answer with JSON when asked for {word}; try again later") from error


def get(url: str, word: str, kind: str = "table") -> bytes:
    """The content at a URL; transient failures are retried. Raises as `ask` does."""
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise UserError(f"OpenML gives {url} as the address of {word}, which is not a web address")
    attempts = Retrying(
        retry=retry_if_exception(_is_transient),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential(multiplier=WAIT),
        reraise=True,
    )
    try:
        return attempts(_get_once, url)
    except HTTPError as error:
        if error.code in (404, NOT_FOUND):
            scheme = "openml" if kind == "table" else f"openml-{kind}"
            raise UnknownName(f"OpenML has no {kind} {word!r}; look it up on {SERVER} and give {scheme}:ID") from error
        raise Unobtainable(f"{url} answered {error.code} {error.reason} for {word}; try again later") from error
    except (URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        way = "save the table as NAME.csv.gz, its last column the target, and name its folder in LIFT_DATA"
        if kind != "table":
            way = f"copy {CACHE} from a machine that has it"
        named = word if kind == "table" else f"{kind} {word}"
        raise Unobtainable(
            f"OpenML {named} is not on this machine and {url} cannot be read ({error}). With a network, try again; "
            f"without one, {way}"
        ) from error


def _get_once(url: str) -> bytes:
    request = urllib.request.Request(url, headers={"User-Agent": "lift-harness"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            return answer.read()
    except HTTPError as error:
        error.close()
        raise


def _is_transient(error: BaseException) -> bool:
    if isinstance(error, HTTPError):
        return error.code in TRANSIENT_STATUS
    return isinstance(error, (URLError, http.client.HTTPException, TimeoutError, ConnectionError))
