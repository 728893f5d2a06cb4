"""Networks of pictures in ONNX files: against onnxruntime run by hand, and each fault."""

import hashlib

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from pydantic import ValidationError

from features.errors import InputError
from features.extractors.batches import CropBlock, rows_of_blocks
from features.extractors.onnx import model_file
from features.extractors.onnx.extractor import Onnx
from features.extractors.onnx.settings import OnnxSettings
from features.extractors.own import is_of_crops
from tests.helpers.onnx_files import picture_network, save

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def settings(path, sha256, *, output=None, **picture):
    picture = {"size": 12, "mean": list(MEAN), "std": list(STD)} | picture
    return OnnxSettings(
        modality="video", path=str(path), sha256=sha256, output=output, picture=picture
    )


def make_crops(count, side=12):
    return np.random.default_rng(1).integers(0, 256, (count, side, side, 3), np.uint8)


def by_hand(path, values):
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: values.astype(np.float32)})[0]


def test_rows_are_those_of_onnxruntime(tmp_path):
    path = tmp_path / "net.onnx"
    of = settings(path, picture_network(path), batch_size=4)
    assert is_of_crops(of)
    crops = make_crops(6)
    present = np.array([1, 1, 0, 1, 1, 1], bool)
    ((_, first), (_, rest)) = rows_of_blocks(Onnx(of, "cpu"), [CropBlock(0, crops, present)])
    found = np.concatenate([first, rest])
    values = ((crops / 255 - MEAN) / STD).transpose(0, 3, 1, 2)
    expected = by_hand(path, values).reshape(6, 5) * present[:, None]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("colour", "layout", "side"),
    [("bgr", "NCHW", 12), ("grey", "NCHW", 12), ("rgb", "NHWC", 24), ("rgb", "NCHW", 6)],
)
def test_crops_come_as_the_settings_say(tmp_path, colour, layout, side):
    path = tmp_path / "net.onnx"
    channels = 1 if colour == "grey" else 3
    sha256 = picture_network(path, channels=channels, layout=layout)
    of = settings(path, sha256, colour=colour, layout=layout, mean=[0.5], std=[0.5])
    crops = make_crops(3, side)
    way = cv2.INTER_AREA if side > 12 else cv2.INTER_LINEAR
    pictures = np.stack([cv2.resize(crop, (12, 12), interpolation=way) for crop in crops])
    if colour == "grey":
        grey = pictures @ np.array([0.299, 0.587, 0.114])
        pictures = np.round(grey)[..., None]
    elif colour == "bgr":
        pictures = pictures[..., ::-1]
    values = pictures / 127.5 - 1
    values = values.transpose(0, 3, 1, 2) if layout == "NCHW" else values
    np.testing.assert_allclose(
        Onnx(of, "cpu").describe(crops),
        by_hand(path, values).reshape(3, 5),
        atol=0.02 if colour == "grey" else 1e-4,
    )


def test_a_blank_crop_becomes_zeros(tmp_path):
    path = tmp_path / "net.onnx"
    extractor = Onnx(settings(path, picture_network(path)), "cpu")
    largest = np.abs(extractor.describe(make_crops(1))).max()
    assert np.abs(extractor.describe(extractor.blank_crop()[None])).max() < 0.05 * largest


def test_a_gpu_is_used_only_where_onnxruntime_has_one(monkeypatch):
    assert model_file.device_for("cuda") == (
        "cuda" if model_file.CUDA in onnxruntime.get_available_providers() else "cpu"
    )
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [model_file.CUDA])
    assert model_file.device_for("cuda") == "cuda"
    assert model_file.device_for("cpu") == "cpu"


# ------------------------------------------------------------------ faults


@pytest.mark.parametrize(
    ("network", "picture", "says"),
    [
        ({"batch": 1}, {}, "takes batches of 1 pictures alone"),
        ({}, {"size": 16}, r"takes an input of \(\?, 3, 12, 12\), not of \(batch, 3, 16, 16\)"),
        ({}, {"colour": "grey", "mean": [0.5], "std": [0.5]}, r"not of \(batch, 1, 12, 12\)"),
        ({"layout": "NHWC"}, {}, r"input of \(\?, 12, 12, 3\)"),
        ({"pooled": False}, {}, r"gives \(2, 5, 12, 12\) for two pictures"),
    ],
)
def test_shapes_are_compared_with_the_settings(tmp_path, network, picture, says):
    path = tmp_path / "net.onnx"
    sha256 = picture_network(path, **network)
    with pytest.raises(InputError, match=says):
        Onnx(settings(path, sha256, **picture), "cpu")


