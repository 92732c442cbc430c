"""What this machine has, which experiments can run on it, and what to type if something is missing.

python -m utils.doctor
python -m utils.doctor --model EleutherAI/gpt-j-6b --no-network    # asks no server
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table

from . import command_line, models, paths
from .errors import UserError
from .models import fetched
from .paths import RESULTS, ROOT
from .tables import files, openml, registry, synthetic

NAME = "lift-harness"  # of the installed package
AREAS = ("classification", "regression", "others")
KEYS = ("OPENAI_API_KEY", "OPENAI_INFERENCE_API_KEY", "HF_TOKEN")
SERVERS = {"OpenML": "https://www.openml.org", "Hugging Face Hub": "https://huggingface.co"}
TIMEOUT = 3.0  # seconds for a connection
DISK_WANTED = 2 * 2**30  # bytes; a study of a small model needs far less
GIB = 2**30


@dataclass(frozen=True)
class Config:
    model: str = "lift-tiny"  # the model to check
    results_dir: Path = RESULTS  # where results will be written
    network: bool = True  # whether servers may be contacted (only a connection is opened)


@dataclass(frozen=True)
class Finding:
    """One line of the report. `advice` is empty if all is well."""

    part: str
    subject: str
    state: str
    advice: str = ""


def report(config: Config) -> list[Finding]:
    """All findings, in the order of the report."""
    online = dict(_servers()) if config.network else {}
    found = [*_python(), *_machine(config), *_network(config, online), *_keys(), *_data(), *_model(config)]
    return found + list(_experiments(online.get("OpenML", False)))


def _python() -> Iterator[Finding]:
    yield Finding("packages", "python", platform.python_version())
    for file, optional in (
        ("requirements.txt", False),
        ("requirements-extras.txt", True),
        ("requirements-gguf.txt", True),
        ("requirements-gpu.txt", True),
    ):
        for name, required in _requirements(ROOT / file):
            try:
                have = importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                yield Finding(
                    "packages", name, "optional, not installed" if optional else "missing", f"pip install -r {file}"
                )
                continue
            same = have.partition("+")[0] == required
            yield Finding("packages", name, have, "" if same else f"tested with {required}: pip install -r {file}")


def _requirements(file: Path) -> Iterator[tuple[str, str]]:
    """Names and versions in a requirements file that apply to this Python; if installed, those of the package."""
    from packaging.requirements import Requirement

    extra = file.stem.partition("-")[2]
    lines = (importlib.metadata.requires(NAME) or []) if paths.INSTALLED else file.read_text("utf-8").splitlines()
    for line in lines:
        text = line.partition("#")[0].strip()
        if text:
            requirement = Requirement(text)
            is_of_file = not paths.INSTALLED or bool(extra) == ("extra" in str(requirement.marker))
            if is_of_file and (requirement.marker is None or requirement.marker.evaluate({"extra": extra})):
                yield requirement.name, str(requirement.specifier).removeprefix("==")


def _machine(config: Config) -> Iterator[Finding]:
    yield Finding("machine", "system", f"{platform.system()} {platform.machine()}")
    yield Finding("machine", "cores", str(os.cpu_count()))
    if memory := _memory():
        yield Finding("machine", "memory", f"{memory / GIB:.0f} GiB")
    folder = next(
        parent for parent in (config.results_dir.resolve(), *config.results_dir.resolve().parents) if parent.exists()
    )
    free = shutil.disk_usage(folder).free
    advice = "" if free > DISK_WANTED else "free some space, or give another --results-dir"
    yield Finding("machine", f"free disk at {config.results_dir}", f"{free / GIB:.1f} GiB", advice)
    if not os.access(folder, os.W_OK):
        yield Finding("machine", str(folder), "not writable", "give another --results-dir")
    yield from (Finding("machine", *line) for line in import_module(".models.local.devices", __package__).lines())


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):  # not available on this system
        return None


def _servers() -> Iterator[tuple[str, bool]]:
    for name, address in SERVERS.items():
        yield name, _reachable(address)


def _reachable(address: str) -> bool:
    parts = urlsplit(address)
    try:
        with socket.create_connection(
            (parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)), TIMEOUT
        ):
            return True
    except OSError:
        return False


def _network(config: Config, online: dict[str, bool]) -> Iterator[Finding]:
    if not config.network:
        yield Finding("network", "servers", "not checked")
    for name, is_there in online.items():
        advice = "" if is_there else "on a machine with a network: python -m utils.prefetch, then copy the caches"
        yield Finding("network", name, "reachable" if is_there else "not reachable", advice)
    if url := os.environ.get("OPENAI_BASE_URL"):
        there = not config.network or _reachable(url)
        yield Finding(
            "network", "OPENAI_BASE_URL", urlsplit(url).hostname or url, "" if there else "no server answers there"
        )


def _keys() -> Iterator[Finding]:
    for name in KEYS:
        yield Finding("keys", name, "set" if os.environ.get(name) else "not set (only needed for servers)")


def _data() -> Iterator[Finding]:
    for folder in paths.folders("LIFT_DATA"):
        if not folder.is_dir():
            yield Finding("data", f"LIFT_DATA {folder}", "no such folder", "export LIFT_DATA=FOLDER, or unset it")
        else:
            n = sum(path.is_file() for path in folder.iterdir())
            yield Finding("data", f"LIFT_DATA {folder}", f"{n} files")
    n = len(list(openml.CACHE.glob("*.parquet"))) if openml.CACHE.is_dir() else 0
    yield Finding("data", "OpenML's cache", f"{n} tables")
    kept = import_module(".models.local.hub", __package__).cached()
    yield Finding("data", "the Hub's cache", f"{len(kept)} models, {sum(kept.values()) / GIB:.1f} GiB")
    for name, source in fetched.SOURCES.items():
        location = next(filter(fetched.is_there, fetched.locations(name)), None)
        advice = "" if location else f"{source.about}: python -m utils.prefetch {name}"
        yield Finding("data", name, f"in {location}" if location else "not fetched", advice)


def _model(config: Config) -> Iterator[Finding]:
    try:
        if models.is_remote(config.model):
            yield Finding("model", config.model, models.fingerprint(config.model))
            return
        location = models.resolve(config.model)
    except UserError as error:
        yield Finding("model", config.model, "cannot be used", str(error))
        return
    if isinstance(location, Path):
        yield Finding("model", config.model, f"{'file' if location.is_file() else 'folder'} {location}")
        return
    here = location.partition("@")[0] in import_module(".models.local.hub", __package__).cached()
    advice = "" if here else f"python -m utils.prefetch --models {config.model}"
    yield Finding("model", config.model, "in the Hub's cache" if here else "not fetched yet", advice)


def _experiments(online: bool) -> Iterator[Finding]:
    """Whether the tables of each script's defaults, and of its shell command, are available."""
    for area in AREAS:
        for script in sorted((ROOT / area).glob("*.py")):
            if script.stem.startswith("_"):
                continue
            quick = list(import_module(paths.experiment(area, script.stem)).Config().datasets)
            lacks = [
                sorted({name for word in names for name in _missing(word, area, online)})
                for names in (quick, _named(script.with_suffix(".sh")) or quick)
            ]
            states = [f"lacks {', '.join(missing)}" if missing else "can run" for missing in lacks]
            state = states[0] if states[0] == states[1] else f"quick {states[0]}, .sh {states[1]}"
            advice = "export LIFT_DATA=FOLDER with them, or connect to a network once" if any(lacks) else ""
            yield Finding("experiments", f"{area}/{script.stem}", state, advice)


