import numpy as np
import pytest

from features.faces.boxes import best_pairs, overlap
from features.faces.search import Sighting
from features.faces.smooth import smooth_boxes
from features.faces.subject import choose
from features.faces.track import link
from tests.helpers.face_factory import square


def sightings(*frames, rate=30, cuts=()):
    return [
        Sighting(
            frame / rate,
            frame == 0 or frame in cuts,
            False,
            np.array(boxes, np.float32).reshape(-1, 4),
            np.ones(len(boxes), np.float32),
        )
        for frame, boxes in enumerate(frames)
    ]


def chosen(*frames, subject="largest", side="", **arguments):
    seen = sightings(*frames, **arguments)
    return choose(link(seen), len(seen), subject=subject, side=side).tolist()


MAIN, OTHER = square(0.1), square(0.6, side=0.12)

# ------------------------------------------------------------------ boxes


def test_overlap():
    found = overlap(np.array([square(0), square(0.1)])[:, None], np.array([square(0), square(0.9)]))
    np.testing.assert_allclose(found, [[1, 0], [1 / 3, 0]])


def test_best_pairs_come_first_and_nothing_is_paired_twice():
    one = np.array([square(0.02), square(0.0), square(0.7)])
    other = np.array([square(0.01), square(0.0)])
    np.testing.assert_array_equal(best_pairs(one, other), [[1, 1], [0, 0]])
    assert best_pairs(one[:0], other).shape == (0, 2)


# ------------------------------------------------------------------ tracks


def test_tracks_follow_faces_not_the_order_of_detections():
    tracks = link(sightings([MAIN, OTHER], [OTHER, MAIN], [MAIN]))
    assert sorted((t.frames, t.detections) for t in tracks) == [
        ([0, 1], [1, 0]),
        ([0, 1, 2], [0, 1, 0]),
    ]


def test_no_track_crosses_a_cut():
    assert len(link(sightings(*[[MAIN]] * 4))) == 1
    tracks = link(sightings(*[[MAIN]] * 4, cuts=[2]))
    assert [t.frames for t in tracks] == [[0, 1], [2, 3]]


def test_gap_is_measured_in_seconds():
    gap = [[MAIN]] + [[]] * 5 + [[MAIN]]
    assert len(link(sightings(*gap, rate=30))) == 1
    assert len(link(sightings(*gap, rate=7.5))) == 2


@pytest.mark.parametrize("rate", [7.5, 1])
def test_neighbouring_frames_are_linked_however_slow(rate):
    assert len(link(sightings(*[[MAIN]] * 3, rate=rate))) == 1


# ------------------------------------------------------------------ main face


def test_larger_face_is_the_main_one():
    assert chosen([OTHER, MAIN], [MAIN, OTHER]) == [1, 0]


def test_other_face_does_not_take_over_in_a_gap():
    assert chosen([MAIN], [MAIN, OTHER], [OTHER], [OTHER, MAIN], [MAIN]) == [0, 0, -1, 1, 0]


def test_other_face_takes_over_after_the_main_one_left():
    assert chosen(*[[MAIN, OTHER]] * 5, *[[OTHER]] * 5) == [0] * 10


def test_face_that_comes_back_late_is_another_track():
    large = square(0.6, side=0.18)
    frames = [*[[MAIN]] * 3, *[[large]] * 30, *[[MAIN]] * 3]
    assert chosen(*frames) == [0] * 36, "0.5 s without the first face end its track"


def test_each_shot_has_its_main_face():
    before, after = [MAIN, square(0.12, side=0.1)], [square(0.12, side=0.1), square(0.5)]
    assert chosen(*[before] * 4, *[after] * 4, cuts=[4]) == [0] * 4 + [1] * 4


def test_central_face():
    large, central = square(0.05, 0.3, side=0.3), square(0.42, 0.4, side=0.15)
    assert chosen(*[[large, central]] * 3) == [0] * 3
    assert chosen(*[[large, central]] * 3, subject="central") == [1] * 3


