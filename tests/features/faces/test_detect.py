import hashlib
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from features.errors import InputError
from features.faces.boxes import overlap
from features.faces.detect import DETECTORS, load_detector
from features.hashes import verify_sha256
from features.media import decoding as media
from features.settings import (
    DETECTOR_FILES,
    DETECTOR_LICENCES,
    SMOOTHING,
    DetectorModels,
    FaceSettings,
    ModelFile,
)
from tests.helpers.face_factory import (
    CLIPS,
    HEIGHT,
    MODELS,
    WIDTH,
    film,
    model_file,
    portrait,
    ssd,
    yunet,
)

needs_models = pytest.mark.skipif(not MODELS, reason="LACUNA_TEST_MODELS is not set")


def settings_of(name):
    makers = {"ssd": ssd, "yunet": yunet}
    return makers[name]() if name in makers else FaceSettings(detector=name)


NAMES = ["hog", "cnn", *(pytest.param(name, marks=needs_models) for name in ("ssd", "yunet"))]


@pytest.mark.parametrize("name", NAMES)
def test_detector_finds_the_face_in_pixels_of_the_picture(name):
    if name == "cnn":
        pytest.importorskip("dlib")
    picture, expected = portrait()
    boxes, scores = load_detector(settings_of(name))(picture)
    assert (boxes.dtype, scores.dtype) == (np.float32, np.float32)
    assert (boxes.shape, scores.shape) == ((1, 4), (1,))
    assert overlap(boxes, expected[None])[0] > 0.55
    assert scores[0] > 0.5


@pytest.mark.parametrize("name", NAMES)
def test_detector_finds_nothing_in_nothing(name):
    boxes, scores = load_detector(settings_of(name))(np.full((HEIGHT, WIDTH, 3), 90, np.uint8))
    assert (boxes.shape, scores.shape) == ((0, 4), (0,))


@pytest.mark.parametrize("name", [n for n in NAMES if n != "cnn"])
def test_pictures_may_change_their_size(name):
    detect = load_detector(settings_of(name))
    picture, expected = portrait()
    larger = cv2.resize(picture, (int(1.3 * WIDTH), int(1.3 * HEIGHT)))
    for shown, scale in ((picture, 1.0), (larger, 1.3), (picture, 1.0)):
        boxes, _ = detect(shown)
        assert overlap(boxes, scale * expected[None])[0] > 0.55


@pytest.mark.parametrize("name", [n for n in NAMES if n != "cnn"])
def test_threads_do_not_change_what_is_found(name):
    picture, _ = portrait(77)
    found = []
    for _ in range(2):
        detect = load_detector(settings_of(name))
        assert cv2.getNumThreads() == 1
        found.append(detect(picture))
        cv2.setNumThreads(2)
    cv2.setNumThreads(1)
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])


@pytest.mark.parametrize("name", ["hog", "cnn"])
def test_it_is_face_recognition_s(name):
    recognition = pytest.importorskip("face_recognition")
    picture, _ = portrait()
    ((top, right, bottom, left),) = recognition.face_locations(picture, 0, name)
    boxes, _ = load_detector(FaceSettings(detector=name))(picture)
    np.testing.assert_array_equal(boxes, [[left, top, right + 1, bottom + 1]])


def test_cnn_finds_nothing_in_a_picture_too_small_for_it():
    detect = load_detector(FaceSettings(detector="cnn"))
    for height, width in ((40, 1), (2, 40), (4, 4), (640, 8), (16, 16)):
        boxes, scores = detect(np.zeros((height, width, 3), np.uint8))
        assert (boxes.shape, scores.shape) == ((0, 4), (0,))


@pytest.mark.parametrize("name", NAMES)
def test_every_thread_has_a_detector_of_its_own_and_loads_it_once(name):
    settings = settings_of(name)
    again = settings.model_copy(update={"size": 64})
    with ThreadPoolExecutor(1) as thread:
        other = thread.submit(load_detector, settings).result()
    assert load_detector(settings) is load_detector(again) is not other
    if name in ("hog", "cnn"):
        assert load_detector(settings)._model is not other._model


def test_smallest_face_of_hog():
    detect = load_detector(FaceSettings())
    assert len(detect(portrait(60, share=0.3)[0])[0]) == 1
    assert len(detect(portrait(60, share=0.15)[0])[0]) == 0


def test_every_detector_of_the_settings_is_there():
    assert set(DETECTORS) == set(DETECTOR_FILES) == set(DETECTOR_LICENCES)


def test_missing_package_of_cnn(monkeypatch):
    from features.faces import dlib_detectors

    monkeypatch.setattr(dlib_detectors, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"face_recognition_models; install"):
        dlib_detectors.CnnDetector()


# ------------------------------------------------------------------ model files


def test_wrong_content_is_not_loaded(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"content")
    verify_sha256(path, hashlib.sha256(b"content").hexdigest(), "file", "get it")
    with pytest.raises(InputError, match=r"file .*model.onnx has sha256 ed70.* expected 0000"):
        verify_sha256(path, 64 * "0", "file", "get it")


