"""The benchmark's section of README.md: from the results to benchmarks/quality_TASK.csv, and from there to tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from utils import tables
from utils.errors import CannotDo, MissingPackage, UserError
from utils.paths import ROOT
from utils.reporting import ranking
from utils.results import Results
from utils.storage import write_text
from utils.tables.registry import group

FOLDER = ROOT / "benchmarks"
README = ROOT / "README.md"
START = "<!-- quality: written by python -m benchmarks.quality --readme -->"
END = "<!-- end of quality -->"
NOTHING = "No numbers yet; `bash benchmarks/quality.sh` makes them."
TITLES = {
    "classification": "**Classification**: mean accuracy on the test rows.",
    "regression": "**Regression**: mean RAE on the test rows, unfiltered. (The paper's numbers for the functions leave "
    "out errors above 3 × RMSE.)",
}


def grouped(means: pd.DataFrame) -> pd.DataFrame:
    """`ranking.seed_means` with the column `group`, the paper's tables first."""
    groups = means["dataset"].map(group)
    return means.assign(group=groups).iloc[(groups != "paper").argsort(kind="stable")].reset_index(drop=True)


def update(results_dir: Path) -> None:
    """Writes means and figure of each task with results to benchmarks/, and the tables into README.md.

    Rows of trial runs (--limit) and with non-default settings are excluded.
    """
    for task in tables.TASKS:
        frame = Results(results_dir, "benchmarks", f"quality_{task}").frame()
        if len(frame):
            plain = frame[(frame["limit"] == 0) & (frame["options"] == "") & (frame["protocol"] == "paper")]
            if len(plain):
                publish(task, ranking.seed_means(plain))
    write_text(README, replaced(README.read_text("utf-8"), block()))


def publish(task: str, means: pd.DataFrame, folder: Path = FOLDER) -> None:
    """Writes quality_TASK.csv, and quality_TASK.png if the learners differ significantly."""
    write_text(folder / f"quality_{task}.csv", means.to_csv(index=False, float_format="%.6g"))
    try:
        figure = ranking.critical_difference(ranking.complete(grouped(means))[0])
        figure.savefig(folder / f"quality_{task}.png", dpi=150)
    except (CannotDo, MissingPackage) as reason:
        (folder / f"quality_{task}.png").unlink(missing_ok=True)
        print(f"no critical-difference figure for {task}: {reason}")


def block(folder: Path = FOLDER) -> str:
    """The text between the two marks of README.md, made only from the CSV files of `folder`."""
    parts = []
    for task, title in TITLES.items():
        path = folder / f"quality_{task}.csv"
        if path.exists():
            parts += [title, ranking.markdown(grouped(pd.read_csv(path)))]
            if path.with_suffix(".png").exists():
                parts.append(f"![Mean ranks of the learners, {task}](benchmarks/quality_{task}.png)")
    return "\n\n".join(parts or [NOTHING])


def replaced(text: str, new: str) -> str:
    """`text` with `new` between the two marks. Raises UserError if a mark is missing."""
    if text.count(START) != 1 or text.count(END) != 1:
        raise UserError(f"README.md must hold {START} and {END} once each")
    before, _, rest = text.partition(START)
    return f"{before}{START}\n\n{new}\n\n{END}{rest.partition(END)[2]}"
