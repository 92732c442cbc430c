"""Pretraining: lift-context learns from synthetic tables alone to answer from rows in its prompt.

bash others/pretraining/train.sh --stop 50000                   # as shipped: about six hours on one core of a CPU
bash others/pretraining/train.sh gpu                            # a billion tokens in bfloat16 on a CUDA device
bash others/pretraining/train.sh --folder /tmp/model --scratch /tmp/run --minutes 10

The first word, gpu or cpu (the default), selects the defaults of the flags. After an interruption by Ctrl-C or
--minutes, the same command resumes from the last checkpoint. The model's folder is written at the end.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import tyro

from others.pretraining.loop import train
from others.pretraining.settings import SETTINGS, Config
from utils.errors import UserError

__all__ = ["Config", "main", "train"]


def flags(arguments: Sequence[str]) -> Config:
    """The settings from the command line."""
    is_named = bool(arguments) and arguments[0] in SETTINGS
    default = SETTINGS[arguments[0] if is_named else "cpu"]
    description = "\n\n".join(filter(None, __doc__.splitlines()))
    words = list(arguments[is_named:])
    return tyro.cli(Config, default=default, args=words, prog="train.sh [cpu|gpu]", description=description)


def main(arguments: Sequence[str]) -> int:
    """Runs the command line; the exit code is 0, 2 on a usage error, or 130 after Ctrl-C."""
    again = "run the same command to resume"
    try:
        config = flags(arguments)
        if train(config):
            print(f"the model is in {config.folder}")
        else:
            print(f"stopped after {config.minutes:g} minutes; {again}")
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stopped:
        print(f"\n{str(stopped) or 'stopped'}; {again}", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
