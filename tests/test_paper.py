"""The paper's numbers beside ours: which stand together, what is said of them, and that no published one is lost."""

import math
import re

import pandas as pd
import pytest

from tests.conftest import ROOT
from utils import paper as command
from utils.errors import UserError
from utils.paper import Config
from utils.reporting import paper
from utils.reporting.published import PUBLISHED


def summary(lines, score="accuracy"):
    columns = ["dataset", "method", score, f"{score}_sd", "n"]
    return pd.DataFrame(lines, columns=columns).assign(options="", model="lift-tiny")


def item(published):
    return next(one for one in paper.ITEMS if one.published == published)


@pytest.mark.parametrize(
    ("ours", "sd", "n", "is_error", "verdict"),
    [
        (0.80, 0.02, 3, False, "equal"),
        (0.90, 0.02, 3, False, "better"),
        (0.70, 0.02, 3, False, "worse"),
        (0.70, 0.02, 3, True, "better"),
        (0.70, math.nan, 1, False, "undecided"),
        (0.84, 0.03, 3, False, "equal"),
        (0.84, 0.00, 3, False, "better"),
    ],
)
def test_two_numbers_are_told_apart_by_two_standard_errors(ours, sd, n, is_error, verdict):
    assert paper.compare(ours, sd, n, 0.80, 0.02, is_error) == verdict


def test_a_number_stands_beside_that_of_the_same_table_and_settings():
    lines = [("vehicle", "lift", 0.78, 0.01, 3), ("vehicle", "svm", 0.81, 0.01, 3), ("moons", "lift", 0.9, 0.0, 3)]
    found = paper.section(item("E01-openml"), {"classification/accuracy": summary(lines)})
    assert found.n_published == 140
    assert found.pairs[["setting", "method", "verdict"]].to_numpy().tolist() == [
        ["Vehicle", "svm", "equal"],
        ["Vehicle", "lift", "better"],
    ]
    assert found.models == ("lift-tiny",)
    assert found.missing == "138 still have to be run: bash classification/accuracy.sh --datasets paper"
    row = found.table.set_index("").loc["Vehicle"]
    assert row["lift"] == "0.702 ±0.027 / 0.780 ±0.010"
    assert row["LIFT today"] == "better"
    assert row["forest"].startswith("0.759 ±0.013† / –"), "a number recalled from memory is marked"


def test_functions_are_matched_by_inputs_and_filtered_alike():
    lines = [
        ("cosine", "lift", 0.1, 0.01, 3),
        ("cosine:p=2", "lift", 0.3, 0.01, 3),
        ("cosine:noise=0.4", "lift", 9, 0, 3),
    ]
    frame = summary(lines, "rae_filtered3").assign(rae=5.0)
    found = paper.section(item("E02-regression-synthetic"), {"regression/accuracy": frame})
    assert found.pairs[["setting", "ours"]].to_numpy().tolist() == [["cosine p=1", 0.1], ["cosine p=2", 0.3]]


def test_rows_with_flags_of_lift_are_another_learner():
    frame = summary([("vehicle", "lift", 0.9, 0.0, 3)]).assign(options="wording=paper")
    assert not paper.section(item("E01-openml"), {"classification/accuracy": frame}).n_covered


def claim(number, **summaries):
    given = {name.replace("__", "/"): frame for name, frame in summaries.items()}
    needed = ("E01-openml", "E01-synthetic", "E02-regression-synthetic")
    return paper.claims([paper.section(item(name), given) for name in needed])[number]


def test_claims_by_their_rules():
    methods = ["lift", "svm", "forest", "tree", "knn"]
    names = ["iris", "wine", "vehicle", "cmc", "tae", "led", "spambase", "customers"]
    first = [(name, method, 0.9 - 0.1 * i, 0.01, 3) for name in names for i, method in enumerate(methods)]
    assert claim(0, classification__accuracy=summary(first)).verdict == "reproduced"
    last = [(name, method, 0.5 + 0.1 * i, 0.01, 3) for name in names for i, method in enumerate(methods)]
    assert claim(0, classification__accuracy=summary(last)).verdict == "not reproduced"
    assert claim(0, classification__accuracy=summary(first[:5])).verdict == "undecided"

    for lift, verdict in ((0.5, "reproduced"), (0.79, "not reproduced"), (0.7, "undecided")):
        lines = [
            (n, m, value, 0.01, 3) for n in ("margin", "plants-texture") for m, value in (("lift", lift), ("svm", 0.8))
        ]
        assert claim(1, classification__accuracy=summary(lines)).verdict == verdict
    assert claim(1, classification__accuracy=summary(first)).verdict == "undecided"

    functions = ["linear", "cosine:p=2"]
    for lift, verdict in ((0.3, "reproduced"), (0.01, "not reproduced"), (0.1, "undecided")):
        lines = [(n, m, value, 0.01, 3) for n in functions for m, value in (("lift", lift), ("gp", 0.1))]
        assert claim(2, regression__accuracy=summary(lines, "rae_filtered3")).verdict == verdict
    one_seed = summary([("linear", "lift", 0.1, math.nan, 1), ("linear", "gp", 0.2, math.nan, 1)], "rae_filtered3")
    assert claim(2, regression__accuracy=one_seed).verdict == "undecided"
    assert claim(3, regression__accuracy=one_seed).verdict == "undecided"
    fits = summary([("linear", "lift", 0.1, 0.01, 3)], "rae_filtered3")
    assert claim(3, regression__accuracy=fits).verdict == "reproduced"
    assert claim(3, regression__accuracy=fits.assign(rae_filtered3=0.9)).verdict == "not reproduced"


def test_every_published_number_is_in_it(tmp_path, capsys):
    out = command.main(Config(quick=True, results_dir=tmp_path))
    published = pd.read_csv(PUBLISHED)
    assert set(published["experiment"]) == {one.published for one in paper.ITEMS}
    assert "of 1,395 published ones" in capsys.readouterr().out or len(published) != 1395
    text = (out / "paper.md").read_text("utf-8")
    counted = sum(int(n) for n in re.findall(r"of (\d+) published numbers have ours", text))
    assert counted == len(published)
    cells = [paper.section(one, {}).table.astype(str).to_numpy().ravel().tolist() for one in paper.ITEMS]
    assert [sum(" / " in cell for cell in table) for table in cells] == [
        int((published["experiment"] == one.published).sum()) for one in paper.ITEMS
    ], "no number takes the place of another"
    for _, row in published.iterrows():
        scale = 100 if row["metric"] in paper.PERCENT else 1
        assert f"{row['value'] / scale:.3f}" in text
    page, tex = ((out / f"paper.{kind}").read_text("utf-8") for kind in ("html", "tex"))
    assert page.count("<table>") == tex.count(r"\toprule") == len(paper.ITEMS)
    assert "://" not in page
    for name in {name for one in paper.ITEMS for name in (one.ours, *one.fallbacks)}:
        assert (ROOT / f"{name}.sh").is_file()


def test_nothing_is_made_up_without_rows(tmp_path):
    with pytest.raises(UserError, match=r"no finished rows under .* --quick"):
        command.main(Config(results_dir=tmp_path))
