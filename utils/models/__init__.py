"""Language models by name, and what is known of one before it is loaded. Nothing here imports torch.

lift-tiny           the small model that the project carries, to be tuned
lift-context        its pretrained sister, which answers untuned from rows in its prompt
smollm2             a small model pretrained on text, once it is fetched: python -m utils.prefetch smollm2
./folder, /folder   a Hugging Face folder (config.json) or a peft folder (adapter_config.json)
FILE.gguf           a GGUF file, as llama.cpp has them
owner/name[@rev]    an id on the Hugging Face Hub, with a revision where one is given
openai:NAME         a model at the server that OPENAI_BASE_URL names
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

_LARGE = 64 * 2**20  # bytes; of larger files only the two ends are hashed
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
    """The language model called `name`, ready for its three verbs.

    Args:
        name: "lift-tiny", "lift-context", "smollm2", a folder, a GGUF file, or a Hub id.
        adapter: what fine-tuning changes: "full" for all weights, else a peft adapter such as "lora" (paper: rank 16).
        adapter_rank: width of the adapter.
        tuned_layers: how many of the upper layers fine-tuning changes; what the others make of a text is computed once
            (`local.lower_layers`). None for all layers.
        chat: puts prompt and answer into the tokenizer's chat template.
        quantization: "none", "8bit" or "4bit"; the last two want CUDA and an adapter.
        device: "auto", "cpu", "cuda", "cuda:1", "mps", ….
        dtype: number type of the computation: "auto", "float32" or "bfloat16".
        threads: CPU threads of torch, for the whole process; the last digits of all numbers depend on it.

    Raises:
        BadModel: there is no such model, or its folder is not complete, or the settings do not go together.
        UnknownName: no such adapter, quantization or number type.
        CannotDo: the model or the device lacks what the settings ask for.
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
    """Brings a model onto this machine; see `fetched.fetch` and, for those of the Hub, `local.hub.fetch`."""
    if name in fetched.SOURCES:
        return fetched.fetch(name)
    return import_module(".local.hub", __name__).fetch(name)


def is_remote(name: object) -> bool:
    """Whether a model's name says that it is behind the protocol."""
    return isinstance(name, str) and name.startswith(session.PREFIX)


@lru_cache(maxsize=2)
def _load(
    name: str, weights: str, settings: tuple[tuple[str, object], ...], device: str, dtype: str, threads: int | None
) -> LanguageModel:
    """A study reads its base once, and the second model that a recipe may name; tuning changes neither."""
    with _no_collections():
        return _class("local").load(name, **dict(settings), device=device, dtype=dtype, threads=threads)


@contextmanager
def _no_collections() -> Iterator[None]:
    """Importing torch and transformers makes no garbage; looking for some would take a fifth of the time."""
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
    """The folder or the GGUF file of a local model, or the id of one on the Hub as it was typed.

    Raises:
        BadModel: what is not there, not fetched yet or lacks a file, or a name that this version cannot serve.
    """
    if is_remote(name):
        raise BadModel(f"{name} has no folder: it is behind the protocol; this needs a local model: --model lift-tiny")
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
        return folder  # a peft folder; its base brings config.json and, where need be, the tokenizer
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
    """The fine-tuning defaults that belong to a model (lift.json in its folder); {} for a model without."""
    if is_remote(name):
        return session.recipe()
    folder = resolve(name)
    if isinstance(folder, str) or not (folder / RECIPE_FILE).is_file():
        return {}
    try:
        return json.loads((folder / RECIPE_FILE).read_text(encoding="utf-8"))
    except json.JSONDecodeError as exc:
        raise BadModel(f"{folder / RECIPE_FILE} is not JSON: {exc}; mend or remove it") from exc


@lru_cache(maxsize=16)
def shape(name: str) -> tuple[int, int]:
    """The width and the number of layers of a local model, as its configuration has them; 0 for what is not told.

    Raises:
        BadModel: there is no such folder, or its configuration cannot be read; an id of the Hub is asked for later.
    """
    place = resolve(name)
    try:
        return import_module(".local.network", __name__).shape(place)
    except BadModel:
        if isinstance(place, Path):
            raise
        return 0, 0


def fingerprint(name: str) -> str:
    """The identity of a model's weights: a sha256 over a folder's files, or the Hub id with its revision.

    Documents (*.md), hidden files and the recipe, whose settings a case names by themselves, do not count; of files
    above 64 MiB the size and the two ends do.
    """
    if is_remote(name):
        return session.fingerprint(name)
    folder = resolve(name)
    if isinstance(folder, str):
        return f"hub:{folder}"
    digest = hashlib.sha256()
    for file in _weighty_files(folder):
        digest.update(f"{file.relative_to(folder).as_posix()}\0{file.stat().st_size}\0".encode())
        with file.open("rb") as stream:
            if file.stat().st_size <= _LARGE:
                digest.update(stream.read())
            else:
                digest.update(stream.read(_END))
                stream.seek(-_END, 2)
                digest.update(stream.read(_END))
    return digest.hexdigest()


def _weighty_files(folder: Path) -> Iterator[Path]:
    if folder.is_file():
        yield folder
    for file in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
        if file.is_file() and not hidden and file.suffix != ".md" and file.name != RECIPE_FILE:
            yield file
