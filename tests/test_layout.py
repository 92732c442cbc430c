"""Rules that a machine can check: sizes, the direction of imports, what every script brings with it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

AREAS = ("classification", "regression", "others")
SCRIPTS = [path for area in AREAS for path in sorted((ROOT / area).glob("*.py")) if path.stem != "__init__"]
MODULES = sorted([*(ROOT / "utils").rglob("*.py"), *(ROOT / "others" / "pretraining").glob("*.py")])
VENDORS = {"torch", "transformers", "peft", "openai", "tokenizers", "safetensors", "accelerate"}
TORCH_HOMES = ("utils/models/", "others/pretraining/")  # the only places that may import a vendor
LOWEST = {"prompts", "metrics", "numerals", "wordings", "sentences", "cells", "answers", "errors", "results", "lines"}


def imports(path: Path) -> set[str]:
    """Dotted names of all modules that a file imports, wherever in the file."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def tops(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(path)}


def test_there_are_scripts():
    assert {path.name for path in SCRIPTS} >= {"accuracy.py"}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_script_is_short_and_has_its_shell_command_and_its_place_in_the_manual(path):
    assert len(path.read_text("utf-8").splitlines()) <= 80
    shell = path.with_suffix(".sh")
    assert f"run_module {path.parent.name}.{path.stem} " in shell.read_text("utf-8")
    assert '"$@"' in shell.read_text("utf-8")
    assert f"`{path.stem}`" in (path.parent / "README.md").read_text("utf-8")
    assert not tops(path) & (VENDORS | set(AREAS)), "scripts import neither vendors nor each other"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_short_and_imports_point_one_way(path):
    assert len(path.read_text("utf-8").splitlines()) <= 400
    place = path.relative_to(ROOT).as_posix()
    if not place.startswith(TORCH_HOMES):
        assert not tops(path) & VENDORS
    if place.startswith("utils/"):
        assert not tops(path) & {*AREAS, "tests", "benchmarks"}
    if place.startswith("utils/") and path.stem in LOWEST:
        below = {name.split(".")[1] for name in imports(path) if name.startswith("utils.")}
        assert below <= LOWEST


def test_the_harness_loads_without_the_heavy_libraries():
    code = (
        "import sys; import utils.study, utils.plots;"
        "heavy = {'torch', 'transformers', 'peft', 'xgboost', 'lightgbm', 'catboost', 'openai'} & set(sys.modules);"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_script_names_shadow_nothing():
    taken = set(sys.stdlib_module_names) | {"datasets", "evaluate", "tables", "adapters"}
    assert not {path.stem for path in SCRIPTS} & taken


def test_the_shell_scripts_are_whole():
    for script in [*ROOT.glob("*/*.sh"), *ROOT.glob("others/*/*.sh"), ROOT / ".ci" / "run"]:
        subprocess.run(["bash", "-n", script], check=True)
