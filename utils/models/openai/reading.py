"""Parses the protocol's objects from a server's bytes: complete and valid, or rejected."""

from __future__ import annotations

import json
import math
import re
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import from_json

from .wire import BadAnswer, shown

LARGEST = 8 * 2**20  # bytes of an object; in the worst case Python needs twenty times as much memory
DIGITS = 20  # maximum of a whole number; the longest in the protocol are times


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("it holds characters that cannot be shown")
    return text


Id = Annotated[str, StringConstraints(pattern=re.compile(r"\A[A-Za-z0-9_][A-Za-z0-9_.:-]{0,199}\Z"))]  # part of a URL
Name = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_printable)]
Empty = BeforeValidator(lambda value: None if value == "" else value)  # some servers write "" for null
NoId = Annotated[Id | None, Empty]
NoName = Annotated[Name | None, Empty]
Step = Annotated[int, Field(ge=0, lt=2**31)]


class Object(BaseModel):
    """The fields that are used; others are dropped."""

    model_config = ConfigDict(strict=True, protected_namespaces=())


class Entry(Object):
    """Any object with an id."""

    id: Id


class File(Object):
    id: Id
    status: NoName = None
    status_details: Any = None


class Job(Object):
    object: Literal["fine_tuning.job"] | None = None
    id: Id
    status: Name
    fine_tuned_model: NoName = None
    trained_tokens: Any = None  # validated by `wire.trained`
    error: Any = None


class Batch(Object):
    object: Literal["batch"] | None = None
    id: Id
    status: Name
    output_file_id: NoId = None
    error_file_id: NoId = None


class Page(Object):
    object: Literal["list"] | None = None
    data: list[dict[str, Any]] | None = None
    has_more: bool | None = None


class Event(Object):
    id: Name
    message: str


class Checkpoint(Object):
    step_number: Step
    fine_tuned_model_checkpoint: Name


class Listed(Object):
    """A model in the list of models."""

    id: Name
    shutdown_date: Any = None


class Line(Object):
    """A line of a batch's output."""

    custom_id: str
    response: dict[str, Any] | None = None
    error: Any = None


T = TypeVar("T", bound=Object)


def record(data: bytes | str) -> dict[str, Any]:
    """A JSON object without lone surrogates, non-finite or absurdly long numbers, or excessive nesting.

    Raises:
        BadAnswer: it is not one, for example a page.
    """
    if len(data or "") > LARGEST:
        raise BadAnswer(f"a text of more than {LARGEST / 2**20:g} MiB")
    try:
        found = from_json(data, allow_inf_nan=False, cache_strings="none")
    except (ValueError, TypeError) as error:
        raise BadAnswer(f"an unreadable text, {shown(data)} ({error})" if data else "an empty text") from None
    if not isinstance(found, dict):
        raise BadAnswer(f"no JSON object but {shown(found)}")
    rest: list[Any] = [found]
    while rest:  # the parser accepts 1e999 as a number and allows thousands of digits
        item = rest.pop()
        if isinstance(item, dict):
            rest.extend(item.values())
        elif isinstance(item, list):
            rest.extend(item)
        elif isinstance(item, float) and not math.isfinite(item):
            raise BadAnswer("a number that is too large to be one")
        elif isinstance(item, int) and abs(item) >= 10**DIGITS:
            raise BadAnswer(f"a whole number of more than {DIGITS} digits")
    return found


def checked(kind: type[T], found: dict[str, Any]) -> T:
    """An object of the given kind.

    Raises:
        BadAnswer: a field is missing or invalid.
    """
    try:
        return kind.model_validate(found)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_context=False)[0]
        field = str(wrong["loc"][0]) if wrong["loc"] else "form"
        problem = f"without {field}" if wrong["type"] == "missing" else f"whose {field} is {shown(wrong['input'])}"
        raise BadAnswer(f"a {kind.__name__.lower()} {problem}") from None


def usable(kind: type[T], entries: list[dict[str, Any]] | None) -> list[T]:
    """The valid entries of a list; others, on which nothing depends, are left out."""
    found = []
    for entry in entries or []:
        try:
            found.append(checked(kind, entry))
        except BadAnswer:
            continue
    return found


def batch_line(line: bytes) -> tuple[str, dict[str, object] | None, str]:
    """Key, response (None if the request failed) and reason of a line of a batch's output.

    Raises:
        BadAnswer: it is not such a line.
    """
    found = checked(Line, record(line))
    reply = found.response or {}
    body = reply.get("body")
    if found.error is None and reply.get("status_code") == 200 and isinstance(body, dict):
        return found.custom_id, body, ""
    return found.custom_id, None, json.dumps(found.error or body)
