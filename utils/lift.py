"""What the two LIFT estimators share: settings, fine-tuning, selection on validation rows, files (paper §2)."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from utils import inputs, models, recipes
from utils.errors import BadTable, TooLong, UnknownName
from utils.examples import Augmentation, TrainingTexts, column_orders
from utils.models.base import LanguageModel
from utils.prompts import Template
from utils.reading import Answers, Reader

EVALUATIONS = 20  # most times that validation rows are decoded during one fine-tune
MACHINE = ("model", "device", "threads")  # where weights lie and a case runs is no part of what it is
PURPOSES = ("texts", "tuning", "shots", "orders", "sampling", "hold-out")  # of random numbers, see LIFT._seed


class CollisionWarning(UserWarning):
    """Different training rows became the same prompt, so the model cannot tell them apart."""


class LIFT(BaseEstimator):
    """What both estimators share. Parameters set to None follow the model's recipe, else the paper.

    Args:
        model: "lift-tiny", a Hugging Face id, a folder, or an object with the verbs of `models.base.LanguageModel`.
        template: a wording's name, a dict of `Template` parameters, or a `Template`.
        adapter: "full" or an adapter's name ("lora", …); adapter_rank is its rank where it has one.
        quantization: "none", "8bit" or "4bit" (CUDA only).
        epochs: passes over the training rows; 0 leaves the model as it is (in-context learning, with `shots`).
        learning_rate: one rate, or several of which the validation rows choose.
        batch_size: rows per update.
        jitter: sd of the noise on numeric training values, as a share of the column's range.
        shots: training rows written into each prompt.
        permutations: feature orders, in training (copies of each row) and in prediction (averaged).
        decoding: how an answer is read, see the two classes.
        samples: answers drawn per row where the decoding samples.
        retries: times that an unreadable answer is asked for again, at temperature 0.75.
        max_new_tokens: longest answer; None allows for the longest training answer.
        validation_fraction: share of the training rows held out for selection where `fit` gets none.
        device, dtype, threads: "auto", "cpu", "cuda", "mps"; "auto", "float32", "bfloat16"; CPU threads.
        random_state: seed of everything random.

    Attributes:
        template_, model_: the fitted template and the tuned model.
        best_epoch_, best_learning_rate_: chosen by the decoded score on the validation rows; 0 and nan without tuning.
        history_: one dict per epoch: learning_rate, epoch, validation_loss, validation_score.
        n_tokens_trained_: tokens seen in tuning, over all epochs and learning rates.
    """

    task = ""

    def __init__(
        self,
        model="lift-tiny",
        *,
        template=None,
        adapter=None,
        adapter_rank=16,
        quantization="none",
        epochs=None,
        learning_rate=None,
        batch_size=None,
        jitter=None,
        shots=0,
        permutations=1,
        decoding=None,
        samples=0,
        retries=0,
        max_new_tokens=None,
        validation_fraction=0.2,
        device="auto",
        dtype="auto",
        threads=1,
        random_state=0,
    ):
        self.model = model
        self.template = template
        self.adapter = adapter
        self.adapter_rank = adapter_rank
        self.quantization = quantization
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.jitter = jitter
        self.shots = shots
        self.permutations = permutations
        self.decoding = decoding
        self.samples = samples
        self.retries = retries
        self.max_new_tokens = max_new_tokens
        self.validation_fraction = validation_fraction
        self.device = device
        self.dtype = dtype
        self.threads = threads
        self.random_state = random_state

    def settings(self) -> dict[str, object]:
        """All settings as they will be used, by name: the user's, else the model's own, else the paper's."""
        given = ("adapter", "epochs", "learning_rate", "batch_size", "jitter", "decoding")
        settings = recipes.resolve(self.model, self.task, self.template, {name: getattr(self, name) for name in given})
        if self.epochs is not None:
            settings.pop("updates", None)
        return settings

    def unfitted_template(self) -> Template:
        """The template that `fit` fits; UnknownName where a wording or a format does not exist."""
        if isinstance(self.template, Template):
            return Template(**self.template.get_params())
        return recipes.template(self.task, self.settings())

    def describe(self) -> dict[str, object]:
        """What identifies the learner beside its data: its settings, and the weights it starts from."""
        settings = {**self.get_params(), **self.settings(), "template": self.unfitted_template().get_params()}
        settings = {name: value for name, value in settings.items() if name not in MACHINE}
        weights = models.fingerprint(self.model) if isinstance(self.model, str) else type(self.model).__name__
        return {"learner": type(self).__name__, **settings, "weights": weights}

    def options(self) -> str:
        """The parameters that were given, as `name=value` words; model, seed and machine have columns of their own."""
        defaults = type(self)().get_params()
        silent = ("random_state", *MACHINE)
        given = {k: v for k, v in self.get_params().items() if v != defaults[k] and k not in silent}
        template = given.pop("template", None) or {}
        given |= template if isinstance(template, dict) else {"template": template}
        return " ".join(f"{name}={value}" for name, value in given.items())

    def check(self, X_train, y_train, X_test) -> None:
        """Looks at everything that could stop `fit` and `predict`, without training.

        Raises:
            UserError: a setting that does not exist, a model that cannot be loaded, a prompt that does not fit.
        """
        X, y = inputs.training(self, X_train, y_train)
        self._check_settings()
        self.template_ = self.unfitted_template().fit(X, y)
        self._check_answers()
        base = self._load_model()
        self.reader_ = self._reader(base, X, y)
        prompts = self.reader_.prompts(X) + self.reader_.prompts(inputs.frame(self, X_test, reset=False))
        n_tokens = max(base.count_tokens(prompts)) + self.reader_.max_new_tokens
        if base.context_length is not None and n_tokens > base.context_length:
            raise TooLong(
                f"a row of {X.shape[1]} columns takes {n_tokens} tokens with its answer, and {base.name} reads at most "
                f"{base.context_length}; write it shorter (--wording compact, --numbers scaled, fewer --shots), leave "
                "out columns, or take a model with a longer context"
            )

    def fit(self, X, y, validation=None):
        """Fine-tunes the model on the rows.

        Args:
            X: DataFrame or array, (n_rows, n_columns); numbers, texts, missing cells.
            y: (n_rows,) labels or numbers.
            validation: (X, y) that choose epoch and learning rate; None holds out a part of the training rows.

        Raises:
            UserError: a setting that does not exist, a prompt longer than the model's context, a missing package.
        """
        X, y = inputs.training(self, X, y)
        settings = self._check_settings()
        if validation is not None:
            validation = inputs.frame(self, validation[0], reset=False), inputs.targets(self.task, validation[1])
        elif settings["epochs"]:
            X, y, validation = inputs.hold_out(X, y, self.task, self.validation_fraction, self._seed("hold-out"))
        self.template_ = self.unfitted_template().fit(X, y)
        self._check_answers()
        if self.template_.n_collisions_:
            warnings.warn(
                f"{self.template_.n_collisions_} of {len(X)} training rows become the prompt of another row; "
                "more digits (numbers='significant') or levels tell them apart",
                CollisionWarning,
                stacklevel=2,
            )
        base = self._load_model()
        self.reader_ = self._reader(base, X, y)
        self.model_, self.best_epoch_, self.best_learning_rate_ = base, 0, float("nan")
        self.history_, self.n_tokens_trained_ = [], 0
        if settings["epochs"]:
            self._fine_tune(base, X, y, validation, settings)
        return self

    def answers(self, X) -> Answers:
        """What the tuned model says about each row of X, and what was read from it."""
        check_is_fitted(self)
        return self._answers(self.model_, inputs.frame(self, X, reset=False))

    def _fine_tune(self, base, X, y, validation, settings) -> None:
        """One fine-tune for each learning rate; the validation rows choose among rates and epochs."""
        tuning = recipes.tuning(settings, len(X) * self.permutations)
        noise = {name: settings.get(name, 0.0) for name in ("jitter", "target_jitter")}
        how = Augmentation(**noise, permutations=self.permutations, shots=self.shots)
        texts = TrainingTexts(self.template_, X, y, how, self._seed("texts"))
        held_out = [] if validation is None else self._known_pairs(*validation)
        every = -(-tuning.epochs // EVALUATIONS)
        best = -np.inf
        for rate in np.atleast_1d(settings["learning_rate"]).tolist():
            scores: dict[int, float] = {}

            def on_epoch(epoch, model, loss, rate=rate, scores=scores):
                if validation is not None and (epoch % every == 0 or epoch == tuning.epochs):
                    scores[epoch] = self._validation_score(model, *validation)
                self.history_.append(
                    {
                        "learning_rate": rate,
                        "epoch": epoch,
                        "validation_loss": loss,
                        "validation_score": scores.get(epoch),
                    }
                )
                return scores.get(epoch)

            rated = replace(tuning, learning_rate=rate)
            tuned = base.fine_tune(texts, held_out, settings=rated, seed=self._seed("tuning"), on_epoch=on_epoch)
            self.n_tokens_trained_ += tuned.n_tokens_trained
            epoch = max(scores, key=scores.get, default=tuning.epochs)
            if scores.get(epoch, 0.0) > best:
                best, self.model_ = scores.get(epoch, 0.0), tuned
                self.best_epoch_, self.best_learning_rate_ = epoch, rate

    def _load_model(self) -> LanguageModel:
        if not isinstance(self.model, str):
            return self.model
        place = {"device": self.device, "dtype": self.dtype, "threads": self.threads}
        adapter = {"adapter": self.settings()["adapter"], "adapter_rank": self.adapter_rank}
        return models.load(self.model, **adapter, quantization=self.quantization, **place)

    def _reader(self, base: LanguageModel, X: pd.DataFrame, y: np.ndarray) -> Reader:
        orders = column_orders(X.shape[1], self.permutations, np.random.default_rng(self._seed("orders")))
        templates = [self.template_ if order is None else self.template_.permuted(order) for order in orders]
        longest = self.max_new_tokens or max(base.count_tokens(self.template_.completions(y))) + 2
        return Reader(templates, self._draw_shots(X, y), longest, self.retries, self._seed("sampling"))

    def _draw_shots(self, X: pd.DataFrame, y: np.ndarray) -> list[tuple[str, str]]:
        if self.shots >= len(X):
            raise BadTable(
                f"{self.shots} rows wanted in the prompt, but there are {len(X)} training rows; lower --shots"
            )
        chosen = np.random.default_rng(self._seed("shots")).choice(len(X), self.shots, replace=False)
        return self.template_.examples(X.iloc[chosen], y[chosen]) if self.shots else []

    def _known_pairs(self, X: pd.DataFrame, y: np.ndarray) -> list[tuple[str, str]]:
        """Validation pairs for the token loss; a class that is not in the training rows has no text."""
        if self.task == "classification":
            known = np.isin(y, self.template_.classes_)
            X, y = X[known], y[known]
        return list(zip(self.reader_.prompts(X), self.template_.completions(y), strict=True)) if len(y) else []

    def _seed(self, purpose: str) -> int:
        """A seed for one purpose, so that no two uses of `random_state` share a stream."""
        number = PURPOSES.index(purpose)
        return int(np.random.SeedSequence([self.random_state, number]).generate_state(1)[0])

    def _check_settings(self) -> dict[str, object]:
        settings = self.settings()
        if settings["decoding"] not in self.decodings:
            raise UnknownName(f"no decoding {settings['decoding']!r} for {self.task}; have {', '.join(self.decodings)}")
        return settings

    def save(self, folder: str | Path) -> None:
        """Writes the tuned model as a Hugging Face or peft folder, `model`, and the rest as `estimator.joblib`."""
        check_is_fitted(self)
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.model_.save(folder / "model")
        state = {name: value for name, value in vars(self).items() if name != "model_"}
        joblib.dump((type(self), state), folder / "estimator.joblib")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.target_tags.required = True
        return tags
