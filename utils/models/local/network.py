"""A causal network as one function from tokens to logits, and how it is read from disk or the Hub."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import transformers
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.activations import NewGELUActivation
from transformers.utils import logging as hub_logging

from ...errors import BadModel, CannotDo, UserError
from . import adapters, gguf_files, gpt2, lower_layers

if TYPE_CHECKING:
    from peft import PeftModel

_LOAD_ERRORS = (OSError, ValueError, RuntimeError, KeyError, SafetensorError)


class Network:
    """The interface between our loops and transformers.

    Attributes:
        module: the transformers or peft model; its frozen parameters are those that fine-tuning must not change.
        device, dtype: where and in which data type it computes, as strings.
        takes_positions: whether it accepts position ids, so that rows may be padded on the left.
        lower: the frozen layers below the trained ones.
        takes_trees: whether a mask can define which columns attend to which; None until tried (`scoring`).
    """

    def __init__(
        self, module: PreTrainedModel | PeftModel, device: str, dtype: str, kept: lower_layers.Kept | None = None
    ) -> None:
        self.module = module
        self.device = device
        self.dtype = dtype
        base = module.get_base_model() if adapters.is_inside(module) else module
        parameters = inspect.signature(base.forward).parameters
        self.takes_positions = "position_ids" in parameters
        self.takes_trees: bool | None = None
        self._takes_keep = "logits_to_keep" in parameters
        self.lower = lower_layers.LowerLayers(module, lower_layers.Kept() if kept is None else kept)
        self._reads_columns = gpt2.serves(module) and not self.lower.n
        self.vocabulary_size: int = base.get_input_embeddings().weight.shape[0]

    def __call__(
        self,
        ids: torch.Tensor,
        *,
        mask: torch.Tensor | None = None,
        positions: torch.Tensor | None = None,
        keep: int | torch.Tensor = 0,
        cache: Any = None,
        use_cache: bool = False,
        real: torch.Tensor | None = None,
        tags: Sequence[bytes] | None = None,
    ) -> tuple[torch.Tensor, Any]:
        """Logits in float32, shape (rows, kept columns, vocabulary), and the KV cache.

        Args:
            mask: 1 for a token and 0 for padding, shape (rows, columns); or an additive attention mask, shape
                (rows, 1, columns, columns including the cached ones).
            keep: the number of last columns (0 for all), or a tensor of columns; the head is computed only there.
            real, tags: with an attention mask: which columns are tokens, shape (rows, columns), and a tag that
                distinguishes rows with the same tokens but different attention.

        Raises:
            CannotDo: a cache is requested from a network without one, such as Mamba.
        """
        autocast = torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=self.dtype == "bfloat16")
        is_plain = cache is None and not use_cache and (mask is None or mask.dim() == 2)
        if self._reads_columns and is_plain and not (isinstance(keep, int) and keep == 0):
            columns = torch.arange(ids.shape[1], device=ids.device)[-keep:] if isinstance(keep, int) else keep
            with autocast:
                return gpt2.logits(self.module, ids, mask, positions, columns).float(), None
        inputs: dict[str, Any] = {"input_ids": ids, "use_cache": use_cache}
        if mask is not None:
            inputs["attention_mask"] = mask
        if positions is not None and self.takes_positions:
            inputs["position_ids"] = positions
        if cache is not None:
            inputs["past_key_values"] = cache
        if self._takes_keep:
            inputs["logits_to_keep"] = keep
        caching: AbstractContextManager[None] = nullcontext()
        if self.lower.n and cache is None and not use_cache and (real is not None or mask is None or mask.dim() == 2):
            if real is None:
                real = torch.ones_like(ids) if mask is None else mask
            caching = self.lower.caching(inputs, real.bool(), tags)
        with autocast, caching:
            output = self.module(**inputs)
        logits = output.logits
        if not self._takes_keep:
            logits = logits[:, slice(-keep, None) if isinstance(keep, int) else keep]
        if use_cache and "past_key_values" not in output:
            kind = self.module.config.model_type
            raise CannotDo(f"a {kind} model has no KV cache, which answering and scoring need; use another model")
        return logits.float(), output.past_key_values if use_cache else None

    def copy(self) -> Network:
        """A separate network that shares the frozen parameters, which are never modified."""
        frozen = {id(p): p for p in self.module.parameters() if not p.requires_grad}
        return Network(copy.deepcopy(self.module, frozen), self.device, self.dtype, self.lower.kept)

    def full_module(self) -> PreTrainedModel | PeftModel:
        """The module with all its weights in this process, for reading or saving."""
        return self.module

    def with_adapter(self, adapter: str, rank: int, base: str, layers: int | None = None) -> Network:
        """The same network with a fresh adapter, restricted to its upper `layers` if given."""
        module = adapters.add(self.module, adapter, rank, base, layers)
        return Network(module, self.device, self.dtype, self.lower.kept)


def read(
    location: Path | str, adapter: str, quantization: str, device: str, dtype: str
) -> tuple[PreTrainedModel | PeftModel, PreTrainedTokenizerBase]:
    """A model and its tokenizer from a folder or the Hub, in evaluation mode, frozen unless trained in full.

    Raises:
        BadModel: the files are missing, broken, or not those of a causal language model.
    """
    if isinstance(location, Path) and (location / "adapter_config.json").is_file():
        return _read_peft(location, quantization, device, dtype)
    settings: dict[str, Any] = {"dtype": torch.float32 if adapter == adapters.FULL else getattr(torch, dtype)}
    if quantization != "none":
        settings |= {"quantization_config": adapters.quantization_config(quantization), "device_map": {"": device}}
    with quiet(), _translated(str(location)):
        tokenizer = AutoTokenizer.from_pretrained(**source(location))
        module, report = AutoModelForCausalLM.from_pretrained(**source(location), **settings, output_loading_info=True)
    if report["missing_keys"]:
        missing = ", ".join(sorted(report["missing_keys"])[:3])
        raise BadModel(f"{location}: the weights lack {missing}; this is not a complete causal language model")
    if quantization == "none":
        module.to(device)
    _fuse(module)
    return module.requires_grad_(adapter == adapters.FULL).eval(), tokenizer


def shape(location: Path | str) -> tuple[int, int]:
    """The hidden size and number of layers in a model's configuration; 0 if not given.

    Raises:
        BadModel: the configuration is missing or broken.
    """
    if isinstance(location, Path) and (location / "adapter_config.json").is_file():
        return 0, 0
    with quiet(), _translated(str(location)):
        config = AutoConfig.from_pretrained(**source(location)).get_text_config()
    return getattr(config, "hidden_size", 0), getattr(config, "num_hidden_layers", 0)


def source(location: Path | str) -> dict[str, str]:
    """Where transformers finds a model: a folder, or a Hub id with its revision after an @.

    Raises:
        BadModel, MissingPackage: a GGUF file that cannot be converted to a folder.
    """
    if isinstance(location, Path):
        if location.suffix == ".gguf":
            location = gguf_files.folder(location)
        return {"pretrained_model_name_or_path": str(location)}
    name, _, revision = location.partition("@")
    return {"pretrained_model_name_or_path": name, **({"revision": revision} if revision else {})}


def _fuse(module: torch.nn.Module) -> None:
    """Replaces transformers' GELU, composed of seven kernels, by torch's single one: the same function."""
    for parent in module.modules():
        for name, child in parent.named_children():
            if isinstance(child, NewGELUActivation):
                setattr(parent, name, torch.nn.GELU(approximate="tanh"))


def _read_peft(folder: Path, quantization: str, device: str, dtype: str) -> tuple[PeftModel, PreTrainedTokenizerBase]:
    from peft import PeftConfig, PeftModel

    from ... import models

    with _translated(str(folder)):
        base = PeftConfig.from_pretrained(str(folder)).base_model_name_or_path
    if not base:
        raise BadModel(f"{folder / 'adapter_config.json'} does not name its base; set base_model_name_or_path in it")
    module, tokenizer = read(models.resolve(base), "adapter", quantization, device, dtype)
    with quiet(), _translated(str(folder)), adapters.quiet_peft():
        module = PeftModel.from_pretrained(module, str(folder), is_trainable=True).eval()
        if any((folder / file).is_file() for file in models.TOKENIZER_FILES):
            tokenizer = AutoTokenizer.from_pretrained(str(folder))
    return module, tokenizer


@contextmanager
def _translated(location: str) -> Iterator[None]:
    """Translates the libraries' loading errors into ours, with the first line of their message."""
    try:
        yield
    except UserError:
        raise
    except _LOAD_ERRORS as exc:
        message = str(exc).strip().splitlines() or [type(exc).__name__]
        raise BadModel(f"cannot load the model {location}: {message[0]} Give lift-tiny, a folder or a Hub id.") from exc


@contextmanager
def quiet() -> Iterator[None]:
    """Hides progress bars and reports while files are read or written; what matters in them is checked and raised."""
    verbosity = hub_logging.get_verbosity()
    had_bars = hub_logging.is_progress_bar_enabled()
    transformers.logging.set_verbosity_error()
    hub_logging.disable_progress_bar()
    try:
        yield
    finally:
        hub_logging.set_verbosity(verbosity)
        if had_bars:
            hub_logging.enable_progress_bar()
