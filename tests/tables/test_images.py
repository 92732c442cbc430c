"""Images: from files and arrays to tables of pixels, and the networks that read them."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from classification import _images
from utils import study, tables
from utils.baselines import pixel_networks
from utils.baselines.pixel_networks import PixelNetwork
from utils.errors import BadTable, UnknownName, Unobtainable, UserError
from utils.tables import images, openml


@pytest.fixture(autouse=True)
def no_folders(monkeypatch):
    for name in ("LIFT_IMAGES", "LIFT_DATA"):
        monkeypatch.delenv(name, raising=False)


def arrays(n_train=60, n_test=20, height=6, width=6, seed=0):
    """Bytes in the form of a file, labels 0, 1, 2, 0, 1, …"""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 256, (n_train + n_test, height, width), dtype=np.uint8)
    y = np.arange(n_train + n_test) % 3
    return {"x_train": x[:n_train], "y_train": y[:n_train], "x_test": x[n_train:], "y_test": y[n_train:]}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of images with tiny.npz, which LIFT_IMAGES names."""
    np.savez(tmp_path / "tiny.npz", **arrays())
    monkeypatch.setenv("LIFT_IMAGES", str(tmp_path))
    return tmp_path


def test_digits_are_the_table_of_scikit_learn():
    pictures = images.load("digits")
    assert pictures.pixels.shape == (1797, 8, 8)
    assert (pictures.pixels.min(), pictures.pixels.max()) == (0, 1)
    ours, theirs = pictures.split(3, side=8, greys=17), tables.load("digits", task="classification").split(3)
    for part in ("train", "validation", "test"):
        X, y = getattr(ours, f"X_{part}"), getattr(ours, f"y_{part}")
        np.testing.assert_array_equal(X, getattr(theirs, f"X_{part}"))
        assert y.tolist() == getattr(theirs, f"y_{part}").tolist()
        assert X.index.equals(y.index)
    assert list(ours.X_test)[:9] == [f"r0c{i}" for i in range(8)] + ["r1c0"]


def test_a_file_in_a_folder_keeps_its_test_set(folder):
    own = arrays()
    pictures = images.load("tiny")
    np.testing.assert_allclose(pictures.pixels[:60] * 255, own["x_train"], atol=1e-4)
    first, second = (pictures.split(seed, side=6) for seed in (0, 1))
    for split in (first, second):
        assert [len(getattr(split, f"y_{part}")) for part in ("train", "validation", "test")] == [48, 12, 20]
        np.testing.assert_array_equal(split.X_test, own["x_test"].reshape(20, 36))
        assert split.y_test.tolist() == [str(label) for label in own["y_test"]]
        assert set(split.y_train.value_counts()) == {16}
        assert not set(split.X_train.index) & set(split.X_validation.index)
    assert set(first.X_train.index) != set(second.X_train.index)
    drawn = pictures.split(1, side=6, protocol="independent")
    assert set(drawn.X_test.index) != set(first.X_test.index)
    assert str(folder) in pictures.source


def test_fewer_rows(folder):
    pictures = images.load(str(folder / "tiny.npz"))
    whole, few, fewer = (pictures.split(0, side=6, rows=n, test_rows=t) for n, t in ((0, 0), (30, 9), (15, 4)))
    assert (len(few.y_train), len(few.y_validation), len(few.y_test)) == (30, 8, 9)
    assert set(fewer.X_train.index) < set(few.X_train.index) < set(whole.X_train.index)
    assert set(fewer.X_test.index) < set(few.X_test.index) < set(whole.X_test.index)
    assert pictures.split(1, side=6, test_rows=4).X_test.equals(fewer.X_test)


