"""Downloads models and tables, for use on a machine without a network.

python -m utils.prefetch smollm2
python -m utils.prefetch --datasets paper other --task classification
python -m utils.prefetch --models EleutherAI/gpt-j-6b Qwen/Qwen2.5-0.5B
python -m utils.prefetch --datasets mnist fashion_mnist --images

Tables go to data/cache/openml, Hub models to the Hub's cache (HF_HOME), smollm2 to data/cache/models.
Copy them to the same places on the other machine.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from . import command_line, models, tables
from .errors import UserError
from .tables import images


@dataclass(frozen=True)
class Config:
    names: Annotated[tuple[str, ...], tyro.conf.Positional] = ()  # models, like --models
    datasets: tuple[str, ...] = ()  # names, groups: data/README.md
    task: Literal["classification", "regression"] = "classification"  # selects the tables of a group
    images: bool = False  # the names are image sets
    models: tuple[str, ...] = ()  # smollm2, or Hub ids, optionally with @revision


def main(config: Config) -> int:
    """Fetches everything named; reports each failure, continues, and returns the number of failures."""
    named = config.names + config.models
    if not config.datasets and not named:
        raise UserError("nothing to fetch; give smollm2, --datasets or --models, see --help")
    downloads = [(name, images.load) for name in config.datasets] if config.images else _tables(config)
    downloads += [(name, models.fetch) for name in named]
    n_failed = 0
    for name, fetch in downloads:
        try:
            fetch(name)
            print(f"here     {name}")
        except UserError as error:
            n_failed += 1
            print(f"missing  {name}: {error}", file=sys.stderr)
    return n_failed


def _tables(config: Config):
    names = tables.expand(config.datasets, config.task) if config.datasets else []
    return [(name, lambda name: tables.load(name, task=config.task)) for name in names]


if __name__ == "__main__":
    command_line.run(main, Config, __doc__)
