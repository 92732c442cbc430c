"""The template as the estimators use it: answers undo, identities hold, nothing is learnt from test rows."""

import copy
import pickle
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from utils import study
from utils.errors import BadTable, UnknownName, UserError
from utils.estimators import recipes
from utils.prompts import Template

fast = settings(max_examples=150)
finite = st.floats(allow_nan=False, allow_infinity=False)
strange = st.text(st.one_of(st.characters(), st.sampled_from("#@,= \\\n\"'xX🙂")), max_size=40)
labels = st.one_of(
    st.lists(strange, min_size=2, max_size=8, unique=True),
    st.lists(st.integers(-(2**62), 2**62), min_size=2, max_size=8, unique=True),
    st.lists(finite, min_size=2, max_size=8, unique=True),
    st.just([True, False]),
)
POINTS = np.array([[0.0, 1.0], [2.5, 3.0], [5.0, -1.0]])


def rows(n):
    return np.arange(n, dtype=float)[:, None]


@pytest.mark.parametrize("numbers", ["significant", "paper"])
@pytest.mark.parametrize("y", [0.0, -0.5, 1e-9, -1e-9, 1e-300, -1234.5, 7e6, 1e20, -3, 123456789])
def test_parse_undoes_completion(y, numbers):
    template = Template("regression", numbers=numbers, digits=4).fit(rows(1), [y])
    assert template.parse(template.completion(y)) == pytest.approx(y, rel=1e-3, abs=0)  # signs and scales count
    assert template.read(template.completion(y)).status == "valid"


def test_small_targets_get_the_decimals_or_the_exponent_they_need():
    assert Template("regression").fit(rows(2), [0.001, 0.0021]).completions([0.001]) == [" 0.001000@@@"]
    assert Template("regression").fit(rows(2), [1e-15, 2.25e-15]).completions([2.25e-15]) == [" 2.25e-15@@@"]


@fast
@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=20), st.sampled_from(["paper", "names", "compact"]))
def test_paper_targets_come_back_within_a_hundredth_of_their_spread(y, wording):
    template = Template("regression", wording).fit(rows(len(y)), y)
    back = [template.parse(text) for text in template.completions(y)]
    step = 10 ** -max(template.wording_.y_decimals, template.y_format_.digits)
    assert back == pytest.approx(y, rel=1e-2 if template.y_format_.style == "significant" else 1e-12, abs=step)
    assert abs(np.array(back) - y).max() <= 0.01 * np.ptp(y) + 0.01 * (np.ptp(y) == 0) * abs(y[0])


@fast
@given(st.lists(finite, min_size=1, max_size=20), st.integers(1, 12))
def test_significant_targets_come_back_with_their_sign_and_size(y, digits):
    with np.errstate(over="ignore"):  # the mean of floats near the largest
        template = Template("regression", numbers="significant", digits=digits).fit(rows(len(y)), y)
    for value, text in zip(y, template.completions(y), strict=True):
        back = template.parse(text)
        if back is None:
            assert abs(value) > 1e307 or abs(value) < 1e-300
        elif abs(value) > 1e-300:
            assert abs(back - value) <= 0.5 * 10 ** (1 - digits) * abs(value) * (1 + 1e-9)
            assert np.sign(back) == np.sign(value)


@fast
@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20), st.integers(2, 500))
def test_scaled_targets_are_one_of_the_levels_and_come_back_to_its_middle(y, levels):
    template = Template("regression", "compact", numbers="scaled", levels=levels).fit(rows(len(y)), y)
    assert template.candidates_ == [f" {level}" for level in range(levels)]
    values = [template.parse(text) for text in template.candidates_]
    assert all(low < high for low, high in pairwise(values)) or min(y) == max(y)
    back = [template.parse(text) for text in template.completions(y)]
    assert abs(np.array(back) - y).max() <= 1.1 * np.ptp(y) / (levels - 1) / 2 * (1 + 1e-6) + 1e-15 * max(map(abs, y))


