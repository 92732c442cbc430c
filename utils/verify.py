"""Runs finished cases again and reports where the numbers differ.

python -m utils.verify results/classification/accuracy.csv --sample 5
python -m utils.verify results/classification/accuracy.csv --keys 3f2a91d07c44be10
"""

from __future__ import annotations

import io
import json
import math
import tempfile
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import tyro

from . import command_line
from .errors import UserError
from .results import Results
from .study import budget, records
from .study.runner import Case

if TYPE_CHECKING:
    import pandas as pd

OF_THE_RUN = ("seconds_fit", "seconds_predict", "commit", "finished_at", "cost_usd")  # may differ between runs
TOLERANCE = 1e-5  # relative; scores are stored with six digits


@dataclass(frozen=True)
class Config:
    csv: Annotated[Path, tyro.conf.Positional]  # a result table, with its folder of answers next to it
    sample: int = 5  # number of rows, drawn by --seed
    seed: int = 0
    keys: tuple[str, ...] = ()  # these rows instead of a sample


def differences(row: pd.Series, again: dict[str, object]) -> list[str]:
    """Columns in which a recomputed case differs from its row, as "name: before → now"."""
    found = []
    for name, value in again.items():
        before = row.get(name)
        if name in OF_THE_RUN or _same(before, value):
            continue
        found.append(f"{name}: {before} → {value}")
    return found


def recompute(results: Results, key: str) -> tuple[dict[str, object], pd.DataFrame]:
    """The scores and answers of a finished case, recomputed.

    Raises:
        UserError: there is no record of how it was run, or the same command would be another case today.
    """
    file = results.record_path(key)
    if not file.is_file():
        raise UserError(f"{file} is missing, so it is unknown how case {key} was run")
    record = json.loads(file.read_text("utf-8"))
    script = import_module(record["module"])
    with tempfile.TemporaryDirectory() as scratch:
        config = replace(records.decode(script.Config, record["config"]), results_dir=Path(scratch))
        case = Case(**record["case"])
        with budget.offline(config.spending, config.results_dir):
            trial = script.build(case, config)
            now = trial.key(case.seed, case.settings)
        if now != key:
            raise UserError(
                f"{case} is another case today ({now}, not {key}): its rows, texts, settings or weights have changed "
                "since; run it at the commit in its row"
            )
        if budget.is_remote(trial):
            budget.agree([(str(case), trial)], config.spending, results.path.parents[1])
        return trial.run()


def main(config: Config) -> int:
    """Prints a line per row and returns the number of rows that differ."""
    area, experiment = config.csv.parent.name, config.csv.stem
    results = Results(config.csv.parents[1], area, experiment)
    frame = results.frame()
    if not len(frame):
        raise UserError(f"{config.csv} holds no results; give RESULTS_DIR/AREA/EXPERIMENT.csv")
    rows = frame.set_index("key", drop=False)
    unknown = [key for key in config.keys if key not in rows.index]
    if unknown:
        raise UserError(f"{config.csv} has no row {', '.join(unknown)}")
    drawn = np.random.default_rng(config.seed).permutation(rows.index)[: config.sample]
    n_other = 0
    for key in config.keys or drawn:
        row = rows.loc[key]
        again, answers = recompute(results, key)
        found = differences(row, again)
        before = results.answers(key)["parsed"]
        n_changed = int((before.astype(str).to_numpy() != _texts(answers["parsed"])).sum()) if not found else 0
        if n_changed:
            found.append(f"{n_changed} of {len(before)} answers")
        n_other += bool(found)
        name = f"{row['dataset']} {row['method']} seed {row['seed']} ({key})"
        print(f"{name}: {'the same' if not found else '; '.join(found)}")
    print(f"{n_other} of {len(config.keys or drawn)} rows differ")
    return n_other


def _texts(values: pd.Series) -> np.ndarray:
    """Values as written in the file of answers."""
    import pandas as pd

    text = io.StringIO(values.rename("parsed").to_frame().to_csv(index=False))
    return pd.read_csv(text, dtype=str, keep_default_na=False, na_values=[""])["parsed"].astype(str).to_numpy()


def _same(before: object, now: object) -> bool:
    if isinstance(now, float) and math.isnan(now):
        return before is None or before == "" or (isinstance(before, float) and math.isnan(before))
    if isinstance(now, int | float) and not isinstance(now, bool):
        return isinstance(before, int | float | np.number) and math.isclose(
            before, now, rel_tol=TOLERANCE, abs_tol=1e-12
        )
    return str(before) == str(now)


if __name__ == "__main__":
    command_line.run(main, Config, __doc__)
