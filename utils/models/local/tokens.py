"""Texts to token ids and back, in the same way for training, scoring and decoding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from ...errors import BadModel, TooLong
from ..base import Example

PLACEHOLDER = "PLACE"  # of a text in a chat template
IGNORE = -100  # label of a token without loss


@dataclass(frozen=True)
class Encoded:
    """Token ids of prompt and completion, concatenated; the completion begins at `start`."""

    ids: list[int]
    start: int


class TextTokenizer:
    """A tokenizer that treats every text as text: nothing in a cell can become a special token.

    Attributes:
        end: id of the token that ends an answer.
        prefix: ids that the tokenizer puts before every text, such as Llama's begin token.
        is_joined: whether prompt and completion are tokenised as one text, so that tokens may straddle them.
    """

    is_joined = True

    def __init__(self, tokenizer: PreTrainedTokenizerBase, name: str, context_length: int | None) -> None:
        if not tokenizer.is_fast:
            raise BadModel(
                f"{name} has no fast tokenizer (tokenizer.json), which the loss mask needs; convert it first"
            )
        if tokenizer.eos_token_id is None:
            raise BadModel(f"the tokenizer of {name} has no end token; set eos_token in its tokenizer_config.json")
        self.tokenizer = tokenizer
        self.name = name
        self.context_length = context_length
        self.end: int = tokenizer.eos_token_id
        bare = tokenizer("a", add_special_tokens=False)["input_ids"]
        with_special = tokenizer("a", add_special_tokens=True)["input_ids"]
        n_before = next(i for i in range(len(with_special)) if with_special[i : i + len(bare)] == bare)
        self.prefix: list[int] = with_special[:n_before]

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, without prefix."""
        return self._encode(texts, offsets=False)["input_ids"] if texts else []

    def prompts(self, prompts: Sequence[str]) -> list[list[int]]:
        """Token ids of each prompt, at least one: an empty prompt without prefix becomes the end token."""
        return [self.prefix + ids or [self.end] for ids in self.ids(prompts)]

    def pairs(self, pairs: Sequence[Example]) -> list[Encoded]:
        """Prompt and completion tokenised as one text; a token that straddles them belongs to the completion."""
        if not pairs:
            return []
        encoding = self._encode([prompt + completion for prompt, completion in pairs], offsets=True)
        encoded = []
        for (prompt, _), ids, offsets in zip(pairs, encoding["input_ids"], encoding["offset_mapping"], strict=True):
            border = len(prompt)
            inside = (i for i, (start, end) in enumerate(offsets) if end > border or start >= border)
            before = self.prefix if self.prefix or prompt else [self.end]
            encoded.append(Encoded(before + ids, len(before) + next(inside, len(ids))))
        return encoded

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Start and end of each token of a text, in characters; without prefix, as in `ids`."""
        return self._encode([text], offsets=True)["offset_mapping"][0]

    def answer(self, prompt: Sequence[int], new: Sequence[int]) -> str:
        """The text that the tokens `new` add to the prompt; some tokenizers drop a leading space."""
        before = self._decode(prompt[-1:])
        return self._decode([*prompt[-1:], *new])[len(before) :]

    def check_fits(self, n_tokens: int, kind: str) -> None:
        """Raises TooLong if `n_tokens`, the length of the longest `kind`, exceeds the context."""
        if self.context_length is not None and n_tokens > self.context_length:
            raise TooLong(
                f"the longest {kind} has {n_tokens} tokens, but {self.name} reads at most {self.context_length}; "
                'use fewer columns, numbers="scaled", wording="compact" or a model with a longer context'
            )

    def _encode(self, texts: Sequence[str], *, offsets: bool) -> dict:
        return self.tokenizer(
            list(texts),
            add_special_tokens=False,
            split_special_tokens=True,
            return_attention_mask=False,
            return_token_type_ids=False,
            return_offsets_mapping=offsets,
            verbose=False,  # no warning about long texts: check_fits rejects them
        )

    def _decode(self, ids: Sequence[int]) -> str:
        return self.tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)


class ChatTokenizer(TextTokenizer):
    """Puts prompts into the tokenizer's chat template as the user's message, and completions as the reply.

    Attributes:
        before, after: ids of the template around a prompt, including its special tokens.
        end: the token that ends a reply.
    """

    is_joined = False

    def __init__(self, tokenizer: PreTrainedTokenizerBase, name: str, context_length: int | None) -> None:
        super().__init__(tokenizer, name, context_length)
        prompt = self._template([{"role": "user", "content": PLACEHOLDER}], add_generation_prompt=True)
        before, _, after = prompt.partition(PLACEHOLDER)
        messages = [{"role": "user", "content": PLACEHOLDER}, {"role": "assistant", "content": PLACEHOLDER}]
        ending = self._template(messages).rpartition(PLACEHOLDER)[2]
        self.before, self.after, closing = (
            tokenizer(text, add_special_tokens=False)["input_ids"] for text in (before, after, ending)
        )
        self.end = closing[0] if closing else self.end

    def prompts(self, prompts: Sequence[str]) -> list[list[int]]:
        """Token ids of each prompt, up to where the reply begins."""
        return [self.before + ids + self.after for ids in self.ids(prompts)]

    def pairs(self, pairs: Sequence[Example]) -> list[Encoded]:
        """Prompt and reply, without the space that separates a completion from its prompt."""
        before = self.prompts([prompt for prompt, _ in pairs])
        replies = self.ids([completion.removeprefix(" ") for _, completion in pairs])
        return [Encoded(prompt + reply, len(prompt)) for prompt, reply in zip(before, replies, strict=True)]

    def _template(self, messages: list[dict[str, str]], **how: bool) -> str:
        if not self.tokenizer.chat_template:
            raise BadModel(f"the tokenizer of {self.name} has no chat template; leave out --chat")
        try:
            text = self.tokenizer.apply_chat_template(messages, tokenize=False, **how)
        except TemplateError as error:
            raise BadModel(f"the chat template of {self.name} rejects a message: {error}; leave out --chat") from error
        if PLACEHOLDER not in text:
            raise BadModel(f"the chat template of {self.name} drops the message; leave out --chat")
        return text


def pad_left(rows: Sequence[Sequence[int]], pad: int, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and attention mask of left-padded rows, shapes (n, longest)."""
    width = max(map(len, rows))
    ids = torch.tensor([[pad] * (width - len(row)) + list(row) for row in rows], device=device)
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows], device=device)
    return ids, mask


def positions(mask: torch.Tensor) -> torch.Tensor:
    """Position of each token within its row, not counting padding."""
    return (mask.cumsum(dim=1) - 1).clamp(min=0)


def batches(lengths: Sequence[int], fits: Callable[[int, int], bool], *, equal: bool) -> Iterator[list[int]]:
    """Indices in batches of similar length, longest first.

    Args:
        fits: whether a batch may have this many rows with this maximum number of tokens.
        equal: batch only rows of exactly the same length, for models that do not support padding.
    """
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        longest = lengths[batch[0]] if batch else 0
        if batch and (not fits(len(batch) + 1, longest) or (equal and lengths[index] != longest)):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
