"""Generated answers and scores: /completions and /chat/completions.

Billed are: a prompt's tokens, once for any number of answers; all generated tokens of each answer, including the end
token or the stop mark that ended it; for a chat, 3 more tokens per message plus 3. An echoed prompt is billed as a
prompt.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from others.rehearsal import lines
from others.rehearsal.catalogue import Catalogue
from others.rehearsal.engine import Answer, Engine, Token
from others.rehearsal.refusal import Refusal, unsupported
from others.rehearsal.store import new_id, now

SUPPORTED = {"model", "temperature", "n", "stop", "seed", "max_tokens", "logprobs", "user", "metadata", "store"}
NEUTRAL = {
    "top_p": (1,),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "logit_bias": ({},),
    "stream": (False,),
    "stream_options": (),
    "service_tier": ("auto", "default"),
}
COMPLETION_TOKENS = 16  # the default limit
CHAT_TOKENS = 256


class Answers:
    """Both endpoints.

    Args:
        form: which of the endpoints are served, one of `lines.FORMS`.
        bill: called with the tokens of prompt and completions.
    """

    def __init__(self, engine: Engine, catalogue: Catalogue, form: str, bill: Callable[[int, int], None]) -> None:
        self._engine, self._catalogue, self._form, self._bill = engine, catalogue, form, bill

    def complete(self, request: dict) -> dict:
        """POST /completions."""
        folder = self._catalogue.folder(request.get("model"))
        if self._form == "chat":
            reason = "This is a chat model and not supported in the v1/completions endpoint."
            raise Refusal(404, f"{reason} Did you mean to use v1/chat/completions?", param="model")
        neutral = NEUTRAL | {"best_of": (_or(request, "n", 1),), "suffix": ()}
        unsupported(request, SUPPORTED | {"prompt", "echo"}, neutral)
        prompts = request.get("prompt")
        prompts = [prompts] if isinstance(prompts, str) else prompts
        if not isinstance(prompts, list) or not all(isinstance(prompt, str) for prompt in prompts):
            raise Refusal(400, "This server wants prompts as texts.", param="prompt")
        echo, n, limit = bool(request.get("echo")), _or(request, "n", 1), _or(request, "max_tokens", COMPLETION_TOKENS)
        top = request.get("logprobs")
        if limit < 1 and not echo:
            raise Refusal(400, "max_tokens is 0, which goes with echo only", param="max_tokens")
        choices, n_completion = [], 0
        for prompt in prompts:
            echoed = self._engine.score(folder, prompt, top) if echo and top is not None else []
            answers = (
                self._answers(folder, prompt, request, n, limit, top or 0) if limit else [Answer("", [], 0, False)] * n
            )
            for answer in answers:
                text, start = (prompt + answer.text, len(prompt)) if echo else (answer.text, 0)
                logprobs = None if top is None else _logprobs(echoed, 0)
                if logprobs is not None:
                    logprobs = {key: values + _logprobs(answer.tokens, start)[key] for key, values in logprobs.items()}
                choices.append(
                    {"text": text, "index": len(choices), "logprobs": logprobs, "finish_reason": _reason(answer)}
                )
                n_completion += answer.n_tokens
        made = {"id": new_id("cmpl-"), "object": "text_completion", "created": now(), "model": request["model"]}
        return made | {"choices": choices, "usage": self._usage(sum(self._engine.count(folder, prompts)), n_completion)}

    def chat(self, request: dict) -> dict:
        """POST /chat/completions."""
        folder = self._catalogue.folder(request.get("model"))
        if self._form == "completion":
            reason = "This is not a chat model and thus not supported in the v1/chat/completions endpoint."
            raise Refusal(404, f"{reason} Did you mean to use v1/completions?", param="model")
        unsupported(request, SUPPORTED | {"messages", "max_completion_tokens", "top_logprobs"}, NEUTRAL)
        messages = request["messages"]
        prompt, n = lines.joined(messages), _or(request, "n", 1)
        top = _or(request, "top_logprobs", 0)
        if top and not request.get("logprobs"):
            raise Refusal(400, "top_logprobs goes with logprobs only", param="top_logprobs")
        room = self._engine.room(folder, prompt)
        limit = CHAT_TOKENS if room is None else max(1, min(CHAT_TOKENS, room))
        limit = _or(request, "max_completion_tokens", _or(request, "max_tokens", limit))
        if limit < 1:
            raise Refusal(400, "at least one token must be asked for", param="max_completion_tokens")
        choices, n_completion = [], 0
        for answer in self._answers(folder, prompt, request, n, limit, top):
            message = {"role": "assistant", "content": answer.text, "refusal": None}
            logprobs = (
                {"content": [_chat_token(t) for t in answer.tokens], "refusal": None}
                if request.get("logprobs")
                else None
            )
            choice = {"index": len(choices), "message": message, "logprobs": logprobs, "finish_reason": _reason(answer)}
            choices.append(choice)
            n_completion += answer.n_tokens
        counts = self._engine.count(folder, [lines.text(message.get("content")) for message in messages])
        n_prompt = sum(counts) + lines.beside(len(messages))
        made = {"id": new_id("chatcmpl-"), "object": "chat.completion", "created": now(), "model": request["model"]}
        return made | {"choices": choices, "usage": self._usage(n_prompt, n_completion)}

    def _answers(self, folder: Any, prompt: str, request: dict, n: int, limit: int, top: int) -> list[Answer]:
        stop = request.get("stop") or []
        seed = request.get("seed")
        return self._engine.answers(
            folder,
            prompt,
            stops=[stop] if isinstance(stop, str) else stop,
            temperature=_or(request, "temperature", 1.0),
            n=n,
            limit=limit,
            seed=secrets.randbelow(2**31) if seed is None else seed,
            top=top,
        )

    def _usage(self, prompt: int, completion: int) -> dict[str, int]:
        self._bill(prompt, completion)
        return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _or(request: dict, name: str, default: Any) -> Any:
    """A field, or its default if it is missing or null."""
    return default if request.get(name) is None else request[name]


def _reason(answer: Answer) -> str:
    return "stop" if answer.ended else "length"


def _logprobs(tokens: list[Token], start: int) -> dict[str, list]:
    """Log-probabilities in the format of /completions; the likeliest tokens include the chosen one."""
    tops = [None if t.log_p is None else dict(t.top) | {t.text: t.log_p} for t in tokens]
    return {
        "tokens": [token.text for token in tokens],
        "token_logprobs": [token.log_p for token in tokens],
        "top_logprobs": tops,
        "text_offset": [start + token.start for token in tokens],
    }


def _chat_token(token: Token) -> dict[str, object]:
    """A token with its log-probability in the format of /chat/completions."""
    top = [_token_json(text, log_p) for text, log_p in token.top]
    return _token_json(token.text, token.log_p) | {"top_logprobs": top}


def _token_json(text: str, log_p: float | None) -> dict[str, object]:
    return {"token": text, "logprob": log_p, "bytes": list(text.encode("utf-8", "replace"))}
