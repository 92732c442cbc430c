"""What models really say, and what it counts as."""

import numpy as np
import pytest

from utils.prompts.numbers import Format
from utils.prompts.parsing import Answer, ChoiceReader, NumberReader

CODES = ChoiceReader(["0", "1", "2"], ["red", "green", "blue"], "@@@")
WORDS = ChoiceReader(["setosa", "Iris A", "iris b", "hid", "hId", "3 years"], list("abcdef"), "@@@")
NUMBERS = NumberReader(Format("fixed", 3, False), "@@@")


@pytest.mark.parametrize(
    ("reader", "text", "value", "status"),
    [
        (CODES, " 1@@@", "green", "valid"),
        (CODES, " 1", "green", "valid"),
        (CODES, " 1@@@ 2@@@", "green", "valid"),
        (CODES, " 1\n2 =>", "green", "valid"),
        (CODES, "\n 1", "green", "valid"),
        (CODES, " +1@@@", "green", "repaired"),
        (CODES, " 01@@@", "green", "repaired"),
        (CODES, " 1.0@@@", "green", "repaired"),
        (CODES, " 1.", "green", "repaired"),
        (CODES, ' "1"', "green", "repaired"),
        (CODES, " 1@@", "green", "repaired"),
        (CODES, " y=1", "green", "repaired"),
        (CODES, " class: 1", "green", "repaired"),
        (CODES, " The answer is 1.", "green", "repaired"),
        (CODES, " 1 is my guess", "green", "repaired"),
        (CODES, "", None, "invalid"),
        (CODES, "@@@ 1", None, "invalid"),
        (CODES, " 1 or 2@@@", None, "invalid"),
        (CODES, " one@@@", None, "invalid"),
        (CODES, " 1.5@@@", None, "invalid"),
        (CODES, " 1,5@@@", None, "invalid"),
        (CODES, " 3@@@", None, "invalid"),
        (CODES, " -1@@@", None, "invalid"),
        (CODES, " 17@@@", None, "invalid"),
        (CODES, " not 1@@@", None, "invalid"),
        (CODES, " nan@@@", None, "invalid"),
        (CODES, " green@@@", None, "invalid"),
        (WORDS, " setosa@@@", "a", "valid"),
        (WORDS, " Setosa.", "a", "repaired"),
        (WORDS, " class: setosa", "a", "repaired"),
        (WORDS, " iris  a", "b", "repaired"),
        (WORDS, " hid", "d", "valid"),
        (WORDS, " hId", "e", "valid"),
        (WORDS, " hId@@", "e", "repaired"),
        (WORDS, " HID", None, "invalid"),
        (WORDS, " 3 years", "f", "valid"),
        (WORDS, " 3 months", None, "invalid"),
        (WORDS, " 3", None, "invalid"),
        (WORDS, " not setosa", None, "invalid"),
        (WORDS, " setosa or iris b", None, "invalid"),
        (WORDS, " .", None, "invalid"),
        (NUMBERS, " -0.500@@@", -0.5, "valid"),
        (NUMBERS, " 1234.500@@@", 1234.5, "valid"),
        (NUMBERS, " -0.5@@@", -0.5, "repaired"),
        (NUMBERS, " −0.500@@@", -0.5, "repaired"),
        (NUMBERS, " -.5@@@", -0.5, "repaired"),
        (NUMBERS, " 1,234.500@@@", 1234.5, "repaired"),
        (NUMBERS, " 1e3", 1000.0, "repaired"),
        (NUMBERS, " 3.000@@", 3.0, "repaired"),
        (NUMBERS, " y=3.000", 3.0, "repaired"),
        (NUMBERS, " 3.000 MW", 3.0, "repaired"),
        (NUMBERS, " 3.000 million", None, "invalid"),
        (NUMBERS, " 1.000 2.000", None, "invalid"),
        (NUMBERS, " inf", None, "invalid"),
        (NUMBERS, " 1e400", None, "invalid"),
        (NUMBERS, "", None, "invalid"),
    ],
)
def test_what_models_really_say(reader, text, value, status):
    assert reader.read(text) == Answer(value, status)


def test_labels_that_are_numbers_are_read_as_numbers():
    reader = ChoiceReader(["1", "2", "0.5"], [1, 2, 0.5], "")
    assert [reader.read(text).value for text in ("1", "1.0", " .5", "2.", "3", "1 2")] == [1, 1, 0.5, 2, None, None]


def test_a_way_to_say_two_answers_is_neither():
    reader = ChoiceReader(["1", "1.0", "+", "-"], ["a", "b", "plus", "minus"], "@@@")
    assert [reader.read(text).value for text in ("1", "1.0", "01", "+", "-")] == ["a", "b", None, "plus", "minus"]


def test_long_nonsense_is_refused_quickly():
    rng = np.random.default_rng(0)
    for text in (
        "a " * 50_000,
        "9" * 50_000,
        "y = " * 20_000,
        "a" * 100_000 + "=",
        "".join(rng.choice(list("ab .,=1e-"), 50_000)),
    ):
        assert CODES.read(text).status == "invalid"
        assert NUMBERS.read(text).status == "invalid"