def test_missing_file_says_where_it_is_published(tmp_path):
    model = ModelFile(path=str(tmp_path / "none.onnx"), sha256=64 * "0")
    with pytest.raises(InputError, match=r"none\.onnx cannot .*faces\.models\.yunet.*opencv_zoo"):
        load_detector(FaceSettings(detector="yunet", models=DetectorModels(yunet=model)))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (
            {"detector": "yunet"},
            r"models\.yunet is missing: yunet needs .*github\.com/opencv/opencv_zoo",
        ),
        ({"detector": "ssd"}, r"models\.ssd is missing: ssd needs .*caffemodel"),
        (
            {"detector": "ssd", "models": {"ssd": {"path": "m", "sha256": 64 * "0"}}},
            r"models\.ssd_config is missing",
        ),
        ({"alignment": "landmarks"}, r"which hog does not find: set detector to yunet"),
        ({"detector": "dnn"}, r"'hog', 'cnn', 'ssd' or 'yunet'"),
        ({"margin": 10.5}, r"margin\n.*less than or equal to 10"),
        ({"size": 1025}, r"size\n.*less than or equal to 1024"),
        ({"every": 301}, r"every\n.*less than or equal to 300"),
        ({"working_height": 4321}, r"working_height\n.*less than or equal to 4320"),
        ({"jpeg": 95, "size": 100}, r"size is 100; .* multiple of 8"),
    ],
)
def test_settings_that_do_not_fit(given, says):
    with pytest.raises(ValidationError, match=says):
        FaceSettings.model_validate(given)


def test_every_detector_has_its_smoothing():
    assert set(SMOOTHING) == set(DETECTORS)
    assert FaceSettings(smoothing=None) == FaceSettings() == FaceSettings(smoothing=7)


@pytest.mark.parametrize(("detector", "name"), [("yunet", "model.onnx"), ("ssd", "model.pb")])
def test_file_that_is_no_model(tmp_path, detector, name):
    path = tmp_path / name
    path.write_bytes(b"this is no model")
    file = ModelFile(path=str(path), sha256=hashlib.sha256(b"this is no model").hexdigest())
    keys = DETECTOR_FILES[detector]
    models = DetectorModels(**dict.fromkeys(keys, file))
    with pytest.raises(InputError, match=rf"is not a model of the detector {detector}; name in"):
        load_detector(FaceSettings(detector=detector, models=models))


@needs_models
def test_files_of_another_detector():
    model, config = (model_file("yunet_2026may.onnx"), model_file("opencv_face_detector.pbtxt"))
    models = DetectorModels(ssd=model, ssd_config=config)
    with pytest.raises(InputError, match=r"neither \.caffemodel nor \.pb; name in faces\.models"):
        load_detector(FaceSettings(detector="ssd", models=models))
    with pytest.raises(InputError, match="is not a model of the detector yunet"):
        load_detector(FaceSettings(detector="yunet", models=DetectorModels(yunet=config)))


def test_ssd_reads_caffe_files(tmp_path):
    config, model = tmp_path / "deploy.prototxt", tmp_path / "blue.caffemodel"
    config.write_text(blue_detector())
    model.write_bytes(b"\x0a\x04blue")  # a net of that name, without weights
    files = [
        ModelFile(path=str(path), sha256=hashlib.sha256(path.read_bytes()).hexdigest())
        for path in (model, config)
    ]
    detect = load_detector(
        FaceSettings(detector="ssd", models=DetectorModels(ssd=files[0], ssd_config=files[1]))
    )
    boxes, scores = detect(np.full((100, 200, 3), (0, 0, 180), np.uint8))
    np.testing.assert_allclose(boxes, [[50, 25, 150, 75]])
    np.testing.assert_allclose(scores, [0.01 * (180 - 104)], rtol=1e-4)
    assert len(detect(np.full((100, 200, 3), (180, 0, 0), np.uint8))[0]) == 0


def blue_detector():
    """A Caffe net of the SSD's input and output: one face, whose score is how blue it all is."""
    row = [(0, 0), (0, 1), (0.01, 0), (0, 0.25), (0, 0.25), (0, 0.75), (0, 0.75)]
    layers = [
        "layer { name: 'data' type: 'Input' top: 'data' "
        "input_param { shape { dim: 1 dim: 3 dim: 300 dim: 300 } } }",
        "layer { name: 'mean' type: 'Pooling' bottom: 'data' top: 'mean' "
        "pooling_param { pool: AVE global_pooling: true } }",
        "layer { name: 'split' type: 'Slice' bottom: 'mean' top: 'b' top: 'g' top: 'r' "
        "slice_param { axis: 1 slice_point: 1 slice_point: 2 } }",
        *(
            f"layer {{ name: 'c{i}' type: 'Power' bottom: 'b' top: 'c{i}' "
            f"power_param {{ scale: {scale} shift: {shift} }} }}"
            for i, (scale, shift) in enumerate(row)
        ),
        "layer { name: 'row' type: 'Concat' top: 'row' concat_param { axis: 3 } "
        + " ".join(f"bottom: 'c{i}'" for i in range(len(row)))
        + " }",
    ]
    return "\n".join(layers)


# ------------------------------------------------------------------ real clips


@needs_models
@pytest.mark.skipif(not CLIPS, reason="LACUNA_TEST_CLIPS is not set")
@pytest.mark.parametrize(("name", "share"), [("hog", 0.4), ("ssd", 0.7), ("yunet", 0.95)])
def test_share_of_film_frames_with_a_face(name, share):
    detect = load_detector(settings_of(name))
    pictures = [picture for _, picture in media.frames(film(), height=360)][::10]
    assert np.mean([len(detect(picture)[0]) > 0 for picture in pictures]) >= share


@pytest.mark.skipif(not CLIPS, reason="LACUNA_TEST_CLIPS is not set")
def test_crowd_needs_a_larger_working_height():
    from pathlib import Path

    path = Path(CLIPS) / "facenet_video.mp4"
    detect = load_detector(FaceSettings())
    found = [len(detect(next(media.frames(path, height=h))[1])[0]) for h in (240, 720)]
    assert found[0] == 0
    assert found[1] > 0
