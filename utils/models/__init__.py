"""Language models by name, and what is known about one before it is loaded. Nothing here imports torch.

lift-tiny           the small model shipped with the project, for fine-tuning
lift-context        its sibling, which answers untuned from rows in its prompt
smollm2             a small model pretrained on text, available after python -m utils.prefetch smollm2
./folder, /folder   a Hugging Face folder (config.json) or a peft folder (adapter_config.json)
FILE.gguf           a GGUF file, llama.cpp's format
owner/name[@rev]    an id on the Hugging Face Hub, optionally with a revision
openai:NAME         a model on the server at OPENAI_BASE_URL
"""

from __future__ import annotations

import gc
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from ..errors import BadModel, CannotDo
from ..paths import DATA
from . import fetched
from .base import Example, Examples, FineTuning, LanguageModel
from .openai import session

__all__ = ["MODELS", "Example", "Examples", "FineTuning", "LanguageModel", "fingerprint", "load", "recipe", "resolve"]

MODELS = {  # loaded on use
    "local": ".local.model:LocalModel",
    "openai": ".openai.model:OpenAIModel",
}
SHIPPED = {name: DATA / "models" / name for name in ("lift-tiny", "lift-context")}
RECIPE_FILE = "lift.json"
TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model", "tekken.json")

_LARGE = 64 * 2**20  # bytes; of larger files only both ends are hashed
_END = 2**20  # bytes


def load(
    name: str,
    *,
    adapter: str = "full",
    adapter_rank: int = 16,
    tuned_layers: int | None = None,
    chat: bool = False,
    quantization: str = "none",
    device: str = "auto",
    dtype: str = "auto",
    threads: int | None = None,
) -> LanguageModel:
    """The language model called `name`, ready to use.

    Args:
        name: "lift-tiny", "lift-context", "smollm2", a folder, a GGUF file, or a Hub id.
        adapter: what fine-tuning changes: "full" for all weights, else a peft adapter such as "lora" (paper: rank 16).
        adapter_rank: width of the adapter.
        tuned_layers: how many of the upper layers fine-tuning changes; the output of the others is computed once per
            text (`local.lower_layers`). None for all layers.
        chat: puts prompt and answer into the tokenizer's chat template.
        quantization: "none", "8bit" or "4bit"; the last two need CUDA and an adapter.
        device: "auto", "cpu", "cuda", "cuda:1", "mps", ….
        dtype: data type of the computation: "auto", "float32" or "bfloat16".
        threads: CPU threads of torch, for the whole process; they affect the last digits of all numbers.

    Raises:
        BadModel: no such model, an incomplete folder, or incompatible settings.
        UnknownName: no such adapter, quantization or data type.
        CannotDo: the model or the device does not support the settings.
        MissingPackage: quantization without its package.
    """
    if is_remote(name):
        if chat or tuned_layers is not None:
            raise CannotDo(
                f"{name}: chat template and tuned layers are the server's choice; leave out --chat and --tuned-layers"
            )
        return _class("openai").load(name, adapter=adapter, quantization=quantization)
    changed = (("adapter", adapter), ("adapter_rank", adapter_rank), ("tuned_layers", tuned_layers), ("chat", chat))
    return _load(name, fingerprint(name), (*changed, ("quantization", quantization)), device, dtype, threads)


def fetch(name: str) -> Path:
    """Downloads a model to this machine; see `fetched.fetch` and, for Hub models, `local.hub.fetch`."""
    if name in fetched.SOURCES:
        return fetched.fetch(name)
    return import_module(".local.hub", __name__).fetch(name)


def is_remote(name: object) -> bool:
    """Whether a model's name means a model on a server."""
    return isinstance(name, str) and name.startswith(session.PREFIX)


@lru_cache(maxsize=2)
def _load(
    name: str, weights: str, settings: tuple[tuple[str, object], ...], device: str, dtype: str, threads: int | None
) -> LanguageModel:
    """A study reads its base model, and the second one that a recipe may name, only once; tuning changes neither."""
    with _no_collections():
        return _class("local").load(name, **dict(settings), device=device, dtype=dtype, threads=threads)


