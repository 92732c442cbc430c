"""Local language models: any causal transformers network, tuned in full or with a peft adapter."""

from __future__ import annotations

import gc
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ... import models
from ...errors import CannotDo, UnknownName
from .. import distributed
from ..base import Example, Examples, FineTuning, LanguageModel
from . import adapters, decoding, devices, network, optimization, scoring, training
from .tokens import ChatTokenizer, TextTokenizer

os.environ.setdefault(
    "TOKENIZERS_PARALLELISM", "false"
)  # workers are forked, which the tokenizer's threads would not survive

AS_SAVED = "as saved"
DTYPES = ("auto", "float32", "bfloat16")
# Hidden size from which tuning in bfloat16 is faster on CPUs that support it: 1.0 × at 96, 1.2 × at 128, 1.6 × at 192.
WIDE = 192


class LocalModel:
    """See `utils.models.base.LanguageModel` for methods and attributes.

    Attributes:
        adapter, adapter_rank, tuned_layers: what fine-tuning changes.
        network: from token ids to logits.
        tokens: from texts to token ids and back.
    """

    def __init__(
        self,
        name: str,
        net: network.Network,
        tokens: TextTokenizer,
        *,
        adapter: str,
        adapter_rank: int,
        recipe: dict[str, Any],
        tuned_layers: int | None = None,
        n_tokens_trained: int = 0,
    ) -> None:
        self.name = name
        self.adapter = adapter
        self.adapter_rank = adapter_rank
        self.tuned_layers = tuned_layers
        self.context_length = tokens.context_length
        self.device = net.device
        self.dtype = net.dtype
        self.n_tokens_trained = n_tokens_trained
        self.cost_usd = 0.0
        self.network = net
        self.tokens = tokens
        self._recipe = recipe

    @classmethod
    def load(
        cls,
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
    ) -> LocalModel:
        """Reads a model; see `utils.models.load`."""
        device = _device(device)
        distributed.start(device)
        adapters.check(adapter, adapter_rank, quantization, device)
        dtype = _dtype(dtype, device, models.resolve(name))
        if threads is not None:
            torch.set_num_threads(threads)
        if distributed.is_sharded() and quantization != "none":
            raise CannotDo("quantised weights cannot be sharded; use --quantization none, or launch without --use_fsdp")
        where = "cpu" if distributed.is_sharded() else device
        trained = adapter if tuned_layers is None else "upper layers"
        module, tokenizer = network.read(models.resolve(name), trained, quantization, where, dtype)
        if adapters.is_inside(module) and adapter == adapters.FULL:
            adapter = AS_SAVED  # a peft folder continues with its own adapter
        context_length = getattr(module.config.get_text_config(), "max_position_embeddings", None)
        tokens = (ChatTokenizer if chat else TextTokenizer)(tokenizer, name, context_length)
        gc.freeze()  # texts create many lists, and each collection would traverse all of torch and transformers
        return cls(
            name,
            _placed(network.Network(module, where, dtype), device),
            tokens,
            adapter=adapter,
            adapter_rank=adapter_rank,
            tuned_layers=tuned_layers,
            recipe=models.recipe(name),
        )

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(ids) for ids in self.tokens.prompts(texts)]

    def fine_tune(
        self,
        examples: Examples,
        validation: Sequence[Example] = (),
        *,
        settings: FineTuning,
        seed: int,
        on_epoch: Callable[[int, LanguageModel, float], float | None] | None = None,
    ) -> LocalModel:
        """See `LanguageModel.fine_tune`; raises TooLong, BadModel (loss not finite) and UserError (settings)."""
        optimization.check_settings(settings)
        tuned = self.with_network(self.trainable_copy(seed))

        def report(epoch: int, validation_loss: float) -> float | None:
            return None if on_epoch is None else on_epoch(epoch, tuned, validation_loss)

        orthogonal = optimization.product_dtype(self.device)
        if settings.optimizer == "muon" and orthogonal != self.network.dtype:
            tuned.dtype = f"{self.network.dtype}, muon {orthogonal}"
        n = training.tune(tuned.network, self.tokens, examples, validation, settings, seed, report)
        tuned.n_tokens_trained += n
        return tuned

    def generate(
        self,
        prompts: Sequence[str],
        *,
        stop: str = "",
        temperature: float = 0.0,
        samples: int = 1,
        max_new_tokens: int = 16,
        seed: int = 0,
    ) -> list[list[str]]:
        """See `LanguageModel.generate`; raises TooLong and UserError."""
        settings = {"stop": stop, "temperature": temperature, "samples": samples, "seed": seed}
        return distributed.answered(
            prompts,
            lambda own: decoding.generate(
                self.network, self.tokens, self.ends, own, max_new_tokens=max_new_tokens, **settings
            ),
        )

    def log_likelihood(self, prompts: Sequence[str], candidates: Sequence[str]) -> np.ndarray:
        """See `LanguageModel.log_likelihood`; raises TooLong."""
        rows = distributed.answered(
            prompts, lambda own: scoring.log_likelihood(self.network, self.tokens, own, candidates)
        )
        return np.array(rows).reshape(len(prompts), len(candidates))

    def save(self, folder: Path) -> None:
        """Writes weights (or the adapter), tokenizer and lift.json; the folder appears complete or not at all.

        Under `accelerate launch` all processes must call this; the first one writes.
        """
        module = self.network.full_module()
        if distributed.is_first():
            self._write(module, Path(folder))
        distributed.wait()

    def with_network(self, net: network.Network) -> LocalModel:
        """A model with other weights and the same tokenizer, adapter, recipe and number of tokens trained on."""
        return LocalModel(
            self.name,
            net,
            self.tokens,
            adapter=self.adapter,
            adapter_rank=self.adapter_rank,
            tuned_layers=self.tuned_layers,
            recipe=self._recipe,
            n_tokens_trained=self.n_tokens_trained,
        )

    def trainable_copy(self, seed: int) -> network.Network:
        """What `fine_tune` trains: a copy of all weights, or a fresh adapter drawn with `seed` over shared ones."""
        net = self.network.copy()
        is_whole = self.adapter == adapters.FULL and self.tuned_layers is None
        if not is_whole and not adapters.is_inside(net.module):
            location = models.resolve(self.name)
            base = network.source(location)["pretrained_model_name_or_path"] if isinstance(location, Path) else location
            with training.seeded(seed, net.device):
                net = net.with_adapter(self.adapter, self.adapter_rank, base, self.tuned_layers)
        return _placed(net, self.device)

    @property
    def ends(self) -> frozenset[int]:
        """Ids that end an answer: the tokenizer's end token and those in the model's generation config."""
        config = getattr(self.network.module, "generation_config", None)
        named = getattr(config, "eos_token_id", None)
        named = named if isinstance(named, list) else [named]
        return frozenset({self.tokens.end, *(token for token in named if token is not None)})

    def _write(self, module: Any, folder: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with network.quiet(), tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
            new, old = Path(scratch) / "new", Path(scratch) / "old"
            module.save_pretrained(new)
            self.tokens.tokenizer.save_pretrained(new)
            if self._recipe:
                (new / models.RECIPE_FILE).write_text(json.dumps(self._recipe, indent=2) + "\n", encoding="utf-8")
            if folder.exists():
                folder.rename(old)
            new.rename(folder)


def _placed(net: network.Network, device: str) -> network.Network:
    """The network on its device, or sharded over the devices of all processes if requested."""
    if not distributed.is_sharded():
        return net
    from .sharding import ShardedNetwork

    return ShardedNetwork(net, device)


def _device(device: str) -> str:
    if device == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        kind = torch.device(device).type
    except RuntimeError as exc:
        raise UnknownName(f"no device {device!r}; use auto, cpu, cuda, cuda:1 or mps") from exc
    if (kind == "cuda" and not torch.cuda.is_available()) or (kind == "mps" and not torch.backends.mps.is_available()):
        raise CannotDo(f"this machine has no {kind} device available to torch; use --device cpu")
    return device


def _dtype(dtype: str, device: str, location: Path | str) -> str:
    """The data type; "auto" selects by what the device is fast at."""
    if dtype not in DTYPES:
        raise UnknownName(f"no dtype {dtype!r}; have {', '.join(DTYPES)}")
    if dtype == "auto":
        fast = devices.has_fast_bfloat16(device) and (device != "cpu" or network.shape(location)[0] >= WIDE)
        return "bfloat16" if fast else "float32"
    return dtype
