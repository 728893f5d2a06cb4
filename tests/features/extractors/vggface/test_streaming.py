import copy
import itertools
from unittest import mock

import numpy as np
import pytest
import torch

from features.extractors.batches import CropBlock, rows_of_blocks
from features.extractors.settings import VGGFaceSettings
from features.extractors.vggface import extractor
from features.extractors.vggface.network import blank_crop, compute_fc6, prepare, preprocess
from features.extractors.vggface.streaming import fit_to_device
from features.extractors.vggface.weights import random_weights

WIDTH = 1 / 16
SETTINGS = VGGFaceSettings(batch_size=4)


@pytest.fixture(scope="module")
def network():
    return prepare(random_weights(0, width=WIDTH), "cpu", torch.float32)


def extract_fc6(network, blocks, settings):
    device = next(network.parameters()).device.type
    with mock.patch.object(extractor, "load_vggface", return_value=network):
        yield from rows_of_blocks(extractor.VGGFace(settings, device), blocks)


def make_crops(count, seed=0):
    """Smooth random pictures."""
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 12, 12, 3), np.uint8)
    return coarse.repeat(8, axis=1).repeat(8, axis=2)


def blocks_of(crops, present, lengths):
    ends = list(itertools.accumulate(lengths))
    parts = [slice(end - length, end) for end, length in zip(ends, lengths, strict=True)]
    return [CropBlock(tag, crops[part], present[part]) for tag, part in enumerate(parts)]


def extract(network, crops, lengths, *, present=None, settings=SETTINGS):
    """fc6 of crops that come in blocks, and of which block each row is."""
    present = np.ones(len(crops), bool) if present is None else present
    parts = list(extract_fc6(network, blocks_of(crops, present, lengths), settings))
    tags = np.repeat([tag for tag, _ in parts], [len(fc6) for _, fc6 in parts])
    return np.concatenate([fc6 for _, fc6 in parts]), tags


# ------------------------------------------------------------------ stream


def test_features_are_those_of_the_network(network):
    crops = make_crops(11)
    fc6, _ = extract(network, crops, [11])
    assert (fc6.shape, fc6.dtype) == ((11, 256), np.float16)
    expected = compute_fc6(network, torch.from_numpy(crops), SETTINGS)
    np.testing.assert_allclose(fc6, expected, rtol=2e-3, atol=1e-4)


@pytest.mark.parametrize("method", ["vggface", "paper"])
@pytest.mark.parametrize("side", [96, 224])
def test_a_blank_face_is_what_preprocessing_makes_zero(network, method, side):
    settings = VGGFaceSettings(preprocessing=method, input_size=side, batch_size=2)
    crop = torch.from_numpy(blank_crop(settings))
    assert crop.shape == (side, side, 3)
    values = preprocess(crop.permute(2, 0, 1)[None], method, "rgb")
    step = 1 if method == "vggface" else 2 / 255  # of a colour of 8 bits
    assert values.abs().max() <= step / 2 + 1e-6
    biased = copy.deepcopy(network)
    for name, parameter in biased.named_parameters():
        if name.endswith("bias"):
            parameter.fill_(10.0)  # random weights have none, and then nothing leads to nothing
    ((_, (fc6,)),) = extract_fc6(
        biased, [CropBlock(None, blank_crop(settings)[None], np.ones(1, bool))], settings
    )
    assert (fc6.shape, fc6.dtype) == ((256,), np.float16)
    with torch.inference_mode():
        zeros = biased(torch.zeros(1, 3, side, side)).relu()[0]
    np.testing.assert_allclose(fc6, zeros, atol=0.01 * float(zeros.max()))


@pytest.mark.parametrize("lengths", [[4, 4, 4], [1, 0, 10, 1], [12], [0, 0, 12, 0], [5, 7]])
def test_rows_come_in_order_with_their_tags(network, lengths):
    crops = make_crops(12)
    fc6, tags = extract(network, crops, lengths)
    np.testing.assert_array_equal(tags, np.repeat(range(len(lengths)), lengths))
    np.testing.assert_array_equal(fc6, extract(network, crops, [12])[0])


