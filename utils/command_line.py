"""Parses a command line into a dataclass of settings, and turns the exceptions of a command into its exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import tyro

from .errors import UserError


def flags(config: type, description: str) -> Any:
    """The settings from the command line; `--help` shows `description` line by line."""
    return tyro.cli(config, description="\n\n".join(filter(None, description.splitlines())))


def run(command: Callable[[Any], object], config: type, description: str) -> None:
    """Runs a command with its settings.

    The exit code is 0; 1 if the command returns a number of failures; 2 on a UserError, which is printed; 130 after
    Ctrl-C.
    """
    try:
        returned = command(flags(config, description))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        sys.exit(130)
    if isinstance(returned, int) and returned:
        sys.exit(1)
