"""A LIFT regressor that is evaluated on all parts of the split after each epoch (paper, appendix)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from utils import metrics, plots
from utils.errors import UserError
from utils.estimators import LIFTRegressor
from utils.estimators.selection import Setup
from utils.models.base import LanguageModel
from utils.tables.splits import PARTS, Split

PART_COLOURS = {"train": "0.6", "validation": plots.COLOURS[0], "test": plots.LIFT_COLOUR}

KEYS = ["dataset", "rate", "jitter"]  # columns that, with the seed, identify a curve


class WatchedRegressor(LIFTRegressor):
    """Learns, chooses and answers as LIFTRegressor does; `watch` sets what is evaluated in addition.

    One difference: with `jitter=0` the training targets get no noise either, whatever the model's recipe says, so that
    every epoch has the same texts, as in the paper.
    """

    def watch(self, split: Split) -> WatchedRegressor:
        """After each epoch of `fit`, all parts of the split are evaluated; returns itself."""
        self.split = split
        return self

    def settings(self) -> dict[str, object]:
        """As LIFT's, see above."""
        return super().settings() | ({"target_jitter": 0.0} if self.jitter == 0 else {})

    def looks(self) -> pd.DataFrame:
        """One row per epoch of the chosen fine-tune.

        epoch
        loss_PART   mean over the rows of train, validation and test of -ln p(the text of the true number), in nats
        rae_PART    relative absolute error of the answers; unreadable answers count as the mean of the training targets
        recited     share of training targets' texts among the distinct answer texts for test rows
        """
        return pd.DataFrame(self.runs_[json.dumps(self.candidate_)])

    def memorised(self, values: list) -> float:
        """Share of the distinct numbers, as written by the template, that are texts of training targets.

        The model can memorise texts only, so an answer between two levels counts as the nearest level.
        """
        training_texts = set(self.template_.completions(self.split.y_train))
        answered = set(self.template_.completions([value for value in values if value is not None]))
        return len(answered & training_texts) / len(answered) if answered else float("nan")

    def fit(self, X, y, validation=None):
        self.runs_: dict[str, list[dict[str, float]]] = {}
        return super().fit(X, y, validation)

    fit.__doc__ = LIFTRegressor.fit.__doc__

    def start(self, setup: Setup, X: pd.DataFrame, y: np.ndarray) -> LanguageModel:
        return _Watched(setup.base, self._look)

    def _look(self, epoch: int, model: LanguageModel) -> None:
        key = json.dumps(self.candidate_)  # the candidate being tuned; its next fine-tune replaces these looks
        if epoch == 1:
            self.runs_[key] = []
        look = {"epoch": epoch}
        for part in PARTS:
            X, y = getattr(self.split, f"X_{part}"), getattr(self.split, f"y_{part}").to_numpy()
            values = self.read(model, X).values
            look[f"loss_{part}"] = self._loss(model, X, y)
            look[f"rae_{part}"] = metrics.regression(y, values, fill=self.template_.mean_)["rae_mean_filled"]
        look["recited"] = self.memorised(values)  # of the last part, the test rows
        self.runs_[key].append(look)

    def _loss(self, model: LanguageModel, X: pd.DataFrame, y: np.ndarray) -> float:
        prompts, completions = np.array(self.reader_.prompts(X), dtype=object), self.template_.completions(y)
        texts, codes = np.unique(np.array(completions, dtype=object), return_inverse=True)
        if self.template_.candidates_ is not None:  # one token each: scoring all costs the same as scoring one
            return -float(model.log_likelihood(prompts.tolist(), texts.tolist())[np.arange(len(y)), codes].mean())
        own = [model.log_likelihood(prompts[codes == i].tolist(), [text]).sum() for i, text in enumerate(texts)]
        return -float(np.sum(own) / len(y))


class _Watched:
    """A language model that reports every epoch of its fine-tunes to an observer first."""

    def __init__(self, model: LanguageModel, look: Callable[[int, LanguageModel], None]) -> None:
        self.model, self.look = model, look

    def __getattr__(self, name: str):
        return getattr(self.model, name)

    def fine_tune(self, examples, validation=(), *, settings, seed, on_epoch=None) -> LanguageModel:
        """As in the wrapped model."""

        def told(epoch: int, model: LanguageModel, loss: float) -> float | None:
            self.look(epoch, model)
            return None if on_epoch is None else on_epoch(epoch, model, loss)

        every = replace(settings, evaluate_every=1, patience=0)
        return self.model.fine_tune(examples, validation, settings=every, seed=seed, on_epoch=told)


