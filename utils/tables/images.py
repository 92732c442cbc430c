"""Images as tables whose columns are pixels (paper §3.1, images).

digits                 8 × 8, shipped with scikit-learn
mnist, fashion_mnist   28 × 28, 60,000 and 10,000 test images: NAME.npz in a folder of images, else OpenML
NAME                   any other NAME.npz in a folder of images
FOLDER/NAME.npz        that file
permuted_NAME          any of these with its pixels in another order, the same for all of its images

The folders are those in $LIFT_IMAGES, then `images` next to each folder in $LIFT_DATA. A file holds x_train and x_test
(images, height, width), bytes or floats from 0 to 1, and y_train and y_test (labels).
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from .. import paths
from ..errors import BadTable, UnknownName, Unobtainable, UserError
from . import files, openml, splits
from .splits import Split

OPENML = {"mnist": 554, "fashion_mnist": 40996}  # 70,000 images each, the last 10,000 of which are the test set
OPENML_SHAPE, OPENML_TEST = (70_000, 28, 28), 10_000
PERMUTED = "permuted_"
ARRAYS = ("x_train", "y_train", "x_test", "y_test")


@dataclass(frozen=True)
class Images:
    """Greyscale images with labels.

    Attributes:
        name: their name in results.
        pixels: shape (n, height, width), 0 (background) to 1.
        labels: shape (n,), texts.
        n_test: number of last rows that are the data's own test set; 0 if it has none.
        source: where they come from.
        is_permuted: whether their tables have the pixels in another order.
    """

    name: str
    pixels: np.ndarray
    labels: np.ndarray
    n_test: int
    source: str
    is_permuted: bool = False

    def split(
        self,
        seed: int,
        side: int,
        crop: int = 0,
        greys: int = 256,
        rows: int = 0,
        test_rows: int = 0,
        protocol: str = "paper",
    ) -> Split:
        """Training, validation and test images as rows of pixels, columns r0c0, r0c1, …, integers 0 to `greys` - 1.

        Under "paper" the test images are those of the data, or 20 % drawn once if it has none; `seed` splits the
        others, 80/20 % of each class, into training and validation images. "independent" draws all three by `seed`.

        Args:
            seed: also draws the order of permuted pixels, which is the same in all parts.
            side: pixels a side, by averaging.
            crop: pixels a side of the centre kept before averaging; 0 keeps all.
            greys: number of grey levels to which pixels are rounded.
            rows: maximum training images, drawn by seed, with validation images in proportion; 0 for all.
            test_rows: maximum test images, drawn once ("paper") or by seed; 0 for all.

        Raises:
            UserError: sizes that these images do not have, or fewer than two grey levels.
        """
        if greys < 2:
            raise UserError(f"{greys} grey levels show nothing; give --greys 2 or more")
        parts = self._parts(seed, protocol)
        if rows:
            parts = parts.subsample(rows, seed)
        if test_rows:
            drawn = np.random.default_rng([40, 0 if protocol == "paper" else seed]).permutation(len(parts.y_test))
            kept = np.sort(drawn[:test_rows])
            parts = replace(parts, X_test=parts.X_test.iloc[kept], y_test=parts.y_test.iloc[kept])
        order = np.random.default_rng([41, seed]).permutation(side**2) if self.is_permuted else np.arange(side**2)
        names = [f"r{row}c{column}" for row in range(side) for column in range(side)]
        tables = {}
        for part in splits.PARTS:
            X = getattr(parts, f"X_{part}")
            small = shrink(middle(self.pixels[X["row"]], crop), side).reshape(len(X), -1)[:, order]
            tables[f"X_{part}"] = table(small, greys, names, X.index)
        return replace(parts, **tables)

    def _parts(self, seed: int, protocol: str) -> Split:
        """A split of row numbers, in the column `row`."""
        X, y = pd.DataFrame({"row": np.arange(len(self.labels))}), pd.Series(self.labels, name="class", dtype=object)
        splits.check(seed, protocol)
        if protocol != "paper" or not self.n_test:
            return splits.draw(X, y, "classification", seed, protocol)
        n_rest = len(y) - self.n_test
        train, validation = train_test_split(
            np.arange(n_rest), test_size=splits.VALIDATION_SHARE, stratify=y[:n_rest], random_state=seed
        )
        rows = (np.sort(train), np.sort(validation), np.arange(n_rest, len(y)))
        pairs = zip(splits.PARTS, rows, strict=True)
        parts = {f"{kind}_{part}": frame.iloc[i] for part, i in pairs for kind, frame in (("X", X), ("y", y))}
        return Split(**parts, task="classification")


def load(name: str) -> Images:
    """The images called `name`; see the module docstring.

    Raises:
        UnknownName: no such images; the message lists the available ones.
        BadTable: a file with other contents.
        UserError: OpenML cannot be reached, or a folder does not exist.
    """
    base = name.removeprefix(PERMUTED)
    return replace(_load(base, tuple(_folders())), name=name, is_permuted=base != name)


@lru_cache(maxsize=2)
def _load(name: str, folders: tuple[Path, ...]) -> Images:
    local = {path.stem: path for folder in reversed(folders) for path in sorted(folder.glob("*.npz"))}
    if name.endswith(".npz"):
        return _from_file(name, Path(name))
    if name in local:
        return _from_file(name, local[name])
    if name == "digits":
        digits = load_digits()
        return Images(name, digits.images / 16, digits.target.astype(str).astype(object), 0, "scikit-learn")
    if name in OPENML:
        return _from_openml(name, sorted(local))
    have = ", ".join(sorted({"digits", *OPENML, *local}))
    raise UnknownName(f"no images {name!r}; have {have}, each also as {PERMUTED}NAME, and files (.npz)")


def middle(pixels: np.ndarray, crop: int) -> np.ndarray:
    """The central `crop` × `crop` pixels of images of shape (n, height, width); 0 keeps all."""
    height, width = pixels.shape[1:]
    if crop > min(height, width) or crop < 0:
        raise UserError(f"--crop {crop} does not fit images of {height} × {width} pixels; give less, or 0 for all")
    if not crop:
        return pixels
    top, left = (height - crop) // 2, (width - crop) // 2
    return pixels[:, top : top + crop, left : left + crop]


def shrink(pixels: np.ndarray, side: int) -> np.ndarray:
    """Images of shape (n, side, side); a pixel is the mean over the area it covers in the large image.

    Raises:
        UserError: more pixels a side than the images have, or none.
    """
    height, width = pixels.shape[1:]
    if not 1 <= side <= min(height, width):
        raise UserError(f"--side {side} does not fit images of {height} × {width} pixels; give 1 to their size")
    if side == height == width:
        return pixels
    return np.einsum("ij,njk,lk->nil", _overlap(height, side), pixels, _overlap(width, side), optimize=True)


def _overlap(n: int, side: int) -> np.ndarray:
    """Shape (side, n): the share of each of n equal pieces of a line in each of `side` equal pieces."""
    ends = np.arange(side + 1) * n / side
    starts = np.arange(n)
    shared = np.minimum(starts + 1, ends[1:, None]) - np.maximum(starts, ends[:-1, None])
    return np.maximum(shared, 0) * side / n


def table(values: np.ndarray, greys: int, names, index=None) -> pd.DataFrame:
    """Pixels from 0 to 1, shape (n, columns), rounded to integers from 0 to `greys` - 1."""
    rounded = np.floor(values * (greys - 1) + 0.5).astype(np.int64)
    return pd.DataFrame(rounded, columns=list(names), index=index)


def values(X: pd.DataFrame, greys: int) -> np.ndarray:
    """The pixels of a `table` from 0 to 1, shape (n, columns)."""
    return np.asarray(X, dtype=np.float64) / (greys - 1)


def noisy_copies(split: Split, copies: int, sigma: float, greys: int, seed: int) -> Split:
    """The training images followed by `copies` copies of all, each with its own noise (paper §5.2).

    The noise is Gaussian with standard deviation `sigma`, where white is 1; pixels are clipped to 0 to 1 and rounded
    like the others. Validation and test images are unchanged. The copies get row numbers after all others.
    """
    if not copies:
        return split
    X, y = split.X_train, split.y_train
    rng = np.random.default_rng([42, seed])
    clean = np.concatenate([values(X, greys)] * copies)
    first = 1 + max(getattr(split, f"y_{part}").index.max() for part in splits.PARTS)
    index = pd.RangeIndex(first, first + len(clean))
    noisy = table(np.clip(clean + rng.normal(0, sigma, clean.shape), 0, 1), greys, X.columns, index)
    labels = pd.concat([y] * copies).set_axis(index)
    return replace(split, X_train=pd.concat([X, noisy]), y_train=pd.concat([y, labels]))


def _folders() -> list[Path]:
    named = paths.folders("LIFT_IMAGES")
    for folder in named:
        if not folder.is_dir():
            raise UserError(f"LIFT_IMAGES names {folder}, which is not a folder; set it to a folder or unset it")
    tables = paths.folders("LIFT_DATA")
    return [*named, *(folder for path in tables if (folder := path.parent / "images").is_dir())]


def _from_file(name: str, path: Path) -> Images:
    if not path.is_file():
        raise BadTable(f"there is no file {path}")
    try:
        with path.open("rb") as file:  # numpy leaves a damaged file open
            arrays = np.load(file, allow_pickle=False)
            x_train, y_train, x_test, y_test = (arrays[array] for array in ARRAYS)
    except (KeyError, IndexError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise BadTable(f"{path} cannot be read ({error}); it must hold the arrays {', '.join(ARRAYS)}") from error
    if x_train.ndim != 3 or x_train.shape[1:] != x_test.shape[1:] or not len(x_test):
        raise BadTable(f"{path}: x_train and x_test have the shapes {x_train.shape} and {x_test.shape}, not (n, h, w)")
    pixels = np.concatenate([x_train, x_test])
    return _images(name, pixels, np.concatenate([y_train, y_test]), len(x_test), str(path))


def _from_openml(name: str, local: list[str]) -> Images:
    try:
        copy = openml.fetch(str(OPENML[name]))
    except Unobtainable as error:
        without = " ".join(["digits", *local])
        raise Unobtainable(
            f"{name} cannot be downloaded now ({error.__cause__ or error}); try again, or put {name}.npz into a folder "
            f"named in LIFT_IMAGES, or use images that need no network: --datasets {without}"
        ) from error
    frame = files.read(copy.path)
    target = copy.target or frame.columns[-1]
    pixels = frame.drop(columns=target).to_numpy()
    if pixels.size != np.prod(OPENML_SHAPE):
        raise BadTable(f"{copy.source} has {pixels.shape[0]} rows of {pixels.shape[1]} pixels, expected 70,000 of 784")
    pixels = pixels.reshape(OPENML_SHAPE).astype(np.uint8)
    return _images(name, pixels, frame[target].to_numpy(), OPENML_TEST, copy.source)


def _images(name: str, pixels: np.ndarray, labels: np.ndarray, n_test: int, source: str) -> Images:
    if len(pixels) != len(labels):
        raise BadTable(f"{source} has {len(pixels)} images and {len(labels)} labels")
    pixels = pixels / np.float32(255) if pixels.dtype == np.uint8 else pixels.astype(np.float32)
    if not (pixels.min() >= 0 and pixels.max() <= 1):  # also false for nan
        raise BadTable(f"{source}: pixels must be bytes, or numbers from 0 to 1")
    labels = labels.astype(str).astype(object)
    rest, counts = np.unique(labels[: len(labels) - n_test], return_counts=True)
    if len(rest) < 2 or counts.min() < 2:
        raise BadTable(f"{source}: at least two classes are needed, and two training images of each")
    return Images(name, pixels, labels, n_test, source)
