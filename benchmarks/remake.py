"""Regenerates every table and figure of the manuals and the README, each with the command that its entry names.

python -m benchmarks.remake --list                         # what is left, and how long it took last time
python -m benchmarks.remake                                # all that is left; after an interruption, it resumes
python -m benchmarks.remake --only classification/accuracy regression
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks import steps
from utils import command_line
from utils.errors import UserError
from utils.paths import ROOT


@dataclass(frozen=True)
class Config:
    only: tuple[str, ...] = ()  # steps or folders: classification/accuracy, speed, regression; all if empty
    list: bool = False  # only show what is left and what is done
    dry_run: bool = False  # only show the commands that would be run
    accept: bool = (
        False  # mark finished steps of --only as made by the current code, after a change that affects no number
    )
    results_dir: Path = ROOT / "results" / "remake"  # a folder per step and code version
    root: Path = ROOT  # of the repository


def remake(left, manifest, config):
    """Runs what is left and returns the labels of the steps that failed."""
    failed = []
    for number, step in enumerate(left, 1):
        name, last = steps.label(step), steps.duration(manifest.seconds(step))
        print(f"[{number}/{len(left)}] {name} (last time: {last})", flush=True)
        try:
            seconds = steps.run(step, config.results_dir, config.root)
        except UserError as error:
            failed.append(name)
            print(f"failed: {name}: {error}", file=sys.stderr, flush=True)
            continue
        manifest.finished(step, seconds)
        print(f"[{number}/{len(left)}] {name}: {steps.duration(seconds)}; see whether its text still holds", flush=True)
    return failed


def main(config):
    todo, manifest = steps.chosen(config.root, config.only), steps.Manifest(config.root)
    left = [step for step in todo if manifest.state(step)]
    if config.accept:
        stale = [step for step in left if config.only and manifest.state(step) == "changed"]
        for step in stale:
            manifest.finished(step, manifest.seconds(step))
        print(f"accepted: {', '.join(map(steps.label, stale)) or 'nothing; --only names finished steps that changed'}")
    elif config.list:
        print(steps.listing(todo, manifest))
    elif config.dry_run:
        print("\n".join(command for step in left for command in step.commands))
    elif failed := remake(left, manifest, config):
        raise SystemExit(f"not whole: {', '.join(failed)}")


if __name__ == "__main__":
    command_line.run(main, Config, __doc__)
