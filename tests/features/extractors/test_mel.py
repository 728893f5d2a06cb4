"""Log mel bands and cepstra against SciPy's transform and formulas in plain loops."""

import math
import tracemalloc

import numpy as np
import pytest
from scipy.fft import dct
from scipy.signal import stft
from scipy.signal.windows import hann

from features.extractors.mel import BANDS, FLOOR, LogMel, filterbank, log_mel, mfcc
from features.extractors.settings import LogMelSettings, SilenceSettings
from tests.helpers.media_factory import tone

RATE = 16_000


def direct(samples):
    """The same by SciPy's STFT and a triangle after the other."""
    window = hann(400, sym=False)
    _, _, spectrum = stft(
        samples, RATE, window, 400, 240, 512, boundary=None, padded=False, detrend=False
    )
    power = np.abs(spectrum * window.sum()) ** 2  # (bins, rows)

    def mel(hertz):
        return 1127.01048 * math.log(1 + hertz / 700)

    step = (mel(7500) - mel(125)) / (BANDS + 1)
    rows = np.zeros((power.shape[1], BANDS))
    for band in range(BANDS):
        centre = mel(125) + (band + 1) * step
        for number in range(257):
            rows[:, band] += max(0, 1 - abs(mel(number * 31.25) - centre) / step) * power[number]
    return np.log(np.maximum(rows, FLOOR))


def test_bands_are_those_of_scipy():
    rng = np.random.default_rng(0)
    samples = (0.1 * rng.standard_normal(RATE) + tone(1.0)).astype(np.float32)
    found, expected = log_mel(samples), direct(samples.astype(np.float64))
    assert found.shape == (98, BANDS)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_a_tone_lies_in_its_band():
    for hertz in (200.0, 1000.0, 4000.0):
        loudest = log_mel(tone(0.5, hertz=hertz)).mean(axis=0).argmax()
        assert abs(int(filterbank()[:, loudest].argmax()) * 31.25 - hertz) < 0.06 * hertz + 16


def test_cepstra_are_the_orthonormal_transform():
    samples = np.random.default_rng(0).normal(0, 0.1, RATE // 2).astype(np.float32)
    expected = dct(log_mel(samples).astype(np.float64), norm="ortho")[:, :10]
    np.testing.assert_allclose(mfcc(samples), expected, atol=1e-4)


@pytest.mark.parametrize("count", [0, 399, 400, 559, 560, 800])
def test_rows_are_whole_windows(count):
    rows = (count - 400) // 160 + 1 if count >= 400 else 0
    assert log_mel(np.zeros(count, np.float32)).shape == (rows, 64)
    assert mfcc(np.zeros(count, np.float32)).shape == (rows, 10)


def test_silence_has_a_floor():
    np.testing.assert_allclose(log_mel(np.zeros(800, np.float32)), math.log(1e-8), rtol=1e-6)


def test_long_sound_takes_little_beside_its_rows():
    samples = np.zeros(10 * 60 * RATE, np.float32)
    tracemalloc.start()
    rows = log_mel(samples)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak - rows.nbytes < 64e6


class Heard:
    """Sound without a file."""

    def __init__(self, samples, start):
        self._sound = samples, start

    def sound(self):
        return self._sound


def test_rows_know_when_they_are_and_where_nothing_was_recorded():
    samples = tone(2.0)
    samples[RATE // 2 : RATE] = 0
    settings = LogMelSettings(silence=SilenceSettings(floor_dbfs=-60.0, min_seconds=0.3))
    described = LogMel(settings, "cpu").extract(Heard(samples, 1.5))
    assert (described.span, described.window, described.rate) == ((1.5, 2.0), 0.025, 100)
    np.testing.assert_allclose(described.times, 1.5 + np.arange(198) / 100)
    np.testing.assert_array_equal(np.flatnonzero(~described.present), np.arange(50, 98))
