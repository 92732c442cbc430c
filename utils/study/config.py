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
    """Flags that every experiment has. Those of LIFT left empty follow the model's recipe, else the paper."""

    datasets: tuple[
        str, ...
    ] = ()  # names, groups (paper, openml-suite:99, …), openml-task:ID, hf:ID, CSV and Parquet files: data/README.md
    methods: tuple[str, ...] = ()  # lift and classical learners; a wrong name lists them
    seeds: tuple[int, ...] = (0,)  # one split, one draw and one fine-tune each
    target: str = ""  # the column to predict in a file of your own; the last one if empty
    task: Literal["auto", "classification", "regression"] = (
        "auto"  # tells what a file's target is where the guess is wrong
    )
    as_text: tuple[str, ...] = ()  # columns of such a file that are words though they look like numbers: codes, grades
    group: str = ""  # a column whose groups are never in two parts; it is no feature then
    time: str = ""  # a column in whose order come training, validation and test rows; it is no feature then
    check: bool = False  # only say how the tables are read, and what looks wrong about them
    protocol: str = "paper"  # paper: one test set for all seeds; independent: a test set for each seed
    limit: int = 0  # most rows of each part, 0 for all: a trial run
    model: str = "lift-tiny"  # or smollm2, a folder, a GGUF file, an id such as EleutherAI/gpt-j-6b, openai:NAME
    wording: str = ""  # paper, names, compact, … or a text with {features} in it
    numbers: str = ""  # paper, significant or scaled
    scale: str = ""  # of scaled numbers: column, row, table or quantile
    levels: int = 0  # of scaled numbers; 0 for the recipe's
    labels: str = ""  # codes or text
    categories: str = ""  # columns of texts as text or as levels
    adapter: str = ""  # full, lora, …
    adapter_rank: int = 16  # of low-rank adapters, as the paper had for GPT-J
    tuned_layers: int | None = None  # upper layers that are tuned; those below are computed once. 0 for all
    chat: bool = False  # prompts and answers in the chat template of the model's tokenizer
    recipe: str = ""  # paper: settings left out are the paper's for GPT-J, whatever the model
    quantization: Literal["none", "8bit", "4bit"] = "none"  # of the base under an adapter, on CUDA
    decoding: str = ""  # score or generate; in regression greedy, mean or median
    class_weight: tuple[str, ...] = ()  # of LIFT, by repeating rows: balanced, or CLASS=WEIGHT …; others count once
    samples: int = 0  # answers drawn per row for a sampled mean or median
    retries: int = 0  # times that an unreadable answer is asked for again
    epochs: int | None = None  # 0 leaves the model untuned: in-context learning, with --shots
    learning_rates: tuple[float, ...] = ()  # of several, the validation rows choose
    batch_size: int | None = None  # rows per update
    jitter: float | None = None  # sd of noise on numeric training values, as a share of the column's range
    shots: int | None = None  # training rows written into each prompt
    shot_choice: str = ""  # which rows: random, balanced (over the answers) or nearest (to each query)
    permutations: int | None = None  # feature orders in training and averaged in prediction
    device: str = "auto"  # cpu, cuda or mps
    dtype: str = "auto"  # float32 or bfloat16
    threads: int = 0  # per case; 0 for one, or all cores with another model than lift-tiny
    engine: Literal["local", "ray"] = "local"  # processes of this machine, or a Ray cluster
    address: str = ""  # of the cluster: auto, HOST:PORT or ray://HOST:PORT; a Ray of this machine if empty
    gpus: float = 0.0  # per case on a cluster; 1 with --device cuda
    memory_gb: float = 0.0  # that a case needs on a cluster; 0 for no claim
    workers: int = 0  # cases at a time; 0 for one per core, or one with a model that is not shipped
    results_dir: Path = RESULTS  # where the CSV and all that belongs to it is written
    redo: bool = False  # run finished cases again and replace their rows
    log_to: Literal["none", "trackio", "wandb", "mlflow"] = "none"  # a tracker that gets every finished case as well
    quiet: bool = False  # no live table on a terminal, no lines in a log file; what fails is told
    spending: Annotated[Spending, tyro.conf.OmitArgPrefixes] = field(default_factory=Spending)  # for openai:NAME

    def lift(self, task: str, seed: int) -> LIFT:
        """The LIFT estimator that the flags describe."""
        from ..estimators import recipes  # loads scikit-learn, for which --help does not wait

        kind = estimators.LIFTClassifier if task == "classification" else estimators.LIFTRegressor
        given = {one.name: getattr(self, one.name) for one in fields(Config)}  # an experiment's own may have such names
        said = {name: value for name, value in given.items() if value != ""}  # an empty flag follows the recipe
        template = {name: value for name, value in said.items() if name in recipes.TEMPLATE and value}
        learner = {k: v for k, v in said.items() if k in kind().get_params() and k != "class_weight"}
        if weights := self.class_weights():
            if task != "classification":
                raise UserError("--class-weight is for classes; leave it out of regression")
            learner["class_weight"] = weights
        special = {"learning_rate": self.learning_rates or None, "threads": self.n_threads(), "random_state": seed}
        return kind(**learner | special, template=template or None)

    def class_weights(self) -> str | dict[str, float] | None:
        """--class-weight as `LIFTClassifier` takes it.

        Raises:
            UserError: words that are neither balanced nor CLASS=WEIGHT.
        """
        if self.class_weight in ((), ("balanced",)):
            return "".join(self.class_weight) or None
        pairs = [word.rpartition("=") for word in self.class_weight]
        try:
            return {label: float(weight) for label, _, weight in pairs}
        except ValueError as error:
            given = " ".join(self.class_weight)
            raise UserError(f"--class-weight {given}: give balanced, or CLASS=WEIGHT such as yes=5 no=1") from error

    def n_threads(self) -> int:
        """CPU threads per case. Sums depend on them in the last digits, so they never depend on `workers`."""
        return self.threads or (1 if self.model in models.SHIPPED else os.cpu_count() or 1)

    def n_workers(self) -> int:
        """Cases that run at the same time."""
        n_cores = os.cpu_count() or 1
        return self.workers or (max(1, n_cores // self.n_threads()) if self.model in models.SHIPPED else 1)
