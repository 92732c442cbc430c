"""The model card of a pretrained model, generated from its settings, its log and its machine."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path

import torch
from transformers import PreTrainedModel

from others.pretraining import folder, settings, texts
from others.pretraining.initial import FEW_ROWS, STARTS
from others.pretraining.prior import FAMILIES
from others.pretraining.settings import CURRICULUM, Config
from utils.models.local import devices

LIBRARIES = ("torch", "transformers", "tokenizers", "safetensors", "numpy", "scipy", "pandas", "scikit-learn")
LAST = CURRICULUM[-1]


def text(config: Config, model: PreTrainedModel, minutes: float, losses: dict[str, float | None]) -> str:
    """The README.md of the model's folder.

    Args:
        config: the run's settings.
        model: the trained model.
        minutes: total over all sessions.
        losses: means over the last updates, by their names in the log.
    """
    context, mixture = model.config.max_position_embeddings, LAST.mixture
    return f"""---
license: mit
library_name: transformers
tags: [tabular, synthetic-data]
---
# lift-context

A causal language model of {model.num_parameters():,} parameters that has learnt from synthetic tables how the answer
of a row follows from the rows before it. It classifies the rows of small tables in context, without tuning, on a CPU
(LIFT: Dinh et al., NeurIPS 2022). **Synthetic tables are all it has seen: no real table and no natural text.**

{folder.describe(model)}

## How to use it

In the repository that holds this folder, lift-tiny's recipe asks it about tables of at most {FEW_ROWS} rows. By name:

    bash classification/accuracy.sh --datasets my.csv --target label --model lift-context \\
        --epochs 0 --shots 64 --shot-choice nearest --permutations 4

    from utils.estimators import LIFTClassifier
    asked = LIFTClassifier(model="lift-context", epochs=0, shots=64, shot_choice="nearest", permutations=4)
    predicted = asked.fit(X_train, y_train).predict(X_test)

Without `epochs=0` it is tuned. A copy elsewhere is named by its folder: `--model FOLDER`,
`LIFTClassifier(model="FOLDER")`. For transformers it is an ordinary `AutoModelForCausalLM`.

A row is `12 999 0 =>` and its answer ` 1`: every column as a level from 0 to 999,
the class as its number. Rows that are shown before a query end with a new line each.

## Training data

Tables drawn by code (`others/pretraining/prior.py`) while it trained, written by the project's own templates. The
target of a table comes from one of these families:

{_families()}

With them come noise on labels and targets, columns that tell nothing, skewed, discrete and textual columns, missing
cells and random units. In the last stage of the curriculum:

- regression: {mixture.regression:.0%} of the tables;
- a row after its nearest neighbours: {mixture.nearest:.0%} of the tables, else rows at random;
- wordings: {_shares(mixture.wordings)};
- numbers: {_shares(mixture.numbers)};
- scales: {_shares(mixture.scales)};
- levels: {_shares(mixture.levels)};
- columns of texts: {_shares(mixture.categories)}.

The loss is that of the answers alone, of all rows of a sequence.

## Training

{_facts(config, minutes, losses)}

Curriculum, by the share of {config.updates:,} updates at which a stage ends:

{_curriculum(config)}

"Few values" is the share of tables whose numbers are cut to {texts.COARSEST} values at most; half of them have
answers that are looked up by the value.

Muon for the matrices, AdamW for embeddings and norms. The learning rates rise over {config.warmup} updates and fall
to 0 over the last {config.decay * config.updates:,.0f}. Weights in float32, products in {_products(config)}.
At the start, {STARTS[config.model.numbers]}.

The same command on the same processor with the same libraries gives the same weights. Elsewhere they differ by
rounding, which training enlarges.

## Limits

- It is no general language model: it knows no words and no facts, and the names of columns mean nothing to it.
- Untuned, it has nothing but the rows in its prompt to answer from.
- It reads {context:,} tokens, but was trained on {LAST.length}.
- It was trained on at most {LAST.limits.max_features} columns and {LAST.limits.max_classes} classes.
- A number becomes one of at most 1,000 levels between the least and the greatest of the training rows. What lies
  beyond them gets the end level: it does not extrapolate.
- What the prior does not draw, it has not learnt: time series, images, free text, relations between tables.
- Nobody has examined the fairness of its answers. Do not decide about people by them alone.
"""


def hardware(config: Config) -> str:
    """The processor that trained the model."""
    if config.device.startswith("cuda"):
        return torch.cuda.get_device_name(config.device)
    threads = "1 thread" if config.threads == 1 else f"{config.threads} threads"
    return f"{_processor()}, {threads}"


def _products(config: Config) -> str:
    return "bfloat16" if devices.has_fast_bfloat16(config.device) else "float32"


def _processor() -> str:
    """The processor's name, from a file on Linux, elsewhere from `platform` if available."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text("utf-8", errors="replace").splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(filter(None, [*names, platform.processor(), platform.machine()]), "unknown processor")


def _facts(config: Config, minutes: float, losses: dict[str, float | None]) -> str:
    late = [losses["late_class_loss"], losses["late_number_loss"]]
    rows = {
        "command": f"`{settings.command(config)}`",
        "seed": f"{config.seed} (tables and texts), {config.model.seed} (start of the weights)",
        "tokens": f"{settings.n_tokens(config, settings.last(config)):,}, filling included",
        "updates": f"{settings.last(config):,}",
        "hardware": hardware(config),
        "minutes": f"{minutes:.0f}",
        "loss at the end": f"{_number(losses['loss'])} nats per token of an answer",
        "… of late rows": f"{_number(late[0])} for classes, {_number(late[1])} for numbers",
        "libraries": ", ".join([f"Python {platform.python_version()}", *(f"{n} {version(n)}" for n in LIBRARIES)]),
    }
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())])


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.3f}"


def _families() -> str:
    totals = [sum(weights[i] for weights in FAMILIES.values()) for i in (0, 1)]
    lines = [
        f"| {name} | {weights[0] / totals[0]:.0%} | {weights[1] / totals[1]:.0%} |"
        for name, weights in FAMILIES.items()
    ]
    return "\n".join(["| family | of classification | of regression |", "|---|---|---|", *lines])


def _curriculum(config: Config) -> str:
    lines = [
        f"| {part.until:.0%} | {settings.sequences(config, part)} × {part.length} | {part.limits.max_features} "
        f"| {part.limits.max_classes} | {part.mixture.regression:.0%} | {part.mixture.coarse:.0%} |"
        for part in CURRICULUM
    ]
    head = [
        "| until | tokens of an update | columns, at most | classes, at most | regression | few values |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join([*head, *lines])


def _shares(weights: dict) -> str:
    total = sum(weights.values())
    return ", ".join(f"{name} ({weight / total:.0%})" for name, weight in weights.items())
