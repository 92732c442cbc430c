"""Hugging Face Hub models on this machine: complete downloads before a run, and which are here already."""

from __future__ import annotations

from pathlib import Path

import torch
from huggingface_hub import model_info, scan_cache_dir, snapshot_download
from huggingface_hub.errors import (
    CacheNotFound,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    LocalEntryNotFoundError,
)
from transformers import AutoModelForCausalLM, AutoTokenizer

from ... import models
from ...errors import BadModel

FILES = ("*.json", "*.safetensors", "*.model", "*.txt", "*.jinja")  # weights once, in the safe format
OLD_WEIGHTS = ("*.bin",)
TIMEOUT = 5.0  # seconds to wait for an answer


def fetch(name: str) -> Path:
    """Downloads a Hub model into its cache and returns the folder; a local model stays where it is.

    Raises:
        BadModel: no such model, it needs a licence or a token, or the Hub cannot be reached.
    """
    location = models.resolve(name)
    if isinstance(location, Path):
        return location
    repository, _, revision = location.partition("@")
    try:
        folder = Path(snapshot_download(repository, revision=revision or None, allow_patterns=list(FILES)))
        if not any(folder.rglob("*.safetensors")):
            patterns = [*FILES, *OLD_WEIGHTS]
            folder = Path(snapshot_download(repository, revision=revision or None, allow_patterns=patterns))
        return folder
    except (HfHubHTTPError, LocalEntryNotFoundError, HFValidationError, OSError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise BadModel(f"{name} cannot be fetched from the Hub: {reason}") from error


def answers(repository: str) -> bool:
    """Whether the Hub offers a model to this machine."""
    try:
        model_info(repository, timeout=TIMEOUT)
    except (HTTPError, OSError):  # no network, no such model, or HF_HUB_OFFLINE
        return False
    return True


def copy(folder: Path, target: Path, dtype: str) -> None:
    """Writes a fetched model to a separate folder, with weights in `dtype`."""
    AutoModelForCausalLM.from_pretrained(str(folder), dtype=getattr(torch, dtype)).save_pretrained(target)
    AutoTokenizer.from_pretrained(str(folder)).save_pretrained(target)


def cached() -> dict[str, int]:
    """Models in the Hub's cache and their sizes in bytes."""
    try:
        return {repo.repo_id: repo.size_on_disk for repo in scan_cache_dir().repos if repo.repo_type == "model"}
    except CacheNotFound:
        return {}
