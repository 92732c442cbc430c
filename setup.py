"""How the repository becomes the package `lift`; what is not said here stands in pyproject.toml.

The library `utils/` is the package itself, its imports are relative. The experiments lie below it, and their imports of
`utils`, which the repository needs to run them as they lie, name the package in the copy.
"""

import re
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

AREAS = ("classification", "regression", "others")
NOT_INSTALLED = ("pretraining", "rehearsal")  # how lift-tiny was made, and a server for tests
IMPORT = re.compile(rf"^(\s*)from (utils|{'|'.join(AREAS)})(?=[.\s])", re.MULTILINE)
COMMANDS = (
    (re.compile(rf"python -m ({'|'.join(AREAS)})\.(\w+)"), r"lift run \1/\2"),
    (re.compile(r"python -m utils\.(\w+)"), r"lift \1"),
)


def homes() -> dict[str, str]:
    """Folders by the packages that they become."""
    found = {}
    for top in ("utils", *AREAS):
        for file in sorted(Path(top).rglob("*.py")):
            folder = file.parent
            if not {*folder.parts} & {*NOT_INSTALLED, "__pycache__"}:
                parts = folder.parts[1:] if top == "utils" else folder.parts
                found[".".join(("lift", *parts))] = folder.as_posix()
    return {**found, "lift.data": "data"}


def data() -> list[str]:
    """The files of data/ but for downloads, relative to it."""
    files = (file.relative_to("data") for file in sorted(Path("data").rglob("*")) if file.is_file())
    return [file.as_posix() for file in files if file.parts[0] != "cache"]


def requirements(name: str) -> list[str]:
    """The lines of a requirements file without their comments."""
    lines = (line.partition("#")[0].strip() for line in Path(name).read_text("utf-8").splitlines())
    return [line for line in lines if line]


class Build(build_py):
    """Copies modules; those of the experiments import from the package."""

    def build_module(self, module, module_file, package):
        made, copied = super().build_module(module, module_file, package)
        path = Path(made)
        text = before = path.read_text("utf-8")
        for command, name in COMMANDS:
            text = command.sub(name, text)
        if Path(module_file).parts[0] in AREAS:
            text = IMPORT.sub(lambda found: found[1] + "from " + _name(found[2]), text)
        if text != before:
            path.write_text(text, "utf-8")
        return made, copied


def _name(top: str) -> str:
    return "lift" if top == "utils" else f"lift.{top}"


PACKAGES = homes()
setup(
    packages=sorted(PACKAGES),
    package_dir=PACKAGES,
    package_data={
        **{f"lift.{area}": ["*.sh", "summaries/*.csv"] for area in AREAS},
        "lift.data": data(),
        "lift.reporting": ["*.j2", "*.css", "*.js"],
    },
    install_requires=requirements("requirements.txt"),
    extras_require={name: requirements(f"requirements-{name}.txt") for name in ("extras", "gpu", "cluster", "gguf")},
    cmdclass={"build_py": Build},
)
