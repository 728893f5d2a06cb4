"""Pictures whose lines have gaps, or stand in another order, are seen as what they show."""

import cv2
import numpy as np
import pytest

from features.arrays import contiguous
from features.faces.crop import crop_face
from features.faces.cuts import thumbnail
from features.faces.detect import DETECTORS, load_detector
from features.faces.extract import find_main_face
from features.media import decoding as media
from features.settings import FaceSettings
from tests.helpers.face_factory import CLIPS, HEIGHT, MODELS, film, portrait, ssd, yunet
from tests.helpers.media_factory import make_video

WIDTHS = range(352, 369)
TINY = (119, 127, 136)
TURN = (0, 1, -1, 0)
"""Display matrix of a picture that is shown turned by a quarter."""


def settings_of(name):
    if name in ("ssd", "yunet"):
        if not MODELS:
            pytest.skip("LACUNA_TEST_MODELS is not set")
        return {"ssd": ssd, "yunet": yunet}[name]()
    return FaceSettings(detector=name)


def widths_of(name):
    return TINY if name == "cnn" else WIDTHS  # which takes a second for a picture of 360


def face(*, is_close=False):
    """A square picture of a face, HEIGHT pixels wide."""
    left, share = (0, 0.6) if is_close else (10, 0.45)
    return portrait(left, share=share, width=HEIGHT)[0]


@pytest.fixture(scope="module", params=["upright", "turned"])
def clips(request, tmp_path_factory):
    """Square clips of a face, far and close, which a file holds lying on its side if turned."""
    folder = tmp_path_factory.mktemp(request.param)
    made = {}
    for is_close in (False, True):
        picture = face(is_close=is_close)
        path = folder / f"{is_close}.mp4"
        if request.param == "upright":
            made[is_close] = make_video(path, [picture] * 3)
        else:  # (x, y) is shown at (-y, x): what is shown upright is held turned the other way
            made[is_close] = make_video(path, [np.rot90(picture)] * 3, display=TURN)
    return made


@pytest.fixture(scope="module")
def clip(clips):
    return clips[False]


def views(width, **options):
    """The face at a width: with a gap behind every line, and turned by views of quarter turns."""
    picture = cv2.resize(face(**options), (width, width), interpolation=cv2.INTER_AREA)
    padded = np.zeros((width, -(-width // 16) * 16 + 16, 3), np.uint8)
    padded[:, :width] = picture
    turned = np.rot90(np.ascontiguousarray(np.rot90(picture, -1)))
    assert not padded[:, :width].flags.c_contiguous
    assert not turned.flags.c_contiguous
    return picture, (padded[:, :width], turned)


@pytest.mark.parametrize("name", DETECTORS)
def test_a_detector_finds_in_a_view_what_it_finds_in_a_copy_twice(name):
    detect = load_detector(settings_of(name))
    for width in widths_of(name):
        picture, seen_as = views(width, is_close=name == "cnn")
        expected = [part.tobytes() for part in detect(picture)]
        assert expected[1]  # the face was found
        for view in seen_as:
            for _ in range(2):
                assert [part.tobytes() for part in detect(view)] == expected


@pytest.mark.parametrize("name", DETECTORS)
def test_a_detector_finds_in_decoded_pictures_what_it_finds_in_copies(name, clips):
    detect = load_detector(settings_of(name))
    for width in widths_of(name):
        _, picture = next(media.frames(clips[name == "cnn"], height=width))
        assert picture.shape == (width, width, 3)
        boxes, scores = detect(picture)
        expected = detect(np.array(picture, order="C"))
        assert len(scores) > 0
        np.testing.assert_array_equal(boxes, expected[0])
        np.testing.assert_array_equal(scores, expected[1])


@pytest.mark.parametrize("width", [*WIDTHS, None])
def test_decoded_pictures_are_contiguous(clip, width):
    for _, picture in media.frames(clip, height=width):
        assert picture.flags.c_contiguous
        assert contiguous(picture) is picture


def test_pictures_outlive_their_frames(clip):
    """A picture without a copy is FFmpeg's own memory: the next frame must not be written there."""
    pictures = [picture for _, picture in media.frames(clip, height=352)]
    copies = [picture.copy() for _, picture in media.frames(clip, height=352)]
    np.testing.assert_array_equal(pictures, copies)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_same_bytes_give_the_same_faces(clip, width):
    settings = FaceSettings(working_height=width)
    first, second = (find_main_face(clip, settings) for _ in range(2))
    assert first.present.all()
    assert first.boxes.tobytes() == second.boxes.tobytes()
    assert first.scores.tobytes() == second.scores.tobytes()


def test_crops_and_thumbnails_of_a_view():
    picture, seen_as = views(361)
    box = np.array([250, 90, 380, 220], np.float32)  # reaches outside
    for view in seen_as:
        np.testing.assert_array_equal(thumbnail(view), thumbnail(picture))
        crops = [crop_face(shown, box, margin=0.2, size=96) for shown in (view, picture)]
        np.testing.assert_array_equal(*crops)


@pytest.mark.skipif(not CLIPS, reason="LACUNA_TEST_CLIPS is not set")
def test_film_at_a_width_that_is_no_multiple_of_16():
    height = 358  # so 640×360 is 636 wide
    detect = load_detector(FaceSettings())
    pictures = [picture for _, picture in media.frames(film(), height=height)][::50]
    assert pictures[0].shape[1] % 16
    for picture in pictures:
        np.testing.assert_array_equal(detect(picture)[0], detect(picture.copy())[0])
