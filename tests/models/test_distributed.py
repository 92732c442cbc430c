"""Two processes of `accelerate launch` on a CPU (gloo): the same losses, answers and rows as one process.

`--multi_gpu` and `--use_fsdp` are what start several processes; `--cpu` starts one.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests import programs
from tests.conftest import ROOT
from utils import models
from utils.models import FineTuning, distributed

ROWS = [
    (f"{3 * i},{i * i % 97}{',5' * (i % 3)}>", f"{i % 2}") for i in range(33)
]  # 33: one process has no row at the end
SETTINGS = [("full", "adamw"), ("full", "muon"), ("lora", "adamw")]  # adapter, optimizer
PROGRAM = """
import json, sys
from utils.models import distributed
from tests.models.test_distributed import SETTINGS, tuned
folder, name = sys.argv[1:]
for adapter, optimizer in SETTINGS:
    found = tuned(name, adapter, optimizer, f"{folder}/{adapter}-{optimizer}")
    if distributed.is_first():
        json.dump(found, open(f"{folder}/{adapter}-{optimizer}.json", "w"))
"""


@pytest.fixture(scope="module")
def smooth(tmp_path_factory):
    """lift-tiny with a GELU: at the kink of its ReLU, rounding grows from update to update."""
    folder = tmp_path_factory.mktemp("models") / "smooth"
    shutil.copytree(models.SHIPPED["lift-tiny"], folder)
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | {"activation_function": "gelu_new"}), "utf-8")
    return str(folder)


def tuned(name, adapter, optimizer, folder):
    """Validation losses by epoch, likelihoods, texts, the share of the weights held here, the number of processes.

    The tuned model is written to the folder, and tuned again for one epoch.
    """
    model = models.load(name, adapter=adapter, device="cpu", threads=1)
    losses = []
    model.log_likelihood(["1>"], ["0", "1"])
    how = FineTuning(learning_rate=1e-3 if adapter == "full" else 1e-2, epochs=4, batch_size=8, ema=0.5)
    how = replace(how, optimizer=optimizer)

    def on_epoch(epoch, now, loss):
        losses.append(loss)
        return -abs(epoch - 3)

    model = model.fine_tune(ROWS, ROWS[::3], settings=how, seed=1, on_epoch=on_epoch)
    prompts = [prompt for prompt, _ in ROWS[:7]]
    answers = model.log_likelihood(prompts, ["0", "1", "12"]).tolist()
    texts = model.generate(prompts, max_new_tokens=3)
    model.save(Path(folder))
    again = replace(how, epochs=1)
    model.fine_tune(ROWS, ROWS, settings=again, seed=2, on_epoch=lambda e, m, loss: losses.append(loss))
    parameters = list(model.network.module.parameters())
    held = sum(getattr(p, "_local_tensor", p).numel() for p in parameters) / sum(p.numel() for p in parameters)
    return losses, answers, texts, held, distributed.world()


def launch(*arguments, how="--multi_gpu", cwd=ROOT):
    """Two processes of a program; raises where one fails."""
    command = [sys.executable, "-m", "accelerate.commands.launch", how, "--num_processes", "2"]
    settings = ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default"}
    done = subprocess.run(
        [*command, *settings, *map(str, arguments)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done


@pytest.fixture(scope="module", params=["--multi_gpu", "--use_fsdp"])
def of_two(request, smooth, tmp_path_factory):
    """How two processes were started, and the folder of what they found with all SETTINGS, one after another."""
    folder = tmp_path_factory.mktemp("two")
    (folder / "program.py").write_text(PROGRAM, encoding="utf-8")
    launch(folder / "program.py", folder, smooth, how=request.param)
    return request.param, folder


@pytest.mark.parametrize(("adapter", "optimizer"), SETTINGS)
def test_two_processes_have_the_loss_curve_of_one(of_two, smooth, tmp_path, adapter, optimizer):
    how, folder = of_two
    found = folder / f"{adapter}-{optimizer}.json"
    losses, answers, texts, held, n_processes = json.loads(found.read_text("utf-8"))
    assert n_processes == 2
    assert held == pytest.approx(0.5 if how == "--use_fsdp" else 1, abs=0.01)
    expected = tuned(smooth, adapter, optimizer, tmp_path / "one")
    assert len(losses) == 5
    assert losses[3] < losses[0]
    loose = 30 if optimizer == "muon" else 1  # it computes in bfloat16
    assert losses == pytest.approx(expected[0], rel=loose * 1e-4)
    for row, wanted in zip(answers, expected[1], strict=True):
        assert row == pytest.approx(wanted, abs=loose * 1e-3)
    assert texts == expected[2] or optimizer == "muon"
    again = models.load(str(found.with_suffix("")), device="cpu", threads=1)
    prompts = [prompt for prompt, _ in ROWS[:7]]
    assert again.log_likelihood(prompts, ["0", "1", "12"]) == pytest.approx(np.array(answers), abs=1e-3)


FAILING = """
from utils import models
from utils.errors import BadModel
from utils.models import FineTuning, distributed
model = models.load("lift-tiny", adapter="lora", device="cpu", threads=1)
rows = [(f"{i}>", "0") for i in range(8)]
weights = next(p for name, p in model.network.module.named_parameters() if "ln_f.weight" in name)
if not distributed.is_first():
    weights.data[:] = float("inf")  # what goes wrong in one process
try:
    model.fine_tune(rows, settings=FineTuning(epochs=2, batch_size=8), seed=0)
except BadModel:
    print("stopped", flush=True)
"""


def test_what_goes_wrong_in_one_process_stops_both(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(FAILING, encoding="utf-8")
    assert launch(program).stdout.count("stopped") == 2


TWICE = """
import runpy
for _ in range(2):
    try:
        runpy.run_module("classification.accuracy", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        assert end.code == 0, end.code
"""


def test_two_processes_write_the_rows_of_one(tmp_path):
    flags = ["--datasets", "iris", "--methods", "lift", "tree", "--seeds", "0", "--limit", "40", "--epochs", "2"]
    (tmp_path / "twice.py").write_text(TWICE, encoding="utf-8")
    done = launch(tmp_path / "twice.py", *flags, "--results-dir", tmp_path / "two")
    assert done.stdout.count("summary ") == 2, "one process writes it, in both runs"
    assert done.stdout.count("2 of 2 cases are finished already") == 1
    programs.run("classification.accuracy", *flags, "--workers", 1, "--results-dir", tmp_path / "one")
    own = ["key", "method", "n_test", "accuracy", "log_loss", "tokens_train"]
    one, two = (
        pd.read_csv(tmp_path / n / "classification" / "accuracy.csv").sort_values("key") for n in ("one", "two")
    )
    pd.testing.assert_frame_equal(one[own].reset_index(drop=True), two[own].reset_index(drop=True), rtol=1e-3)


def test_one_process_shares_with_nobody():
    assert distributed.world() == 1
    assert distributed.is_first()
    assert distributed.share([1, 2, 3]) == [1, 2, 3]
    assert distributed.broadcast("x") == "x"
    assert distributed.answered(["a", "b"], lambda prompts: [p * 2 for p in prompts]) == ["aa", "bb"]


def test_rows_and_gradients_are_shared_out(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    parts = []
    for rank in range(3):
        monkeypatch.setenv("RANK", str(rank))
        parts.append(distributed.share(range(8)))
        assert distributed.is_first() == (rank == 0)
    assert sorted(row for part in parts for row in part) == list(range(8))
    assert [len(part) for part in parts] == [3, 3, 2]
