"""Shared by the image experiments: their flags, their learners, and the trial of a case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from utils import baselines, study
from utils.errors import UnknownName
from utils.study import cases as trials
from utils.study.runner import Case
from utils.tables import images

if TYPE_CHECKING:
    from utils.study.cases import Trial


@dataclass(frozen=True)
class Config(study.Config):
    """The flags of `study.Config`, and how the images are processed."""

    side: int = 8  # pixels per side, by averaging; the paper has 18
    crop: int = 0  # pixels per side of a central crop made before that, 0 for none; the paper has 18
    greys: int = 256  # grey levels that pixels are rounded to; fewer levels remove small noise
    rows: int = 600  # most training images, drawn by seed; 0 for all
    test_rows: int = 0  # most test images; 0 for all

    def size(self) -> dict[str, int]:
        """Arguments of `images.Images.split`, by name: settings of every case."""
        return {name: getattr(self, name) for name in ("side", "crop", "greys", "rows", "test_rows")}


def trial(case: Case, config: Config) -> Trial:
    """The case's learner, a network or one of `study.learner`, and its image pixels, cut to --limit.

    Raises:
        UserError: unknown images or an unknown method, or sizes that do not fit the images.
    """
    pictures = images.load(case.dataset)
    rows = pictures.split(case.seed, **config.size(), protocol=config.protocol)
    rows = rows.limit(config.limit) if config.limit else rows
    return trials.Trial(pictures.name, pictures.source, rows, learner(case, config))


def learner(case: Case, config: Config):
    """The case's learner, not fitted. Raises UnknownName."""
    from utils.baselines.pixel_networks import NETWORKS, PixelNetwork

    if case.method in NETWORKS:
        return PixelNetwork(case.method, config.side, config.greys, case.seed)
    available = ("lift", *NETWORKS, *baselines.names("classification"))
    if case.method.partition(":")[0] not in available:
        raise UnknownName(f"no method {case.method!r} for images; have {', '.join(available)}")
    return study.learner(case, config, "classification")
