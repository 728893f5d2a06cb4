"""Crops turned upright by five points."""

import cv2
import numpy as np
import pytest

from features.faces.crop import crop_face
from features.faces.detect import load_detector
from features.faces.landmarks import UPRIGHT, leaning
from features.faces.search import search
from tests.helpers.face_factory import HEIGHT, MODELS, WIDTH, portrait, yunet

needs_models = pytest.mark.skipif(not MODELS, reason="LACUNA_TEST_MODELS is not set")


def turned(picture, degrees):
    """A picture turned clockwise about its middle."""
    matrix = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), -degrees, 1.0)
    return cv2.warpAffine(picture, matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)


def test_the_lean_is_the_rotation_of_the_points():
    for degrees in (-170, -30, 5, 90):
        angle = np.radians(degrees)
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        points = 0.7 * UPRIGHT @ turn + (40, 90)
        assert np.degrees(leaning(points[None]))[0] == pytest.approx(degrees, abs=1e-3)
    assert leaning(np.zeros((0, 5, 2))).shape == (0,)


def test_a_leaning_square_is_cut_upright():
    rng = np.random.default_rng(0)
    small = rng.integers(0, 255, (12, 16, 3), np.uint8)
    picture = cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    middle = np.array([WIDTH / 2 - 40, HEIGHT / 2 - 40, WIDTH / 2 + 40, HEIGHT / 2 + 40])
    upright = crop_face(picture, middle, margin=0, size=80)
    found = crop_face(turned(picture, 20), middle, margin=0, size=80, angle=np.radians(20))
    plain = crop_face(turned(picture, 20), middle, margin=0, size=80)
    error = np.abs(found.astype(int) - upright).mean()
    assert error < 6
    assert error < np.abs(plain.astype(int) - upright).mean() / 4


@needs_models
def test_yunet_tells_how_far_a_face_leans():
    picture, _ = portrait()
    detect = load_detector(yunet(alignment="landmarks"))
    for degrees in (0, 20):
        boxes, scores, angles = detect(turned(picture, degrees))
        assert (len(boxes), len(scores), len(angles)) == (1, 1, 1)
        assert np.degrees(angles[0]) == pytest.approx(degrees, abs=5)
    shown = [(i / 25, turned(picture, 2.5 * i)) for i in range(9)]
    sightings = list(search(shown, detect, 4))
    assert [s.interpolated for s in sightings] == [False, *[True] * 3] * 2 + [False]
    found = np.degrees([s.angles[0] for s in sightings])
    assert np.abs(found - 2.5 * np.arange(9)).max() < 5
    assert len(load_detector(yunet())(picture)) == 2
