"""The flags that every experiment has."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from .. import estimators, models
from ..command_line import flags
from ..errors import UserError
from ..paths import RESULTS
from .budget import Spending

if TYPE_CHECKING:
    from ..estimators import LIFT

__all__ = ["Config", "flags"]


@dataclass(frozen=True)
class Config:
    """Flags that every experiment has. LIFT's settings default to the model's recipe, else to the paper's."""

    datasets: tuple[
        str, ...
    ] = ()  # names, groups (paper, openml-suite:99, …), openml-task:ID, hf:ID, CSV and Parquet files: data/README.md
    methods: tuple[str, ...] = ()  # lift and classical learners; an unknown name lists them
    seeds: tuple[int, ...] = (0,)  # one split, one draw and one fine-tune each
    target: str = ""  # the column to predict in a file of your own; the last one if empty
    task: Literal["auto", "classification", "regression"] = "auto"  # the task of a file, if it is inferred wrongly
    as_text: tuple[str, ...] = ()  # columns of such a file to read as text though they look numeric: codes, grades
    group: str = ""  # split by whole groups of this column, which is then not a feature
    time: str = ""  # split in the order of this column, which is then not a feature
    check: bool = False  # only report how the tables are read and what looks wrong with them
    protocol: str = "paper"  # paper: one test set for all seeds; independent: a test set for each seed
    limit: int = 0  # at most this many rows of each part, for a trial run; 0 for all
    model: str = "lift-tiny"  # or smollm2, a folder, a GGUF file, an id such as EleutherAI/gpt-j-6b, openai:NAME
    wording: str = ""  # paper, names, compact, … or a text with {features} in it
    numbers: str = ""  # paper, significant or scaled
    scale: str = ""  # scaling of numbers: by column, row, table or quantile
    levels: int = 0  # number of levels of scaled numbers; 0 for the recipe's
    labels: str = ""  # codes or text
    categories: str = ""  # text columns: text or levels
    adapter: str = ""  # full, lora, …
    adapter_rank: int = 16  # of low-rank adapters; 16 as in the paper for GPT-J
    tuned_layers: int | None = None  # tune only this many upper layers, caching the outputs of those below; 0 for all
    chat: bool = False  # wrap prompts and answers in the chat template of the model's tokenizer
    recipe: str = ""  # paper: default to the paper's settings for GPT-J, whatever the model
    quantization: Literal["none", "8bit", "4bit"] = "none"  # of the base model under an adapter, on CUDA
    decoding: str = ""  # score or generate; in regression greedy, mean or median
    class_weight: tuple[str, ...] = ()  # LIFT only, by repeating rows: balanced, or CLASS=WEIGHT … (default weight 1)
    samples: int = 0  # answers drawn per row for a sampled mean or median
    retries: int = 0  # how often to ask again after an unreadable answer
    epochs: int | None = None  # 0 leaves the model untuned: in-context learning, with --shots
    learning_rates: tuple[float, ...] = ()  # if several, the validation rows choose
    batch_size: int | None = None  # rows per update
    jitter: float | None = None  # sd of noise on numeric training values, as a share of the column's range
    shots: int | None = None  # training rows written into each prompt
    shot_choice: str = ""  # which rows: random, balanced (over the answers) or nearest (to each query)
    permutations: int | None = None  # feature orders used in training and averaged over in prediction
    device: str = "auto"  # cpu, cuda or mps
    dtype: str = "auto"  # float32 or bfloat16
    threads: int = 0  # per case; 0 for one with a shipped model, else all cores
    engine: Literal["local", "ray"] = "local"  # processes on this machine, or a Ray cluster
    address: str = ""  # of the cluster: auto, HOST:PORT or ray://HOST:PORT; empty: start Ray on this machine
    gpus: float = 0.0  # per case on a cluster; default 1 with --device cuda
    memory_gb: float = 0.0  # per case on a cluster; 0 for no requirement
    workers: int = 0  # cases at a time; 0 for one per core with a shipped model, else one
    results_dir: Path = RESULTS  # where the CSV and its accompanying files are written
    redo: bool = False  # run finished cases again and replace their rows
    log_to: Literal["none", "trackio", "wandb", "mlflow"] = "none"  # also log every finished case to this tracker
    quiet: bool = False  # no live table, no progress lines; failures are still reported
    spending: Annotated[Spending, tyro.conf.OmitArgPrefixes] = field(default_factory=Spending)  # for openai:NAME

    def lift(self, task: str, seed: int) -> LIFT:
        """The LIFT estimator that the flags describe."""
        from ..estimators import recipes  # imports scikit-learn, which --help must not load

        kind = estimators.LIFTClassifier if task == "classification" else estimators.LIFTRegressor
        given = {
            item.name: getattr(self, item.name) for item in fields(Config)
        }  # a subclass may use names of LIFT's settings
        nonempty = {name: value for name, value in given.items() if value != ""}  # an empty flag follows the recipe
        template = {name: value for name, value in nonempty.items() if name in recipes.TEMPLATE and value}
        learner = {k: v for k, v in nonempty.items() if k in kind().get_params() and k != "class_weight"}
        if weights := self.class_weights():
            if task != "classification":
                raise UserError("--class-weight is only for classification; leave it out of regression")
            learner["class_weight"] = weights
        special = {"learning_rate": self.learning_rates or None, "threads": self.n_threads(), "random_state": seed}
        return kind(**learner | special, template=template or None)

    def class_weights(self) -> str | dict[str, float] | None:
        """--class-weight in the form that `LIFTClassifier` takes.

        Raises:
            UserError: neither balanced nor CLASS=WEIGHT.
        """
        if self.class_weight in ((), ("balanced",)):
            return "".join(self.class_weight) or None
        pairs = [word.rpartition("=") for word in self.class_weight]
        try:
            return {label: float(weight) for label, _, weight in pairs}
        except ValueError as error:
            given = " ".join(self.class_weight)
            raise UserError(f"--class-weight {given}: give balanced, or CLASS=WEIGHT, such as yes=5 no=1") from error

    def n_threads(self) -> int:
        """CPU threads per case. The last digits of sums depend on it, so it does not depend on `workers`."""
        return self.threads or (1 if self.model in models.SHIPPED else os.cpu_count() or 1)

    def n_workers(self) -> int:
        """Number of cases that run at the same time."""
        n_cores = os.cpu_count() or 1
        return self.workers or (max(1, n_cores // self.n_threads()) if self.model in models.SHIPPED else 1)
