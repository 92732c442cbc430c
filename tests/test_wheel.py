"""The wheel in an empty environment, outside the repository: the estimators, and the command `lift`."""

import json
import os
import subprocess
import sys
import sysconfig

import pandas as pd
import pytest

from tests.conftest import ROOT
from utils import VERSION
from utils.cli import COMMANDS
from utils.estimators import LIFTClassifier

ROWS = pd.DataFrame({"x1": [i % 7 - 3 for i in range(40)], "word": ["a", "b"] * 20})
LABELS = (ROWS["x1"] > 0).map({True: "yes", False: "no"})
SCRIPT = """
import sys
import lift, pandas as pd
from lift import LIFTClassifier, LIFTRegressor, doctor, load
rows = pd.read_csv("train.csv")
one = LIFTClassifier(epochs=1).fit(rows[["x1", "word"]], rows["y"])
assert set(one.predict(rows[["x1", "word"]])) <= {"yes", "no"}
assert load("from-repository").predict(rows[["x1", "word"]]).shape == (40,)
assert LIFTRegressor().settings()["levels"] == 400
found = doctor.report(doctor.Config(network=False))
states = {one.subject: one.state for one in found}
assert states["classification/accuracy"].startswith(("can run", "quick can run")), states
assert states["torch"][0].isdigit() and states["lightgbm"], states
print(lift.__version__, lift.__file__, *[name for name in sys.modules if name.split(".")[0] in ("utils", "others")])
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """An environment with the wheel and, beside it, the packages of this one; returns a function that runs in it."""
    place = tmp_path_factory.mktemp("wheel")
    source, outside, env = place / "source", place / "outside", place / "env"
    outside.mkdir()
    tracked = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(tracked, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0"):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    alone = {"PATH": os.environ["PATH"], "HOME": str(place), "OMP_NUM_THREADS": "1"}

    def start(*command, code=0):
        done = subprocess.run(
            [*map(str, command)], cwd=outside, env=alone, capture_output=True, text=True, check=False, timeout=900
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    start(*pip, "wheel", source, "--no-deps", "--no-build-isolation", "--no-index", "-w", place)
    (wheel,) = place.glob("*.whl")
    start(sys.executable, "-m", "venv", "--without-pip", env)
    start(*pip, "--python", env / "bin" / "python", "install", "--no-deps", "--no-index", wheel)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    (env / "lib" / version / "site-packages" / "others.pth").write_text(sysconfig.get_path("purelib"), "utf-8")
    ROWS.assign(y=LABELS).to_csv(outside / "train.csv", index=False)
    LIFTClassifier(epochs=1).fit(ROWS, LABELS).save(outside / "from-repository")
    return outside, lambda name, *words, **options: start(env / "bin" / name, *words, **options)


def test_the_estimators_work_outside_the_repository(installed):
    _, run = installed
    version, file, *others = run("python", "-W", "error", "-c", SCRIPT).split()
    assert version == VERSION
    assert file.endswith("site-packages/lift/__init__.py")
    assert str(ROOT) not in file
    assert not others, "nothing of the repository's own names is imported"


def test_the_command_lists_and_refuses(installed):
    _, run = installed
    assert all(f"  {name} " in run("lift", "--help") for name in COMMANDS)
    assert run("lift", "--version").strip() == f"lift {VERSION}"
    assert "no command 'fly'; have run, predict" in run("lift", "fly", code=2)
    assert {"classification/accuracy", "regression/real", "others/generation"} <= set(run("lift", "run").split())
    assert "no experiment 'accuracy'" in run("lift", "run", "accuracy", code=2)


def test_predict_and_run_leave_their_results_with_the_caller(installed):
    outside, run = installed
    said = run("lift", "check", "train.csv", "--target", "y")
    assert "--check: nothing was run" in said
    run("lift", "predict", "train.csv", "--target", "y", "--new", "train.csv", "--out", "answers.csv", "--epochs", "1")
    assert len(pd.read_csv(outside / "answers.csv")) == 40
    (facts,) = (outside / "results" / "models").glob("*/saved.json")
    assert json.loads(facts.read_text("utf-8"))["version"] == VERSION
    flags = ["--datasets", "train.csv", "--target", "y", "--methods", "tree", "lift", "--epochs", "1", "--workers", "2"]
    run("lift", "run", "classification/accuracy", *flags)
    rows = pd.read_csv(outside / "results" / "classification" / "accuracy.csv")
    assert set(rows["method"]) == {"tree", "lift"}
    assert set(rows["commit"].astype(str)) == {VERSION}
    assert "lift run classification/accuracy" in run("lift", "run", "classification/accuracy", "--help")
    run("lift", "report")
    assert "data:image/svg+xml" in (outside / "results" / "report.html").read_text("utf-8")
    assert "undecided" in run("lift", "paper", "--quick")


def test_the_commands_are_modules_of_the_library():
    for name in set(COMMANDS) - {"run", "check"}:
        assert (ROOT / "utils" / f"{name}.py").is_file()
