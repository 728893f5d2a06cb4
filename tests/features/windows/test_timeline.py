"""The frames of a recording: those of its pictures, and more where no picture comes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.windows.timeline import (
    timeline_of,
    timeline_of_rows,
    timeline_without_pictures,
)

PICTURES = np.arange(50) / 25  # two seconds


def test_a_camera_that_goes_off_leaves_frames_while_sound_goes_on():
    line = timeline_of(PICTURES, [(0.0, 8.0)], hold=1.0)
    np.testing.assert_allclose(line.times, np.arange(200) / 25)
    assert line.decoded.tolist() == [True] * 50 + [False] * 150
    # The last picture begins at 1.96 s and stays until 2.96 s.
    assert np.flatnonzero(~np.isnan(line.shown))[-1] == 74
    np.testing.assert_allclose(line.shown[50:75], line.centres[49])
    np.testing.assert_allclose(line.shown[:50], line.centres[:50])


@pytest.mark.parametrize(("hold", "held"), [(0.0, 0), (0.04, 1), (0.5, 12), (100.0, 150)])
def test_a_picture_is_held_for_so_long(hold, held):
    line = timeline_of(PICTURES, [(0.0, 8.0)], hold=hold)
    assert (~np.isnan(line.shown[50:])).sum() == held


def test_a_camera_that_comes_late_leaves_frames_without_a_picture():
    line = timeline_of(PICTURES + 3, [(0.0, 5.0)], hold=1.0)
    np.testing.assert_allclose(line.times, np.arange(125) / 25, atol=1e-9)
    assert np.isnan(line.shown[:75]).all()
    assert line.decoded.tolist() == [False] * 75 + [True] * 50


def test_pictures_that_pause_leave_frames_between_them():
    line = timeline_of(np.append(PICTURES[:20], PICTURES[40:]), [], hold=0.2)
    np.testing.assert_allclose(line.times, PICTURES)
    assert (~line.decoded).sum() == 20
    assert (~np.isnan(line.shown[20:40])).tolist() == [True] * 5 + [False] * 15


def test_labels_over_time_are_frames_too():
    assert len(timeline_of(PICTURES, [(0.0, 2.0), (0.0, 4.0)], hold=1.0).times) == 100


@pytest.mark.parametrize("end", [2.0, 2.1, 2.2])
def test_what_ends_a_little_later_adds_no_frame(end):
    assert len(timeline_of(PICTURES, [(0.0, end)], hold=1.0).times) == 50
    assert len(timeline_of(PICTURES, [(-0.2, end)], hold=1.0).times) == 50


def test_jitter_and_a_slow_screen_recording_grow_no_frames():
    jittered = PICTURES + np.random.default_rng(0).uniform(-0.015, 0.015, 50)
    np.testing.assert_array_equal(timeline_of(jittered, [(0.0, 2.0)], 1.0).times, jittered)
    dropped = np.delete(PICTURES, [10, 11, 12, 13, 14])
    assert len(timeline_of(dropped, [], 1.0).times) == 45
    slow = np.arange(5) * 2.0
    line = timeline_of(slow, [(0.0, 10.0)], hold=1.0)
    np.testing.assert_array_equal(line.times, slow)
    assert not np.isnan(line.shown).any()


def test_one_picture_lasts_a_thirtieth_of_a_second():
    line = timeline_of(np.array([0.0]), [(0.0, 1.0)], hold=0.1)
    np.testing.assert_allclose(line.times, np.arange(30) / 30)
    assert (~np.isnan(line.shown)).sum() == 4


def test_sound_alone_has_30_frames_a_second_or_its_rows():
    line = timeline_without_pictures(0.5, 2.0)
    np.testing.assert_allclose(line.times, 0.5 + np.arange(60) / 30)
    assert np.isnan(line.shown).all()
    assert line.decoded.all()
    assert len(timeline_without_pictures(0.0, 0.001).times) == 1
    np.testing.assert_array_equal(timeline_of_rows(PICTURES).times, PICTURES)


def test_a_part_keeps_the_centres_of_the_whole():
    whole = timeline_of(PICTURES, [(0.0, 8.0)], hold=1.0)
    part = whole.part(1.0, 2.5)
    np.testing.assert_array_equal(part.times, whole.times[25:63])
    np.testing.assert_array_equal(part.centres, whole.centres[25:63])
    np.testing.assert_array_equal(part.shown, whole.shown[25:63])


@given(
    st.lists(st.floats(0.001, 3.0), min_size=1, max_size=30),
    st.floats(-5, 5),
    st.floats(0, 20),
    st.floats(0, 3),
)
@settings(max_examples=100, deadline=None)
def test_any_timeline_increases_and_holds_every_picture(steps, start, end, hold):
    pictures = np.cumsum(steps)
    line = timeline_of(pictures, [(start, start + end)], hold)
    assert (np.diff(line.times) > 0).all()
    np.testing.assert_array_equal(line.times[line.decoded], pictures)
    np.testing.assert_array_equal(line.shown[line.decoded], line.centres[line.decoded])
    held = ~line.decoded & ~np.isnan(line.shown)
    assert (line.times[held] > line.shown[held] - 3.0).all()
