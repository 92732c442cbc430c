"""Mechanisms: the families of functions and distributions that generate the target of a synthetic table.

A mechanism of FUNCTIONS computes signals, shape (n, width), from given readings, shape (n, d). One of JOINT draws
readings and target together: integers are classes, other numbers a signal. All are vectorised over rows.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from others.pretraining.columns import log_uniform, pick, standardised


def shares(rng: np.random.Generator, n_classes: int) -> np.ndarray:
    """Class proportions, shape (n_classes,), sum 1: equal in 45 % of the tables, otherwise random."""
    if rng.random() < 0.45:
        return np.full(n_classes, 1 / n_classes)
    weights = rng.standard_gamma(log_uniform(rng, 0.4, 4), size=n_classes) + 0.05  # + 0.05: classes hardly ever vanish
    return weights / weights.sum()


def _activated(rng: np.random.Generator, P: np.ndarray) -> np.ndarray:
    forms = (np.tanh, lambda x: np.maximum(x, 0), np.sin, np.abs, lambda x: x, lambda x: np.clip(x * x, 0, 16))
    return forms[pick(rng, (0.3, 0.25, 0.15, 0.08, 0.12, 0.1))](P)


def mlp(rng: np.random.Generator, Z: np.ndarray, width: int) -> np.ndarray:
    """A random network with 1 to 3 hidden layers; inputs of every layer are standardised, so no signal vanishes."""
    H = Z
    density = 1.0 if rng.random() < 0.5 else 0.2 + 0.6 * rng.random()
    for _ in range(1 + pick(rng, (0.5, 0.35, 0.15))):
        n_units = int(log_uniform(rng, 3, 49))
        W = rng.standard_normal((H.shape[1], n_units))
        if density < 1:
            W *= rng.random(W.shape) < density
        bias = rng.standard_normal(n_units)
        H = _activated(rng, log_uniform(rng, 0.5, 2.5) * standardised(H @ W) + bias)
    return H @ rng.standard_normal((H.shape[1], width))


def trees(rng: np.random.Generator, Z: np.ndarray, width: int) -> np.ndarray:
    """The mean of 1 to 8 random trees; a node splits between the values of two random rows in it."""
    n, d = Z.shape
    n_trees = 1 if rng.random() < 0.5 else int(rng.integers(2, 9))
    depth = max(int(rng.integers(1, 7)), int(np.log2(width)) + (width > 1))  # at least one leaf per class
    first = np.arange(n_trees) << depth  # number of a tree's first node, on every level
    node = np.broadcast_to(first, (n, n_trees))
    order = rng.permutation(n)
    orders = order, order[::-1]
    low, high = np.zeros((2, n_trees << depth))
    for _ in range(depth):
        value = Z[np.arange(n)[:, None], rng.integers(d, size=n_trees << depth)[node]]
        for threshold, rows in zip((low, high), orders, strict=True):
            threshold[node[rows]] = value[rows]  # the last row in a node wins
        node = first + ((node - first) << 1) + (value > ((low + high) / 2)[node])
    leaves = rng.standard_normal((n_trees << depth, width))
    return leaves[node].sum(axis=1)


def linear(rng: np.random.Generator, Z: np.ndarray, width: int) -> np.ndarray:
    """Weighted sums: normal, sparse, heavy-tailed or equal weights of either sign."""
    shape = (Z.shape[1], width)
    W = rng.standard_normal(shape)
    form = pick(rng, (0.4, 0.3, 0.15, 0.15))
    if form == 1:
        W *= rng.random(shape) < 0.4
        W[rng.integers(shape[0]), :] += 1
    elif form == 2:
        W = W**3
    elif form == 3:
        W = np.sign(W)
    return Z @ W


def smooth(rng: np.random.Generator, Z: np.ndarray, width: int) -> np.ndarray:
    """Draws from a Gaussian process by random Fourier features, with any length scale, smooth or rough."""
    d = Z.shape[1]
    length = log_uniform(rng, 0.5, 4) * np.sqrt(d)
    W = rng.standard_normal((d, 64)) * np.exp(0.6 * rng.standard_normal((d, 1))) / length
    if rng.random() < 0.3:  # heavy-tailed frequencies: Matérn kernels
        W /= np.sqrt(rng.standard_gamma(1.5, size=64) / 1.5)
    return np.cos(Z @ W + 2 * np.pi * rng.random(64)) @ rng.standard_normal((64, width))


def _few(rng: np.random.Generator, Z: np.ndarray, most: int) -> np.ndarray:
    """One to `most` columns, in random order."""
    n_chosen = min(Z.shape[1], int(rng.integers(1, most + 1)))
    return Z[:, rng.permutation(Z.shape[1])[:n_chosen]]


def _one_periodic(rng: np.random.Generator, Z: np.ndarray) -> np.ndarray:
    x = Z if rng.random() < 0.25 else _few(rng, Z, 3)
    d = x.shape[1]
    size = d if rng.random() < 0.5 else 1  # the same function for all features, or one for each
    a, c = log_uniform(rng, 0.8, 5, size), 0.7 * rng.standard_normal(size)
    form = pick(rng, (0.3, 0.14, 0.12, 0.12, 0.12, 0.07, 0.08, 0.05))
    if form == 0:
        values = np.sin(a * x + 2 * np.pi * c)
    elif form == 1:
        values = (x - c) ** 2
    elif form == 2:
        values = np.exp(np.clip(0.4 * a * x * np.sign(c), -6, 6))
    elif form == 3:
        values = np.abs(x - c)
    elif form == 4:
        values = np.maximum(x - np.abs(c), 0) - np.maximum(-x - np.abs(c), 0)
    elif form == 5:
        values = np.clip(x, -3, 3) ** 3
    elif form == 6:
        values = np.mod(0.5 * a * x + c, 1.0)
    else:
        values = np.tanh(8 * (x - c))
    joined = pick(rng, (0.65, 0.2 * (d <= 3), 0.08, 0.07))
    if joined == 0:
        return values.mean(axis=1) if rng.random() < 0.5 else values @ rng.standard_normal(d)
    if joined == 1:
        return values.prod(axis=1)
    return np.sqrt(np.sum(values**2, axis=1)) if joined == 2 else values.max(axis=1)


def _one_region(rng: np.random.Generator, Z: np.ndarray) -> np.ndarray:
    d = Z.shape[1]
    form = pick(rng, (0.2, 0.15, 0.15, 0.15, 0.15, 0.1, 0.1))
    if form == 0:  # shells around a point, in all features
        return np.sqrt(np.mean((Z - 0.7 * rng.standard_normal(d)) ** 2, axis=1))
    if form == 1:  # exclusive or
        return np.prod(_few(rng, Z, 3) - 0.3 * rng.standard_normal(), axis=1)
    if d > 2 and rng.random() < 0.3:
        x, y = standardised(Z @ rng.standard_normal((d, 2))).T
    else:
        x, y = Z[:, rng.permutation(d)[:2]].T if d > 1 else (Z[:, 0], Z[:, 0])
    a, b = log_uniform(rng, 1, 4, 2)
    angle, radius = np.arctan2(y, x), np.hypot(x, y)
    if form == 2:  # spirals
        return np.sin(rng.integers(1, 4) * angle + a * radius)
    if form == 3:  # checkerboard
        return np.sin(a * x + b) * np.sin(b * y + a)
    if form == 4:  # interleaved waves, like two moons
        return y - np.sin(a * x)
    if form == 5:  # sectors
        return np.sin(rng.integers(1, 4) * angle + b)
    return np.maximum(np.abs(x - 0.3 * a + 0.5), np.abs(y))  # boxes


def _stacked(signal: Callable[[np.random.Generator, np.ndarray], np.ndarray]) -> Callable[..., np.ndarray]:
    """Turns a function with one signal into one with `width` signals."""
    return lambda rng, Z, width: np.stack([signal(rng, Z) for _ in range(width)], axis=1)


def rules(rng: np.random.Generator, Z: np.ndarray, width: int) -> np.ndarray:
    """Logic over columns of few levels: lists of rules, sums of points, the worst or best column, equal columns."""
    n, d = Z.shape
    form = pick(rng, (0.4, 0.3, 0.15, 0.05, 0.1 * (d > 1)))
    if form == 0 or width > 1:  # the first rule that fires decides; with two outcomes, a formula of ands and ors
        n_rules, n_terms = int(rng.integers(1, 7)) + width * (width > 1), int(rng.integers(1, 4))
        feature = rng.integers(d, size=(n_rules, n_terms))
        cell = Z[rng.integers(n, size=(n_rules, 1)), feature]  # the cells of one row: every rule fires somewhere
        seen = Z[:, feature]
        holds = np.where(rng.random((n_rules, n_terms)) < 0.6, seen == cell, seen <= cell).all(axis=2)
        first = np.where(holds.any(axis=1), holds.argmax(axis=1), n_rules)
        if width == 1 and rng.random() < 0.5:
            return (first < n_rules).astype(float)[:, None]
        return rng.standard_normal((n_rules + 1, width))[first]
    columns = _few(rng, Z, max(2, min(d, 10)))
    if form == 1:
        points = (columns > rng.normal(scale=0.5, size=columns.shape[1])) if rng.random() < 0.5 else columns
        signal = points @ np.round(1.5 * rng.standard_normal(columns.shape[1]) + rng.choice((-0.5, 0.5)), 0)
    elif form == 2:
        signal = columns.min(axis=1) if rng.random() < 0.5 else columns.max(axis=1)
    elif form == 3:
        signal = np.mod(np.sum(columns[:, :3] > 0, axis=1), 2).astype(float)
    else:
        pair = Z[:, rng.permutation(d)[:2]]
        signal = np.abs(pair[:, 0] - pair[:, 1])
    return np.round(signal, 9)[:, None]  # equal sums must be equal whatever the order of summation


def prototypes(rng: np.random.Generator, Z: np.ndarray, width: int) -> np.ndarray:
    """The value of the nearest of some random rows, in a random metric, with sharp or soft boundaries."""
    n, d = Z.shape
    n_prototypes = min(n, max(2, int(log_uniform(rng, 1, 4) * max(width, 3))))
    weights = np.exp(0.7 * rng.standard_normal(d))
    centres = Z[rng.permutation(n)[:n_prototypes]] * weights
    A = Z * weights
    distance = np.maximum(np.sum(A * A, 1)[:, None] - 2 * A @ centres.T + np.sum(centres * centres, 1), 0)
    distance = np.sqrt(distance / np.sum(weights**2))
    nearness = np.exp(-(distance - distance.min(axis=1, keepdims=True)) / log_uniform(rng, 0.01, 0.3))
    values = 0.3 * rng.standard_normal((n_prototypes, width))
    values[np.arange(n_prototypes), np.arange(n_prototypes) % width] += 1 + rng.random(n_prototypes)
    return nearness @ values / nearness.sum(axis=1, keepdims=True)


def scm(rng: np.random.Generator, n: int, d: int, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """A structural causal model: layered nodes that are nonlinear functions of earlier nodes plus noise.

    The target is a node with parents; the table shows other nodes, preferring its causes and effects.
    """
    n_layers = int(rng.integers(2, 6))
    size = max(2, int(np.ceil((d + 1) * (1 + 0.7 * rng.random()) / n_layers)))
    n_nodes = size * n_layers
    V = np.empty((n, n_nodes))
    W = np.zeros((n_nodes, n_nodes))
    V[:, :size] = rng.standard_normal((n, size))
    noise = log_uniform(rng, 0.03, 0.8)
    for start in range(size, n_nodes, size):
        W[:start, start : start + size] = rng.standard_normal((start, size)) * (rng.random((start, size)) < 3 / start)
        W[rng.integers(start, size=size), np.arange(start, start + size)] += 1  # at least one parent
        block = standardised(V[:, :start] @ W[:start, start : start + size])
        cut = int(rng.integers(size + 1))  # two kinds of nodes in a layer
        for part in (block[:, :cut], block[:, cut:]):
            part[:] = _activated(rng, log_uniform(rng, 0.7, 2) * part + 0.5 * rng.standard_normal(part.shape[1]))
        noises = noise * log_uniform(rng, 0.3, 3, size) * rng.standard_normal((n, size))
        V[:, start : start + size] = standardised(standardised(block) + noises)
    target = int(rng.integers(size, n_nodes))
    is_related = (W[:, target] != 0) | (W[target] != 0)
    order = np.argsort(rng.random(n_nodes) - rng.random() * is_related)
    return V[:, order[order != target][:d]], V[:, target]


def mixture(rng: np.random.Generator, n: int, d: int, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian clusters, 1 to 3 per class, on some or all features; classes may overlap.

    For regression, every cluster has its own level and slopes.
    """
    n_groups = n_classes or int(rng.integers(2, 8))
    per_group = 1 + pick(rng, (0.6, 0.25, 0.15)) if n_classes else 1
    group = np.searchsorted(np.cumsum(shares(rng, n_groups)), rng.random(n)).clip(max=n_groups - 1)
    cluster = group * per_group + rng.integers(per_group, size=n)
    n_clusters = n_groups * per_group
    is_informative = rng.random(d) < (1.0 if rng.random() < 0.6 else 0.2 + 0.8 * rng.random())
    is_informative[rng.integers(d)] = True
    rank = int(is_informative.sum())
    # Distance of two centres in standard deviations; with more centres, the nearest one is closer.
    distance = log_uniform(rng, 1.5, 8) * n_clusters ** (rng.random() / rank)
    centres = rng.standard_normal((n_clusters, d)) * is_informative * distance / np.sqrt(2 * rank)
    eps = rng.standard_normal((n, d))
    if rng.random() < 0.5:
        eps *= np.exp(0.5 * rng.standard_normal((n_clusters, d)))[cluster]
    if rng.random() < 0.4:  # one covariance for all clusters
        eps = eps @ rng.standard_normal((d, d)) / np.sqrt(d)
    if n_clusters * d <= 2000 and rng.random() < 0.4:  # plus an own direction for each
        eps += rng.standard_normal((n, 1)) * rng.standard_normal((n_clusters, d))[cluster]
    Z = centres[cluster] + eps
    if n_classes:
        return Z, group
    slopes = rng.standard_normal((n_groups, d)) * is_informative / np.sqrt(rank)
    return Z, rng.standard_normal(n_groups)[group] + rng.random() * np.sum(standardised(Z) * slopes[group], axis=1)


