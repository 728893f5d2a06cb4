import hashlib
import json
import os
import sys
from functools import partial

import h5py
import numpy as np
import pytest
import torch
from ruamel.yaml import YAML
from safetensors import safe_open
from safetensors.torch import save_file

from features.errors import InputError
from features.extractors.settings import VGGFaceSettings
from features.extractors.vggface import weights as vggface_weights
from features.extractors.vggface.network import compute_fc6, preprocess
from features.extractors.vggface.weight_files import LAYERS
from features.extractors.vggface.weights import convert, load_weights, main, random_weights

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
    settings = VGGFaceSettings(input_size=224)
    found = compute_fc6(
        load_weights(path, sha256(path), width=WIDTH), torch.from_numpy(crops), settings
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
        InputError,
        match=r"weight of conv1_1 \(features\.0\.weight\) has shape .*expected \(8, 3, 3, 3\)",
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
    with pytest.raises(InputError, match="not a file of torch weights"):
        load_weights(path, sha256(path))
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("suffix", [".h5", ".pth", ".safetensors", ".txt"])
@pytest.mark.parametrize("content", [b"", b"not weights at all" * 9])
def test_other_files(tmp_path, suffix, content):
    path = tmp_path / f"vgg{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError, match="vgg"):
        load_weights(path, sha256(path))


# ------------------------------------------------------------------ damage


@pytest.mark.parametrize(
    "error", [KeyError("0"), IndexError(), UnicodeDecodeError("a", b"", 0, 1, "")]
)
def test_whatever_torch_makes_of_damage_is_one_sentence(tmp_path, network, monkeypatch, error):
    def failing(*_, **__):
        raise error

    path = tmp_path / "vgg.pth"
    torch.save(network.state_dict(), path)
    monkeypatch.setattr(torch, "load", failing)
    with pytest.raises(InputError, match=r"vgg\.pth is not a file of torch weights"):
        load_weights(path, sha256(path), width=WIDTH)


ODD_TENSORS = {
    "sparse": lambda weight: weight.to_sparse(),
    "meta": lambda weight: weight.to("meta"),
    "complex": lambda weight: weight.to(torch.complex64),
    "integers": lambda weight: weight.to(torch.int32),
}


@pytest.mark.parametrize("kind", ODD_TENSORS)
def test_a_tensor_of_another_kind_is_named(tmp_path, network, kind):
    path, state = tmp_path / "vgg.pth", dict(network.state_dict())
    state["features.2.weight"] = ODD_TENSORS[kind](state["features.2.weight"])
    torch.save(state, path)
    with pytest.raises(InputError, match=r"weight of conv1_2 .* is not a dense tensor of floats"):
        load_weights(path, sha256(path), width=WIDTH)


def test_values_that_are_not_finite_are_named(tmp_path, network):
    path, state = tmp_path / "vgg.pth", dict(network.state_dict())
    state["features.5.bias"] = torch.full_like(state["features.5.bias"], torch.nan)
    torch.save(state, path)
    with pytest.raises(InputError, match=r"the bias of conv2_1 has values that are not finite"):
        load_weights(path, sha256(path), width=WIDTH)


@pytest.mark.parametrize("odd", ["group", "words"])
def test_what_is_no_array_of_a_keras_file_is_named(tmp_path, odd):
    path = tmp_path / "vgg.h5"
    with h5py.File(path, "w") as file:
        if odd == "group":
            file.create_group("conv1_1/conv1_1/kernel:0")
        else:
            file["conv1_1/conv1_1/kernel:0"] = "words"
    with pytest.raises(InputError, match=r"the kernel of conv1_1 is not an array of numbers"):
        load_weights(path, sha256(path), width=WIDTH)


# ------------------------------------------------------------------ hash


def test_hash_is_checked_before_parsing(tmp_path):
    path = tmp_path / "vgg.h5"
    path.write_bytes(b"not HDF5")
    with pytest.raises(InputError, match=f"has sha256 {sha256(path)}, expected 0000"):
        load_weights(path, "0000")


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        load_weights(tmp_path / "none.h5", "0")


# ------------------------------------------------------------------ conversion


@pytest.fixture(params=["keras", "old keras", "torchvision", "vgg_face_dag"])
def published(request, tmp_path, network, keras_network):
    """A file of each kind, with its channel order."""
    if "keras" in request.param:
        path = tmp_path / "vgg.h5"
        write_keras(path, keras_arrays(keras_network), old=request.param == "old keras")
        return path, "keras-vggface", "bgr"
    state = network.state_dict()
    if request.param == "vgg_face_dag":
        state = {
            f"{layer}.{kind}": state[f"{module}.{kind}"]
            for layer, module in LAYERS.items()
            for kind in ("weight", "bias")
        }
    torch.save({**state, "fc8.weight": torch.zeros(5, 5)}, tmp_path / "vgg.pth")
    return tmp_path / "vgg.pth", request.param, "rgb"


def test_converted_weights_are_the_same(tmp_path, published):
    path, kind, order = published
    target = tmp_path / "vgg.safetensors"
    path.chmod(0o644)
    origin, written = convert(path, target, width=WIDTH)
    assert target.stat().st_mode == path.stat().st_mode
    assert (origin.name, origin.channel_order, origin.sha256) == (kind, order, sha256(path))
    assert written == sha256(target)
    before, after = (load_weights(p, sha256(p), width=WIDTH) for p in (path, target))
    assert (after.origin.name, after.origin.channel_order) == (kind, order)
    assert after.origin.sha256 == written
    for name, value in before.state_dict().items():
        torch.testing.assert_close(after.state_dict()[name], value, rtol=0, atol=0)
    with safe_open(target, "pt") as file:
        assert set(file.keys()) == set(before.state_dict())
        source = json.loads(file.metadata()["lacuna.origin"])
    assert source == {"name": kind, "channel_order": order, "sha256": sha256(path)}


def test_conversion_of_what_was_converted_keeps_the_channel_order(tmp_path, keras_network):
    path = write_keras(tmp_path / "vgg.h5", keras_arrays(keras_network))
    once, twice = tmp_path / "once.safetensors", tmp_path / "twice.safetensors"
    convert(path, once, width=WIDTH)
    origin, _ = convert(once, twice, width=WIDTH)
    assert (origin.name, origin.channel_order, origin.sha256) == (
        "keras-vggface",
        "bgr",
        sha256(once),
    )
    assert load_weights(twice, sha256(twice), width=WIDTH).origin.channel_order == "bgr"


def test_conversion_is_deterministic(tmp_path, network):
    torch.save(network.state_dict(), tmp_path / "vgg.pth")
    hashes = {
        convert(tmp_path / "vgg.pth", tmp_path / f"{n}.safetensors", width=WIDTH)[1]
        for n in range(5)
    }
    assert len(hashes) == 1


@pytest.mark.parametrize("origin", ["no JSON", "[]", '{"name": "x", "channel_order": "hsv"}'])
def test_an_unreadable_origin_is_refused(tmp_path, network, origin):
    path = tmp_path / "vgg.safetensors"
    save_file(network.state_dict(), path, {"lacuna.origin": origin})
    with pytest.raises(InputError, match=r"vgg\.safetensors"):
        load_weights(path, sha256(path), width=WIDTH)


@pytest.fixture
def command(monkeypatch, capsys):
    """Runs the command; returns its exit status and what it printed."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["vggface_weights", "convert", *map(str, arguments)])
        try:
            main()
        except SystemExit as ended:
            return ended.code, capsys.readouterr()
        return 0, capsys.readouterr()

    return run


def test_command_prints_the_lines_for_params(tmp_path, network, command, monkeypatch):
    monkeypatch.setattr(vggface_weights, "convert", partial(convert, width=WIDTH))
    source, target = tmp_path / "vgg.pth", tmp_path / "a: b.safetensors"
    torch.save(network.state_dict(), source)
    status, printed = command(source, target, "--sha256", sha256(source).upper())
    assert (status, printed.err) == (0, "")
    assert f"read {source} (torchvision, rgb), sha256 {sha256(source)}" in printed.out
    assert f"wrote {target}, sha256 {sha256(target)}" in printed.out
    lines = printed.out[printed.out.index("fc6:") :]
    settings = VGGFaceSettings(**YAML(typ="safe").load(lines)["fc6"])
    assert (settings.weights, settings.sha256) == (str(target), sha256(target))


@pytest.mark.parametrize(
    ("source", "target", "options", "sentence"),
    [
        ("none.h5", "out.safetensors", (), "none.h5 cannot be read"),
        ("small.pth", "out.pth", (), "out.pth is not a name for safetensors"),
        ("small.pth", "out.safetensors", ("--sha256", "00"), "expected 00"),
        (
            "small.pth",
            "out.safetensors",
            (),
            "the weight of conv1_1 (features.0.weight) has shape (4, 3, 3, 3), "
            "expected (64, 3, 3, 3)",
        ),
        ("text.h5", "out.safetensors", (), "is not an HDF5 file"),
    ],
)
def test_command_says_what_is_wrong(tmp_path, network, command, source, target, options, sentence):
    torch.save(network.state_dict(), tmp_path / "small.pth")
    (tmp_path / "text.h5").write_text("text")
    status, printed = command(tmp_path / source, tmp_path / target, *options)
    assert (status, printed.out) == (1, "")
    assert sentence in printed.err
    assert len(printed.err.splitlines()) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"small.pth", "text.h5"}


@pytest.mark.parametrize("target", ["none/out.safetensors", "file/out.safetensors"])
def test_target_that_cannot_be_written(tmp_path, network, target):
    torch.save(network.state_dict(), tmp_path / "vgg.pth")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        convert(tmp_path / "vgg.pth", tmp_path / target, width=WIDTH)


def test_an_older_target_stays_when_writing_fails(tmp_path, network, monkeypatch):
    torch.save(network.state_dict(), tmp_path / "vgg.pth")
    target = tmp_path / "out.safetensors"
    target.write_text("old")

    def full(state, path, metadata):
        path.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(vggface_weights, "save_file", full)
    with pytest.raises(InputError, match="No space left"):
        convert(tmp_path / "vgg.pth", target, width=WIDTH)
    assert target.read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"vgg.pth", "out.safetensors"}


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
