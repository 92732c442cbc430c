"""Where the time of a job goes: functions of each phase are wrapped from the outside during a measurement.

    with Phases() as phases:
        LIFTClassifier().fit(X, y)
    phases.cpu["optimizer"], phases.calls[UPDATE["lift"]]

The measured code is unaware of this. A module's functions are wrapped once it has been imported, so nothing is imported
that the job itself would not import.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import reduce, wraps
from types import ModuleType
from typing import Any

OTHER = "other"
FUNCTIONS: dict[str, tuple[str, ...]] = {  # phase → module:function; what a function calls belongs to its phase
    "import": ("builtins:__import__", "importlib:import_module"),
    "load": ("utils.models:load",),
    "texts": (
        "utils.estimators.augmentation:TrainingTexts.__call__",
        "utils.prompts.template:Template.fit",
        "utils.prompts.template:Template.examples",
        "utils.prompts.template:Template.prompts",
        "utils.prompts.template:Template.completions",
        "utils.prompts.few_shot:affordable",
        "utils.prompts.few_shot:Shots.before",
        "utils.estimators.selection:Setup.check_length",
        "utils.models.local.tokens:TextTokenizer.ids",
        "utils.models.local.tokens:TextTokenizer.pairs",
    ),
    "forward and backward": (
        "utils.models.local.training:group_losses",
        "utils.models.local.network:Network.__call__",
        "torch:Tensor.backward",
    ),
    "optimizer": ("utils.models.local.optimization:Fit.forget", "utils.models.local.optimization:Fit.step"),
    "validation": ("utils.models.local.optimization:Fit.keep_if_best",),
}
TRL: dict[str, tuple[str, ...]] = {  # the same of a job that TRL does
    "texts": ("trl.trainer.sft_trainer:SFTTrainer._prepare_dataset",),
    "forward and backward": (
        "transformers.trainer:Trainer.training_step",
        "transformers.generation.utils:GenerationMixin.generate",
    ),
    "optimizer": ("accelerate.optimizer:AcceleratedOptimizer.step",),
}
UPDATE = {
    "lift": "utils.models.local.optimization:Fit.step",
    "trl": "transformers.trainer:Trainer.training_step",
}  # called once each
NAMES = (*FUNCTIONS, OTHER)
CLOSED = ("import", "load", "validation")  # these include everything they call, except imports


class Phases:
    """Processor and wall-clock seconds by phase, and calls by function, between entering and leaving.

    The time before, the start of the interpreter, counts as import. Only the main thread switches phases; the processor
    time of all threads is attributed to its current phase.

    Attributes:
        cpu, wall: seconds by phase, which add up to the total.
        calls: by name of the function, as in FUNCTIONS.
    """

    def __init__(self) -> None:
        self.cpu, self.wall = dict.fromkeys(NAMES, 0.0), dict.fromkeys(NAMES, 0.0)
        self.calls: Counter[str] = Counter()
        self._now, self._since, self._since_wall = "import", 0.0, time.perf_counter()
        self._thread = threading.get_ident()
        self._pending = [(name, phase) for table in (FUNCTIONS, TRL) for phase in table for name in table[phase]]
        self._undo: list[tuple[Any, str, Any]] = []

    def __enter__(self) -> Phases:
        self._wrap_what_is_there()
        self.switch(OTHER)
        return self

    def __exit__(self, *error: object) -> None:
        self.switch(OTHER)
        for owner, attribute, original in reversed(self._undo):
            setattr(owner, attribute, original)

    def switch(self, phase: str) -> str:
        """Switches to another phase and returns the previous one."""
        cpu, wall = time.process_time(), time.perf_counter()
        self.cpu[self._now] += cpu - self._since
        self.wall[self._now] += wall - self._since_wall
        before, self._now, self._since, self._since_wall = self._now, phase, cpu, wall
        return before

    def _enters(self, phase: str) -> bool:
        """Whether calling one of this phase's functions now starts the phase."""
        if self._now in (phase, "import") or threading.get_ident() != self._thread:
            return False
        return self._now not in CLOSED or phase == "import"

    def _wrapped(self, function: Callable, name: str, phase: str) -> Callable:
        @wraps(function)
        def timed(*args, **kwargs):
            self.calls[name] += 1
            if not self._enters(phase):
                return function(*args, **kwargs)
            before = self.switch(phase)
            try:
                return function(*args, **kwargs)
            finally:
                if phase == "import":
                    self._wrap_what_is_there()
                self.switch(before)

        return timed

    def _wrap_what_is_there(self) -> None:
        """Wraps the functions of modules imported since the last call."""
        ready = [(name, phase) for name, phase in self._pending if name.partition(":")[0] in sys.modules]
        for name, phase in ready:
            self._pending.remove((name, phase))
            owner, attribute = locate(sys.modules[name.partition(":")[0]], name)
            original = vars(owner)[attribute]
            timed = self._wrapped(original, name, phase)
            for holder in [owner, *_importers(original)]:
                self._undo.append((holder, attribute, original))
                setattr(holder, attribute, timed)


def locate(module: ModuleType, name: str) -> tuple[Any, str]:
    """The object that holds a function of FUNCTIONS, and the function's own name there."""
    *path, attribute = name.partition(":")[2].split(".")
    return reduce(getattr, path, module), attribute


def _importers(function: Any) -> list[ModuleType]:
    """Modules of this project that hold the function itself under its own name: `from x import function`."""
    ours = [module for name, module in sys.modules.items() if name.partition(".")[0] in ("utils", "benchmarks")]
    name = getattr(function, "__name__", "")
    return [module for module in ours if vars(module).get(name) is function]
