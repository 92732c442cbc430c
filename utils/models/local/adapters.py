"""peft adapters and parts of the network by name, and quantised bases: fine-tuning that does not train all weights."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ...errors import BadModel, CannotDo, MissingPackage, UnknownName, UserError
from ..base import FineTuning
from .partial import PARTS, unfreeze, upper

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import BitsAndBytesConfig, PreTrainedModel

    from ..base import LanguageModel
    from .model import LocalModel

FULL = "full"  # all weights, no adapter
QUANTIZATIONS = ("none", "8bit", "4bit")

# name -> (class in peft, name of its width setting, settings that differ from peft's defaults).
# As in the paper's GPT-J adapters there is no scaling (alpha = rank) and no dropout.
ADAPTERS: dict[str, tuple[str, str | None, dict[str, Any]]] = {
    "lora": ("LoraConfig", "r", {}),
    "dora": ("LoraConfig", "r", {"use_dora": True}),
    "rslora": ("LoraConfig", "r", {"use_rslora": True}),
    "loha": ("LoHaConfig", "r", {}),
    "lokr": ("LoKrConfig", "r", {}),
    "vera": ("VeraConfig", "r", {}),
    "oft": ("OFTConfig", "r", {"oft_block_size": 0}),
    "hra": ("HRAConfig", "r", {}),
    "miss": ("MissConfig", "r", {}),
    "delora": ("DeloraConfig", "r", {}),
    "fourierft": ("FourierFTConfig", None, {}),
    "c3a": ("C3AConfig", None, {}),
    "ia3": ("IA3Config", None, {"feedforward_modules": []}),
    "pissa": ("LoraConfig", "r", {"init_lora_weights": "pissa"}),  # these two are initialised from the weights
    "olora": ("LoraConfig", "r", {"init_lora_weights": "olora"}),
    "adamss": ("AdamssConfig", "r", {}),
    "deft": ("DeftConfig", "r", {}),
    "glora": ("GloraConfig", "r", {}),
    "gralora": ("GraloraConfig", "r", {}),
    "hira": ("HiraConfig", "r", {}),
    "lily": ("LilyConfig", "r", {}),
    "ln_tuning": ("LNTuningConfig", None, {"target_modules": None}),
    "peanut": ("PeanutConfig", "r", {}),
    "psoft": ("PsoftConfig", "r", {}),
    "pvera": ("PveraConfig", "r", {}),
    "randlora": ("RandLoraConfig", "r", {}),
    "road": ("RoadConfig", None, {"group_size": 16}),  # also divides the widths of small networks
    "tinylora": ("TinyLoraConfig", "r", {}),
    "unilora": ("UniLoraConfig", "r", {}),
    "vblora": ("VBLoRAConfig", "r", {"vector_length": 16}),
    "waveft": ("WaveFTConfig", None, {"n_frequency": 1000}),
}
REPLACES_WEIGHTS = ("pissa", "olora")  # initialising these also changes the frozen weights
LINEAR_ONLY = ("olora",)  # fails on GPT-2's transposed layers, unnoticed by peft


def check(adapter: str, rank: int, quantization: str, device: str) -> None:
    """Rejects incompatible settings before anything is loaded.

    Raises:
        UnknownName: no such adapter or quantization.
        BadModel: a rank below 1, or a quantised model that would be trained in full.
        CannotDo: quantization without CUDA.
    """
    if adapter != FULL and adapter not in ADAPTERS and adapter not in PARTS:
        raise UnknownName(f"no adapter {adapter!r}; have {', '.join([FULL, *ADAPTERS, *PARTS])}")
    if rank < 1:
        raise BadModel(f"adapter_rank is {rank}; it must be at least 1")
    if quantization not in QUANTIZATIONS:
        raise UnknownName(f"no quantization {quantization!r}; have {', '.join(QUANTIZATIONS)}")
    if quantization != "none" and (adapter == FULL or adapter in PARTS):
        raise BadModel(f"{quantization} weights cannot be trained in full; choose an adapter: --adapter lora")
    if quantization != "none" and not device.startswith("cuda"):
        raise CannotDo(f"{quantization} weights need a CUDA GPU, but the device is {device}; use --quantization none")


def add(
    network: PreTrainedModel, adapter: str, rank: int, base: str, layers: int | None = None
) -> PeftModel | PreTrainedModel:
    """The network with a fresh adapter on every linear layer but the head, or with one of its parts trainable.

    Draws from torch's global generator. Frozen parameters shared with other networks are not modified.

    Args:
        base: where the network came from, recorded in the adapter so that its folder can find the base again.
        layers: how many of the upper layers change; None for all.

    Raises:
        CannotDo: peft has no such adapter for this kind of network, or the network has fewer layers.
    """
    if adapter in PARTS or adapter == FULL:
        return unfreeze(network, adapter, layers)
    import peft

    class_name, width, settings = ADAPTERS[adapter]
    config_class = getattr(peft, class_name)
    settings = {"target_modules": "all-linear", "task_type": "CAUSAL_LM", **settings}
    if adapter in REPLACES_WEIGHTS:
        network = copy.deepcopy(network)
    if layers is not None:
        settings["target_modules"] = _targets(network, adapter, layers)
    fields = config_class.__dataclass_fields__
    if width is not None:
        settings[width] = rank
    for alpha in ("lora_alpha", "alpha"):
        if alpha in fields:
            settings[alpha] = rank
    if "fan_in_fan_out" in fields:
        settings["fan_in_fan_out"] = _has_transposed_layers(network)  # GPT-2 stores its weights transposed
    if adapter in LINEAR_ONLY and _has_transposed_layers(network):
        raise CannotDo(
            f"adapter {adapter!r} is not available for a {network.config.model_type} model, whose layers are "
            "transposed; use lora or full"
        )
    try:
        with quiet_peft():
            tuned = peft.get_peft_model(network, config_class(**settings))
    except (ValueError, TypeError, NotImplementedError, RuntimeError) as exc:
        kind = network.config.model_type
        raise CannotDo(f"adapter {adapter!r} is not available for a {kind} model: {exc}; use lora or full") from exc
    tuned.peft_config["default"].base_model_name_or_path = base
    return tuned


def _targets(network: PreTrainedModel, adapter: str, layers: int) -> list[str]:
    """Names of the modules in the upper layers that an adapter changes: linear ones, or norms for ln_tuning."""
    import torch
    from transformers.pytorch_utils import Conv1D

    inside = {id(module) for layer in upper(network, layers) for module in layer.modules()}
    named = {name: module for name, module in network.named_modules() if id(module) in inside}
    if adapter == "ln_tuning":
        return [name for name, module in named.items() if "norm" in type(module).__name__.lower()]
    return [name for name, module in named.items() if isinstance(module, torch.nn.Linear | Conv1D)]


def is_inside(network: PreTrainedModel | PeftModel) -> bool:
    """Whether the network has a peft adapter; does not require peft."""
    return hasattr(network, "peft_config")


def probe(model: LanguageModel) -> None:
    """Tunes a copy of the model on one pair, to check before a long run that its adapter and network are compatible.

    Raises:
        CannotDo: they are not.
    """
    try:
        model.fine_tune([("a", " b")], settings=FineTuning(epochs=1), seed=0)
    except UserError:
        raise
    except (ValueError, TypeError, NotImplementedError, RuntimeError) as exc:
        raise CannotDo(f"adapter {model.adapter!r} is not available for {model.name}: {exc}; use lora or full") from exc


def sizes(model: LocalModel) -> tuple[int, float]:
    """The number of tuned parameters, and the memory for tuning them with Adam, in MiB.

    The memory covers all weights, and gradients and two moments of the tuned ones; the activations of a batch come on
    top.
    """
    parameters = list(model.network.module.parameters())
    n_tuned = sum(p.numel() for p in parameters if p.requires_grad)
    weights = sum(p.numel() * p.element_size() for p in parameters)
    return n_tuned, (weights + 3 * 4 * n_tuned) / 2**20


@contextmanager
def quiet_peft() -> Iterator[None]:
    """Hides two harmless warnings about peft: a renamed property, and norms that it does not list."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Unsupported layer type", UserWarning)
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        yield


def _has_transposed_layers(network: PreTrainedModel) -> bool:
    from transformers.pytorch_utils import Conv1D

    return any(isinstance(module, Conv1D) for module in network.modules())


def quantization_config(quantization: str) -> BitsAndBytesConfig | None:
    """The configuration with which transformers loads the base in 8 or 4 bits; None for "none".

    Raises:
        MissingPackage: bitsandbytes is not installed.
    """
    if quantization == "none":
        return None
    try:
        import bitsandbytes  # noqa: F401 - only to report early what is missing
    except ImportError as exc:
        raise MissingPackage(f"{quantization} weights need bitsandbytes: pip install -r requirements-gpu.txt") from exc
    import torch
    from transformers import BitsAndBytesConfig

    if quantization == "8bit":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
