"""From the words of a command line to a dataclass of settings, and from what a command raises to its exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import tyro

from .errors import UserError


def flags(config: type, description: str) -> Any:
    """The settings that the command line gives; `--help` shows `description` line by line."""
    return tyro.cli(config, description="\n\n".join(filter(None, description.splitlines())))


def run(command: Callable[[Any], None], config: type, description: str) -> None:
    """Runs a command with its settings; a UserError is printed, and the exit code is then 2."""
    try:
        command(flags(config, description))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
