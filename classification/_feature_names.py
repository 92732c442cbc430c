"""Feature names in prompts: none, the table's or shuffled, possibly others in the test prompts (paper §4.1)."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import product

import numpy as np
from sklearn.base import clone

from utils.errors import BadTable, CannotDo, UnknownName, UserError
from utils.estimators import PlainClassifier, inputs
from utils.estimators.answering import Reader
from utils.estimators.augmentation import column_orders
from utils.estimators.selection import Setup
from utils.prompts import Template
from utils.prompts.sentences import SENTENCES

FORMS = ("none", "correct", "shuffled")
SAME = "same"  # tested with the names of training
SENTENCE = "sentence"  # the wording written for one table, utils/prompts/sentences.py


def names(columns: Sequence[str], form: str, shuffling: int) -> list[str]:
    """What the columns are called in prompts, in the table's order.

    Args:
        columns: the table's own names.
        form: "none" (x1, x2, …), "correct" (the table's own) or "shuffled" (permuted, no column keeps its own).
        shuffling: seed of the permutation.

    Raises:
        UnknownName: an unknown form.
        BadTable: a single column, whose name cannot be shuffled.
    """
    own = [str(name) for name in columns]
    if form not in FORMS:
        raise UnknownName(f"no names {form!r}; have {', '.join(FORMS)}")
    if form == "none":
        return [f"x{position}" for position in range(1, len(own) + 1)]
    if form == "correct":
        return own
    if len(own) < 2:
        raise BadTable("the name of a single column cannot be shuffled; leave out --names shuffled")
    rng = np.random.default_rng([6, shuffling])
    order = np.arange(len(own))
    while (order == np.arange(len(own))).any():
        order = rng.permutation(len(own))
    return [own[i] for i in order]


def pairs(trained: Iterable[str], tested: Iterable[str], shufflings: int) -> Iterator[tuple[str, str, int]]:
    """Forms of names in training and test, and the number of the shuffling (from 1; 0 if neither is shuffled)."""
    found = {}
    for form, other in product(trained, tested):
        other = form if other == SAME else other
        for unknown in {form, other} - set(FORMS):
            raise UnknownName(f"no names {unknown!r}; have {', '.join(FORMS)}, and for --tested-with also {SAME}")
        shuffled = "shuffled" in (form, other)
        found |= {(form, other, i): None for i in (range(1, shufflings + 1) if shuffled else (0,))}
    yield from found


def wording(template: str, dataset: str, forms: Sequence[str]) -> str | None:
    """The wording of a template for a table, or None if there is none.

    Args:
        template: a wording that lists name and value ("paper", "names"), or "sentence": one written for the table.
        dataset: the table's name.
        forms: of the names. A sentence always contains names.
    """
    if template != SENTENCE:
        return template
    sentence = SENTENCES.get(dataset)
    return dataset if sentence and sentence.task == "classification" and "none" not in forms else None


class RenamedClassifier(PlainClassifier):
    """LIFT whose test prompts use other feature names than its training prompts.

    Args:
        asked_names: column names in the prompts of `predict`, in the table's order; None for those of training.
        settings: parameters of LIFTClassifier.
    """

    def __init__(self, model="lift-tiny", *, asked_names=None, **settings):
        super().__init__(model, **settings)
        self.asked_names = asked_names

    hidden = ("asked_names",)

    def options(self) -> str:
        """The usual options without names and wording, which have their own result columns."""
        template = self.template
        if isinstance(template, dict):
            template = {k: v for k, v in template.items() if k not in ("names", "wording")} or None
        return super(RenamedClassifier, clone(self).set_params(template=template)).options()

    def check(self, X_train, y_train, X_test) -> None:
        super().check(X_train, y_train, X_test)
        setup = Setup(self.load_model(), {}, self.settings_, self.template_, self._asking(self.reader_))
        setup.check_length([inputs.frame(self, X_test, reset=False)])

    def fit(self, X, y, validation=None):
        """As in LIFT; the validation rows, which choose the epoch, are prompted with the training names."""
        super().fit(X, y, validation)
        self.reader_ = self._asking(self.reader_)
        return self

    def _asking(self, reader: Reader) -> Reader:
        """The reader with the test names.

        Raises:
            CannotDo: with rows in the prompt, which contain names as well.
            UserError: there is not one name per column.
        """
        if self.asked_names is None:
            return reader
        if reader.shots is not None:
            raise CannotDo(
                "rows in the prompt contain names too, and these cannot change for the test; leave out --shots"
            )
        template = renamed(reader.templates[0], self.asked_names)
        orders = column_orders(
            len(template.names_), self.settings_["permutations"], np.random.default_rng(self.seed("orders"))
        )
        return replace(reader, templates=[template if o is None else template.permuted(o) for o in orders])


def renamed(template: Template, names: Sequence[str]) -> Template:
    """A fitted copy with other column names; values, formats and answers are those of `template`.

    Raises:
        UserError: names that are not one per column, or that the wording cannot take.
    """
    if len(names) != len(template.names_) or len(set(names)) != len(names):
        raise UserError(f"names must be {len(template.names_)} different ones, one per column, not {list(names)}")
    other = copy.copy(template)
    other.names_ = list(names)
    other.wording_ = replace(template.wording_, named=True)
    other.sentence_, other.slots_ = other.wording_.compile(other.names_, range(len(other.names_)))
    return other
