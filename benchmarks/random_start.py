"""Learners with lift-tiny's architecture, tokenizer and recipe but other weights, tuned in the same way.

lift-random   initial weights, with number embeddings from Fourier features of their values: its gap to `lift` is what
              the pretraining is worth
lift-plain    all weights random, including number embeddings: it does not know that 41 is close to 42
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from utils import estimators, models, paths, study
from utils.errors import CannotDo
from utils.models import RECIPE_FILE
from utils.models.local import initialization, model_cache
from utils.paths import ROOT
from utils.study.cases import Trial
from utils.study.runner import Case

METHOD = "lift-random"
PLAIN = "lift-plain"
CACHE = paths.CACHE / "models"
SEED = 1  # of the weights; not lift-tiny's, so that the two are never the same case
SOURCES = [ROOT / "others" / "pretraining" / name for name in ("initial.py", "tokenizer.py")]
SIZES = {  # names of initial.Architecture and of config.json, by model type
    "gpt2": {
        "hidden": "n_embd",
        "intermediate": "n_inner",
        "layers": "n_layer",
        "heads": "n_head",
        "init_scale": "initializer_range",
    },
    "llama": {
        "hidden": "hidden_size",
        "intermediate": "intermediate_size",
        "layers": "num_hidden_layers",
        "heads": "num_attention_heads",
        "init_scale": "initializer_range",
    },
}
NO_ARCHITECTURE = ("transformers_version", "dtype", "torch_dtype", "_name_or_path")  # keys of config.json


def trial(case: Case, config: study.Config, task: str) -> Trial:
    """`study.trial` with two more methods, `lift-random` and `lift-plain`, which never use another model's weights.

    Raises:
        UserError: as `study.trial` and `folder` do.
    """
    if case.method not in (METHOD, PLAIN):
        return study.trial(case, config, task)
    start = folder(config.model) if case.method == METHOD else initialization.place("random", config.model, SEED)
    made = trial_from(Path(start), case, config, task)
    if task == "classification":
        made = replace(made, learner=estimators.SingleModelClassifier(**made.learner.get_params(deep=False)))
    return made


def trial_from(start: Path, case: Case, config: study.Config, task: str) -> Trial:
    """`study.trial` of LIFT with the model in the folder `start`, and as many threads as `lift` has."""
    untrained = replace(config, model=str(start), threads=config.n_threads())
    return study.trial(replace(case, method="lift"), untrained, task)


def folder(model: str) -> Path:
    """The folder of the untrained counterpart of `model`, created on first use.

    Raises:
        CannotDo: others/pretraining/initial.py cannot build the architecture of `model`.
    """
    shipped = models.resolve(model)
    if isinstance(shipped, str):
        raise CannotDo(f"lift-random needs a model in a folder, not {model}; leave it out of --methods")
    parts = [shipped / "config.json", shipped / RECIPE_FILE, shipped / "tokenizer.json"]
    contents = [part.read_bytes() if part.exists() else b"" for part in parts]
    return cached(f"{shipped.name}-random", contents, lambda target: _write(shipped, target))


def cached(name: str, contents: list[bytes], write: Callable[[Path], None]) -> Path:
    """The folder of a model built by code; `write` builds it on first use.

    Args:
        name: prefix of the folder's name.
        contents: everything that the model depends on, besides the code of others/pretraining.
        write: fills an empty folder.
    """
    sources = [source.read_bytes() for source in SOURCES]
    return model_cache.folder(CACHE, name, [*contents, *sources], write)


def _write(shipped: Path, target: Path) -> None:
    from others.pretraining import initial  # torch, which only this learner needs

    expected = _architecture(shipped)
    try:
        kind = expected["model_type"]
        sizes = {name: expected[key] for name, key in SIZES.get(kind, SIZES["gpt2"]).items()}
        if kind == "llama":
            sizes |= {"positions": "rotary", "rope_theta": expected["rope_parameters"]["rope_theta"]}
    except KeyError as error:
        raise CannotDo(f"{shipped} has no {error} in its config.json; leave lift-random out of --methods") from error
    initial.write(initial.Config(folder=target, seed=SEED, **sizes))
    written = _architecture(target)
    unlike = sorted(key for key in {*expected, *written} if expected.get(key) != written.get(key))
    if unlike or (target / "tokenizer.json").read_bytes() != (shipped / "tokenizer.json").read_bytes():
        raise CannotDo(
            f"others/pretraining/initial.py does not build the same model as {shipped} "
            f"({', '.join(unlike) or 'tokenizer'}); leave lift-random out of --methods"
        )
    shutil.copyfile(shipped / RECIPE_FILE, target / RECIPE_FILE)


def _architecture(folder: Path) -> dict:
    config = json.loads((folder / "config.json").read_text("utf-8"))
    return {key: value for key, value in config.items() if key not in NO_ARCHITECTURE}
