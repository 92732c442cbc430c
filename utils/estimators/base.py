"""What the two LIFT estimators share: settings, checks, fine-tuning, files (paper §2)."""

from __future__ import annotations

import json
import warnings
from dataclasses import KW_ONLY, dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from .. import metrics, models
from ..errors import CannotDo, TooLong, UnknownName
from ..learners import Answers
from ..models.base import LanguageModel
from ..prompts import Template, few_shot
from ..prompts.few_shot import Shots
from . import inputs, recipes, saved, selection
from .answering import Reader
from .augmentation import Augmentation, TrainingTexts, column_orders
from .selection import Outcome, Setup

MACHINE = ("model", "device", "threads")  # where weights are stored and a case runs is not part of its identity
VARIATIONS = tuple(item.name for item in fields(Augmentation))
PURPOSES = ("texts", "tuning", "shots", "orders", "sampling", "hold-out", "copies")  # of random numbers; see LIFT.seed


def _setting(default=None, **kind: bool):
    """A constructor parameter with further properties.

    Args:
        by_recipe: None means the model's recipe decides.
        later: added after results existed, whose cases lack the setting; so it is not part of a case's identity
            when off.
    """
    return field(default=default, metadata=kind)


class CollisionWarning(UserWarning):
    """Different training rows became the same prompt, so the model cannot tell them apart."""


