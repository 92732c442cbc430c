"""Reads a model's answer as a label or a number, or finds that it is neither.

Only the first line counts, up to the stop mark and without surrounding spaces.

| status   | rule                                                | a class code, text label, number or level        |
|----------|-----------------------------------------------------|--------------------------------------------------|
| valid    | exactly what a completion could hold                | `1`, `setosa`, `-0.500`                          |
| repaired | the same number, otherwise written                  | `+1`, `01`, `1.0`, `-.5`, `−0.5`, `1,234.5`      |
|          | quotes, a full stop, the beginning of a stop mark   | `"1"`, `1.`, `1@@`, `setosa.`                    |
|          | `word =`, `word:` or `the word is` before it        | `y=3`, `class: setosa`, `the answer is 3`        |
|          | plain words after a number                          | `1 is my guess`, `3 years`                       |
|          | a label in other case or spacing, if only one fits  | `SETOSA`, `iris  setosa`                         |
| invalid  | nothing, no number, nan, inf, two numbers           | ``, `one`, `nan`, `1e999`, `1 or 2`, `1-2`, `1/2`|
|          | words that negate or scale it, signs stuck to it    | `not 1`, `3 million`, `3%`, `3k`, `about 3`      |
|          | no class or level: a fraction, out of range         | `1.5`, `17`, `-1`                                |
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import numbers


@dataclass(frozen=True)
class Answer:
    """The value read from a text (a label, a float or None) and its status: "valid", "repaired" or "invalid"."""

    value: Any
    status: str


INVALID = Answer(None, "invalid")


class ChoiceReader:
    """Reads one of several answers: class codes, text labels, or levels of a target.

    Args:
        written: the answers as completions contain them, all different.
        values: the value of each.
        stop: the stop mark, or "".
    """

    def __init__(self, written: Sequence[str], values: Sequence[Any], stop: str) -> None:
        self.stop = stop
        self.exact = dict(zip(written, values, strict=True))
        ways = [{fold(text), numbers.number(text) if numbers.NUMBER.fullmatch(text) else None} for text in written]
        count = Counter(way for some in ways for way in some)
        self.goodwill = {
            way: value
            for some, value in zip(ways, values, strict=True)
            for way in some - {None, ""}
            if count[way] == 1  # a form that two answers share counts for neither
        }

    def read(self, text: str) -> Answer:
        body = first_line(text, self.stop)
        if body in self.exact:
            return Answer(self.exact[body], "valid")
        body = body.rstrip(self.stop[:1] or None)
        assignment = numbers.ASSIGNMENT.match(body)
        bare = body[assignment.end() :] if assignment else body
        for values, ways in (
            (self.exact, (body, bare)),
            (self.goodwill, (fold(body), fold(bare), numbers.number(body))),
        ):
            for way in ways:
                if way in values:
                    return Answer(values[way], "repaired")
        return INVALID


class NumberReader:
    """Reads any finite number; one that `form` would write differently counts as repaired."""

    def __init__(self, form: numbers.Format, stop: str) -> None:
        self.form = form
        self.stop = stop

    def read(self, text: str) -> Answer:
        body = first_line(text, self.stop)
        value = numbers.number(body.rstrip(self.stop[:1] or None))
        if value is None:
            return INVALID
        return Answer(value, "valid" if self.form.write(np.array([value]))[0] == body else "repaired")


def first_line(text: str, stop: str) -> str:
    """The first line of `text`, up to the stop mark and without surrounding spaces."""
    body = (text.split(stop, 1)[0] if stop else text).strip()
    return body.splitlines()[0].rstrip() if body else ""


def fold(text: str) -> str:
    """`text` without case, surrounding punctuation and repeated spaces."""
    return re.sub(r"\s+", " ", text.strip(" \t\"'`.,;:!?")).casefold()
