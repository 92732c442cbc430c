"""The training loop of lift-context: from batches of synthetic tables to weights, over any number of sessions."""

from __future__ import annotations

import math
import signal
import time
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from others.pretraining import card, folder, initial, settings, texts
from others.pretraining.scratch import Scratch, interrupts
from others.pretraining.settings import Config
from utils.models.local import devices, optimization
from utils.models.local.optimization import WeightEMA
from utils.models.local.tokens import IGNORE

MAX_GRAD_NORM = 1.0
REPORT_EVERY = 100  # updates


class Texts(Dataset):
    """Batch number i of a run: a function of the seed and i alone, so that a run can stop and resume anywhere."""

    def __init__(self, config: Config, begin: int, end: int, tokenizer):
        self.config, self.begin, self.end, self.tokenizer = config, begin, end, tokenizer

    def __len__(self) -> int:
        return self.end - self.begin

    def __getitem__(self, i: int) -> texts.Batch:
        step = self.begin + i
        where = settings.stage(self.config, step)
        rng = np.random.default_rng([self.config.seed, step])
        n = settings.sequences(self.config, where)
        return texts.batch(rng, self.tokenizer, n, where.length, where.limits, where.mixture)


def losses(model: torch.nn.Module, ids: torch.Tensor, positions: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Loss of each answer token, shaped like `targets`, 0 where there is none. The head is applied to answers only."""
    hidden = model.base_model(ids, use_cache=False).last_hidden_state
    chosen = hidden.gather(1, positions.unsqueeze(-1).expand(-1, -1, hidden.shape[-1]))
    logits = model.lm_head(chosen).float()
    loss = cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORE, reduction="none")
    return loss.view(targets.shape)


class Run:
    """A model in training.

    Attributes:
        model, tokenizer: as built by `initial.build`, the model on its device.
        average: a moving average of the weights, which are noisy because the learning rate stays high until the end.
        step: updates made in all sessions.
    """

    def __init__(self, config: Config):
        torch.set_num_threads(config.threads)
        torch.manual_seed(config.seed)
        self.config, self.step, self.seconds, self.began = config, 0, 0.0, time.monotonic()
        self.model, self.tokenizer = initial.build(config.model)
        self.model.to(config.device).train()
        self.optimizers = optimization.build(
            dict(self.model.named_parameters()),
            "muon",
            config.learning_rate,
            config.weight_decay,
            config.embedding_rate,
            betas=(0.9, 0.98),
        )
        self.rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in self.optimizers]
        self.average = WeightEMA(list(self.model.parameters()), config.average)
        self.losses = torch.compile(losses, dynamic=False) if config.compile else losses

    def elapsed(self) -> float:
        """Seconds of all sessions."""
        return self.seconds + time.monotonic() - self.began

    def state(self) -> dict[str, Any]:
        """Everything that another session needs to resume."""
        return {
            "step": self.step,
            "seconds": self.elapsed(),
            "model": self.model.state_dict(),
            "average": self.average.values,
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
        }

    def take_up(self, state: dict[str, Any]) -> None:
        """Resumes from a result of `state`."""
        self.step, self.seconds = state["step"], state["seconds"]
        self.model.load_state_dict(state["model"])
        self.average.values, self.average.n_updates = state["average"], state["step"]
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)

    def update(self, batch: texts.Batch) -> tuple[float, float, float]:
        """One step; mean loss of all answers, and of late class and number answers (nan without any)."""
        for optimizer, rates in zip(self.optimizers, self.rates, strict=True):
            for group, lr in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = lr * settings.rate(self.config, self.step)
        ids, positions, targets = (part.to(self.config.device) for part in (batch.ids, batch.positions, batch.targets))
        fast = devices.has_fast_bfloat16(self.config.device)
        with torch.autocast(torch.device(self.config.device).type, torch.bfloat16, enabled=fast):
            loss = self.losses(self.model, ids, positions, targets)
        is_answer = batch.targets != IGNORE
        mean = loss.sum() / is_answer.sum()
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        mean.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), MAX_GRAD_NORM)
        for optimizer in self.optimizers:
            optimizer.step()
        self.average.update()
        self.step += 1
        loss, late = loss.detach().cpu(), batch.late & is_answer
        parts = [loss[late & (batch.groups == group)] for group in (0, 1)]
        return (mean.item(), *(part.mean().item() if part.numel() else math.nan for part in parts))


def train(config: Config) -> bool:
    """Trains from the checkpoint, if any, until the budget or the minutes are used up; returns whether it finished.

    A finished run has written the model's folder.

    Raises:
        UserError: invalid settings, a checkpoint with other settings, or another run that is using the folder.
        KeyboardInterrupt: Ctrl-C, after a checkpoint; its text gives the progress.
    """
    settings.check(config)
    folder.check(config.folder)
    scratch = Scratch(config.scratch, partial(settings.identity, config))
    with scratch.locked():
        scratch.adopt(settings.UNDER_WAY)
        state = scratch.load(config.device)
        run = Run(config)
        if state is not None:
            run.take_up(state)
        scratch.rewind(run.step)
        with interrupts() as interrupted:
            _advance(run, scratch, interrupted)
        if interrupted.is_set():
            raise KeyboardInterrupt(f"stopped after {run.step} of {settings.last(config)} updates")
        if run.step < settings.last(config):
            return False
        run.average.write()
        text = card.text(config, run.model, run.elapsed() / 60, scratch.last_losses())
        folder.write(config.folder, run.model.float().cpu().eval(), run.tokenizer, initial.CONTEXT_RECIPE, text)
        return True


def _advance(run: Run, scratch: Scratch, interrupted) -> None:
    """Makes updates until the budget or the minutes are used up or `interrupted` is set; leaves a checkpoint."""
    config, end = run.config, settings.last(run.config)
    began = last_saved = time.monotonic()
    every, recent = min(REPORT_EVERY, end), []
    with tqdm(total=end, initial=run.step, desc="pretraining", unit="update", disable=None) as bar:
        for batch in _batches(config, run.step, end, run.tokenizer):
            recent.append(run.update(batch))
            bar.update()
            if run.step % every == 0:
                line = scratch.report(run.step, settings.n_tokens(config, run.step), run.elapsed(), recent)
                recent = []
                bar.set_postfix(loss=line["loss"], classes=line["late_class_loss"], numbers=line["late_number_loss"])
            is_over = interrupted.is_set() or run.step == end or time.monotonic() - began > 60 * config.minutes
            if is_over or time.monotonic() - last_saved > 60 * config.checkpoint_minutes:
                scratch.save(run.state())
                last_saved = time.monotonic()
            if is_over:
                return


def _batches(config: Config, begin: int, end: int, tokenizer) -> DataLoader:
    return DataLoader(
        Texts(config, begin, end, tokenizer),
        batch_size=None,
        num_workers=config.workers,
        prefetch_factor=8 if config.workers else None,
        worker_init_fn=_ignore_interrupts,
    )


def _ignore_interrupts(worker: int) -> None:
    """Leaves Ctrl-C to the parent, which stops its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
