"""The benchmark of pretrained models: each way does the work it is timed for, and its table compares equal work."""

import importlib.util
import json
import subprocess
import sys

import pandas as pd
import pytest

from benchmarks import pretrained_case, pretrained_table
from tests import gguf_model
from tests.conftest import ROOT
from tests.models.local.test_model import small_tokenizer

NEEDS = {"trl": "trl", "trl, upper layers": "trl", "lm-eval": "lm_eval"}
COLUMNS = [
    "job",
    "dataset",
    "epochs",
    "answers",
    "shots",
    "way",
    "round",
    "cpu_s",
    "accuracy",
    "peak_mib",
    "difference",
]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The folder of a random Llama of three layers."""
    folder, tokenizer = tmp_path_factory.mktemp("llama"), small_tokenizer("gpt2")
    gguf_model.network(len(tokenizer)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def run(**settings):
    """The measurements of one process, as the benchmark starts it."""
    package = NEEDS.get(settings["way"])
    if package and importlib.util.find_spec(package) is None:
        pytest.skip(f"needs {package} of requirements-benchmarks.txt")
    command = [sys.executable, "-m", "benchmarks.pretrained_case", json.dumps(settings)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.mark.parametrize("way", pretrained_case.WAYS["tuning"])
def test_tuning_is_timed_and_scored(model, way):
    row = run(job="tuning", way=way, model=model, dataset="iris", epochs=1)
    assert row["cpu_s"] > 0
    assert row["accuracy"] * 24 == pytest.approx(round(row["accuracy"] * 24)), "of 24 validation rows"
    assert row["peak_mib"] > 50


@pytest.mark.parametrize(("answers", "shots"), [("codes", 2), ("text", 0)])
def test_the_harness_finds_the_same_likelihoods(model, answers, shots):
    work = {"job": "scoring", "model": model, "dataset": "iris", "answers": answers, "shots": shots}
    ours, harness = run(way="ours", **work), run(way="lm-eval", **work)
    assert harness["difference"] < 1e-3
    assert harness["accuracy"] == ours["accuracy"]


def test_seconds_are_compared_on_equal_work(tmp_path):
    rows = [
        ("tuning", "iris", 2, "codes", 0, "ours", 0, 10.0, 0.8, 900, None),
        ("tuning", "iris", 2, "codes", 0, "ours", 1, 30.0, 0.9, 900, None),
        ("tuning", "iris", 2, "codes", 0, "trl", 0, 50.0, 0.7, 900, None),
        ("tuning", "iris", 4, "codes", 0, "ours", 0, 40.0, 1.0, 900, None),
        ("scoring", "iris", 0, "text", 0, "ours", 0, 2.0, 0.3, 900, None),
        ("scoring", "iris", 0, "text", 0, "lm-eval", 0, 5.0, 0.3, 900, 1e-5),
    ]
    frame = pd.DataFrame(rows, columns=COLUMNS).assign(processor="a machine", isa="avx2", threads=1)
    pretrained_table.keep(frame, tmp_path)
    text = pretrained_table.write(frame, tmp_path)
    table = pretrained_table.medians(frame).set_index(["job", "epochs", "way"])
    assert table["ratio"]["tuning", 2, "trl"] == 50 / 20
    assert table["ratio"]["scoring", 0, "lm-eval"] == 2.5
    assert table["accuracy"]["tuning", 2, "ours"] == pytest.approx(0.85)
    assert "a machine; avx2 instructions" in text
    folder = tmp_path / "benchmarks"
    assert len(pd.read_csv(folder / "pretrained.csv")) == 6
    assert len(pd.read_csv(folder / "pretrained_summary.csv")) == 5
    assert (folder / "pretrained.png").stat().st_size > 1000


def test_the_command_writes_table_and_figure(model, tmp_path):
    flags = ["--model", model, "--epochs", "1", "--answers", "codes", "--shots", "0", "--ways", "ours"]
    command = [sys.executable, "-m", "benchmarks.pretrained", *flags, "--results-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    frame = pd.read_csv(tmp_path / "benchmarks" / "pretrained.csv")
    assert frame[["job", "way", "epochs"]].values.tolist() == [["tuning", "ours", 1], ["scoring", "ours", 0]]
    assert "native instructions; threads of a process: 1; rounds: 1" in done.stdout
    assert (tmp_path / "benchmarks" / "pretrained.png").stat().st_size > 1000
