"""The model to be marked: from the current checkpoint of a run, or from a model's folder."""

from __future__ import annotations

import hashlib
import json
import math
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from others.pretraining import folder, initial, settings
from utils.errors import UserError
from utils.models.local import network

UNREADABLE = (OSError, EOFError, RuntimeError, pickle.UnpicklingError, LookupError, TypeError, ValueError)


@dataclass(frozen=True)
class Marked:
    """A model with what is known about its training.

    Attributes:
        model, tokenizer: in float32, on the CPU.
        architecture: from which `initial.build` builds the same network, untrained.
        million_tokens: seen in training, including padding; nan if unknown.
        stage: its current stage of the curriculum.
        sha256: hash of its weights.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    architecture: initial.Architecture
    million_tokens: float
    stage: settings.Stage
    sha256: str


def read(path: Path) -> Marked:
    """The model in a checkpoint file, with the run's log next to it, or in a folder.

    If the checkpoint contains averaged weights, those are used.

    Raises:
        UserError: there is neither, or it cannot be read.
    """
    if path.is_dir():
        model, tokenizer = network.read(path, "full", "none", "cpu", "float32")
        if model.config.model_type not in folder.KINDS:
            raise UserError(f"{path} holds a {model.config.model_type} model; give a folder that train.py has written")
        return Marked(model, tokenizer, _architecture(model), math.nan, settings.CURRICULUM[-1], _hash(model))
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        identity = state["identity"]
        architecture = initial.Architecture(**identity["model"])
        model, tokenizer = initial.build(architecture)
        model.load_state_dict(state["model"])
        for parameter, value in zip(model.parameters(), state.get("average", ()), strict="average" in state):
            parameter.data.copy_(value)
        tokens = _million_tokens(path.with_name("log.jsonl"), identity, state["step"])
    except UNREADABLE as error:
        raise UserError(
            f"{path} is no checkpoint of this version's pretraining ({type(error).__name__}: {error}); start a run "
            "(others/pretraining/train.sh), or give --checkpoint a checkpoint.pt or a model's folder"
        ) from error
    done = state["step"] / identity["updates"]
    stage = next((part for part in settings.CURRICULUM if done < part.until), settings.CURRICULUM[-1])
    return Marked(model.eval(), tokenizer, architecture, tokens, stage, _hash(model))


def _million_tokens(log: Path, identity: dict[str, Any], step: int) -> float:
    """From the curriculum if this version still has it, else from the log's last line before the checkpoint."""
    if identity["curriculum"] == repr(settings.CURRICULUM):
        config = settings.Config(updates=identity["updates"], batch_tokens=identity["batch_tokens"])
        return round(settings.n_tokens(config, step) / 1e6, 3)
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines(keepends=True) if line.endswith("\n")]
    return max((line["million_tokens"] for line in lines if line["step"] <= step), default=math.nan)


def _architecture(model: PreTrainedModel) -> initial.Architecture:
    sizes, is_rotary = model.config, model.config.model_type == "llama"
    return initial.Architecture(
        positions="rotary" if is_rotary else "learned",
        hidden=sizes.hidden_size,
        intermediate=sizes.intermediate_size if is_rotary else sizes.n_inner,
        layers=sizes.num_hidden_layers,
        heads=sizes.num_attention_heads,
        init_scale=sizes.initializer_range,
        **({"rope_theta": sizes.rope_parameters["rope_theta"]} if is_rotary else {}),
    )


def _hash(model: PreTrainedModel) -> str:
    digest = hashlib.sha256(repr(model.config.model_type).encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode() + tensor.float().numpy().tobytes())
    return digest.hexdigest()