def test_levels_of_a_target_reach_a_little_beyond_the_training_range():
    template = Template("regression", numbers="scaled", levels=111).fit(rows(2), [0.0, 100.0])
    assert [template.parse(text) for text in (" 0@@@", " 5@@@", " 110@@@")] == pytest.approx([-5, 0, 105])
    assert template.completions([-50, 0, 102, 500]) == [" 0@@@", " 5@@@", " 107@@@", " 110@@@"]
    assert [template.parse(text) for text in ("111", "-1", "5.5", "")] == [None] * 4


def test_a_constant_target_is_read_back_exactly():
    template = Template("regression", numbers="scaled").fit(rows(2), [7.25, 7.25])
    assert template.completions([7.25]) == [" 499@@@"]
    assert [template.parse(text) for text in template.candidates_[::333]] == [7.25] * 4


@fast
@given(labels, st.sampled_from(["codes", "text"]), st.sampled_from(["paper", "compact"]))
def test_any_label_is_read_back_as_it_was(classes, how, wording):
    y = np.array(classes, dtype=object if isinstance(classes[0], str) else None)
    template = Template("classification", wording, labels=how).fit(rows(len(y)), y)
    assert len(set(template.candidates_)) == len(template.classes_) == len(classes)
    for label, text in zip(template.classes_.tolist(), template.candidates_, strict=True):
        assert template.completion(label) == text
        answer = template.read(text + (" 0@@@ and more" if template.stop else "\n0"))
        assert answer.value == label
        assert type(answer.value) is type(classes[0])
        assert answer.status == "valid"


@pytest.mark.parametrize(
    ("y", "kind"),
    [
        (["b", "a"], "O"),
        (np.array(["b", "a"]), "U"),
        ([3, 1], "i"),
        ([True, False], "b"),
        ([0.5, 1.5], "f"),
        (pd.Series(["b", "a"]), "O"),
    ],
)
def test_classes_keep_their_type(y, kind):
    template = Template("classification").fit(rows(2), y)
    assert template.classes_.dtype.kind == kind
    assert template.classes_.tolist() == sorted(y)
    assert template.candidates_ == [" 0@@@", " 1@@@"]


def test_long_labels_and_many_classes():
    classes = [f"{'very ' * 2000}long {i}" for i in range(100)]
    template = Template("classification", labels="text").fit(rows(100), classes)
    assert [template.parse(text) for text in template.completions(classes)] == classes


def test_targets_that_cannot_be_written_are_refused():
    for y in ([1.0, np.nan], [1.0, np.inf]):
        with pytest.raises(BadTable, match="finite"):
            Template("regression").fit(rows(2), y)
        with pytest.raises(BadTable, match="finite"):
            Template("regression").fit(rows(2), [1.0, 2.0]).completions(y)
    with pytest.raises(BadTable, match="missing"):
        Template("classification").fit(rows(2), ["a", None])
    with pytest.raises(BadTable, match="mixed types"):
        Template("classification").fit(rows(2), np.array(["a", 1], dtype=object))
    with pytest.raises(BadTable, match="no training row has: 'c'"):
        Template("classification").fit(rows(2), ["a", "b"]).completions(["a", "c"])
    with pytest.raises(BadTable, match="2 rows and 3 targets"):
        Template("classification").fit(rows(2), ["a", "b", "c"])


@pytest.mark.parametrize(
    ("option", "value"),
    [("task", "ranking"), ("wording", "nice"), ("numbers", "hex"), ("scale", "cell"), ("labels", "ids")],
)
def test_unknown_options_are_refused_with_the_list(option, value):
    with pytest.raises(UnknownName, match=f"no {option} '{value}'; have "):
        Template(**{"task": "classification", option: value}).fit(rows(2), ["a", "b"])
    with pytest.raises(UnknownName):
        Template(**{"task": "classification", option: value}).check()


def test_senseless_sizes_are_refused():
    for option in ("levels", "digits"):
        with pytest.raises(UserError, match="at least"):
            Template("classification", **{option: 0}).fit(rows(2), ["a", "b"])