@contextmanager
def _no_collections() -> Iterator[None]:
    """Importing torch and transformers creates no garbage; collecting it would take a fifth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _class(kind: str) -> Any:
    module, _, attribute = MODELS[kind].partition(":")
    return getattr(import_module(module, __name__), attribute)


def resolve(name: str) -> Path | str:
    """The folder or GGUF file of a local model, or the Hub id as typed.

    Raises:
        BadModel: a model that does not exist, is not fetched yet or lacks a file, or an unsupported name.
    """
    if is_remote(name):
        raise BadModel(f"{name} has no folder, since it is on a server; this needs a local model: --model lift-tiny")
    if not name.strip():
        raise BadModel("the model's name is empty; use lift-tiny, a folder or a Hub id")
    if name in fetched.SOURCES:
        return fetched.find(name)
    folder = SHIPPED.get(name, Path(name).expanduser())
    if folder.suffix == ".gguf":
        if not folder.is_file():
            raise BadModel(f"no GGUF file {folder}; give one that exists, a folder with config.json or lift-tiny")
        return folder
    if name not in SHIPPED and not name.startswith((".", "/", "~")) and not folder.exists():
        return name
    if not folder.is_dir():
        raise BadModel(f"no model folder {folder}; give a folder with config.json, lift-tiny or a Hub id")
    if (folder / "adapter_config.json").is_file():
        return folder  # a peft folder; its base has config.json and, if need be, the tokenizer
    if not (folder / "config.json").is_file():
        raise BadModel(
            f"{folder} has no config.json (nor adapter_config.json), so it is not a Hugging Face model folder"
        )
    if not any((folder / file).is_file() for file in TOKENIZER_FILES):
        raise BadModel(
            f"{folder} has no tokenizer (tokenizer.json); save it there with tokenizer.save_pretrained({str(folder)!r})"
        )
    return folder


def recipe(name: str) -> dict[str, Any]:
    """A model's own fine-tuning defaults (lift.json in its folder); {} without one."""
    if is_remote(name):
        return session.recipe()
    folder = resolve(name)
    if isinstance(folder, str) or not (folder / RECIPE_FILE).is_file():
        return {}
    try:
        return json.loads((folder / RECIPE_FILE).read_text(encoding="utf-8"))
    except json.JSONDecodeError as exc:
        raise BadModel(f"{folder / RECIPE_FILE} is not valid JSON: {exc}; fix or remove it") from exc


@lru_cache(maxsize=16)
def shape(name: str) -> tuple[int, int]:
    """The hidden size and the number of layers in a local model's configuration; 0 if unknown.

    Raises:
        BadModel: no such folder, or an unreadable configuration; a Hub id is looked up later.
    """
    location = resolve(name)
    try:
        return import_module(".local.network", __name__).shape(location)
    except BadModel:
        if isinstance(location, Path):
            raise
        return 0, 0


def fingerprint(name: str) -> str:
    """The identity of a model's weights: a SHA-256 over a folder's files, or the Hub id with its revision.

    Documents (*.md), hidden files and the recipe, whose settings are part of a case anyway, do not count; of files
    above 64 MiB only the size and both ends do.
    """
    if is_remote(name):
        return session.fingerprint(name)
    folder = resolve(name)
    if isinstance(folder, str):
        return f"hub:{folder}"
    digest = hashlib.sha256()
    for file in _fingerprinted_files(folder):
        digest.update(f"{file.relative_to(folder).as_posix()}\0{file.stat().st_size}\0".encode())
        with file.open("rb") as stream:
            if file.stat().st_size <= _LARGE:
                digest.update(stream.read())
            else:
                digest.update(stream.read(_END))
                stream.seek(-_END, 2)
                digest.update(stream.read(_END))
    return digest.hexdigest()


def _fingerprinted_files(folder: Path) -> Iterator[Path]:
    if folder.is_file():
        yield folder
    for file in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
        if file.is_file() and not hidden and file.suffix != ".md" and file.name != RECIPE_FILE:
            yield file
