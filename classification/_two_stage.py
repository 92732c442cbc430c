"""Two-stage fine-tuning: on a pretext task, then on the target, with a fixed total of updates (paper §5.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count

import numpy as np
import pandas as pd
from sklearn.datasets import make_blobs, make_classification

from utils.errors import BadTable, TooLong, UnknownName, UserError
from utils.estimators import PlainClassifier, recipes
from utils.estimators.augmentation import Augmentation, TrainingTexts
from utils.estimators.selection import Setup
from utils.models.base import Example, FineTuning, LanguageModel
from utils.tables.encoding import is_numeric
from utils.tables.splits import Split, content_hash

N_TABLES = 2  # of a synthetic pretext, as in the paper
MOST_COLUMNS = 8  # of an unlabelled table that are predicted
Rows = tuple[pd.DataFrame, pd.Series]


@dataclass(frozen=True)
class Pretext:
    """The task of the first stage.

    Attributes:
        name: its name in the results.
        tables: rows and classes; each table gets its own template, in the wording and number format of the target.
    """

    name: str
    tables: tuple[Rows, ...]

    def sha256(self) -> str:
        """Hash of names, kinds and values of all tables."""
        return content_hash(*(part for table in self.tables for part in table))


def pretext(name: str, full: Split, target: Split, n: int, seed: int) -> Pretext | None:
    """A pretext for a target; None for "none".

    synthetic   two tables of Gaussian clusters with as many columns and classes as the target
    unlabelled  training rows of the target's table, labelled or not: one column is left empty and predicted, a number
                as its quantile bin (as many bins as the target has classes); up to 8 such tables
    noise       two tables of normal numbers whose classes are drawn at random
    shuffled    the target's training rows with randomly permuted labels

    Args:
        name: one of PRETEXTS.
        full: the split before rows were subsampled; only its training features are used.
        target: the split that the second stage learns from.
        n: approximate total of pretext rows; `shuffled` has as many as the target.
        seed: of all random draws.

    Raises:
        UnknownName: an unknown name.
        UserError: fewer than one row per class.
        BadTable: unlabelled rows with a single column, or with columns that do not vary.
    """
    if name not in PRETEXTS:
        raise UnknownName(f"no pretext {name!r}; have {', '.join(PRETEXTS)}")
    if n < N_TABLES * target.y_train.nunique():
        raise UserError(f"{n} pretext rows are fewer than one per class in {N_TABLES} tables; give more")
    make = PRETEXTS[name]
    rng = np.random.default_rng([9, seed, list(PRETEXTS).index(name)])
    return None if make is None else Pretext(name, tuple(make(full, target, n, rng)))


def _synthetic(full: Split, target: Split, n: int, rng: np.random.Generator) -> Iterator[Rows]:
    """Clusters at the corners of a cube, all columns informative; at random points if classes outnumber corners."""
    p, classes = target.X_train.shape[1], sorted(target.y_train.unique())
    for seed in rng.integers(2**31, size=N_TABLES).tolist():
        if len(classes) <= 2 ** min(p, 30):
            shape = {"n_features": p, "n_informative": p, "n_redundant": 0, "n_clusters_per_class": 1, "flip_y": 0}
            X, codes = make_classification(n // N_TABLES, n_classes=len(classes), random_state=seed, **shape)
        else:
            X, codes = make_blobs(n // N_TABLES, n_features=p, centers=len(classes), random_state=seed)
        yield _rows(X, codes, target, classes)


def _noise(full: Split, target: Split, n: int, rng: np.random.Generator) -> Iterator[Rows]:
    p, classes = target.X_train.shape[1], sorted(target.y_train.unique())
    for _ in range(N_TABLES):
        codes = rng.permutation(np.arange(n // N_TABLES) % len(classes))
        yield _rows(rng.standard_normal((len(codes), p)), codes, target, classes)


def _shuffled(full: Split, target: Split, n: int, rng: np.random.Generator) -> Iterator[Rows]:
    y = target.y_train
    yield target.X_train, pd.Series(rng.permutation(y.to_numpy()), index=y.index, name=y.name)


def _unlabelled(full: Split, target: Split, n: int, rng: np.random.Generator) -> Iterator[Rows]:
    X, n_classes = full.X_train, target.y_train.nunique()
    hidden = [name for name in X.columns if X[name].nunique() > 1]
    if X.shape[1] < 2 or not hidden:
        raise BadTable("no column can be predicted from others; leave unlabelled out of --pretexts")
    hidden = [hidden[i] for i in rng.permutation(len(hidden))[:MOST_COLUMNS]]
    for name in hidden:
        rows = rng.permutation(np.flatnonzero(X[name].notna()))[: max(n_classes, n // len(hidden))]
        yield _emptied(X.iloc[np.sort(rows)], name), _parts(X[name].iloc[np.sort(rows)], n_classes)


def _emptied(X: pd.DataFrame, column: str) -> pd.DataFrame:
    return X.assign(**{column: np.nan if is_numeric(X[column]) else None})


def _parts(values: pd.Series, n: int) -> pd.Series:
    """The categories, or the quantile bin (0 to n - 1) of each number; equal numbers share a bin."""
    if not is_numeric(values):
        return values.astype(str)
    rank = (values.rank(method="average") - 0.5) / len(values)
    return (rank * n).astype(int).map(f"{{:0{len(str(n - 1))}d}}".format)


def _rows(X: np.ndarray, codes: np.ndarray, target: Split, classes: list[str]) -> Rows:
    """A table with the target's column and class names."""
    y = pd.Series([classes[code] for code in codes], name=target.y_train.name, dtype=object)
    return pd.DataFrame(X, columns=target.X_train.columns), y


