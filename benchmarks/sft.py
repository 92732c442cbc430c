"""TRL's SFTTrainer as a learner: LIFT's texts and weights, tuned and queried as a TRL user would."""

from __future__ import annotations

import numpy as np

from benchmarks import ways
from utils import models
from utils.estimators import LIFTClassifier, LIFTRegressor


class Sft:
    """Supervised fine-tuning with TRL, without noise on the rows, candidates or selection.

    Args:
        task: "classification" or "regression".
        updates: number of updates with the recipe's batch size.
        threads: CPU threads.
    """

    def __init__(self, task: str, updates: int, threads: int) -> None:
        self.task, self.updates, self.threads = task, updates, threads

    def fit(self, X, y, validation=None) -> Sft:
        """Tunes lift-tiny on the rows as written by its template; the validation rows are not used."""
        lift = (LIFTClassifier if self.task == "classification" else LIFTRegressor)()
        settings = lift.settings()
        self.template_ = lift.unfitted_template(settings).fit(X, np.asarray(y))
        model = models.load(lift.model, adapter=settings["adapter"], threads=self.threads)
        self.way_ = ways.Trl(model, settings["batch_size"], self.updates)
        examples = self.template_.examples(X, np.asarray(y))
        self.way_.tune(ways.Work(examples, ()))()
        length = sum(model.count_tokens([prompt + answer for prompt, answer in examples])) / len(examples)
        self.n_tokens_trained_ = round(self.updates * settings["batch_size"] * length)
        return self

    def predict(self, X) -> list:
        """The parsed answers: labels or numbers, None if unreadable."""
        prompts = self.template_.prompts(X)
        tokens, answers = self.way_.tokens, self.way_.predict(ways.Work([(prompt, "") for prompt in prompts], ()))
        read = []
        for prompt, new in zip(tokens.prompts(prompts), answers, strict=True):
            answer = new[: new.index(tokens.end)] if tokens.end in new else new
            read.append(self.template_.parse(tokens.answer(prompt, answer)))
        return read
