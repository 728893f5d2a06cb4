import copy

import cv2
import numpy as np
import pytest
import skimage.data
import torch

from features import vggface
from features.errors import InputError
from features.settings import FC6Settings
from features.vggface import Origin, VGGFaceFC6, extract_fc6, prepare, preprocess
from features.vggface_weights import random_weights

WIDTH = 1 / 16


@pytest.fixture(scope="module")
def network():
    return prepare(random_weights(0, width=WIDTH), "cpu", torch.float32)


@pytest.fixture(scope="module")
def crops():
    face = skimage.data.astronaut()[10:220, 120:330]
    shifts = [np.roll(face, 4 * shift, axis=1) for shift in range(7)]
    return np.stack([cv2.resize(face, (96, 96)) for face in shifts])


def test_names_and_shapes_are_torchvision_s():
    with torch.device("meta"):
        shapes = {k: tuple(v.shape) for k, v in VGGFaceFC6(Origin("x", "rgb")).state_dict().items()}
    convolutions = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
    expected = {f"features.{n}.{k}" for n in convolutions for k in ("weight", "bias")}
    assert set(shapes) == expected | {"classifier.0.weight", "classifier.0.bias"}
    assert shapes["features.0.weight"] == (64, 3, 3, 3)
    assert shapes["features.28.weight"] == (512, 512, 3, 3)
    assert shapes["classifier.0.weight"] == (4096, 25088)


@pytest.mark.parametrize("size", [96, 224])
def test_both_input_sizes(network, size):
    assert network(torch.zeros(2, 3, size, size)).shape == (2, 256)


# ------------------------------------------------------------------ preprocessing


def test_preprocessing_vggface_keeps_or_swaps_channels():
    picture = torch.tensor([200, 100, 50], dtype=torch.uint8).view(1, 3, 1, 1)
    rgb = preprocess(picture, "vggface", "rgb").flatten()
    np.testing.assert_allclose(rgb, [200 - 129.1863, 100 - 104.7624, 50 - 93.5940], rtol=1e-6)
    torch.testing.assert_close(preprocess(picture, "vggface", "bgr").flatten(), rgb.flip(0))


def test_preprocessing_paper_is_minus_one_to_one():
    picture = torch.tensor([0, 255, 51], dtype=torch.uint8).view(1, 3, 1, 1)
    np.testing.assert_allclose(
        preprocess(picture, "paper", "rgb").flatten(), [-1, 1, -0.6], atol=1e-6
    )


def test_unknown_preprocessing():
    with pytest.raises(ValueError, match="imagenet"):
        preprocess(torch.zeros(1, 3, 1, 1, dtype=torch.uint8), "imagenet", "rgb")


# ------------------------------------------------------------------ extraction


def test_extraction_equals_the_network_frame_by_frame(network, crops):
    settings = FC6Settings(batch_size=3)
    fc6 = extract_fc6(network, crops, np.ones(7, bool), settings)
    assert (fc6.shape, fc6.dtype) == ((7, 256), np.float16)
    for crop, row in zip(crops, fc6, strict=True):
        picture = torch.from_numpy(crop).permute(2, 0, 1)[None]
        expected = network(preprocess(picture, "vggface", "rgb")).relu()[0]
        np.testing.assert_allclose(row, expected, rtol=2e-3, atol=1e-4)


def test_absent_frames_are_zero_and_cost_nothing(network, crops, monkeypatch):
    present = np.array([True, False, False, True, False, True, True])
    seen = []
    monkeypatch.setattr(
        network, "forward", lambda x, plain=network.forward: (seen.append(len(x)), plain(x))[1]
    )
    fc6 = extract_fc6(network, crops, present, FC6Settings(batch_size=3))
    assert seen == [3, 1]
    assert not fc6[~present].any()
    assert fc6[present].any(axis=1).all()


@pytest.mark.parametrize("frames", [0, 3])
def test_nothing_to_compute(network, frames):
    crops, present = np.zeros((frames, 96, 96, 3), np.uint8), np.zeros(frames, bool)
    assert extract_fc6(network, crops, present, FC6Settings()).shape == (frames, 256)


def test_relu_is_a_setting(network, crops):
    present = np.ones(len(crops), bool)
    plain = extract_fc6(network, crops, present, FC6Settings(rectify=False))
    assert (plain < 0).any()
    rectified = extract_fc6(network, crops, present, FC6Settings(rectify=True))
    np.testing.assert_array_equal(np.maximum(plain, 0), rectified)


def test_input_size_resizes_the_crops(network, crops):
    present = np.ones(len(crops), bool)
    large = np.stack([cv2.resize(crop, (224, 224)) for crop in crops])
    np.testing.assert_array_equal(
        extract_fc6(network, crops, present, FC6Settings(input_size=224)),
        extract_fc6(network, large, present, FC6Settings(input_size=224)),
    )


def test_channel_order_of_the_weights_is_used(network, crops):
    swapped = copy.deepcopy(network)
    swapped.origin = Origin("keras-vggface", "bgr")
    swapped.features[0].weight.copy_(network.features[0].weight.flip(1))
    present = np.ones(len(crops), bool)
    np.testing.assert_allclose(
        extract_fc6(swapped, crops, present, FC6Settings()),
        extract_fc6(network, crops, present, FC6Settings()),
        rtol=2e-3,
        atol=1e-4,
    )


def test_bfloat16_is_close(network, crops):
    half = prepare(copy.deepcopy(network), "cpu", torch.bfloat16)
    present = np.ones(len(crops), bool)
    exact = extract_fc6(network, crops, present, FC6Settings()).astype(np.float64)
    close = extract_fc6(half, crops, present, FC6Settings()).astype(np.float64)
    cosine = (exact * close).sum() / np.linalg.norm(exact) / np.linalg.norm(close)
    assert cosine > 0.999


def test_progress_counts_every_frame(network, crops):
    present = np.array([True, False, False, True, False, True, True])
    steps = []
    extract_fc6(network, crops, present, FC6Settings(batch_size=3), steps.append)
    assert sum(steps) == len(crops)


def test_overflow_is_an_input_error(network, crops):
    loud = copy.deepcopy(network)
    loud.classifier[0].weight.mul_(1e6)
    with pytest.raises(InputError, match="not finite"):
        extract_fc6(loud, crops, np.ones(len(crops), bool), FC6Settings())


# ------------------------------------------------------------------ precision


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ({torch.float32: 1.0, torch.bfloat16: 0.5}, torch.bfloat16),
        ({torch.float32: 1.0, torch.bfloat16: 0.95}, torch.float32),
        ({torch.float32: 1.0, torch.bfloat16: 9.0}, torch.float32),
    ],
)
def test_precision_is_what_is_clearly_faster(network, monkeypatch, seconds, expected):
    monkeypatch.setattr(vggface, "_trial_seconds", lambda _, precision: seconds[precision])
    assert vggface.choose_precision(network) is expected


def test_trial_leaves_the_network_alone(network):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    assert vggface.choose_precision(network) in (torch.float32, torch.bfloat16)
    for name, value in network.state_dict().items():
        assert value.dtype is torch.float32
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_gpu_is_close_to_the_cpu(network, crops):
    present = np.ones(len(crops), bool)
    exact = extract_fc6(network, crops, present, FC6Settings()).astype(np.float64)
    there = copy.deepcopy(network).to("cuda")
    assert vggface.choose_precision(there) is torch.bfloat16
    prepare(there, "cuda", torch.bfloat16)
    close = extract_fc6(there, crops, present, FC6Settings()).astype(np.float64)
    assert (exact * close).sum() / np.linalg.norm(exact) / np.linalg.norm(close) > 0.999
