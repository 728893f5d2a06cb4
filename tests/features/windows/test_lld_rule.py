from fractions import Fraction

import numpy as np
import pytest

from features.windows.clocks import NO_ROW, Clock, context_offsets, frame_centres

RATES = [
    Fraction(15),
    Fraction(24000, 1001),
    Fraction(25),
    Fraction(30000, 1001),
    Fraction(30),
    Fraction(60),
]
TIME_BASES = [Fraction(1, n) for n in (15360, 24000, 30000, 60000, 90000)]
MINUTES = 11


def lld_rows(at, *, start: float, duration: float, rows: int) -> np.ndarray:
    """Row of low-level descriptors at each time."""
    return Clock(start + np.arange(rows) / 100, (start, duration), 0.02, 100).rows_at(at)


def frame_ticks(rate: Fraction, base: Fraction) -> list[int]:
    """Time stamp of every frame in ticks of the time base, as a muxer rounds it."""
    return [round(i / (rate * base)) for i in range(int(rate * 60 * MINUTES))]


def container_times(ticks: list[int], base: Fraction) -> np.ndarray:
    return np.array([float(tick * base) for tick in ticks])


def integer_rule(rate: Fraction, frames: int, rows: int) -> np.ndarray:
    i, num, den = np.arange(frames), rate.numerator, rate.denominator
    return np.clip((100 * (2 * i + 1) * den - num) // (2 * num), 0, rows - 1)


def rows_of(times: np.ndarray, rows: int, start: float = 0.0) -> np.ndarray:
    return lld_rows(frame_centres(times), start=start, duration=(rows + 4) / 100, rows=rows)


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_rows_equal_the_integer_rule(rate):
    frames = int(rate * 60 * MINUTES)
    times = np.array([float(i / rate) for i in range(frames)])
    rows = 100 * 60 * MINUTES + 100
    np.testing.assert_array_equal(rows_of(times, rows), integer_rule(rate, frames, rows))


@pytest.mark.parametrize("base", TIME_BASES, ids=str)
@pytest.mark.parametrize("rate", RATES, ids=str)
def test_rows_equal_exact_fractions_of_the_time_stamps(rate, base):
    ticks = frame_ticks(rate, base)
    rows = 100 * 60 * MINUTES + 100
    found = rows_of(container_times(ticks, base), rows)
    last = ticks[-1] + Fraction(np.median(np.diff(ticks)))
    # floor(100·(a + b)/2·base − 1/2) for a frame from tick a to tick b, in whole numbers
    num, den = base.numerator, base.denominator
    exact = [
        max(0, (100 * (a + b) * num - den) // (2 * den))
        for a, b in zip(ticks, [*ticks[1:], last], strict=True)
    ]
    np.testing.assert_array_equal(found, exact)
    if (1 / (rate * base)).denominator == 1:  # the stamps are not rounded
        np.testing.assert_array_equal(found, integer_rule(rate, len(ticks), rows))


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_rows_of_90_khz_stamps_equal_the_integer_rule(rate):
    # 23.976 fps does not fit 90 kHz, but no row hangs on that rounding.
    base = Fraction(1, 90000)
    ticks, rows = frame_ticks(rate, base), 100 * 60 * MINUTES + 100
    found = rows_of(container_times(ticks, base), rows)
    np.testing.assert_array_equal(found, integer_rule(rate, len(ticks), rows))


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_millisecond_stamps_move_a_row_by_one_at_most(rate):
    base = Fraction(1, 1000)
    ticks, rows = frame_ticks(rate, base), 100 * 60 * MINUTES + 100
    found = rows_of(container_times(ticks, base), rows)
    assert np.abs(found - integer_rule(rate, len(ticks), rows)).max() <= 1


def test_an_exact_tie_goes_to_the_later_row():
    # Row 1 is centred at 20 ms, row 2 at 30 ms.
    assert lld_rows(np.array([0.025]), start=0.0, duration=1.0, rows=99).tolist() == [2]


def test_the_nearest_row_is_chosen():
    at = np.random.default_rng(0).uniform(0.01, 9.9, 2000)
    centres = 0.01 * np.arange(1000) + 0.01
    nearest = np.abs(at[:, None] - centres).argmin(axis=1)
    np.testing.assert_array_equal(lld_rows(at, start=0.0, duration=10.0, rows=1000), nearest)


def test_rows_are_clipped_inside_the_sound_and_absent_outside():
    at = np.array([-0.01, 0.0, 0.004, 0.99, 0.9999, 1.0, 5.0])
    found = lld_rows(at, start=0.0, duration=1.0, rows=96)
    assert found.tolist() == [NO_ROW, 0, 0, 95, 95, NO_ROW, NO_ROW]
    assert found.dtype == np.int32


def test_without_sound_there_is_no_row():
    assert (lld_rows(np.arange(3.0), start=0.0, duration=0.0, rows=0) == NO_ROW).all()


def test_sound_that_starts_late_is_late():
    times = np.arange(90) / 30
    found = rows_of(times, 500, start=0.478)
    centres = (2 * np.arange(90) + 1) / 60
    before = centres < 0.478
    assert (found[before] == NO_ROW).all()
    expected = np.maximum(np.floor(100 * (centres[~before] - 0.478) - 0.5), 0)
    np.testing.assert_array_equal(found[~before], expected)


def test_frame_centres():
    np.testing.assert_allclose(frame_centres(np.array([0, 0.1, 0.3, 0.4])), [0.05, 0.2, 0.35, 0.45])
    assert frame_centres(np.array([0.7])).tolist() == [0.7]
    assert frame_centres(np.array([])).tolist() == []


def test_context_at_30_fps_is_60_consecutive_downsampled_rows():
    frames = 30 * 60 * MINUTES
    times = container_times(frame_ticks(Fraction(30), Fraction(1, 15360)), Fraction(1, 15360))
    rows = 100 * 60 * MINUTES
    at = frame_centres(times)[:, None] + context_offsets(2.0)
    found = lld_rows(at, start=0.0, duration=rows / 100 + 0.04, rows=rows)
    downsampled = integer_rule(Fraction(30), frames, rows)
    assert found.shape == (frames, 60)
    consecutive = np.lib.stride_tricks.sliding_window_view(downsampled, 60)
    np.testing.assert_array_equal(found[59:], consecutive)
    for i in range(59):  # before the sound starts there is nothing
        assert (found[i, : 59 - i] == NO_ROW).all()
        np.testing.assert_array_equal(found[i, 59 - i :], downsampled[: i + 1])


def test_context_offsets():
    causal, centred = context_offsets(2.0), context_offsets(2.0, centred=True)
    np.testing.assert_allclose(causal, (np.arange(60) - 59) / 30)
    np.testing.assert_allclose(centred, (np.arange(60) - 29) / 30)
    assert context_offsets(1 / 30).tolist() == [0.0]