def row_shape(rng: np.random.Generator, n: int, d: int, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows as curves over ordered columns, each scaled by a random factor: only the shape determines the target.

    The target is the direction, position or height of a bump, a frequency, a slope, or which of several profiles the
    row follows.
    """
    at = np.linspace(0, 1, d)
    centre, width = rng.random((n, 1)), log_uniform(rng, max(0.04, 1 / d), 0.3)
    height, bump = 0.3 + rng.random(), np.exp(-(((at - centre) / width) ** 2))
    form = pick(rng, (0.35 * (n_classes == 2), 0.2, 0.1, 0.15, 0.1, 0.2))
    group = rng.integers(max(n_classes, 2), size=n)
    if form == 0:  # bump or dip
        target, curve = group, height * (2 * group - 1)[:, None] * bump
    elif form == 1:  # where the bump is
        target, curve = centre[:, 0], height * bump
    elif form == 2:  # how high the bump is
        target = rng.random(n)
        curve = 3 * height * target[:, None] * bump
    elif form == 3:  # how fast the row oscillates
        target = log_uniform(rng, 0.5, max(1.5, d / 6), n)
        curve = height * np.sin(2 * np.pi * (target[:, None] * at + centre))
    elif form == 4:  # how steep the row is
        target = rng.standard_normal(n)
        curve = height * target[:, None] * (at - 0.5)
    else:  # which profile it follows
        waves = np.cos(np.pi * np.arange(6)[:, None] * at + 2 * np.pi * rng.random((6, 1)))
        target = group if n_classes else rng.random(n)
        profiles = rng.standard_normal((group.max() + 1, 6)) @ waves * 0.4 * height
        curve = profiles[group] if n_classes else profiles[0] + target[:, None] * (profiles[1] - profiles[0])
    noise = log_uniform(rng, 0.005, 0.2) if rng.random() < 0.7 else 0.0
    factors = log_uniform(rng, 1e-2, 1e3) * np.exp(log_uniform(rng, 0.3, 3) * rng.standard_normal((n, 1)))
    return (1.5 + curve + noise * rng.standard_normal((n, d))) * factors, target


FUNCTIONS: dict[str, Callable[..., np.ndarray]] = {
    "mlp": mlp,
    "trees": trees,
    "linear": linear,
    "smooth": smooth,
    "periodic": _stacked(_one_periodic),
    "regions": _stacked(_one_region),
    "rules": rules,
    "prototypes": prototypes,
}
JOINT: dict[str, Callable[..., tuple[np.ndarray, np.ndarray]]] = {
    "scm": scm,
    "mixture": mixture,
    "row_shape": row_shape,
}
