"""Checks the numbers in the manuals' prose against the committed CSV files.

python -m benchmarks.prose                                # statements that do not hold, in all manuals
python -m benchmarks.prose regression/noise others        # every statement of these, with the current values

The results of an entry run from **Results** to **What the paper found**, which fills the rest of the entry. In both,
each number in digits must be

- shown, with the same digits, in the tables of the part, or in the entry's question, setting and commands (for the
  paper only integers of these), or
- stated in a line of a comment below the prose, with an expression for it; counts in words ("seven of nine") must
  always be stated:

    <!-- numbers: summaries/label_noise.csv summaries/label_noise_summary.csv
    at20 := cases[cases.share == 0.2]
    loses .106 ± .070 = paired(at20, "lift", "svm", "accuracy")
    seven of nine pairs =
      (wide(at20, "accuracy", "dataset", "seed").eval("svm > lift").sum(), 9)
    LIFT is behind = at20.accuracy.mean() < .8
    -->

The text before " = " is a piece of the prose; its numbers, in digits or words, must be the rounded values of the
expression. If the expression is a boolean, it must be True. `NAME := EXPRESSION` names a value for the following lines;
a line that begins with two spaces continues the previous one. A file is referred to by its name without that of the
entry (`summary`, `published`); `cases` is the file with the entry's own name, one row per case. Besides these frames,
expressions can use `np`, `pd` and the functions in HELPERS.

The paper's numbers are checked against `results`, ../data/published/results.csv, with its settings as text columns. For
a number of the paper that this file lacks, a string with its source replaces the expression; it is not checked:

    it repeats 53 % = "counted in the stored answers"
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tyro.conf import Positional

from benchmarks import manual
from utils.errors import UserError
from utils.paths import ROOT
from utils.reporting import paired_differences, published

BEGIN, END = "**Results**", "**What the paper found**"
WORDS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
WORDS = {word: float(number) for number, word in enumerate(f"{WORDS} seventeen eighteen nineteen twenty".split())}
WORD = rf"\b(?:{'|'.join(sorted(WORDS, key=len, reverse=True))})\b"
# Not part of a name (GPT-3), a section (§3.1) or a power (10^13).
NUMBER = r"(?<![\w.§^])(?<!\w-)(?:(?<![\w)])[-−])?(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)(?!\w)"
NUMBER_OR_WORD = re.compile(f"{NUMBER}|{WORD}", re.IGNORECASE)
COUNT = re.compile(f"(?:{WORD}|{NUMBER}) of (?:the |its |all )*(?:{WORD}|{NUMBER})", re.IGNORECASE)
CODE = re.compile(r"`[^`]*`|\]\([^)]*\)|\b(?:tables?|figures?) \d+(?: and \d+)*", re.IGNORECASE)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
ROUNDING = 1e-9  # tolerance for binary fractions, beyond half a unit in the last digit


@dataclass(frozen=True)
class Statement:
    """A piece of the prose with the current value of its expression.

    Attributes:
        text: the piece, as written in the comment.
        found: the values of the expression, or the reason why there is none.
        holds: whether `text` agrees with them.
        sourced: whether a source, which no file can confirm, replaces the expression.
    """

    text: str
    found: str
    holds: bool
    sourced: bool = False


@dataclass(frozen=True)
class Checked:
    """The statements of an entry; its unsupported numbers, each with context; missing files."""

    statements: tuple[Statement, ...]
    uncovered: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def problems(self) -> list[str]:
        """One line for each number that does not hold."""
        wrong = [f"says {item.text!r}, finds {item.found}" for item in self.statements if not item.holds]
        wrong += [f"neither in a table nor in a comment: {text}" for text in self.uncovered]
        return [*(f"there is no {file} beside the manual" for file in self.missing), *wrong]


# ---- what expressions may call ------------------------------------------------------------------------------------


def cell(frame: pd.DataFrame, column: str, **where: Any) -> Any:
    """The value of `column` in the row whose columns equal `where`. Raises UserError unless there is exactly one."""
    rows = pick(frame, **where)
    if len(rows) != 1:
        raise UserError(f"{len(rows)} rows with {where}")
    return rows[column].iloc[0]


def pick(frame: pd.DataFrame, **where: Any) -> pd.DataFrame:
    """The rows whose columns equal `where`."""
    for name, value in where.items():
        frame = frame[frame[name] == value]
    return frame


def wide(frame: pd.DataFrame, score: str, *rows: str, columns: str = "method") -> pd.DataFrame:
    """Values of `score`, with `columns` (methods) as columns and `rows` (by default data sets) as rows."""
    return frame.pivot(index=list(rows or ["dataset"]), columns=columns, values=score)


def mean_sd(values: Iterable[float]) -> tuple[float, float]:
    """Mean and standard deviation (n - 1)."""
    values = pd.Series(np.ravel(values))
    return values.mean(), values.std()


def mean_se(values: Iterable[float]) -> tuple[float, float]:
    """Mean and its standard error."""
    values = pd.Series(np.ravel(values))
    return values.mean(), values.sem()


def apart(frame: pd.DataFrame, one: str, other: str, score: str, *rows: str, columns: str = "method") -> pd.Series:
    """`one` minus `other` in standard errors of the difference, for each of `rows`; from means, deviations and n."""
    means, deviations = (wide(frame, name, *rows, columns=columns) for name in (score, f"{score}_sd"))
    squares = deviations**2 / wide(frame, "n", *rows, columns=columns)
    return (means[one] - means[other]) / np.sqrt(squares[one] + squares[other])


def paired(
    cases: pd.DataFrame, one: str, other: str, score: str, same: Iterable[str] = ("dataset",), arm: str = "method"
) -> tuple[float, float]:
    """Mean and standard deviation of `one` minus `other` over all pairs that agree in `same` and in the seed."""
    pair = cases.groupby([*same, "seed"], dropna=False).ngroup()
    found = paired_differences(cases.assign(seed=pair, all="all"), arm, other, ["all"], score)
    return cell(found, "difference", **{arm: one}), cell(found, "sd", **{arm: one})


HELPERS = {function.__name__: function for function in (cell, pick, wide, mean_sd, mean_se, apart, paired)}


# ---- an entry -----------------------------------------------------------------------------------------------------


def check(area: str, name: str, root: Path = ROOT) -> Checked:
    """Checks the numbers of an entry against the files next to its manual.

    Raises:
        UserError: the manual has no such entry, or a comment has a malformed line.
    """
    sections = manual.sections(area, root)
    if name not in sections:
        raise UserError(f"{area}/README.md has no entry {name}; have {', '.join(sections)}")
    section = sections[name]
    before, _, after = section.partition(f"\n{BEGIN}")
    results, _, paper = after.partition(f"\n{END}")
    exempt = {_plain(digits) for digits in re.findall(NUMBER, before)}
    integers = {digits for digits in exempt if "." not in digits}
    ours, theirs = _part(results, exempt, root / area, name), _part(paper, integers, root / area, name, paper=True)
    return Checked(
        ours.statements + theirs.statements, ours.uncovered + theirs.uncovered, ours.missing + theirs.missing
    )


def _part(part: str, exempt: set[str], folder: Path, name: str, paper: bool = False) -> Checked:
    """Checks the numbers of the results, or of what the paper found; `exempt` are those that need not be stated."""
    tables = [block[0] for block in manual.TABLE.finditer(part)]
    shown = exempt | {_plain(digits) for text in (*tables, *CODE.findall(part)) for digits in re.findall(NUMBER, text)}
    text, statements, covered, missing = _prose(part), [], [], []
    for files, lines in manual.NUMBERS.findall(part):
        missing += [file for file in files.split() if not (folder / file).exists()]
        frames = {_short(file, name): _read(folder / file) for file in files.split() if file not in missing}
        namespace = {"np": np, "pd": pd, **HELPERS, **frames}
        for quoted, expression in _lines(lines):
            if quoted.endswith(" :"):
                namespace[quoted[:-2]] = _value(expression, namespace)
                continue
            spans = [match.span() for match in re.finditer(rf"(?<![\w.]){re.escape(quoted)}(?!\w|\.\d)", text)]
            covered += spans
            statements.append(_statement(quoted, _value(expression, namespace), bool(spans), paper))
    uncovered = [
        f"{match[0]} in {text[max(match.start() - 30, 0) : match.end() + 20]!r}"
        for match, spoken in _numbers(text)
        if not any(start <= match.start() and match.end() <= end for start, end in covered)
        and (spoken or _plain(match[0]) not in shown)
    ]
    return Checked(tuple(statements), tuple(uncovered), tuple(missing))


def _read(path: Path) -> pd.DataFrame:
    """A file's rows; the paper's with a column for each setting."""
    frame = pd.read_csv(path)
    return frame.join(published.settings(frame)) if "provenance" in frame else frame


def _prose(text: str) -> str:
    """Paragraphs without tables, comments, images and code blocks, with whitespace collapsed."""
    lines = COMMENT.sub("", manual.TABLE.sub("", text)).splitlines()
    return " ".join(" ".join(line for line in lines if not line.startswith(("|", "![", "    "))).split())


def _numbers(text: str) -> list[tuple[re.Match, bool]]:
    """Numbers in digits, and counts with a word (True), outside code and links."""
    text = CODE.sub(lambda match: "`" * len(match[0]), text)
    counts = [(match, True) for match in COUNT.finditer(text) if re.search(WORD, match[0], re.IGNORECASE)]
    return [*((match, False) for match in re.finditer(NUMBER, text)), *counts]


def _plain(number: str) -> str:
    """A number in a form common to tables and prose: 0.119 equals .119, 1,280 equals 1280."""
    sign, digits = ("-", number[1:]) if number[0] in "-−" else ("", number)
    integer, dot, part = digits.replace(",", "").partition(".")
    return f"{sign}{integer.lstrip('0') if dot else integer}{dot}{part}"


def _lines(text: str) -> list[tuple[str, str]]:
    """The pieces and expressions of a comment; the name of a value ends in " :"."""
    joined = re.sub(r"\n  +", " ", text)
    pairs = [(line, *re.split(r"(?<= :)= | = ?", line, maxsplit=1)) for line in joined.splitlines() if line.strip()]
    for line, *parts in pairs:
        if len(parts) != 2 or not parts[1].strip():
            raise UserError(f"a comment on numbers has the line {line!r}; each is TEXT = EXPRESSION")
    return [(quoted, expression.strip()) for _, quoted, expression in pairs]


def _short(file: str, name: str) -> str:
    """The name of a file in an entry's expressions."""
    stem = Path(file).stem
    return "cases" if stem == name else stem.removeprefix(f"{name}_")


