"""Networks for images as learners of pixel tables: the MLP and the LeNet-5 of the paper (§3.1, §3.4).

    PixelNetwork("lenet", side=8, seed=0).fit(X_train, y_train, validation=(X_validation, y_validation)).predict(X_test)

lenet    LeNet-5: two convolutions of 5 × 5 (6 and 16 maps), ReLU and max pooling, then 120-84 units; it sees the images
         enlarged to 32 × 32 pixels, for which it was made
mlp300   300-300-100 units with ReLU, on the pixels as they are

Adam, batches of 64, a cosine down to 0, as in the paper for 5 epochs; where those are fewer than UPDATES updates (below
about 6,400 rows), for as many epochs as make them. Of the learning rates the validation rows choose, as for
those of tuned.py. torch is imported on use.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from ..errors import BadTable, UnknownName
from ..tables import images
from .classical import Classical

if TYPE_CHECKING:
    import torch

NETWORKS = ("mlp300", "lenet")
LEARNING_RATES = (1e-3, 3e-3)
EPOCHS = 5  # paper
UPDATES = 500  # at least; 5 epochs of a few hundred rows would teach nothing
BATCH_SIZE = 64
ANSWERED = 1000  # rows at a time


class PixelNetwork(Classical, ClassifierMixin, BaseEstimator):
    """A network by name. X holds the pixels of `images.table`; labels are of any one type.

    Args:
        name: one of NETWORKS.
        side: pixels a side of an image; X has side² columns.
        greys: number of grey levels of the pixels.
        seed: of the first weights and of the order of the rows.
        threads: CPU threads. Sums depend on them in the last digits.

    Attributes:
        classes_: the training labels, sorted; the columns of `predict_proba`.
        module_: the torch network, from (n, side²) pixels between 0 and 1 to (n, n_classes) logits.
        best_params_: the learning rate that the validation rows chose (the first without them), and the epochs.
    """

    def __init__(self, name, side, greys=256, seed=0, threads=1):
        self.name = name
        self.side = side
        self.greys = greys
        self.seed = seed
        self.threads = threads

    def describe(self) -> dict[str, object]:
        """What the learner is, ready for JSON, without the seed and without what only costs time."""
        how = {"epochs": EPOCHS, "updates": UPDATES, "batch_size": BATCH_SIZE, "learning_rates": LEARNING_RATES}
        return {"method": self.name, "side": self.side, "greys": self.greys, **how}

    def check(self, *rows) -> None:
        """Raises UnknownName where there is no such network, whatever the rows."""
        if self.name not in NETWORKS:
            raise UnknownName(f"no network {self.name!r}; have {', '.join(NETWORKS)}")

    def fit(self, X, y, validation: tuple | None = None):
        """`X` (n, side²), `y` (n,), `validation` (X, y) or None. Raises BadTable where nothing can be learnt."""
        self.check()
        labels = np.asarray(y)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise BadTable(f"{len(labels)} training rows of {len(self.classes_)} class; two classes are needed")
        pixels = self.pixels(X)
        n_batches = -(-len(pixels) // BATCH_SIZE)
        epochs = max(EPOCHS, -(-UPDATES // n_batches))
        choose = validation is not None and len(validation[1]) > 0
        best = -1.0
        with _torch(self.seed, self.threads):
            for rate in LEARNING_RATES if choose else LEARNING_RATES[:1]:
                module = _train(_network(self.name, self.side, len(self.classes_)), pixels, codes, rate, epochs)
                answers = self._probabilities(module, self.pixels(validation[0])).argmax(axis=1) if choose else []
                accuracy = float(np.mean(self.classes_[answers] == np.asarray(validation[1]))) if choose else 0.0
                if accuracy > best:
                    best, self.module_ = accuracy, module
                    self.best_params_ = {"learning_rate": rate, "epochs": epochs}
        return self

    def predict(self, X) -> np.ndarray:
        """(n,) labels."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def predict_proba(self, X) -> np.ndarray:
        """(n, n_classes) probabilities."""
        check_is_fitted(self)
        with _torch(self.seed, self.threads):
            return self._probabilities(self.module_, self.pixels(X))

    def pixels(self, X) -> np.ndarray:
        """The pixels as the network takes them: float32 between 0 and 1, shape (n, side²)."""
        if X.shape[1] != self.side**2:
            raise BadTable(f"{X.shape[1]} columns are no image of {self.side} × {self.side} pixels")
        return images.values(X, self.greys).astype(np.float32)

    def _probabilities(self, module: torch.nn.Module, pixels: np.ndarray) -> np.ndarray:
        import torch

        with torch.no_grad():
            parts = [torch.softmax(module(part).double(), dim=1) for part in torch.from_numpy(pixels).split(ANSWERED)]
        return torch.cat(parts).numpy()


def _network(name: str, side: int, n_classes: int) -> torch.nn.Sequential:
    from torch import nn

    if name == "mlp300":
        widths = (side**2, 300, 300, 100)
        hidden = [part for i in range(3) for part in (nn.Linear(widths[i], widths[i + 1]), nn.ReLU())]
        return nn.Sequential(*hidden, nn.Linear(widths[-1], n_classes))
    return nn.Sequential(
        nn.Unflatten(1, (1, side, side)),
        nn.Upsample(size=(32, 32), mode="bilinear", align_corners=False),
        *(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
        nn.Flatten(),
        *(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, n_classes)),
    )


def _train(module: torch.nn.Module, pixels: np.ndarray, codes: np.ndarray, rate: float, epochs: int) -> torch.nn.Module:
    """The network after its training; draws the order of the rows from torch's generator."""
    import torch

    inputs, truth = torch.from_numpy(pixels), torch.from_numpy(codes.astype(np.int64))
    n_batches = -(-len(inputs) // BATCH_SIZE)
    optimizer = torch.optim.Adam(module.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * n_batches)
    module.train()
    for _ in range(epochs):
        for rows in torch.randperm(len(inputs)).split(BATCH_SIZE):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(module(inputs[rows]), truth[rows]).backward()
            optimizer.step()
            schedule.step()
    return module.eval()


@contextmanager
def _torch(seed: int, threads: int) -> Iterator[None]:
    """Inside, torch draws from `seed` and has so many threads; outside all is as it was."""
    import torch

    before = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)
