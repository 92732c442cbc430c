"""Locations of files. In the repository, results are stored next to the code, whatever the current folder.

When installed as `lift`, the package contains `data/` and the experiments; results go to the current folder, downloads
to the user's cache.
"""

from __future__ import annotations

import os
from pathlib import Path

_LIBRARY = Path(__file__).resolve().parent
INSTALLED = (_LIBRARY / "data").is_dir()
ROOT = _LIBRARY if INSTALLED else _LIBRARY.parent
DATA = ROOT / "data"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lift" if INSTALLED else DATA / "cache"
RESULTS = Path("results").resolve() if INSTALLED else ROOT / "results"


def folders(variable: str) -> list[Path]:
    """The folders listed in an environment variable such as LIFT_DATA, whether they exist or not."""
    return [Path(word).expanduser() for word in os.environ.get(variable, "").split(os.pathsep) if word]


def experiment(area: str, name: str) -> str:
    """The module name of an experiment."""
    return f"{__package__}.{area}.{name}" if INSTALLED else f"{area}.{name}"
