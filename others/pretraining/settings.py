"""The settings of a pretraining run, its curriculum, and its learning-rate schedule."""

from __future__ import annotations

import math
import os
import shlex
import shutil
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import torch

from others.pretraining import initial, texts
from others.pretraining.prior import Limits
from utils.errors import UserError
from utils.paths import CACHE, DATA


@dataclass(frozen=True)
class Stage:
    """A stage of the curriculum: tasks start small, else in-context learning takes far longer to appear (LOG.md).

    Attributes:
        until: share of the updates at which it ends.
        batch: tokens of an update, as a share of `batch_tokens`.
        length: tokens of a sequence.
        limits: the tables drawn.
        mixture: the texts drawn.
    """

    until: float
    batch: float
    length: int
    limits: Limits
    mixture: texts.Mixture


PLAIN = texts.Mixture(
    regression=0.0,
    nearest=0.0,
    single=0.0,
    coarse=0.85,
    wordings={"compact": 1.0},
    numbers={"scaled": 1.0},
    scales={"column": 1.0},
    levels={1000: 1.0},
    categories={"levels": 1.0},
)
CLEAR = Limits(max_features=1, max_classes=6, max_label_noise=0.0, texts=False, missing=False)
NARROW = Limits(max_features=10, max_classes=10)
# Only classification of narrow tables: what a network of this size can learn from the tokens a CPU can process.
MANY = replace(PLAIN, nearest=0.15, scales={"column": 0.85, "quantile": 0.15}, levels={1000: 0.8, 100: 0.2})
CURRICULUM = (
    Stage(0.027, 0.5, 128, replace(CLEAR, families=("mixture", "linear", "trees", "prototypes")), PLAIN),
    Stage(0.061, 1.0, 256, replace(CLEAR, max_features=3), replace(PLAIN, coarse=0.3)),
    Stage(0.19, 1.0, 256, NARROW, replace(MANY, coarse=0.1)),
    Stage(1.0, 1.0, 512, NARROW, replace(MANY, coarse=0.05)),
)


# Rotary positions encode how far back a value is, whatever the number of columns, as rows in a prompt require.
IN_CONTEXT = initial.Architecture(positions="rotary", hidden=128, intermediate=352, layers=4, rope_theta=1_000.0)


@dataclass(frozen=True)
class Config:
    folder: Path = DATA / "models" / "lift-context"  # where the model is written at the end
    scratch: Path = CACHE / "pretraining"  # checkpoint and log of the run
    updates: int = 74_000  # of the full schedule; the curriculum's stages end at shares of it
    stop: int = 0  # the last update, if the run is to end before `updates`; 0 for all of them
    batch_tokens: int = 4096  # of an update in the last stage
    learning_rate: float = 1e-3  # of the matrices (Muon); with ten times as much, no in-context learning appears
    embedding_rate: float = 1e-4  # of embeddings and norms (AdamW); with ten times as much, numbers lose their order
    weight_decay: float = 0.1  # of the matrices
    warmup: int = 200  # updates
    average: float = 0.999  # decay per update of the moving average of the weights, which is measured and written
    decay: float = 0.12  # final share of `updates` over which the learning rates fall to 0
    minutes: float = math.inf  # stop after this time; the same command resumes later
    checkpoint_minutes: float = 5.0  # between two checkpoints
    device: str = "cpu"  # or cuda, cuda:1, …
    compile: bool = False  # use torch.compile, which needs a C++ compiler; little gain on a CPU (LOG.md)
    threads: int = 1  # of torch
    workers: int = 1  # processes that draw and write tables
    seed: int = 0  # of tables and texts; the initial weights have their own
    model: initial.Architecture = field(default_factory=lambda: IN_CONTEXT)


# 250 updates of 4,096 tokens are a million tokens; a GPU needs larger ones.
SETTINGS = {
    "cpu": Config(),
    "gpu": Config(updates=20_000, batch_tokens=65536, device="cuda", compile=True, threads=8, workers=14, warmup=500),
}
UNDER_WAY = Path(__file__).parent / "run"  # the last committed checkpoint of a run that is not finished
# Settings that may change between two sessions of a run; all others determine the weights.
# The rates are constant until the decay, so `stop` does not affect weights before the decay begins: see `identity`.
FREE = ("folder", "scratch", "minutes", "checkpoint_minutes", "device", "compile", "threads", "workers")
PLACES = ("folder", "scratch", "minutes", "checkpoint_minutes")  # not shown in the model card


