"""Checks of a training file's lines, which no schema of the API covers."""

from __future__ import annotations

import json

FORMS = ("completion", "chat", "both")
START = "The job failed due to an invalid {which} file. "


class BadFile(Exception):
    """A training or validation file that cannot be used.

    Attributes:
        error: code, message and param, as in a failed job.
    """

    def __init__(self, which: str, message: str, code: str = "") -> None:
        super().__init__(message)
        self.error = {"code": code or f"invalid_{which}_file", "message": message, "param": f"{which}_file"}


def read(data: bytes, which: str, form: str, min_rows: int) -> list[dict]:
    """The lines as validated objects.

    Args:
        which: "training" or "validation".
        form: accepted form of lines, one of FORMS.

    Raises:
        BadFile: a line is invalid, or there are too few.
    """
    lines, chat = [], None
    try:
        texts = data.decode("utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError:
        raise BadFile(which, START.format(which=which) + "The file is not UTF-8.") from None
    for number, text in enumerate(texts, 1):
        try:
            line = json.loads(text)
        except ValueError:
            line = None
        if not isinstance(line, dict):
            expected = "Expected file to have JSONL format, where every line is a valid JSON dictionary."
            raise BadFile(which, START.format(which=which) + f"{expected} Line {number} is not a dictionary.")
        is_chat = "messages" in line if form == "both" else form == "chat"
        wrong = _wrong_chat(line) if is_chat else _wrong_completion(line)
        if chat not in (None, is_chat):
            wrong = "has another form than those before"
        chat = is_chat
        if wrong:
            raise BadFile(which, START.format(which=which) + f"Invalid file format. Example {number} {wrong}.")
        lines.append(line)
    if len(lines) < min_rows:
        message = f"{which.capitalize()} file has {len(lines)} example(s), but must have at least {min_rows} examples"
        raise BadFile(which, message, "invalid_n_examples")
    return lines


def example(line: dict) -> tuple[str, str]:
    """Prompt and completion of a line, their texts unchanged."""
    if "messages" not in line:
        return line["prompt"], line["completion"]
    *before, last = line["messages"]
    return joined(before), last["content"]


def billed(line: dict) -> tuple[list[str], int]:
    """The texts of a line whose tokens are billed, and the number of tokens billed in addition."""
    if "messages" not in line:
        return [line["prompt"] + line["completion"]], 0
    texts = [message["content"] for message in line["messages"]]
    return texts, beside(len(texts))


def beside(n_messages: int) -> int:
    """Tokens billed for a chat in addition to the contents of its messages: 3 per message plus 3."""
    return 3 * n_messages + 3


def joined(messages: list[dict]) -> str:
    """The contents of messages as one prompt."""
    return "\n".join(text(message["content"]) for message in messages)


def text(content: object) -> str:
    """A message's content, which may be in parts."""
    if content is None or isinstance(content, str):
        return content or ""
    return "".join(part.get("text", "") for part in content)


def _wrong_completion(line: dict) -> str | None:
    for key in ("prompt", "completion"):
        if key not in line:
            return f'is missing key "{key}"'
        if not isinstance(line[key], str) or not line[key]:
            return f'has an empty "{key}", or one that is no text'
    return _more(line, {"prompt", "completion"})


def _wrong_chat(line: dict) -> str | None:
    messages = line.get("messages")
    if not isinstance(messages, list):
        return 'is missing key "messages"'
    if len(messages) < 2:
        return "must have at least two messages"
    for message in messages:
        if not isinstance(message, dict):
            return "has a message that is not a dictionary"
        if message.get("role") not in ("system", "user", "assistant"):
            return f"has a message with the unknown role {message.get('role')!r}"
        if not isinstance(message.get("content"), str) or not message["content"]:
            return "has a message without content"
        if message.get("weight", 1) not in (0, 1) or ("weight" in message and message["role"] != "assistant"):
            return "has a weight that is not 0 or 1, or not of the assistant"
        if wrong := _more(message, {"role", "content", "weight"}):
            return wrong
    if messages[-1]["role"] != "assistant" or messages[-1].get("weight", 1) == 0:
        return "must end with a message of the assistant"
    return _more(line, {"messages"})


def _more(line: dict, allowed: set[str]) -> str | None:
    more = sorted(set(line) - allowed)
    return f"has extra keys: {', '.join(more)}" if more else None
