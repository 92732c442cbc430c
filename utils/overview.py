"""One table of all experiments of an area: LIFT's score in each, and the best of the other learners.

python -m utils.overview classification
python -m utils.overview regression --results-dir /tmp/results
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from rich.console import Console

from . import command_line, reporting
from .errors import UserError
from .paths import RESULTS, ROOT
from .results import Results
from .storage import write_text

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Config:
    area: Annotated[Literal["classification", "regression", "others"], tyro.conf.Positional]  # the folder of scripts
    results_dir: Path = RESULTS  # where the results are


def table(folder: Path, area: str, experiments: list[str]) -> pd.DataFrame:
    """A row for each experiment that has results, in the order given."""
    import pandas as pd

    rows = []
    for experiment in experiments:
        results = Results(folder, area, experiment)
        frame = results.frame()
        if len(frame):
            rows.append(
                {"experiment": experiment, **reporting.digest(frame), "not run": len(reporting.not_run(results))}
            )
    return pd.DataFrame(rows)


def main(config: Config) -> None:
    """Prints the table and writes it next to the results. Raises UserError if there are none."""
    names = sorted(path.stem for path in (ROOT / config.area).glob("*.py") if not path.stem.startswith("_"))
    found = table(config.results_dir, config.area, names)
    if not len(found):
        raise UserError(
            f"no results under {config.results_dir / config.area}; run bash {config.area}/run_all.sh --quick"
        )
    shown = reporting.markdown_table(found.round(3))
    path = config.results_dir / config.area / "overview.md"
    write_text(path, shown + "\n")
    console = Console(width=None if Console().is_terminal else reporting.WIDE)
    console.print(f"\n{shown}\n\noverview {path}", markup=False, soft_wrap=True)


if __name__ == "__main__":
    command_line.run(main, Config, __doc__)
