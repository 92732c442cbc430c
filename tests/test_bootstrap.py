"""utils/env.sh with a stand-in for Python that writes down what it was asked to do: nothing is installed here."""

import shutil
import subprocess

import pytest

from tests.conftest import ROOT

STAND_IN = """#!/usr/bin/env bash
# A python3 that only tells: it makes empty environments and logs every installation.
case "$*" in
  *version_info*) exit {too_old} ;;
  --version) echo "Python 3.x" ;;
  "-m venv"*) mkdir -p "${{@: -1}}/bin"; cp "$0" "${{@: -1}}/bin/python" ;;
  *"pip install"*) echo "$*" >>"{log}"; [[ ! -e "{broken}" ]] ;;
  *runpy*) printf '%s\\n' "$PWD" "${{@:3}}" ;;
esac
"""


@pytest.fixture
def copy(tmp_path):
    """A copy of what the bootstrap needs, with a script that uses it."""
    root = tmp_path / "with space"
    (root / "utils").mkdir(parents=True)
    shutil.copy(ROOT / "utils" / "env.sh", root / "utils")
    (root / "requirements.txt").write_text("one==1\n")
    (root / "requirements-dev.txt").write_text("two==2\n")
    script = root / "script.sh"
    script.write_text(
        'set -euo pipefail\nfiles=$1; shift\nsource "${BASH_SOURCE%/*}/utils/env.sh" $files\nrun_module a.b "$@"\n'
    )
    stand_in(tmp_path, root)
    return root


def stand_in(tmp_path, root, too_old=0):
    python = tmp_path / "python"
    python.write_text(STAND_IN.format(too_old=too_old, log=root / "log", broken=root / "broken"))
    python.chmod(0o755)


def start(root, files="requirements.txt", *flags, code=0):
    process = subprocess.run(
        ["bash", root / "script.sh", files, *flags],
        cwd="/",
        env={"PATH": "/usr/bin:/bin", "PYTHON": str(root.parent / "python")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == code, process.stdout + process.stderr
    return process


def installations(root):
    log = root / "log"
    return log.read_text().splitlines() if log.exists() else []


def test_installs_once_and_again_when_a_file_changed(copy):
    assert "Making the virtual environment" in start(copy).stdout
    assert len(installations(copy)) == 1
    second = start(copy)
    assert "Installing" not in second.stdout
    assert len(installations(copy)) == 1
    (copy / "requirements.txt").write_text("one==2\n")
    assert "Installing requirements.txt" in start(copy).stdout
    assert len(installations(copy)) == 2
    (copy / "requirements.txt").write_text("one==1\n")  # back again is a change, too
    start(copy)
    assert len(installations(copy)) == 3


def test_a_second_file_is_added_and_the_first_stays_known(copy):
    start(copy)
    out = start(copy, "requirements.txt requirements-dev.txt").stdout
    assert "Installing requirements-dev.txt" in out
    start(copy)
    start(copy, "requirements.txt requirements-dev.txt")
    assert len(installations(copy)) == 2


def test_a_failed_installation_is_taken_up_again(copy):
    (copy / "broken").touch()
    assert "the installation failed" in start(copy, code=2).stderr
    (copy / "broken").unlink()
    start(copy)
    start(copy)
    assert len(installations(copy)) == 2


def test_an_old_python_is_refused_with_what_to_do(copy, tmp_path):
    stand_in(tmp_path, copy, too_old=1)
    assert "3.10 or newer is needed; set PYTHON=" in start(copy, code=2).stderr
    assert not (copy / ".venv").exists()


def test_the_module_runs_in_the_callers_folder_with_all_flags(copy):
    out = start(copy, "requirements.txt", "--target", "a b", "--template=x1=1").stdout.splitlines()
    assert out[-6:] == ["/", str(copy), "a.b", "--target", "a b", "--template=x1=1"]


def area(root, *flags, code=0):
    """Runs the scripts a and b of the area `toy`; each stand-in tells its folder and its words."""
    (root / "toy").mkdir()
    for name in ("a", "b", "run_all"):
        if name != "run_all":
            (root / "toy" / f"{name}.py").write_text("")
        (root / "toy" / f"{name}.sh").write_text(
            f'source "${{BASH_SOURCE%/*}}/../utils/env.sh" requirements.txt\nrun_module toy.{name} --paper "$@"\n'
        )
    (root / "script.sh").write_text(
        'set -euo pipefail\nfiles=$1; shift\nsource "${BASH_SOURCE%/*}/utils/env.sh" $files\nrun_area toy "$@"\n'
    )
    return start(root, "requirements.txt", *flags, code=code)


def words(output):
    """What each stand-in was asked to run: the module and its flags, without folders and headings."""
    lines = [line for line in output.splitlines() if line and not line.startswith(("/", "==", "Making", "Installing"))]
    return " ".join(lines)


def test_all_scripts_of_an_area_run_and_a_table_follows(copy):
    out = area(copy, "--seeds", "0", "--results-dir", "x y").stdout
    assert out.count("== toy/") == 2
    assert words(out) == (
        "toy.a --paper --seeds 0 --results-dir x y toy.b --paper --seeds 0 --results-dir x y "
        "utils.overview toy --results-dir x y"
    )


def test_quick_takes_the_small_defaults(copy):
    assert words(area(copy, "--quick", "--seeds", "0").stdout) == "toy.a --seeds 0 toy.b --seeds 0 utils.overview toy"


def test_a_script_that_fails_does_not_end_the_others(copy):
    python = copy.parent / "python"
    python.write_text(python.read_text().replace('"$PWD" "${@:3}" ;;', '"$PWD" "${@:3}"; [[ "$*" != *toy.a* ]] ;;'))
    ended = area(copy, "--quick", code=1)
    assert words(ended.stdout) == "toy.a toy.b utils.overview toy"
    assert "not whole: a" in ended.stderr


def test_ctrl_c_ends_the_whole(copy):
    python = copy.parent / "python"
    python.write_text(python.read_text().replace('"$PWD" "${@:3}" ;;', '"$PWD" "${@:3}"; exit 130 ;;'))
    assert words(area(copy, "--quick", code=130).stdout) == "toy.a"


def both_tasks(root, code=0):
    (root / "script.sh").write_text(
        'set -euo pipefail\nfiles=$1; shift\nsource "${BASH_SOURCE%/*}/utils/env.sh" $files\nrun_tasks a.b "$@"\n'
    )
    return words(start(root, "requirements.txt", "--seeds", "0", code=code).stdout)


@pytest.mark.parametrize(
    ("code", "tasks"),
    [
        (0, ["classification", "regression"]),
        (1, ["classification", "regression"]),
        (2, ["classification"]),
        (130, ["classification"]),
    ],
)
def test_a_module_runs_for_both_tasks_unless_the_command_itself_is_wrong(copy, code, tasks):
    python = copy.parent / "python"
    ended = f'"$PWD" "${{@:3}}"; [[ "$*" != *classification* ]] || exit {code} ;;'
    python.write_text(python.read_text().replace('"$PWD" "${@:3}" ;;', ended))
    assert both_tasks(copy, code) == " ".join(f"a.b --task {task} --seeds 0" for task in tasks)