def test_folders_beside_the_tables_come_after_named_ones(tmp_path, monkeypatch):
    for name, seed in (("a/images", 1), ("b", 2)):
        (tmp_path / name).mkdir(parents=True)
        np.savez(tmp_path / name / "tiny.npz", **arrays(seed=seed))
    (tmp_path / "a" / "tables").mkdir()
    monkeypatch.setenv("LIFT_DATA", str(tmp_path / "a" / "tables"))
    assert images.load("tiny").source == str(tmp_path / "a" / "images" / "tiny.npz")
    monkeypatch.setenv("LIFT_IMAGES", str(tmp_path / "b"))
    assert images.load("tiny").source == str(tmp_path / "b" / "tiny.npz")
    monkeypatch.setenv("LIFT_IMAGES", str(tmp_path / "c"))
    with pytest.raises(UserError, match="LIFT_IMAGES"):
        images.load("digits")


def test_permuted_pixels_are_the_same_pixels_in_one_other_order():
    plain, permuted = (images.load(name).split(0, side=8) for name in ("digits", "permuted_digits"))
    order = np.random.default_rng([41, 0]).permutation(64)
    assert sorted(order) == list(range(64))
    for part in ("X_train", "X_validation", "X_test"):
        before, after = getattr(plain, part).to_numpy(), getattr(permuted, part).to_numpy()
        np.testing.assert_array_equal(after, before[:, order])
        assert getattr(plain, part).index.equals(getattr(permuted, part).index)
    other = images.load("permuted_digits").split(1, side=8)
    assert not (other.X_test.to_numpy() == permuted.X_test.to_numpy()).all()


def test_shrinking_takes_means_over_areas():
    rng = np.random.default_rng(0)
    pixels = rng.random((5, 28, 28))
    np.testing.assert_allclose(images.shrink(pixels, 14), pixels.reshape(5, 14, 2, 14, 2).mean(axis=(2, 4)))
    for side in (1, 3, 8, 18, 28):
        small = images.shrink(pixels, side)
        assert small.shape == (5, side, side)
        np.testing.assert_allclose(small.mean(axis=(1, 2)), pixels.mean(axis=(1, 2)))
    row = np.array([[[0.0, 0.6, 0.9]] * 3])
    np.testing.assert_allclose(images.shrink(row, 2)[0, 0], [(0 + 0.3) / 1.5, (0.3 + 0.9) / 1.5])


def test_the_middle_of_an_image():
    pixels = np.arange(28 * 28).reshape(1, 28, 28)
    np.testing.assert_array_equal(images.middle(pixels, 18), pixels[:, 5:23, 5:23])
    assert images.middle(pixels, 0) is pixels


@pytest.mark.parametrize("greys", [2, 8, 256])
def test_pixels_and_grey_levels_are_inverse(greys):
    levels = np.arange(greys)[None]
    X = images.table(levels / (greys - 1), greys, [f"p{i}" for i in range(greys)])
    np.testing.assert_array_equal(X, levels)
    np.testing.assert_allclose(images.values(X, greys), levels / (greys - 1))
    assert X.dtypes.unique() == [np.dtype("int64")]


def test_noisy_copies_follow_the_rows_they_are_made_of():
    split = images.load("digits").split(0, side=8, rows=50)
    more = images.noisy_copies(split, copies=2, sigma=0.1, greys=256, seed=0)
    assert more.X_train.iloc[:50].equals(split.X_train)
    assert more.y_train.tolist() == split.y_train.tolist() * 3
    assert more.X_train.index.is_unique
    assert not set(more.X_train.index[50:]) & {*split.X_test.index, *split.X_validation.index}
    assert more.X_train.index.equals(more.y_train.index)
    clean = images.values(split.X_train, 256)
    copies = images.values(more.X_train.iloc[50:], 256).reshape(2, 50, 64)
    free = (clean > 0.4) & (clean < 0.6)  # never cut off
    assert np.std((copies - clean)[:, free]) == pytest.approx(0.1, rel=0.1)
    assert not (copies[0] == copies[1]).all()
    assert more.X_test is split.X_test
    assert more.X_validation is split.X_validation
    assert images.noisy_copies(split, 0, 0.0, 256, 0) is split
    assert more.fingerprint() == images.noisy_copies(split, 2, 0.1, 256, 0).fingerprint()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"side": 9}, "--side 9 does not fit images of 8 × 8"),
        ({"side": 0}, "--side 0"),
        ({"side": 8, "crop": 10}, "--crop 10 does not fit"),
        ({"side": 8, "crop": 4}, "--side 8 does not fit images of 4 × 4"),
        ({"side": 8, "greys": 1}, "--greys 2"),
        ({"side": 8, "protocol": "mine"}, "paper, independent"),
    ],
)
def test_sizes_that_do_not_fit_are_told(options, message):
    with pytest.raises(UserError, match=message):
        images.load("digits").split(0, **options)


