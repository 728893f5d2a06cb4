from features.settings import FaceSettings, ModelFile
from pipeline.faces import extract, recorded
from tests.face_factory import portrait
from tests.media_factory import make_video


def settings_with(path, sha256):
    return FaceSettings(detector="yunet", model=ModelFile(path=path, sha256=sha256))


def test_crops_depend_on_the_content_of_a_model_file_not_on_its_place():
    one, moved = settings_with("here.onnx", 64 * "a"), settings_with("there.onnx", 64 * "a")
    other = settings_with("here.onnx", 64 * "b")
    assert recorded(one) == recorded(moved) != recorded(other)


def test_an_item_says_what_made_it(tmp_path):
    from features.store import open_store

    path = make_video(tmp_path / "clip.mp4", [portrait()[0]] * 3)
    settings = FaceSettings(working_height=180)
    extract(path, settings, "the key", tmp_path / "out", side="right")
    item = open_store(tmp_path / "out", stage="faces")
    assert item.attrs["key"] == "the key"
    assert item.attrs["settings"] == recorded(settings)
    assert item["present"][...].all(), "the portrait is right of the middle"