@fast
@given(
    st.lists(
        st.tuples(st.sampled_from([0.001, 0.004, 0.009, 1.0, np.nan]), st.sampled_from(["a", "b", None])),
        min_size=1,
        max_size=12,
    )
)
def test_collisions_are_those_that_brute_force_finds(cells):
    table = pd.DataFrame(cells, columns=["number", "text"])
    template = Template("classification").fit(table, ["y"] * len(table))
    distinct = {tuple("missing" if pd.isna(cell) else cell for cell in row) for row in cells}
    prompts = template.prompts(table)
    by_prompt = {}
    for row, prompt in zip(cells, prompts, strict=True):
        by_prompt.setdefault(prompt, set()).add(tuple("missing" if pd.isna(cell) else cell for cell in row))
    assert sum(len(group) for group in by_prompt.values()) == len(distinct)
    assert template.n_collisions_ == sum(len(group) - 1 for group in by_prompt.values())


def test_two_decimals_erase_small_features_and_significant_digits_do_not():
    margins = np.random.default_rng(0).uniform(0, 0.03, (200, 2))
    y = ["a", "b"] * 100
    assert Template("classification").fit(margins, y).n_collisions_ > 150
    assert Template("classification", numbers="significant").fit(margins, y).n_collisions_ == 0


def test_prompt_of_one_row_is_that_of_the_table():
    table = pd.DataFrame({"a": [1, 2], "b": [0.5, np.nan], "c": ["u", None]})
    template = Template("classification", "names").fit(table, ["s", "t"])
    for i, prompt in enumerate(template.prompts(table)):
        assert template.prompt(table.iloc[i]) == template.prompt(table.iloc[i].tolist()) == prompt
        assert template.prompt(table.iloc[i].to_dict()) == prompt


def test_categories_as_levels_are_one_token_in_the_compact_wording():
    table = pd.DataFrame({"a": [1.5, 2.0, 9.0], "b": ["new york", "oslo", None]})
    template = Template("classification", "compact", numbers="scaled", categories="levels").fit(table, ["s", "t", "t"])
    assert template.prompts(table) == ["0 0 =>", "67 999 =>", "999 unknown =>"]
    assert template.prompt({"a": 1.5, "b": "rome"}) == "0 unknown =>"
    assert pickle.loads(pickle.dumps(template)).prompts(table) == template.prompts(table)
    texts = Template("classification", "compact", numbers="scaled").fit(table, ["s", "t", "t"])
    assert texts.prompts(table)[0] == r"0 new\x20york =>"
    assert texts.text_sha256(table, ["s", "t", "t"]) != template.text_sha256(table, ["s", "t", "t"])
    with pytest.raises(UnknownName, match=r"no categories 'letters'; have text, levels"):
        Template("classification", categories="letters").check()


def test_categories_that_share_a_level_are_counted_as_collisions():
    table = pd.DataFrame({"b": list("abcd")})
    few = Template("classification", "compact", numbers="scaled", levels=2, categories="levels").fit(
        table, [0, 1, 0, 1]
    )
    assert few.prompts(table) == ["0 =>", "0 =>", "1 =>", "1 =>"]
    assert few.n_collisions_ == 2
    enough = Template("classification", "compact", levels=4, categories="levels").fit(table, [0, 1, 0, 1])
    assert enough.n_collisions_ == 0
    strangers = pd.DataFrame({"b": ["x", "y", None]})
    assert enough.count_collisions(strangers) == 2, "what no training row has is unknown"


def test_recipes_know_every_option_of_a_template():
    assert set(recipes.TEMPLATE) == set(Template("classification").get_params()) - {"task"}
    made = recipes.template("regression", {"categories": "levels", "levels": 50, "epochs": 3})
    assert (made.categories, made.levels) == ("levels", 50)


@pytest.mark.parametrize(("flag", "value"), [("scale", "quantile"), ("categories", "text")])
def test_a_flag_of_the_template_reaches_it(flag, value, monkeypatch):
    monkeypatch.setattr("sys.argv", ["accuracy", f"--{flag}", value])
    config = study.flags(study.Config, "")
    for task in ("classification", "regression"):
        lift, plain = config.lift(task, 0), study.Config().lift(task, 0)
        assert getattr(lift.unfitted_template(), flag) == value != getattr(plain.unfitted_template(), flag)
        assert lift.options() == f"{flag}={value}"
        assert plain.options() == ""


