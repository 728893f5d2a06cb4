import hashlib
import os
from functools import partial

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from features.errors import InputError
from features.settings import FC6Settings
from features.vggface import extract_fc6, preprocess
from features.vggface_weights import LAYERS, load_weights, random_weights

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

WIDTH = 1 / 16


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def network():
    return random_weights(0, width=WIDTH)


@pytest.fixture(scope="module")
def keras_network():
    os.environ["KERAS_BACKEND"] = "torch"
    keras = pytest.importorskip("keras")
    keras.utils.set_random_seed(0)
    bias = keras.initializers.RandomNormal(stddev=0.1)
    convolution = partial(
        keras.layers.Conv2D,
        kernel_size=3,
        padding="same",
        activation="relu",
        kernel_initializer="he_normal",
        bias_initializer=bias,
    )
    layers = [keras.layers.Input((224, 224, 3))]
    for block, (channels, count) in enumerate([(4, 2), (8, 2), (16, 3), (32, 3), (32, 3)], 1):
        layers += [convolution(channels, name=f"conv{block}_{n + 1}") for n in range(count)]
        layers.append(keras.layers.MaxPooling2D(2, name=f"pool{block}"))
    layers += [keras.layers.Flatten(), keras.layers.Dense(256, bias_initializer=bias, name="fc6")]
    return keras.Sequential(layers)


def keras_arrays(model):
    return {
        layer: [np.asarray(w) for w in model.get_layer(layer).get_weights()] for layer in LAYERS
    }


def write_keras(path, arrays, *, old=False):
    """The two layouts of keras-vggface's files; fc6's ReLU is a group inside fc6."""
    with h5py.File(path, "w") as file:
        for layer, (kernel, bias) in arrays.items():
            if old:
                file[f"{layer}/{layer}_W_1:0"], file[f"{layer}/{layer}_b_1:0"] = kernel, bias
            else:
                file[f"{layer}/{layer}/kernel:0"], file[f"{layer}/{layer}/bias:0"] = kernel, bias
        file.create_group("fc6/relu")
        file["fc8/fc8/kernel:0"] = np.zeros((256, 2622), np.float32)
    return path


# ------------------------------------------------------------------ Keras


@pytest.mark.parametrize("old", [False, True])
def test_converted_network_equals_keras(tmp_path, keras_network, old):
    path = write_keras(tmp_path / "vgg.h5", keras_arrays(keras_network), old=old)
    converted = load_weights(path, sha256(path), width=WIDTH)
    assert (converted.origin.name, converted.origin.channel_order) == ("keras-vggface", "bgr")
    pictures = np.random.default_rng(0).normal(0, 64, (3, 224, 224, 3)).astype(np.float32)
    expected = np.asarray(keras_network.predict(pictures, verbose=0))
    with torch.inference_mode():
        found = converted(torch.from_numpy(pictures).permute(0, 3, 1, 2)).numpy()
    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()


def test_features_equal_keras_from_the_crop_on(tmp_path, keras_network):
    path = write_keras(tmp_path / "vgg.h5", keras_arrays(keras_network))
    crops = np.random.default_rng(1).integers(0, 256, (2, 224, 224, 3), np.uint8)
    settings = FC6Settings(input_size=224)
    found = extract_fc6(
        load_weights(path, sha256(path), width=WIDTH), crops, np.ones(2, bool), settings
    )
    # As keras_vggface.utils.preprocess_input(version=1) does.
    prepared = crops[..., ::-1].astype(np.float32) - np.array([93.5940, 104.7624, 129.1863])
    expected = np.maximum(np.asarray(keras_network.predict(prepared, verbose=0)), 0)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * expected.max())


def test_wrong_shape_names_layer_and_shapes(tmp_path, keras_network):
    path = write_keras(tmp_path / "vgg.h5", keras_arrays(keras_network))
    with pytest.raises(InputError, match=r"conv1_1 .*\(3, 3, 3, 4\).*\(3, 3, 3, 8\)"):
        load_weights(path, sha256(path), width=WIDTH * 2)


