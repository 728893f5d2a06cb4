"""What is read of a file before anything is extracted from it."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from features.errors import InputError
from features.settings import FaceSettings
from pipeline.engine.execution import ExecutionSettings
from pipeline.prediction import clips
from pipeline.prediction.recording import clip_errors, open_recording
from pipeline.prediction.run import predict_all
from tests.helpers.media_factory import flat_frames, make_video


@pytest.mark.parametrize(
    ("level", "limit", "says"),
    [
        (
            "sequence",
            4,
            r"clip\.mp4 has 6 frames, more than the 4 of a .*; give a part of it",
        ),
        ("sequence", 6, "extracted"),
        ("frame", 4, "extracted"),
    ],
)
def test_a_sequence_that_is_too_long_is_refused_before_the_extraction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, level: str, limit: int, says: str
) -> None:
    def extract(*_: object, **__: object) -> None:
        raise InputError("extracted", "")

    monkeypatch.setattr(clips, "crop_faces", extract)
    monkeypatch.setattr("models.training.data.MAX_SEQUENCE_FRAMES", limit)
    recording = open_recording(make_video(tmp_path / "clip.mp4", flat_frames(6)))
    card = SimpleNamespace(task=SimpleNamespace(level=level), faces=FaceSettings(), streams={})
    with pytest.raises(InputError, match=says):
        clips.extract(recording, card, ExecutionSettings(), tmp_path)


@pytest.mark.parametrize(
    "source", ["0", "-", "rtsp://camera/1", "http://host/film.mp4", "/dev/video0"]
)
def test_a_camera_an_address_and_a_pipe_are_no_files(source: str) -> None:
    with pytest.raises(InputError, match=r"is not a file; .*pipeline\.live"):
        open_recording(source)


def test_a_file_may_be_called_by_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_video(tmp_path / "7", flat_frames(6), muxer="mp4")
    assert open_recording("7").info.frames == 6


def test_advice_is_on_the_clip_and_not_on_a_corpus(tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"this is no video")
    with pytest.raises(InputError, match=r"give a readable video .* instead of broken\.mp4"):
        open_recording(tmp_path / "broken.mp4")
    with pytest.raises(InputError, match="check the path"):
        open_recording(tmp_path / "none.mp4")
    with pytest.raises(InputError, match="install it"), clip_errors(Path("a.mp4")):
        raise InputError("a package is missing", "install it")


def test_a_name_that_is_not_utf_8_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"bad\xff.mp4")
    make_video(tmp_path / "good.mp4", flat_frames(6)).rename(path)
    with pytest.raises(InputError, match=r"bad\\xff\.mp4 is not UTF-8; rename") as said:
        open_recording(path)
    assert str(said.value).encode("utf-8")
    failures = list(predict_all([path], []))
    assert [str(failure.name).encode("utf-8", "backslashreplace") for failure in failures]
