"""Has a model seen a table: a model that has is found, one that guesses is not."""

import numpy as np
import pandas as pd
import pytest

from others import _memorised, memorised
from tests.doubles import NearestRow
from utils import reporting
from utils.errors import UserError
from utils.study import Case
from utils.tables import tables


class Reader(NearestRow):
    """Has read a text and goes on with it wherever it finds the beginning; else it repeats the last line."""

    def __init__(self, text):
        super().__init__()
        self.text = text

    def generate(self, prompts, *, stop="", temperature=0.0, samples=1, max_new_tokens=16, seed=0):
        return [[self._next(prompt).partition(stop)[0]] * samples for prompt in prompts]

    def _next(self, prompt):
        line = prompt[prompt.rfind("\n", 0, len(prompt) - 1) + 1 :]
        end = self.text.find(line) + len(line)
        found = self.text[end:] if line in self.text else line
        return found.split("\n")[0].strip()


def run(model, test, values, **config):
    settings = memorised.Config(datasets=("wine",), **config)
    built = _memorised.trial(Case("wine", "lift", 0, {"test": test, "values": values}), settings)
    built.learner.set_params(model=model)
    return built.run()


@pytest.fixture(scope="module")
def text():
    table = tables.load("wine", task="classification")
    return "\n".join(_memorised.lines(table.X, table.y, False, np.random.default_rng(0)))


@pytest.mark.parametrize("test", _memorised.TESTS)
def test_a_model_that_has_read_the_table_completes_its_own_lines_only(text, test):
    own, answers = run(Reader(text), test, "own")
    permuted, _ = run(Reader(text), test, "permuted")
    assert own["n_test"] == len(answers) == 25
    assert own["accuracy"] > 0.9
    assert permuted["accuracy"] < 0.5
    frame = pd.DataFrame([own | {"values": "own"}, permuted | {"values": "permuted"}])
    verdict = reporting.verdicts(frame.assign(dataset="wine", method="lift", test=test)).iloc[0]
    assert verdict["verdict"] == "known"
    assert verdict["own"] == pytest.approx(own["accuracy"])


def test_a_model_that_guesses_is_not_accused(text):
    scores = [run(Reader(""), "first_cell", values)[0] | {"values": values} for values in _memorised.VALUES]
    frame = pd.DataFrame(scores).assign(dataset="wine", method="lift", test="first_cell")
    assert set(reporting.verdicts(frame)["verdict"]) == {"no sign"}


def test_a_sorted_table_that_anyone_can_guess_is_no_sign():
    """The lines above tell the end of a line of the table's own, not of one in another order."""
    shares = {
        ("lift", "own"): 0.56,
        ("lift", "permuted"): 0.0,
        ("majority", "own"): 0.52,
        ("majority", "permuted"): 0.0,
    }
    rows = [{"method": m, "values": v, "accuracy": share, "n_test": 25} for (m, v), share in shares.items()]
    frame = pd.DataFrame(rows).assign(dataset="iris", test="header")
    (verdict,) = reporting.verdicts(frame).to_dict("records")
    assert (verdict["method"], verdict["majority"], verdict["verdict"]) == ("lift", 0.52, "no sign")
    assert reporting.verdicts(frame[frame["method"] == "lift"])["verdict"].tolist() == ["known"]


def test_values_in_another_order_are_the_same_values():
    table = tables.load("wine", task="classification")
    own, other = (_memorised.lines(table.X, table.y, mixed, np.random.default_rng(0)) for mixed in (False, True))
    assert own[0] == other[0]
    assert sorted(own) != sorted(other)
    for column in range(own[0].count(",") + 1):
        assert sorted(line.split(",")[column] for line in own) == sorted(line.split(",")[column] for line in other)


def test_lines_are_those_of_the_table(text):
    config = memorised.Config(datasets=("wine",), shown=3, asked=5)
    for test in _memorised.TESTS:
        split = _memorised.trial(Case("wine", "majority", 1, {"test": test, "values": "own"}), config).split
        assert len(split.X_test) == 5
        assert not set(split.X_train.index) & set(split.X_test.index)
        for begun, answer in zip(split.X_test["text"], split.y_test, strict=True):
            if test == "header":
                assert begun + answer in text
            else:
                assert begun.partition("\n")[2] + answer in text
                assert begun.count("\n") == 4


def test_too_few_rows_and_drawn_tables_are_refused():
    with pytest.raises(UserError, match="too few rows to ask for 300"):
        run(Reader(""), "row", "own", asked=300)
    case = Case("moons", "majority", 0, {"test": "row", "values": "own"})
    with pytest.raises(UserError, match="drawn anew"):
        _memorised.trial(case, memorised.Config(datasets=("moons",)))
