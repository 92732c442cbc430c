"""Has a model seen a table? The untuned model is given the start of lines of the table's text and must continue.

row           the next row, after the header and some consecutive rows
first_cell    the first cell of that row; the most frequent cell of the rows before is the floor
header        the second half of a line at the start of the table

A model that has memorised the file continues it verbatim. One that has not may still guess lines with few distinct
values, so each test is repeated with the values of every column permuted: if the original is completed more often, the
model has seen the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from utils import study
from utils.errors import TooLong, UnknownName, UserError
from utils.estimators import PlainClassifier
from utils.learners import Answers
from utils.models.base import LanguageModel
from utils.reporting.contamination import KINDS as VALUES
from utils.study.cases import Trial
from utils.study.config import Config
from utils.study.runner import Case
from utils.tables.splits import Split

TESTS = ("row", "first_cell", "header")
FEWEST = 4  # lines in addition to those asked for
TEXT = "text"  # the column with the beginnings of the lines


class Completion(PlainClassifier):
    """An untuned language model that continues texts.

    Args:
        until: end of an answer; None for a line break.
    """

    hidden = ("epochs", "template", "until")

    def __init__(self, until: str | None = None, **lift: object) -> None:
        super().__init__(**lift)
        self.until = until

    def settings(self) -> dict[str, object]:
        return super().settings() | {"epochs": 0, "decoding": "generate", "shots": 0}

    def check(self, X_train: pd.DataFrame, y_train: pd.Series, X_test: pd.DataFrame) -> None:
        model = self.load_model()
        longest = max(model.count_tokens(X_test[TEXT].tolist())) + _n_new(model, y_train)
        if model.context_length is not None and longest > model.context_length:
            raise TooLong(
                f"lines and answer take {longest} tokens, and {model.name} reads at most {model.context_length}; give "
                "a smaller --shown or --asked"
            )

    def fit(self, X: pd.DataFrame, y: pd.Series, validation: object = None) -> Completion:
        """Loads the model and records the length of the longest line."""
        self.model_, self.classes_ = self.load_model(), np.unique(y)
        self.settings_, self.candidate_, self.best_epoch_, self.n_tokens_trained_ = self.settings(), {}, 0, 0
        self.template_ = self.unfitted_template(self.settings_).fit(X, y)
        self.n_new_ = _n_new(self.model_, y)
        return self

    def answers(self, X: pd.DataFrame) -> Answers:
        prompts = X[TEXT].tolist()
        stop = self.until or "\n"
        drawn = self.model_.generate(prompts, stop=stop, max_new_tokens=self.n_new_, seed=self.random_state)
        texts = [answers[0] for answers in drawn]
        return Answers(prompts, texts, [text.partition("\n")[0].strip() for text in texts])


def _n_new(model: LanguageModel, answers: pd.Series) -> int:
    """Tokens of the longest answer, plus some for its end."""
    return max(model.count_tokens(list(answers))) + 2


def trial(case: Case, config: Config) -> Trial:
    """Test rows: beginnings of lines and their continuations; training rows: other lines of the same table.

    Raises:
        UserError: an unknown test or kind of values, or a table that is too short.
    """
    test, values = case.settings["test"], case.settings["values"]
    if test not in TESTS:
        raise UnknownName(f"no test {test!r}; have {', '.join(TESTS)}")
    if values not in VALUES:
        raise UnknownName(f"no values {values!r}; have {', '.join(VALUES)}")
    built = study.trial(case, config, "classification")
    table = study.table_of(case.dataset, config, "classification")
    if not hasattr(table, "X"):
        raise UserError(f"{case.dataset} is drawn anew for each seed, so nobody can have seen it; give a real table")
    rng = np.random.default_rng([23, case.seed])
    texts = lines(table.X, table.y, values == "permuted", rng)
    n_asked = min(config.asked, config.limit or config.asked)
    begun = _head(texts) if test == "header" else _rows(texts, config.shown, test)
    if len(begun) < n_asked + FEWEST:
        raise UserError(f"{case.dataset} has too few rows to ask for {n_asked}; give a smaller --asked or --shown")
    chosen = range(n_asked) if test == "header" else np.sort(rng.choice(len(begun), n_asked, replace=False))
    split = _as_split(begun, np.asarray(chosen))
    if case.method != "lift":
        return replace(built, split=split)
    given = {**built.learner.get_params(deep=False), "epochs": None}
    learner = Completion("," if test == "first_cell" else None, **given)
    return replace(built, split=split, learner=learner)


def lines(X: pd.DataFrame, y: pd.Series, permuted: bool, rng: np.random.Generator) -> list[str]:
    """The table as a file of comma-separated values, header first; if `permuted`, with each column permuted."""
    table = pd.concat([X, y.rename("class" if y.name is None else y.name)], axis=1)
    if permuted:
        table = pd.DataFrame({name: rng.permutation(column.to_numpy()) for name, column in table.items()})
    return table.to_csv(index=False).splitlines()


def _rows(texts: Sequence[str], shown: int, test: str) -> list[tuple[str, str]]:
    """All rows with enough rows before them: the text up to each, and the row or its first cell."""
    begun = []
    for i in range(shown + 1, len(texts)):
        before = "\n".join([texts[0], *texts[i - shown : i]]) + "\n"
        begun.append((before, texts[i].partition(",")[0] if test == "first_cell" else texts[i]))
    return begun


def _head(texts: Sequence[str]) -> list[tuple[str, str]]:
    """The text up to the middle of each line after the header, and the rest of the line."""
    begun = []
    for i in range(1, len(texts)):
        cut = len(texts[i]) // 2
        begun.append(("\n".join([*texts[:i], texts[i][:cut]]), texts[i][cut:].strip()))
    return begun


def _as_split(begun: Sequence[tuple[str, str]], positions: Sequence[int]) -> Split:
    """The lines asked for as test rows, the others as training rows, which give the floor."""
    X = pd.DataFrame({TEXT: [text for text, _ in begun]})
    y = pd.Series([answer for _, answer in begun], name="answer", dtype=object)
    others = np.setdiff1d(np.arange(len(y)), positions)
    training = X.iloc[others], y.iloc[others]
    return Split(*training, *training, X.iloc[positions], y.iloc[positions], "classification")
