"""Rows drawn from a learner, given their label and perhaps their first half (paper §4.3), and how real they look.

lift        a language model tuned on label → row, its texts read as rows
gaussian    a normal distribution for each class, its covariance shrunk (Ledoit-Wolf)
marginals   each cell drawn by itself from the training rows of the class
bootstrap   copies of training rows of the class: perfect rows, none of them new
real        no drawing: the training rows themselves, what the others are measured against

All are learners of labels: a random forest is fitted on the drawn rows and answers for them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.covariance import LedoitWolf
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier

from others._generation.row_texts import RowTexts
from utils.baselines import Classical
from utils.errors import TooLong, UnknownName, UserError
from utils.estimators import PlainClassifier, inputs, recipes
from utils.learners import Answers
from utils.models.base import FineTuning
from utils.tables.encoding import Encoder
from utils.tables.splits import content_hash

GIVEN = ("label", "half")
REFERENCES = ("gaussian", "marginals", "bootstrap", "real")
ROUNDS = 3  # draws after which rows that could not be read are given up
_tuned: dict[str, object] = {}  # the last model of this process; other temperatures draw from it as well


class RowGenerator(ClassifierMixin, BaseEstimator):
    """What all share: labels and given cells to draw for, and a forest on what was drawn.

    Attributes after fit:
        texts_: `RowTexts` of the training rows.
        drawn_, labels_: rows and their labels; fewer than asked for where some could not be read.
        valid_: share of the first draws that were rows.
        forest_: fitted on them; the majority of the training labels where nothing was drawn.
    """

    def _finish(self, codes: list[list[int]], labels: list, y: np.ndarray) -> None:
        self.drawn_, self.labels_ = self.texts_.frame(codes), np.array(labels, dtype=y.dtype)
        self.classes_ = np.unique(y)
        self.encoder_ = Encoder().fit(self.drawn_ if len(codes) else self.texts_.frame([self.texts_.least_]))
        if len(codes):
            self.forest_ = RandomForestClassifier(random_state=self._state())
            self.forest_.fit(self.encoder_.transform(self.drawn_), self.labels_)
        else:
            self.forest_ = DummyClassifier().fit(np.zeros((len(y), 1)), y)

    def predict(self, X) -> np.ndarray:
        """(n,) labels."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def predict_proba(self, X) -> np.ndarray:
        """(n, n_classes) probabilities of the forest; 0 for a class of which no row was drawn."""
        found = self.forest_.predict_proba(self.encoder_.transform(self.texts_.rounded(X)))
        whole = np.zeros((len(X), len(self.classes_)))
        whole[:, np.searchsorted(self.classes_, self.forest_.classes_)] = found
        return whole


