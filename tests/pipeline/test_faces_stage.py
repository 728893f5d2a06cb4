import os
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from skimage import data

from features.errors import InputError
from features.extractors.settings import VGGFaceSettings
from features.faces.items import detect_item, take_item
from features.faces.store import write_tracks
from features.settings import DetectorModels, FaceSettings, ModelFile
from features.stores.assembling import assemble
from features.stores.store import open_store
from features.stores.writing import FinishedItem, new_item
from pipeline import faces
from pipeline.faces import job_of, recorded
from tests.helpers.face_factory import portrait
from tests.helpers.media_factory import make_video


def settings_with(path, sha256):
    return FaceSettings(
        detector="yunet", models=DetectorModels(yunet=ModelFile(path=path, sha256=sha256))
    )


def test_crops_depend_on_the_content_of_a_model_file_not_on_its_place():
    one, moved = settings_with("here.onnx", 64 * "a"), settings_with("there.onnx", 64 * "a")
    other = settings_with("here.onnx", 64 * "b")
    assert recorded(one) == recorded(moved) != recorded(other)


def test_the_face_on_one_side_is_taken(tmp_path):
    path = make_video(tmp_path / "clip.mp4", [portrait()[0]] * 3)
    detect_item(path, FaceSettings(working_height=180), "right", tmp_path / "out")
    item = FinishedItem(tmp_path / "out")
    assert item.small["present"].all(), "the portrait is right of the middle"
    assert item.small["track"].tolist() == [0, 0, 0]
    assert item.small["identity"].tolist() == [0]


# ------------------------------------------------------------------ before the jobs

