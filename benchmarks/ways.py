"""Three ways to tune a network and answer with it on the same texts: the original's, TRL's, and this project's.

original   padded to the longest row of the table, the head over all positions, batches of 4; ten tokens sampled one
           by one without a cache and without a stop (the released code of the paper, rebuilt)
trl        TRL's SFTTrainer (completion-only loss, its own chunked head), then transformers' `generate`: greedy, cached,
           padded to the longest of the batch, ended by the end token
ours       `fine_tune`, then `log_likelihood` over the classes; `generate` for comparison

All use AdamW, the same learning rate and the model's dtype. `trl` is timed inside `train()`, without the tokenisation
in its constructor; the others include theirs.
"""

from __future__ import annotations

import copy
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from utils import models
from utils.models import FineTuning
from utils.models.local.model import LocalModel
from utils.models.local.tokens import IGNORE, pad_left

LEARNING_RATE = 1e-3
NEW_TOKENS = 10  # of a free answer, as in the original
ORIGINAL_BATCH = 4


@dataclass(frozen=True)
class Work:
    """The input of each way: pairs of prompt and answer, and the possible answers."""

    examples: Sequence[tuple[str, str]]
    classes: Sequence[str]

    @property
    def prompts(self) -> list[str]:
        return [prompt for prompt, _ in self.examples]


class Original:
    """See the head of this module."""

    def __init__(self, model: LocalModel, batch_size: int) -> None:
        del batch_size  # it had one
        self.model = model
        self.module, self.tokens = model.trainable_copy(0).module, model.tokens

    def tune(self, work: Work) -> Callable[[], None]:
        """The tuning on the work's rows, once each, ready to be timed."""
        module = self.module.train()
        trained = [p for p in module.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(trained, lr=LEARNING_RATE, weight_decay=0.01)

        def run() -> None:
            rows = self.tokens.pairs(work.examples)
            width = max(len(row.ids) for row in rows) + 1
            for begin in range(0, len(rows), ORIGINAL_BATCH):
                batch = rows[begin : begin + ORIGINAL_BATCH]
                ids = torch.full((len(batch), width), self.tokens.end)
                labels, mask = torch.full_like(ids, IGNORE), torch.zeros_like(ids)
                for i, row in enumerate(batch):
                    ids[i, : len(row.ids)] = torch.tensor(row.ids)
                    labels[i, row.start : len(row.ids) + 1] = torch.tensor([*row.ids[row.start :], self.tokens.end])
                    mask[i, : len(row.ids) + 1] = 1
                where = self.model.device
                with _autocast(self.model):
                    logits = module(input_ids=ids.to(where), attention_mask=mask.to(where)).logits.float()
                loss = cross_entropy(
                    logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten().to(where), ignore_index=IGNORE
                )
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

        return run

    @torch.no_grad()
    def predict(self, work: Work) -> None:
        """Ten sampled tokens for each prompt."""
        module = self.module.eval()
        prompts = self.tokens.prompts(work.prompts)
        for begin in range(0, len(prompts), ORIGINAL_BATCH):
            ids, mask = pad_left(prompts[begin : begin + ORIGINAL_BATCH], self.tokens.end, self.model.device)
            for _ in range(NEW_TOKENS):
                with _autocast(self.model):
                    logits = module(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, -1].float()
                ids = torch.cat([ids, logits.softmax(-1).multinomial(1)], dim=1)
                mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)