@dataclass(eq=False, repr=False)  # generates only the constructor
class LIFT(BaseEstimator):
    """Base of both estimators. Parameters set to None follow the model's recipe, else the paper.

    Args:
        model: "lift-tiny", a Hugging Face id, a folder, or an object with the methods of `models.base.LanguageModel`.
        template: a wording's name, a dict of `Template` parameters, or a `Template`.
        recipe: None for the model's own, or that for pretrained models; "paper" for exactly the paper's.
        adapter: "full" or an adapter's name ("lora", …); adapter_rank is its rank, if it has one.
        tuned_layers: how many of the upper layers are tuned; the output of the frozen ones below is computed once per
            text. 0 for all layers.
        chat: whether prompt and answer are put into the chat template of the model's tokenizer.
        quantization: "none", "8bit" or "4bit" (CUDA only).
        epochs: passes over the training rows; 0 leaves the model unchanged (in-context learning, with `shots`).
        learning_rate: one rate, or several from which the validation rows choose.
        batch_size: rows per update.
        jitter: sd of the noise on numeric training values, as a share of the column's range.
        shots: training rows written into each prompt. A recipe's number is cut to what fits the context.
        shot_choice: which rows: "random" and "balanced" (over the answers) are the same for all queries, "nearest"
            differs by query.
        permutations: feature orders, in training (copies of each row) and in prediction (averaged), 1 by default.
        decoding: how an answer is read; see the two classes.
        samples: answers drawn per row, if the decoding samples.
        retries: number of retries for an unreadable answer, at temperature 0.75.
        max_new_tokens: maximum tokens of an answer; None allows for the longest training answer.
        validation_fraction: share of the training rows held out for selection if `fit` gets no validation rows.
        device, dtype, threads: "auto", "cpu", "cuda", "mps"; "auto", "float32", "bfloat16"; CPU threads.
        random_state: seed of all randomness.

    Attributes:
        template_, model_: the fitted template and the tuned model.
        settings_: all settings as used, by name. If the recipe proposes several ("candidates"), each is tuned for a
            share of the updates, and the decoded score on the validation rows selects one; its tuning continues from
            there if the learning rate is constant, and otherwise restarts. A candidate may be another model that
            answers untuned, from rows in its prompt (lift-tiny's recipe has one for the smallest tables).
        candidate_, candidate_scores_: what the chosen candidate changes, and {**changes, "validation_score": …} for
            each one tried.
        best_epoch_, best_learning_rate_: chosen by the decoded score on the validation rows; 0 and nan without tuning.
        history_: one dict per epoch: learning_rate, epoch, validation_loss (nan in a trial), validation_score.
        n_tokens_trained_: tokens seen in tuning, over all candidates, epochs and learning rates.
        reader_: queries the model and reads its answers; see `answering.Reader`.

    A subclass has four hooks: `settings` (all that a recipe can set), `prepare` (a setup, before it is checked and
    used), `start` (the model that tuning starts from) and `tune` (the fine-tunes of a setup). It may call `load_model`,
    `seed`, `read` and `validation_score`.
    """

    task: ClassVar[str] = ""

    model: str | LanguageModel = "lift-tiny"
    _: KW_ONLY
    template: str | dict | Template | None = None
    recipe: str | None = None
    adapter: str | None = _setting(by_recipe=True)
    adapter_rank: int = 16
    tuned_layers: int | None = _setting(by_recipe=True, later=True)
    chat: bool = _setting(False, later=True)
    quantization: str = "none"
    epochs: int | None = _setting(by_recipe=True)
    learning_rate: float | tuple[float, ...] | None = _setting(by_recipe=True)
    batch_size: int | None = _setting(by_recipe=True)
    jitter: float | None = _setting(by_recipe=True)
    shots: int | None = _setting(by_recipe=True)
    shot_choice: str | None = _setting(by_recipe=True)
    permutations: int | None = _setting(by_recipe=True)
    decoding: str | None = _setting(by_recipe=True)
    samples: int = 0
    retries: int = 0
    max_new_tokens: int | None = None
    validation_fraction: float = 0.2
    device: str = "auto"
    dtype: str = "auto"
    threads: int = 1
    random_state: int = 0

    def settings(self) -> dict[str, object]:
        """All effective settings, by name: the user's, else the model's own, else the paper's."""
        settings = recipes.resolve(self.model, self.task, self.template, self.by_recipe(), self.recipe)
        if self.epochs is not None:
            settings.pop("updates", None)
        return settings

    def unfitted_template(self, settings: dict[str, object] | None = None) -> Template:
        """The template for these settings, else for the plain ones; UnknownName for an unknown wording or format."""
        if isinstance(self.template, Template):
            return Template(**self.template.get_params())
        return recipes.template(self.task, settings or self.settings())

    def describe(self) -> dict[str, object]:
        """What identifies the learner besides its data: its settings, and the weights it starts from."""
        settings = {**self.get_params(), **self.settings(), "template": self.unfitted_template().get_params()}
        settings = {name: value for name, value in settings.items() if name not in MACHINE and name != "recipe"}
        later = {setting.name for setting in fields(self) if setting.metadata.get("later")}
        settings = {name: value for name, value in settings.items() if value or name not in later}
        weights = models.fingerprint(self.model) if isinstance(self.model, str) else type(self.model).__name__
        others = {candidate["model"] for candidate in settings.get("candidates", []) if "model" in candidate}
        extra = {"candidate_weights": {name: models.fingerprint(name) for name in sorted(others)}} if others else {}
        return {"learner": type(self).__name__, **settings, "weights": weights, **extra}

    def options(self) -> str:
        """The given parameters, as `name=value` words; model, seed and machine have their own columns."""
        defaults = type(self)().get_params()
        silent = ("random_state", *MACHINE)
        given = {k: v for k, v in self.get_params().items() if v != defaults[k] and k not in silent}
        template = given.pop("template", None) or {}
        given |= template if isinstance(template, dict) else {"template": template}
        return " ".join(f"{name}={value}" for name, value in given.items())

    def check(self, X_train, y_train, X_test) -> None:
        """Checks everything that could make `fit` and `predict` fail, without training.

        Raises:
            UserError: an invalid setting, a model that cannot be loaded, or a prompt that does not fit.
        """
        X, y = inputs.training(self, X_train, y_train)
        self._checked()
        self.copies(y)
        rows = [X, inputs.frame(self, X_test, reset=False)]
        setup = self._setups(self._proposed(X, y), X, y, rows)[0]
        setup.check_length(rows)
        self._use(setup)

    def longest_prompt(self, X_train, y_train, X_test) -> tuple[int, int | None]:
        """Tokens of the longest prompt with its answer, and the model's context length (None: unknown).

        Raises:
            UserError: an invalid setting, or a model that cannot be loaded.
        """
        X, y = inputs.training(self, X_train, y_train)
        rows = [X, inputs.frame(self, X_test, reset=False)]
        setup = self._setups(self._proposed(X, y), X, y, rows)[0]
        return setup.longest(rows), setup.base.context_length

    def fit(self, X, y, validation=None, sample_weight=None):
        """Fine-tunes the model on the rows.

        Args:
            X: DataFrame or array, (n_rows, n_columns); numbers, text, missing cells.
            y: (n_rows,) labels or numbers.
            validation: (X, y) for choosing epoch and learning rate; None holds out part of the training rows.
            sample_weight: (n_rows,) non-negative numbers; None for equal ones. A weight repeats its row, so that it
                also works on servers: whole weights are numbers of copies, others are rounded (`inputs.copies`).

        Raises:
            UserError: an invalid setting, a prompt longer than the model's context, or a missing package.
        """
        X, y = inputs.training(self, X, y)
        settings = self._checked()
        proposed = self._proposed(X, y)
        copies = self.copies(y, sample_weight)
        if validation is None and any({**settings, **overrides}["epochs"] for overrides in proposed or [{}]):
            held_out = self.task, self.validation_fraction, self.seed("hold-out"), copies
            X, y, validation = inputs.hold_out(X, y, *held_out)
        else:
            X, y = inputs.repeated(X, y, copies)
            if validation is not None:
                validation = inputs.frame(self, validation[0], reset=False), inputs.targets(self.task, validation[1])
        setups = self._setups(proposed, X, y, [X] if validation is None else [X, validation[0]])
        setups = [replace(setup, base=self.start(setup, X, y)) for setup in setups]
        self.best_epoch_, self.best_learning_rate_ = 0, float("nan")
        self.history_, self.candidate_scores_, self.n_tokens_trained_ = [], [], 0
        setup, best = setups[0], None
        if len(setups) > 1 and validation is not None and settings["epochs"]:
            setup, best = self._best(setups, X, y, validation)
        self._use(setup)
        self.model_ = setup.base
        if self.template_.n_collisions_:
            message = f"{self.template_.n_collisions_} of {len(X)} training rows have the same prompt as another row; "
            message += "more digits (numbers='significant') or levels tell them apart"
            warnings.warn(message, CollisionWarning, stacklevel=2)
        if setup.settings["epochs"]:
            best = self.tune(setup, X, y, validation, begun=best)
            self.model_, self.best_epoch_, self.best_learning_rate_ = best.model, best.epoch, best.learning_rate
            self.history_ = best.history
        return self

    def answers(self, X) -> Answers:
        """The tuned model's answer to each row of X, and the value read from it."""
        check_is_fitted(self)
        return self.read(self.model_, inputs.frame(self, X, reset=False))

    def copies(self, y: np.ndarray, sample_weight=None) -> np.ndarray | None:
        """How often each training row is repeated, (n_rows,); None if all count equally; see `inputs.copies`."""
        return inputs.copies(sample_weight, len(y), self.seed("copies"))

    def prepare(self, setup: Setup, X: pd.DataFrame, y: np.ndarray) -> Setup:
        """Hook: the setup to use on these training rows; returns it unchanged by default."""
        return setup

    def start(self, setup: Setup, X: pd.DataFrame, y: np.ndarray) -> LanguageModel:
        """Hook: the model that the tuning of a setup starts from; called only in `fit`."""
        return setup.base

    def _proposed(self, X, y) -> list[dict[str, object]]:
        """The recipe's candidates for this table."""
        return selection.candidates(self._checked(), recipes.fixed(self.template, self.by_recipe()), X, y)

    def _setups(self, proposed: list[dict[str, object]], X, y, rows: list[pd.DataFrame]) -> list[Setup]:
        """The candidates that fit the context with all `rows`; the plain settings if none does."""
        setups: list[Setup] = []
        for overrides in proposed:
            try:
                base = self._loaded(overrides["model"]) if "model" in overrides else self.load_model()
                setup = self._setup(base, X, y, overrides)
                setup.check_length(rows)
            except (CannotDo, TooLong):  # this candidate only; the others may fit
                continue
            if not any(map(setup.same_as, setups)):
                setups.append(setup)
        return setups or [self._setup(self.load_model(), X, y, {})]

    def _setup(self, base, X, y, overrides) -> Setup:
        """Prepares everything before tuning, with these settings overriding the plain ones.

        Raises:
            UserError: an invalid setting, a decoding that the template does not support, or more shots than rows.
        """
        settings = self._checked(overrides)
        template = self.unfitted_template(settings).fit(X, y)
        self._check_answers(settings, template)
        answer = self.max_new_tokens or max(base.count_tokens(template.completions(y))) + 2
        if self.shots is None:  # a recipe's number is cut, the user's own is not
            settings["shots"] = few_shot.affordable(settings, base, template, X, y, answer)
        rows = Shots.of(settings, template, X, y, self.seed("shots"))
        orders = column_orders(X.shape[1], settings["permutations"], np.random.default_rng(self.seed("orders")))
        templates = [template if order is None else template.permuted(order) for order in orders]
        reader = Reader(templates, rows, answer, self.retries, self.seed("sampling"))
        return self.prepare(Setup(base, overrides, settings, template, reader), X, y)

    def _use(self, setup: Setup) -> None:
        self.settings_, self.candidate_ = setup.settings, setup.overrides
        self.template_, self.reader_ = setup.template, setup.reader

    def _best(self, setups: list[Setup], X, y, validation) -> tuple[Setup, Outcome | None]:
        """The setup whose trial scores best on the validation rows (the first of equals), and that trial."""
        best, outcome = setups[0], None
        for setup in setups:
            tried = self.tune(setup, X, y, validation, trial=True)
            self.candidate_scores_.append({**setup.overrides, "validation_score": tried.score})
            if outcome is None or tried.score > outcome.score:
                best, outcome = setup, tried
        return best, outcome

    def tune(self, setup: Setup, X, y, validation, trial=False, begun: Outcome | None = None, member=0) -> Outcome:
        """Fine-tunes one setup, once per learning rate; the setup is in use from then on.

        Args:
            X, y: the training rows.
            validation: (X, y) for selection; None without such rows.
            trial: run only a share of the updates.
            begun: the trial of this setup, continued if possible.
            member: index among several fine-tunes on the same rows, which differ in all random draws.
        """
        self._use(setup)
        score = None if validation is None else partial(self.validation_score, X=validation[0], y=validation[1])
        if not setup.settings["epochs"]:
            return Outcome(setup.base, score(setup.base))
        tuning = recipes.tuning(setup.settings, len(X) * setup.settings["permutations"])
        if setup.settings.get("beat_majority") and validation is not None:
            tuning = replace(tuning, patience_above=metrics.chance_accuracy(validation[1], validation[1]))
        short = selection.shortened(tuning, setup.settings)
        if begun is not None and short == tuning:
            return begun
        n_done = short.epochs if begun is not None and selection.goes_on(setup.settings) else 0
        tuning = short if trial else replace(tuning, epochs=tuning.epochs - n_done)
        how = Augmentation(**{name: setup.settings[name] for name in VARIATIONS if name in setup.settings})
        texts = TrainingTexts(setup.template, X, y, how, self.seed("texts", member), setup.reader.shots)
        held_out = [] if validation is None or trial else setup.known_pairs(*validation)
        rates = np.atleast_1d(setup.settings["learning_rate"]).tolist()
        start = begun.model if n_done else setup.base
        later = (lambda epoch: texts(epoch + n_done)) if n_done else texts
        outcome = selection.tune(start, later, held_out, tuning, rates, score, self.seed("tuning", member))
        self.n_tokens_trained_ += outcome.n_tokens
        return selection.joined(begun, outcome, n_done) if n_done else outcome

    def load_model(self) -> LanguageModel:
        """The model before any tuning; raises UserError if it cannot be loaded."""
        return self._loaded(self.model)

    def _loaded(self, model: str | LanguageModel) -> LanguageModel:
        if not isinstance(model, str):
            return model
        machine = {"device": self.device, "dtype": self.dtype, "threads": self.threads}
        settings = self.settings()
        changed = {"adapter": settings["adapter"], "adapter_rank": self.adapter_rank, "chat": self.chat}
        if model == self.model:
            changed["tuned_layers"] = settings["tuned_layers"] or None
        return models.load(model, **changed, quantization=self.quantization, **machine)

    def seed(self, purpose: str, member: int = 0) -> int:
        """A seed for one of PURPOSES and one of several fine-tunes, so that no two uses share a random stream."""
        words = [self.random_state, PURPOSES.index(purpose), *([member] if member else [])]
        seed = int(np.random.SeedSequence(words).generate_state(1)[0])
        # Servers accept no larger seed for a fine-tune, and run one fine-tune at a time.
        return seed % 2**31 if purpose == "tuning" and not member else seed

    def by_recipe(self) -> dict[str, object]:
        """The settings that follow the recipe if None, by name."""
        return {item.name: getattr(self, item.name) for item in fields(LIFT) if item.metadata.get("by_recipe")}

    def _checked(self, overrides: dict[str, object] | None = None) -> dict[str, object]:
        """The settings, with those of a candidate overriding the plain ones."""
        settings = {**self.settings(), **(overrides or {})}
        few_shot.check(settings)
        if self.task not in settings.get("tasks", [self.task]):
            raise CannotDo(f"{self.model} supports only {' and '.join(settings['tasks'])}; use --model lift-tiny")
        if settings["decoding"] not in self.decodings:
            raise UnknownName(f"no decoding {settings['decoding']!r} for {self.task}; have {', '.join(self.decodings)}")
        return settings

    def training_text(self, X, y) -> str:
        """A hash of the training rows' prompts and answers with the plain settings."""
        return self.unfitted_template().fit(X, y).text_sha256(X, y)

    def facts(self) -> dict[str, object]:
        """Result columns about the fit: what was chosen, what was trained on, where, and at what cost."""
        chosen = dict(self.candidate_)
        if self.settings_["shots"]:
            chosen["shots"] = self.settings_["shots"]
        if self.best_epoch_:
            chosen |= {"epoch": self.best_epoch_, "learning_rate": self.best_learning_rate_}
        return {
            "chosen": json.dumps(chosen),
            "tokens_train": self.n_tokens_trained_,
            "n_collisions": self.template_.n_collisions_,
            "device": self.model_.device,
            "dtype": self.model_.dtype,
            "cost_usd": round(self.model_.cost_usd, 8),
        }

    def save(self, folder: str | Path, **facts: object) -> None:
        """Writes the tuned model and everything needed for answering into a folder, for `load`; see `saved`.

        Args:
            facts: further entries of its JSON file, besides version, recipe and columns, such as scores.
        """
        check_is_fitted(self)
        saved.save(self, Path(folder), facts)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.target_tags.required = True
        return tags