class Reference(Classical, RowGenerator):
    """A way to draw rows that is no language model."""

    def __init__(self, name, given="label", levels=1000, top=None, seed=0):
        self.name = name
        self.given = given
        self.levels = levels
        self.top = top
        self.seed = seed

    def describe(self) -> dict[str, object]:
        return {"method": self.name, "given": self.given, "levels": self.levels, "top": self.top}

    def check(self, *rows) -> None:
        """Raises UnknownName for another name, whatever the rows."""
        if self.name not in REFERENCES or self.given not in GIVEN:
            raise UnknownName(f"no rows by {self.name!r} given {self.given!r}; have lift, {', '.join(REFERENCES)}")

    def fit(self, X, y, validation=None):
        """Draws as many rows as X has, in the classes of y; half rows are those of the validation rows."""
        self.check()
        y = np.asarray(y)
        self.texts_ = RowTexts(self.levels, self.top).fit(X)
        known, labels = wanted(self.texts_, X, y, validation, self.given, self.seed)
        codes, rng = self.texts_.codes(X), np.random.default_rng([51, self.seed])
        if self.name == "real":
            rows, labels = codes, y
        else:
            rows = np.empty((len(labels), X.shape[1]), dtype=int)
            for label in np.unique(labels):
                asked = np.asarray(labels) == label
                rows[asked] = self._draw(codes[y == label], known[asked], rng)
        self.best_params_, self.valid_ = {}, 1.0
        self._finish(rows.tolist(), list(labels), y)
        return self

    def _draw(self, codes: np.ndarray, known: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Rows of one class, shape (n, p), from its training rows and the first cells of each row, shape (n, k)."""
        n, k, p = len(known), known.shape[1], codes.shape[1]
        if self.name == "bootstrap":
            rows = codes[rng.integers(len(codes), size=n)]
        elif self.name == "marginals":
            rows = np.column_stack([rng.choice(codes[:, i], n) for i in range(p)])
        else:
            rows = self._normal(codes, known, rng)
        rows[:, :k] = known
        return rows

    def _normal(self, codes: np.ndarray, known: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Normal rows given their first cells, rounded and kept within the codes."""
        k, spread = known.shape[1], 1e-6 * np.eye(codes.shape[1])
        mean = codes.mean(axis=0)
        if len(codes) > 1:  # one row alone has no spread
            spread += LedoitWolf().fit(codes).covariance_
        centre, rest = np.tile(mean[k:], (len(known), 1)), spread[k:, k:]
        if k:
            weights = np.linalg.solve(spread[:k, :k], spread[:k, k:])
            centre, rest = centre + (known - mean[:k]) @ weights, rest - spread[k:, :k] @ weights
        noise = rng.multivariate_normal(np.zeros(len(rest)), rest, len(known), method="eigh")
        drawn = np.column_stack([known, centre + noise])
        return np.clip(np.floor(drawn + 0.5), self.texts_.least_, self.texts_.most_).astype(int)

    def _state(self) -> int:
        return self.seed


class RowWriter(RowGenerator, PlainClassifier):
    """LIFT the other way round: the prompt is a label, the completion a row.

    The epoch is the one with the least loss on the validation rows.

    Args:
        given: "label", or "half": the label and the first half of the row's cells, those of validation rows.
        temperature: at which rows are drawn.
        row_levels: of numbers in the texts.
        top: the greatest code of whole numbers, see `RowTexts`.
        n_updates: of the weights, rounded to whole epochs, where `epochs` is not given.
        settings: parameters of LIFTClassifier.
    """

    def __init__(
        self, model="lift-tiny", *, given="label", temperature=1.0, row_levels=1000, top=None, n_updates=400, **settings
    ):
        super().__init__(model, **settings)
        self.given = given
        self.temperature = temperature
        self.row_levels = row_levels
        self.top = top
        self.n_updates = n_updates

    def options(self) -> str:
        own = ("given", "temperature", "row_levels", "top", "n_updates")  # columns of their own
        given = self.get_params(deep=False)
        return PlainClassifier(**{name: value for name, value in given.items() if name not in own}).options()

    def check(self, X_train, y_train, X_test) -> None:
        if self.given not in GIVEN:
            raise UnknownName(f"rows cannot be given {self.given!r}; have {', '.join(GIVEN)}")
        if self.temperature <= 0:
            raise UserError(f"at temperature {self.temperature} all rows of a class are the same; give one above 0")
        super().check(X_train, y_train, X_test)
        base, texts = self.load_model(), RowTexts(self.row_levels, self.top).fit(X_train)
        longest = max(base.count_tokens([f"{len(self.template_.classes_)} =>{text}" for text in texts.write(X_train)]))
        if base.context_length is not None and longest + 2 > base.context_length:
            raise TooLong(f"a row takes {longest} tokens, and {base.name} reads {base.context_length}; drop columns")

    def fit(self, X, y, validation=None):
        """Tunes the model on label → row, then draws as many rows as X has, in the classes of y."""
        X, y = inputs.training(self, X, y)
        base, self.settings_, self.candidate_ = self.load_model(), self.settings(), {}
        if validation is None:
            X, y, validation = inputs.hold_out(X, y, self.task, self.validation_fraction, self.seed("hold-out"))
        self.template_ = self.unfitted_template(self.settings_).fit(X, y)
        self.texts_ = RowTexts(self.row_levels, self.top).fit(X)
        self.longest_ = max(base.count_tokens(self.texts_.write(X))) + 2
        self.best_epoch_, self.best_learning_rate_ = 0, float("nan")
        self._tune_writer(base, X, y, validation)
        known, labels = wanted(self.texts_, X, y, validation, self.given, self.random_state)
        self._draw_rows(known, labels, y)
        return self

    def _prompts(self, labels) -> list[str]:
        codes = {label: code for code, label in enumerate(self.template_.classes_.tolist())}
        return [f"{codes[label]} =>" for label in labels]

    def _pairs(self, X, y) -> list[tuple[str, str]]:
        return list(zip(self._prompts(y), self.texts_.write(X), strict=True))

    def _tune_writer(self, base, X, y, validation) -> None:
        """Sets model_ and the facts of its tuning, those of the last fit where only the drawing differs."""
        alike = {k: v for k, v in self.describe().items() if k not in ("given", "temperature")}
        parts = [X, pd.Series(y)]
        parts += [] if validation is None else [validation[0], pd.Series(np.asarray(validation[1]))]
        key = f"{alike} {self.device} {self.dtype} {content_hash(*parts)}"
        if not self.settings_["epochs"]:
            self.model_, self.n_tokens_trained_ = base, 0
        elif key in _tuned:
            self.model_, self.best_epoch_, self.best_learning_rate_, self.n_tokens_trained_ = _tuned[key]
        else:
            tuning = recipes.tuning(self.settings_, len(X))
            n_epochs = (
                tuning.epochs if self.epochs is not None else max(1, round(self.n_updates / steps(len(X), tuning)))
            )
            rate = float(np.atleast_1d(self.settings_["learning_rate"])[0])
            tuning = replace(tuning, learning_rate=rate, epochs=n_epochs)
            held = []
            if validation is not None:
                rows, labels = inputs.frame(self, validation[0], reset=False), np.asarray(validation[1])
                seen = np.isin(labels, self.template_.classes_)
                held = self._pairs(rows[seen], labels[seen])
            losses = {}

            def on_epoch(epoch, model, loss):
                losses[epoch] = loss
                return None if np.isnan(loss) else -loss

            seed = self.seed("tuning")
            self.model_ = base.fine_tune(self._pairs(X, y), held, settings=tuning, seed=seed, on_epoch=on_epoch)
            self.best_epoch_ = min(losses, key=losses.get) if held else tuning.epochs
            self.best_learning_rate_, self.n_tokens_trained_ = rate, self.model_.n_tokens_trained
            _tuned.clear()
            _tuned[key] = self.model_, self.best_epoch_, rate, self.n_tokens_trained_

    def _draw_rows(self, known: np.ndarray, labels: list, y: np.ndarray) -> None:
        """Draws a row for each label and its known cells; what cannot be read is drawn again, some times."""
        starts = [p + self.texts_.words(cells) for p, cells in zip(self._prompts(labels), known.tolist(), strict=True)]
        rows: list[list[int] | None] = [None] * len(labels)
        self.first_texts_: list[str] = []
        for attempt in range(ROUNDS):
            open_ = [i for i, row in enumerate(rows) if row is None]
            texts = self._answers_to([starts[i] for i in open_], attempt)
            for i, text in zip(open_, texts, strict=True):
                rows[i] = self.texts_.read(starts[i].partition("=>")[2] + text)
            if not attempt:
                self.first_texts_ = [start + text for start, text in zip(starts, texts, strict=True)]
                self.valid_ = float(np.mean([row is not None for row in rows]))
            if None not in rows:
                break
        kept = [i for i, row in enumerate(rows) if row is not None]
        self._finish([rows[i] for i in kept], [labels[i] for i in kept], y)

    def _answers_to(self, prompts: list[str], attempt: int) -> list[str]:
        """One text for each prompt; equal prompts get different draws."""
        counts = pd.Series(prompts).value_counts(sort=False)
        seed = self.seed("sampling") + attempt
        draws = {}
        for n, group in counts.groupby(counts):  # prompts with equally many draws together
            how = {"temperature": self.temperature, "samples": int(n), "max_new_tokens": self.longest_, "seed": seed}
            texts = self.model_.generate(list(group.index), **how)
            draws |= dict(zip(group.index, map(iter, texts), strict=True))
        return [next(draws[prompt]) for prompt in prompts]

    def answers(self, X) -> Answers:
        """The forest's answers; prompts and texts are those of drawn rows, in no relation to X, to look at them."""
        drawn = [self.first_texts_[i % len(self.first_texts_)] for i in range(len(X))]
        proba = self.predict_proba(X)
        prompts = [text.partition("=>")[0] + "=>" for text in drawn]
        values = self.classes_[proba.argmax(axis=1)].tolist()
        return Answers(prompts, drawn, values, np.log(np.maximum(proba, 1e-300)))

    def _state(self) -> int:
        return self.random_state


def steps(n_rows: int, tuning: FineTuning) -> int:
    """Updates of an epoch."""
    return -(-n_rows // tuning.batch_size)


def wanted(texts: RowTexts, X, y, validation, given: str, seed: int) -> tuple[np.ndarray, list]:
    """What is drawn: codes of the cells that are given, shape (n, k), and n labels; as many as there are training rows.

    Given the label, k is 0 and the labels are those of y. Given the half, both are those of validation rows (of
    training rows where there are none), which come again as often as needed.
    """
    rng = np.random.default_rng([50, seed])
    if given == "label":
        return np.empty((len(y), 0), dtype=int), rng.permutation(y).tolist()
    rows, labels = (X, np.asarray(y)) if validation is None else (validation[0], np.asarray(validation[1]))
    seen = np.flatnonzero(np.isin(labels, np.unique(y)))
    chosen = np.concatenate([rng.permutation(seen) for _ in range(-(-len(y) // len(seen)))])[: len(y)]
    return texts.codes(rows)[chosen, : X.shape[1] // 2], labels[chosen].tolist()
