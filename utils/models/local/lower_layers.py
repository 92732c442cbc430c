"""The frozen layers below the tuned ones: their output for a text is computed once and cached.

A training row passes through the network in every epoch and for every learning rate, a validation row with its answers
at every evaluation. If only the upper layers change, the states that enter them stay the same. They are kept in memory
up to MEMORY bytes, then in a memory-mapped file up to DISK bytes; when that is full, too, all are dropped and collected
anew. The file is unnamed, in data/cache, so nothing of it remains when the process ends.
"""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from ...errors import CannotDo
from ...paths import CACHE
from .partial import blocks

MEMORY = 2**30  # bytes: at width 576 in float32, 466,000 tokens
DISK = 4 * 2**30  # bytes


class Kept:
    """States of texts by their tokens, on disk once memory is full.

    Attributes:
        in_memory, on_disk: bytes.
        as_tuple: whether the layers return their states in a tuple; None until one has been computed.
    """

    def __init__(self) -> None:
        self.as_tuple: bool | None = None
        self._file: Any = None
        self._forget()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: bytes) -> torch.Tensor | None:
        """The states of a text, shape (tokens, width)."""
        entry = self._entries.get(key)
        if not isinstance(entry, tuple):
            return entry
        offset, shape, dtype = entry
        n_bytes = shape[0] * shape[1] * dtype.itemsize
        mapped = np.memmap(self._file, np.uint8, "r", offset, (n_bytes,))
        return torch.from_numpy(np.array(mapped)).view(dtype).view(shape)

    def put(self, key: bytes, states: torch.Tensor) -> None:
        """Stores a copy of a text's states on the CPU."""
        states = states.detach().to("cpu", copy=True).contiguous()
        n_bytes = states.numel() * states.element_size()
        if self.in_memory + n_bytes > MEMORY and self.on_disk + n_bytes > DISK:
            self._forget()
        if self.in_memory + n_bytes <= MEMORY:
            self._entries[key] = states
            self.in_memory += n_bytes
            return
        try:
            self._write(states)
        except OSError:  # the disk is full; these states will be recomputed
            return
        self._entries[key] = (self.on_disk, tuple(states.shape), states.dtype)
        self.on_disk += n_bytes

    def _write(self, states: torch.Tensor) -> None:
        if self._file is None:
            CACHE.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=CACHE)  # noqa: SIM115 - open as long as it holds states
            self._close = weakref.finalize(self, self._file.close)
        self._file.seek(self.on_disk)
        self._file.write(states.view(torch.uint8).numpy().data)
        self._file.flush()

    def _forget(self) -> None:
        self._entries: dict[bytes, Any] = {}
        self.in_memory = self.on_disk = 0
        if self._file is not None:
            self._close()
            self._file = None

    def __deepcopy__(self, memo: object) -> Kept:
        return self  # all copies have the same frozen layers


class LowerLayers:
    """The layers of a network below the first trained one.

    Attributes:
        n: their number; 0 if the first layer, or something outside the layers, is trained.
        kept: their cached output states, shared with networks that have the same frozen layers.
    """

    def __init__(self, module: torch.nn.Module, kept: Kept) -> None:
        self._module, self.kept = module, kept
        self._layers = _frozen(module)
        self.n = len(self._layers) - 1 if self._layers else 0

    @contextmanager
    def caching(self, inputs: dict[str, Any], real: torch.Tensor, tag: Sequence[bytes] | None = None) -> Iterator[None]:
        """Context in which these layers return cached states for known rows and are computed only for new ones.

        Args:
            inputs: of the network's forward pass; tensors whose first dimension is the rows are cut to the new rows.
            real: which columns of `input_ids` are tokens rather than padding, bool, shape (rows, columns).
            tag: distinguishes rows with the same tokens but different attention.
        """
        states = self._states(inputs, real.cpu(), tag)
        with _replaced(self._layers[: self.n], [lambda *_, **__: self._given(states)] + [self._passed] * (self.n - 1)):
            yield

    def _states(self, inputs: dict[str, Any], real: torch.Tensor, tag: Sequence[bytes] | None) -> torch.Tensor:
        ids = inputs["input_ids"]
        rows = [row[own].numpy().tobytes() for row, own in zip(ids.cpu(), real, strict=True)]
        keys = rows if tag is None else [row + b"|" + own for row, own in zip(rows, tag, strict=True)]
        cached = {key: self.kept.get(key) for key in dict.fromkeys(keys)}
        new = {key: keys.index(key) for key, states in cached.items() if states is None}  # each once, by its first row
        if new:
            for (key, i), states in zip(new.items(), self._computed(inputs, list(new.values())), strict=True):
                cached[key] = states[real[i].to(states.device)]
                self.kept.put(key, cached[key])
        width = cached[keys[0]].shape[-1]
        states = cached[keys[0]].new_zeros((*ids.shape, width), device=ids.device)
        for i, key in enumerate(keys):
            states[i, real[i].to(ids.device)] = cached[key].to(ids.device)
        return states

    def _computed(self, inputs: dict[str, Any], rows: Sequence[int]) -> torch.Tensor:
        """The input of the first trained layer, shape (rows, columns, width); without dropout."""
        n_rows, chosen = len(inputs["input_ids"]), torch.tensor(rows, device=inputs["input_ids"].device)
        own = {
            name: value[chosen] if isinstance(value, torch.Tensor) and name in ROWS and len(value) == n_rows else value
            for name, value in inputs.items()
        }
        tuples: list[bool] = []
        watch = self._layers[self.n - 1].register_forward_hook(
            lambda *given: tuples.append(isinstance(given[2], tuple))
        )
        was_training = self._module.training
        self._module.eval()
        try:
            with torch.inference_mode(False), torch.no_grad(), _replaced(self._layers[self.n :], [_reached]):
                self._module(**own)
        except _Reached as reached:
            self.kept.as_tuple = tuples[0]
            return reached.states
        finally:
            watch.remove()
            self._module.train(was_training)
        raise CannotDo("the layers of this network are not sequential; leave out --tuned-layers")

    def _given(self, states: torch.Tensor) -> Any:
        return (states,) if self.kept.as_tuple else states

    def _passed(self, *given: Any, **named: Any) -> Any:
        return self._given(given[0] if given else named["hidden_states"])


ROWS = ("input_ids", "attention_mask", "position_ids")  # inputs that belong to rows


class _Reached(Exception):
    """Signals that the first trained layer was reached."""

    def __init__(self, states: torch.Tensor) -> None:
        self.states = states


def _reached(*given: Any, **named: Any) -> None:
    raise _Reached(given[0] if given else named["hidden_states"])


def _frozen(module: torch.nn.Module) -> list[torch.nn.Module]:
    """The layers up to and including the first trained one; none if nothing can be cached."""
    try:
        layers = blocks(module)
    except CannotDo:
        return []
    inside = {id(p) for layer in layers for p in layer.parameters()}
    if any(p.requires_grad and id(p) not in inside for p in module.parameters()):
        return []
    first = next((i for i, layer in enumerate(layers) if any(p.requires_grad for p in layer.parameters())), 0)
    return layers[: first + 1] if first else []


@contextmanager
def _replaced(layers: Sequence[torch.nn.Module], forwards: Sequence[Callable]) -> Iterator[None]:
    """Context in which the layers have other forward functions."""
    try:
        for layer, forward in zip(layers, forwards, strict=True):
            layer.forward = forward  # takes precedence over the class's
        yield
    finally:
        for layer in layers:
            vars(layer).pop("forward", None)
