"""What is said of a table before anything is spent: kinds of columns, target, parts, and what looks wrong."""

import io
from importlib import import_module

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from tests.conftest import ROOT
from tests.programs import run
from tests.test_layout import SCRIPTS
from utils import study, tables
from utils.errors import UserError
from utils.study import table_check
from utils.tables import dates

N = 120
RNG = np.random.default_rng(0)
NOISE = RNG.normal(size=(N, 3)).round(3)
LABEL = np.where(NOISE[:, 0] + RNG.normal(size=N) > 0, "yes", "no")


def frame(**columns):
    """Two columns that tell a little of the label, and further ones before it."""
    return pd.DataFrame({"a": NOISE[:, 0], "b": NOISE[:, 1], **columns, "label": LABEL})


@pytest.fixture
def saved(tmp_path):
    """A function that writes a frame, and returns the file's name."""

    def save(table, **options):
        name = tmp_path / f"my{len(list(tmp_path.iterdir()))}.csv"  # a table that was loaded is not loaded again
        table.to_csv(name, index=False, **options)
        return str(name)

    return save


def look(name, task="classification", method="knn", **flags):
    config = study.Config(**flags)
    case = study.Case(name, method, 0)
    return table_check.look(study.trial(case, config, task), study.table_of(name, config, task), 0, config)


def warnings(name, **flags):
    return look(name, **flags).warnings


