"""Where a fine-tune starts: a model's weights, random ones of the same configuration, or either tuned on gibberish.

pretrained           the model as it is
random               its configuration and tokenizer, every weight drawn anew by its own initialisation
random:layers=2,…    the same of another size: layers, hidden, heads
gibberish            the model tuned in full on random texts with random answers, the paper's "Gibberish" (Table 8)
random_gibberish     the random start, tuned in the same way
anything else        another model, by its name

What is made lies in data/cache/models, with the tokenizer and the recipe (lift.json) of the model that it is made from.
torch and transformers are imported when something is made.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ... import models, paths
from ...errors import BadModel, CannotDo, UnknownName, UserError
from ...options import parse_options, positive
from .. import distributed
from ..base import Example, FineTuning, LanguageModel
from . import model_cache

CACHE = paths.CACHE / "models"
STARTS = ("pretrained", "random", "gibberish", "random_gibberish")
SIZES = {"layers": "num_hidden_layers", "hidden": "hidden_size", "heads": "num_attention_heads"}  # as configs name them
INNER = ("intermediate_size", "n_inner", "ffn_dim")  # widths that keep their ratio to `hidden`
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
WORDS, WORD = (2, 6), (2, 7)  # words of a gibberish text and letters of a word, least and one more than most


@dataclass(frozen=True)
class Gibberish:
    """The tuning on gibberish: fresh texts in every update."""

    updates: int = 200
    batch_size: int = 32  # texts per update
    learning_rate: float = 1e-3  # for lift-tiny's size; large models want less

    def check(self) -> None:
        """Raises UserError for a tuning that does nothing."""
        if self.updates < 1 or self.batch_size < 1 or not 0 < self.learning_rate < np.inf:
            raise UserError("tuning on gibberish needs an update, a text and a learning rate above 0")


def place(name: str, model: str, seed: int, gibberish: Gibberish | None = None) -> str:
    """The name or folder of a start, made on its first use.

    Args:
        name: see the head of this module.
        model: which model `name` is a start of; another model's name stands for itself.
        seed: of the random weights and of the gibberish.
        gibberish: how it is tuned on gibberish; as usual if None.

    Raises:
        UserError: an option or a size that does not exist, a model that cannot be loaded.
    """
    base, _, options = name.partition(":")
    if base == "pretrained" and not options:
        return model
    if base == "random":
        return str(_random(model, seed, parse_options(name, options, dict.fromkeys(SIZES, positive))))
    if base in STARTS:
        if options:
            raise UnknownName(f"{name}: {base} has no options; random has {', '.join(f'{size}=' for size in SIZES)}")
        before = str(_random(model, seed, {})) if base == "random_gibberish" else model
        return str(_tuned_on_gibberish(before, model, seed, gibberish or Gibberish()))
    return name


def parameters(model: LanguageModel) -> float:
    """The number of parameters of a model of this machine, adapters included; nan for one that runs elsewhere."""
    network = getattr(model, "network", None)
    return float(network.module.num_parameters()) if network is not None else float("nan")


def texts(n: int, seed: int) -> list[Example]:
    """`n` prompts of 2 to 5 random words, each with a random word as its answer; nothing in one tells the other."""
    rng = np.random.default_rng([13, seed])

    def word() -> str:
        return "".join(rng.choice(list(LETTERS), size=rng.integers(*WORD)))

    return [(" ".join(word() for _ in range(rng.integers(*WORDS))), f" {word()}") for _ in range(n)]


def _random(model: str, seed: int, sizes: dict[str, int]) -> Path:
    def write(target: Path) -> None:
        from . import network

        with network.quiet():
            module, tokenizer = _fresh(model, seed, sizes)
            module.save_pretrained(target)
            tokenizer.save_pretrained(target)

    marks = [f"{size}{value}" for size, value in sizes.items()]
    return _cached("-".join(["random", *marks]), model, [models.fingerprint(model), seed, sizes], write)


def _fresh(model: str, seed: int, sizes: dict[str, int]) -> tuple[Any, Any]:
    """A network whose weights are as before any training, and the model's tokenizer."""
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    from . import training

    source = _source(model)
    try:
        config, tokenizer = AutoConfig.from_pretrained(**source), AutoTokenizer.from_pretrained(**source)
        _resize(config, sizes, model)
        with training.seeded(seed, "cpu"):
            return AutoModelForCausalLM.from_config(config).float(), tokenizer
    except (OSError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise BadModel(f"{model} cannot be started anew: {said} Give lift-tiny, a folder or a Hub id.") from error


def _source(model: str) -> dict[str, str]:
    from . import network

    found = models.resolve(model)
    if isinstance(found, Path) and not (found / "config.json").is_file():
        raise CannotDo(f"{model} is an adapter and has no configuration of its own; name its base")
    return network.source(found)


def _resize(config: Any, sizes: dict[str, int], model: str) -> None:
    """Other sizes in a configuration; what depends on them follows."""
    if not sizes:
        return
    hidden, heads = config.hidden_size, config.num_attention_heads
    for size, value in sizes.items():
        setattr(config, SIZES[size], value)
    for inner in INNER:
        if getattr(config, inner, None):
            setattr(config, inner, round(getattr(config, inner) * config.hidden_size / hidden))
    if getattr(config, "num_key_value_heads", None):
        config.num_key_value_heads = max(1, config.num_key_value_heads * config.num_attention_heads // heads)
    if config.hidden_size % (2 * config.num_attention_heads):
        raise BadModel(
            f"{model}: hidden={config.hidden_size} and heads={config.num_attention_heads}; hidden must be a multiple "
            "of 2 × heads"
        )
    if getattr(config, "head_dim", None):
        config.head_dim = config.hidden_size // config.num_attention_heads
    if getattr(config, "layer_types", None):
        config.layer_types = [config.layer_types[i % len(config.layer_types)] for i in range(config.num_hidden_layers)]


def _tuned_on_gibberish(start: str, model: str, seed: int, how: Gibberish) -> Path:
    how.check()

    def write(target: Path) -> None:
        if distributed.world() > 1:  # one process holds the lock, and the others would have to tune with it
            raise CannotDo(f"{name} is made by one process: run this once without accelerate launch, which keeps it")
        base = models.load(start, adapter="full", threads=1)
        settings = FineTuning(learning_rate=how.learning_rate, epochs=how.updates, batch_size=how.batch_size)
        pairs = texts(how.updates * how.batch_size, seed)
        batches = [pairs[i : i + how.batch_size] for i in range(0, len(pairs), how.batch_size)]
        tuned = base.fine_tune(lambda epoch: batches[epoch - 1], settings=settings, seed=seed)
        shutil.rmtree(target)
        tuned.save(target)

    name = "gibberish" if start == model else "random-gibberish"
    return _cached(name, model, [models.fingerprint(start), seed, vars(how)], write)


def _cached(kind: str, model: str, identity: list[object], write: Callable[[Path], None]) -> Path:
    """The folder of a model that `write` puts into an empty folder, unless it is there already."""
    code = Path(__file__).read_bytes()

    def with_recipe(target: Path) -> None:
        write(target)
        if recipe := models.recipe(model):
            (target / models.RECIPE_FILE).write_text(json.dumps(recipe, indent=2) + "\n", "utf-8")

    name = f"{Path(model).name.replace('@', '-')}-{kind}"
    return model_cache.folder(CACHE, name, [json.dumps(identity, sort_keys=True).encode(), code], with_recipe)