YUNET = settings_with("none.onnx", 64 * "0")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Gives the stage these items and settings; says with which jobs it went on."""
    jobs = []

    def run_jobs(_stage, given, _execution, *, before, **_):
        before()
        jobs.extend(given)

    def start(items, settings):
        monkeypatch.chdir(tmp_path)
        params = SimpleNamespace(faces=settings, execution=None, streams={"fc6": VGGFaceSettings()})
        monkeypatch.setattr(faces, "load_params", lambda: params)
        monkeypatch.setattr(faces, "media_items", lambda: items)
        monkeypatch.setattr(faces, "read_items", lambda: items)
        monkeypatch.setattr(faces, "assemble", lambda *_: None)
        monkeypatch.setattr(faces, "report", lambda _: None)
        monkeypatch.setattr(faces, "run_jobs", run_jobs)
        monkeypatch.setattr(faces, "check", lambda *_: None)
        faces.main()
        return jobs

    return start


def row(name="a", **given):
    return SimpleNamespace(
        **{
            "item": name,
            "path": name,
            "sha256": name,
            "side": "",
            "crops": "",
            "crops_sha256": "",
            "features_sha256": "",
            "person": "",
            "frames": 1,
        }
        | given
    )


def test_a_missing_detector_file_ends_the_stage_in_one_sentence(project, capsys):
    with pytest.raises(SystemExit):
        project([row("a"), row("b")], YUNET)
    said = capsys.readouterr()
    assert (said.out + said.err).count("none.onnx cannot be read") == 1


def test_pictures_that_are_there_need_no_detector(project):
    assert len(project([row("a", crops="a"), row("b", crops="b")], YUNET)) == 2


# ------------------------------------------------------------------ keys


def test_keys_of_detected_and_of_given_pictures():
    items = [row(), row(crops="here", crops_sha256="c")]

    def of(**settings):
        return [job_of(item, FaceSettings(**settings)).key for item in items]

    detected, given = of()
    assert detected != given
    assert of(smoothing=7) == [detected, given]
    for changed in ({"detector": "cnn"}, {"margin": 0.3}, {"smoothing": 1}, {"every": 2}):
        other, same = of(**changed)
        assert (other == detected, same == given) == (False, True)
    for changed in ({"size": 64}, {"jpeg": 90}):
        assert not set(of(**changed)) & {detected, given}


def test_a_person_is_in_the_key_where_one_is_followed(tmp_path):
    picture = tmp_path / "face.jpg"
    picture.write_bytes(b"one")

    def of(person, subject="person"):
        return job_of(row(person=person), FaceSettings(subject=subject)).key

    assert of("left", "largest") == of("", "largest")
    first = of(str(picture))
    assert len({first, of("left"), of("right"), of("")}) == 4
    picture.write_bytes(b"another")
    assert of(str(picture)) != first


def test_where_a_file_lies_is_in_no_key():
    settings = FaceSettings()
    assert job_of(row(path="here"), settings).key == job_of(row(path="there"), settings).key


def test_sources_change_with_the_crops(project, tmp_path):
    project([row("a", crops="a")], FaceSettings())
    before = (tmp_path / "data/sources/video").read_text()
    project([row("a", crops="a")], FaceSettings(size=64))
    assert (tmp_path / "data/sources/video").read_text() != before


# ------------------------------------------------------------------ what is said


def test_the_stage_says_for_how_long_a_second_person_was_there(tmp_path, monkeypatch):
    files = {}
    for name, identity, in_view in (("talk", [0, 1, 0, -1], [2, 2, 1, 1]), ("alone", [0], [1] * 4)):
        files[name] = tmp_path / name
        with new_item(files[name], {}) as item:
            seconds = np.array([1.0, 2.0, 1.5, 0.1][: len(identity)], np.float32)
            write_tracks(item, np.array(identity, np.int32), seconds, np.array(in_view, np.uint8))
            item.write("present", np.ones(4, bool))
            item.write("times", np.arange(4) / 2)
    assemble(tmp_path / "faces.zarr", files, {})
    store, said = open_store(tmp_path / "faces.zarr", stage="faces"), []
    monkeypatch.setattr(faces, "open_faces", lambda _: store)
    monkeypatch.setattr(faces, "read_items", lambda: [row(person="left")])
    monkeypatch.setattr(faces, "pauses_of", lambda _: [])
    monkeypatch.setattr(faces, "say", said.append)
    faces.report(FaceSettings())
    assert said[1:] == [
        "more than one person in 1 of 2 items, whose larger face is taken at each moment",
        "talk: 2 people in view, for 2.5 s, 2.0 s; several at a time for 1.0 s",
        "items name a person, and faces.subject is largest: set it to person",
    ]


# ------------------------------------------------------------------ aligned


@pytest.fixture
def film(tmp_path):
    return make_video(tmp_path / "film.mp4", [portrait()[0]] * 3)


def aligned(folder, film, out, size=32):
    take_item(folder, film, FaceSettings(size=size), out / "item")
    assemble(out / "faces.zarr", {"a": out / "item"}, {})
    store = open_store(out / "faces.zarr", stage="faces")
    assert store.array("a", "track").tolist() == [n - 1 for n in store.array("a", "present")]
    return store.rows("a", "crops")[:], store.array("a", "present")


@pytest.mark.parametrize("shape", [(128, 64), (64, 128)])
def test_the_square_in_the_centre_is_taken(tmp_path, film, shape):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    face = cv2.resize(data.astronaut()[:220, 110:330], (64, 64))
    picture = np.zeros((*shape, 3), np.uint8)
    top, left = ((length - 64) // 2 for length in shape)
    picture[top : top + 64, left : left + 64] = face
    cv2.imwrite(str(pictures / "00002.jpg"), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 100])
    cv2.setNumThreads(2)
    crops, present = aligned(pictures, film, tmp_path / "out")
    assert cv2.getNumThreads() == 1
    assert present.tolist() == [False, True, False]
    expected = cv2.resize(face, (32, 32), interpolation=cv2.INTER_AREA)
    assert np.abs(crops[1].astype(int) - expected).mean() < 3


def test_only_pictures_of_the_folder_are_taken(tmp_path, film):
    pictures, outside = tmp_path / "pictures", tmp_path / "secret.jpg"
    pictures.mkdir()
    cv2.imwrite(str(outside), portrait()[0])
    picture = pictures / "00001.jpg"

    def refused(made):
        with pytest.raises(InputError, match=r"00001.jpg is not a regular file inside its folder"):
            aligned(pictures, film, tmp_path / made)

    picture.symlink_to(outside)
    refused("leading-out")
    picture.unlink()
    picture.symlink_to(pictures / "nothing.jpg")
    refused("leading-nowhere")
    picture.unlink()
    os.mkfifo(picture)
    refused("pipe")
    picture.unlink()
    outside.rename(pictures / "other.jpg")
    picture.symlink_to("other.jpg")
    assert aligned(pictures, film, tmp_path / "good")[1].tolist() == [True, False, False]
