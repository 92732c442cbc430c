"""lift-tiny's tokenizer: what is one token, and that any text comes back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from others.pretraining import tokenizer as tokens

TOKENIZER = tokens.build()
DIGITS = tokens.build(numbers=False)


def ids(text):
    return TOKENIZER(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]


def pieces(text):
    return [TOKENIZER.decode([i]) for i in ids(text)]


@pytest.mark.parametrize("number", [0, 7, 10, 99, 100, 999])
def test_an_integer_is_one_token_with_or_without_space(number):
    assert pieces(f"{number}") == [f"{number}"]
    assert pieces(f"12 {number} =>") == ["12", f" {number}", " =>"]


@pytest.mark.parametrize("text", ["0.25", "1234", "007", "12.5", "3.14159", "1000", "00"])
def test_other_numbers_are_digits(text):
    assert pieces(text) == list(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12 999 0 => 1", ["12", " 999", " 0", " =>", " 1"]),
        ("When we have x1=5, x2=7, What is this type? ###1@@@",
         ["When we have x1=", "5", ", x2=", "7", ", What is this type? ###", "1", "@@@"]),
        ("5, x300=1, what should be the y value?###", ["5", ", x300=", "1", ", what should be the y value?###"]),
        ("1 unknown => 2", ["1", " unknown", " =>", " 2"]),
        ("x=7.", ["x", "=", "7", "."]),
        ("-42 -7", ["-", "42", " ", "-", "7"]),
        (", x301=", [", ", "x", "301", "="]),
    ],
)  # fmt: skip
def test_fixed_phrases_are_single_tokens(text, expected):
    assert pieces(text) == expected


@pytest.mark.parametrize("text", [tokens.END, f"a{tokens.PAD}b", "<|end|><|end|>", "<0x41>", "Ġ7", "Ċ", "�", "\x00"])
def test_look_alikes_stay_text(text):
    assert not {TOKENIZER.eos_token_id, TOKENIZER.pad_token_id} & set(ids(text))
    assert TOKENIZER.decode(ids(text)) == text


ALPHABET = st.one_of(
    st.characters(exclude_categories=["Cs"]),
    st.sampled_from([*tokens.PHRASES, tokens.END, tokens.PAD, ", x12=", "0", "12", "999", "1000", " ", ".", "0.5"]),
)


@settings(max_examples=300)
@given(st.lists(ALPHABET, max_size=30).map("".join))
def test_any_text_comes_back(text):
    assert TOKENIZER.decode(ids(text)) == text
    assert DIGITS.decode(DIGITS(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]) == text


@settings(max_examples=100)
@given(st.lists(st.integers(0, 999), min_size=1, max_size=40))
def test_a_compact_row_costs_one_token_a_value(values):
    row = " ".join(map(str, values)) + " =>"
    assert len(ids(row)) == len(values) + 1


def test_offsets_cover_the_text():
    text = "12 999 é😀 =>"
    spans = TOKENIZER(text, return_offsets_mapping=True)["offset_mapping"]
    assert spans[0] == (0, 2)
    assert spans[1] == (2, 6)
    assert spans[-1] == (9, 12)
