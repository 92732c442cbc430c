"""Adversarial images: projected gradient descent (PGD) on a network, transferred to other learners (paper §3.4).

The attack is that of adversarial-robustness-toolbox: 40 steps of ε / 16 along the sign of the gradient of the loss,
starting at the image, every pixel within ε. It is deterministic: the same network and images give the same attack.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pandas as pd

from utils.baselines.pixel_networks import NETWORKS, PixelNetwork
from utils.errors import MissingPackage, UserError
from utils.tables import images
from utils.tables.splits import Split

STEPS = 40
STEP = 1 / 16  # of ε: 40 steps cover 2.5 times the distance from the image to the edge
KEPT = 8  # networks kept in memory, each with its adversarial images
PACKAGE = "adversarial-robustness-toolbox"
ATTACKS = {f"pgd_{name}": name for name in NETWORKS}  # kind of corruption → attacked network

_made: dict[tuple, tuple[PixelNetwork, dict[float, np.ndarray]]] = {}


def check() -> None:
    """Raises MissingPackage if the toolbox is not installed."""
    _toolbox()


def transferred(split: Split, name: str, epsilon: float, side: int, greys: int, seed: int) -> np.ndarray:
    """Adversarial versions of the test images, made against a network trained on the training rows.

    The network is exactly the baseline `name` with this seed on these rows: for that baseline the attack is white-box,
    for every other learner it is a transfer attack. Network and images are cached in this process.

    Args:
        split: rows of pixels, see `images.Images.split`.
        name: one of `pixel_networks.NETWORKS`.
        epsilon: maximum change of a pixel, 0 to 1, where 1 is the range from black to white.
        side, greys, seed: of the network.

    Returns:
        Shape (n_test, side²), pixels between 0 and 1, not rounded to grey levels.

    Raises:
        UserError: ε outside 0 to 1, an unknown network, or (MissingPackage) the toolbox is not installed.
    """
    if not 0 <= epsilon <= 1:
        raise UserError(f"ε = {epsilon} is outside 0 to 1, where 1 is the range from black to white")
    check()
    key = (split.fingerprint(), name, side, greys, seed)
    if key not in _made:
        network = PixelNetwork(name, side, greys, seed)
        network.fit(split.X_train, split.y_train, validation=(split.X_validation, split.y_validation))
        while len(_made) >= KEPT:
            del _made[next(iter(_made))]
        _made[key] = network, {}
    network, cached = _made[key]
    if epsilon not in cached:
        cached[epsilon] = pgd(network, split.X_test, split.y_test, epsilon)
    return cached[epsilon]


def pgd(network: PixelNetwork, X: pd.DataFrame, y: pd.Series, epsilon: float, steps: int = STEPS) -> np.ndarray:
    """Images that raise the network's loss on the true labels, each pixel at most ε away.

    For labels that the network does not know, the attack maximises the loss on the network's own prediction.

    Returns:
        Shape (n, side²), float64 between 0 and 1.

    Raises:
        MissingPackage: the toolbox is not installed.
    """
    evasion, classification = _toolbox()
    from torch import nn

    clean = images.values(X, network.greys)
    if not epsilon or not len(clean):
        return clean
    code_of = {label: code for code, label in enumerate(network.classes_.tolist())}
    own = network.predict_proba(X).argmax(axis=1)
    codes = np.array([code_of.get(label, code) for label, code in zip(list(y), own.tolist(), strict=True)])
    target = classification.PyTorchClassifier(
        model=network.module_,
        loss=nn.CrossEntropyLoss(),
        input_shape=(clean.shape[1],),
        nb_classes=len(network.classes_),
        clip_values=(0.0, 1.0),
        device_type="cpu",
    )
    attack = evasion.ProjectedGradientDescent(
        target, norm=np.inf, eps=epsilon, eps_step=STEP * epsilon, max_iter=steps, batch_size=100, verbose=False
    )
    fooling = attack.generate(x=clean.astype(np.float32), y=codes).astype(np.float64)
    return np.clip(fooling, np.maximum(clean - epsilon, 0), np.minimum(clean + epsilon, 1))  # float32 is off by 1e-8


def _toolbox() -> tuple[ModuleType, ModuleType]:
    """The toolbox's modules for attacks and for their targets."""
    try:
        from art.attacks import evasion
        from art.estimators import classification
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "art":
            raise  # the toolbox is installed, but one of its dependencies is not
        raise MissingPackage(
            f"PGD needs {PACKAGE}: pip install -r requirements-extras.txt, or leave pgd_… out of --kinds"
        ) from error
    return evasion, classification
