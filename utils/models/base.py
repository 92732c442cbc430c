"""The interface of a language model: what each offers to the estimators, and the settings of a fine-tune."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np

Example: TypeAlias = tuple[str, str]  # prompt, completion; the training text is their concatenation
Examples: TypeAlias = Sequence[Example] | Callable[[int], Sequence[Example]]  # the latter draws them anew each epoch


@dataclass(frozen=True)
class FineTuning:
    """Settings of one fine-tune. The defaults are those of the paper's GPT-J runs, as far as given."""

    learning_rate: float = 1e-4
    epochs: int = 10
    batch_size: int = 4  # rows per update
    weight_decay: float = 0.01
    warmup: float = 0.05  # share of the updates over which the learning rate rises from 0
    schedule: str = "linear"  # linear, cosine or constant, after the warm-up
    optimizer: str = "adamw"  # or muon
    embedding_share: float = 1.0  # with muon: the rate of embeddings, biases and norms, as a share of the learning rate
    max_grad_norm: float = 1.0  # gradients are clipped to this L2 norm
    ema: float = 0.0  # decay per update of a moving average of the weights, used instead of them; 0 for none
    evaluate_every: int = 1  # epochs between evaluations on the validation rows; the last epoch is always evaluated
    patience: int = 0  # evaluations without a better score after which tuning ends; 0 for never
    min_delta: float = 0.0  # patience counts a score as better if it rises by more than this
    patience_above: float = -math.inf  # patience counts nothing before the best score is above this


class LanguageModel(Protocol):
    """Fine-tuning, generation and likelihoods on texts; all keep the order and number of their inputs.

    Attributes:
        name: what the user typed.
        context_length: maximum tokens of prompt and answer together, or None if unknown.
        device, dtype: where and in which data type it computes, as strings ("cpu", "float32").
        n_tokens_trained: tokens seen in fine-tuning, over all epochs.
        cost_usd: price of all requests to this model and to those it was tuned from; 0 for local models.
    """

    name: str
    context_length: int | None
    device: str
    dtype: str
    n_tokens_trained: int
    cost_usd: float

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """The number of tokens of each text."""

    def fine_tune(
        self,
        examples: Examples,
        validation: Sequence[Example] = (),
        *,
        settings: FineTuning,
        seed: int,
        on_epoch: Callable[[int, LanguageModel, float], float | None] | None = None,
    ) -> LanguageModel:
        """A new, tuned model; this one is not modified.

        Args:
            examples: training pairs, or a function from the epoch (1, 2, …) to its pairs.
            validation: pairs whose token loss is measured at each evaluation; empty for none.
            on_epoch: called after every `settings.evaluate_every` epochs and after the last, with the epoch's number,
                the current model and the validation token loss (nan without validation rows). It returns a score,
                greater is better, or None for no score; the weights with the best score are returned, or without any
                score those of the last epoch.
        """

    def generate(
        self,
        prompts: Sequence[str],
        *,
        stop: str = "",
        temperature: float = 0.0,
        samples: int = 1,
        max_new_tokens: int = 16,
        seed: int = 0,
    ) -> list[list[str]]:
        """`samples` answers per prompt, each cut before `stop` or the model's end token; greedy at temperature 0."""

    def log_likelihood(self, prompts: Sequence[str], candidates: Sequence[str]) -> np.ndarray:
        """Summed token log-probabilities, shape (n_prompts, n_candidates), natural logarithm.

        The end of the answer counts only if one candidate is a prefix of another; otherwise it could not change the
        ranking.
        """

    def save(self, folder: Path) -> None:
        """Writes an ordinary Hugging Face or peft folder that `models.load` reads again."""
