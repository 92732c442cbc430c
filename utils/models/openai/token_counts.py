"""Tokens of a text as a server counts them: exact if the model's tokenizer is available, else an upper estimate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from ... import models
from .providers import Provider, base_name

BYTES_PER_TOKEN = 3  # below the average of all common tokenizers on English and digits, so the estimate is an upper one


class Counter:
    """Counts tokens of plain texts.

    Attributes:
        exact: whether the counts are those of the model's own tokenizer.
    """

    def __init__(self, provider: Provider, model: str) -> None:
        base = base_name(model)
        fitting = [start for start in provider.tokenizers if base.startswith(start)]
        encode = _tokenizer(provider.tokenizers[max(fitting, key=len)]) if fitting else None
        self.exact = encode is not None
        self._encode = encode or _by_bytes

    def __call__(self, texts: Sequence[str]) -> list[int]:
        """The number of tokens of each text."""
        return self._encode(list(texts)) if len(texts) else []


def _by_bytes(texts: list[str]) -> list[int]:
    return [-(-len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN) for text in texts]


@lru_cache(maxsize=8)
def _tokenizer(name: str) -> Callable[[list[str]], list[int]] | None:
    """The counter of "tiktoken:ENCODING", a model folder or a Hub id; None if it is not available.

    A missing package, network or file never makes a run fail: an estimate is used, and the quote says so.
    """
    try:
        return _tiktoken(name.removeprefix("tiktoken:")) if name.startswith("tiktoken:") else _transformers(name)
    except (ImportError, OSError, ValueError):  # requests' and the Hub's errors are OSErrors
        return None


def _tiktoken(encoding: str) -> Callable[[list[str]], list[int]]:
    import tiktoken  # optional: its files are downloaded at first use

    tokens = tiktoken.get_encoding(encoding)
    return lambda texts: [len(ids) for ids in tokens.encode_ordinary_batch(texts)]


def _transformers(name: str) -> Callable[[list[str]], list[int]]:
    from transformers import AutoTokenizer

    from ..local.tokens import TextTokenizer

    tokens = TextTokenizer(AutoTokenizer.from_pretrained(models.resolve(name)), name, None)
    return lambda texts: [len(ids) for ids in tokens.prompts(texts)]
