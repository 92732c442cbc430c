"""The floor plan, as far as a machine can check it: what may import what, and what every script brings with it."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import ROOT

AREAS = ("classification", "regression", "others")
SCRIPTS = [path for area in AREAS for path in sorted((ROOT / area).glob("*.py")) if not path.stem.startswith("_")]
EXPERIMENTS = [path for area in AREAS for path in sorted((ROOT / area).glob("*.py")) if path.stem != "__init__"]
EXPERIMENTS += sorted((ROOT / "others" / "_generation").glob("*.py"))
USERS = [*EXPERIMENTS, *sorted((ROOT / "benchmarks").glob("*.py"))]  # of the library: they see its public names
USERS += [path for name in ("rehearsal", "pretraining") for path in sorted((ROOT / "others" / name).rglob("*.py"))]
MODULES = sorted([*(ROOT / "utils").rglob("*.py"), *(ROOT / "others" / "pretraining").rglob("*.py")])
VENDORS = {"torch", "transformers", "peft", "tokenizers", "safetensors", "accelerate", "openai"}
# Who may import a vendor: language models, what pretrains one, and the networks on pixels that LIFT is compared with.
HOMES = ("utils/models/local/", "utils/models/distributed.py", "utils/models/openai/token_counts.py")
HOMES += ("utils/baselines/pixel_networks.py", "others/pretraining/")
FLOORS = (  # a package imports from floors below its own, never from above or beside
    {
        "_lazy",
        "command_line",
        "errors",
        "learners",
        "metrics",
        "optional",
        "options",
        "paths",
        "progress",
        "results",
        "storage",
    },
    {"tables", "models"},
    {"prompts", "baselines", "reporting"},
    {"estimators", "plots"},
    {"study"},
    {"doctor", "overview", "predict", "prefetch", "verify"},  # commands
    {"cli", "paper", "report"},  # commands that call others
)
FLOOR = {name: floor for floor, names in enumerate(FLOORS) for name in names}
LONGEST = 400  # lines of a module; a longer one holds two concepts


def imports(path: Path) -> set[str]:
    """Absolute dotted names of all modules that a file imports, wherever in the file."""
    package = path.relative_to(ROOT).parent.parts
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else ()
            base = ".".join((*above, *filter(None, [node.module])))
            names |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return names


def tops(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(path)}


def rooms(path: Path) -> set[str]:
    """The packages and modules directly under utils/ that a file imports from."""
    return {name.split(".")[1] for name in imports(path) if name.startswith("utils.")} & set(FLOOR)


def test_there_are_scripts():
    assert {path.name for path in SCRIPTS} >= {"accuracy.py"}


def test_every_room_of_the_library_has_its_floor():
    found = {
        path.stem for path in (ROOT / "utils").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert found - {"__init__"} == set(FLOOR)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_script_is_short_and_has_its_shell_command_and_its_place_in_the_manual(path):
    assert len(path.read_text("utf-8").splitlines()) <= 80
    shell = path.with_suffix(".sh")
    assert f"run_module {path.parent.name}.{path.stem} " in shell.read_text("utf-8")
    assert '"$@"' in shell.read_text("utf-8")
    assert f"`{path.stem}`" in (path.parent / "README.md").read_text("utf-8")
    assert not tops(path) & VENDORS
    assert not {f"{script.parent.name}.{script.stem}" for script in SCRIPTS} & imports(path), "no script needs another"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_one_concept_and_imports_point_one_way(path):
    assert len(path.read_text("utf-8").splitlines()) <= LONGEST
    place = path.relative_to(ROOT)
    if not place.as_posix().startswith(HOMES):
        openai = {"openai"} if place.as_posix().startswith("utils/models/openai/") else set()
        assert not tops(path) & (VENDORS - openai)
    if place.parts[0] == "utils" and place.parts[1] != "__init__.py":
        assert not tops(path) & {*AREAS, "tests", "benchmarks"}
        room = place.with_suffix("").parts[1]
        above = {other for other in rooms(path) - {room} if FLOOR[other] >= FLOOR[room] and FLOOR[room] > 0}
        above |= {other for other in rooms(path) if FLOOR[other] > FLOOR[room]}
        assert not above, f"{place} imports from {', '.join(sorted(above))}, on its own floor or above"


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def private_methods(path: Path) -> set[str]:
    """Names with one leading underscore that the classes of a file define."""
    classes = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.ClassDef)]
    names = {node.name for one in classes for node in one.body if isinstance(node, ast.FunctionDef)}
    return set(filter(is_private, names))


@cache
def private_methods_of_learners() -> set[str]:
    learners = [*(ROOT / "utils" / "estimators").glob("*.py"), *(ROOT / "utils" / "baselines").glob("*.py")]
    return set().union(*map(private_methods, learners))


@pytest.mark.parametrize("path", USERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_users_of_the_library_leave_its_private_names_alone(path):
    tree = ast.parse(path.read_text("utf-8"))
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and is_private(node.attr)]
    own = private_methods(path) | {node.attr for node in nodes if isinstance(node.ctx, ast.Store)}
    assert not {node.attr for node in nodes} - own, "a private name that this file does not define"
    imported = [
        (node.module or "", alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    taken = {f"{module}.{name}" for module, name in imported if module.startswith("utils") and is_private(name)}
    assert not taken, "a private name of the library"


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_subclass_of_a_learner_overrides_documented_hooks_only(path):
    assert not private_methods(path) & private_methods_of_learners()


def test_the_library_imports_itself_relatively_so_that_it_installs_under_another_name():
    for path in (ROOT / "utils").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and not node.level:
                assert node.module.split(".")[0] != "utils", path
            if isinstance(node, ast.Import):
                assert not [alias for alias in node.names if alias.name.split(".")[0] == "utils"], path


def test_the_harness_loads_without_the_heavy_libraries():
    code = (
        "import sys; import utils.study.experiment, utils.plots.points, utils.plots.curves;"
        "heavy = {'torch', 'transformers', 'peft', 'xgboost', 'lightgbm', 'catboost', 'openai'} & set(sys.modules);"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_the_drawing_of_the_architecture_is_that_of_the_code():
    subprocess.run([sys.executable, "-m", "benchmarks.architecture", "--check"], cwd=ROOT, check=True)


def test_script_names_shadow_nothing():
    taken = set(sys.stdlib_module_names) | {"datasets", "evaluate", "tables", "adapters"}
    assert not {path.stem for path in SCRIPTS} & taken


def test_the_shell_scripts_are_whole():
    for script in [*ROOT.glob("*.sh"), *ROOT.glob("*/*.sh"), *ROOT.glob("others/*/*.sh"), ROOT / ".ci" / "run"]:
        subprocess.run(["bash", "-n", script], check=True)
