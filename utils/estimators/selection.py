"""Selection on the validation rows: among the settings that a recipe proposes, learning rates and epochs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pandas as pd

from ..errors import BadModel, TooLong
from ..models.base import Example, Examples, FineTuning, LanguageModel
from ..prompts import Template
from . import recipes
from .answering import Reader

EVALUATIONS = 20  # maximum decodings of the validation rows during one fine-tune
CANDIDATE_SHARE = 0.25  # of the updates, used to try a candidate; the recipe may override it
CONDITIONS: dict[str, Callable[[pd.DataFrame, np.ndarray], float]] = {  # of a candidate, by name
    "max_rows": lambda X, y: len(X),
    "max_rows_per_class": lambda X, y: len(X) / len(np.unique(y)),
    "min_rows_per_class": lambda X, y: len(X) / len(np.unique(y)),
    "max_classes": lambda X, y: len(np.unique(y)),
    "max_columns": lambda X, y: X.shape[1],
    "min_columns": lambda X, y: X.shape[1],
}
MOST_SPREAD_RATIO = 30.0  # largest ratio of the widest to the narrowest column at which columns may share a unit
FEWEST_NUMBERS = 3  # columns of the same unit; with fewer, rows have no pattern of their own
FREE = (*recipes.TEMPLATE, *recipes.TUNING, *recipes.LENGTH)  # what a candidate may change, plus:
FREE += ("decoding", "learning_rate", "jitter", "target_jitter", "swap", "versions", "shots", "shot_choice")
FREE += ("model", "epochs", "permutations", "shot_tokens")
RULES = ("if", "alone")  # keys of a candidate that are not settings


@dataclass(frozen=True)
class Setup:
    """A learner with its rows, before tuning.

    Attributes:
        base: the model that is tuned, or queried untuned.
        overrides: the candidate contained in the settings; {} for the plain ones.
        settings: all effective settings, by name.
        template: fitted on the training rows.
        reader: queries the model and reads answers; knows which rows the prompts show.
    """

    base: LanguageModel
    overrides: dict[str, object]
    settings: dict[str, object]
    template: Template
    reader: Reader

    def longest(self, rows: Sequence[pd.DataFrame]) -> int:
        """Tokens of the longest prompt of these rows, with its answer."""
        return max(max(self.base.count_tokens(self.reader.prompts(X))) for X in rows) + self.reader.max_new_tokens

    def check_length(self, rows: Sequence[pd.DataFrame]) -> None:
        """Raises TooLong if a prompt of these rows with its answer exceeds the model's context."""
        model, n_tokens = self.base, self.longest(rows)
        if model.context_length is not None and n_tokens > model.context_length:
            raise TooLong(
                f"a row of {rows[0].shape[1]} columns takes {n_tokens} tokens with its answer, and {model.name} reads "
                f"at most {model.context_length}; make it shorter (--wording compact, --numbers scaled, fewer "
                "--shots), leave out columns, or use a model with a longer context"
            )

    def known_pairs(self, X: pd.DataFrame, y: np.ndarray) -> list[Example]:
        """Validation pairs for the token loss; a class absent from the training rows has no text."""
        if self.template.task == "classification":
            is_known = np.isin(y, self.template.classes_)
            X, y = X[is_known], y[is_known]
        return list(zip(self.reader.prompts(X), self.template.completions(y), strict=True)) if len(y) else []

    def same_as(self, other: Setup) -> bool:
        """Whether both would give the same result."""
        return _effective(self.settings) == _effective(other.settings)


@dataclass
class Outcome:
    """The best of several fine-tunes.

    Attributes:
        model: with the weights of its best epoch.
        score: on the validation rows; 0 without them.
        epoch, learning_rate: where it was reached.
        history: one dict per epoch: learning_rate, epoch, validation_loss, validation_score.
        n_tokens: trained on, over all epochs and learning rates.
    """

    model: LanguageModel | None = None
    score: float = -np.inf
    epoch: int = 0
    learning_rate: float = float("nan")
    history: list[dict[str, object]] = field(default_factory=list)
    n_tokens: int = 0


def candidates(settings: dict[str, object], fixed: set[str], X: pd.DataFrame, y: np.ndarray) -> list[dict[str, object]]:
    """The recipe's candidates for this table, each without the settings that the user has fixed.

    Args:
        settings: with the recipe's "candidates", a list of dicts of settings. A candidate may restrict itself under
            "if" to certain tables: "max_rows", "max_rows_per_class", "min_rows_per_class" (on average), "max_columns",
            "min_columns", "max_classes". With "alone" it replaces the others on these tables. One that names another
            "model" is dropped if the user has fixed anything.
        fixed: names of the settings given by the user.
        X: the training rows. Levels of a "row" or a "table" require at least three columns, all numeric and
            apparently in the same unit; those of a "quantile" require a numeric column.
        y: the training targets.

    Raises:
        BadModel: a candidate names something that is not a setting, or that candidates cannot change.
    """
    proposed = settings.get("candidates", [])
    unknown = sorted({name for candidate in proposed for name in candidate} - {*FREE, *RULES})
    if unknown:
        raise BadModel(f"the recipe's candidates change {', '.join(unknown)}; they may change {', '.join(FREE)}")
    unknown = sorted({name for candidate in proposed for name in candidate.get("if", {})} - set(CONDITIONS))
    if unknown:
        raise BadModel(f'a candidate\'s "if" names {", ".join(unknown)}; it may name {", ".join(CONDITIONS)}')
    sizes = {name: measure(X, y) for name, measure in CONDITIONS.items()}
    holding = [
        candidate
        for candidate in proposed
        if all(_holds(name, sizes[name], v) for name, v in candidate.get("if", {}).items())
    ]
    allowed = [candidate for candidate in holding if "model" not in candidate or not fixed]
    free = [(candidate, {k: v for k, v in candidate.items() if k not in {*fixed, *RULES}}) for candidate in allowed]
    suited = [(candidate.get("alone", False), overrides) for candidate, overrides in free if _suits(overrides, X)]
    alone = [overrides for is_alone, overrides in suited if is_alone]
    return alone[:1] or [overrides for _, overrides in suited]


