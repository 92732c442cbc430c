"""Summaries, tables and figures, from rows written by hand."""

import math

import pandas as pd
import pytest
from matplotlib.figure import Figure

from utils import plots, reporting
from utils.results import Results

HEAD = {"experiment": "toy", "source": "here", "model": "", "options": "", "protocol": "paper", "limit": 0}
TAIL = {"chance": 0.4, "n_invalid": 0, "seconds_fit": 1.0, "seconds_predict": 0.5, "chosen": "{}", "tokens_train": 0}


def row(dataset, method, seed, accuracy, key=None, **changes):
    head = {"key": key or f"{dataset}{method}{seed}{changes}", "dataset": dataset, "method": method}
    columns = {
        **head,
        **HEAD,
        "seed": seed,
        "n_train": 10,
        "n_test": 5,
        "accuracy": accuracy,
        **TAIL,
        "n_collisions": 0,
    }
    return {**columns, **changes}


@pytest.fixture
def frame():
    return pd.DataFrame(
        [
            row("iris", "tree", 0, 0.9),
            row("iris", "tree", 1, 0.8),
            row("iris", "lift", 0, 0.95, model="lift-tiny"),
            row("iris", "lift", 1, 0.97, model="lift-tiny", n_invalid=3),
            row("two_circles", "lift", 0, 0.5, model="lift-tiny"),
        ]
    )


def test_mean_sd_and_n_are_those_of_the_seeds(frame):
    summary = reporting.summarise(frame).set_index(["dataset", "method"])
    tree = summary.loc["iris", "tree"]
    assert (tree["n"], tree["accuracy"]) == (2, pytest.approx(0.85))
    assert tree["accuracy_sd"] == pytest.approx(math.sqrt(2) * 0.05)
    assert summary.loc[("iris", "lift"), "n_invalid"] == 3
    assert math.isnan(summary.loc[("two_circles", "lift"), "accuracy_sd"])


def test_unlike_settings_are_never_averaged(frame):
    other = row("iris", "lift", 0, 0.1, model="lift-tiny", options="epochs=1")
    summary = reporting.summarise(pd.concat([frame, pd.DataFrame([other])], ignore_index=True))
    lifts = summary[(summary["dataset"] == "iris") & (summary["method"] == "lift")].set_index("learner")["accuracy"]
    assert lifts.to_dict() == {"lift": pytest.approx(0.96), "lift epochs=1": pytest.approx(0.1)}


def test_an_edited_prompt_takes_the_place_of_the_old_one(frame):
    again = row("iris", "tree", 1, 0.7, key="another")
    summary = reporting.summarise(pd.concat([frame, pd.DataFrame([again])], ignore_index=True))
    tree = summary.set_index(["dataset", "method"]).loc["iris", "tree"]
    assert (tree["n"], tree["accuracy"]) == (2, pytest.approx(0.8))


def test_the_papers_numbers_stand_beside_ours():
    assert reporting.published_score("iris", "lift") == pytest.approx(0.97)
    assert reporting.published_score("wholesale-customers", "majority") == pytest.approx(0.6818)
    assert reporting.published_score("two_circles", "lift") == pytest.approx(0.8142)
    assert reporting.published_score("cosine", "gp") == pytest.approx(0.035)
    assert reporting.published_score("cosine:p=2", "lift") == pytest.approx(0.654)
    assert reporting.published_score("servo", "lift") == pytest.approx(0.381)
    for dataset, method in (
        ("digits", "lift"),
        ("cosine:p=2,noise=0.2", "lift"),
        ("moons:n=50", "tree"),
        ("iris", "random"),
    ):
        assert math.isnan(reporting.published_score(dataset, method)), f"{dataset} {method}: not the paper's setting"


def test_the_table_has_every_learner_and_data_set(frame):
    cells = reporting.pivot(reporting.summarise(frame))
    cells = cells if "tree" in cells else cells.T
    assert cells.loc["iris", "tree"] == "0.850 ±0.071"
    assert cells.loc["two_circles", "tree"] == "–"
    assert cells.loc["two_circles", "lift"] == "0.500"
    assert cells.loc["mean", "lift"] == "0.730"
    assert cells.loc["mean", "tree"] == "–", "a mean over other data sets is no comparison"


def test_two_sources_of_one_name_stay_apart(frame):
    other = row("iris", "tree", 0, 0.1, source="a folder")
    cells = reporting.pivot(reporting.summarise(pd.concat([frame, pd.DataFrame([other])], ignore_index=True)))
    cells = cells if "tree" in cells else cells.T
    assert cells.loc[["iris (a folder)", "iris (here)"], "tree"].tolist() == ["0.100", "0.850 ±0.071"]


def test_everything_is_written_from_the_files(frame, tmp_path, capsys):
    results = Results(tmp_path, "classification", "toy")
    for _, values in frame.iterrows():
        results.add(values.to_dict())
    failed = {
        "key": "f",
        "experiment": "toy",
        "dataset": "wide",
        "method": "lift",
        "model": "",
        "seed": 0,
        "failed_at": "",
    }
    results.fail({**failed, "reason": "a row of 300 columns takes too many tokens"})
    reporting.write(results, lambda finished: plots.scores(finished, "title", "accuracy"))
    text = results.sibling("_summary.md").read_text()
    assert "0.850 ±0.071" in text
    assert "| wide | lift | 0 | a row of 300 columns" in text
    assert pd.read_csv(results.sibling("_summary.csv"))["n"].sum() == 5
    assert results.sibling(".png").read_bytes().startswith(b"\x89PNG")
    out = capsys.readouterr().out
    assert "3 unreadable answers: lift on iris" in out
    assert "not run: wide lift seed 0" in out


def test_the_figure_shows_every_learner_chance_and_the_paper(frame):
    figure = plots.scores(frame, "title", "accuracy (share)")
    assert isinstance(figure, Figure)
    names = {text.get_text() for text in figure.legends[0].get_texts()}
    assert names == {"tree", "lift", "chance", "LIFT/GPT-3 (paper)"}
    axes = figure.axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["two_circles", "iris"]


def test_models_that_code_made_are_called_without_folder_and_hash_where_that_tells(frame):
    made = [f"data/cache/models/lift-tiny-random-{digit * 12}" for digit in "ab"]
    rows = [row("iris", "lift", 0, 0.9, model=model) for model in (made[0], "lift-tiny")]
    assert reporting.labels(pd.DataFrame(rows)).tolist() == ["lift lift-tiny-random", "lift lift-tiny"]
    rows = [row("iris", "lift", 0, 0.9, model=model) for model in made]
    assert reporting.labels(pd.DataFrame(rows)).tolist() == [f"lift {model}" for model in made]


def test_arms_shared_by_all_learners_are_split_only_by_several_models():
    rows = [("iris", arm, 0, model, 8) for arm in ("none", "self") for model in ("", "lift-tiny")]
    frame = pd.DataFrame(rows, columns=["dataset", "method", "seed", "model", "n_train"])
    assert reporting.by_model(frame)["method"].tolist() == ["none", "none", "self", "self"]
    more = pd.concat([frame, frame[frame["model"] == "lift-tiny"].assign(model="smollm2")])
    named = {f"{arm}{model}" for arm in ("none", "self") for model in ("", " lift-tiny", " smollm2")}
    assert set(reporting.by_model(more)["method"]) == named
