"""One measurement of `benchmarks/speed.py`, in a separate process, so that its peak memory is its own.

python -m benchmarks.measure '{"way": "ours", "model": "lift-tiny", "columns": 20, "batch_size": 32}'

Prints one line of JSON: rows and tokens per second of tuning and of answering, the rate of the network's matrix
multiplications as a share of the measured rate, and the memory beyond that of the loaded model.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import machine, ways
from utils import models, paths
from utils.models.local import model_cache
from utils.models.local.model import LocalModel
from utils.prompts import Template

CACHE = paths.CACHE / "models"
DROPOUT = ("resid_pdrop", "embd_pdrop", "attn_pdrop")
SIZES = {  # random checkpoints: their vocabulary is that of the models whose size they have; no dropout, as in GPT-J
    "gpt2-size": {"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "vocab_size": 50257}
    | dict.fromkeys(DROPOUT, 0.0),
    "gptj-size": {"model_type": "gptj", "n_embd": 4096, "n_layer": 28, "n_head": 16, "vocab_size": 50400},
}
N_CLASSES = 3
WARM_UP = 10  # updates; they also teach a random network to stop
LEAST, MOST = 64, 20_000  # rows of a timed run


def measure(
    way: str,
    model: str = "lift-tiny",
    columns: int = 20,
    batch_size: int = 32,
    adapter: str = "full",
    device: str = "auto",
    dtype: str = "auto",
    threads: int = 0,
    seconds: float = 4.0,
) -> dict[str, Any]:
    """The measurements of one way; see the module's docstring.

    Args:
        model: "lift-tiny", "gpt2-size", "gptj-size", or any other model for `models.load`.
        seconds: approximate duration of the timed tuning and of the timed answering.
    """
    if threads:
        torch.set_num_threads(threads)
    loaded = models.load(checkpoint(model), adapter=adapter, device=device, dtype=dtype)
    before = memory(loaded)
    made_way = ways.WAYS[way](loaded, batch_size)
    batch = ways.ORIGINAL_BATCH if way == "original" else batch_size
    warm = work(WARM_UP * batch, columns, 0)
    made_way.tune(work(batch, columns, 2))()  # first calls are slow
    per_row = ways.seconds(loaded, made_way.tune(warm)) / len(warm.examples)
    timed = work(_rows(seconds / per_row, batch), columns, 1)
    tuning = ways.seconds(loaded, made_way.tune(timed))
    few = work(batch, columns, 2)
    made_way.predict(few)
    per_row = ways.seconds(loaded, lambda: made_way.predict(few)) / len(few.examples)
    queries = work(_rows(seconds / per_row, batch), columns, 3)
    answering = ways.seconds(loaded, lambda: made_way.predict(queries))
    used = memory(loaded) - before
    rate = matrix_rate(loaded)
    tokens = sum(loaded.count_tokens(timed.prompts)) / len(timed.examples)
    forward = flops(loaded, tokens)
    passes = 3 if adapter == "full" else 2  # forward, and backward to activations and, of all weights, to weights
    return {
        "way": way,
        "model": model,
        "columns": columns,
        "tokens_per_row": tokens,
        "batch_size": batch,
        "tune_rows_per_s": len(timed.examples) / tuning,
        "tune_tokens_per_s": len(timed.examples) * tokens / tuning,
        "tune_share": passes * forward * len(timed.examples) / tuning / rate,
        "predict_rows_per_s": len(queries.examples) / answering,
        "predict_share": forward * len(queries.examples) / answering / rate,
        "memory_mib": used / 2**20,
        "matrix_gflops": rate / 1e9,
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name() if loaded.device.startswith("cuda") else "cpu",
        "dtype": loaded.dtype,
        "adapter": adapter,
    }


def work(n: int, columns: int, seed: int) -> ways.Work:
    """`n` rows of random numbers with random classes, as lift-tiny's template writes them: a token for each column."""
    rng = np.random.default_rng([seed, n, columns])
    X, y = rng.random((n, columns)), rng.integers(0, N_CLASSES, n)
    y[: min(n, N_CLASSES)] = range(min(n, N_CLASSES))
    template = Template("classification", wording="compact", numbers="scaled").fit(X, y)
    return ways.Work(template.examples(X, y), template.candidates_)


def checkpoint(model: str) -> str:
    """The name or folder of a model; one of SIZES is created on first use, with lift-tiny's tokenizer."""
    if model not in SIZES:
        return model
    identity = json.dumps(SIZES[model]).encode()

    def write(folder: Path) -> None:
        from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

        torch.manual_seed(0)
        tokenizer = AutoTokenizer.from_pretrained(models.SHIPPED["lift-tiny"])
        ends = {"eos_token_id": tokenizer.eos_token_id, "bos_token_id": tokenizer.eos_token_id}
        settings = {**SIZES[model], "n_positions": 2048, **ends}
        config = AutoConfig.for_model(**settings)
        kind = torch.bfloat16 if model == "gptj-size" else torch.float32
        AutoModelForCausalLM.from_config(config, dtype=kind).save_pretrained(folder)
        tokenizer.save_pretrained(folder)

    return str(model_cache.folder(CACHE, model, [identity], write))


def flops(model: LocalModel, tokens: float) -> float:
    """Floating-point operations of a row's forward pass: the inner matrices for each token, the head for the answer."""
    module = model.network.module
    head = module.get_output_embeddings().weight
    inner = sum(p.numel() for name, p in module.named_parameters() if p.dim() == 2 and not _is_table(name))
    return 2 * inner * (tokens + 1) + 2 * 2 * head.numel()


def _is_table(name: str) -> bool:
    return any(word in name for word in ("wte", "wpe", "embed", "lm_head", "lora"))


def memory(model: models.LanguageModel) -> float:
    """Peak memory in bytes, of the device if it is CUDA, else of this process."""
    if model.device.startswith("cuda"):
        return torch.cuda.max_memory_allocated()
    return machine.peak()


def matrix_rate(model: models.LanguageModel, repeats: int = 9) -> float:
    """Floating-point operations per second of a square matrix product in the model's dtype, best of several."""
    n = 8192 if model.device.startswith("cuda") else 1024
    kind = getattr(torch, model.dtype)
    a, b = (torch.randn(n, n, device=model.device, dtype=kind) for _ in range(2))
    out = torch.empty_like(a)
    return 2 * n**3 / min(ways.seconds(model, lambda: torch.mm(a, b, out=out)) for _ in range(repeats))


def _rows(target: float, batch: int) -> int:
    """A number of rows near `target` that fills its batches."""
    return max(1, round(min(max(target, LEAST), MOST) / batch)) * batch


if __name__ == "__main__":
    print(json.dumps(measure(**json.loads(sys.argv[1]))))
