"""Records that allow a finished case to be run again: the script, its flags and the case, as JSON."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from ..errors import UserError
from ..paths import ROOT

OWN = "lift:"  # prefix of a path relative to this repository

T = TypeVar("T")


def encode(config: Any) -> dict[str, Any]:
    """A frozen dataclass of plain values, tuples, paths and nested dataclasses as JSON values."""
    return _plain(asdict(config))


def decode(kind: type[T], values: Mapping[str, Any]) -> T:
    """The inverse of `encode`.

    Raises:
        UserError: the class no longer has one of the fields.
    """
    hints = typing.get_type_hints(kind)
    names = {field.name for field in fields(kind)}
    unknown = sorted(set(values) - names)
    if unknown:
        raise UserError(f"{kind.__module__} has no flag {', '.join(unknown)} any longer, so the case cannot be rerun")
    return kind(**{name: _typed(hints[name], value) for name, value in values.items()})


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return f"{OWN}{value.relative_to(ROOT).as_posix()}" if value.is_relative_to(ROOT) else str(value)
    return value


def _typed(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        hint = next(item for item in typing.get_args(hint) if item is not type(None))
    if typing.get_origin(hint) is typing.Annotated:
        hint = typing.get_args(hint)[0]
    if is_dataclass(hint):
        return decode(hint, value)
    if hint is Path:
        return ROOT / value.removeprefix(OWN) if value.startswith(OWN) else Path(value)
    if typing.get_origin(hint) is tuple:
        inner = typing.get_args(hint)[0]
        return tuple(_typed(inner, item) for item in value)
    return float(value) if hint is float else value
