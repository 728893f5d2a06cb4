import subprocess
import sys

import cv2
import numpy as np
import pytest

from features.errors import InputError
from features.faces import extract
from features.faces.boxes import overlap
from features.faces.crop import crop_face
from features.faces.extract import extract_faces, find_main_face
from features.faces.store import NO_TRACK
from features.media import decoding as media
from features.settings import FaceSettings
from features.stores.writing import new_item
from tests.helpers.face_factory import CLIPS, HEIGHT, OF_TRACKS, WIDTH, extracted, film, portrait
from tests.helpers.media_factory import flat_frames, make_video, tone

FACES_AT = [100] * 6 + [None] * 3 + [104] * 6
FIELDS = {"crops", "boxes", "scores", "present", "interpolated", "times", "track", *OF_TRACKS}


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    empty = np.full((HEIGHT, WIDTH, 3), 110, np.uint8)
    frames = [empty if left is None else portrait(left)[0] for left in FACES_AT]
    return make_video(tmp_path_factory.mktemp("faces") / "clip.mp4", frames, 30, sound=tone(0.5))


def test_extraction_finds_and_cuts_the_face(clip, tmp_path):
    steps = []
    faces = extracted(tmp_path, clip, FaceSettings(), progress=steps.append)
    count = len(FACES_AT)
    assert set(faces) == FIELDS
    assert (faces["crops"].shape, faces["crops"].dtype) == ((count, 96, 96, 3), np.uint8)
    assert (faces["boxes"].shape, faces["boxes"].dtype) == ((count, 4), np.float32)
    assert (faces["scores"].shape, faces["scores"].dtype) == ((count,), np.float32)
    np.testing.assert_array_equal(faces["present"], [left is not None for left in FACES_AT])
    np.testing.assert_array_equal(faces["times"], media.frame_times(clip))
    assert not faces["interpolated"].any()
    assert sum(steps) == count
    shown = faces["present"]
    for frame in np.flatnonzero(shown):
        expected = portrait(FACES_AT[frame])[1]
        assert overlap(faces["boxes"][frame], expected) > 0.65
    assert (faces["scores"][shown] > 0).all()
    assert not faces["boxes"][~shown].any()
    assert not faces["scores"][~shown].any()
    assert not faces["crops"][~shown].any()
    assert faces["crops"][shown].std(axis=(1, 2, 3)).min() > 20


def test_interpolated_frames_are_marked(clip, tmp_path):
    faces = extracted(tmp_path, clip, FaceSettings(every=3))
    np.testing.assert_array_equal(faces["present"], [left is not None for left in FACES_AT])
    found = np.flatnonzero(faces["interpolated"])
    assert len(found) >= 4
    assert faces["present"][found].all()
    assert not faces["interpolated"][[0, 5, 9, 14]].any(), "the ends of a face's time are searched"


def test_extraction_is_deterministic(clip, tmp_path):
    one, other = (
        extracted(tmp_path / name, clip, FaceSettings(working_height=180, every=2))
        for name in ("one", "other")
    )
    for name in FIELDS:
        np.testing.assert_array_equal(one[name], other[name])


def test_crops_are_of_the_smoothed_boxes_at_full_size(clip, tmp_path):
    faces = extracted(tmp_path, clip, FaceSettings(margin=0.1, size=64))
    picture = next(media.frames(clip))[1]
    expected = crop_face(picture, faces["boxes"][0], margin=0.1, size=64)
    np.testing.assert_array_equal(faces["crops"][0], expected)


def test_jpeg_is_hardly_another_picture(clip, tmp_path):
    exact = extracted(tmp_path / "exact", clip, FaceSettings())
    lossy = extracted(tmp_path / "lossy", clip, FaceSettings(jpeg=95))
    difference = exact["crops"].astype(float) - lossy["crops"]
    assert 0 < np.sqrt((difference**2).mean()) < 4
    assert lossy["crops"][~lossy["present"]].max() < 8


def test_boxes_follow_a_change_of_resolution(clip, tmp_path, monkeypatch):
    """A stream may go on at another size; the face stays where it was, as a share of it."""
    decode = media.frames

    def growing(path, *, height=None):
        for frame, (time, picture) in enumerate(decode(path, height=height)):
            grows = height is None and frame >= 3
            yield time, cv2.resize(picture, (2 * WIDTH, 2 * HEIGHT)) if grows else picture

    plain = extracted(tmp_path / "plain", clip, FaceSettings())
    monkeypatch.setattr(extract.media, "frames", growing)
    grown = extracted(tmp_path / "grown", clip, FaceSettings())
    scale = np.where(np.arange(len(FACES_AT)) >= 3, 2, 1)[:, None]
    np.testing.assert_allclose(grown["boxes"], scale * plain["boxes"], rtol=1e-6)
    difference = np.abs(plain["crops"].astype(int) - grown["crops"])
    assert difference.mean() < 4