def test_unknown_images_are_told(folder):
    with pytest.raises(UnknownName, match=r"'cifar'; have digits, fashion_mnist, mnist, tiny, each also as permuted_"):
        images.load("permuted_cifar")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y_test": None}, "y_test"),
        ({"x_test": np.zeros((20, 5, 6))}, "shapes"),
        ({"x_train": np.full((60, 6, 6), 2.0)}, "0 to 1"),
        ({"x_train": np.full((60, 6, 6), np.nan)}, "0 to 1"),
        ({"y_train": np.zeros(60)}, "two classes"),
        ({"y_train": np.array([0] * 59 + [1])}, "two training images"),
        ({"y_train": np.zeros(9)}, "80 images and 29 labels"),
    ],
)
def test_a_file_that_holds_something_else_is_told(tmp_path, change, message):
    kept = {name: value for name, value in (arrays() | change).items() if value is not None}
    np.savez(tmp_path / "bad.npz", **kept)
    with pytest.raises(BadTable, match=message):
        images.load(str(tmp_path / "bad.npz"))


def test_a_file_that_is_none_is_told(tmp_path):
    (tmp_path / "torn.npz").write_bytes(b"PK\x03\x04 and no more")
    (tmp_path / "text.npz").write_text("pixels")
    with (tmp_path / "single.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    for name in ("torn", "text", "single", "absent"):
        with pytest.raises(BadTable, match=name):
            images.load(str(tmp_path / f"{name}.npz"))


def test_a_download_becomes_images(tmp_path, monkeypatch):
    own = arrays(height=4, width=4)
    pixels = np.concatenate([own["x_train"], own["x_test"]]).reshape(80, 16)
    frame = pd.DataFrame(pixels.astype("int64"), columns=[f"pixel{i}" for i in range(16)])
    frame["class"] = [str(label) for label in (*own["y_train"], *own["y_test"])]
    frame.to_parquet(tmp_path / "554.parquet")
    asked = []

    def fetch(word):
        asked.append(word)
        return openml.Copy(tmp_path / "554.parquet", "class", "OpenML 554, mnist_784 version 1")

    monkeypatch.setattr(openml, "fetch", fetch)
    monkeypatch.setattr(images, "OPENML_SHAPE", (80, 4, 4))
    monkeypatch.setattr(images, "OPENML_TEST", 20)
    images._load.cache_clear()
    split = images.load("mnist").split(0, side=4)
    np.testing.assert_array_equal(split.X_test, own["x_test"].reshape(20, 16))
    assert asked == ["554"]
    monkeypatch.setattr(images, "OPENML_SHAPE", (80, 5, 5))
    images._load.cache_clear()
    with pytest.raises(BadTable, match="80 rows of 16 pixels"):
        images.load("mnist")
    images._load.cache_clear()


def test_without_network_the_message_names_what_needs_none(folder, monkeypatch):
    def fetch(word):
        raise Unobtainable("no network") from OSError("unreachable")

    monkeypatch.setattr(openml, "fetch", fetch)
    images._load.cache_clear()
    with pytest.raises(UserError, match=r"unreachable.*mnist\.npz.*--datasets digits tiny"):
        images.load("permuted_mnist")


def test_the_subsets_of_mnist(lift_data, monkeypatch):
    if not (lift_data.parent / "images").is_dir():
        pytest.skip("no folder of images beside LIFT_DATA")
    for name, mean in (("mnist_6000_1000", 33), ("fashion_mnist_6000_1000", 73)):
        pictures = images.load(name)
        assert pictures.pixels.shape == (7000, 28, 28)
        assert pictures.pixels.mean() * 255 == pytest.approx(mean, abs=1)
        split = pictures.split(0, side=18, crop=18, rows=100, test_rows=50)
        assert split.X_train.shape == (100, 324)
        assert set(split.y_train) == set(map(str, range(10)))


@pytest.fixture(scope="module")
def digits():
    return images.load("digits").split(0, side=8, rows=300)


@pytest.mark.parametrize("name", pixel_networks.NETWORKS)
def test_networks_learn_digits_and_repeat_themselves(digits, name, monkeypatch):
    monkeypatch.setattr(pixel_networks, "UPDATES", 75)
    state = torch.get_rng_state()
    validation = digits.X_validation, digits.y_validation
    one, same, other = (
        PixelNetwork(name, 8, seed=s).fit(digits.X_train, digits.y_train, validation) for s in (0, 0, 1)
    )
    assert one.score(digits.X_test, digits.y_test) > 0.8
    probabilities = one.predict_proba(digits.X_test)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(probabilities, same.predict_proba(digits.X_test))
    assert not np.allclose(probabilities, other.predict_proba(digits.X_test))
    assert one.best_params_["epochs"] == 15
    assert torch.equal(state, torch.get_rng_state())
    json.dumps(one.describe())


def test_networks_see_pixels_whatever_the_grey_levels(digits):
    network = PixelNetwork("lenet", 8, greys=17)
    coarse = images.load("digits").split(0, side=8, rows=300, greys=17).X_train
    pixels = network.pixels(coarse)
    assert (pixels.min(), pixels.max()) == (0, 1)
    np.testing.assert_allclose(pixels, PixelNetwork("lenet", 8).pixels(digits.X_train), atol=0.002)
    with pytest.raises(BadTable, match="64 columns are not an image of 7 × 7"):
        PixelNetwork("lenet", 7).pixels(digits.X_train)


def test_networks_without_validation_rows_or_with_strange_ones(digits, monkeypatch):
    monkeypatch.setattr(pixel_networks, "UPDATES", 10)
    small = digits.limit(20)
    alone = PixelNetwork("mlp300", 8).fit(small.X_train, small.y_train)
    assert alone.best_params_ == {"learning_rate": pixel_networks.LEARNING_RATES[0], "epochs": 10}
    strange = small.y_validation.map(lambda label: "none of them")
    network = PixelNetwork("mlp300", 8).fit(small.X_train, small.y_train, (small.X_validation, strange))
    assert network.best_params_ == alone.best_params_
    with pytest.raises(BadTable, match="two classes"):
        PixelNetwork("mlp300", 8).fit(small.X_train.iloc[:1], small.y_train.iloc[:1])


def test_the_trial_of_a_case(monkeypatch):
    monkeypatch.setattr(pixel_networks, "UPDATES", 10)
    config = _images.Config(side=4, rows=30, test_rows=12)
    case = study.Case("permuted_digits", "lenet", 0, config.size())
    trial = _images.trial(case, config)
    trial.check()
    row, answers = trial.run()
    assert (row["n_train"], row["n_test"], len(answers)) == (30, 12, 12)
    assert {f"log_p_{digit}" for digit in range(10)} <= set(answers)
    assert trial.key(0, {}) == _images.trial(case, config).key(0, {})
    finer = _images.trial(case, replace(config, greys=16))
    assert finer.key(0, {}) != trial.key(0, {})
    with pytest.raises(UnknownName, match="have lift, mlp300, lenet, majority"):
        _images.trial(study.Case("digits", "alexnet", 0, {}), config)