def test_columns_are_found_by_name_and_test_rows_teach_nothing():
    table = pd.DataFrame({"a": [1.5, 2.0], "b": ["u", "v"]})
    for numbers in ("paper", "significant", "scaled"):
        template = Template("classification", numbers=numbers).fit(table, ["s", "t"])
        before = pickle.dumps(template)
        other = pd.DataFrame({"extra": [0, 0, 0], "b": ["w", None, "u"], "a": [99, -99, 1.5]})
        assert template.prompts(other)[2] == template.prompts(table)[0]
        assert pickle.dumps(template) == before


def test_permuted_changes_the_order_and_nothing_else():
    template = Template("regression").fit(POINTS, [1.0, 2.0, 3.5])
    turned = template.permuted([1, 0])
    assert turned.prompts(POINTS)[1] == "When we have x2=3, x1=2.5000, what should be the y value?###"
    assert template.prompts(POINTS)[1] == "When we have x1=2.5000, x2=3, what should be the y value?###"
    assert turned.completions([2.0]) == template.completions([2.0])
    assert turned.permuted(np.array([0, 1])).prompts(POINTS) == template.prompts(POINTS)
    for order in ([0], [0, 0], [1, 2]):
        with pytest.raises(UserError, match="each of 0 … 1 once"):
            template.permuted(order)
    with pytest.raises(UserError, match="fixes the order"):
        Template("regression", "{x1}").fit(POINTS, [1.0, 2.0, 3.5]).permuted([1, 0])


def test_shots_stand_before_the_query_as_in_the_paper():
    template = Template("classification").fit(POINTS[:, :1], ["a", "b", "a"])
    shots = template.examples(POINTS[:2, :1], ["a", "b"])
    assert template.prompt_with_shots(shots, template.prompts(POINTS[2:, :1])[0]) == (
        "When we have x1=0.00, What is this type? ### 0@@@ When we have x1=2.50, What is this type? ### 1@@@ "
        "When we have x1=5.00, What is this type? ###"
    )
    compact = Template("classification", "compact").fit(POINTS[:, :1], ["a", "b", "a"])
    assert compact.prompt_with_shots([("0 =>", " 0")], "5 =>") == "0 => 0\n5 =>"
    assert compact.prompt_with_shots([], "5 =>") == "5 =>"


def test_the_identity_of_a_training_text_changes_with_every_letter():
    y = ["a", "b", "a"]
    template = Template("classification").fit(POINTS, y)
    same = Template("classification").fit(POINTS.copy(), list(y))
    assert template.text_sha256(POINTS, y) == same.text_sha256(POINTS, y)
    others = [
        template.text_sha256(POINTS[::-1], y),
        template.text_sha256(POINTS, ["a", "b", "b"]),
        Template("classification", "names").fit(POINTS, y).text_sha256(POINTS, y),
        Template("classification", labels="text").fit(POINTS, y).text_sha256(POINTS, y),
    ]
    assert len({template.text_sha256(POINTS, y), *others}) == 5


def test_a_template_is_cloned_copied_and_pickled_like_any_estimator():
    template = Template("regression", "compact", numbers="scaled", levels=50).fit(POINTS, [1.0, 2.0, 3.5])
    assert clone(template).get_params() == template.get_params()
    for other in (pickle.loads(pickle.dumps(template)), copy.deepcopy(template)):
        assert other.prompts(POINTS) == template.prompts(POINTS)
        assert other.read(" 7") == template.read(" 7")


def test_more_than_three_hundred_columns():
    pixels = np.random.default_rng(0).integers(0, 256, (50, 400))
    template = Template("classification", "pixels").fit(pixels, np.arange(50) % 10)
    assert template.prompts(pixels)[7].split()[4:404] == [str(pixel) for pixel in pixels[7]]
    assert template.n_collisions_ == 0


def test_real_tables_are_written_and_read_back(lift_data):
    table = pd.read_csv(lift_data / "servo.csv.gz")
    template = Template("regression", "servo").fit(table.iloc[:, :-1], table["class"])
    back = [template.parse(text) for text in template.completions(table["class"])]
    assert back == pytest.approx(table["class"].tolist(), abs=5e-5)
    assert template.n_collisions_ == 0
    assert template.mean_ == pytest.approx(1.38971, abs=1e-5)
