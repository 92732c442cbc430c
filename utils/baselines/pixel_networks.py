"""Image networks as learners on pixel tables: the paper's MLP and LeNet-5 (§3.1, §3.4).

    PixelNetwork("lenet", side=8, seed=0).fit(X_train, y_train, validation=(X_validation, y_validation)).predict(X_test)

lenet    LeNet-5: two convolutions of 5 × 5 (6 and 16 maps), ReLU and max pooling, then 120-84 units; images are
         enlarged to 32 × 32 pixels, for which it was designed
mlp300   300-300-100 units with ReLU, on the original pixels

Adam, batches of 64, cosine decay to 0, for 5 epochs as in the paper; if those are fewer than UPDATES updates (below
about 6,400 rows), for as many epochs as reach UPDATES. The validation rows choose the learning rate, as in tuned.py.
torch is imported on use.
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
UPDATES = 500  # minimum; 5 epochs of a few hundred rows would teach nothing
BATCH_SIZE = 64
BATCH_ROWS = 1000  # rows per prediction batch


class PixelNetwork(Classical, ClassifierMixin, BaseEstimator):
    """A network by name. X holds the pixels of `images.table`; labels may have any one type.

    Args:
        name: one of NETWORKS.
        side: pixels a side of an image; X has side² columns.
        greys: number of grey levels of the pixels.
        seed: of the initial weights and of the order of the rows.
        threads: CPU threads; they affect the last digits of sums.

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
        """The learner's identity, ready for JSON, without the seed and settings that only affect time."""
        how = {"epochs": EPOCHS, "updates": UPDATES, "batch_size": BATCH_SIZE, "learning_rates": LEARNING_RATES}
        return {"method": self.name, "side": self.side, "greys": self.greys, **how}

    def check(self, *rows) -> None:
        """Raises UnknownName if there is no such network; the rows do not matter."""
        if self.name not in NETWORKS:
            raise UnknownName(f"no network {self.name!r}; have {', '.join(NETWORKS)}")

    def fit(self, X, y, validation: tuple | None = None):
        """`X` (n, side²), `y` (n,), `validation` (X, y) or None. Raises BadTable if nothing can be learnt."""
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
        """The pixels as network input: float32 between 0 and 1, shape (n, side²)."""
        if X.shape[1] != self.side**2:
            raise BadTable(f"{X.shape[1]} columns are not an image of {self.side} × {self.side} pixels")
        return images.values(X, self.greys).astype(np.float32)

    def _probabilities(self, module: torch.nn.Module, pixels: np.ndarray) -> np.ndarray:
        import torch

        with torch.no_grad():
            parts = [torch.softmax(module(part).double(), dim=1) for part in torch.from_numpy(pixels).split(BATCH_ROWS)]
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
    """Trains the network and returns it; draws the order of the rows from torch's generator."""
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
    """Context in which torch draws from `seed` and uses `threads` threads; restored afterwards."""
    import torch

    before = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)
