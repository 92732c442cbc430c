"""A model's folder: weights, tokenizer, recipe and model card, written atomically."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerFast

from others.pretraining import tokenizer as tokens
from utils.errors import UserError
from utils.models import RECIPE_FILE
from utils.models.local.network import quiet

CARD = "README.md"
KINDS = {"gpt2": "GPT-2", "llama": "Llama"}  # names of architectures by transformers' model types
FILES = {
    CARD,
    RECIPE_FILE,
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
}


def check(folder: Path) -> None:
    """Raises UserError if `folder` holds anything else than such a model, since it would be replaced."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file; give another --folder")
    unknown = sorted(path.name for path in folder.iterdir() if path.name not in FILES) if folder.exists() else []
    if unknown:
        raise UserError(f"{folder} holds {unknown[0]}, which is not part of a model; give another --folder")


def write(
    folder: Path, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, recipe: dict[str, Any], card: str
) -> None:
    """Replaces an old folder by a new one.

    Raises:
        UserError: the old folder holds files that are not part of a model.
    """
    folder = folder.resolve()
    check(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    fresh, old = work / "fresh", work / "old"
    try:
        with quiet():
            model.save_pretrained(fresh)
            tokenizer.save_pretrained(fresh)
        (fresh / RECIPE_FILE).write_text(json.dumps(recipe, indent=2) + "\n", encoding="utf-8")
        (fresh / CARD).write_text(card, encoding="utf-8")
        fresh.chmod(0o755)
        for path in fresh.iterdir():
            path.chmod(0o644)
        if folder.exists():
            folder.rename(old)
        fresh.rename(folder)
    finally:
        if old.exists() and not folder.exists():
            old.rename(folder)
        shutil.rmtree(work)


def describe(model: PreTrainedModel) -> str:
    """The list items on architecture and files that both model cards share."""
    sizes = model.config
    numbers = "one token for each integer 0–999 that stands alone (a space before it included)"
    return f"""\
- Architecture: {KINDS[sizes.model_type]}, {sizes.num_hidden_layers} layers of width {sizes.hidden_size},
  {sizes.num_attention_heads} heads, tied embeddings, {sizes.max_position_embeddings:,} tokens of context, float32.
- Tokenizer: {numbers if is_whole(model) else "numbers as digits"},
  one for each fixed phrase of the templates, UTF-8 bytes for everything else.
- `{RECIPE_FILE}`: the fine-tuning settings that suit it, which the estimators take as defaults."""


def is_whole(model: PreTrainedModel) -> bool:
    """Whether its vocabulary has integers as whole tokens."""
    return model.config.vocab_size > tokens.N_NUMBERS
