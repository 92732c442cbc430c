"""Log-probabilities in responses: of a prompt's text, and of the most likely first tokens of an answer."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .wire import BadAnswer, choices_of, is_whole, shown

TINY = 1e-12  # probability of labels that no token covers
LEAST = -1e6  # log-probability; servers write -9999 for what is impossible
ROUNDING = 1e-6  # by which a log-probability may exceed 0
MARK = "@@@"  # stop mark of LIFT's wordings, see `utils.prompts.wordings`


def log_likelihood(response: dict[str, object], text: str, n_prompt: int) -> float:
    """Sum of the log-probabilities of the tokens that end after the first `n_prompt` characters of `text`.

    Tokens are located by offset; one that straddles the border belongs to the completion, as in training. Together they
    must equal the text, except within non-ASCII characters, which servers write in several ways.

    Raises:
        BadAnswer: the response has no log-probabilities of this text. (Some servers give only those of the answer,
            others those of each token's successor.)
    """
    logprobs = _logprobs(response)
    columns = [logprobs.get(name) for name in ("tokens", "token_logprobs", "text_offset")]
    if not all(isinstance(column, list) for column in columns) or len(set(map(len, columns))) != 1:
        raise BadAnswer("a response without log-probabilities")
    tokens = [entry for entry in zip(*columns, strict=True) if not (is_whole(entry[2]) and entry[2] >= len(text))]
    if len(tokens) == len(columns[0]) and _is_one_late(choices_of(response)[0], text):
        raise BadAnswer(
            "log-probabilities that belong to the tokens after those they stand beside (known of llama-cpp-python; "
            "--decoding generate works without them)"
        )
    starts = [start for _, _, start in tokens]
    if not all(map(is_whole, starts)) or starts[:1] != [0] or starts != sorted(starts):
        raise BadAnswer("log-probabilities of something else than the prompt")
    total, found = 0.0, False
    for (token, value, start), end in zip(tokens, [*starts[1:], len(text)], strict=True):
        if token != text[start:end] and text[start : end + 1].isascii():
            raise BadAnswer(f"log-probabilities of something else than the prompt: {shown(token)} at character {start}")
        if end > n_prompt or start >= n_prompt:
            total += _log_probability(value)
            found = True
        elif value is not None:  # the first token of a text has none
            _log_probability(value)
    if not found:
        raise BadAnswer("log-probabilities of something else than the prompt")
    return total


def _is_one_late(choice: dict[str, object], text: str) -> bool:
    """Whether the last token of `text` has the likeliest tokens of the place after it: the first is the answer's.

    To be asked of responses without log-probabilities of the answer itself. (llama-cpp-python, issue 1983.)
    """
    top, whole = choice["logprobs"].get("top_logprobs"), choice.get("text")
    if not isinstance(top, list) or not top or not isinstance(top[-1], dict) or not isinstance(whole, str):
        return False
    values = {token: value for token, value in top[-1].items() if isinstance(value, int | float)}
    answer = whole.removeprefix(text)
    return any(token and value == max(values.values()) and answer.startswith(token) for token, value in values.items())


def class_texts(candidates: Sequence[str]) -> list[str]:
    """The candidates without `MARK`, if all of them end with it; leading spaces are kept."""
    marked = all(candidate.endswith(MARK) for candidate in candidates)
    return [candidate.removesuffix(MARK) for candidate in candidates] if marked else list(candidates)


def token_likelihoods(response: dict[str, object], texts: Sequence[str]) -> list[float] | None:
    """Log-probability of each text as the first token of a completion; None unless all of them are among the tokens.

    A text must equal a token exactly, leading space included; a prefix of it could be the beginning of other answers.

    Raises:
        BadAnswer: the response has no log-probabilities of first tokens.
    """
    first_tokens = dict(_first_tokens(response, chat=False))
    return [first_tokens[text] for text in texts] if all(text in first_tokens for text in texts) else None


def begin_with_space(responses: Sequence[dict[str, object]], texts: Sequence[str]) -> bool:
    """Whether a lone space is among the first tokens of a response to completions, and a text among those of none."""
    found = {token for response in responses for token, _ in _first_tokens(response, chat=False)}
    return " " in found and found.isdisjoint(texts)


def first_likelihoods(response: dict[str, object], labels: Sequence[str], chat: bool = True) -> list[float]:
    """Log-probability of each label by the first token of an answer.

    A token counts for a label if it is the label or a prefix of only that label. Labels not among the likeliest tokens
    share the remaining probability, but none gets more than the least likely token returned.

    Args:
        chat: whether the response is from the chat endpoint rather than completions.

    Raises:
        BadAnswer: the response has no log-probabilities.
    """
    first_tokens = [(token.strip(), value) for token, value in _first_tokens(response, chat)]
    total = sum(math.exp(value) for _, value in first_tokens)
    p = dict.fromkeys(labels, 0.0)
    for token, value in first_tokens:
        owners = [label for label in labels if label == token] or [label for label in labels if label.startswith(token)]
        if token and len(owners) == 1:
            p[owners[0]] += math.exp(value)
    missing = sum(value == 0.0 for value in p.values())
    rest = max(0.0, 1.0 - total) / max(1, missing)
    floor = max(min(rest, math.exp(min(value for _, value in first_tokens))), TINY)
    return [math.log(p[label] or floor) for label in labels]


def _first_tokens(response: dict[str, object], chat: bool) -> list[tuple[str, float]]:
    """Tokens and log-probabilities from the response of either endpoint, checked."""
    tokens = _chat_tokens(_logprobs(response)) if chat else _completion_tokens(_logprobs(response))
    total = sum(math.exp(value) for _, value in tokens)
    if total > 1.0 + len(tokens) * 1e-3:  # servers round
        raise BadAnswer(f"probabilities that add up to {total:.3g}")
    return tokens


def _chat_tokens(logprobs: dict[str, object]) -> list[tuple[str, float]]:
    content = logprobs.get("content")
    first = content[0] if isinstance(content, list) and content else None
    top = first.get("top_logprobs") if isinstance(first, dict) else None
    if not isinstance(top, list) or not top or not all(isinstance(entry, dict) for entry in top):
        raise BadAnswer("a response without log-probabilities")
    if not all(isinstance(entry.get("token"), str) for entry in top):
        raise BadAnswer("log-probabilities of a token that is no text")
    return [(entry["token"], _log_probability(entry.get("logprob"))) for entry in top]


def _completion_tokens(logprobs: dict[str, object]) -> list[tuple[str, float]]:
    """Log-probabilities of the single token requested; with several positions, the first could be the prompt's."""
    content = logprobs.get("content")
    if isinstance(content, list) and len(content) == 1:  # llama.cpp answers completions in the chat's form
        return _chat_tokens(logprobs)
    positions = logprobs.get("top_logprobs")
    top = positions[0] if isinstance(positions, list) and len(positions) == 1 else None
    if not isinstance(top, dict) or not top:
        raise BadAnswer("a response without log-probabilities of the first token alone")
    return [(token, _log_probability(value)) for token, value in top.items()]


def _logprobs(response: dict[str, object]) -> dict[str, object]:
    choices = choices_of(response)
    logprobs = choices[0].get("logprobs") if choices else None
    if not isinstance(logprobs, dict):
        raise BadAnswer("a response without log-probabilities")
    return logprobs


def _log_probability(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not LEAST <= value <= ROUNDING:
        raise BadAnswer(f"a log-probability of {shown(value)}")
    return min(float(value), 0.0)
