"""Models of the Hugging Face Hub on this machine: fetched whole before a run, and which are here already."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import scan_cache_dir, snapshot_download
from huggingface_hub.errors import CacheNotFound, HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

from ... import models
from ...errors import BadModel

FILES = ("*.json", "*.safetensors", "*.model", "*.txt", "*.jinja")  # weights once, in the safe format
OLD_WEIGHTS = ("*.bin",)


def fetch(name: str) -> Path:
    """Brings a model of the Hub into its cache and returns the folder; one on this machine is left where it is.

    Raises:
        BadModel: there is no such model, it needs a licence or a token, or the Hub cannot be reached.
    """
    place = models.resolve(name)
    if isinstance(place, Path):
        return place
    repository, _, revision = place.partition("@")
    try:
        folder = Path(snapshot_download(repository, revision=revision or None, allow_patterns=list(FILES)))
        if not any(folder.rglob("*.safetensors")):
            patterns = [*FILES, *OLD_WEIGHTS]
            folder = Path(snapshot_download(repository, revision=revision or None, allow_patterns=patterns))
        return folder
    except (HfHubHTTPError, LocalEntryNotFoundError, HFValidationError, OSError) as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise BadModel(f"{name} cannot be fetched from the Hub: {said}") from error


def cached() -> dict[str, int]:
    """Models in the Hub's cache and their bytes."""
    try:
        return {repo.repo_id: repo.size_on_disk for repo in scan_cache_dir().repos if repo.repo_type == "model"}
    except CacheNotFound:
        return {}
