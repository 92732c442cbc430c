"""Groups of tables by name: what `--datasets paper` stands for, and which group a table belongs to."""

from __future__ import annotations

from pathlib import Path

from utils import files, registry, synthetic
from utils.errors import UserError
from utils.shapes import PAPER_SETS

SYNTHETIC = {"classification": PAPER_SETS, "regression": tuple(synthetic.FUNCTIONS)}
SKLEARN = {"classification": ("iris", "wine", "digits", "breast_cancer"), "regression": ("diabetes",)}
FUNCTIONS = tuple(f"{name}{inputs}" for inputs in ("", ":p=2") for name in synthetic.FUNCTIONS)  # one input and two
GROUPS = ("paper", "synthetic", "sklearn", "functions", "other")


def members(name: str, task: str, folders: list[Path]) -> tuple[str, ...]:
    """The tables of a group for a task; a name that is no group stands for itself.

    paper      the paper's fourteen classification or four regression tables
    synthetic  the paper's five sets of points, or its six functions of one input
    functions  the six functions of one input and of two
    sklearn    what scikit-learn ships
    other      the registry's other tables, as far as the `folders` of LIFT_DATA hold them

    Raises:
        UserError: `other` without such a table.
    """
    if name == "paper":
        return tuple(entry.name for entry in registry.entries().values() if entry.is_main and entry.task == task)
    if name == "other":
        entries = [entry for entry in registry.entries().values() if entry.task == task and not entry.is_main]
        found = tuple(entry.name for entry in entries if files.find(entry.name, folders))
        if not found:
            raise UserError(
                "other stands for the tables of data/registry.csv in LIFT_DATA beside the paper's, and there is none; "
                "export LIFT_DATA=FOLDER, or leave other out of --datasets"
            )
        return found
    if name == "functions":
        return FUNCTIONS if task == "regression" else ()
    return {"synthetic": SYNTHETIC, "sklearn": SKLEARN}[name][task] if name in GROUPS else (name,)


def group(dataset: str) -> str:
    """The group that a table counts to in a summary: "paper", "functions", "synthetic" or "other"."""
    if synthetic.is_synthetic(dataset):
        return "functions" if dataset.partition(":")[0] in synthetic.FUNCTIONS else "synthetic"
    entry = registry.find(dataset)
    return "paper" if entry and entry.is_main else "other"
