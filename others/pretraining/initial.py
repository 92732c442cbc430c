"""lift-tiny before any training: which architecture, and which numbers does it start from?

python -m others.pretraining.initial                              # writes data/models/lift-tiny, always the same bytes
python -m others.pretraining.initial --folder /tmp/model --seed 1
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from others.pretraining import tokenizer as tokens
from utils.models.network import quiet

ROOT = Path(__file__).resolve().parents[2]


# Fine-tuning settings that go with these weights, the content of lift.json. Small tables are read until `updates` is
# reached, at most `max_epochs` times; jitter is the noise on training values, as a share of the column's range.
RECIPE = {
    "wording": "compact",
    "numbers": "scaled",
    "scale": "column",
    "adapter": "full",
    "weight_decay": 0.3,
    "warmup": 0.05,
    "schedule": "cosine",
    "max_epochs": 200,
    "batch_size": 32,
    "classification": {
        "decoding": "score",
        "levels": 1000,
        "learning_rate": 1e-3,
        "updates": 1600,
        "jitter": 0.02,
    },
    "regression": {
        "decoding": "median",
        "levels": 400,
        "learning_rate": 2e-3,
        "updates": 600,
        "jitter": 0.01,
        "target_jitter": 0.02,
    },
}


@dataclass(frozen=True)
class Config:
    folder: Path = ROOT / "data" / "models" / "lift-tiny"
    hidden: int = 64  # width of the residual stream
    intermediate: int = 176  # width inside the feed-forward blocks, about 8/3 of hidden
    layers: int = 2
    heads: int = 4
    rope_theta: float = 100.0  # longest wave of the position code, in tokens / 2π; columns are told apart by position
    init_scale: float = 0.05  # standard deviation of the matrices' start; with less the first epochs learn nothing
    number_scale: float = 0.06  # rms of a number's embedding, three times that of the other tokens
    identity_scale: float = 0.02  # rms of what tells neighbouring numbers apart
    seed: int = 0


def fourier_features(n: int) -> np.ndarray:
    """Smooth features of the integers 0 … n-1 as v in [-1, 1], shape (n, 10): near numbers get near rows."""
    v = np.linspace(-1.0, 1.0, n)
    waves = [wave(frequency * np.pi * v) for frequency in (0.5, 1, 2, 4) for wave in (np.sin, np.cos)]
    return np.stack([v, np.abs(v), *waves], axis=1)


def number_embeddings(config: Config) -> np.ndarray:
    """Start of the embeddings of 0 … 999, shape (1000, hidden): a random projection of the Fourier features."""
    rng = np.random.default_rng(config.seed)
    features = fourier_features(tokens.N_NUMBERS)
    smooth = features @ rng.normal(size=(features.shape[1], config.hidden))
    smooth *= config.number_scale / np.sqrt(np.mean(smooth**2))
    return smooth + config.identity_scale * rng.normal(size=smooth.shape)


def build(config: Config) -> tuple[LlamaForCausalLM, PreTrainedTokenizerFast]:
    """The untrained model and its tokenizer."""
    tokenizer = tokens.build()
    architecture = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=config.hidden,
        intermediate_size=config.intermediate,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        max_position_embeddings=tokens.CONTEXT,
        tie_word_embeddings=True,
        initializer_range=config.init_scale,
        rope_parameters={"rope_type": "default", "rope_theta": config.rope_theta},
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model = LlamaForCausalLM(architecture)
    model.generation_config = GenerationConfig(
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, bos_token_id=None
    )
    rows = torch.tensor(number_embeddings(config), dtype=torch.float32)
    with torch.no_grad():
        for spellings in zip(*tokens.number_tokens(), strict=True):
            model.get_input_embeddings().weight[tokenizer.convert_tokens_to_ids(list(spellings))] = rows
    return model, tokenizer


def card(config: Config, n_parameters: int) -> str:
    """The README.md of the model's folder."""
    return f"""---
license: mit
library_name: transformers
tags: [tabular, untrained]
---
# lift-tiny

**Untrained.** A causal language model of {n_parameters:,} parameters for fine-tuning on table rows on a CPU. It has
seen no table and no text: the embeddings of the integers 0–999 start as random projections of Fourier features of
their value, so that near numbers look alike; everything else starts at random.

- Architecture: Llama, {config.layers} layers of width {config.hidden}, {config.heads} heads, tied embeddings,
  {tokens.CONTEXT} tokens of context, float32.
- Tokenizer: one token for each integer 0–999 that stands alone (a space before it included), one for each fixed
  phrase of the templates, UTF-8 bytes for everything else.
- `lift.json`: the fine-tuning settings that suit it, which the estimators take as defaults.
- Made by `python -m others.pretraining.initial` (seed {config.seed}); the same command writes the same bytes.

Without fine-tuning its answers are noise.
"""


def write(config: Config) -> None:
    """Writes the folder: weights, tokenizer, lift.json and the model card."""
    model, tokenizer = build(config)
    config.folder.mkdir(parents=True, exist_ok=True)
    with quiet():
        model.save_pretrained(config.folder)
        tokenizer.save_pretrained(config.folder)
    recipe = json.dumps(RECIPE, indent=2) + "\n"
    (config.folder / "lift.json").write_text(recipe, encoding="utf-8")
    (config.folder / "README.md").write_text(card(config, model.num_parameters()), encoding="utf-8")


if __name__ == "__main__":
    write(tyro.cli(Config, description=__doc__))
