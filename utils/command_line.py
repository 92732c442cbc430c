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


def run(command: Callable[[Any], object], config: type, description: str) -> None:
    """Runs a command with its settings.

    The exit code is 0, or 1 where the command returns a number of failures; 2 on a UserError, which is printed; 130
    after Ctrl-C.
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
