"""lift-tiny before any training: which architecture, and which numbers does it start from?

python -m others.pretraining.initial --folder /tmp/start                   # always the same bytes; train.py starts here
python -m others.pretraining.initial --folder /tmp/start --numbers digits --seed 1
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import tyro
from transformers import (
    GenerationConfig,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from others.pretraining import folder
from others.pretraining import tokenizer as tokens
from utils.errors import UserError
from utils.paths import CACHE

# Fine-tuning settings that go with these weights, the content of lift.json. Small tables are read until `updates` is
# reached, at most `max_epochs` times, large ones at least `min_epochs` times; jitter is the noise on training values,
# as a share of the range. In classification a constant rate and an average of the weights let tuning end at any time:
# it does when `patience` of at most 20 looks at the validation rows have found nothing better. Numbers want the slow
# end of a cosine (LOG.md). The smallest tables are answered in context by the pretrained lift-context.
IN_CONTEXT = {"epochs": 0, "shots": 128, "shot_choice": "nearest", "shot_tokens": 496, "permutations": 4}
FEW_ROWS = 32  # up to which answering in context is better than tuning from nothing, LOG.md
MOST_COLUMNS, MOST_CLASSES = 10, 10  # as in pretraining
SMALLEST = {"max_rows": FEW_ROWS, "max_columns": MOST_COLUMNS, "max_classes": MOST_CLASSES}
RECIPE = {
    "wording": "compact",
    "numbers": "scaled",
    "scale": "column",
    "adapter": "full",
    "optimizer": "muon",
    "embedding_share": 0.5,
    "weight_decay": 0.1,
    "warmup": 0.05,
    "max_epochs": 200,
    "batch_size": 32,
    "categories": "levels",
    "candidate_share": 0.2,
    "classification": {
        "decoding": "score",
        "levels": 1000,
        "schedule": "constant",
        "ema": 0.98,
        "patience": 5,
        "learning_rate": 2e-3,
        "updates": 280,
        "min_epochs": 6,
        "max_epochs": 100,
        "jitter": 0.02,
        "candidates": [
            {"if": SMALLEST, "alone": True, "model": "lift-context", **IN_CONTEXT},
            {},
            {"if": {"min_columns": 10}, "scale": "row", "jitter": 0.01},
            {"if": {"min_columns": 10, "max_rows_per_class": 30}, "swap": 0.4, "updates": 600},
        ],
    },
    "regression": {
        "decoding": "median",
        "levels": 400,
        "optimizer": "adamw",
        "schedule": "cosine",
        "ema": 0.98,
        "learning_rate": 2e-3,
        "updates": 800,
        "jitter": 0.01,
        "target_jitter": 0.02,
    },
}


def alone(recipe: dict[str, Any]) -> dict[str, Any]:
    """The recipe without candidates that are other models."""
    own = [one for one in recipe["classification"].get("candidates", []) if "model" not in one]
    return recipe | {"classification": recipe["classification"] | {"candidates": own}}


# Of lift-context, which was pretrained on classification alone and is tuned, where it is, as lift-tiny is.
CONTEXT_RECIPE = {"tasks": ["classification"]} | alone({k: v for k, v in RECIPE.items() if k != "regression"})


@dataclass(frozen=True)
class Architecture:
    positions: Literal["learned", "rotary"] = "learned"  # an embedding of each place (GPT-2), or turned keys (Llama)
    hidden: int = 96  # width of the residual stream
    intermediate: int = 384  # width inside the feed-forward blocks
    layers: int = 3
    heads: int = 4
    rope_theta: float = 10_000.0  # longest wave of rotary positions, in tokens / 2π
    position_scale: float = 0.06  # rms of a learned position's start, about that of the tokens
    init_scale: float = 0.05  # standard deviation of the matrices' start; with less the first epochs learn nothing
    number_scale: float = 0.06  # rms of a number's embedding, about that of the other tokens
    identity_scale: float = 0.02  # rms of what tells neighbouring numbers apart
    numbers: Literal["fourier", "random", "digits"] = "fourier"  # embeddings: by value, at random, or of digits alone
    seed: int = 0


@dataclass(frozen=True)
class Config(Architecture):
    folder: Path = CACHE / "models" / "lift-tiny-start"


def fourier_features(n: int) -> np.ndarray:
    """Smooth features of the integers 0 … n-1 as v in [-1, 1], shape (n, 10): near numbers get near rows."""
    v = np.linspace(-1.0, 1.0, n)
    waves = [wave(frequency * np.pi * v) for frequency in (0.5, 1, 2, 4) for wave in (np.sin, np.cos)]
    return np.stack([v, np.abs(v), *waves], axis=1)


def number_embeddings(config: Architecture) -> np.ndarray:
    """Start of the embeddings of 0 … 999, shape (1000, hidden): a random projection of the Fourier features.

    With `numbers` "random" the features play no part, and the rows have the same rms.
    """
    rng = np.random.default_rng(config.seed)
    if config.numbers == "random":
        return math.hypot(config.number_scale, config.identity_scale) * rng.normal(
            size=(tokens.N_NUMBERS, config.hidden)
        )
    features = fourier_features(tokens.N_NUMBERS)
    smooth = features @ rng.normal(size=(features.shape[1], config.hidden))
    smooth *= config.number_scale / np.sqrt(np.mean(smooth**2))
    return smooth + config.identity_scale * rng.normal(size=smooth.shape)


def check(config: Architecture) -> None:
    """Raises UserError for sizes of which no model can be made."""
    for name in ("hidden", "intermediate", "layers", "heads"):
        if getattr(config, name) < 1:
            raise UserError(f"{name} is {getattr(config, name)}; it must be 1 or more")
    if config.hidden % (2 * config.heads):
        raise UserError(
            f"hidden is {config.hidden} and heads {config.heads}; hidden must be a multiple of 2 × heads, "
            "for positions turn pairs of numbers"
        )
    for name in ("rope_theta", "position_scale", "init_scale", "number_scale", "identity_scale"):
        if not 0 < getattr(config, name) < math.inf:
            raise UserError(f"{name} is {getattr(config, name)}; it must be a number above 0")
    if config.seed < 0:
        raise UserError(f"seed is {config.seed}; it must be 0 or more")


def _rotary(config: Architecture, same: dict[str, Any]) -> LlamaForCausalLM:
    return LlamaForCausalLM(
        LlamaConfig(
            hidden_size=config.hidden,
            intermediate_size=config.intermediate,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            max_position_embeddings=tokens.CONTEXT,
            tie_word_embeddings=True,
            rope_parameters={"rope_type": "default", "rope_theta": config.rope_theta},
            **same,
        )
    )


def _learned(config: Architecture, same: dict[str, Any]) -> GPT2LMHeadModel:
    model = GPT2LMHeadModel(
        GPT2Config(
            n_embd=config.hidden,
            n_inner=config.intermediate,
            n_layer=config.layers,
            n_head=config.heads,
            n_positions=tokens.CONTEXT,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            activation_function="relu",  # a fit takes a tenth less than with a GELU
            **same,
        )
    )
    torch.nn.init.normal_(model.transformer.wpe.weight, std=config.position_scale)
    return model


def build(config: Architecture) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """The untrained model and its tokenizer. Raises UserError for impossible sizes."""
    check(config)
    tokenizer = tokens.build(numbers=config.numbers != "digits")
    same = {
        "vocab_size": len(tokenizer),
        "initializer_range": config.init_scale,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model = (_rotary if config.positions == "rotary" else _learned)(config, same)
    model.generation_config = GenerationConfig(
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, bos_token_id=None
    )
    if config.numbers == "digits":
        return model, tokenizer
    rows = torch.tensor(number_embeddings(config), dtype=torch.float32)
    with torch.no_grad():
        for spellings in zip(*tokens.number_tokens(), strict=True):
            model.get_input_embeddings().weight[tokenizer.convert_tokens_to_ids(list(spellings))] = rows
    return model, tokenizer


STARTS = {
    "fourier": "the embeddings of the integers 0–999 are random projections of Fourier features of their value, so\n"
    "that near numbers look alike; all else is random",
    "random": "all is random, the embeddings of the integers 0–999 with the size that they have elsewhere",
    "digits": "all is random, and numbers are spelt in digits",
}


def card(config: Architecture, model: PreTrainedModel) -> str:
    """The README.md of the model's folder."""
    return f"""---
license: mit
library_name: transformers
tags: [tabular, untrained]
---
# lift-tiny

A causal language model of {model.num_parameters():,} parameters for fine-tuning on the rows of a table, on a CPU (LIFT:
Dinh et al., NeurIPS 2022). **It is not pretrained: it has seen no table and no text.** At the start,
{STARTS[config.numbers]}.

{folder.describe(model)}
- Made by `python -m others.pretraining.initial` (seed {config.seed}); the same command writes the same weights.

## How to use it

In the repository that holds this folder it is the default:

    bash classification/accuracy.sh --datasets my.csv --target label

    from utils.estimators import LIFTClassifier, LIFTRegressor
    predicted = LIFTClassifier().fit(X_train, y_train).predict(X_test)

A copy elsewhere is named by its folder: `--model FOLDER`, `LIFTClassifier(model="FOLDER")`. For transformers it is an
ordinary `AutoModelForCausalLM`. A row is `12 999 0 =>` and its answer ` 1`: every column as a level from 0 to 999, the
class as its number.

## Limits

- It knows no words and no facts; the names of columns mean nothing to it.
- Without fine-tuning its answers are noise, with rows in the prompt, too. Its recipe therefore leaves
  tables of at most {FEW_ROWS} training rows, {MOST_COLUMNS} columns and {MOST_CLASSES} classes to lift-context,
  which was pretrained for them.
- A number becomes one of at most 1,000 levels between the least and the greatest of the training rows. What lies
  beyond them gets the end level: it does not extrapolate.
- Nobody has examined the fairness of its answers. Do not decide about people by them alone.
"""


def write(config: Config) -> None:
    """Writes the folder: weights, tokenizer, lift.json and the model card. Raises UserError."""
    model, tokenizer = build(config)
    folder.write(config.folder, model, tokenizer, RECIPE, card(config, model))


if __name__ == "__main__":
    try:
        write(tyro.cli(Config, description=__doc__))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
