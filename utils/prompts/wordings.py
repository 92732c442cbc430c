"""Wordings: how a row is put into words, as in the paper, compactly, or in the user's own way.

A wording is a text with fields in braces. `{features}` stands for all columns in order; any other field for one column,
or for a phrase determined by one or two columns. Source of the generic words: paper §2, released texts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..errors import UnknownName, UserError
from .sentences import SENTENCES, Phrase

FIELD = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
NAMELESS = re.compile(r"(x|v|f|c|col|attr|feature|column)?[_ ]?\d+", re.IGNORECASE)
UNSAFE = re.compile(
    "[\\\\#@\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]|^\\s+|\\s+$|^$"
)


@dataclass(frozen=True)
class Slot:
    """What fills one slot of a sentence: a column, or the words that one or two columns look up."""

    columns: tuple[int, ...]
    words: Mapping[str | tuple[str, str], str] | None = None


@dataclass(frozen=True)
class Wording:
    """One way to write rows.

    Attributes:
        text: with fields in braces; literal braces are doubled.
        item, join: how `{features}` writes one column, and the separator between two.
        named: `{features}` uses the columns' names; otherwise x1, x2, ….
        stop: the mark that ends an answer; empty if the model's own end token does.
        reserved: a pattern of what must be escaped in a category, because it separates columns.
        decimals: of fractional inputs in the paper's number format.
        integers: whole columns are written without decimals.
        y_decimals: of regression targets in the paper's number format, at least.
        columns: role → names of its column (letters and digits, lower case), in the table's order.
        phrases: role → words; roles without one are written as the cell's number or text.
        task: the only task it suits, or "".
    """

    text: str
    item: str = "{name}={value}"
    join: str = ", "
    named: bool = True
    stop: str = "@@@"
    reserved: str = r",(?=\s|$)|="
    decimals: int = 4
    integers: bool = True
    y_decimals: int = 4
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    phrases: Mapping[str, Phrase] = field(default_factory=dict)
    task: str = ""

    def roles(self, names: Sequence[str]) -> dict[str, int]:
        """Role → position of its column among `names`: by name, or by position if the columns have no real names.

        Raises:
            UserError: the table lacks a column of this wording.
        """
        positions = {plain(name): position for position, name in reversed(list(enumerate(names)))}
        found = {
            role: next((positions[name] for name in (plain(role), *aliases) if name in positions), None)
            for role, aliases in self.columns.items()
        }
        missing = [role for role, position in found.items() if position is None]
        if missing and len(names) == len(found) and all(NAMELESS.fullmatch(name) for name in names):
            return {role: position for position, role in enumerate(found)}
        if missing:
            raise UserError(
                f"this wording needs the columns {', '.join(found)}; the table has {', '.join(names)} and lacks "
                f"{', '.join(missing)}. Rename the columns, or use the wording names"
            )
        return found

    def compile(self, names: Sequence[str], order: Sequence[int]) -> tuple[str, list[Slot]]:
        """The sentence as a format string with %s for each slot, and the slots.

        Args:
            names: what the columns are called.
            order: the order in which `{features}` shows them.

        Raises:
            UserError: a field that is neither a column nor x1, x2, …, or a missing column that this wording needs.
        """
        labels = [escape(name, self.reserved) if self.named else f"x{i + 1}" for i, name in enumerate(names)]
        items = [
            self.item.replace("%", "%%").replace("{value}", "%s").replace("{name}", _literal(labels[i])) for i in order
        ]
        fields = {f"x{i + 1}": Slot((i,)) for i in range(len(names))}
        fields |= {name: Slot((i,)) for i, name in enumerate(names)}
        roles = self.roles(names)
        fields |= {role: Slot((i,)) for role, i in roles.items()}
        fields |= {
            name: Slot(tuple(roles[role] for role in phrase.columns), phrase.words)
            for name, phrase in self.phrases.items()
        }
        sentence, slots = "", []
        for text, is_field in pieces(self.text):
            if not is_field:
                sentence += _literal(text)
            elif text == "features":
                sentence += self.join.join(items)
                slots += [Slot((i,)) for i in order]
            elif text in fields:
                sentence += "%s"
                slots.append(fields[text])
            else:
                raise UserError(
                    f"the wording has an unknown field {{{text}}}; the fields are features, {', '.join(fields)}"
                )
        return sentence, slots


def _literal(text: str) -> str:
    return text.replace("%", "%%")


def plain(name: str) -> str:
    """Letters and digits only, in lower case."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def escape(text: str, reserved: str = "") -> str:
    """`text` on one line, without stop marks, separators or surrounding spaces; different texts stay different.

    >>> print(escape("a\\nb, c@", r",(?=\\s|$)"))
    a\\x0ab\\x2c c\\x40
    """
    pattern = re.compile(f"{UNSAFE.pattern}|{reserved}") if reserved else UNSAFE
    return pattern.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    if not match.group():
        return "\\empty"
    return "".join(f"\\x{ord(c):02x}" if ord(c) < 256 else f"\\u{ord(c):04x}" for c in match.group())


def pieces(text: str) -> list[tuple[str, bool]]:
    """A wording's text as (literal, False) and (field name, True) pairs, in order.

    Raises:
        UserError: an unmatched brace, or no field at all.
    """
    parts: list[tuple[str, bool]] = []
    end = 0
    for match in FIELD.finditer(text):
        parts.append((text[end : match.start()], False))
        end = match.end()
        if match.group(1) is not None:
            parts.append((match.group(1).strip(), True))
        elif match.group() in ("{{", "}}"):
            parts.append((match.group()[0], False))
        else:
            raise UserError(f"a single {match.group()} in the wording {text!r}; double it to print one")
    parts.append((text[end:], False))
    if not any(is_field for _, is_field in parts):
        raise UserError(f"the wording {text!r} has no field; write {{features}} or a column's name in braces")
    return parts


def get(name: str, task: str) -> Wording:
    """The wording called `name`, or the user's own text if `name` contains a brace.

    Raises:
        UnknownName: no such wording.
        UserError: the wording is for the other task.
    """
    if "{" in name or "}" in name:
        return Wording(name, decimals=2 if task == "classification" else 4, y_decimals=3)
    if name in GENERIC:
        return GENERIC[name][task]
    if name not in SENTENCES:
        names = ", ".join([*GENERIC, *SENTENCES])
        raise UnknownName(f"no wording {name!r}; have {names}, or your own text with {{features}} or columns in braces")
    if SENTENCES[name].task != task:
        raise UserError(f"the wording {name} is for {SENTENCES[name].task}, not for {task}")
    return Wording(**vars(SENTENCES[name]))


COMPACT = Wording("{features} =>", item="{value}", join=" ", stop="", reserved=r"\s|=")
DIGIT = Wording("Given image with pixels {features} What is this digit?###", item="{value}", join=" ", reserved=r"\s")

GENERIC: Mapping[str, Mapping[str, Wording]] = {
    "paper": {
        "classification": Wording("When we have {features}, What is this type? ###", named=False, decimals=2),
        "regression": Wording("When we have {features}, what should be the y value?###", named=False, y_decimals=3),
    },
    "names": {  # the original forgot the space after "that"
        "classification": Wording("Given that {features}, What is the category?###", item="{name} is {value}"),
        "regression": Wording("When we have {features}, what should be the y value?###"),
    },
    "pixels": {"classification": DIGIT, "regression": DIGIT},
    "compact": {"classification": COMPACT, "regression": COMPACT},
}