class Trl:
    """See the head of this module."""

    def __init__(
        self, model: LocalModel, batch_size: int, updates: int = 0, learning_rate: float = LEARNING_RATE
    ) -> None:
        self.model, self.batch_size, self.updates = model, batch_size, updates  # 0: one pass over the rows
        self.learning_rate = learning_rate
        self.network, self.tokens = model.trainable_copy(0), model.tokens
        self.module = self.network.module
        self.tokenizer = copy.deepcopy(self.tokens.tokenizer)
        self.tokenizer.pad_token = self.tokenizer.pad_token or self.tokenizer.eos_token

    def tune(self, work: Work) -> Callable[[], None]:
        """The tuning on the work's rows, once each or for `updates`, ready to be timed."""
        from datasets import Dataset
        from datasets.utils.logging import disable_progress_bar
        from trl import SFTConfig, SFTTrainer

        disable_progress_bar()
        half = self.model.dtype == "bfloat16"
        with tempfile.TemporaryDirectory() as folder, redirect_stdout(StringIO()):
            settings = SFTConfig(
                output_dir=folder,
                per_device_train_batch_size=self.batch_size,
                num_train_epochs=1,
                max_steps=self.updates or -1,
                learning_rate=self.learning_rate,
                weight_decay=0.01,
                max_length=None,
                activation_checkpointing=False,  # it saves memory and costs time
                bf16=half,
                use_cpu=self.model.device == "cpu",
                report_to="none",
                save_strategy="no",
                logging_strategy="no",
                disable_tqdm=True,
                train_sampling_strategy="group_by_length",
            )
            pairs = [{"prompt": prompt, "completion": answer} for prompt, answer in work.examples]
            trainer = SFTTrainer(
                self.module, args=settings, train_dataset=Dataset.from_list(pairs), processing_class=self.tokenizer
            )

        def run() -> None:
            with redirect_stdout(StringIO()):
                trainer.train()

        return run

    @torch.inference_mode()
    def predict(self, work: Work) -> list[list[int]]:
        """The tokens of a greedy answer to each prompt, including the end token."""
        module = self.module.eval()
        prompts = self.tokens.prompts(work.prompts)
        answers: list[list[int]] = [[] for _ in prompts]
        order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
        for begin in range(0, len(prompts), self.batch_size):
            chosen = order[begin : begin + self.batch_size]
            ids, mask = pad_left([prompts[i] for i in chosen], self.tokens.end, self.model.device)
            with _autocast(self.model):
                sequences = module.generate(
                    input_ids=ids,
                    attention_mask=mask,
                    do_sample=False,
                    max_new_tokens=NEW_TOKENS,
                    eos_token_id=self.tokens.end,
                    pad_token_id=self.tokens.end,
                )
            for i, tokens in zip(chosen, sequences[:, ids.shape[1] :].tolist(), strict=True):
                answers[i] = tokens
        return answers


class Ours:
    """See the head of this module."""

    def __init__(self, model: models.LanguageModel, batch_size: int) -> None:
        self.model, self.batch_size = model, batch_size

    def tune(self, work: Work) -> Callable[[], None]:
        """The tuning on the work's rows, once each, ready to be timed."""
        settings = FineTuning(learning_rate=LEARNING_RATE, epochs=1, batch_size=self.batch_size)

        def run() -> None:
            self.model = self.model.fine_tune(work.examples, settings=settings, seed=0)

        return run

    def predict(self, work: Work) -> None:
        """The likelihood of each class after each prompt."""
        self.model.log_likelihood(work.prompts, work.classes)


class OursFree(Ours):
    """Ours with free-text answers."""

    def predict(self, work: Work) -> None:
        """A greedy answer for each prompt."""
        self.model.generate(work.prompts, max_new_tokens=NEW_TOKENS)


WAYS: dict[str, Any] = {"original": Original, "trl": Trl, "ours": Ours, "ours, free text": OursFree}


def seconds(model: models.LanguageModel, run: Callable[[], None]) -> float:
    """Seconds that `run` takes, including pending work of the device."""
    _wait(model)
    begin = time.perf_counter()
    run()
    _wait(model)
    return time.perf_counter() - begin


def _wait(model: models.LanguageModel) -> None:
    if model.device.startswith("cuda"):
        torch.cuda.synchronize()


def _autocast(model: models.LanguageModel) -> Any:
    return torch.autocast(torch.device(model.device).type, torch.bfloat16, enabled=model.dtype == "bfloat16")
