"""Checks requests and answers against OpenAI's API description. Without openapi-core nothing is checked."""

from __future__ import annotations

import gzip
import json
import threading
from functools import lru_cache
from pathlib import Path
from typing import Any

DESCRIPTION = Path(__file__).with_name("openapi.slim.json.gz")
_lock = threading.Lock()  # openapi-core does not document thread safety


def request(url: str, method: str, path: str, query: dict, headers: list, body: bytes) -> str | None:
    """What is wrong with a request, or None.

    Args:
        url: scheme, host and port.
        path: as sent, without the query.
    """
    core = _core()
    if core is None:
        return None
    return _violation(core.validate_request, _Request(url, method, path, query, headers, body))


def response(url: str, method: str, path: str, status: int, content_type: str, body: bytes) -> str | None:
    """What is wrong with the answer to a request, or None."""
    core = _core()
    if core is None:
        return None
    sent = _Request(url, method, path, {}, [], b"")
    return _violation(core.validate_response, sent, _Response(status, content_type, body))


@lru_cache(maxsize=1)
def _core() -> Any:
    try:
        from openapi_core import OpenAPI
    except ImportError:
        return None
    return OpenAPI.from_dict(amended(json.loads(gzip.decompress(DESCRIPTION.read_bytes()))))


def amended(spec: dict) -> dict:
    """The API description, amended by what the service does but the description does not say.

    - Paths begin with /v1 on any host.
    - A job can be paused, which its list of states lacks.
    - The first token of an echoed prompt has a log-probability of null.
    - The content of a file is returned as bytes.
    - Every endpoint may return an error.

    Also amended is what openapi-core cannot read: the filter metadata[k]=v, which may be null in the description.
    """
    schemas = spec["components"]["schemas"]
    schemas["FineTuningJob"]["properties"]["status"]["enum"].append("paused")
    choice = schemas["CreateCompletionResponse"]["properties"]["choices"]["items"]["properties"]
    logprobs = choice["logprobs"]["anyOf"][0]["properties"]
    logprobs["token_logprobs"]["items"] = {"type": ["number", "null"]}
    logprobs["top_logprobs"]["items"]["type"] = ["object", "null"]
    spec["paths"]["/files/{file_id}/content"]["get"]["responses"]["200"]["content"] = {"application/octet-stream": {}}
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorResponse"}}}
    for path in spec["paths"].values():
        for method in path.values():
            for parameter in method.get("parameters", ()):
                if parameter.get("style") == "deepObject":
                    parameter["schema"]["type"] = "object"
            if "responses" in method:
                good = method["responses"]["200"]
                method["responses"] = {"200": good, "default": {"description": "error", "content": error}}
    return spec | {"servers": [{"url": "/v1"}]}


class _Request:
    def __init__(self, url: str, method: str, path: str, query: dict, headers: list, body: bytes) -> None:
        from openapi_core.datatypes import RequestParameters
        from werkzeug.datastructures import Headers, ImmutableMultiDict

        self.host_url, self.method, self.path = url, method.lower(), path
        self.body = body or None
        parsed = Headers(headers)
        self.content_type = parsed.get("content-type", "")  # whole: multipart needs its boundary
        self.parameters = RequestParameters(query=ImmutableMultiDict(query), header=parsed, cookie={}, path={})


class _Response:
    def __init__(self, status: int, content_type: str, body: bytes) -> None:
        self.status_code, self.content_type, self.data, self.headers = status, content_type, body, {}


def _violation(check: Any, *arguments: Any) -> str | None:
    from openapi_core.exceptions import OpenAPIError

    with _lock:
        try:
            check(*arguments)
        except OpenAPIError as error:
            return _text(error)
    return None


def _text(error: BaseException) -> str:
    """An error with its causes, on one line."""
    parts, cause = [], error
    while cause is not None:
        parts.append(f"{type(cause).__name__}: {str(cause).splitlines()[0] if str(cause) else ''}")
        for wrong in getattr(cause, "schema_errors", ()):
            location = "".join(f"[{part!r}]" for part in wrong.absolute_path)
            parts.append(f"{location} {wrong.message}"[:300])
        cause = cause.__cause__
    return "; ".join(parts)
