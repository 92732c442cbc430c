"""Noise on pixels, attacks, and the accuracies on corrupted test images."""

import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from classification import _attacks, _image_noise
from utils import plots
from utils.baselines import pixel_networks
from utils.baselines.pixel_networks import PixelNetwork
from utils.errors import MissingPackage, UserError
from utils.tables import images, perturbations


@pytest.fixture(scope="module")
def digits():
    return images.load("digits").split(0, side=8, rows=200, test_rows=40)


def grey(n=20_000):
    return np.full((n, 4), 0.5)


@pytest.mark.parametrize("kind", perturbations.IMAGE_NOISE)
@pytest.mark.parametrize("epsilon", [0.0, 0.01, 0.3, 1.0])
def test_no_pixel_changes_by_more_or_leaves_its_range(kind, epsilon):
    X = np.random.default_rng(0).random((50, 3, 3))
    noisy = perturbations.image_noise(X, kind, epsilon, seed=1)
    assert noisy.shape == X.shape
    assert np.abs(noisy - X).max() <= epsilon + 1e-12
    assert noisy.min() >= 0
    assert noisy.max() <= 1
    np.testing.assert_array_equal(noisy, perturbations.image_noise(X, kind, epsilon, seed=1))
    if epsilon == 0:
        np.testing.assert_array_equal(noisy, X)


@pytest.mark.parametrize(
    ("kind", "mean", "sd"),
    [("gaussian", 0.0, 0.02), ("uniform", 0.0, 0.1 / np.sqrt(3)), ("constant", 0.1, 0.0), ("sign", 0.0, 0.1)],
)
def test_kinds_of_noise(kind, mean, sd):
    change = perturbations.image_noise(grey(), kind, 0.1, seed=0) - grey()
    assert change.mean() == pytest.approx(mean, abs=1e-3)
    assert change.std() == pytest.approx(sd, abs=1e-3)
    if kind == "sign":
        np.testing.assert_allclose(np.abs(change), 0.1)


def test_a_larger_epsilon_scales_the_same_draw_and_seeds_differ():
    for kind in ("gaussian", "uniform", "sign"):
        small, large = (perturbations.image_noise(grey(9), kind, epsilon, 0) - 0.5 for epsilon in (0.1, 0.4))
        np.testing.assert_allclose(large, 4 * small)
        assert not np.allclose(small, perturbations.image_noise(grey(9), kind, 0.1, 1) - 0.5)


def test_impossible_noise_is_told():
    with pytest.raises(UserError, match="gaussian, uniform, constant, sign"):
        perturbations.image_noise(grey(), "salt", 0.1, 0)
    with pytest.raises(UserError, match="from 0 to 1"):
        perturbations.image_noise(grey(), "sign", 25.0, 0)
    for kinds, epsilons, message in (
        (["salt"], [0.1], "'salt'.*pgd_lenet"),
        ([], [0.1], "--kinds takes"),
        (["sign"], [0.0, 0.1], "--epsilons has 0.0"),
        (["sign"], [], "no value"),
    ):
        with pytest.raises(UserError, match=message):
            _image_noise.check(kinds, epsilons)


def test_corrupted_images_come_kind_by_kind_in_the_order_of_the_test_rows(digits):
    kinds, epsilons = ["sign", "constant"], [0.3, 0.01]
    queries = _image_noise.queries(digits, kinds, epsilons, side=8, greys=256, seed=0)
    assert queries.shape == (160, 64)
    assert list(queries) == list(digits.X_test)
    change = queries.to_numpy().reshape(2, 2, 40, 64) - digits.X_test.to_numpy()
    room = digits.X_test.to_numpy() <= 255 * 0.7
    assert set(change[0, 0][room]) == {3}  # constant 0.01 of 255, rounded
    assert set(change[0, 1][room]) <= {76, 77}
    assert {-3, 3} <= set(change[1, 0].ravel()) <= {-3, -2, 0, 2, 3}
    coarse = images.load("digits").split(0, side=8, rows=200, test_rows=40, greys=17)
    same = _image_noise.queries(coarse, ["sign"], [0.01], side=8, greys=17, seed=0)
    np.testing.assert_array_equal(same, coarse.X_test)  # rounding takes small noise away


def test_measures_are_the_accuracies_on_the_corrupted_images():
    measures = _image_noise.measures(4, ["uniform", "gaussian"], [0.1, 0.3])
    assert len(measures) == 2 * len(_image_noise.KINDS)
    truth = ["a", "b", "a", "b"]
    parsed = [*truth, *truth, *"bbbb", *"bbab", None, "b", None, "a"]
    answers = pd.DataFrame({"parsed": parsed, "truth": truth + [None] * 16})
    found = {name: measure(answers) for name, measure in measures.items()}
    known = {"gaussian_0.1": 1.0, "gaussian_0.3": 0.5, "uniform_0.1": 0.75, "uniform_0.3": 0.25}
    assert {name: value for name, value in found.items() if not np.isnan(value)} == known


