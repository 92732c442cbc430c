"""The benchmarks of speed and growth: from their command line to table and figure, and the arithmetic behind them."""

import numpy as np
import pandas as pd
import pytest

from benchmarks import made_table, measure, speed_table, ways
from tests import programs
from tests.conftest import ROOT
from utils import models


def run(script, *flags):
    return programs.run(f"benchmarks.{script}", *flags)[0]


@pytest.mark.parametrize("name", ["speed", "scaling", "together", "job", "pretrained"])
def test_a_script_is_short_and_has_its_shell_command_and_its_place_in_the_manual(name):
    assert len((ROOT / "benchmarks" / f"{name}.py").read_text("utf-8").splitlines()) <= 80
    assert f"benchmarks.{name}" in (ROOT / "benchmarks" / f"{name}.sh").read_text("utf-8")
    assert f"## `{name}`" in (ROOT / "benchmarks" / "README.md").read_text("utf-8")


def test_speed_end_to_end(tmp_path):
    flags = ["--models", "lift-tiny", "--columns", 3, "--ways", "original", "ours", "--batch-sizes", 16]
    out = run("speed", *flags, "--rounds", 1, "--seconds", 0.01, "--threads", 1, "--results-dir", tmp_path)
    frame = pd.read_csv(tmp_path / "benchmarks" / "speed.csv")
    assert frame["way"].tolist() == ["original", "ours"]
    assert frame["batch_size"].tolist() == [ways.ORIGINAL_BATCH, 16]
    assert (frame[["tune_rows_per_s", "predict_rows_per_s", "matrix_gflops"]] > 0).all(axis=None)
    assert frame["tune_share"].between(0, 1).all()
    assert set(frame["tokens_per_row"]) == {4.0}, "three values and the arrow"
    assert "| lift-tiny | 3 (4) | ours |" in out
    assert (tmp_path / "benchmarks" / "speed.png").stat().st_size > 1000


def test_scaling_end_to_end(tmp_path):
    flags = ["--rows", 40, "--columns", 4, "--epochs", 1, "--threads", 1]
    run("scaling", *flags, "--results-dir", tmp_path)
    frame = pd.read_csv(tmp_path / "benchmarks" / "scaling.csv")
    assert frame[["method", "rows"]].to_numpy().tolist() == [["xgboost", 40], ["lift", 40]]
    assert (frame["seconds_fit"] > 0).all()
    assert (frame["memory_mib"] > 0).all()
    assert (tmp_path / "benchmarks" / "scaling.png").stat().st_size > 1000


def test_together_end_to_end(tmp_path):
    flags = ["--model", "lift-tiny", "--fits", 2, "--batch-sizes", 4, "--updates", 2, "--rounds", 1, "--threads", 1]
    out = run("together", *flags, "--results-dir", tmp_path)
    row = pd.read_csv(tmp_path / "benchmarks" / "together.csv").iloc[0]
    assert row["times_as_fast"] == pytest.approx(row["one_by_one_s"] / row["side_by_side_s"])
    assert row["largest_difference_of_losses"] < 1e-4
    assert "'fits': 2.0" in out


@pytest.mark.parametrize("way", list(ways.WAYS))
def test_each_way_lowers_the_loss_of_the_same_rows(way):
    if way == "trl":
        pytest.importorskip("trl", reason="needs requirements-benchmarks.txt")
    model = models.load("lift-tiny", device="cpu", threads=1)
    one = measure.work(3, 2, 0)  # three rows, one of each class
    rows = ways.Work(one.examples * 24, one.classes)
    made = ways.WAYS[way](model, 8)

    def loss(module):
        encoded = model.tokens.pairs(one.examples)
        picked = [
            -module(input_ids=ways.torch.tensor([row.ids])).logits[0, row.start - 1].log_softmax(-1)[row.ids[row.start]]
            for row in encoded
        ]
        return sum(value.item() for value in picked)

    before = loss(model.network.module)
    for _ in range(3):
        made.tune(rows)()
    made.predict(rows)
    after = loss(made.module if hasattr(made, "module") else made.model.network.module)
    assert after < 0.7 * before
    assert loss(model.network.module) == pytest.approx(before), "the model that was given stays as it is"


def test_the_operations_of_a_forward_pass_are_those_of_its_matrices():
    model = models.load("lift-tiny", device="cpu", threads=1)
    config = model.network.module.config
    width, inner = config.n_embd, config.n_inner or 4 * config.n_embd
    per_token = config.n_layer * (width * 3 * width + width * width + 2 * width * inner)
    assert measure.flops(model, 9) == pytest.approx(2 * per_token * 10 + 2 * 2 * config.vocab_size * width)


def test_medians_take_each_figure_from_its_own_batch_size_and_compare_with_trl():
    def row(way, number, size, kept, tune, predict):
        facts = {"model": "m", "columns": 4, "tokens_per_row": 5.0, "threads": 2, "device": "cpu", "dtype": "float32"}
        facts |= {"adapter": "full", "tune_tokens_per_s": 5 * tune, "tune_share": 0.1, "predict_share": 0.2}
        facts |= {"memory_mib": float(size), "matrix_gflops": 100.0, "batch_size": size, "round": number, "kept": kept}
        return facts | {"way": way, "tune_rows_per_s": tune, "predict_rows_per_s": predict}

    both = "tune_rows_per_s predict_rows_per_s"
    rows = [row("trl", i, 8, both, tune, 50.0) for i, tune in enumerate([90.0, 100.0, 500.0])]
    rows += [row("ours", i, 32, "tune_rows_per_s", 200.0, 1.0) for i in range(3)]
    rows += [row("ours", i, 128, "predict_rows_per_s", 1.0, 250.0) for i in range(3)]
    table = speed_table.medians(pd.DataFrame(rows)).set_index("way")
    assert table.loc["ours", ["tune_ratio", "predict_ratio"]].tolist() == [2.0, 5.0]
    assert table.loc["ours", ["tune_batch_size", "predict_batch_size", "memory_mib"]].tolist() == [32, 128, 128]
    assert table.loc["trl", "tune_rows_per_s"] == 100.0
    text = speed_table.markdown(pd.DataFrame(rows))
    assert "| m | 4 (5) | ours | 200.0 | 2.00 | 10% | 32 | 250.0 | 5.00 | 20% | 128 |" in text
    assert "medians of 3 rounds" in text


def test_rows_of_the_scaling_benchmark_have_all_classes_in_all_parts():
    rows = made_table.split(400, 20, 0)
    assert [len(rows.y_train), len(rows.y_validation), len(rows.y_test)] == [400, 100, 100]
    assert all(len(np.unique(part)) == 3 for part in (rows.y_train, rows.y_validation, rows.y_test))