def _value(expression: str, namespace: dict[str, Any]) -> Any:
    """The value of an expression, or the exception it raises, so that the other statements are still checked."""
    try:
        return eval(expression, namespace)
    except Exception as error:  # an expression may raise anything; it is shown with the statement
        return error


def _statement(quoted: str, value: Any, occurs: bool, paper: bool) -> Statement:
    """Whether the piece `quoted` agrees with `value` to its digits; a source is accepted for the `paper` only."""
    if isinstance(value, Exception):
        return Statement(quoted, f"{type(value).__name__}: {value}", False)
    if isinstance(value, str):
        return Statement(quoted, f"a source, {value}" if occurs else "no such text", occurs and paper, sourced=True)
    values, numbers = np.ravel(value).tolist(), NUMBER_OR_WORD.findall(quoted)
    found = ", ".join(f"{item:.6g}" if isinstance(item, float) else str(item) for item in values)
    if not occurs:
        return Statement(quoted, f"{found}, but no such text", False)
    if values and all(isinstance(item, bool) for item in values):
        return Statement(quoted, found, all(values))
    agrees = len(values) == len(numbers) > 0 and all(map(_rounds, numbers, values))
    return Statement(quoted, found, agrees)


def _rounds(number: str, value: float) -> bool:
    """Whether `value` rounds to the written number."""
    written, decimals = WORDS.get(number.lower()), 0
    if written is None:
        digits = _plain(number)
        written, decimals = float(digits), len(digits.partition(".")[2])
    return abs(value - written) <= 0.5 * 10**-decimals + ROUNDING


