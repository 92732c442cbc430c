"""Options that stand behind a name on the command line: `cosine:p=2,n=300`, `lift:levels=100`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .errors import UnknownName, UserError


def parse_options(
    name: str, text: str, known: Mapping[str, Callable[[str], Any]], examples: Mapping[str, object] | None = None
) -> dict[str, Any]:
    """The values of `option=value,option=value`, by option.

    Args:
        name: what the options belong to, for messages.
        text: what stands behind the colon; may be empty.
        known: reads the value of each option there is; a ValueError says that it cannot.
        examples: a value of each option, shown in messages.

    Raises:
        UnknownName: an option that is not known, or no value.
        UserError: an option given twice, or a value that cannot be read.
    """
    shown = {option: f"{option}={(examples or {}).get(option, '')}" for option in known}
    options: dict[str, Any] = {}
    for word in filter(None, text.split(",")):
        option, equals, value = word.partition("=")
        if option not in known or not equals:
            raise UnknownName(f"{name}: no option {word!r}; have {', '.join(shown.values())}")
        if option in options:
            raise UserError(f"{name}: the option {option!r} is given twice")
        try:
            options[option] = known[option](value)
        except ValueError as error:
            raise UserError(f"{name}: {word!r} is no value; {option}= takes {_wanted(known[option])}") from error
    return options


def positive(text: str) -> int:
    """A whole number above 0. Raises ValueError for anything else."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _wanted(reader: Callable[[str], Any]) -> str:
    words = {int: "a whole number", float: "a number", positive: "a whole number above 0"}
    return words.get(reader, "another")
