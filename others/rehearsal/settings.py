"""The settings of a fine-tuning job."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from others.rehearsal.refusal import Refusal, unsupported

AUTO = {"n_epochs": 3, "batch_size": 4, "learning_rate_multiplier": 1.0}
KNOWN = {"model", "training_file", "validation_file", "method", "hyperparameters", "seed", "suffix", "metadata"}


@dataclass(frozen=True)
class Settings:
    """Settings of one job.

    Attributes:
        values: of the hyperparameters, "auto" resolved.
        seed: as given, or drawn.
    """

    values: dict[str, float]
    seed: int

    def method(self) -> dict[str, object]:
        """The settings as shown in a job."""
        return {"type": "supervised", "supervised": {"hyperparameters": self.values}}


def read(request: dict) -> Settings:
    """The settings of a request; raises a refusal for fields that the server would have to ignore."""
    unsupported(request, KNOWN, {"integrations": ([],)})
    method = request.get("method") or {"type": "supervised"}
    if method.get("type") != "supervised":
        raise Refusal(400, f"This server does not support the method {method.get('type')!r}.", param="method")
    named = (method.get("supervised") or {}).get("hyperparameters") or {}
    old = request.get("hyperparameters") or {}
    if named and old:
        raise Refusal(400, "hyperparameters are in method or at the top, not in both", param="hyperparameters")
    unknown = sorted(set(named | old) - set(AUTO))
    if unknown:
        raise Refusal(400, f"Unknown hyperparameters: {', '.join(unknown)}", param="hyperparameters")
    values = {name: value for name, value in (named | old).items() if value not in (None, "auto")}
    for name, value in values.items():
        is_integer = name != "learning_rate_multiplier"
        if isinstance(value, bool) or not isinstance(value, int if is_integer else int | float) or not value > 0:
            raise Refusal(400, f"{name} is {value!r}; it is a number above 0 or 'auto'", param="hyperparameters")
    seed = request.get("seed")
    return Settings(AUTO | values, secrets.randbelow(2**31) if seed is None else seed)
