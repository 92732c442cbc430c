"""Language models for tests: instant, exact, and as faulty as a test wants them."""

import re
from pathlib import Path

import numpy as np

NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e-?\d+)?")

# A recipe without candidates, of its own here so that these tests do not follow the shipped one.
RECIPE = {
    "wording": "compact",
    "numbers": "scaled",
    "scale": "column",
    "adapter": "full",
    "weight_decay": 0.3,
    "warmup": 0.05,
    "schedule": "cosine",
    "max_epochs": 200,
    "batch_size": 32,
    "classification": {"decoding": "score", "levels": 1000, "learning_rate": 1e-3, "updates": 1600, "jitter": 0.02},
    "regression": {
        "decoding": "median",
        "levels": 400,
        "learning_rate": 2e-3,
        "updates": 600,
        "jitter": 0.01,
        "target_jitter": 0.02,
    },
}


class NearestRow:
    """Answers with the completion of the training prompt whose numbers are nearest; knows no text beside numbers.

    Args:
        garble: every garble-th free answer is unreadable; 0 for none.
    """

    name = "nearest-row"
    context_length = None
    device = "cpu"
    dtype = "float64"
    cost_usd = 0.0

    def __init__(self, garble: int = 0, examples: tuple = (), context_length: int | None = None):
        self.garble = garble
        self.examples = examples
        self.context_length = context_length
        self.n_tokens_trained = 0
        self.seeds: list[int] = []

    def __repr__(self):
        return f"NearestRow(garble={self.garble})"  # no address: names of tests must be the same in each process

    def count_tokens(self, texts):
        return [len(text.split()) for text in texts]

    def fine_tune(self, examples, validation=(), *, settings, seed, on_epoch=None):
        tuned = NearestRow(self.garble, tuple(examples(1) if callable(examples) else examples), self.context_length)
        for epoch in range(1, settings.epochs + 1):
            if on_epoch is not None:
                on_epoch(epoch, tuned, 0.0)
        tuned.n_tokens_trained = sum(self.count_tokens([p + c for p, c in tuned.examples])) * settings.epochs
        return tuned

    def generate(self, prompts, *, stop="", temperature=0.0, samples=1, max_new_tokens=16, seed=0):
        completions = [completion for _, completion in self.examples]
        nearest = self._distances(prompts).argmin(axis=1)
        texts = [completions[i].split(stop)[0] if stop else completions[i] for i in nearest]
        if self.garble and temperature == 0.0:
            texts = ["no idea" if i % self.garble == 0 else text for i, text in enumerate(texts)]
        return [[text] * samples for text in texts]

    def log_likelihood(self, prompts, candidates):
        completions = np.array([completion for _, completion in self.examples])
        distances = self._distances(prompts)
        scores = np.full((len(prompts), len(candidates)), -1e3)
        for j, candidate in enumerate(candidates):
            if (own := completions == candidate).any():
                scores[:, j] = -distances[:, own].min(axis=1)
        return scores

    def save(self, folder):
        Path(folder).mkdir(parents=True)

    def _distances(self, prompts):
        known = np.array([self._numbers(prompt) for prompt, _ in self.examples])
        asked = np.array([self._numbers(prompt) for prompt in prompts])
        return np.abs(asked[:, None, :] - known[None, :, :]).sum(axis=2)

    def _numbers(self, prompt):
        return [float(number) for number in NUMBER.findall(prompt.replace("unknown", "0"))]