def test_brief_central_detection_does_not_displace_the_subject():
    steady, brief = square(0.5, 0.5, side=0.2), square(0.44, 0.3, side=0.15)
    frames = [[steady]] * 5 + [[steady, brief]] + [[steady]] * 5
    assert chosen(*frames, subject="central") == [0] * 11


def test_no_faces():
    assert chosen([], []) == [-1, -1]
    assert chosen([], [], side="left") == [-1, -1]
    assert chosen() == []


# ------------------------------------------------------------------ two people

LEFT, RIGHT = square(0.15), square(0.65, side=0.25)


def sides(*frames, **arguments):
    return [chosen(*frames, side=side, **arguments) for side in ("left", "right")]


def test_sides():
    assert sides([LEFT, RIGHT], [RIGHT, LEFT]) == [[0, 1], [1, 0]]


def test_side_is_of_each_other_not_of_the_picture():
    near = square(0.55), square(0.78)
    assert sides(*[near] * 3) == [[0] * 3, [1] * 3]


def test_track_keeps_its_side_when_the_other_leaves():
    frames = [[square(0.55), square(0.78)]] * 3 + [[square(0.55)]] * 9
    assert sides(*frames) == [[0] * 12, [1] * 3 + [-1] * 9]


def test_whoever_is_always_alone_has_the_side_of_the_picture():
    frames = [[LEFT]] * 3 + [[RIGHT]] * 3
    assert sides(*frames, cuts=[3]) == [[0] * 3 + [-1] * 3, [-1] * 3 + [0] * 3]


def test_third_person_in_the_middle_is_on_no_side():
    assert sides(*[[LEFT, square(0.4), RIGHT]] * 3) == [[0] * 3, [2] * 3]


def test_small_faces_at_the_edge_are_nobody_s():
    edge = square(0.01, side=0.08)
    assert sides(*[[edge, LEFT, RIGHT]] * 3) == [[1] * 3, [2] * 3]
    assert sides(*[[edge, RIGHT]] * 3) == [[-1] * 3, [1] * 3]


def test_brief_detection_at_the_edge_does_not_displace_the_subject():
    brief = square(0.0, 0.7)
    frames = [[LEFT, RIGHT]] * 6 + [[LEFT, RIGHT, brief]] + [[LEFT, RIGHT]] * 6
    left, right = sides(*frames)
    assert left == [0] * 13
    assert right == [1] * 13


# ------------------------------------------------------------------ smoothing


def smoothed(boxes, length, present=None, cuts=()):
    boxes = np.array(boxes, np.float32)
    shown = np.ones(len(boxes), bool) if present is None else np.array(present)
    starts_shot = np.isin(np.arange(len(boxes)), (0, *cuts))
    return smooth_boxes(boxes, shown, starts_shot, length)


def test_smoothing_takes_out_jitter_and_keeps_the_mean():
    generator = np.random.default_rng(0)
    boxes = np.array(square(100, side=100)) + generator.normal(0, 8, (60, 4))
    smooth = smoothed(boxes, 9)
    assert smooth.std(axis=0).max() < 0.5 * boxes.std(axis=0).min()
    np.testing.assert_allclose(smooth.mean(axis=0), boxes.mean(axis=0), atol=2)


def test_smoothing_is_a_centred_mean():
    boxes = [square(left, side=100) for left in (0, 6, 3, 12, 9)]
    np.testing.assert_allclose(smoothed(boxes, 3)[:, 0], [3, 3, 7, 8, 10.5])
    np.testing.assert_array_equal(smoothed(boxes, 1), boxes)


def test_smoothing_does_not_cross_gaps_jumps_or_cuts():
    boxes = np.array([square(x, side=100) for x in (0, 0, 0, 10, 10, 300, 300, 320)], np.float32)
    present = np.array([True, True, False, True, True, True, True, True])
    boxes[2] = 0
    np.testing.assert_array_equal(smoothed(boxes, 9, present, cuts=[7]), boxes)
    assert smoothed(boxes, 9, present)[7, 0] < 320