def test_smoothing_is_the_detector_s_own_unless_it_is_set(clip, monkeypatch):
    class Jumping:
        def __init__(self):
            self.frame = 0

        def __call__(self, _):
            self.frame += 1
            left = 100 + 10 * (self.frame % 2)
            return np.float32([[left, 50, left + 80, 130]]), np.ones(1, np.float32)

    monkeypatch.setattr(extract, "load_detector", lambda _: Jumping())
    default, same, none = (
        find_main_face(clip, FaceSettings(working_height=None, smoothing=length)).boxes
        for length in (None, 7, 1)
    )
    np.testing.assert_array_equal(default, same)
    np.testing.assert_allclose(np.ptp(none[:, 0]) * WIDTH, 10, rtol=1e-4)
    assert np.ptp(default[1:5, 0]) * WIDTH < 3, "of 10, over all that there is of 7 frames"


def test_sides_of_two_people(tmp_path):
    two = portrait(40, width=640)[0]
    two[:, 320:] = portrait(60)[0]
    path = make_video(tmp_path / "two.mp4", [two] * 4)
    found = {side: find_main_face(path, FaceSettings(), side=side) for side in ("left", "right")}
    for side, left in (("left", 40), ("right", 380)):
        _, expected = portrait(left, width=640)
        boxes = found[side].boxes * (640, HEIGHT, 640, HEIGHT)
        assert found[side].present.all()
        assert overlap(boxes, expected[None]).min() > 0.6


def test_video_without_faces(tmp_path):
    path = make_video(tmp_path / "none.mp4", flat_frames(4))
    faces = extracted(tmp_path, path, FaceSettings())
    assert faces["crops"].shape == (4, 96, 96, 3)
    assert not any(faces[name].any() for name in FIELDS - {"times", "track"})
    assert faces["track"].tolist() == [NO_TRACK] * 4


def test_sound_only_file(tmp_path):
    path = make_video(tmp_path / "sound.mp4", None, sound=tone(1.0))
    faces = extracted(tmp_path, path, FaceSettings())
    # It has no pictures; windows makes its frames, and none of them shows a face.
    assert faces["crops"].shape == (0, 96, 96, 3)
    assert {len(array) for array in faces.values()} == {0}


def test_a_picture_too_wide_for_the_working_height_is_the_setting_s_fault(tmp_path):
    path = make_video(tmp_path / "wide.mkv", flat_frames(2, height=2, width=1024))
    with pytest.raises(InputError, match=r"of 1024×2 pixels.*wide\.mkv.*; lower faces.working_h"):
        find_main_face(path, FaceSettings(working_height=4320))


def test_broken_file(tmp_path):
    path = tmp_path / "broken.mp4"
    path.write_bytes(b"")
    with new_item(tmp_path / "item", {}) as item, pytest.raises(InputError):
        extract_faces(path, FaceSettings(), item)


# ------------------------------------------------------------------ memory

PEAK = """
import resource, sys
from pathlib import Path
import numpy as np
from features.faces import extract
from features.settings import FaceSettings
from features.stores.writing import new_item

class InTheMiddle:
    def __call__(self, picture):
        return np.float32([[10, 10, 50, 40]]), np.ones(1, np.float32)

extract.load_detector = lambda settings: InTheMiddle()
with new_item(Path(sys.argv[2]), {}) as item:
    extract.extract_faces(sys.argv[1], FaceSettings(working_height=80, size=192), item)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def test_memory_does_not_grow_with_length(tmp_path):
    peaks = []
    for count in (600, 1800):
        path = make_video(tmp_path / f"{count}.mp4", flat_frames(10) * (count // 10))
        command = [sys.executable, "-c", PEAK, str(path), str(tmp_path / f"{count}")]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        peaks.append(float(done.stdout))
    crops = 1200 * 192 * 192 * 3 / 2**20
    assert peaks[1] - peaks[0] < 0.15 * crops


# ------------------------------------------------------------------ real clips


@pytest.mark.skipif(not CLIPS, reason="LACUNA_TEST_CLIPS is not set")
def test_film_clip():
    face = find_main_face(film(), FaceSettings(working_height=240))
    assert len(face.times) == 275
    assert 0.3 < face.present.mean() < 0.7
    widths = 640 * (face.boxes[:, 2] - face.boxes[:, 0])[face.present]
    assert (widths > 50).all()