def test_theano_order_is_refused(tmp_path, keras_network):
    arrays = keras_arrays(keras_network)
    arrays["conv3_2"][0] = arrays["conv3_2"][0].transpose(3, 2, 0, 1)
    path = write_keras(tmp_path / "vgg.h5", arrays)
    with pytest.raises(InputError, match=r"conv3_2 .*\(16, 16, 3, 3\).*\(3, 3, 16, 16\)"):
        load_weights(path, sha256(path), width=WIDTH)


def test_missing_layer_is_named(tmp_path, keras_network):
    arrays = keras_arrays(keras_network)
    del arrays["conv4_2"]
    path = write_keras(tmp_path / "vgg.h5", arrays)
    with pytest.raises(InputError, match="no kernel of the layer conv4_2"):
        load_weights(path, sha256(path), width=WIDTH)


# ------------------------------------------------------------------ torch


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors"])
@pytest.mark.parametrize("names", ["torchvision", "vgg_face_dag"])
def test_torch_files(tmp_path, network, suffix, names):
    state = {
        f"{module if names == 'torchvision' else layer}.{kind}": network.state_dict()[
            f"{module}.{kind}"
        ]
        for layer, module in LAYERS.items()
        for kind in ("weight", "bias")
    }
    state["fc8.weight"] = torch.zeros(5, 5)
    path = tmp_path / f"vgg{suffix}"
    (save_file if suffix == ".safetensors" else torch.save)(state, path)
    loaded = load_weights(path, sha256(path), width=WIDTH)
    assert loaded.origin.name == names
    assert loaded.origin.channel_order == "rgb"
    assert loaded.origin.sha256 == sha256(path)
    for name, value in network.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], value, rtol=0, atol=0)


def test_torch_shape_and_absence(tmp_path, network):
    path = tmp_path / "vgg.pth"
    torch.save(network.state_dict(), path)
    with pytest.raises(
        InputError, match=r"features\.0\.weight has shape .*expected \(8, 3, 3, 3\)"
    ):
        load_weights(path, sha256(path), width=WIDTH * 2)
    torch.save({"features.0.weight": network.state_dict()["features.0.weight"]}, path)
    with pytest.raises(InputError, match="no bias of the layer conv1_1"):
        load_weights(path, sha256(path), width=WIDTH)


class Harmful:
    def __reduce__(self):
        return os.mkdir, ("harm",)


def test_pickled_code_is_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "vgg.pth"
    torch.save(Harmful(), path)
    with pytest.raises(InputError, match="no file of torch weights"):
        load_weights(path, sha256(path))
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("suffix", [".h5", ".pth", ".safetensors", ".txt"])
@pytest.mark.parametrize("content", [b"", b"not weights at all" * 9])
def test_other_files(tmp_path, suffix, content):
    path = tmp_path / f"vgg{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError, match="vgg"):
        load_weights(path, sha256(path))


# ------------------------------------------------------------------ hash


def test_hash_is_checked_before_parsing(tmp_path):
    path = tmp_path / "vgg.h5"
    path.write_bytes(b"not HDF5")
    with pytest.raises(InputError, match=f"has sha256 {sha256(path)}, expected 0000"):
        load_weights(path, "0000")


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        load_weights(tmp_path / "none.h5", "0")


# ------------------------------------------------------------------ random


def test_random_weights_follow_the_seed():
    one, same, other = (random_weights(seed, width=WIDTH).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["features.0.weight"], other["features.0.weight"])


def test_random_fc6_is_of_order_one_and_tells_pictures_apart():
    network = random_weights(0, width=0.25)
    assert network.origin.name == "random"
    noise = np.random.default_rng(0).integers(0, 256, (6, 3, 12, 12), np.uint8)
    pictures = torch.from_numpy(noise).repeat_interleave(8, 2).repeat_interleave(8, 3)
    with torch.inference_mode():
        fc6 = network(preprocess(pictures, "vggface", "rgb"))
    assert 0.2 < fc6.square().mean().sqrt() < 5
    assert fc6.var(dim=0).mean() > 0.03 * fc6.square().mean()