# ---- the command --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Config:
    entries: Positional[tuple[str, ...]] = ()  # AREA/NAME or AREA; all if empty
    root: Path = ROOT  # of the repository


def names(area: str, root: Path = ROOT) -> list[str]:
    """The entries of a folder's manual that have results."""
    return [name for name, section in manual.sections(area, root).items() if f"\n{BEGIN}" in section]


def main(config: Config) -> None:
    """Prints statements with current values; exits with 1 if one fails. Raises UserError for unknown names."""
    known = {f"{area}/{name}": (area, name) for area in manual.AREAS for name in names(area, config.root)}
    unknown = [entry for entry in config.entries if entry not in known and entry not in manual.AREAS]
    if unknown:
        raise UserError(f"no entry {', '.join(unknown)}; have {', '.join([*manual.AREAS, *known])}")
    failed = 0
    for label, (area, name) in known.items():
        if config.entries and not {label, area} & set(config.entries):
            continue
        checked = check(area, name, config.root)
        failed += bool(checked.problems)
        lines = [f"  says {item.text!r}, finds {item.found}" for item in checked.statements if item.holds]
        print("\n".join([label, *(lines if config.entries else ()), *(f"  WRONG: {one}" for one in checked.problems)]))
    if failed:
        raise SystemExit(f"{failed} entries have numbers that do not hold")


if __name__ == "__main__":
    from utils import command_line

    command_line.run(main, Config, __doc__)
