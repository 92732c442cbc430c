"""A study on Ray: the same rows as here, a node may die, and what cannot run is told."""

import os
import subprocess
import sys
import time

import pandas as pd
import pytest

from tests import programs
from tests.conftest import ROOT
from utils import study
from utils.errors import MissingPackage, UserError
from utils.study import ray

OF_THE_RUN = ["seconds_fit", "seconds_predict", "finished_at", "commit"]
STUDY = ["classification.accuracy", "--datasets", "iris", "moons:n=60", "--methods", "tree", "lift"]
STUDY += ["--epochs", "1", "--limit", "30", "--seeds", "0", "1", "--workers"]


def run(folder, *more, **environment):
    command = [sys.executable, "-m", *STUDY, "2", "--results-dir", str(folder), *more]
    return subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **environment}, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def ended(process):
    out, err = process.communicate(timeout=1200)
    assert process.returncode == 0, f"{out}\n{err}"


def rows(folder):
    frame = pd.read_csv(folder / "classification" / "accuracy.csv")
    assert frame["key"].is_unique
    return frame.drop(columns=OF_THE_RUN).sort_values("key", ignore_index=True)


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    pytest.importorskip("ray")
    folder = tmp_path_factory.mktemp("here")
    programs.run(*STUDY, 1, "--results-dir", folder)
    return rows(folder)


def test_ray_gives_the_rows_of_this_machine(tmp_path, here):
    ended(run(tmp_path, "--engine", "ray"))
    pd.testing.assert_frame_equal(rows(tmp_path), here)


def test_a_node_that_is_killed_loses_nothing_and_doubles_nothing(tmp_path, here):
    from ray.cluster_utils import Cluster

    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        second = nodes.add_node(num_cpus=1)
        process = run(tmp_path, "--engine", "ray", "--address", nodes.address)
        until = time.monotonic() + 1200
        csv = tmp_path / "classification" / "accuracy.csv"
        while (
            process.poll() is None
            and time.monotonic() < until
            and not (csv.exists() and len(csv.read_text().splitlines()) > 2)
        ):
            time.sleep(0.1)
        assert process.poll() is None, process.communicate()
        nodes.remove_node(second, allow_graceful=False)
        ended(process)
        pd.testing.assert_frame_equal(rows(tmp_path), here)
    finally:
        nodes.shutdown()


def test_a_case_that_no_node_can_hold_is_refused(tmp_path):
    pytest.importorskip("ray")
    process = run(tmp_path, "--engine", "ray", "--gpus", "64")
    _, err = process.communicate(timeout=1200)
    assert process.returncode == 2
    assert "no node of the cluster has as much" in err
    assert not (tmp_path / "classification" / "accuracy.csv").exists()


def test_without_the_package_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingPackage, match=r"requirements-cluster\.txt"):
        ray.ray_module()


def test_an_address_where_no_cluster_is(monkeypatch):
    class Ray:
        def is_initialized(self):
            return False

        def init(self, **options):
            raise ConnectionError("nobody there\nmore")

    monkeypatch.setattr(ray, "ray_module", Ray)
    with pytest.raises(UserError, match="nobody there; start one with ray start"):
        ray.connect(study.Config(address="10.0.0.1:6379"))


def test_what_a_case_needs_follows_the_flags():
    assert ray.needs(study.Config(threads=3)) == {"num_cpus": 3, "num_gpus": 0.0, "max_retries": ray.RETRIES}
    wanted = ray.needs(study.Config(device="cuda", memory_gb=2.0))
    assert (wanted["num_gpus"], wanted["memory"]) == (1.0, 2 * 2**30)
    assert ray.needs(study.Config(device="cuda", gpus=0.25))["num_gpus"] == 0.25
