from itertools import pairwise

import cv2
import numpy as np
import pytest
import skimage.data

from features.faces.cuts import is_cut, thumbnail
from features.media import decoding as media
from tests.helpers.face_factory import CLIPS, film, portrait

ROOM = skimage.data.coffee()[:360, :480]
STREET = skimage.data.chelsea()[:280, :373]


def cuts(pictures):
    small = [thumbnail(picture) for picture in pictures]
    return [frame for frame, pair in enumerate(pairwise(small), start=1) if is_cut(*pair)]


def dimmed(picture, share):
    return (picture * share).astype(np.uint8)


def panning(step):
    """A view that moves over a picture, so many pixels of its 200 a frame."""
    picture = skimage.data.coffee()
    return [picture[100:300, left : left + 300] for left in range(0, 290, step)]


def test_cut_between_two_pictures():
    assert cuts([ROOM] * 3 + [STREET] * 3 + [ROOM] * 2) == [3, 6]


def test_cut_between_two_people_in_the_same_place():
    astronaut = skimage.data.astronaut()
    cat = cv2.resize(skimage.data.chelsea(), (512, 512))
    assert cuts([astronaut, cat]) == [1]


def test_cut_to_and_from_a_blank_picture():
    blank = np.zeros_like(ROOM)
    assert cuts([ROOM, blank, blank, ROOM]) == [1, 3]


@pytest.mark.parametrize("steps", [30, 60])
def test_fades_are_no_cuts(steps):
    shares = np.linspace(1, 0, steps)
    out = [dimmed(ROOM, share) for share in shares]
    back = [dimmed(STREET, share) for share in shares[::-1]]
    assert cuts(out) == []
    assert cuts(back) == []
    assert cuts(out + back) == []


def test_dissolve_is_no_cut():
    street = cv2.resize(STREET, (480, 360))
    shares = np.linspace(0, 1, 12)
    assert cuts([dimmed(ROOM, 1 - s) + dimmed(street, s) for s in shares]) == []


@pytest.mark.parametrize("step", [5, 15])
def test_fast_motion_is_no_cut(step):
    assert cuts(panning(step)) == []


def test_moving_face_is_no_cut():
    assert cuts([portrait(left)[0] for left in range(0, 200, 12)]) == []


def test_light_switched_off_is_no_cut():
    assert cuts([ROOM, dimmed(ROOM, 0.3)]) == []


def test_noise_in_the_dark_is_no_cut():
    rng = np.random.default_rng(0)
    assert cuts(rng.integers(0, 6, (10, 90, 160, 3), np.uint8)) == []


def test_cut_with_a_change_of_resolution():
    assert cuts([ROOM, cv2.resize(ROOM, (160, 120))]) == []
    assert cuts([ROOM, cv2.resize(STREET, (160, 120))]) == [1]


@pytest.mark.skipif(not CLIPS, reason="LACUNA_TEST_CLIPS is not set")
@pytest.mark.parametrize("height", [360, 180])
def test_cuts_of_the_film_clip(height):
    assert cuts([picture for _, picture in media.frames(film(), height=height)]) == [20, 82, 211]
