import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.settings import WindowSettings
from features.windows.context import STD_FLOOR, Normaliser, Sound, audio_present, context_rows

ROWS = np.random.default_rng(0).normal([-100, 0, 3e4], [1e-2, 1, 50], (400, 3)).astype(np.float32)


def sound(lld, *, present=None, start=0.0):
    present = np.ones(len(lld), bool) if present is None else present
    return Sound(lld, present, start, len(lld) / 100 + 0.04)


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
    heard = sound(np.zeros((600, 3), np.float32))
    causal = context_rows(times, heard, WindowSettings())
    centred = context_rows(times, heard, WindowSettings(context="centred"))
    assert causal.shape == centred.shape == (150, 60)
    np.testing.assert_array_equal(centred[:-30], causal[30:])
    own = np.floor(100 * (2 * np.arange(150) + 1) / 60 - 0.5)
    np.testing.assert_array_equal(causal[:, -1], own)
    np.testing.assert_array_equal(centred[:, 29], own)


@pytest.mark.parametrize("rate", [7.5, 15, 25, 60])
def test_context_has_60_steps_of_a_30th_at_any_frame_rate(rate):
    rows = context_rows(
        np.arange(rate * 4) / rate, sound(np.zeros((600, 3), np.float32)), WindowSettings()
    )
    assert rows.shape == (rate * 4, 60)
    steps = np.diff(rows[rows.min(axis=1) > 0])
    assert set(np.unique(steps)) == {3, 4}


def test_audio_present_at_the_centre_of_the_frame():
    present = np.ones(100, bool)
    present[40:60] = False
    heard = sound(np.zeros((100, 3), np.float32), present=present, start=0.5)
    times = np.arange(60) / 30
    expected = [
        0 <= t - 0.5 < heard.duration and not 0.405 <= t - 0.5 < 0.605
        for t in (2 * np.arange(60) + 1) / 60
    ]
    np.testing.assert_array_equal(audio_present(times, heard), expected)


def test_no_sound_at_all():
    heard = sound(np.zeros((0, 3), np.float32))
    times = np.arange(10) / 30
    assert not audio_present(times, Sound(heard.lld, heard.present, 0.0, 0.0)).any()
    assert (context_rows(times, heard, WindowSettings()) == -1).all()
