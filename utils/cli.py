"""The command `lift` of an installed package: it runs the same modules as the shell scripts of the repository.

lift predict train.csv --target y --new new.csv --out answers.csv
lift run classification/accuracy --datasets my.csv --target y
lift COMMAND --help
"""

from __future__ import annotations

import runpy
import sys

from . import VERSION, paths

AREAS = ("classification", "regression", "others")
COMMANDS = {
    "run": "run an experiment: lift run classification/accuracy; without a name, list all",
    "predict": "predict new rows with a model that is tuned once and kept",
    "check": "show how a table is read, and what looks wrong: lift check my.csv --target y",
    "report": "write one HTML file of all results of a folder, down to every answer",
    "paper": "compare the published tables with our numbers",
    "overview": "print one table of all experiments of an area",
    "verify": "run finished cases again and report where a number differs",
    "doctor": "show what this machine has, and what is missing",
    "prefetch": "download models and tables",
}


def main() -> None:
    """Runs the command that the arguments name, or exits with 2 and lists the commands."""
    words = sys.argv[1:]
    if not words or words[0] in ("-h", "--help"):
        print(_help())
    elif words[0] == "--version":
        print(f"lift {VERSION}")
    elif words[0] not in COMMANDS:
        _refuse(f"no command {words[0]!r}; have {', '.join(COMMANDS)}")
    elif words[0] == "run":
        _run(words[1:])
    else:
        name = "predict" if words[0] == "check" else words[0]
        _start(f"{__package__}.{name}", words[1:] + ["--check"] * (words[0] == "check"), f"lift {words[0]}")


def experiments() -> list[str]:
    """AREA/NAME of every experiment."""
    files = (file for area in AREAS for file in sorted((paths.ROOT / area).glob("*.py")))
    return [f"{file.parent.name}/{file.stem}" for file in files if not file.stem.startswith("_")]


def _run(words: list[str]) -> None:
    if not words or words[0] in ("-h", "--help"):
        print("\n".join(experiments()))
        return
    available = experiments()
    if words[0] not in available:
        _refuse(f"no experiment {words[0]!r}; have {', '.join(available)}")
    _start(paths.experiment(*words[0].split("/")), words[1:], f"lift run {words[0]}")


def _start(module: str, words: list[str], name: str) -> None:
    sys.argv = [name, *words]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _refuse(text: str) -> None:
    print(f"error: {text}", file=sys.stderr)
    sys.exit(2)


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {text}" for name, text in COMMANDS.items()]
    return "\n".join(["lift COMMAND [FLAG ...]", "", *lines, "", "lift COMMAND --help lists its flags."])


if __name__ == "__main__":
    main()
