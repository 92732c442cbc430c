"""The meaning of a server's reply: an answer, a temporary failure, or a refusal with advice."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from ...errors import CannotDo
from . import log_probabilities, wire

MONEY = (  # codes and types of a 429 that waiting does not resolve
    "insufficient_quota",
    "credit_balance_exhausted",
    "organization_usage_limit_exceeded",
    "billing_hard_limit_reached",
    "spend_limit_exceeded",
)
PASSING = (408, 409, 429)  # and all from 500
LONGEST = 500  # characters of a server's message that are shown


class Transient(Exception):
    """A temporary failure.

    Attributes:
        after: seconds to wait as requested by the server, or None.
        status: HTTP status, or None if there was no reply.
    """

    def __init__(self, message: str, after: float | None = None, status: int | None = None) -> None:
        super().__init__(message)
        self.after = after
        self.status = status


class Refused(CannotDo):
    """A refusal by the server, with its HTTP status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Redirected(Refused):
    """The server redirects to another one, to which nothing is sent. The request may have taken effect."""


def meaning(
    status: int,
    body: object,
    headers: Mapping[str, str],
    *,
    host: str,
    key: str,
    key_name: str,
    resource: str,
    patient: bool,
) -> Transient | Refused:
    """The meaning of a reply with an error status.

    Args:
        key, key_name: the key, which must not appear in any message, and its environment variable.
        resource: the requested object.
        patient: whether a 404 may be temporary, as for a model tuned a minute ago.
    """
    code, kind = _field(body, "code"), _field(body, "type")
    reason = clean(_message(body) or f"status {status}", key)
    if status == 401:
        return Refused(f"{host} does not accept the key in {key_name}; export a valid one", status)
    if status == 403 and code == "training_not_available":
        return Refused(
            f"{host} no longer fine-tunes for this account (403 training_not_available); use another server of the "
            "protocol (OPENAI_BASE_URL, data/providers.json), a local model (--model lift-tiny, a folder or a Hub id), "
            "or rows in the prompt instead of tuning (--epochs 0 --shots 20)",
            status,
        )
    if status == 429 and ({code, kind} & set(MONEY) or "spend_limit" in f"{code} {kind}"):
        return Refused(
            f"{host} says that the account's money or quota is used up ({reason}); finished work is kept, and the same "
            "command goes on once there is some",
            status,
        )
    if status in PASSING or status >= 500 or (status == 404 and patient):
        return Transient(f"{status}: {reason}", _after(headers), status)
    if status == 404:
        return Refused(
            f"{host} does not know {resource} ({reason}); check the model's name and OPENAI_BASE_URL", status
        )
    return Refused(f"{host} refused {resource} ({status}): {reason}", status)


def clean(text: str, key: str) -> str:
    """A server's text on one line, shortened, without our key and without terminal control characters."""
    text = (text.replace(key, "[key]") if key else text)[: 2 * LONGEST]
    return "".join(c if c.isprintable() else " " for c in text).strip()[:LONGEST]


def check(request: dict[str, object], response: dict[str, object]) -> None:
    """Raises BadAnswer if a response does not contain what was asked for."""
    if wire.wants_first_token(request):
        log_probabilities.first_likelihoods(response, [], chat="messages" in request)
    elif request.get("echo"):
        log_probabilities.log_likelihood(response, request["prompt"], len(request["prompt"]) - 1)
    else:
        wire.texts(response, int(request.get("n", 1)))


def _message(body: object) -> str:
    """The message of either form of error, {"error": …} or {"detail": …}."""
    if not isinstance(body, dict):
        return ""
    inner = body.get("error", body)
    if isinstance(inner, str):
        return inner
    text = (inner.get("message") if isinstance(inner, dict) else None) or body.get("detail") or ""
    return text if isinstance(text, str) else json.dumps(text)


def _field(body: object, name: str) -> str | None:
    inner = body.get("error", body) if isinstance(body, dict) else None
    value = inner.get(name) if isinstance(inner, dict) else None
    return value if isinstance(value, str) else None


def _after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait before the next try, as requested by the server."""
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