def _holds(name: str, size: float, limit: float) -> bool:
    return size >= limit if name.startswith("min_") else size <= limit


def tune(
    base: LanguageModel,
    texts: Examples,
    held_out: Sequence[Example],
    tuning: FineTuning,
    rates: Sequence[float],
    score: Callable[[LanguageModel], float] | None,
    seed: int,
) -> Outcome:
    """One fine-tune per learning rate; the validation rows choose among rates and epochs.

    Args:
        base: not modified.
        texts: training pairs of an epoch.
        held_out: validation pairs, for the token loss.
        tuning: its learning rate is replaced by each of `rates`.
        score: of a model on the validation rows, greater is better; None without such rows, in which case the first
            rate and the last epoch are used.
        seed: of the tuning.
    """
    from ..models.local.multi_lora import fine_tune_each  # loads torch

    best = Outcome()
    tuning = replace(tuning, evaluate_every=-(-tuning.epochs // EVALUATIONS))
    scores: list[dict[int, float]] = [{} for _ in rates]
    histories: list[list[dict[str, object]]] = [[] for _ in rates]

    def on_epoch(which: int, epoch: int, model: LanguageModel, loss: float) -> float | None:
        if score is not None:
            scores[which][epoch] = score(model)
        row = {"learning_rate": rates[which], "epoch": epoch, "validation_loss": loss}
        histories[which].append({**row, "validation_score": scores[which].get(epoch)})
        return scores[which].get(epoch)

    tuned = fine_tune_each(
        base,
        texts,
        held_out,
        settings=[replace(tuning, learning_rate=rate) for rate in rates],
        seeds=[seed] * len(rates),
        on_epochs=[partial(on_epoch, which) for which in range(len(rates))],
    )
    for model, own, rate in zip(tuned, scores, rates, strict=True):
        epoch = max(own, key=own.get, default=tuning.epochs)
        best.n_tokens += model.n_tokens_trained - base.n_tokens_trained
        if best.model is None or own.get(epoch, 0.0) > best.score:
            best.model, best.score, best.epoch, best.learning_rate = model, own.get(epoch, 0.0), epoch, rate
    best.history = [row for history in histories for row in history]
    return best


def shortened(tuning: FineTuning, settings: dict[str, object]) -> FineTuning:
    """The tuning of a trial: the recipe's share of the updates, at least one epoch."""
    return replace(tuning, epochs=max(1, round(share(settings) * tuning.epochs)))


def goes_on(settings: dict[str, object]) -> bool:
    """Whether the best trial continues from where it ended: with a single, constant learning rate."""
    return settings.get("schedule") == "constant" and np.size(settings["learning_rate"]) == 1


def joined(begun: Outcome, rest: Outcome, n_done: int) -> Outcome:
    """A trial of `n_done` epochs and its continuation from the best weights, as one fine-tune; ties go to the first."""
    later = [{**row, "epoch": row["epoch"] + n_done} for row in rest.history]
    both = {"history": begun.history + later, "n_tokens": begun.n_tokens + rest.n_tokens}
    return replace(rest, epoch=rest.epoch + n_done, **both) if rest.score > begun.score else replace(begun, **both)


def share(settings: dict[str, object]) -> float:
    """A trial's share of the updates; at 1 the best trial is the result, without further tuning."""
    return min(1.0, settings.get("candidate_share", CANDIDATE_SHARE))


def _suits(overrides: dict[str, object], X: pd.DataFrame) -> bool:
    n_numeric = sum(pd.api.types.is_numeric_dtype(kind) for kind in X.dtypes)
    scale = overrides.get("scale")
    if scale in ("row", "table"):
        return FEWEST_NUMBERS <= n_numeric == X.shape[1] and _of_one_unit(X)
    return scale != "quantile" or n_numeric > 0


def _of_one_unit(X: pd.DataFrame) -> bool:
    """Whether the columns have similar spreads: ages next to incomes have no pattern within a row."""
    low, high = (X.astype(float).quantile(share).to_numpy() for share in (0.05, 0.95))
    spread = (high - low)[high > low]
    return len(spread) > 0 and spread.max() <= MOST_SPREAD_RATIO * spread.min()


def _effective(settings: dict[str, object]) -> dict[str, object]:
    """The settings without those that have no effect given the others."""
    idle = {"candidates", "candidate_share", "shot_tokens"}
    idle |= set() if settings["numbers"] == "scaled" else {"scale", "levels"}
    idle |= set() if settings["shots"] else {"shot_choice"}
    return {name: value for name, value in settings.items() if name not in idle}
