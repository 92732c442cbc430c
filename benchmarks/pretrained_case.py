"""One measurement of `benchmarks/pretrained.py`, in a separate process, so that its peak memory is its own.

python -m benchmarks.pretrained_case '{"job": "scoring", "way": "ours", "model": "smollm2", "dataset": "iris"}'

Prints one line of JSON. Imports, loading and, in tuning, the answers to the validation rows are not timed.

tuning, on the rows, texts, rate and batch size of the model's recipe, with LoRA of rank 16
  ours               in the recipe's upper layers; the output of the frozen ones below is computed once per row
  ours, all layers   in all layers, so that nothing can be cached
  trl                TRL's SFTTrainer, in all layers
  trl, upper layers  the same in the recipe's upper layers
scoring, the likelihood of every class after every test row, of the untuned model
  ours               `log_likelihood`
  lm-eval            `HFLM.loglikelihood` of lm-evaluation-harness, on the same requests
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.machine import peak

WAYS = {"tuning": ("ours", "ours, all layers", "trl", "trl, upper layers"), "scoring": ("ours", "lm-eval")}
BATCH = 16  # rows of lm-evaluation-harness


def measure(
    job: str,
    way: str,
    model: str,
    dataset: str,
    epochs: int = 0,
    answers: str = "codes",
    shots: int = 0,
    threads: int = 1,
    seed: int = 0,
) -> dict[str, Any]:
    """The measurements of one job; see the module's docstring.

    Args:
        epochs: of tuning.
        answers: of scoring: "codes", mostly of one token each, or "text", the names of the classes.
        shots: of scoring, training rows before every prompt.

    Returns:
        cpu_s: processor seconds; accuracy: on the validation rows (tuning) or the test rows (scoring); peak_mib: the
        largest memory of the process, with loading.
    """
    from utils import tables
    from utils.estimators import LIFTClassifier

    lift = LIFTClassifier(model, threads=threads, random_state=seed, template={"labels": answers})
    split = tables.load(dataset, task="classification").split(seed)
    template = lift.unfitted_template().fit(split.X_train, split.y_train.to_numpy())
    part = "validation" if job == "tuning" else "test"
    prompts, truth = template.prompts(getattr(split, f"X_{part}")), getattr(split, f"y_{part}")
    examples = template.examples(split.X_train, split.y_train.to_numpy())
    before = "".join(f"{prompt}{answer}\n" for prompt, answer in examples[:shots])
    prompts = [before + prompt for prompt in prompts]
    if job == "tuning":
        row, scores = _tuning(way, lift, examples, prompts, template.candidates_, epochs)
    else:
        row, scores = _scoring(way, lift, prompts, template.candidates_)
    right = template.classes_[scores.argmax(axis=1)] == truth.to_numpy()
    return {**row, "accuracy": float(right.mean()), "peak_mib": peak() / 2**20}


def _tuning(
    way: str,
    lift: Any,
    examples: Sequence[tuple[str, str]],
    prompts: Sequence[str],
    classes: Sequence[str],
    epochs: int,
) -> tuple[dict[str, Any], np.ndarray]:
    """The measurements of a fine-tune, and the likelihoods afterwards, (n_prompts, n_classes)."""
    from benchmarks import ways
    from utils import models
    from utils.models import FineTuning
    from utils.models.local import scoring

    settings = lift.settings()
    layers = settings["tuned_layers"] if way in ("ours", "trl, upper layers") else None
    base = models.load(lift.model, adapter=settings["adapter"], tuned_layers=layers, threads=lift.threads)
    base.log_likelihood(prompts[:1], classes)  # loading ends here: until used, the weights are only mapped from a file
    rate, size = settings["learning_rate"], settings["batch_size"]
    if way.startswith("ours"):
        tuning = FineTuning(learning_rate=rate, epochs=epochs, batch_size=size)
        begin = time.process_time()
        tuned = base.fine_tune(examples, settings=tuning, seed=0)
        seconds = time.process_time() - begin
        return {"cpu_s": seconds}, tuned.log_likelihood(prompts, classes)
    trl = ways.Trl(base, size, epochs * -(-len(examples) // size), rate)
    run = trl.tune(ways.Work(examples, ()))
    begin = time.process_time()
    run()
    seconds = time.process_time() - begin
    trl.module.eval()
    return {"cpu_s": seconds}, scoring.log_likelihood(trl.network, trl.tokens, prompts, classes)


def _scoring(way: str, lift: Any, prompts: Sequence[str], classes: Sequence[str]) -> tuple[dict[str, Any], np.ndarray]:
    """The measurements of scoring, and the likelihoods, (n_prompts, n_classes)."""
    from utils import models

    base = models.load(lift.model, threads=lift.threads)
    base.log_likelihood(prompts[:1], classes)  # as above
    if way == "ours":
        begin = time.process_time()
        scores = base.log_likelihood(prompts, classes)
        return {"cpu_s": time.process_time() - begin}, scores
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    network = base.trainable_copy(0)
    harness = HFLM(pretrained=network.module.eval(), tokenizer=base.tokens.tokenizer, batch_size=BATCH, device="cpu")
    pairs = [(prompt, answer) for prompt in prompts for answer in classes]
    requests = [Instance("loglikelihood", {}, pair, i) for i, pair in enumerate(pairs)]
    harness.loglikelihood(requests[:1], disable_tqdm=True)
    begin = time.process_time()
    found = harness.loglikelihood(requests, disable_tqdm=True)
    seconds = time.process_time() - begin
    scores = np.array([score for score, _ in found]).reshape(len(prompts), len(classes))
    ours = base.log_likelihood(prompts, classes)
    return {"cpu_s": seconds, "difference": float(abs(scores - ours).max())}, scores


if __name__ == "__main__":
    print(json.dumps(measure(**json.loads(sys.argv[1]))))
