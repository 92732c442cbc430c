"""The diagram in ARCHITECTURE.md of the imports between the library's packages, generated from the code.

python -m benchmarks.architecture             # writes the diagram into ARCHITECTURE.md
python -m benchmarks.architecture --check     # exits with 1 if the page is out of date
"""

import sys
from pathlib import Path

import tyro

from benchmarks.steps import imported
from utils.paths import ROOT
from utils.storage import write_text

PAGE = ROOT / "ARCHITECTURE.md"
AREAS = ("classification", "regression", "others")
PACKAGES = ("scripts", "study", "estimators", "plots", "prompts", "baselines", "reporting", "tables", "models")
BEGIN, END = "```mermaid\n", "```\n"


def arrows() -> list[tuple[str, str]]:
    """Pairs (package, package it imports from), anywhere in its modules; the scripts count as one package."""
    found = set()
    for path in [path for top in ("utils", *AREAS) for path in (ROOT / top).rglob("*.py")]:
        package = _package(path)
        found |= {(package, other) for other in map(_package, imported(path, ROOT)) if other != package}
    pairs = [pair for pair in found if {*pair} <= {*PACKAGES}]
    return sorted(pairs, key=lambda pair: tuple(PACKAGES.index(name) for name in pair))


def _package(path: Path) -> str:
    top, name, *_ = path.relative_to(ROOT).parts
    return "scripts" if top in AREAS else name


def drawing() -> str:
    """A Mermaid flowchart with the scripts on top."""
    pairs = arrows()
    lines = ["flowchart TD", "    scripts[classification · regression · others]"]
    lines += [f"    {above} --> {below}" for above, below in pairs if not _is_implied(above, below, pairs)]
    return "\n".join(lines) + "\n"


def _is_implied(above: str, below: str, pairs: list[tuple[str, str]]) -> bool:
    """Whether a longer path implies the arrow, which is then omitted."""
    middle = [end for start, end in pairs if start == above and end != below]
    return any((end, below) in pairs or _is_implied(end, below, pairs) for end in middle)


def main(check: bool = False) -> None:
    page = PAGE.read_text("utf-8")
    start = page.index(BEGIN) + len(BEGIN)
    end = page.index(END, start)
    if check:
        sys.exit(
            0 if page[start:end] == drawing() else "ARCHITECTURE.md is out of date: python -m benchmarks.architecture"
        )
    write_text(PAGE, page[:start] + drawing() + page[end:])


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
