"""Fields, escapes and generic wordings; the exact prompts of the paper's."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from utils.errors import UnknownName, UserError
from utils.prompts import Template
from utils.prompts.sentences import SENTENCES
from utils.prompts.wordings import GENERIC, escape, get, pieces

fast = settings(derandomize=True, deadline=None, max_examples=150)
texts = st.text(st.one_of(st.characters(), st.sampled_from("#@,= \\\n\r\t'\"x2e\u2028🙂")), max_size=30)
X = pd.DataFrame({"size": [1, 20], "weight": [0.5, -1234.567], "colour": ["red", None]})
Y = ["a", "b"]


@pytest.mark.parametrize(
    ("task", "wording", "prompt"),
    [
        ("classification", "paper", "When we have x1=20, x2=-1234.57, x3=unknown, What is this type? ###"),
        (
            "classification",
            "names",
            "Given that size is 20, weight is -1234.5670, colour is unknown, What is the category?###",
        ),
        ("classification", "compact", "20 -1234.5670 unknown =>"),
        ("regression", "paper", "When we have x1=20, x2=-1234.5670, x3=unknown, what should be the y value?###"),
        (
            "regression",
            "names",
            "When we have size=20, weight=-1234.5670, colour=unknown, what should be the y value?###",
        ),
        (
            "classification",
            "Given task 3, {features}, What is the cluster?###",
            "Given task 3, size=20, weight=-1234.57, colour=unknown, What is the cluster?###",
        ),
        ("classification", "{{{x2}}} 100% {size}{colour}", "{-1234.57} 100% 20unknown"),
    ],
)
def test_generic_wordings(task, wording, prompt):
    y = Y if task == "classification" else [1.0, 2.5]
    assert Template(task, wording).fit(X, y).prompts(X)[1] == prompt


def test_the_paper_writes_synthetic_regression_rows():
    points = np.array([[-3.14159, 2.0], [0.00004, 9.99999]])
    template = Template("regression").fit(points, [8.99949, -0.5])
    assert template.prompts(points)[0] == "When we have x1=-3.1416, x2=2.0000, what should be the y value?###"
    assert template.completions([8.99949, -0.5]) == [" 8.999@@@", " -0.500@@@"]


def test_the_paper_writes_integers_in_integer_mode():
    points = np.array([[-3.0, 2.0], [4.0, 9.0]])
    template = Template("regression").fit(points, [9.0, -4.0])
    assert template.prompts(points)[0] == "When we have x1=-3, x2=2, what should be the y value?###"
    assert template.completions([9.0, -4.0]) == [" 9@@@", " -4@@@"]


@pytest.mark.parametrize(("sum_", "mode"), [("y=", "neutral"), ("x1+x2=", "correct"), ("x1-x2=", "contradicting")])
def test_contradicting_prompts_are_a_users_wording(sum_, mode):
    points = np.array([[1.5, -2.25], [0.1, 0.2]])
    template = Template("regression", f"{{features}}, {sum_}what is y?###").fit(points, [-0.75, 0.3])
    assert template.prompts(points)[0] == f"x1=1.5000, x2=-2.2500, {sum_}what is y?###"
    assert template.completions([-0.75]) == [" -0.750@@@"]


def test_pixels():
    images = np.array([[0, 0, 12, 255], [1, 2, 3, 4]])
    template = Template("classification", "pixels").fit(images, [7, 3])
    assert template.prompts(images)[0] == "Given image with pixels 0 0 12 255 What is this digit?###"
    assert template.completions([7, 3]) == [" 1@@@", " 0@@@"]


def test_compact_has_no_marks():
    rows = pd.DataFrame({"a": [12, 0], "b": [999, 1], "c": [0, 2], "d": [5, 3]})
    template = Template("classification", "compact").fit(rows, ["no", "yes"])
    assert template.prompts(rows)[0] == "12 999 0 5 =>"
    assert template.completions(["yes"]) == [" 1"]
    assert template.stop == ""


def test_names_can_be_replaced_by_a_list_or_a_dict():
    swapped = {"size": "weight", "weight": "size"}
    for names in (["weight", "size", "colour"], swapped):
        template = Template("classification", "names", names=names).fit(X, Y)
        assert (
            template.prompts(X)[0] == "Given that weight is 1, size is 0.5000, colour is red, What is the category?###"
        )
    assert "weight=1, size=0.50" in Template("classification", "paper", names=swapped).fit(X, Y).prompts(X)[0]
    for names in (["a"], ["a", "a", "b"], {"size": "weight"}):
        with pytest.raises(UserError, match="one per column"):
            Template("classification", "names", names=names).fit(X, Y)
    with pytest.raises(UserError, match="names has sise, which the table lacks; its columns are size, weight, colour"):
        Template("classification", "names", names={"sise": "weight"}).fit(X, Y)


def test_names_with_separators_are_escaped():
    rows = pd.DataFrame({"a, b=c###": [1, 2], "%s{x}": [3, 4]})
    prompt = Template("classification", "names").fit(rows, Y).prompts(rows)[0]
    assert prompt == r"Given that a\x2c b\x3dc\x23\x23\x23 is 1, %s{x} is 3, What is the category?###"


def test_unknown_wordings_and_fields_are_refused_with_the_list():
    with pytest.raises(UnknownName, match=", ".join([*GENERIC, *SENTENCES])):
        Template("classification", "papers").fit(X, Y)
    with pytest.raises(UserError, match=r"unknown field \{length\}; the fields are features, x1, x2, x3, size"):
        Template("classification", "{length}").fit(X, Y)
    with pytest.raises(UserError, match="no field"):
        Template("classification", "all {{the same}}").fit(X, Y)
    for text in ("{size", "size}", "{size}}", "{{size}"):
        with pytest.raises(UserError, match="a single"):
            Template("classification", text).fit(X, Y)
    with pytest.raises(UserError, match="is for regression"):
        get("ccpp", "classification")


def test_pieces_tell_fields_from_literals():
    assert [piece for piece in pieces("a{{{ b }}}c{d e?}") if piece[0]] == [
        ("a", False),
        ("{", False),
        ("b", True),
        ("}", False),
        ("c", False),
        ("d e?", True),
    ]


@fast
@given(texts, texts, st.sampled_from(["", r",(?=\s|$)|=", r"\s|="]))
def test_escapes_are_one_safe_line_and_never_the_same_for_two_texts(one, other, reserved):
    written = escape(one, reserved)
    assert (escape(other, reserved) == written) == (one == other)
    assert written == written.strip()
    assert len(written.splitlines()) == 1
    assert "@" not in written
    assert "#" not in written
    written.encode()
    if reserved:
        assert "=" not in written
        assert ", " not in written


def test_escapes_of_what_cannot_be_printed():
    assert escape("") == "\\empty"
    assert escape(" a\ud800\u2028\x00b ") == "\\x20a\\ud800\\u2028\\x00b\\x20"
    assert escape("<=50K, naïve 🙂 'q' \"q\"") == "<=50K, naïve 🙂 'q' \"q\""


cells = st.lists(texts, min_size=2, max_size=3)


@fast
@given(cells, cells, st.sampled_from(["paper", "names", "compact"]))
def test_text_columns_never_fake_a_separator(one, other, wording):
    other = (other * 2)[: len(one)]
    rows = pd.DataFrame([one, other], dtype=object)
    prompts = Template("classification", wording).fit(rows, ["a", "b"]).prompts(rows)
    assert (prompts[0] == prompts[1]) == (one == other)
    assert all(len(prompt.splitlines()) == 1 for prompt in prompts)
