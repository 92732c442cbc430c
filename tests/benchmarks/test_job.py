"""The benchmark of the job: phases that are measured from the outside, one process per measurement, its tables."""

import json
import subprocess
import sys
import time
from importlib import import_module

import pandas as pd
import pytest

from benchmarks import job, job_case, job_table, machine, phases
from benchmarks.phases import OTHER, Phases
from tests.conftest import ROOT
from utils.errors import UserError
from utils.models.local import optimization

OURS = [(phase, name) for phase, names in phases.FUNCTIONS.items() for name in names]
TRL = [(phase, name) for phase, names in phases.TRL.items() for name in names]


def case(isa="native", **asked):
    """The figures of one measurement in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.job_case", json.dumps(asked)]
    environment = machine.environment(isa, 1)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


# ---- phases -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("phase", "name"), [*OURS, *TRL], ids=lambda value: value)
def test_what_a_phase_names_is_there(phase, name):
    if (phase, name) in TRL:
        pytest.importorskip("trl", reason="needs requirements-benchmarks.txt")
    owner, attribute = phases.locate(import_module(name.partition(":")[0]), name)
    assert callable(vars(owner)[attribute]), "the function itself, not an inherited one"
    assert phase in phases.NAMES


def test_phases_add_up_and_leave_everything_as_it_was():
    before = vars(optimization.Fit)["step"]
    begin = time.process_time()
    with Phases() as measured:
        assert vars(optimization.Fit)["step"] is not before
        import_module("json")
        sum(range(200_000))
    assert sum(measured.cpu.values()) >= time.process_time() - begin
    assert measured.cpu[OTHER] > 0
    assert measured.cpu["optimizer"] == 0
    assert measured.calls["importlib:import_module"] == 0, "this module had the function before"
    assert vars(optimization.Fit)["step"] is before


def test_what_validation_does_is_validation():
    with Phases() as measured:
        learn = measured._wrapped(lambda: measured._now, "learn", "optimizer")
        check = measured._wrapped(lambda: (learn(), measured._now), "check", "validation")
        load = measured._wrapped(lambda: measured._now, "load", "import")
        assert learn() == "optimizer"
        assert check() == ("validation", "validation")
        assert measured._wrapped(load, "outer", "load")() == "import", "imports count as imports wherever they are"
        assert measured._now == OTHER
    assert measured.calls == {"learn": 2, "check": 1, "load": 1, "outer": 1}


# ---- one process --------------------------------------------------------------------------------------------------


def test_a_classical_learner_and_a_regression():
    row = case(dataset="diabetes", method="kernel_ridge")
    assert (row["updates"], row["tokens"], row["forward and backward s"]) == (0, 0, 0)
    assert 0.5 < row["score"] < 1
    assert row["n_columns"] == 10


# ---- tables -------------------------------------------------------------------------------------------------------


def rows():
    """Two rounds of two instruction sets by hand: XGBoost takes 2 s, LIFT 20 and 40, the second round twice as much."""
    made = []
    for number in range(2):
        for isa, base in (("avx2", 40.0), ("native", 20.0)):
            facts = {"round": number, "isa": isa, "processor": "P, 2 cores", "threads": 1, "capability": isa.upper()}
            for method, seconds in (("lift", base), ("xgboost", 2.0)):
                parts = dict.fromkeys([f"{name} s" for name in phases.NAMES], 0.0)
                parts |= {"optimizer s": 0.75 * seconds * (1 + number), "other s": 0.25 * seconds * (1 + number)}
                job = {"fit_cpu_s": 0.5 * seconds * (1 + number), "fit_wall_s": 9.0, "predict_wall_s": 1.0}
                job |= {"predict_cpu_s": 0.5 * seconds * (1 + number), "cpu_s": seconds * (1 + number), "wall_s": 11.0}
                learnt = {"updates": 7 if method == "lift" else 0, "tokens": 1234 if method == "lift" else 0}
                made.append(facts | {"dataset": "iris", "method": method, "task": "classification", "score": 0.9})
                made[-1] |= {**parts, **job, **learnt, "peak_mib": 500.0}
            starts = {**dict.fromkeys([f"{name} s" for name in phases.NAMES], 0.0), "import s": 1.0}
            made.append(
                facts | starts | {"dataset": "", "method": "estimator", "cpu_s": 1.0, "wall_s": 1.0, "updates": 0}
            )
    return pd.DataFrame(made)


def test_ratios_are_to_xgboost_with_the_same_instructions():
    table = job_table.medians(rows()).set_index(["method", "isa"])
    assert table.loc[("lift", "avx2"), ["job_cpu_s", "ratio"]].tolist() == [60.0, 20.0]
    assert table.loc[("lift", "native"), ["job_cpu_s", "ratio"]].tolist() == [30.0, 10.0]
    assert table.loc[("xgboost", "native"), "ratio"] == 1
    text = job_table.markdown(rows())
    assert "| iris | lift | 0.900 accuracy | 60.00 | 10.00 | 20.0 | 30.00 | 10.00 | 10.0 | 500 | 7 | 1,234 |" in text
    assert "| lift, iris | avx2 | 60.00 | 11.00 | 0% | 0% | 0% | 0% | 75% | 0% | 25% |" in text
    assert "| estimator | native | 1.00 | 1.00 | 100% |" in text
    assert "P, 2 cores; threads of a process: 1; instructions that torch takes: avx2: AVX2, native: NATIVE; " in text


def test_the_table_is_the_same_from_the_file(tmp_path):
    job_table.write(rows(), tmp_path)
    read = pd.read_csv(tmp_path / "benchmarks" / "job.csv")
    assert job_table.markdown(read) + "\n" == (tmp_path / "benchmarks" / "job.md").read_text("utf-8")
    assert (tmp_path / "benchmarks" / "job.png").stat().st_size > 1000


def test_job_end_to_end(tmp_path):
    flags = ["--datasets", "diabetes", "--methods", "svm", "lift", "--rounds", 1, "--epochs", 1, "--isa", "avx2"]
    command = [sys.executable, "-m", "benchmarks.job", *map(str, flags), "--results-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    frame = pd.read_csv(tmp_path / "benchmarks" / "job.csv")
    assert frame["method"].tolist() == [*job_case.STARTS, "lift", "kernel_ridge"]
    assert set(frame["isa"]) == {"avx2"}
    assert set(frame["capability"].dropna()) <= {"AVX2", "DEFAULT"}, "other processors than x86 have but one"
    assert frame[[f"{name} s" for name in phases.NAMES]].sum(axis=1).to_numpy() == pytest.approx(frame["cpu_s"], 1e-4)
    started, _, lift, _ = (row for _, row in frame.iterrows())
    assert started["load s"] == 0
    assert (lift[[f"{name} s" for name in phases.NAMES]] > 0).all(), "a phase whose functions are no longer called"
    assert lift["updates"] == 10, "309 rows in batches of 32"
    assert lift["tokens"] > 309 * 11
    assert 0 < lift["fit_cpu_s"] + lift["predict_cpu_s"] < lift["cpu_s"] - lift["import s"]
    assert "| diabetes | kernel_ridge |" in done.stdout


def test_trl_without_lift_is_refused():
    with pytest.raises(UserError, match="add lift to --methods"):
        job.main(job.Config(methods=("trl",)))


def test_trl_makes_the_updates_that_it_is_told():
    pytest.importorskip("trl", reason="needs requirements-benchmarks.txt")
    row = case(dataset="iris", method="trl", updates=3)
    assert row["updates"] == 3
    assert row["forward and backward s"] > 0
    assert row["optimizer s"] > 0
    assert row["texts s"] > 0