def watched(learner: LIFTRegressor, split: Split) -> WatchedRegressor:
    """The same learner, not fitted, set to evaluate all parts of the split after each epoch.

    Raises:
        UserError: the model is not tuned, so there are no epochs.
    """
    if learner.epochs == 0:
        raise UserError("without tuning there are no epochs to follow; give --epochs 1 or more")
    return WatchedRegressor(**learner.get_params(deep=False)).watch(split)


def measures(learner: WatchedRegressor, at: tuple[int, ...]) -> Mapping[str, Callable[[pd.DataFrame], float]]:
    """Columns of a result row, for `Trial.measures`.

    epoch_by_loss, epoch_by_rae          epochs chosen on the validation rows, by loss and by decoded error
    rae_test_by_loss, rae_test_by_rae    error on the test rows after these epochs
    recited_truth                        `WatchedRegressor.memorised` of the true test targets: the chance level
    NAME_eN                              the columns of `looks` after the epochs N of `at`; nan if tuning ended earlier
    """

    def chosen(by: str) -> pd.Series:
        looks = learner.looks()
        return looks.loc[looks[f"{by}_validation"].idxmin()]

    def at_epoch(name: str, epoch: int) -> float:
        looks = learner.looks().set_index("epoch")[name]
        return float(looks.get(epoch, np.nan))

    found = {f"epoch_by_{by}": lambda answers, by=by: chosen(by)["epoch"] for by in ("loss", "rae")}
    found |= {f"rae_test_by_{by}": lambda answers, by=by: chosen(by)["rae_test"] for by in ("loss", "rae")}
    found["recited_truth"] = lambda answers: learner.memorised(learner.split.y_test.tolist())
    for name in (*(f"{kind}_{part}" for kind in ("loss", "rae") for part in PARTS), "recited"):
        for epoch in at:
            found[f"{name}_e{epoch}"] = lambda answers, name=name, epoch=epoch: at_epoch(name, epoch)
    return found


def curves(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns NAME_eN of result rows as a long table: KEYS, seed, epoch and one column per NAME."""
    names = [column.rpartition("_e") for column in frame if column.rpartition("_e")[2].isdigit()]
    parts = []
    for epoch in sorted({int(number) for _, _, number in names}):
        columns = {f"{name}_e{number}": name for name, _, number in names if int(number) == epoch}
        kept = frame[[*KEYS, "seed", *columns]].rename(columns=columns)
        parts.append(kept.assign(epoch=epoch))
    return pd.concat(parts, ignore_index=True).dropna(subset="loss_train")


def epoch_panels(curves: pd.DataFrame, chosen: pd.DataFrame, title: str) -> Figure:
    """Loss and decoded error of all parts by epoch, one row of panels per data set and setting.

    Vertical lines mark the epoch chosen on the validation rows: dotted by loss, solid by decoded error.

    Args:
        curves: rows of `curves`.
        chosen: rows with the columns of KEYS, epoch_by_loss and epoch_by_rae.
        title: what the figure shows.
    """
    names = {
        key: f"{key[0]}\nrate {key[1]:g}, jitter {key[2]}"
        for key in sorted(set(curves[KEYS].itertuples(index=False, name=None)))
    }
    titles = ("loss (nats per answer)", "RAE of the answers", "share of memorised answers")
    figure, grid = plots.panel_table(list(names.values()), titles, sharex=True, sharey="col")
    for row, key in zip(grid, names, strict=True):
        part, stops = (rows[(rows[KEYS] == list(key)).all(axis=1)] for rows in (curves, chosen))
        means = part.groupby("epoch").mean(numeric_only=True)
        for axes, kind in zip(row, ("loss", "rae"), strict=False):
            for name, colour in PART_COLOURS.items():
                axes.plot(means.index, means[f"{kind}_{name}"], color=colour, marker="o", markersize=3, label=name)
        row[2].plot(means.index, means["recited"], color=plots.LIFT_COLOUR, marker="o", markersize=3)
        row[2].axhline(stops["recited_truth"].mean(), color="0.6", linewidth=3, zorder=0, label="of the true targets")
        row[2].set_ylim(0, 1)
        for axes in row:
            for by, style in (("loss", ":"), ("rae", "-")):
                name = f"lowest validation {'RAE' if by == 'rae' else by}"
                axes.axvline(stops[f"epoch_by_{by}"].mean(), color="k", linestyle=style, linewidth=1, label=name)
    grid[0, 0].set_xscale("log")
    grid[0, 1].set_ylim(bottom=0)
    grid[0, 0].xaxis.set_major_formatter("{x:g}")
    grid[0, 0].xaxis.set_minor_formatter("")
    return plots.finished(figure, grid.flat, title, "epoch")
