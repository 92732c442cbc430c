"""Steps of `benchmarks/remake.py`: what makes the numbers of a manual's entry, and whether the present code made them.

A step is known by its commands and by everything that could change its numbers: the modules that its commands import
and that these import in turn, without comments and docstrings; the weights, recipes and tables under data/; the pinned
packages.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from functools import cache
from pathlib import Path

from benchmarks import machine, manual
from benchmarks.manual import Entry
from utils.errors import UserError
from utils.storage import write_text

OWN = re.compile(r"(?:utils|benchmarks|classification|regression|others)(?:\.\w+)+")  # a module in a string, as for -m
MANIFEST = Path("benchmarks") / "remake.json"
INTERRUPTED = 130  # exit code of a study that Ctrl-C ended
CACHE = "cache"  # folder of data/ that code fills by itself


class StepFailed(UserError):
    """A command of a step ended with an error."""


def label(step: Entry) -> str:
    """What a step is called: `classification/accuracy`."""
    return f"{step.area}/{step.name}"


def chosen(root: Path, only: tuple[str, ...]) -> list[Entry]:
    """The steps of all manuals, or those called so, or those of a folder. Raises UserError for an unknown name."""
    steps = [step for area in (*manual.AREAS[1:], manual.AREAS[0]) for step in manual.entries(area, root)]
    names = {name for step in steps for name in (label(step), step.name, step.area)}
    unknown = [name for name in only if name not in names]
    if unknown:
        raise UserError(f"no step {', '.join(unknown)}; have {', '.join(map(label, steps))}")
    return [step for step in steps if not only or {label(step), step.name, step.area} & set(only)]


class Manifest:
    """When each step was last finished, by which code and in how many seconds: benchmarks/remake.json under `root`."""

    def __init__(self, root: Path) -> None:
        self.root, self.path = root, root / MANIFEST
        self.records: dict[str, dict] = json.loads(self.path.read_text("utf-8")) if self.path.exists() else {}

    def state(self, step: Entry) -> str:
        """Why the step is to be run: "never run", "changed" or "output missing"; "" where it is finished."""
        record = self.records.get(label(step))
        if record is None:
            return "never run"
        if record["fingerprint"] != fingerprint(step, self.root):
            return "changed"
        made = step.places(Path(), self.root).values()
        return "" if all(path.exists() for path in made) else "output missing"

    def seconds(self, step: Entry) -> float | None:
        """How long the step took the last time; None where that is not known."""
        return self.records.get(label(step), {}).get("seconds")

    def finished(self, step: Entry, seconds: float) -> None:
        """Writes down that the step's outputs are those of the present code."""
        facts = {"fingerprint": fingerprint(step, self.root), "seconds": round(seconds, 1)}
        facts |= {"processor": machine.processor(), "finished_at": datetime.now(timezone.utc).strftime("%Y-%m-%d")}
        self.records = dict(sorted({**self.records, label(step): facts}.items()))
        write_text(self.path, json.dumps(self.records, indent=1) + "\n")


def duration(seconds: float | None) -> str:
    """Seconds for people; None is unknown."""
    if seconds is None:
        return "unknown"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def listing(todo: list[Entry], manifest: Manifest) -> str:
    """One line a step: whether it is finished, and how long it took the last time; below, what is left."""
    states = {step: manifest.state(step) for step in todo}
    width = max(len(label(step)) for step in todo)
    lines = [f"{label(s):{width}}  {states[s] or 'done':14}  {duration(manifest.seconds(s))}" for s in todo]
    left = [manifest.seconds(step) for step in todo if states[step]]
    known = [seconds for seconds in left if seconds is not None]
    unknown = f" and {len(left) - len(known)} of unknown length" if len(known) < len(left) else ""
    return "\n".join([*lines, f"left: {len(left)} of {len(todo)} steps, {duration(sum(known))}{unknown}"])


