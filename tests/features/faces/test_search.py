import weakref

import numpy as np
import pytest

from features.corpora.demo.corpus import make_clip
from features.corpora.settings import DemoSettings
from features.faces.boxes import overlap
from features.faces.extract import find_main_face
from features.faces.search import search
from features.settings import FaceSettings
from tests.helpers.face_factory import CLIPS, MODELS, film, square, yunet

FPS = 30


class Scripted:
    """Finds in a picture what a script has for its frame; frame and shot are its colours."""

    def __init__(self, script):
        self.script = script
        self.searched = []

    def __call__(self, picture):
        frame = int(picture[0, 0, 0])
        self.searched.append(frame)
        boxes = np.array(self.script[frame], np.float32).reshape(-1, 4)
        height, width = picture.shape[:2]
        return boxes * np.float32([width, height, width, height]), np.full(len(boxes), 0.5 + frame)


def pictures(shots, times=None):
    """A picture a frame, with stripes of its own for every shot."""
    for frame, shot in enumerate(shots):
        picture = np.zeros((90, 160, 3), np.uint8)
        picture[:, :: 1 + shot] = 200
        picture[:, 40 * (shot % 4) :, 1] = 90
        picture[0, 0, 0] = frame
        yield (frame / FPS if times is None else times[frame]), picture


def run(script, every, shots=None, times=None):
    detect = Scripted(script)
    frames = pictures(shots or [0] * len(script), times)
    sightings = list(search(frames, detect, every))
    assert len(sightings) == len(script)
    assert sorted(detect.searched) == [i for i, s in enumerate(sightings) if not s.interpolated]
    assert len(set(detect.searched)) == len(detect.searched), "no frame is searched twice"
    return sightings, sorted(detect.searched)


def moving(frames, step=0.002):
    return [[square(0.3 + step * frame)] for frame in range(frames)]


def test_every_frame_is_searched_by_default():
    script = [[square(0.1)], [], [square(0.3), square(0.6)]]
    sightings, searched = run(script, 1)
    assert searched == [0, 1, 2]
    for sighting, boxes in zip(sightings, script, strict=True):
        np.testing.assert_allclose(sighting.boxes, np.array(boxes, np.float32).reshape(-1, 4), 1e-6)
        assert not sighting.interpolated


@pytest.mark.parametrize(("every", "expected"), [(3, [0, 3, 6, 9, 10]), (5, [0, 5, 10])])
def test_every_kth_frame_and_the_last_are_searched(every, expected):
    sightings, searched = run(moving(11), every)
    assert searched == expected
    assert [s.interpolated for s in sightings] == [f not in expected for f in range(11)]
    found = np.array([s.boxes[0] for s in sightings])
    np.testing.assert_allclose(found, np.array(moving(11))[:, 0], atol=1e-6)
    np.testing.assert_allclose([s.scores[0] for s in sightings], 0.5 + np.arange(11), rtol=1e-6)


def test_interpolation_follows_the_clock():
    times = [0.0, 0.1, 0.8, 1.0]
    sightings, _ = run([[square(0.1)], [], [], [square(0.12)]], 3, times=times)
    lefts = [s.boxes[0, 0] for s in sightings]
    np.testing.assert_allclose(lefts, [0.1, 0.102, 0.116, 0.12], atol=1e-6)


def test_faces_are_paired_by_place():
    script = [[square(0.1), square(0.6)], [], [], [square(0.6), square(0.1)]]
    sightings, _ = run(script, 3)
    np.testing.assert_allclose(sightings[1].boxes, script[0], atol=1e-6)


@pytest.mark.parametrize("every", [4, 10])
@pytest.mark.parametrize("vanishes", range(1, 10))
def test_face_vanishes_at_the_right_frame(every, vanishes):
    script = [[square(0.3)] if frame < vanishes else [] for frame in range(11)]
    for one in (script, script[::-1]):
        sightings, _ = run(one, every)
        assert [len(s.boxes) for s in sightings] == [len(boxes) for boxes in one]


def test_fast_face_is_searched_in_every_frame():
    sightings, searched = run(moving(9, step=0.08), 4)
    assert searched == list(range(9))
    assert not any(s.interpolated for s in sightings)


def test_small_faces_in_the_background_are_not_worth_a_search():
    small = square(0.8, side=0.05)
    script = [[square(0.3), small], [], [], [], [square(0.3)]]
    sightings, searched = run(script, 4)
    assert searched == [0, 4]
    assert [len(s.boxes) for s in sightings] == [2, 1, 1, 1, 1]


@pytest.mark.parametrize("cut", range(1, 9))
def test_nothing_is_carried_over_a_cut(cut):
    shots = [0] * cut + [1] * (9 - cut)
    script = [[square(0.3 + 0.05 * shot)] for shot in shots]
    sightings, searched = run(script, 8, shots)
    assert {cut - 1, cut} <= set(searched)
    assert [s.starts_shot for s in sightings] == [f in (0, cut) for f in range(9)]
    np.testing.assert_allclose([s.boxes[0] for s in sightings], np.array(script)[:, 0], atol=1e-6)


def test_shots_of_one_frame():
    shots = [0, 1, 2, 2, 1]
    sightings, searched = run([[square(0.1 * shot)] for shot in shots], 3, shots)
    assert searched == list(range(5))
    assert [s.starts_shot for s in sightings] == [True, True, True, False, True]


@pytest.mark.parametrize("every", [1, 5])
def test_no_more_pictures_than_needed_are_held(every):
    pictures_seen, alive = [], []

    def frames():
        for time, picture in pictures([0] * 40):
            pictures_seen.append(weakref.ref(picture))
            alive.append(sum(seen() is not None for seen in pictures_seen))
            yield time, picture

    list(search(frames(), Scripted(moving(40)), every))
    assert max(alive) <= every + 2


def test_no_frames():
    assert list(search(iter([]), Scripted([]), 3)) == []


# ------------------------------------------------------------------ against every frame


def agreement(path, settings, every):
    """Mean IoU of the boxes with those of every frame, and how many frames agree on a face."""
    full = find_main_face(path, settings)
    sparse = find_main_face(path, settings.model_copy(update={"every": every}))
    both = full.present & sparse.present
    assert sparse.interpolated.any()
    assert not (sparse.interpolated & ~sparse.present).any()
    assert not full.interpolated.any()
    ious = overlap(full.boxes[both], sparse.boxes[both])
    return ious.mean(), (full.present == sparse.present).mean()


@pytest.fixture(scope="module")
def talking_head(tmp_path_factory):
    root = tmp_path_factory.mktemp("demo")
    (root / "labels").mkdir()
    (root / "truth").mkdir()
    settings = DemoSettings(seconds=4.0)
    return root / make_clip(root, settings, 0)["path"]  # out of sight for a moment


def test_talking_head_with_hog(talking_head):
    iou, agree = agreement(talking_head, FaceSettings(working_height=180), 5)
    assert iou >= 0.95
    assert agree >= 0.97


@pytest.mark.skipif(not MODELS, reason="LACUNA_TEST_MODELS is not set")
def test_talking_head_with_yunet(talking_head):
    iou, agree = agreement(talking_head, yunet(working_height=180), 5)
    assert iou >= 0.96
    assert agree >= 0.97


@pytest.mark.skipif(not (CLIPS and MODELS), reason="LACUNA_TEST_CLIPS or _MODELS is not set")
def test_film_clip_with_yunet():
    iou, agree = agreement(film(), yunet(working_height=360), 5)
    assert iou >= 0.9
    assert agree >= 0.97
