"""Options after a name on the command line: `cosine:p=2,n=300`, `lift:levels=100`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from .errors import UnknownName, UserError

WRITTEN = re.compile(r"(^|:| )([A-Za-z_]\w*=[^\s,;)]+(?:,[A-Za-z_]\w*=[^\s,;)]+)*)")  # options within a text
PHRASES = (  # for consecutive options, tried in this order; other options read "option value"
    (r"lo=(.+?),hi=(.+?),integer=1\b", r"whole numbers from \1 to \2"),
    (r"lo=(.+?),hi=([^,]+)", r"from \1 to \2"),
    (r"numbers=significant,digits=([^,]+)", r"\1 significant digits"),
    (r"numbers=significant\b", "significant digits"),
    (r"numbers=paper\b", "numbers as in the paper"),
    (r"integer=1\b", "whole numbers"),
    (r"hole=1\b", "with a hole"),
    (r"hetero=1\b", "growing noise"),
    (r"sign=both\b", "both signs"),
    (r"decoding=(mean|median|greedy)\b", r"\1"),
    (r"decoding=(\w+)", r"answers by \1"),
    (r"scale=(\w+)", r"scaled by \1"),
    (r"p=1\b", "1 input"),
    (r"p=([^,]+)", r"\1 inputs"),
    (r"n=([^,]+)", r"\1 rows"),
    (r"hidden=([^,]+)", r"width \1"),
    (r"augment=none\b", "no noisy copies"),
    (r"augment=(\w+)", r"\1 noise in training"),
    (r"(levels|samples|rounds|layers|shots|epochs)=([^,]+)", r"\2 \1"),
    (r"(\w+)=([^,]+)", r"\1 \2"),
)


def parse_options(
    name: str, text: str, parsers: Mapping[str, Callable[[str], Any]], examples: Mapping[str, object] | None = None
) -> dict[str, Any]:
    """The values of `option=value,option=value`, by option.

    Args:
        name: what the options belong to, for messages.
        text: the text after the colon; may be empty.
        parsers: option → a function that parses its value and raises ValueError for an invalid one.
        examples: a value of each option, shown in messages.

    Raises:
        UnknownName: an unknown option, or a missing value.
        UserError: an option given twice, or an invalid value.
    """
    shown = {option: f"{option}={(examples or {}).get(option, '')}" for option in parsers}
    options: dict[str, Any] = {}
    for word in filter(None, text.split(",")):
        option, equals, value = word.partition("=")
        if option not in parsers or not equals:
            raise UnknownName(f"{name}: no option {word!r}; have {', '.join(shown.values())}")
        if option in options:
            raise UserError(f"{name}: the option {option!r} is given twice")
        try:
            options[option] = parsers[option](value)
        except ValueError as error:
            raise UserError(f"{name}: {word!r} is not valid; {option}= takes {_value_kind(parsers[option])}") from error
    return options


def words(text: str) -> str:
    """A text for figures, with options written as words.

    >>> words("cosine:lo=-150,hi=150,integer=1"), words("lift:numbers=significant,digits=2,decoding=greedy")
    ('cosine, whole numbers from -150 to 150', 'lift, 2 significant digits, greedy')
    """
    return WRITTEN.sub(_phrased, str(text))


def _phrased(found: re.Match) -> str:
    options = f",{found[2]}"
    for pattern, phrase in PHRASES:
        options = re.sub(f",{pattern}", f", {phrase}", options)
    return options if found[1] else options.removeprefix(", ")


def positive(text: str) -> int:
    """A whole number above 0. Raises ValueError for anything else."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _value_kind(reader: Callable[[str], Any]) -> str:
    words = {int: "a whole number", float: "a number", positive: "a whole number above 0"}
    return words.get(reader, "another")