def test_another_content_is_refused(tmp_path):
    path = tmp_path / "net.onnx"
    picture_network(path)
    with pytest.raises(InputError, match=f"has the sha256 .*, not {'0' * 64}"):
        Onnx(settings(path, "0" * 64), "cpu")
    with pytest.raises(InputError, match=r"gone\.onnx cannot be read"):
        Onnx(settings(tmp_path / "gone.onnx", "0" * 64), "cpu")


def test_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    path = tmp_path / "net.onnx"
    sha256 = picture_network(path)
    monkeypatch.setattr(model_file, "LARGEST", 100)
    monkeypatch.setattr(type(path), "read_bytes", None)
    with pytest.raises(InputError, match="more than the 2 GB"):
        Onnx(settings(path, sha256), "cpu")


@pytest.mark.parametrize("content", [b"", b"\x00\x01 no network", b"\xff" * 64])
def test_what_is_no_network_is_refused(tmp_path, content):
    path = tmp_path / "net.onnx"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not an ONNX file"):
        Onnx(settings(path, hashlib.sha256(content).hexdigest()), "cpu")


def test_weights_in_other_files_are_refused(tmp_path):
    path = tmp_path / "net.onnx"
    picture_network(path)
    onnx.save_model(
        onnx.load(path), path, save_as_external_data=True, size_threshold=0, location="w.bin"
    )
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(InputError, match="keeps the weights kernel in another file"):
        Onnx(settings(path, sha256), "cpu")


def two_headed(path, kind=TensorProto.FLOAT):
    nodes = [helper.make_node("ReduceMean", ["x"], [f"y{n}"], axes=[2, 3]) for n in (1, 2)]
    nodes += [helper.make_node("Identity", ["more"], ["z"])]
    shape = ["batch", 3, 12, 12]
    return save(
        path,
        nodes if kind == TensorProto.FLOAT else nodes[2:],
        [("x", kind, shape), ("more", TensorProto.FLOAT, ["batch", 1])],
        [(name, None) for name in (("y1", "y2") if kind == TensorProto.FLOAT else ("z",))],
    )


def test_inputs_and_outputs_are_named(tmp_path):
    path = tmp_path / "net.onnx"
    sha256 = two_headed(path)
    with pytest.raises(InputError, match="has the inputs x, more, and input names none"):
        Onnx(settings(path, sha256), "cpu")
    of = settings(path, sha256).model_copy(update={"input": "x"})
    with pytest.raises(InputError, match="also needs the inputs more"):
        Onnx(of, "cpu")
    picture_sha = picture_network(path)
    with pytest.raises(InputError, match="has no output wrong: it has vector"):
        Onnx(settings(path, picture_sha, output="wrong"), "cpu")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"picture": None}, "picture is missing"),
        ({"modality": "audio"}, "sound is missing"),
        ({"picture": {"size": 12, "mean": [0.5, 0.5]}}, "mean must have one number, or 3"),
        ({"picture": {"size": 12, "std": [0.0]}}, "std must be positive"),
        ({"sound": {}}, "sound is given, but the stream is video"),
    ],
)
def test_settings_that_cannot_be(changes, says):
    given = {"modality": "video", "path": "a.onnx", "sha256": "0" * 64, "picture": {"size": 12}}
    with pytest.raises(ValidationError, match=says):
        OnnxSettings(**{**given, **changes})


def test_a_file_is_the_same_elsewhere():
    given = {"modality": "video", "sha256": "0" * 64, "picture": {"size": 12}}
    here, there = OnnxSettings(path="a.onnx", **given), OnnxSettings(path="b/c.onnx", **given)
    assert here.of_rows() == there.of_rows()
    assert here.files()[0].sha256 == "0" * 64