def results(**changes):
    row = {"key": "k", "experiment": "e", "dataset": "digits", "source": "s", "method": "lift", "seed": 0}
    row |= {"augment": "none", "n_train": 9, "accuracy": 0.9, "chance": 0.1}
    row |= {f"{kind}_{epsilon}": np.nan for kind in _image_noise.KINDS for epsilon in (0.01, 0.3)}
    return row | {"sign_0.01": 0.8, "sign_0.3": 0.2} | changes


def test_curves_begin_with_the_clean_images():
    frame = pd.DataFrame([results(), results(method="svm", **{"pgd_lenet_0.01": 0.5, "pgd_lenet_0.3": 0.0})])
    curves = _image_noise.curves(frame)
    assert curves["panel"].unique().tolist() == ["sign noise", "PGD on lenet"]
    lift = curves[curves["method"] == "lift"]
    assert lift["epsilon"].tolist() == [0.0, 0.01, 0.3]
    assert lift["accuracy"].tolist() == [0.9, 0.8, 0.2]
    assert lift["images"].tolist() == ["clean", "sign 0.01", "sign 0.3"]


def test_the_figure_has_a_panel_for_each_kind_and_a_line_for_each_learner():
    rows = [results(), results(augment="high", accuracy=0.8), results(method="svm"), results(method="svm", seed=1)]
    rows = [row | {"uniform_0.01": 0.7, "uniform_0.3": 0.6} for row in rows]
    curves = _image_noise.curves(pd.DataFrame(rows))
    figure = plots.steps(curves, "epsilon", "accuracy", "panel", "title", "ε")
    panels = [axes for axes in figure.axes if axes.get_title()]
    assert [axes.get_title() for axes in panels] == ["uniform noise", "sign noise"]
    lines = [line for line in panels[1].lines if len(line.get_xdata()) == 3]
    drawn = {(line.get_color(), line.get_linestyle()): list(line.get_ydata()) for line in lines}
    assert drawn[plots.LIFT_COLOUR, "-"] == [0.9, 0.8, 0.2]
    assert drawn[plots.LIFT_COLOUR, "--"] == [0.8, 0.8, 0.2]
    assert len(drawn) == 3
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        *("chance", "no noisy copies", "high noise in training", "svm", "lift")
    ]


def test_an_attack_stays_near_and_fools_its_own_network(digits, monkeypatch):
    pytest.importorskip("art")
    monkeypatch.setattr(pixel_networks, "UPDATES", 100)
    clean = images.values(digits.X_test, 256)
    network = PixelNetwork("mlp300", 8, seed=0)
    network.fit(digits.X_train, digits.y_train, validation=(digits.X_validation, digits.y_validation))
    before = network.predict_proba(digits.X_test)
    shares = [network.score(digits.X_test, digits.y_test)]
    for epsilon in (0.01, 0.1, 0.3):
        fooling = _attacks.transferred(digits, "mlp300", epsilon, 8, 256, seed=0)
        assert np.abs(fooling - clean).max() <= epsilon + 1e-12
        assert fooling.min() >= 0
        assert fooling.max() <= 1
        shares.append(network.score(images.table(fooling, 256, digits.X_test.columns), digits.y_test))
    assert shares[0] > 0.85
    assert sorted(shares, reverse=True) == shares
    assert shares[-1] < 0.05
    np.testing.assert_array_equal(network.predict_proba(digits.X_test), before)
    again = _attacks.pgd(network, digits.X_test, digits.y_test, 0.1)  # on the baseline's own weights
    np.testing.assert_array_equal(again, _attacks.transferred(digits, "mlp300", 0.1, 8, 256, seed=0))


def test_an_attack_on_an_image_of_an_unknown_class_and_by_nothing(digits, monkeypatch):
    pytest.importorskip("art")
    monkeypatch.setattr(pixel_networks, "UPDATES", 10)
    small = digits.limit(10)
    kept = small.y_train != small.y_train.iloc[0]
    split = replace(small, X_train=small.X_train[kept], y_train=small.y_train[kept])
    fooling = _attacks.transferred(split, "mlp300", 0.1, 8, 256, seed=0)
    assert fooling.shape == (10, 64)
    np.testing.assert_array_equal(
        _attacks.transferred(split, "mlp300", 0.0, 8, 256, seed=0), images.values(split.X_test, 256)
    )


def test_without_the_toolbox_the_message_says_what_to_type(monkeypatch):
    for name in ("art", "art.attacks", "art.estimators"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingPackage, match=r"pip install -r requirements-extras.txt, or leave pgd_… out of --kinds"):
        _image_noise.check(["sign", "pgd_lenet"], [0.1])
    _image_noise.check(["sign"], [0.1])
