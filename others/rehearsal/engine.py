"""The local models behind the server: tuning, generation and scoring. No other module here uses LIFT's models."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch

from others.rehearsal.refusal import Refusal
from utils import progress
from utils.errors import UserError
from utils.models.base import Example, FineTuning
from utils.models.local import decoding, training
from utils.models.local.model import LocalModel
from utils.models.local.tokens import TextTokenizer
from utils.paths import DATA

LIFT_TINY = DATA / "models" / "lift-tiny"
KEPT = 4  # models in memory
FLOOR = -9999.0  # stands for a log-probability that JSON cannot hold

Likeliest: TypeAlias = tuple[torch.Tensor, torch.Tensor]  # log-probabilities and ids, likeliest first


@dataclass(frozen=True)
class Token:
    """A token of a text.

    Attributes:
        text: what it adds to the text; "" for one in the middle of a character.
        start: its offset, in characters of the text.
        log_p: natural logarithm; None for the first token of a text.
        top: the likeliest tokens at this position, text and log-probability, likeliest first.
    """

    text: str
    start: int
    log_p: float | None
    top: list[tuple[str, float]]


@dataclass(frozen=True)
class Answer:
    """A generated text.

    Attributes:
        tokens: those that begin within `text`, without a stop mark; the end token only if it is the whole answer.
        n_tokens: all generated tokens, including the end token or the stop mark.
        ended: whether the end token or a stop mark ended it.
    """

    text: str
    tokens: list[Token]
    n_tokens: int
    ended: bool


class Engine:
    """Models by folder. Tuning and generation may run at the same time; requests are answered one by one."""

    def __init__(self) -> None:
        self._models: OrderedDict[Path, LocalModel] = OrderedDict()
        self._loading, self._asking = threading.Lock(), threading.Lock()

    def model(self, folder: Path) -> LocalModel:
        """The model in a folder, on the CPU, with one thread."""
        folder = Path(folder)
        with self._loading:
            if folder not in self._models:
                self._models[folder] = LocalModel.load(str(folder), adapter="full", device="cpu", threads=1)
                if len(self._models) > KEPT:
                    self._models.popitem(last=False)
            self._models.move_to_end(folder)
            return self._models[folder]

    def count(self, folder: Path, texts: Sequence[str]) -> list[int]:
        """The number of tokens of each text."""
        return self.model(folder).count_tokens(texts)

    def room(self, folder: Path, prompt: str) -> int | None:
        """Maximum tokens of an answer, or None if unknown."""
        model = self.model(folder)
        return None if model.context_length is None else model.context_length - model.count_tokens([prompt])[0]

    def tune(
        self,
        folder: Path,
        examples: Sequence[Example],
        validation: Sequence[Example],
        *,
        learning_rate: float,
        epochs: int,
        batch_size: int,
        seed: int,
        on_epoch: Callable[[int, Callable[[Path], None], float, float | None], None],
    ) -> None:
        """Tunes all weights of a folder's model.

        Args:
            on_epoch: called after each epoch with its number, a function that saves the current model into a folder,
                and the token losses on the examples and on the validation rows (None without).

        Raises:
            UserError: see `LocalModel.fine_tune`.
        """

        def report(epoch: int, tuned: Any, loss: float) -> None:
            own = training.mean_loss(tuned.network, tuned.tokens.pairs(examples), tuned.tokens.end)
            on_epoch(epoch, tuned.save, own, None if math.isnan(loss) else loss)

        settings = FineTuning(learning_rate=learning_rate, epochs=epochs, batch_size=batch_size)
        self.model(folder).fine_tune(examples, validation, settings=settings, seed=seed, on_epoch=report)

    def answers(
        self,
        folder: Path,
        prompt: str,
        *,
        stops: Sequence[str],
        temperature: float,
        n: int,
        limit: int,
        seed: int,
        top: int,
    ) -> list[Answer]:
        """`n` answers to a prompt: the texts of `LocalModel.generate`, with their tokens.

        A single stop mark ends the generation; with several, each text is cut at the first, without later tokens.

        Args:
            limit: maximum tokens of one answer, at least 1.
            top: number of likeliest tokens returned at each position.

        Raises:
            Refusal: the prompt is too long.
        """
        model = self.model(folder)
        tokens, ends, n_drawn = model.tokens, model.ends, n if temperature > 0 else 1
        noise = np.stack([decoding.uniforms(seed, prompt, k, limit) for k in range(n_drawn)])
        network = _Recorder(model.network, temperature, torch.from_numpy(noise), top)
        stop = stops[0] if len(stops) == 1 else ""
        how = {"stop": stop, "temperature": temperature, "samples": n_drawn, "max_new_tokens": limit, "seed": seed}
        with self._asking, _refusing():
            decoding.generate(network, tokens, ends, [prompt], **how)
        before = tokens.prompts([prompt])[0]
        drawn = [_answer(tokens, ends, before, network.row(k), stops) for k in range(n_drawn)]
        return drawn if temperature > 0 else drawn * n

    @torch.inference_mode()
    def score(self, folder: Path, text: str, top: int) -> list[Token]:
        """The tokens of a text with their log-probabilities, from one pass of the network.

        Raises:
            Refusal: the text is too long.
        """
        model = self.model(folder)
        tokens, ids = model.tokens, model.tokens.prompts([text])[0]
        with self._asking, _refusing():
            tokens.check_fits(len(ids), "prompt")
            logits, _ = model.network(torch.tensor([ids], device=model.device))
        log_p = logits[0].cpu().log_softmax(-1)
        ends = [end for _, end in tokens.spans(text)]
        first, scored, start = len(ids) - len(ends), [], 0
        for i, end in enumerate(ends, first):
            likeliest = [] if i == first else _likeliest(tokens, ids[i - 1], log_p[i - 1].topk(top))
            value = None if i == first else _number(log_p[i - 1, ids[i]])
            scored.append(Token(text[start:end], start, value, likeliest))
            start = max(start, end)
        return scored


class _Recorder:
    """A network that records which tokens the decoder takes from its logits.

    Args:
        noise: the sampling noise, shape (rows, steps).
    """

    def __init__(self, network: Any, temperature: float, noise: torch.Tensor, top: int) -> None:
        self._network, self._temperature, self._noise, self._top = network, temperature, noise, top
        self._steps: list[tuple] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)

    def __call__(self, *args: Any, **more: Any) -> tuple[torch.Tensor, Any]:
        logits, cache = self._network(*args, **more)
        last = logits[:, -1].cpu().expand(len(self._noise), -1)  # the first pass has the prompt only once
        chosen = decoding.choose(last, self._temperature, self._noise[:, len(self._steps)])
        log_p = last.log_softmax(-1)
        self._steps.append((chosen, log_p.gather(1, chosen.unsqueeze(1)).squeeze(1), *log_p.topk(self._top)))
        return logits, cache

    def row(self, k: int) -> list[tuple[int, float, Likeliest]]:
        """Id, log-probability and likeliest alternatives of each token of one row."""
        return [(int(ids[k]), _number(log_p[k]), (values[k], top[k])) for ids, log_p, values, top in self._steps]


def _answer(
    tokens: TextTokenizer, ends: frozenset[int], prompt: list[int], drawn: Sequence[tuple], stops: Sequence[str]
) -> Answer:
    """The text of sampled tokens, up to its end."""
    new, found, text = [], [], ""
    for id, log_p, top in drawn:
        likeliest = _likeliest(tokens, (new or prompt)[-1], top)
        if id in ends:
            found = found or [Token(tokens.tokenizer.decode([id]), 0, log_p, likeliest)]
            return Answer(text, found, len(new) + 1, True)
        decoded = tokens.answer(prompt, [*new, id])
        found.append(Token(decoded[len(text) :], len(text), log_p, likeliest))
        new.append(id)
        text = decoded
        stops_at = [text.index(stop) for stop in stops if stop and stop in text]
        if stops_at:
            text = text[: min(stops_at)]
            return Answer(text, [token for token in found if token.start < len(text)], len(new), True)
    return Answer(text, found, len(new), False)


def _likeliest(tokens: TextTokenizer, before: int, top: Likeliest) -> list[tuple[str, float]]:
    """Texts and log-probabilities of the likeliest tokens after the token `before`."""
    pairs = zip(top[1].tolist(), top[0], strict=True)
    return [(tokens.answer([before], [id]) or tokens.tokenizer.decode([id]), _number(value)) for id, value in pairs]


def _number(value: torch.Tensor) -> float:
    return max(FLOOR, float(value))


@contextmanager
def _refusing() -> Iterator[None]:
    """Context in which input that the models reject becomes a refusal."""
    try:
        yield
    except UserError as error:
        raise Refusal(400, str(error), code="context_length_exceeded") from error


def hush() -> None:
    """No progress bars in this process."""
    progress.hide()
