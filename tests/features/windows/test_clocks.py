import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.windows.build import values_at
from features.windows.clocks import NO_ROW, Clock, context_offsets, frame_centres
from features.windows.normaliser import STD_FLOOR, Normaliser

ROWS = np.random.default_rng(0).normal([-100, 0, 3e4], [1e-2, 1, 50], (400, 3)).astype(np.float32)


def sound(rows, *, start=0.0):
    """When the descriptors of a sound are."""
    return Clock(start + np.arange(rows) / 100, (start, rows / 100 + 0.04), 0.02, 100)


def context_rows(times, clock, *, centred=False):
    offsets = context_offsets(2.0, centred=centred)
    return clock.rows_at(frame_centres(times)[:, None] + offsets)


# ------------------------------------------------------------------ z-norm


def test_moments_equal_those_of_all_rows_together():
    fitted = Normaliser.fit([ROWS[:100], ROWS[100:103], ROWS[103:]])
    np.testing.assert_allclose(fitted.mean, ROWS.astype(np.float64).mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(fitted.std, ROWS.astype(np.float64).std(axis=0), rtol=1e-10)


@given(st.lists(st.integers(0, 400), max_size=12))
@settings(max_examples=50, deadline=None)
def test_any_split_into_recordings_gives_the_same(cuts):
    fitted, whole = Normaliser.fit(np.split(ROWS, sorted(cuts))), Normaliser.fit([ROWS])
    np.testing.assert_allclose(fitted.mean, whole.mean, rtol=1e-12)
    np.testing.assert_allclose(fitted.std, whole.std, rtol=1e-9)


def test_constant_descriptors_are_divided_by_the_floor():
    silent = np.full((50, 2), -100, np.float32)
    fitted = Normaliser.fit([silent])
    assert fitted.std.tolist() == [STD_FLOOR, STD_FLOOR]
    assert (fitted.apply(silent, np.ones(50, bool)) == 0).all()


def test_no_row_to_fit_to():
    with pytest.raises(ValueError, match="no row"):
        Normaliser.fit([ROWS[:0], ROWS[:0]])


def test_apply_z_norms_and_leaves_zeros_where_there_is_no_sound():
    present = np.arange(400) % 3 > 0
    fitted = Normaliser.fit([ROWS[present]])
    normed = fitted.apply(ROWS, present)
    assert normed.dtype == np.float32
    assert (normed[~present] == 0).all()
    assert (normed[present] != 0).any(axis=1).all()
    np.testing.assert_allclose(normed[present].mean(axis=0, dtype=float), 0, atol=1e-5)
    np.testing.assert_allclose(normed[present].std(axis=0, dtype=float), 1, atol=1e-5)


# ------------------------------------------------------------------ context and presence


def test_context_ends_at_the_frame_or_surrounds_it():
    times = np.arange(150) / 30
    heard = sound(600)
    causal = context_rows(times, heard)
    centred = context_rows(times, heard, centred=True)
    assert causal.shape == centred.shape == (150, 60)
    np.testing.assert_array_equal(centred[:-30], causal[30:])
    own = np.floor(100 * (2 * np.arange(150) + 1) / 60 - 0.5)
    np.testing.assert_array_equal(causal[:, -1], own)
    np.testing.assert_array_equal(centred[:, 29], own)


@pytest.mark.parametrize("rate", [7.5, 15, 25, 60])
def test_context_has_60_steps_of_a_30th_at_any_frame_rate(rate):
    rows = context_rows(np.arange(rate * 4) / rate, sound(600))
    assert rows.shape == (rate * 4, 60)
    steps = np.diff(rows[rows.min(axis=1) > 0])
    assert set(np.unique(steps)) == {3, 4}


def test_audio_present_at_the_centre_of_the_frame():
    present = np.ones(100, bool)
    present[40:60] = False
    heard = sound(100, start=0.5)
    times = np.arange(60) / 30
    expected = [
        0 <= t - 0.5 < heard.span[1] and not 0.405 <= t - 0.5 < 0.605
        for t in (2 * np.arange(60) + 1) / 60
    ]
    np.testing.assert_array_equal(values_at(present, heard.rows_at(frame_centres(times))), expected)


def test_no_sound_at_all():
    times = np.arange(10) / 30
    for nothing in (sound(0), Clock(np.zeros(0), (0.0, 0.0), 0.02, 100)):
        assert not values_at(np.zeros(0, bool), nothing.rows_at(frame_centres(times))).any()
        assert (context_rows(times, nothing) == NO_ROW).all()


# ------------------------------------------------------------------ streams of other clocks


@given(
    st.floats(-5, 5),
    st.sampled_from([5.0, 12.5, 25.0, 100.0]),
    st.sampled_from([None, 0.02, 0.025, 1.0]),
)
@settings(max_examples=60, deadline=None)
def test_regular_rows_are_found_as_any_others(start, rate, window):
    times = start + np.arange(50) / rate
    regular = Clock(times, (start, 50 / rate), window, rate)
    any_other = Clock(times, (start, 50 / rate), window)
    at = start + np.random.default_rng(0).uniform(-1, 52 / rate, 200)
    np.testing.assert_array_equal(regular.rows_at(at), any_other.rows_at(at))


def test_rows_without_a_window_last_until_the_next():
    clock = Clock(np.array([1.0, 1.5, 4.0]), (1.0, 4.0))
    at = np.array([0.9, 1.0, 1.49, 1.5, 3.99, 4.0, 4.9, 5.0, np.nan])
    assert clock.rows_at(at).tolist() == [-1, 0, 0, 1, 1, 2, 2, -1, -1]
    assert clock.centres().tolist() == [1.25, 2.75, 4.75]


def test_a_frame_looks_at_its_own_row_where_rows_are_the_frames():
    for rate in (7.5, 24000 / 1001, 25, 30000 / 1001, 30, 60):
        times = 0.3 + np.arange(5000) / rate
        clock = Clock(times, (0.3, 5000 / rate))
        np.testing.assert_array_equal(clock.rows_at(frame_centres(times)), np.arange(5000))
