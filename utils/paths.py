"""Where things lie. Results land beside the code, whatever folder the caller is in."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "data"
CACHE = DATA / "cache"
RESULTS = ROOT / "results"


def folders(variable: str) -> list[Path]:
    """The folders that an environment variable lists, such as LIFT_DATA, whether they exist or not."""
    return [Path(word).expanduser() for word in os.environ.get(variable, "").split(os.pathsep) if word]
