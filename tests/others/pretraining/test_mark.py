"""The mark of a pretraining run, end to end on two tiny tables, and what each of its parts promises."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from others.pretraining import initial, mark, settings
from others.pretraining.marking import checkpoint, report, rows
from others.pretraining.marking.learners import WAYS
from tests.conftest import ROOT
from utils.errors import UnknownName, UserError

MODEL = initial.Architecture(hidden=16, intermediate=32, layers=1, heads=2)
CONFIG = settings.Config(updates=100, batch_tokens=4096, model=MODEL)


@pytest.fixture(scope="module")
def network():
    return initial.build(MODEL)


@pytest.fixture
def place(tmp_path, network):
    """A checkpoint in the middle of a run."""
    state = {"identity": settings.identity(CONFIG, 50), "step": 50, "model": network[0].state_dict()}
    torch.save(state, tmp_path / "checkpoint.pt")
    return tmp_path / "checkpoint.pt"


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A folder of LIFT_DATA with two tables that the sum of two columns decides, one of them with words in a column."""
    rng = np.random.default_rng(0)
    for name in ("plain", "worded"):
        frame = pd.DataFrame(rng.normal(size=(120, 2)), columns=["a", "b"])
        label = np.where(frame["a"] + frame["b"] > 0, "up", "down")
        frame["c"] = rng.choice(["red", "green"], 120) if name == "worded" else rng.normal(size=120)
        frame.assign(label=label).to_csv(tmp_path / f"{name}.csv", index=False)
    monkeypatch.setenv("LIFT_DATA", str(tmp_path))


@pytest.fixture
def config(tmp_path, place, data):
    """A mark of seconds."""
    return mark.Config(
        checkpoint=place,
        datasets=("plain", "worded"),
        n_synthetic=1,
        seeds=(0,),
        n_rows=(8, 16),
        ways=("one", "all"),
        tuned_rows=(16,),
        tuned_datasets=("plain",),
        max_test=20,
        results_dir=tmp_path / "results",
    )


@pytest.fixture
def small(config):
    return replace(config, datasets=("plain",), n_synthetic=0, n_rows=(8,), ways=("one",))


def test_the_whole_of_it_and_again(config, capsys):
    found = mark.mark(config)
    assert sorted(found.groupby(["table", "n_rows"]).size().unique()) == [5]
    assert set(found["table"]) == {"plain", "worded", "synthetic-0-0"}
    assert set(found["learner"]) == {"one", "all", "logreg", "svm", "xgboost"}
    assert found["accuracy"].between(0, 1).all()
    assert (found["n_test"] == 20).all()
    models = found[found["learner"].isin(WAYS)]
    assert (models["million_tokens"] == round(settings.n_tokens(CONFIG, 50) / 1e6, 3)).all()
    assert (models["length"] == 512).all()
    assert found.loc[~found["learner"].isin(WAYS), "million_tokens"].isna().all()
    logreg = found[(found["learner"] == "logreg") & (found["n_rows"] == 16) & (found["part"] == "real")]
    assert logreg["accuracy"].mean() > 0.7
    said = capsys.readouterr().out
    assert "in context (all), up to 64 rows" in said
    assert "| real | xgboost |" in said
    path = config.results_dir / "others" / "pretraining_mark.csv"
    before = path.read_bytes()
    assert path.with_suffix(".png").exists()
    pd.testing.assert_frame_equal(mark.mark(config), found)
    assert path.read_bytes() == before


def test_another_checkpoint_adds_its_own_rows_alone(small, place, network):
    mark.mark(small)
    state = torch.load(place, weights_only=True)
    average = [parameter.detach() + 0.1 for parameter in network[0].parameters()]
    torch.save(state | {"step": 60, "average": average}, place)
    found = mark.mark(small)
    whole = mark.Store(small.results_dir / "others" / "pretraining_mark.csv").frame()
    assert len(whole) == len(found) + 1  # the baselines stay
    assert whole["million_tokens"].dropna().nunique() == 2


def test_of_a_checkpoint_the_average_is_taken(place, network):
    state = torch.load(place, weights_only=True)
    average = [parameter.detach() + 0.1 for parameter in network[0].parameters()]
    plain = checkpoint.read(place)
    torch.save(state | {"average": average}, place)
    averaged = checkpoint.read(place)
    assert plain.sha256 != averaged.sha256
    assert all(torch.equal(*pair) for pair in zip(averaged.model.parameters(), average, strict=True))
    assert all(torch.equal(*pair) for pair in zip(plain.model.parameters(), network[0].parameters(), strict=True))


def test_a_row_cut_short_is_measured_again(small):
    found = mark.mark(small)
    path = small.results_dir / "others" / "pretraining_mark.csv"
    path.write_text(path.read_text("utf-8")[:-20], "utf-8")
    again = mark.mark(small)
    columns = ["part", "table", "n_rows", "seed", "learner", "accuracy"]
    pd.testing.assert_frame_equal(again[columns], found[columns])


