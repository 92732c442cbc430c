"""Data sets of the Hugging Face library `datasets`: folders that `save_to_disk` wrote, and ids of the Hub."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..errors import BadTable, UnknownName, Unobtainable, UserError
from ..optional import require
from . import files
from .partitions import Given

SCHEME = "hf"
MARKS = ("state.json", "dataset_dict.json")  # `save_to_disk` leaves one of these in its folder
PARTS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class DataSet:
    """Rows and what is known about them.

    Attributes:
        frame: numeric columns, all others categorical.
        target: the column of class labels if there is exactly one, else the last column.
        source: where the rows come from.
        parts: the data set's own, if it has any.
    """

    frame: pd.DataFrame
    target: str
    source: str
    parts: Given | None


def is_named(name: str) -> bool:
    """Whether `name` means such a data set: `hf:ID`, or a folder that `save_to_disk` wrote."""
    return name.startswith(f"{SCHEME}:") or is_folder(name)


def is_folder(name: str) -> bool:
    """Whether `name` is a folder that `save_to_disk` wrote."""
    return any((Path(name) / mark).is_file() for mark in MARKS)


def read(name: str) -> DataSet:
    """The rows of `hf:OWNER/NAME`, `hf:OWNER/NAME:CONFIG` or a folder.

    Raises:
        MissingPackage: `datasets` is not installed.
        UnknownName: the Hub has no such data set.
        Unobtainable: the Hub cannot be reached.
        BadTable: other parts than train, validation and test, or columns that are neither numbers nor texts.
    """
    library = require("datasets", "datasets")
    found = _folder(library, name) if is_folder(name) else _id(library, name)
    if not isinstance(found, dict):
        found = {"train": found}
    if len(found) > 1 and not {"train", "test"} <= set(found) <= set(PARTS):
        raise BadTable(
            f"{name} has the parts {', '.join(found)}; train and test are required, validation is optional, and others "
            f"are not read: save the one you want with load_dataset(…)[PART].save_to_disk(FOLDER), and name that folder"
        )
    first = next(iter(found.values())).features
    if any(rows.features != first for rows in found.values()):
        raise BadTable(f"{name}: its parts have different columns")
    frame = pd.concat([_decoded(name, rows) for rows in found.values()], ignore_index=True)
    labels = [column for column, kind in first.items() if type(kind).__name__ == "ClassLabel"]
    target = labels[0] if len(labels) == 1 else frame.columns[-1]
    source = name if is_folder(name) else f"Hugging Face {name.partition(':')[2]}"
    return DataSet(files.declared(frame), target, source, _parts(found) if len(found) > 1 else None)


def _folder(library: Any, name: str) -> Any:
    try:
        return library.load_from_disk(name)
    except (OSError, ValueError, KeyError) as error:
        raise BadTable(f"{name} is not a complete folder of save_to_disk: {_first_line(error)}") from error


def _id(library: Any, name: str) -> Any:
    owner_name, _, config = name.removeprefix(f"{SCHEME}:").partition(":")
    try:
        return library.load_dataset(owner_name, config or None)
    except library.exceptions.DatasetNotFoundError as error:
        raise UnknownName(
            f"the Hub has no data set {owner_name!r} that this account may read ({_first_line(error)}); "
            "give hf:OWNER/NAME"
        ) from error
    except (ConnectionError, OSError) as error:
        raise Unobtainable(
            f"{name} is not on this machine and cannot be fetched from the Hub ({_first_line(error)}); try again with "
            "a network, or save it elsewhere with save_to_disk(FOLDER) and name that folder"
        ) from error
    except ValueError as error:  # no such configuration, or one must be chosen
        raise UserError(f"{name}: {_first_line(error)}; give hf:OWNER/NAME:CONFIG") from error


def _decoded(name: str, rows: Any) -> pd.DataFrame:
    """The rows with class labels by their names, missing ones (-1) as None.

    Raises:
        BadTable: columns of lists, images, audio and the like.
    """
    invalid = [column for column, kind in rows.features.items() if type(kind).__name__ not in ("Value", "ClassLabel")]
    if invalid:
        raise BadTable(
            f"{name}: {', '.join(invalid)} hold{'s' * (len(invalid) == 1)} neither numbers nor text; save it without "
            f"them: remove_columns({invalid}).save_to_disk(FOLDER)"
        )
    frame = rows.to_pandas()
    for column, kind in rows.features.items():
        if type(kind).__name__ == "ClassLabel":
            words = dict(enumerate(kind.names))
            frame[column] = pd.Series([words.get(code) for code in frame[column]], dtype=object)
    return frame


def _parts(found: dict[str, Any]) -> Given:
    ends = np.cumsum([len(rows) for rows in found.values()])
    positions = dict(zip(found, np.split(np.arange(ends[-1]), ends[:-1]), strict=True))
    return Given(positions["train"], positions.get("validation"), positions["test"])


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
