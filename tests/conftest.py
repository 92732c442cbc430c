"""What several test files share."""

import json
import os
import shutil
import signal
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.internal.conjecture import providers

from tests.doubles import RECIPE

settings.register_profile("seeded", derandomize=True, deadline=None)  # the same examples in every run, however slow
settings.load_profile("seeded")
# Hypothesis also draws constants that it finds in the modules imported so far. These depend on the tests that ran
# before in the same process, and a module imported between two draws makes it fail with FlakyStrategyDefinition.
providers._get_local_constants = lambda: providers._local_constants
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as shells leave it to what they start with &
    signal.signal(signal.SIGINT, signal.default_int_handler)

PROGRAMS = (  # start whole programs; the longest test first, so that no process waits for it at the end
    "test_faults.py",
    "test_experiments.py",
    "models/openai/test_model.py",
    "models/test_distributed.py",
    "study/test_ray.py",
    "test_bootstrap.py",
    "test_report.py",
    "test_wheel.py",
)
ROOT = Path(__file__).resolve().parents[1]
KEPT = "LIFT_TESTS_DATA"
# A folder of real tables would stand in for scikit-learn's iris and digits in tests that did not ask for it.
os.environ[KEPT] = os.environ.pop("LIFT_DATA", "") or os.environ.get(KEPT, "")


@pytest.fixture
def lift_data(monkeypatch):
    """The folder of real tables, made known to the code under test; the test is skipped where there is none."""
    folder = Path(os.environ[KEPT] or ROOT.parent / "shared" / "data" / "tables")
    if not folder.is_dir():
        pytest.skip(f"no folder of real tables: set LIFT_DATA (looked at {folder})")
    monkeypatch.setenv("LIFT_DATA", str(folder))
    return folder


def pytest_collection_modifyitems(items):
    """Fast tests first: what starts whole programs comes last."""
    places = {name: place for place, name in enumerate(PROGRAMS, 1)}
    items.sort(key=lambda item: places.get(item.path.relative_to(ROOT / "tests").as_posix(), 0))


@pytest.fixture
def folder(tmp_path):
    """A copy of the shipped model, and a function that changes its recipe (at first RECIPE) and returns its name."""
    shutil.copytree(ROOT / "data" / "models" / "lift-tiny", tmp_path / "model")
    file, recipe = tmp_path / "model" / "lift.json", dict(RECIPE)

    def change(**settings):
        recipe.update(settings)
        file.write_text(json.dumps(recipe), "utf-8")
        return str(tmp_path / "model")

    return change
