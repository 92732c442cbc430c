"""Wrong labels: how many, which, where; and what repair leaves."""

import numpy as np
import pytest

from utils import tables
from utils.errors import UserError
from utils.tables import perturbations


@pytest.fixture(scope="module")
def iris():
    return tables.load("iris", task="classification").split(0)


@pytest.mark.parametrize("kind", perturbations.LABEL_NOISE)
@pytest.mark.parametrize("share", [0.0, 0.1, 0.4, 1.0])
def test_exactly_the_share_of_the_labels_is_wrong(iris, kind, share):
    noisy = perturbations.corrupt_labels(iris, share, kind, seed=3)
    for part in ("y_train", "y_validation"):
        before, after = getattr(iris, part), getattr(noisy, part)
        assert (before != after).sum() == round(share * len(before))
        assert set(after) <= set(iris.y_train)
    assert noisy.y_test.equals(iris.y_test)
    assert noisy.X_train.equals(iris.X_train)


def test_systematic_noise_makes_the_next_class(iris):
    labels = sorted(iris.y_train.unique())
    noisy = perturbations.corrupt_labels(iris, 0.5, "systematic", seed=0)
    changed = noisy.y_train != iris.y_train
    pairs = set(zip(iris.y_train[changed], noisy.y_train[changed], strict=True))
    assert pairs <= {(labels[i], labels[(i + 1) % 3]) for i in range(3)}


def test_random_noise_makes_every_other_class(iris):
    noisy = perturbations.corrupt_labels(iris, 1.0, "random", seed=0)
    assert len(set(zip(iris.y_train, noisy.y_train, strict=True))) == 6


def test_a_smaller_share_is_part_of_a_larger_one_and_seeds_differ(iris):
    few, many, other = (
        perturbations.corrupt_labels(iris, share, "random", seed).y_train
        for share, seed in ((0.1, 0), (0.3, 0), (0.3, 1))
    )
    wrong = few != iris.y_train
    assert (few[wrong] == many[wrong]).all()
    assert not (many == other).all()


def test_impossible_noise_is_told(iris):
    with pytest.raises(UserError, match="share of the labels from 0 to 1"):
        perturbations.corrupt_labels(iris, 1.5, "random", 0)
    with pytest.raises(UserError, match="random, systematic"):
        perturbations.corrupt_labels(iris, 0.1, "malicious", 0)
    with pytest.raises(UserError, match="none, cleanlab"):
        perturbations.repair_labels(iris, "soap", 0)


def test_repair_takes_out_wrong_labels_rather_than_right_ones(iris):
    pytest.importorskip("cleanlab")
    noisy = perturbations.corrupt_labels(iris, 0.2, "random", seed=0)
    repaired = perturbations.repair_labels(noisy, "cleanlab", seed=0)
    kept = noisy.y_train.index.isin(repaired.y_train.index)
    wrong = (noisy.y_train != iris.y_train).to_numpy()
    assert np.mean(wrong[~kept]) > 0.6
    assert np.mean(wrong[kept]) < 0.08
    assert repaired.X_train.index.equals(repaired.y_train.index)
    assert repaired.y_test.equals(iris.y_test)
    assert perturbations.repair_labels(noisy, "none", 0) is noisy


def test_repair_leaves_every_class_and_a_validation_row(iris):
    pytest.importorskip("cleanlab")
    noisy = perturbations.corrupt_labels(iris.limit(12), 1.0, "random", seed=0)
    repaired = perturbations.repair_labels(noisy, "cleanlab", seed=0)
    assert set(repaired.y_train) == set(noisy.y_train)
    assert len(repaired.y_validation) > 0
