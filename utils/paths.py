"""Where things lie. In the repository, results land beside the code, whatever folder the caller is in.

Installed as the package `lift`, the library brings `data/` and the experiments inside itself; results land in the
folder of the caller, downloads in that of the user.
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
    """The folders that an environment variable lists, such as LIFT_DATA, whether they exist or not."""
    return [Path(word).expanduser() for word in os.environ.get(variable, "").split(os.pathsep) if word]


def experiment(area: str, name: str) -> str:
    """The module of an experiment, to be imported or run."""
    return f"{__package__}.{area}.{name}" if INSTALLED else f"{area}.{name}"