PRETEXTS: dict[str, Callable[[Split, Split, int, np.random.Generator], Iterator[Rows]] | None] = {
    "none": None,
    "synthetic": _synthetic,
    "unlabelled": _unlabelled,
    "noise": _noise,
    "shuffled": _shuffled,
}


class TwoStageClassifier(PlainClassifier):
    """LIFT tuned on a pretext, then on its training rows. Each stage has its own learning-rate schedule.

    With or without a pretext, the total is `n_updates` weight updates, rounded to whole epochs of the target, at least
    two. All arms with the same number of rows make exactly as many updates: those of the pretext are taken from the
    target. An update of the first stage has a full batch of pretext rows.

    Args:
        pretext: a Pretext, or None: all updates are the target's.
        n_updates: total of both stages. If `epochs` is given, it replaces this total, in epochs of the target.
        first_share: share of the updates spent on the pretext, above 0 and below 1.
        settings: parameters of LIFTClassifier.

    Attributes:
        n_updates_: updates of the first and the second stage.
    """

    hidden = ("pretext",)

    def __init__(self, model="lift-tiny", *, pretext=None, n_updates=400, first_share=0.5, **settings):
        super().__init__(model, **settings)
        self.pretext = pretext
        self.n_updates = n_updates
        self.first_share = first_share

    def settings(self) -> dict[str, object]:
        settings = super().settings()
        return {name: value for name, value in settings.items() if name != "updates"}

    def describe(self) -> dict[str, object]:
        own = {"pretext": None}
        if self.pretext is not None:
            own = {"pretext": self.pretext.name, "pretext_sha256": self.pretext.sha256()}
        return {**super().describe(), **own}

    def check(self, X_train, y_train, X_test) -> None:
        if self.n_updates < 2 or not 0 < self.first_share < 1:
            raise UserError(
                f"n_updates={self.n_updates} and first_share={self.first_share}: each stage needs an update; give 2 or "
                "more, and a share above 0 and below 1"
            )
        super().check(X_train, y_train, X_test)
        base = self.load_model()
        pairs = [pair for texts in self._texts(self.settings_) for pair in texts(1)]
        longest = max(base.count_tokens([prompt + completion for prompt, completion in pairs]), default=0)
        if base.context_length is not None and longest >= base.context_length:
            raise TooLong(f"a pretext row takes {longest} tokens, and {base.name} reads {base.context_length}")

    def prepare(self, setup: Setup, X: pd.DataFrame, y: np.ndarray) -> Setup:
        epochs, first = self._epochs(len(X), setup.settings)
        return replace(setup, settings=setup.settings | {"epochs": epochs - first})

    def start(self, setup: Setup, X: pd.DataFrame, y: np.ndarray) -> LanguageModel:
        """The model after the pretext, which is tuned without validation rows."""
        epochs, first = self._epochs(len(X), setup.settings)
        steps = _steps(len(X), setup.settings)
        self.n_updates_ = first * steps, (epochs - first) * steps
        return self._first_stage(setup.base, setup.settings) if first else setup.base

    def _epochs(self, n_rows: int, settings: dict[str, object]) -> tuple[int, int]:
        """Total of both stages in epochs of the target, and how many of them the pretext gets."""
        steps = _steps(n_rows, settings)
        epochs = max(2, round(self.n_updates / steps) if self.epochs is None else self.epochs)
        second = min(epochs - 1, max(1, round((1 - self.first_share) * epochs)))
        return epochs, 0 if self.pretext is None else epochs - second

    def _first_stage(self, base: LanguageModel, settings: dict[str, object]) -> LanguageModel:
        """The model after the pretext: full batches of its rows in random order, each row once per pass."""
        tables = self._texts(settings)
        size, n_updates = settings["batch_size"], self.n_updates_[0]

        def stream() -> Iterator[Example]:
            for epoch in count(1):
                examples = [pair for texts in tables for pair in texts(epoch)]
                for i in np.random.default_rng([self.seed("tuning"), epoch]).permutation(len(examples)):
                    yield examples[i]

        rows = stream()
        batches = [[next(rows) for _ in range(size)] for _ in range(n_updates)]
        named = {name: settings[name] for name in recipes.TUNING if name in settings}
        rate = float(np.atleast_1d(settings["learning_rate"])[0])
        tuning = FineTuning(learning_rate=rate, epochs=n_updates, **named)
        return base.fine_tune(lambda epoch: batches[epoch - 1], settings=tuning, seed=self.seed("tuning"))

    def _texts(self, settings: dict[str, object]) -> list[TrainingTexts]:
        """The pretext's tables as texts, each in its own template."""
        how = Augmentation(**{name: settings.get(name, 0.0) for name in ("jitter", "swap")})
        texts = []
        for X, y in self.pretext.tables if self.pretext is not None else ():
            template = self.unfitted_template(settings).fit(X, y.to_numpy())
            texts.append(TrainingTexts(template, X, y.to_numpy(), how, self.seed("texts")))
        return texts


def _steps(n_rows: int, settings: dict[str, object]) -> int:
    """Updates per epoch."""
    return -(-n_rows * settings["permutations"] // settings["batch_size"])
