"""The paper's classification sets of two features: how their points and classes are generated (paper §3.1, §3.3).

"Rolls", which the original lists, was never implemented there and is not included here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import TypeAlias

import numpy as np
import sklearn

Points: TypeAlias = tuple[np.ndarray, np.ndarray]  # (n, 2) coordinates and (n,) class codes


@dataclass(frozen=True)
class SetOptions:
    """Options of the classification sets (paper §3.1)."""

    n: int = 2000  # rows of all parts together


@dataclass(frozen=True)
class NoisySetOptions(SetOptions):
    """Options of moons, circles and two_circles (paper §3.1)."""

    noise: float = 0.1  # standard deviation of the Gaussian added to each coordinate


@dataclass(frozen=True)
class NetworkOptions(SetOptions):
    """Options of the network-generated set (paper §3.3)."""

    epoch: int = 490  # of the generator's training; later is harder. The paper uses 10, 40, 80, 300 and 490
    flip: float = 0.0  # share of training and validation labels that are replaced by the other class


def _nine_clusters(options: SetOptions, seeds: list[int]) -> Points:
    centres = np.array(list(product((-10, 0, 10), repeat=2)), dtype=float)
    y = np.repeat(np.arange(1, 10), options.n // 9)
    noise = np.random.default_rng(seeds[0]).normal(scale=np.sqrt(0.1), size=(len(y), 2))
    return centres[y - 1] + noise, y


def _blobs(options: SetOptions, seeds: list[int]) -> Points:
    centres = np.random.RandomState(123).uniform(-10, 10, size=(4, 2))  # those of the original's make_blobs(seed 123)
    return sklearn.datasets.make_blobs(options.n, centers=centres, cluster_std=1.0, random_state=seeds[0])


def _moons(options: NoisySetOptions, seeds: list[int]) -> Points:
    return sklearn.datasets.make_moons(options.n, noise=options.noise, random_state=seeds[0])


def _circles(options: NoisySetOptions, seeds: list[int]) -> Points:
    return sklearn.datasets.make_circles(options.n, noise=options.noise, factor=0.8, random_state=seeds[0])


def _two_circles(options: NoisySetOptions, seeds: list[int]) -> Points:
    halves = (options.n - options.n // 2, options.n // 2)
    (X1, y1), (X2, y2) = (
        sklearn.datasets.make_circles(n, noise=options.noise, factor=0.8, random_state=seed)
        for n, seed in zip(halves, seeds, strict=True)
    )
    return np.vstack([X1, X2 + np.array([3.0, 0.0])]), np.concatenate([y1, 1 - y2])


def _network(options: NetworkOptions, seeds: list[int]) -> Points:
    X = np.random.default_rng(seeds[0]).uniform(-6, 6, size=(options.n, 2))
    return X, _forward(_generator(options.epoch), X)[-1].argmax(axis=1)


def _forward(weights: list[np.ndarray], X: np.ndarray) -> list[np.ndarray]:
    """The activations of all layers, X first; the last row of each matrix is the bias."""
    layers = [X]
    for matrix in weights:
        layers.append(np.tanh(layers[-1] @ matrix[:-1] + matrix[-1]))
    return layers


@lru_cache
def _generator(epoch: int) -> list[np.ndarray]:
    """Weights of a 2-6-6-2 tanh network after `epoch` passes of gradient descent with momentum.

    From 500 fixed points it learns a line with a disc of the other class on either side: first the line, then the
    discs. On its labels logistic regression falls from 99 % at epoch 10 to 79 % at 490, as in the paper (99.5 to
    80.25), whose network was not released. Each class has 38 to 62 % of the rows.
    """
    rng = np.random.default_rng(3)
    X = rng.uniform(-6, 6, size=(500, 2))
    is_near = [np.hypot(X[:, 0] - centre, X[:, 1]) < 2.2 for centre in (-2.5, 2.5)]
    labels = (X[:, 1] > 0.5 * X[:, 0]) ^ is_near[0] ^ is_near[1]
    targets = np.where(labels[:, None] == [False, True], 0.9, -0.9)
    sizes = ((2, 6), (6, 6), (6, 2))
    weights = [rng.normal(scale=inputs**-0.5, size=(inputs + 1, outputs)) for inputs, outputs in sizes]
    velocities = [np.zeros_like(matrix) for matrix in weights]
    for _ in range(epoch):
        for batch in rng.permutation(len(X)).reshape(-1, 25):
            layers = _forward(weights, X[batch])
            error = (layers[-1] - targets[batch]) * (1 - layers[-1] ** 2) / len(batch)
            for depth in (2, 1, 0):
                gradient = np.vstack([layers[depth].T @ error, error.sum(axis=0)])
                error = (error @ weights[depth][:-1].T) * (1 - layers[depth] ** 2)
                velocities[depth] = 0.9 * velocities[depth] - 0.003 * gradient
                weights[depth] = weights[depth] + velocities[depth]
    return weights


SETS: dict[str, tuple[type[SetOptions], Callable[..., Points]]] = {
    "9clusters": (SetOptions, _nine_clusters),
    "blobs": (SetOptions, _blobs),
    "circles": (NoisySetOptions, _circles),
    "moons": (NoisySetOptions, _moons),
    "two_circles": (NoisySetOptions, _two_circles),
    "network": (NetworkOptions, _network),
}
PAPER_SETS = ("9clusters", "blobs", "circles", "moons", "two_circles")  # network has its own experiment
