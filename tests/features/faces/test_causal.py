"""The main face from the past alone, against the choice from the whole recording."""

import numpy as np
import pytest

from features.faces.causal import CausalFace
from features.faces.search import Sighting
from features.faces.sightings import Sightings
from features.faces.smooth import smooth_boxes
from features.faces.subject import choose
from features.faces.track import link
from features.settings import FaceSettings
from tests.helpers.face_factory import square


def sightings_of(boxes, *, cuts=()):
    """A sighting a frame of 25 a second, with these boxes."""
    return [
        Sighting(
            frame / 25,
            frame == 0 or frame in cuts,
            False,
            np.array(faces, np.float32).reshape(-1, 4),
            np.ones(len(faces), np.float32),
        )
        for frame, faces in enumerate(boxes)
    ]


def followed(sightings, **settings):
    """Choices (F,) and boxes (F, 4), frame by frame."""
    follow = CausalFace(FaceSettings(**settings))
    chosen, boxes = [], []
    for sighting in sightings:
        chosen.append(follow.choose(sighting))
        boxes.append(follow.smooth(sighting, chosen[-1]))
    return chosen, np.array(boxes)


def test_one_face_is_chosen_as_from_the_whole_recording():
    there = [[square(0.3 + 0.01 * i)] if i not in {3, 4} else [] for i in range(12)]
    sightings = sightings_of(there, cuts=(8,))
    kept = Sightings()
    for sighting in sightings:
        kept.append(sighting)
    chosen, _ = followed(sightings)
    assert chosen == choose(link(kept), 12, subject="largest", side="").tolist()
    assert chosen[3:5] == [-1, -1]


def test_the_larger_face_so_far_is_the_main_one_and_no_other_takes_over_for_a_moment():
    small, large = square(0.1, side=0.1), square(0.6, side=0.3)
    there = [[small], [small, large], [small, large], [small], [large, small]]
    chosen, _ = followed(sightings_of(there))
    assert chosen == [0, 1, 1, -1, 0]
    # Once the larger one has been away for longer than a track lasts, the other one is left.
    there += [[small]] * 14
    chosen, _ = followed(sightings_of(there))
    assert chosen[5:17] == [-1] * 12
    assert chosen[18] == 0


def test_what_is_chosen_depends_on_no_later_frame():
    rng = np.random.default_rng(0)
    there = [[square(x, side=s) for x, s in rng.uniform(0.1, 0.5, (n, 2))] for n in (2, 1, 3, 2, 1)]
    chosen, boxes = followed(sightings_of(there))
    for count in range(1, 5):
        fewer, same = followed(sightings_of(there[:count]))
        assert fewer == chosen[:count]
        np.testing.assert_array_equal(same, boxes[:count])


@pytest.mark.parametrize("length", [1, 3])
def test_a_box_is_the_mean_of_those_before_it(length):
    lefts = [0.30, 0.33, 0.30, 0.36, 0.31]
    _, boxes = followed(sightings_of([[square(x)] for x in lefts], cuts=(3,)), smoothing=length)
    expected = {1: lefts, 3: [0.30, 0.315, 0.31, 0.36, 0.335]}[length]
    np.testing.assert_allclose(boxes[:, 0], expected, atol=1e-6)
    if length == 1:
        every = np.array([square(x) for x in lefts], np.float32)
        there = np.ones(5, bool)
        np.testing.assert_array_equal(boxes, smooth_boxes(every, there, ~there, 1))
