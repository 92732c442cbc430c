"""GGUF files, llama.cpp's format of quantised weights, as ordinary transformers folders: converted once, then kept."""

from __future__ import annotations

import struct
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from ... import models
from ...errors import BadModel
from ...optional import require
from ...paths import CACHE
from . import devices, model_cache

ERRORS = (OSError, ValueError, RuntimeError, KeyError, IndexError, AttributeError, NotImplementedError, struct.error)


def folder(file: Path) -> Path:
    """The folder with the model of a GGUF file; the first call writes it, into data/cache/models.

    Raises:
        BadModel: transformers cannot read the file.
        MissingPackage: the package gguf is not installed.
    """
    dtype = fast_dtype()
    identity = [models.fingerprint(str(file)).encode(), dtype.encode()]
    return model_cache.folder(CACHE / "models", file.stem, identity, lambda target: convert(file, target, dtype))


def fast_dtype() -> str:
    """The data type in which weights are kept: bfloat16 if this machine multiplies it fast, else float32."""
    return "bfloat16" if devices.has_fast_bfloat16("cuda" if torch.cuda.is_available() else "cpu") else "float32"


def convert(file: Path, target: Path, dtype: str) -> None:
    """Writes the model and tokenizer of a GGUF file as an ordinary folder, with weights in `dtype`.

    Raises:
        BadModel: transformers cannot read the file.
        MissingPackage: the package gguf is not installed.
    """
    from . import network

    require("gguf", "-r requirements-gguf.txt")
    source = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
    try:
        with network.quiet():
            tokenizer = AutoTokenizer.from_pretrained(**source)
            module, report = AutoModelForCausalLM.from_pretrained(
                **source, dtype=getattr(torch, dtype), output_loading_info=True
            )
    except ERRORS as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise BadModel(
            f"transformers cannot read {file}: {reason} It reads GGUF files of Llama, Qwen, Mistral, Gemma and a few "
            "other kinds; give a Hugging Face folder of the same model, or its id"
        ) from error
    if report["missing_keys"]:
        raise BadModel(f"{file} lacks {', '.join(sorted(report['missing_keys'])[:3])}; it is not a complete model")
    module.hf_quantizer = None  # the weights are dequantised and can be saved as such
    del module.config.quantization_config
    with network.quiet():
        module.save_pretrained(target)
        tokenizer.save_pretrained(target)
