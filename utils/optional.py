"""Optional packages."""

from __future__ import annotations

import importlib
from types import ModuleType

from .errors import MissingPackage


def require(package: str, install: str = "-r requirements-extras.txt") -> ModuleType:
    """Imports an optional package; raises MissingPackage with the command that installs it, `pip install {install}`."""
    top = package.partition(".")[0]
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name != top:
            raise  # the package is installed, but one of its dependencies is not
        raise MissingPackage(f"{top} is not installed; pip install {install}, or leave out what needs it") from error
