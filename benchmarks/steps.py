"""Steps of `benchmarks/remake.py`: the commands behind a manual's entry, and whether the current code made its numbers.

A step is identified by its commands and by everything that could change its numbers: the modules that its commands
import, directly or indirectly, without comments and docstrings; the weights, recipes and tables under data/; the pinned
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
INTERRUPTED = 130  # exit code of a study after Ctrl-C
CACHE = "cache"  # folder of data/ that is filled automatically


class StepFailed(UserError):
    """A command of a step failed."""


def label(step: Entry) -> str:
    """The name of a step, such as `classification/accuracy`."""
    return f"{step.area}/{step.name}"


def chosen(root: Path, only: tuple[str, ...]) -> list[Entry]:
    """The steps of all manuals, or those given by name or folder. Raises UserError for an unknown name."""
    steps = [step for area in (*manual.AREAS[1:], manual.AREAS[0]) for step in manual.entries(area, root)]
    names = {name for step in steps for name in (label(step), step.name, step.area)}
    unknown = [name for name in only if name not in names]
    if unknown:
        raise UserError(f"no step {', '.join(unknown)}; have {', '.join(map(label, steps))}")
    return [step for step in steps if not only or {label(step), step.name, step.area} & set(only)]


class Manifest:
    """Records when each step last finished, with which code and how fast: benchmarks/remake.json in `root`."""

    def __init__(self, root: Path) -> None:
        self.root, self.path = root, root / MANIFEST
        self.records: dict[str, dict] = json.loads(self.path.read_text("utf-8")) if self.path.exists() else {}

    def state(self, step: Entry) -> str:
        """Why the step has to be run: "never run", "changed" or "output missing"; "" if it is finished."""
        record = self.records.get(label(step))
        if record is None:
            return "never run"
        if record["fingerprint"] != fingerprint(step, self.root):
            return "changed"
        made = step.paths(Path(), self.root).values()
        return "" if all(path.exists() for path in made) else "output missing"

    def seconds(self, step: Entry) -> float | None:
        """How long the step took last time; None if unknown."""
        return self.records.get(label(step), {}).get("seconds")

    def finished(self, step: Entry, seconds: float) -> None:
        """Records that the step's outputs are those of the current code."""
        facts = {"fingerprint": fingerprint(step, self.root), "seconds": round(seconds, 1)}
        facts |= {"processor": machine.processor(), "finished_at": datetime.now(timezone.utc).strftime("%Y-%m-%d")}
        self.records = dict(sorted({**self.records, label(step): facts}.items()))
        write_text(self.path, json.dumps(self.records, indent=1) + "\n")


def duration(seconds: float | None) -> str:
    """Seconds in readable form; None is unknown."""
    if seconds is None:
        return "unknown"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def listing(todo: list[Entry], manifest: Manifest) -> str:
    """One line per step: whether it is finished, and how long it took last time; then what is left."""
    states = {step: manifest.state(step) for step in todo}
    width = max(len(label(step)) for step in todo)
    lines = [f"{label(s):{width}}  {states[s] or 'done':14}  {duration(manifest.seconds(s))}" for s in todo]
    left = [manifest.seconds(step) for step in todo if states[step]]
    durations = [seconds for seconds in left if seconds is not None]
    unknown = f" and {len(left) - len(durations)} of unknown length" if len(durations) < len(left) else ""
    return "\n".join([*lines, f"left: {len(left)} of {len(todo)} steps, {duration(sum(durations))}{unknown}"])


def run(step: Entry, results_dir: Path, root: Path) -> float:
    """Runs the commands of a step and publishes their outputs; returns the seconds, including earlier attempts.

    Results are stored in a folder for this step and code version, so that studies resume, but never with rows from
    other code.

    Raises:
        StepFailed: a command failed.
        KeyboardInterrupt: a command was interrupted.
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
    """A manual's command as a list; `python` becomes the running interpreter."""
    program, *rest = shlex.split(command)
    return [sys.executable, *rest] if program == "python" else [program, str(root / rest[0]), *rest[1:]]


def fingerprint(step: Entry, root: Path) -> str:
    """SHA-256 (hex) of everything the step's numbers depend on; see the module's docstring."""
    digest = hashlib.sha256(json.dumps(step.commands).encode())
    for path in sorted({path for command in step.commands for path in sources(command, root)}):
        digest.update(f"\0{path.relative_to(root).as_posix()}\0{_bare(path)}".encode())
    for path in _data(root):
        digest.update(f"\0{path.relative_to(root).as_posix()}\0{_hash(path)}".encode())
    return digest.hexdigest()


def sources(command: str, root: Path) -> set[Path]:
    """The files of this repository that a command uses: its shell script, its module, and everything these import."""
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
    """Files of this repository that a file imports, anywhere in it, and modules that it names in a string."""
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
            if path.name == "__init__.py" and name.lstrip(".").replace(".", "").isidentifier():  # loaded lazily
                names.append(".".join([*package, name.lstrip(".")]))
            elif OWN.fullmatch(name):
                names.append(name)
    return tuple({file for name in names for file in _files(name, root)})


def _files(name: str, root: Path) -> Iterator[Path]:
    """The file of a module and those of its parent packages, if they are in this repository."""
    parts = name.split(".")
    for n in range(1, len(parts) + 1):
        path = root.joinpath(*parts[:n])
        yield from (file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file())


@cache
def _bare(path: Path) -> str:
    """The hash of a file; for a module, of its code without comments and docstrings."""
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