@pytest.mark.parametrize(
    ("cells", "kind", "example"),
    [
        (NOISE[:, 2], "number", None),
        (np.arange(N) % 50, "whole number", "0"),
        (np.arange(N) % 2, "yes/no", "0"),
        (np.where(np.arange(N) % 3, "Yes", "no"), "yes/no", "no"),
        (np.where(np.arange(N) % 3, "true", "false"), "yes/no", "false"),
        ([f"2024-01-{1 + i % 28:02}" for i in range(N)], "date", "2024-01-01"),
        ([f"{1 + i % 28}.2.2024" for i in range(N)], "date", "1.2.2024"),
        ([f"{1 + i % 12}/{1 + i % 28}/2024" for i in range(N)], "date", "1/1/2024"),
        ([f"2024-01-{1 + i % 28:02}T10:30:00Z" for i in range(N)], "date", "2024-01-01T10:30:00Z"),
        ([f"2024-13-{1 + i % 28:02}" for i in range(N)], "text of 28 levels", "2024-13-01"),
        ([f"{i % 9} kg" for i in range(N)], "text of 9 levels", "0 kg"),
        ([f"£{1 + i % 9},000" for i in range(N)], "whole number", "1000"),
        (["red", "green", "blue"] * (N // 3), "text of 3 levels", "red"),
        ([None] * N, "empty", ""),
    ],
)
def test_kinds_of_columns(saved, cells, kind, example):
    column = look(saved(frame(c=cells))).columns[2]
    assert (column.name, column.kind) == ("c", kind)
    assert column.example == (f"{NOISE[0, 2]:g}" if example is None else example)


def test_a_line_tells_what_is_missing_and_what_was_disguised(saved):
    cells = ["n/a" if i % 4 == 0 else f"{i},000" for i in range(N)]
    column = look(saved(frame(c=cells))).columns[2]
    assert (column.missing, column.example) == (0.25, "1000")
    assert column.note == "'101,000' is 101000 ('1,000' could also be 1), 'n/a' is missing (30 times)"


def test_target_rows_and_prompt(saved):
    name = saved(frame())
    facts = dict(look(name, method="lift", check=True, limit=50).facts)
    shares = pd.Series(LABEL).value_counts(normalize=True)
    assert facts["target"] == "label: 2 classes: " + ", ".join(f"{k} {v:.1%}" for k, v in shares.items())
    assert facts["rows"].startswith("50 training, 20 validation, 24 test")
    trial = study.trial(study.Case(name, "lift", 0), study.Config(limit=50), "classification")
    n, most = trial.learner.longest_prompt(trial.split.X_train, trial.split.y_train, trial.split.X_test)
    assert f"up to {n} tokens with the answer; lift-tiny reads {most:,}" in facts["prompt"]
    lift = trial.learner.set_params(epochs=0, shots=0).fit(trial.split.X_train, trial.split.y_train)
    longest = max(lift.model_.count_tokens(lift.answers(trial.split.X_train).prompts))
    assert n > longest > 2, "the prompt of a row of two numbers, and room for the answer"
    numbers = look(saved(frame().assign(label=np.arange(N))), "regression")
    assert dict(numbers.facts)["target"] == "label: a number from 0 to 119, mean 59.5"
    assert "prompt" not in dict(numbers.facts)


SUSPECT = {
    "a copy of the label": ({"leak": LABEL}, "'leak' equals the target in every row"),
    "a code of the label": ({"leak": np.where(LABEL == "yes", 3, 1)}, "'leak' alone predicts the target (100.0%"),
    "words for the label": ({"leak": np.where(LABEL == "yes", "x", "y")}, "'leak' alone predicts the target (100.0%"),
    "row numbers": ({"n": np.arange(N) + 7}, "'n' numbers the rows"),
    "numbers of customers": ({"customer_id": RNG.permutation(9000)[:N]}, "'customer_id' has a different number"),
    "names of customers": ({"who": [f"C{i:04}x" for i in range(N)]}, "'who' looks like an identifier: 120 of 120"),
    "sentences": ({"said": [f"it is number {i}" for i in range(N)]}, "'said' looks like free text"),
    "dates": ({"day": [f"2024-01-{1 + i % 28:02}" for i in range(N)]}, "'day' holds dates"),
    "a constant": ({"k": 5}, "column 'k' is the same in every row"),
    "two constants": ({"k": 5, "l": "x"}, "columns 'k', 'l' are the same in every row"),
    "nothing": ({"k": None}, "column 'k' is empty"),
    "a word among numbers": ({"k": ["ten", *range(1, N)]}, "'k' is text because of 1 of its 120 cells: 'ten' (line 2)"),
}


@pytest.mark.parametrize("case", SUSPECT)
def test_what_looks_wrong_is_told(saved, case):
    columns, words = SUSPECT[case]
    found = warnings(saved(frame(**columns)))
    assert any(words in sentence for sentence in found), found
    assert len(found) == 1, found


def test_a_table_without_faults_has_no_warnings(saved):
    assert not warnings(saved(frame(colour=["red", "green"] * (N // 2), count=RNG.integers(0, 9, N))))
    for name in ("sklearn:wine", "sklearn:breast_cancer"):
        assert not warnings(name)


def test_leaks_into_numbers(saved):
    y = NOISE[:, 2] * 100
    columns = {"near": 2 * y + 3, "far": y + RNG.normal(0, 40, N), "back": -(y**3), "bent": np.round(y) ** 2}
    found = warnings(saved(frame(**columns).assign(label=y)), task="regression")
    assert ["'near' sorts the rows" in found[0], "'back' sorts the rows" in found[1], len(found)] == [True, True, 2]
    steps = np.arange(N) % 12 + 0.5
    (found,) = warnings(saved(frame(code=(steps - 6) ** 2 + steps / 100).assign(label=steps)), task="regression")
    assert "'code' alone predicts the target (R² = 1.0000 on held-out rows)" in found


def test_doubled_rows_across_parts(saved):
    doubled = pd.concat([frame(), frame()], ignore_index=True)
    (found,) = warnings(saved(doubled))
    split = tables.load(saved(doubled)).split(0)
    n = split.X_test.merge(split.X_train.drop_duplicates(), how="inner").shape[0]
    assert n > 10
    assert found.startswith(f"{n} of 48 test rows duplicate a training row, {n} of them with the same answer;")
    turned = pd.concat([frame(), frame().assign(label=np.where(LABEL == "yes", "no", "yes"))], ignore_index=True)
    assert ", 0 of them with the same answer" in warnings(saved(turned))[0]


@pytest.mark.parametrize(
    ("names", "is_suspect"),
    [
        (["0.1", "0.2", "yes"], True),
        (["400.1", "400.2", "label"], False),
        (["2019", "2020", "label"], False),
        (["a", "0.2", "yes"], False),
        (["a", "b", "label"], False),
    ],
)
def test_a_first_line_of_data_is_told(saved, names, is_suspect):
    found = warnings(saved(frame().set_axis(names, axis=1)))
    assert [sentence.startswith("the first line (") for sentence in found] == [True] * is_suspect
    words = pd.DataFrame({"x": ["p", "q"] * 60, "y": ["r", "s", "t"] * 40, "label": ["u", "v"] * 60})
    assert any("first line (p, r, u)" in one for one in warnings(saved(words.set_axis(["p", "r", "u"], axis=1))))


def test_labels_that_look_wrong(saved):
    label = np.where(np.arange(N) < 5, "?", np.where(np.arange(N) == 50, "once", LABEL))
    found = warnings(saved(frame().assign(label=label)))
    assert any("'?' is a class of 'label'" in sentence for sentence in found)
    assert any("1 of 4 classes have fewer rows than there are parts: 'once' (1)" in sentence for sentence in found)


def test_dates_are_no_numbers_and_numbers_no_dates():
    assert dates.date_format(pd.Series(["2024-02-30"])) is None
    assert dates.date_format(pd.Series([20240131])) is None
    assert dates.date_format(pd.Series(["13/02/2024", "01/02/2024"])) == "%d/%m/%Y"
    assert dates.date_format(pd.Series(["02/13/2024", None])) == "%m/%d/%Y"


def test_many_columns_share_lines_and_no_text_moves_the_cursor(saved, capsys):
    wide = pd.DataFrame(RNG.normal(size=(N, 99)), columns=[f"x{i}" for i in range(99)]).assign(label=LABEL)
    table_check.show(look(saved(wide)), in_full=True)
    out = capsys.readouterr().out
    assert "x0 … x98 (99)  number" in out
    bad = frame(**{"new\nline \x1b[2J": ["[red]x[/red]", "y"] * (N // 2)})
    table_check.show(look(saved(bad)), in_full=True)
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "new\\nline" in out
    assert "[red]x[/red]" in out


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_script_can_check_its_tables(path, capsys):
    script = import_module(f"{path.parent.name}.{path.stem}")
    config = script.Config(check=True, limit=20)
    cases = list(script.cases(config))
    assert table_check.report(cases, config, lambda case: script.build(case, config), study.table_of) == 0
    out = capsys.readouterr().out
    assert out.count("--check: nothing was run") == len({case.dataset for case in cases})
    assert "tokens with the answer" in out or path.stem == "generation"


def test_parquet_is_checked_too(tmp_path):
    table = frame(day=pd.date_range("2024-01-01", periods=N), price=["£1,000", "£2"] * (N // 2))
    table.to_parquet(tmp_path / "my.parquet")
    check = look(str(tmp_path / "my.parquet"))
    assert [column.kind for column in check.columns] == ["number", "number", "date", "text of 2 levels"]


def test_check_from_the_command_line(saved, tmp_path):
    name = saved(frame(price=[f"£{i},000" for i in range(1, N + 1)]), sep=";", encoding="utf-16")
    flags = ["--datasets", name, "--results-dir", tmp_path / "results"]
    out, _ = run("classification.accuracy", *flags, "--check")
    for words in ("UTF-16", "semicolons", "whole number", "'£100,000' is 100000", "no 5", "76 training", "tokens"):
        assert words in out
    assert not (tmp_path / "results").exists(), "nothing is run"
    out, err = run("classification.accuracy", "--datasets", name, tmp_path / "none.csv", "iris", "--check", code=2)
    assert "there is no file" in err
    assert "petal width" in out, "the others are told"
    assert look(name, as_text=("price",)).columns[2].kind == "text of 120 levels"
    out, err = run("regression.sample_size", "--datasets", name, "--check", code=2)
    assert "looks like one for classification" in err


def test_a_run_on_a_file_of_ones_own_begins_with_the_short_form(saved, tmp_path):
    name = saved(frame(price=[f"{i},5" for i in range(N)]), sep=";")
    flags = ["--datasets", name, "moons", "--methods", "majority", "--limit", 20, "--results-dir", tmp_path]
    flags += ["--workers", 1]
    out, _ = run("classification.accuracy", *flags)
    assert out.index("price: '100,5' is 100.5") < out.index("[1/2]")
    assert "moons:" not in out
    assert "whole number  –" not in out, "no line per column"
    out, _ = run("classification.accuracy", *flags, "--redo", "--quiet")
    assert "price" not in out


def test_a_terminal_gets_a_table(saved, monkeypatch):
    monkeypatch.setattr(table_check.display, "on_terminal", lambda: True)
    screen = io.StringIO()
    monkeypatch.setattr(table_check, "Console", lambda: Console(file=screen, width=100, force_terminal=True))
    check = look(saved(frame(k=5)))
    table_check.show(check, in_full=True)
    assert "┃" in screen.getvalue()
    assert "column 'k' is the same in every row" in screen.getvalue()


def test_a_file_that_cannot_be_read_stops_a_run_as_before(tmp_path):
    config = study.Config(datasets=(str(tmp_path / "none.csv"),), results_dir=tmp_path)
    cases = [study.Case(config.datasets[0], "tree", 0)]
    with pytest.raises(UserError, match="no file"):
        table_check.report(cases, config, lambda case: study.trial(case, config, "classification"), study.table_of)
