"""TRL's SFTTrainer as a learner: the texts and the weights of LIFT, tuned and asked as a user of TRL would."""

from __future__ import annotations

import numpy as np

from benchmarks import ways
from utils import models
from utils.estimators import LIFTClassifier, LIFTRegressor


class Sft:
    """Supervised fine-tuning by TRL; without noise on the rows, without candidates, without selection.

    Args:
        task: "classification" or "regression".
        updates: of the weights; each has the batch size of the recipe.
        threads: of the processor.
    """

    def __init__(self, task: str, updates: int, threads: int) -> None:
        self.task, self.updates, self.threads = task, updates, threads

    def fit(self, X, y, validation=None) -> Sft:
        """Tunes lift-tiny on the rows as its template writes them; the validation rows are not used."""
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
        """What was read of each answer: a label or a number, None where nothing could be."""
        prompts = self.template_.prompts(X)
        tokens, answers = self.way_.tokens, self.way_.predict(ways.Work([(prompt, "") for prompt in prompts], ()))
        read = []
        for prompt, new in zip(tokens.prompts(prompts), answers, strict=True):
            said = new[: new.index(tokens.end)] if tokens.end in new else new
            read.append(self.template_.parse(tokens.answer(prompt, said)))
        return read
