"""Whether a pretrained model has seen a table, next to its other results."""

import pandas as pd
import pytest

from tests.reporting.test_summary import row
from utils import plots, reporting
from utils.reporting import contamination, pages
from utils.results import Results


def lines(dataset, model, own, test="row", method="lift"):
    """Rows of others/memorised: the given share of the table's own lines completed, and 1 of 25 of the control."""
    rows = []
    for kind, share in (("own", own), ("permuted", 0.04)):
        one = row(dataset, method, 0, share, key=f"{dataset}{model}{method}{test}{kind}", model=model)
        settings = {"test": test, "values": kind}
        place = list(one).index("n_train")
        rows.append(dict([*list(one.items())[:place], *settings.items(), *list(one.items())[place:]]) | {"n_test": 25})
    return rows


@pytest.fixture
def add(tmp_path):
    def write(area, experiment, rows):
        results = Results(tmp_path, area, experiment)
        for one in rows:
            results.add(one | {"experiment": experiment, "finished_at": "2026-11-27"})
        return results

    return write


def accuracy(*models):
    rows = [row("iris", "tree", 0, 0.9), row("wine", "tree", 0, 0.8)]
    return rows + [row(d, "lift", 0, 0.7, model=model) for model in models for d in ("iris", "wine")]


def drawn(finished):
    return plots.scores(finished, "title", "accuracy")


def column_of(results):
    summary = pd.read_csv(results.sibling("_summary.csv"), keep_default_na=False)
    return summary.set_index(["dataset", "method", "model"])["memorised"].to_dict()


def test_the_verdict_of_each_pair_stands_next_to_its_results(add):
    add("others", "memorised", lines("iris", "smollm2", 0.9) + lines("iris", "smollm2", 0.0, "header"))
    results = add("classification", "toy", accuracy("smollm2", "openai:x", "lift-tiny"))
    before = results.path.read_bytes()
    reporting.write(results, drawn)
    assert column_of(results) == {
        ("iris", "tree", ""): "",
        ("wine", "tree", ""): "",
        ("iris", "lift", "smollm2"): "known",
        ("wine", "lift", "smollm2"): "not tested",
        ("iris", "lift", "openai:x"): "not tested",
        ("wine", "lift", "openai:x"): "not tested",
        ("iris", "lift", "lift-tiny"): "",
        ("wine", "lift", "lift-tiny"): "",
    }
    assert results.path.read_bytes() == before
    text = results.sibling("_summary.md").read_text()
    assert "(memorised: smollm2)" in text
    assert "| memorised |" in text


def test_a_model_that_completes_no_more_than_the_control_shows_no_sign(add):
    floor = lines("wine", "", 0.9, method="majority")
    add("others", "memorised", lines("iris", "smollm2", 0.08) + lines("wine", "smollm2", 0.9) + floor)
    results = add("classification", "toy", accuracy("smollm2"))
    reporting.write(results, drawn)
    found = column_of(results)
    assert found["iris", "lift", "smollm2"] == found["wine", "lift", "smollm2"] == "no sign"
    frame = reporting.summarise(results.frame())
    cells = reporting.pivot(contamination.insert(frame, contamination.column(results, frame), "learner"))
    cells = cells if "tree" in cells else cells.T
    assert cells.loc[["iris", "wine"], "(memorised)"].tolist() == ["no sign", "no sign"]
    assert cells.loc["mean", "(memorised)"] == ""


def test_two_models_in_one_file_are_judged_apart(add):
    found = reporting.verdicts(add("others", "memorised", lines("iris", "a", 0.9) + lines("iris", "b", 0.0)).frame())
    assert found[["model", "verdict"]].to_numpy().tolist() == [["a", "known"], ["b", "no sign"]]


@pytest.mark.parametrize("verdicts", [False, True])
def test_tables_without_a_model_pretrained_on_text_keep_their_bytes(add, verdicts):
    if verdicts:
        add("others", "memorised", lines("iris", "lift-tiny", 0.9))
    made = "data/cache/models/lift-tiny-random-layers2-hidden48-8bf288a7e900"
    results = add("classification", "toy", accuracy("lift-tiny", made))
    reporting.write(results, drawn)
    frame = reporting.latest(results.frame())
    assert results.sibling("_summary.csv").read_text() == reporting.summarise(frame).to_csv(
        index=False, float_format="%.6g"
    )
    assert "memorised" not in results.sibling("_summary.md").read_text()
    content = pages.experiment(results, lambda *_: pages.AnsweredRows())
    assert "memorised" not in content["csv"]
    assert "memorised" not in content["cases"]["columns"]
    assert content["pivot"]["memorised"] == []


def test_the_experiment_itself_has_no_such_column(add):
    results = add("others", "memorised", lines("iris", "smollm2", 0.9))
    assert contamination.column(results, results.frame()) is None


def test_the_report_has_the_column_for_every_case_and_in_its_csv(add):
    add("others", "memorised", lines("iris", "smollm2", 0.9))
    results = add("classification", "toy", accuracy("smollm2"))
    content = pages.experiment(results, lambda *_: pages.AnsweredRows())
    place = content["cases"]["columns"].index("memorised")
    assert content["cases"]["columns"][place - 1] == "learner"
    assert [case[place] for case in content["cases"]["rows"]] == ["", "", "known", "not tested"]
    assert content["pivot"]["memorised"] == ["(memorised)"]
    assert [one["memorised"] for one in content["pivot"]["rows"]] == [["known"], ["not tested"]]
    assert content["csv"].splitlines()[0].count("memorised") == 1


@pytest.mark.parametrize(
    ("model", "answer"),
    {
        "": False,
        "lift-tiny": False,
        "lift-context": False,
        "data/models/lift-tiny": False,
        "data/cache/models/lift-context-gibberish-990502090515": False,
        "data/cache/models/numbers-digits-0340f87f93d5": False,
        "data/cache/models/gpt-j-6b-random-gibberish-73f77019689f": False,
        "data/cache/models/gpt-j-6b-gibberish-73f77019689f": True,
        "data/cache/models/smollm2": True,
        "smollm2": True,
        "EleutherAI/gpt-j-6b": True,
        "openai:gpt-4o-mini-2024-07-18": True,
        "lift-tiny-2": True,
    }.items(),
)
def test_models_of_this_project_never_saw_text(model, answer):
    assert contamination.is_pretrained_on_text(model) is answer