def check(config: Config) -> None:
    """Raises UserError for invalid settings, with the flag to change."""
    least = math.ceil(max(part.length / part.batch for part in CURRICULUM))
    _require(config.batch_tokens >= least, config, "batch_tokens", f"{least} or more, for a batch to hold a sequence")
    for name in ("learning_rate", "embedding_rate", "checkpoint_minutes"):
        _require(0 < getattr(config, name) < math.inf, config, name, "a number above 0")
    _require(0 <= config.weight_decay < math.inf, config, "weight_decay", "0 or more")
    _require(0 < config.decay <= 1, config, "decay", "above 0 and at most 1")
    _require(0 < config.average < 1, config, "average", "above 0 and below 1")
    _require(config.minutes >= 0, config, "minutes", "0 or more")
    for name, least in (("updates", 1), ("warmup", 1), ("threads", 1), ("workers", 0), ("seed", 0)):
        _require(getattr(config, name) >= least, config, name, f"{least} or more")
    _require(0 <= config.stop <= config.updates, config, "stop", f"0, or an update up to {config.updates}")
    initial.check(config.model)
    _check_device(config.device)
    compilers = (os.environ.get("CXX", "g++"), "g++", "clang++", "gcc")
    if config.compile and not any(shutil.which(name) for name in compilers):
        raise UserError("--compile needs a C++ compiler: install g++ (Debian: apt install g++), or add --no-compile")


def _require(is_good: bool, config: Config, name: str, requirement: str) -> None:
    if not is_good:
        raise UserError(f"--{name.replace('_', '-')} is {getattr(config, name)}; it must be {requirement}")


def _check_device(name: str) -> None:
    kind, _, number = name.partition(":")
    if kind not in ("cpu", "cuda") or not (number.isdecimal() or name == kind):
        raise UserError(f"no device {name!r}; type --device cpu, --device cuda or --device cuda:1")
    if kind == "cuda" and not torch.cuda.is_available():
        raise UserError("torch finds no CUDA device here; type --device cpu, or leave out the word gpu")
    if kind == "cuda" and int(number or 0) >= torch.cuda.device_count():
        raise UserError(f"no device {name}; there are {torch.cuda.device_count()}, the first is --device cuda:0")


def last(config: Config) -> int:
    """The number of updates that the run makes."""
    return config.stop or config.updates


def falls(config: Config, step: int) -> bool:
    """Whether the decay of the learning rates has begun after this many updates."""
    return step > last(config) - config.decay * config.updates


def identity(config: Config, step: int) -> dict[str, Any]:
    """The settings that a checkpoint must match: all that determine the weights after this many updates."""
    free = FREE if falls(config, step) else (*FREE, "stop")
    values = {item.name: getattr(config, item.name) for item in fields(Config) if item.name not in free}
    model = {item.name: getattr(config.model, item.name) for item in fields(initial.Architecture)}
    return values | {"model": model, "curriculum": repr(CURRICULUM)}


def command(config: Config) -> str:
    """The shell command for these settings, without paths and times."""
    name = "gpu" if config.device.startswith("cuda") else "cpu"
    words = ["bash others/pretraining/train.sh", *([name] if name == "gpu" else [])]
    return " ".join(words + _flags(config, SETTINGS[name], "--"))


def _flags(config: Any, base: Any, prefix: str) -> list[str]:
    found = []
    for item in fields(base):
        value, flag = getattr(config, item.name), prefix + item.name.replace("_", "-")
        if item.name == "model":
            found += _flags(value, base.model, f"{flag}.")
        elif value != getattr(base, item.name) and item.name not in PLACES:
            switch = [flag] if value is True else [f"--no-{item.name}"] if value is False else [flag, str(value)]
            found.append(shlex.join(switch))
    return found


def n_tokens(config: Config, updates: int) -> int:
    """Tokens of the first updates, including padding."""
    parts = zip(CURRICULUM, _lengths(config, updates), strict=True)
    return sum(sequences(config, part) * part.length * n for part, n in parts)


def sequences(config: Config, part: Stage) -> int:
    """Number of sequences in an update."""
    return max(1, int(config.batch_tokens * part.batch) // part.length)


def _lengths(config: Config, updates: int) -> list[int]:
    """The number of the first updates that fall into each stage."""
    ends = [math.ceil(part.until * config.updates) for part in CURRICULUM]
    begins = [0, *ends[:-1]]
    return [max(0, min(end, updates) - begin) for begin, end in zip(begins, ends, strict=True)]


def stage(config: Config, step: int) -> Stage:
    """The stage of the curriculum that contains the update."""
    done = step / config.updates
    return next(part for part in CURRICULUM if done < part.until)


def rate(config: Config, step: int) -> float:
    """Factor on the learning rates: warm-up, plateau, linear decay to 0."""
    left = (last(config) - step) / config.updates
    return min(1.0, (step + 1) / config.warmup, left / config.decay)
