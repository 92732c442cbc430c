"""Fitted estimators in a folder: the tuned model and, in plain JSON, what it is and where it comes from.

FOLDER/model/             the tuned model, a Hugging Face or peft folder
FOLDER/estimator.pickle   settings, template and everything else needed for answering
FOLDER/saved.json         version, recipe, columns, and the caller's facts; written last, to mark the folder complete
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import VERSION, models
from ..errors import UserError
from ..models import distributed
from ..storage import replace_file, write_text

if TYPE_CHECKING:
    from .base import LIFT

FORMAT = 3  # of the folder; incremented when names of pickled objects change
MODEL, STATE, FACTS = "model", "estimator.pickle", "saved.json"
TOPS = ("utils", "lift")  # names of this library: in the repository, and installed
PACKAGES = ("numpy", "pandas", "scikit-learn", "torch", "transformers", "peft")


def save(estimator: LIFT, folder: Path, facts: Mapping[str, object]) -> None:
    """Writes a fitted estimator; `facts` go into its JSON file as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    if distributed.is_first():
        (folder / FACTS).unlink(missing_ok=True)  # the folder is no longer complete
    estimator.model_.save(folder / MODEL)
    if not distributed.is_first():
        return
    state = {name: value for name, value in vars(estimator).items() if name != "model_"}
    content = pickle.dumps((type(estimator), state))
    replace_file(folder / STATE, lambda file: file.write_bytes(content))
    template = estimator.template_
    columns = [
        {"name": str(name), "kind": "number" if numeric else "text"}
        for name, numeric in zip(template.cells_.names, template.numeric_, strict=True)
    ]
    record = {
        "format": FORMAT,
        "version": VERSION,
        "packages": _versions(),
        "estimator": type(estimator).__name__,
        "recipe": estimator.settings_,
        "chosen": estimator.candidate_,
        "template": template.get_params(),
        "best_epoch": estimator.best_epoch_,
        "tokens_trained": estimator.n_tokens_trained_,
        "columns": columns,
        "classes": template.classes_.tolist() if estimator.task == "classification" else None,
    }
    write_text(folder / FACTS, json.dumps({**record, **facts}, indent=1, default=_plain, ensure_ascii=False) + "\n")


def describe(folder: str | Path) -> dict[str, Any]:
    """What is known about a saved estimator, from its JSON file alone.

    Raises:
        UserError: no such folder, an incomplete one, or one in a later version's format.
    """
    file = Path(folder) / FACTS
    try:
        facts = json.loads(file.read_text("utf-8"))
    except FileNotFoundError as error:
        parts = [name for name in (STATE, "estimator.joblib", MODEL) if (file.parent / name).exists()]
        if parts:
            raise UserError(
                f"{file} does not exist next to {' and '.join(parts)}: the folder is incomplete, or was written by "
                "another version of this code; fit the estimator again and save it"
            ) from error
        raise UserError(
            f"{file} does not exist; give a folder written by LIFTClassifier.save or LIFTRegressor.save"
        ) from error
    except ValueError as error:
        raise UserError(f"{file} is damaged ({error}); fit the estimator again and save it") from error
    if facts["format"] > FORMAT:
        raise UserError(
            f"{folder} was saved by version {facts['version']} in format {facts['format']}, which this version, "
            f"{VERSION}, does not know; open it with {facts['version']} or later"
        )
    return facts


def load(folder: str | Path) -> LIFT:
    """The estimator written by `save` of this or an earlier version. It is unpickled: open only what you trust.

    Raises:
        UserError: no such folder, an incomplete one, or one that this version cannot read.
    """
    folder = Path(folder)
    facts = describe(folder)
    try:
        with (folder / STATE).open("rb") as file:
            kind, state = _Unpickler(file).load()
    except (ModuleNotFoundError, AttributeError) as error:
        raise UserError(
            f"{folder} was saved by version {facts['version']} and is incompatible with this one, {VERSION} ({error}); "
            f"fit the estimator again and save it, or open the folder with {facts['version']}"
        ) from error
    except (OSError, EOFError, pickle.UnpicklingError) as error:
        raise UserError(f"{folder / STATE} is damaged ({error}); fit the estimator again and save it") from error
    estimator = kind()
    vars(estimator).update(state)
    if isinstance(estimator.model, str):
        device = {"device": estimator.device, "dtype": estimator.dtype, "threads": estimator.threads}
        estimator.model_ = models.load(str(folder / MODEL), chat=estimator.chat, **device)
    return estimator


class _Unpickler(pickle.Unpickler):
    """Finds this library's classes, whether the folder was written in the repository or by the installed package."""

    def find_class(self, module: str, name: str) -> Any:
        top, dot, rest = module.partition(".")
        own = __package__.partition(".")[0]
        return super().find_class(f"{own}{dot}{rest}" if top in TOPS else module, name)


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else str(value)
