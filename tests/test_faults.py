"""A study of 40 cases, disturbed again and again: in the end every case once, every number as if nothing had happened.

LIFT_FAULTS=20 .venv/bin/python -m pytest tests/test_faults.py    # more faults than the default, minutes

With requirements-cluster.txt installed, every eighth fault is a node of a Ray cluster that dies.
"""

import importlib.util
import os
import random
import resource
import signal
import subprocess
import sys
import time

import pandas as pd

from tests.conftest import ROOT

STUDY = ["classification.accuracy", "--datasets", "iris", "moons:n=60", "--methods", "majority", "tree", "knn", "lift"]
STUDY += ["--seeds", "0", "1", "2", "3", "4", "--epochs", "1", "--limit", "20", "--workers", "2"]
N_CASES = 40
OF_THE_RUN = ["seconds_fit", "seconds_predict", "finished_at", "commit"]
SMALL_FILE = 2000  # bytes that a file may have where the disk is "full": the CSV's header and a few rows


def start(folder, *more, file_limit=None):
    """The study as a process group of its own; `file_limit` is the largest file it can write, in bytes."""

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the write fails instead, as on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))

    return subprocess.Popen(
        [sys.executable, "-m", *STUDY, "--results-dir", str(folder), *more],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=limit if file_limit else None,
    )


def csv(folder):
    return folder / "classification" / "accuracy.csv"


def n_rows(folder):
    return max(0, len(csv(folder).read_bytes().splitlines()) - 1) if csv(folder).exists() else 0


def wait_for_work(process, folder, rng):
    """Until the run has added a row or ended, and a random moment more."""
    before, until = n_rows(folder), time.monotonic() + 600
    while process.poll() is None and n_rows(folder) == before and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(rng.uniform(0, 0.3))


def workers(process):
    """Process ids of the pool's workers."""
    found = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(process.pid)], capture_output=True, text=True, check=False
    )
    return [int(line.split()[0]) for line in found.stdout.splitlines() if "LokyProcess" in line]


def kill_parent(process, folder, rng):
    os.kill(process.pid, signal.SIGKILL)


def kill_all(process, folder, rng):
    os.killpg(process.pid, signal.SIGKILL)


def kill_worker(process, folder, rng):
    for pid in workers(process)[:1]:
        os.kill(pid, signal.SIGKILL)


def interrupt(process, folder, rng):
    os.killpg(process.pid, signal.SIGINT)


def cut_while_writing(process, folder, rng):
    """What a crash in the middle of a write leaves: half a row at the end of the file."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if n_rows(folder):
        with csv(folder).open("a") as file:
            file.write("0123456789abcdef,accuracy,ir")


def second_copy(process, folder, rng):
    other = start(folder)
    time.sleep(rng.uniform(0, 2))
    os.killpg(rng.choice([process, other]).pid, signal.SIGKILL)
    other.communicate(timeout=1200)


def full_disk(folder, rng):
    process = start(folder, file_limit=SMALL_FILE)
    out, _ = process.communicate(timeout=1200)
    assert process.returncode == 2, out
    assert "could not be written" in out or "free" in out


def kill_ray_node(folder, rng):
    from ray.cluster_utils import Cluster

    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        second = nodes.add_node(num_cpus=1)
        process = start(folder, "--engine", "ray", "--address", nodes.address)
        wait_for_work(process, folder, rng)
        nodes.remove_node(second, allow_graceful=False)
        out, _ = process.communicate(timeout=1200)
        assert process.returncode == 0, out
    finally:
        nodes.shutdown()


def in_mid_run(disturb):
    """The study, disturbed once at a random moment."""

    def fault(folder, rng):
        process = start(folder)
        wait_for_work(process, folder, rng)
        disturb(process, folder, rng)
        process.communicate(timeout=1200)

    return fault


FAULTS = [kill_parent, kill_all, kill_worker, interrupt, cut_while_writing, second_copy]
FAULTS = [*map(in_mid_run, FAULTS), full_disk, *([kill_ray_node] if importlib.util.find_spec("ray") else [])]
N_FAULTS = int(os.environ.get("LIFT_FAULTS", len(FAULTS)))


def frame(folder):
    assert not [line for line in csv(folder).read_text().splitlines() if line.startswith("0123456789abcdef")]
    return pd.read_csv(csv(folder)).drop(columns=OF_THE_RUN).sort_values("key", ignore_index=True)


def test_a_study_survives_faults(tmp_path, capsys):
    rng = random.Random(7)
    undisturbed, folder = tmp_path / "undisturbed", tmp_path / "disturbed"
    out, _ = start(undisturbed).communicate(timeout=1200)
    assert n_rows(undisturbed) == N_CASES, out
    for injected in range(N_FAULTS):
        if n_rows(folder) > 0.8 * N_CASES:  # enough is left to be hit: some finished cases are forgotten
            rows = csv(folder).read_text().splitlines(keepends=True)
            csv(folder).write_text("".join(rows[: 1 + len(rows) // 3]))
        FAULTS[injected % len(FAULTS)](folder, rng)
    out, _ = start(folder).communicate(timeout=1200)
    final, expected = frame(folder), frame(undisturbed)
    assert not list((folder / "classification" / "accuracy" / "answers").glob(".*"))
    lost = len(set(expected["key"]) - set(final["key"]))
    doubled = int(final["key"].duplicated().sum())
    with capsys.disabled():
        print(f"\nfaults injected {N_FAULTS}, rows lost {lost}, rows doubled {doubled}")
    pd.testing.assert_frame_equal(final, expected)
