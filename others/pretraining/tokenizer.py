"""lift-tiny's tokenizer: one token for an integer and for each fixed phrase of the templates, bytes for all else.

A row in the compact wording costs one token per value ("12 999 0 => 1" is five: the space belongs to the number), and
any text comes back exactly as it went in, since whatever is no number and no fixed phrase is spelt in UTF-8 bytes.
"""

from __future__ import annotations

import re

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

N_NUMBERS = 1000  # integers 0–999 have a token of their own, with and without a space before
N_COLUMNS = 300  # ", x1=" to ", x300="
CONTEXT = 2048  # tokens
END, PAD = "<|end|>", "<|pad|>"

# The words between the values in the paper's wordings (paper §2, appendix) and in the compact one.
PHRASES = (
    "When we have x1=",
    ", What is this type? ###",
    ", what should be the y value?###",
    ", what should be y? ###",
    ", What is the category?###",
    "Given that ",
    " is ",
    "unknown",
    " unknown",
    " =>",
    "###",
    " ###",
    "@@@",
    " @@@",
    " y=",
    ", ",
)

# An integer stands alone: no digit beside it, no decimal point before it, no decimals after it.
INTEGER = r"(?: |(?<![0-9.]))(?:0|[1-9][0-9]{0,2})(?![0-9])(?!\.[0-9])"
COLUMN = r", x(?:[1-9]|[1-9][0-9]|[12][0-9][0-9]|300)="


def number_tokens() -> list[list[str]]:
    """For each integer its tokens as the vocabulary spells them: bare and with a space before."""
    return [[_spell(str(i)), _spell(f" {i}")] for i in range(N_NUMBERS)]


def build(numbers: bool = True) -> PreTrainedTokenizerFast:
    """The tokenizer as an ordinary Hugging Face object; equal on every call. Without `numbers` these are digits."""
    words = sorted(pre_tokenizers.ByteLevel.alphabet())
    words += [token for tokens in number_tokens() for token in tokens if len(token) > 1 and numbers]
    words += [_spell(f", x{i}=") for i in range(1, N_COLUMNS + 1)]
    words += [_spell(phrase) for phrase in PHRASES]
    # END and PAD stay out of it: a cell that reads "<|end|>" must not find them there. They get the next two ids.
    vocabulary = {word: i for i, word in enumerate(words)}

    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], ignore_merges=True))
    phrases = [re.escape(phrase).replace("\\ ", " ") for phrase in sorted(PHRASES, key=len, reverse=True)]
    pieces = "|".join([COLUMN, *phrases, *([INTEGER] if numbers else [])])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pieces), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=PAD,
        clean_up_tokenization_spaces=False,
        model_max_length=CONTEXT,
    )


def _spell(text: str) -> str:
    """`text` in the printable byte alphabet of byte-level tokenizers, where a space is Ġ."""
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return "".join(piece for piece, _ in byte_level.pre_tokenize_str(text))
