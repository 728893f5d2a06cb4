import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data

from features import media
from features.errors import InputError
from features.faces.crop import crop_face
from features.faces.detect import HogDetector
from features.faces.extract import extract_faces
from features.faces.track import main_face, overlap, smooth_boxes
from features.settings import FaceSettings
from tests.media_factory import flat_frames, make_video, tone

HEIGHT, WIDTH = 240, 320


def portrait(left=100, *, share=0.45):
    """A grey picture with a face of a given share of its height, and about where the face is."""
    face = skimage.data.astronaut()[10:230, 110:340]
    scale = share * HEIGHT / 88  # the face proper is 88 pixels high there
    face = cv2.resize(face, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    picture = np.full((HEIGHT, WIDTH, 3), 110, np.uint8)
    rows, columns = min(len(face), HEIGHT), min(face.shape[1], WIDTH - left)
    picture[:rows, left : left + columns] = face[:rows, :columns]
    box = np.array([69, 73, 157, 161]) * scale + [left, 0, left, 0]
    return picture, box.astype(np.float32)


def square(left, top=0.0, side=100.0):
    return [left, top, left + side, top + side]


def boxes_of(*frames):
    return [np.array(frame, np.float32).reshape(-1, 4) for frame in frames]


# ------------------------------------------------------------------ detector


@pytest.mark.parametrize("working_height", [None, 180, 240])
def test_hog_finds_the_face_in_pixels_of_the_picture(working_height):
    picture, expected = portrait()
    boxes, scores = HogDetector(working_height)(picture)
    assert (boxes.dtype, scores.dtype) == (np.float32, np.float32)
    assert boxes.shape == (1, 4)
    assert overlap(boxes, expected[None])[0, 0] > 0.7
    assert scores[0] > 0.5


def test_hog_is_face_recognition_s():
    recognition = pytest.importorskip("face_recognition")
    picture, _ = portrait()
    ((top, right, bottom, left),) = recognition.face_locations(picture, 0, "hog")
    boxes, _ = HogDetector(None)(picture)
    np.testing.assert_array_equal(boxes, [[left, top, right + 1, bottom + 1]])


def test_hog_finds_nothing_in_nothing():
    boxes, scores = HogDetector(180)(np.full((HEIGHT, WIDTH, 3), 90, np.uint8))
    assert (boxes.shape, scores.shape) == ((0, 4), (0,))


@pytest.mark.parametrize(("working_height", "share"), [(180, 0.4), (240, 0.3)])
def test_smallest_face_of_a_working_height(working_height, share):
    picture, _ = portrait(60, share=share)
    boxes, _ = HogDetector(working_height)(picture)
    assert len(boxes) == 1
    assert len(HogDetector(100)(picture)[0]) == 0


# ------------------------------------------------------------------ main face


def times_of(count, rate=30):
    return np.arange(count) / rate


def test_overlap():
    found = overlap(np.array([square(0), square(50)]), np.array([square(0), square(500)]))
    np.testing.assert_allclose(found, [[1, 0], [1 / 3, 0]])


def test_larger_face_is_the_main_one():
    small, large = square(300, side=50), square(0)
    chosen = main_face(boxes_of([small, large], [large, small]), times_of(2))
    np.testing.assert_array_equal(chosen, [1, 0])


def test_other_face_does_not_take_over_in_a_gap():
    main, other = square(0), square(300, side=60)
    frames = boxes_of([main], [main, other], [other], [other, main], [main])
    np.testing.assert_array_equal(main_face(frames, times_of(5)), [0, 0, -1, 1, 0])


def test_other_face_takes_over_after_the_main_one_left():
    main, other = square(0), square(300, side=60)
    frames = boxes_of(*[[main, other]] * 5, *[[other]] * 5)
    np.testing.assert_array_equal(main_face(frames, times_of(10)), [0] * 10)
    assert np.array_equal(frames[7][0], other)


def test_face_that_comes_back_late_is_another_track():
    main, other = square(0), square(300, side=90)
    frames = boxes_of(*[[main]] * 3, *[[other]] * 30, *[[main]] * 3)
    chosen = main_face(frames, times_of(36))
    assert (chosen == 0).all(), "0.5 s without the first face end its track"


def test_gap_is_measured_in_seconds():
    main, other = square(0), square(300, side=60)
    frames = boxes_of([main], [other], [main])
    assert main_face(frames, times_of(3, rate=30))[1] == -1
    assert main_face(frames, times_of(3, rate=1))[1] == 0


def test_each_shot_has_its_main_face():
    frames = boxes_of(*[[square(0)]] * 4, *[[square(400, side=70)]] * 4)
    assert (main_face(frames, times_of(8)) == 0).all()


def test_no_faces():
    np.testing.assert_array_equal(main_face(boxes_of([], []), times_of(2)), [-1, -1])
    assert main_face([], times_of(0)).shape == (0,)


# ------------------------------------------------------------------ smoothing


def test_smoothing_takes_out_jitter_and_keeps_the_mean():
    generator = np.random.default_rng(0)
    boxes = np.array(square(100)) + generator.normal(0, 8, (60, 4))
    smooth = smooth_boxes(boxes.astype(np.float32), np.ones(60, bool), 9)
    assert smooth.std(axis=0).max() < 0.5 * boxes.std(axis=0).min()
    np.testing.assert_allclose(smooth.mean(axis=0), boxes.mean(axis=0), atol=2)


def test_smoothing_is_a_centred_mean():
    boxes = np.array([square(left) for left in (0, 6, 3, 12, 9)], np.float32)
    smooth = smooth_boxes(boxes, np.ones(5, bool), 3)
    np.testing.assert_allclose(smooth[:, 0], [3, 3, 7, 8, 10.5])
    np.testing.assert_array_equal(smooth_boxes(boxes, np.ones(5, bool), 1), boxes)


def test_smoothing_does_not_cross_gaps_or_jumps():
    boxes = np.array([square(x) for x in (0, 0, 0, 10, 10, 300, 300)], np.float32)
    present = np.array([True, True, False, True, True, True, True])
    boxes[2] = 0
    np.testing.assert_array_equal(smooth_boxes(boxes, present, 9), boxes)


# ------------------------------------------------------------------ crops


def test_crop_is_square_with_margin():
    picture = np.zeros((200, 300, 3), np.uint8)
    picture[50:150, 100:180] = 200  # 100 high, 80 wide, its centre at (140, 100)
    box = np.array([100, 50, 180, 150], np.float32)
    crop = crop_face(picture, box, margin=0.0, size=96)
    assert (crop.shape, crop.dtype) == ((96, 96, 3), np.uint8)
    assert crop.mean() == pytest.approx(200 * 0.8, rel=0.02)
    wider = crop_face(picture, box, margin=0.5, size=96)
    assert wider.mean() == pytest.approx(200 * 0.2, rel=0.02)
    np.testing.assert_allclose(wider.mean(axis=(1, 2)), wider.mean(axis=(1, 2))[::-1], atol=8)


def test_crop_over_the_border_repeats_it():
    picture = np.full((100, 100, 3), 50, np.uint8)
    picture[:, :50] = 150
    crop = crop_face(picture, np.array([-50, -20, 50, 80], np.float32), margin=0.0, size=96)
    assert (crop == 150).all()


@pytest.mark.parametrize("box", [[10, 10, 10, 10], [500, 500, 600, 600]])
def test_crop_of_an_odd_box(box):
    picture = np.full((100, 100, 3), 77, np.uint8)
    crop = crop_face(picture, np.array(box, np.float32), margin=0.2, size=96)
    assert (crop == 77).all()


# ------------------------------------------------------------------ extraction

FACES_AT = [100] * 6 + [None] * 3 + [104] * 6


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    empty = np.full((HEIGHT, WIDTH, 3), 110, np.uint8)
    frames = [empty if left is None else portrait(left)[0] for left in FACES_AT]
    return make_video(tmp_path_factory.mktemp("faces") / "clip.mp4", frames, 30, sound=tone(0.5))


def test_extraction_finds_and_cuts_the_face(clip):
    steps = []
    faces = extract_faces(clip, FaceSettings(), steps.append)
    count = len(FACES_AT)
    assert (faces.crops.shape, faces.crops.dtype) == ((count, 96, 96, 3), np.uint8)
    np.testing.assert_array_equal(faces.present, [left is not None for left in FACES_AT])
    np.testing.assert_array_equal(faces.times, media.frame_times(clip))
    assert sum(steps) == count
    shown = faces.present
    for frame in np.flatnonzero(shown):
        expected = portrait(FACES_AT[frame])[1]
        assert overlap(faces.boxes[frame][None], expected[None])[0, 0] > 0.65
    assert (faces.scores[shown] > 0).all()
    assert not faces.boxes[~shown].any()
    assert not faces.scores[~shown].any()
    assert not faces.crops[~shown].any()
    assert faces.crops[shown].std(axis=(1, 2, 3)).min() > 20


def test_extraction_is_deterministic(clip):
    one, other = (extract_faces(clip, FaceSettings(working_height=180)) for _ in range(2))
    np.testing.assert_array_equal(one.crops, other.crops)
    np.testing.assert_array_equal(one.boxes, other.boxes)


def test_crops_are_of_the_smoothed_boxes_at_full_size(clip):
    settings = FaceSettings(margin=0.1, size=64)
    faces = extract_faces(clip, settings)
    picture = next(media.frames(clip))[1]
    expected = crop_face(picture, faces.boxes[0], margin=0.1, size=64)
    np.testing.assert_array_equal(faces.crops[0], expected)


def test_video_without_faces(tmp_path):
    faces = extract_faces(make_video(tmp_path / "none.mp4", flat_frames(4)), FaceSettings())
    assert not faces.present.any()
    assert not faces.crops.any()
    assert len(faces.times) == 4


def test_sound_only_file(tmp_path):
    path = make_video(tmp_path / "sound.mp4", None, sound=tone(1.0))
    faces = extract_faces(path, FaceSettings())
    np.testing.assert_array_equal(faces.times, media.frame_times(path))
    assert faces.crops.shape == (len(faces.times), 96, 96, 3)
    assert not faces.present.any()


def test_broken_file(tmp_path):
    path = tmp_path / "broken.mp4"
    path.write_bytes(b"")
    with pytest.raises(InputError):
        extract_faces(path, FaceSettings())


# ------------------------------------------------------------------ real clips

CLIPS = os.environ.get("LACUNA_TEST_CLIPS")


@pytest.mark.skipif(not CLIPS, reason="LACUNA_TEST_CLIPS is not set")
def test_film_clip():
    path = Path(CLIPS) / "short_hamilton_clip.mp4"
    faces = extract_faces(path, FaceSettings(working_height=240))
    assert len(faces.times) == 275
    assert 0.3 < faces.present.mean() < 0.7
    widths = (faces.boxes[:, 2] - faces.boxes[:, 0])[faces.present]
    assert (widths > 50).all()


@pytest.mark.skipif(not CLIPS, reason="LACUNA_TEST_CLIPS is not set")
def test_crowd_needs_a_larger_working_height():
    _, picture = next(media.frames(Path(CLIPS) / "facenet_video.mp4", height=720))
    assert len(HogDetector(240)(picture)[0]) == 0
    assert len(HogDetector(None)(picture)[0]) > 0