def run(step: Entry, results_dir: Path, root: Path) -> float:
    """Runs the commands of a step, publishes what they made; returns the seconds, those of earlier attempts included.

    Results lie in a folder of this step and this code, so that studies go on where they were, and never with rows of
    other code.

    Raises:
        StepFailed: a command failed.
        KeyboardInterrupt: a command was stopped.
    """
    folder = results_dir.resolve() / f"{step.area}-{step.name}-{fingerprint(step, root)[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    clock, log = folder / "seconds.txt", folder / "log.txt"
    before, begin = float(clock.read_text("utf-8")) if clock.exists() else 0.0, time.monotonic()
    try:
        with log.open("a", encoding="utf-8") as stream:
            for command in step.commands:
                argv = [*arguments(command, root), "--results-dir", str(folder)]
                code = subprocess.call(argv, cwd=root, stdout=stream, stderr=subprocess.STDOUT)
                if code == INTERRUPTED:
                    raise KeyboardInterrupt
                if code:
                    last = log.read_text("utf-8").strip().splitlines()[-1:]
                    raise StepFailed(f"{command}: exit code {code}, see {log}: {' '.join(last)}")
        manual.publish(step.area, step.name, folder, root)
    finally:
        write_text(clock, f"{before + time.monotonic() - begin:.1f}\n")
    return before + time.monotonic() - begin


def arguments(command: str, root: Path) -> list[str]:
    """The command of a manual as a list; python is the one that runs this."""
    program, *rest = shlex.split(command)
    return [sys.executable, *rest] if program == "python" else [program, str(root / rest[0]), *rest[1:]]


def fingerprint(step: Entry, root: Path) -> str:
    """SHA-256 (hex) of all that the step's numbers depend on; see the head of this module."""
    digest = hashlib.sha256(json.dumps(step.commands).encode())
    for path in sorted({path for command in step.commands for path in sources(command, root)}):
        digest.update(f"\0{path.relative_to(root).as_posix()}\0{_bare(path)}".encode())
    for path in _data(root):
        digest.update(f"\0{path.relative_to(root).as_posix()}\0{_hash(path)}".encode())
    return digest.hexdigest()


def sources(command: str, root: Path) -> set[Path]:
    """The files of this repository that a command runs: its shell script and its module with all that these import."""
    words = shlex.split(command)
    script = root / words[1] if words[0] == "bash" else None
    module = script.with_suffix(".py") if script else root / (words[2].replace(".", "/") + ".py")
    found, ahead = {script} if script else set(), [module]
    while ahead:
        path = ahead.pop()
        if path not in found:
            found.add(path)
            ahead += imported(path, root)
    return found


@cache
def imported(path: Path, root: Path) -> tuple[Path, ...]:
    """Files of this repository that a file imports, wherever in it, and modules that it names in a string."""
    names: list[str] = []
    package = path.relative_to(root).parent.parts
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            name = node.value.partition(":")[0]
            if path.name == "__init__.py" and name.lstrip(".").replace(".", "").isidentifier():  # loaded on use
                names.append(".".join([*package, name.lstrip(".")]))
            elif OWN.fullmatch(name):
                names.append(name)
    return tuple({file for name in names for file in _files(name, root)})


def _files(name: str, root: Path) -> Iterator[Path]:
    """The file of a module and those of the packages around it, as far as they are here."""
    parts = name.split(".")
    for n in range(1, len(parts) + 1):
        place = root.joinpath(*parts[:n])
        yield from (file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file())


@cache
def _bare(path: Path) -> str:
    """The hash of a file; of a module's code without comments and docstrings."""
    if path.suffix != ".py":
        return _hash(path)
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            node.body[0] = ast.Pass()
    return hashlib.sha256(ast.unparse(tree).encode()).hexdigest()


@cache
def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _data(root: Path) -> list[Path]:
    """Weights, recipes, lists of tables, published numbers, the pinned packages."""
    files = [path for path in sorted((root / "data").rglob("*")) if path.is_file() and path.suffix != ".md"]
    return [path for path in files if path.relative_to(root).parts[1] != CACHE] + sorted(root.glob("requirements.txt"))
