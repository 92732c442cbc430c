"""The interface of a language model: what every one offers to the estimators, and the settings of a fine-tune."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np

Example: TypeAlias = tuple[str, str]  # prompt, completion; the text trained on is their plain concatenation
Examples: TypeAlias = Sequence[Example] | Callable[[int], Sequence[Example]]  # the second draws them anew each epoch


@dataclass(frozen=True)
class FineTuning:
    """Settings of one fine-tune. The defaults are those of the paper's GPT-J runs where it gives them."""

    learning_rate: float = 1e-4
    epochs: int = 10
    batch_size: int = 4  # rows per update
    weight_decay: float = 0.01
    warmup: float = 0.05  # share of the updates over which the learning rate rises from 0
    schedule: str = "linear"  # linear, cosine or constant, after the warm-up
    optimizer: str = "adamw"  # or muon
    embedding_share: float = (
        1.0  # beside muon: the rate of embeddings, biases and norms, as a share of the learning rate
    )
    max_grad_norm: float = 1.0  # gradients are scaled down to this L2 norm
    ema: float = 0.0  # decay per update of a moving average of the weights, which is then what is used; 0 for none
    evaluate_every: int = 1  # epochs between two looks at the validation rows; the last epoch is always looked at
    patience: int = 0  # looks without a better score after which the tuning ends; 0 for never


class LanguageModel(Protocol):
    """Three verbs on texts. All of them keep the order and the number of their inputs.

    Attributes:
        name: what the user typed.
        context_length: most tokens that prompt and answer may have together, or None where unknown.
        device, dtype: where and in which number type it computes, as strings ("cpu", "float32").
        n_tokens_trained: tokens that fine-tuning has seen, all epochs counted.
        cost_usd: price of all that was asked of this model and of those it was tuned from; 0 on a machine of one's own.
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
        """A new, tuned model; this one stays as it is.

        Args:
            examples: training pairs, or a function from the epoch (1, 2, …) to its pairs.
            validation: pairs whose token loss is measured with each look at the validation rows; empty for none.
            on_epoch: called after every `settings.evaluate_every` epochs and after the last, with the epoch's number,
                the model as it is then and the validation token loss (nan without validation rows). It returns a score,
                greater is better, or None where it measured nothing; the weights of the best score are the ones
                returned, those of the last epoch without one.
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
        """`samples` answers for each prompt, each cut before `stop` or the model's end token. 0.0 is greedy."""

    def log_likelihood(self, prompts: Sequence[str], candidates: Sequence[str]) -> np.ndarray:
        """Sums of token log-probabilities, shape (n_prompts, n_candidates), natural logarithm.

        The end of the answer counts only where one candidate is the beginning of another; otherwise it could not
        change the ranking.
        """

    def save(self, folder: Path) -> None:
        """Writes an ordinary Hugging Face or peft folder that `models.load` reads again."""