def test_absent_frames_are_zero_and_cost_nothing(network, monkeypatch):
    present = np.array([True, False, False, True, False, True, True, False, True, True, False])
    crops = make_crops(11)
    batches = []
    monkeypatch.setattr(
        network, "forward", lambda x, plain=network.forward: (batches.append(len(x)), plain(x))[1]
    )
    fc6, _ = extract(network, crops, [3, 8], present=present)
    assert batches == [4, 4]
    assert not fc6[~present].any()
    np.testing.assert_array_equal(fc6[present], extract(network, crops[present], [6])[0])


@pytest.mark.parametrize("lengths", [[], [0], [3, 0]])
def test_without_a_face_nothing_is_computed(network, monkeypatch, lengths):
    monkeypatch.delattr(type(network), "forward")
    count = sum(lengths)
    blocks = blocks_of(make_crops(count), np.zeros(count, bool), lengths)
    parts = list(extract_fc6(network, blocks, SETTINGS))
    assert [(tag, fc6.shape) for tag, fc6 in parts] == [
        (tag, (length, 256)) for tag, length in enumerate(lengths)
    ]
    assert not any(fc6.any() for _, fc6 in parts)


def test_long_blocks_come_back_bit_by_bit(network):
    present = np.zeros(100, bool)
    parts = list(extract_fc6(network, [CropBlock("a", make_crops(100), present)], SETTINGS))
    assert [len(fc6) for _, fc6 in parts] == [4] * 25


def test_overflow_shows(network):
    loud = copy.deepcopy(network)
    loud.classifier[0].weight.mul_(1e6)
    assert np.isinf(extract(loud, make_crops(1), [1])[0]).any()


def test_errors_of_the_source_reach_the_caller(network):
    def source():
        yield CropBlock(0, make_crops(9), np.ones(9, bool))
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(extract_fc6(network, source(), SETTINGS))


# ------------------------------------------------------------------ bits


def check_bits(network, settings, *, batches=2):
    """A frame has the same bits wherever it lies in whichever batch."""
    count = batches * settings.batch_size
    crops = make_crops(count)
    expected, _ = extract(network, crops, [count], settings=settings)
    order = np.random.default_rng(1).permutation(count)
    found, _ = extract(network, crops[order], [count], settings=settings)
    np.testing.assert_array_equal(found, expected[order])
    alone, _ = extract(network, crops[5:12], [3, 4], settings=settings)
    np.testing.assert_array_equal(alone, expected[5:12])


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("size", [96, 224])
def test_bits_do_not_depend_on_the_batch(network, precision, size):
    settings = fit_to_device(VGGFaceSettings(input_size=size), "cpu")
    check_bits(prepare(copy.deepcopy(network), "cpu", precision), settings)


@pytest.mark.slow
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_bits_do_not_depend_on_the_batch_at_full_width(precision):
    network = prepare(random_weights(0), "cpu", precision)
    check_bits(network, fit_to_device(VGGFaceSettings(), "cpu"), batches=1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("size", [96, 224])
def test_gpu(network, size):
    settings = fit_to_device(VGGFaceSettings(input_size=size), "cuda")
    there = prepare(random_weights(0, width=WIDTH), "cuda", torch.bfloat16)
    check_bits(there, settings)
    crops = make_crops(3 * settings.batch_size + 5)
    found, _ = extract(there, crops, [len(crops)], settings=settings)
    exact, _ = extract(network, crops, [len(crops)], settings=settings)
    cosine = (found.astype(float) * exact).sum(1) / (
        np.linalg.norm(found.astype(float), axis=1) * np.linalg.norm(exact.astype(float), axis=1)
    )
    assert cosine.min() > 0.999


# ------------------------------------------------------------------ batch size


@pytest.mark.parametrize(("device", "size"), [("cpu", 96), ("cpu", 224), ("cuda", 96)])
def test_batch_size_fits_the_device_unless_it_is_set(device, size):
    fitted = fit_to_device(VGGFaceSettings(input_size=size), device)
    assert fitted.batch_size == {"cpu": {96: 32, 224: 8}, "cuda": {96: 512}}[device][size]
    assert fit_to_device(VGGFaceSettings(batch_size=3), device).batch_size == 3