def test_tuning_beside_two_untrained_networks(small, monkeypatch, capsys):
    recipe = initial.RECIPE | {"classification": {"decoding": "score", "learning_rate": 1e-3, "updates": 2}}
    monkeypatch.setattr(initial, "RECIPE", recipe)
    found = mark.mark(replace(small, tuned=True))
    tuned = found[found["learner"].str.startswith("tuned")]
    assert set(tuned["learner"]) == {"tuned", "tuned-start", "tuned-shipped"}
    assert len(tuned) == 3
    assert set(tuned["table"]) == {"plain"}
    assert set(tuned["n_rows"]) == {16}
    assert "tuned, from these weights against tuned-start" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name", ["iris", "wine", "customers", "openml:61", "sklearn:breast_cancer", "wdbc", "breast-w", "digits", "led"]
)
def test_the_papers_tables_are_refused(name, config):
    with pytest.raises(UserError, match="leave it out"):
        mark.mark(replace(config, datasets=("plain", name)))
    assert not (config.results_dir / "others").exists()


def test_its_own_tables_are_none_of_the_papers():
    rows.check(rows.REAL)


def test_no_module_of_training_imports_it():
    """What reads real tables has no way into the weights."""
    for path in (ROOT / "others" / "pretraining").glob("*.py"):
        assert path.name == "mark.py" or "marking" not in path.read_text("utf-8")


def test_wrong_words_are_refused(config, tmp_path):
    with pytest.raises(UnknownName, match="no way 'oracle'; have one"):
        mark.mark(replace(config, ways=("oracle",)))
    for broken in (tmp_path / "nothing.pt", config.checkpoint.with_name("plain.csv")):
        with pytest.raises(UserError, match="is no checkpoint"):
            checkpoint.read(broken)


def test_the_command_ends_with_an_error_that_says_what_to_type(capsys):
    assert mark.main(["--datasets", "iris"]) == 2
    assert "error: iris is one of the paper's" in capsys.readouterr().err


# ---- parts ----------------------------------------------------------------------------------------------------------


def test_beginnings_of_a_draw_hold_every_class():
    y = np.repeat([0, 1, 2, 3], [60, 25, 10, 5])
    order = rows.stratified(np.random.default_rng(0), y)
    assert sorted(order) == list(range(100))
    assert set(y[order[:4]]) == {0, 1, 2, 3}
    assert set(y[order[:2]]) == {0, 1}
    assert np.abs(np.bincount(y[order[:50]]) - [30, 12.5, 5, 2.5]).max() <= 1


def test_held_out_tables_repeat_and_differ_by_seed():
    tables = [rows.synthetic(i, seed, settings.NARROW, 32, 20) for i, seed in ((0, 0), (0, 0), (1, 0), (0, 1))]
    assert tables[0].sha256 == tables[1].sha256
    assert len({table.sha256 for table in tables}) == 3
    assert len(tables[0].y) == 32
    assert len(tables[0].y_test) == 20


def frame(cells):
    """Rows from {learner: {(table, n_rows): accuracy}}."""
    return pd.DataFrame(
        [
            {"part": "real", "table": table, "n_rows": n, "seed": 0, "learner": learner, "accuracy": accuracy}
            for learner, scores in cells.items()
            for (table, n), accuracy in scores.items()
        ]
    )


def test_the_verdict_is_about_64_rows_or_fewer():
    cells = {"xgboost": {("s", 8): 0.5, ("t", 8): 0.6, ("s", 64): 0.8, ("t", 64): 0.8, ("s", 128): 0.9}}
    cells["all"] = {("s", 8): 0.6, ("t", 8): 0.7, ("s", 64): 0.8, ("t", 64): 0.6, ("s", 128): 0.1}
    (said,) = report.verdicts(frame(cells))
    assert "+0.000 ± 0.050 to XGBoost, reached; at least as good with 8 rows" in said
    line = report.summary(frame(cells)).set_index("learner").loc["all"]
    assert line[["8", "64", "128"]].tolist() == pytest.approx([0.65, 0.7, 0.1])
    assert line["tables"] == 2


@pytest.mark.parametrize(("gain", "said"), [(0.1, "+0.100 ± 0.000, reached"), (0.01, "+0.010 ± 0.000, not reached")])
def test_the_verdict_on_tuning(gain, said):
    start = {(table, n): 0.5 for table in "st" for n in (16, 32)}
    cells = {"tuned": dict.fromkeys(start, 0.5 + gain), "tuned-start": start}
    assert said in report.verdicts(frame(cells))[0]


@pytest.mark.parametrize(("tokens", "style"), [(np.nan, "--"), (5.0, "-")])
def test_a_model_of_unknown_tokens_is_drawn_as_a_level(tokens, style):
    drawn = report.figure(frame({"all": {("s", 8): 0.5, ("t", 8): 0.7}}).assign(million_tokens=tokens))
    line = drawn.axes[0].lines[0]
    assert line.get_linestyle() == style
    assert line.get_ydata()[0] == pytest.approx(0.6)