def _named(shell: Path) -> list[str]:
    """The --datasets of a shell command."""
    found = re.search(r"--datasets((?:\s+(?!--)[^\s\"\\]+)+)", shell.read_text("utf-8").replace("\\\n", " "))
    return found.group(1).split() if found else []


def _missing(word: str, area: str, online: bool) -> list[str]:
    """The unavailable tables among those that a word stands for in an area's scripts."""
    word = word.removeprefix("images:").removeprefix("permuted_")
    names = [word]
    if word in registry.GROUPS:
        tasks = ("classification", "regression") if area == "others" else (area,)
        names = [name for task in tasks for name in registry.members(word, task, paths.folders("LIFT_DATA"))]
    return [name for name in names if not _is_here(name, online)]


def _is_here(name: str, online: bool) -> bool:
    """Whether a table can be loaded locally, or from a reachable server."""
    base = name.partition(":")[0]
    if (
        synthetic.is_synthetic(name)
        or base in ("sum", "difference")
        or name in sum(registry.SKLEARN.values(), ())
        or files.is_file(name)
    ):
        return True
    entry = registry.find(name)
    if any(files.find(stem, paths.folders("LIFT_DATA")) for stem in {name, entry.name if entry else name}):
        return True
    if name in ("mnist", "fashion_mnist"):
        return online or (openml.CACHE / f"{({'mnist': 554, 'fashion_mnist': 40996})[name]}.parquet").is_file()
    number = entry.openml_id if entry else None
    return number is not None and (online or (openml.CACHE / f"{number}.parquet").is_file())


def main(config: Config) -> int:
    """Prints the report and returns the number of missing requirements."""
    console = Console()
    part, found = "", report(config)
    for finding in found:
        if finding.part != part:
            part = finding.part
            table = Table(title=part, title_justify="left", show_header=False, box=None, pad_edge=False)
            for line in (entry for entry in found if entry.part == part):
                table.add_row(line.subject, line.state, f"→ {line.advice}" if line.advice else "")
            console.print(table, end="\n\n")
    missing = [
        entry for entry in found if entry.part in ("packages", "model") and entry.state in ("missing", "cannot be used")
    ]
    print("everything required is available" if not missing else f"{len(missing)} requirements are missing")
    return len(missing)


if __name__ == "__main__":
    command_line.run(main, Config, __doc__)
