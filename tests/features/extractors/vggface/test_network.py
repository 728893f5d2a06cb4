import copy

import cv2
import numpy as np
import pytest
import skimage.data
import torch

from features.extractors.settings import VGGFaceSettings
from features.extractors.vggface import network as vggface
from features.extractors.vggface.network import Origin, VGGFaceFC6, compute_fc6, prepare, preprocess
from features.extractors.vggface.weights import random_weights

WIDTH = 1 / 16


@pytest.fixture(scope="module")
def network():
    return prepare(random_weights(0, width=WIDTH), "cpu", torch.float32)


@pytest.fixture(scope="module")
def crops():
    face = skimage.data.astronaut()[10:220, 120:330]
    shifts = [np.roll(face, 4 * shift, axis=1) for shift in range(7)]
    return torch.from_numpy(np.stack([cv2.resize(face, (96, 96)) for face in shifts]))


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


# ------------------------------------------------------------------ fc6 of a batch


def test_a_batch_equals_the_network_frame_by_frame(network, crops):
    fc6 = compute_fc6(network, crops, VGGFaceSettings())
    assert (fc6.shape, fc6.dtype) == ((7, 256), torch.float16)
    for crop, row in zip(crops, fc6, strict=True):
        expected = network(preprocess(crop.permute(2, 0, 1)[None], "vggface", "rgb")).relu()[0]
        np.testing.assert_allclose(row, expected, rtol=2e-3, atol=1e-4)


def test_relu_is_a_setting(network, crops):
    plain = compute_fc6(network, crops, VGGFaceSettings(rectify=False))
    assert (plain < 0).any()
    assert torch.equal(plain.relu(), compute_fc6(network, crops, VGGFaceSettings(rectify=True)))


def test_preprocessing_is_a_setting(network, crops):
    found = compute_fc6(network, crops, VGGFaceSettings(preprocessing="paper")).float()
    expected = network(preprocess(crops.permute(0, 3, 1, 2), "paper", "rgb")).relu()
    torch.testing.assert_close(found, expected, rtol=2e-3, atol=1e-5)


@pytest.mark.parametrize(("before", "after"), [(96, 224), (256, 224), (64, 96)])
def test_crops_are_resized_to_the_input_size(network, crops, before, after):
    crops = np.stack([cv2.resize(crop, (before, before)) for crop in crops.numpy()])
    resized = np.stack([cv2.resize(crop, (after, after)) for crop in crops])
    settings = VGGFaceSettings(input_size=after)
    found = compute_fc6(network, torch.from_numpy(crops), settings).float()
    expected = compute_fc6(network, torch.from_numpy(resized), settings).float()
    # OpenCV rounds to whole numbers, of which this is the effect.
    assert (found - expected).norm() < 0.02 * expected.norm()


def test_channel_order_of_the_weights_is_used(network, crops):
    swapped = copy.deepcopy(network)
    swapped.origin = Origin("keras-vggface", "bgr")
    swapped.features[0].weight.copy_(network.features[0].weight.flip(1))
    found, expected = (compute_fc6(of, crops, VGGFaceSettings()) for of in (swapped, network))
    torch.testing.assert_close(found, expected, rtol=2e-3, atol=1e-4)


def test_bfloat16_is_close(network, crops):
    half = prepare(copy.deepcopy(network), "cpu", torch.bfloat16)
    exact, close = (
        compute_fc6(of, crops, VGGFaceSettings()).double().flatten() for of in (network, half)
    )
    assert torch.cosine_similarity(exact, close, dim=0) > 0.999


# ------------------------------------------------------------------ precision


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ({torch.float32: 1.0, torch.bfloat16: 0.5}, torch.bfloat16),
        ({torch.float32: 1.0, torch.bfloat16: 0.95}, torch.float32),
        ({torch.float32: 1.0, torch.bfloat16: 9.0}, torch.float32),
    ],
)
def test_precision_is_what_is_clearly_faster(monkeypatch, seconds, expected):
    monkeypatch.setattr(vggface, "_trial_seconds", seconds.get)
    assert vggface.choose_precision("cpu") is expected


def test_trial_takes_time(monkeypatch):
    monkeypatch.setattr(vggface, "_TRIAL_SHAPE", (1, 3, 32, 32))
    assert vggface.choose_precision("cpu") in (torch.float32, torch.bfloat16)


def test_a_gpu_takes_bfloat16():
    assert vggface.choose_precision("cuda") is torch.bfloat16
