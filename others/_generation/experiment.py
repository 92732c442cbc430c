"""What the experiment on generation needs beside its flags: the trial of a case, and the sheet of drawn images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from others._generation import generators, realism, row_texts, sheets
from utils import study
from utils.results import Results
from utils.study import cases as trials
from utils.study.runner import Case
from utils.tables import images

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from others._generation.row_texts import RowTexts
    from utils.study.cases import Trial
    from utils.tables.splits import Split

IMAGES = "images:"  # before the name of images; all else are tables
COPIES = 2  # pictures of a class on a sheet


@dataclass(frozen=True)
class Config(study.Config):
    """The flags of `study.Config`, and how rows and images are written."""

    row_levels: int = 100  # of numbers in the texts of tables
    image_rows: int = 200  # most training images, drawn by seed; 0 for all
    updates: int = 400  # of the weights, where --epochs is not given
    side: int = 8  # pixels a side, by averaging
    greys: int = 17  # grey levels of images

    def levels_of(self, dataset: str) -> int:
        """Numbers that a word of a row's text may be."""
        return self.greys if dataset.startswith(IMAGES) else self.row_levels


def split(dataset: str, seed: int, config: Config) -> tuple[str, Split]:
    """The source of a table or of images, and its rows, cut to --limit. Raises UserError for unknown names."""
    if not dataset.startswith(IMAGES):
        trial = study.trial(Case(dataset, "majority", seed), config, "classification")
        return trial.source, trial.split
    found, size = images.load(dataset.removeprefix(IMAGES)), {"side": config.side, "greys": config.greys}
    rows = found.split(seed, **size, rows=config.image_rows, protocol=config.protocol)
    return found.source, rows.limit(config.limit) if config.limit else rows


def trial(case: Case, config: Config) -> Trial:
    """The rows of a case and the way to draw others, `generators.RowWriter` or one of `generators.REFERENCES`."""
    source, rows = split(case.dataset, case.seed, config)
    levels, given = config.levels_of(case.dataset), case.settings["given"]
    top = levels - 1 if case.dataset.startswith(IMAGES) else None
    learner = generators.Reference(case.method, given, levels, top, case.seed)
    size = f" {config.side}x{config.side}" if top else ""
    found = trials.Trial(case.dataset + size, source, rows, learner)
    if case.is_lift:
        plain = replace(found, learner=config.lift("classification", case.seed)).learner.get_params(deep=False)
        own = {"given": given, "temperature": case.settings["temperature"], "row_levels": levels, "top": top}
        own |= {"n_updates": config.updates}
        found = replace(found, learner=generators.RowWriter(**{**plain, **own}))
    return replace(found, measures=realism.measures(found.learner, rows))


def sheet(results: Results, frame: pd.DataFrame, config: Config) -> Figure:
    """Drawn images of one data set beside real ones: a line for what was given and for each temperature.

    Args:
        frame: finished cases of LIFT with one data set and one seed.
    """
    first = frame.iloc[0]
    rows = split(first["dataset"].split()[0], int(first["seed"]), config)[1]
    labels = sorted(rows.y_train.unique())
    texts = row_texts.RowTexts(config.greys, config.greys - 1).fit(rows.X_train)
    real = [
        f"{code} =>{text}"
        for code, label in enumerate(labels)
        for text in texts.write(rows.X_test[rows.y_test == label].head(COPIES))
    ]
    lines: dict[str, list[np.ndarray | None]] = {"real test images": _squares(real, texts, config.side, len(labels))}
    halved = []
    for case in frame.sort_values(["given", "temperature"], ascending=[False, True]).itertuples():
        name = f"given {case.given}, temperature {case.temperature:g}"
        halved += [name] if case.given == "half" else []
        drawn = results.answers(case.key)["text"].tolist()
        lines[name] = _squares(drawn, texts, config.side, len(labels))
    return sheets.pictures(lines, config.greys - 1, f"{first['dataset']}: images drawn by LIFT", halved)


def _squares(texts: list[str], reader: RowTexts, side: int, n_labels: int) -> list[np.ndarray | None]:
    """The first images of each label, label by label; None where a text is no image or there are too few."""
    found: Mapping[str, list] = {str(code): [] for code in range(n_labels)}
    for text in texts:
        code, _, cells = text.partition(" =>")
        read = reader.read(cells)
        found[code].append(None if read is None else np.array(read).reshape(side, side))
    return [square for squares in found.values() for square in [*squares, *[None] * COPIES][:COPIES]]
