import numpy as np
import opensmile
import pytest

from features import lld
from tests.media_factory import tone

RATE = 16_000


@pytest.fixture(scope="module")
def smile():
    return opensmile.Smile(opensmile.FeatureSet.IS13, opensmile.FeatureLevel.LowLevelDescriptors)


@pytest.fixture(scope="module")
def speechlike():
    generator = np.random.default_rng(0)
    envelope = np.abs(np.sin(2 * np.pi * 1.5 * np.arange(2 * RATE) / RATE))
    voice = tone(2.0, hertz=120) + 0.3 * tone(2.0, hertz=720)
    return (envelope * voice + generator.normal(0, 0.01, 2 * RATE)).astype(np.float32)


def test_names_are_the_65_of_the_set_in_order(smile):
    spectral = "RollOff25.0 RollOff50.0 RollOff75.0 RollOff90.0 Flux Centroid Entropy Variance"
    spectral += " Skewness Kurtosis Slope"
    expected = [
        *("F0final", "voicingFinalUnclipped", "jitterLocal", "jitterDDP", "shimmerLocal"),
        *("logHNR", "audspec_lengthL1norm", "audspecRasta_lengthL1norm", "pcm_RMSenergy"),
        "pcm_zcr",
        *(f"audSpec_Rfilt_sma[{band}]" for band in range(26)),
        *("pcm_fftMag_fband250-650", "pcm_fftMag_fband1000-4000"),
        *(f"pcm_fftMag_spectral{name}" for name in spectral.split()),
        *("pcm_fftMag_psySharpness", "pcm_fftMag_spectralHarmonicity"),
        *(f"mfcc_sma[{order}]" for order in range(1, 15)),
    ]
    expected = [name if "[" in name else f"{name}_sma" for name in expected]
    assert list(lld.names()) == expected == smile.feature_names
    assert len(expected) == lld.DESCRIPTORS


def test_rows_equal_opensmile(smile, speechlike):
    expected = smile.process_signal(speechlike, RATE).to_numpy()
    np.testing.assert_array_equal(lld.extract_lld(speechlike), expected)


@pytest.mark.parametrize("samples", [960, 961, 1119, 1120, 1121, 7999, 8000])
def test_row_count_is_opensmile_s(smile, speechlike, samples):
    part = speechlike[:samples]
    expected = len(smile.process_signal(part, RATE))
    assert lld.row_count(samples) == expected
    assert lld.extract_lld(part).shape == (expected, 65)


@pytest.mark.parametrize("samples", [0, 1, 959])
def test_too_short_gives_no_rows(speechlike, samples):
    rows = lld.extract_lld(speechlike[:samples])
    assert (rows.shape, rows.dtype) == ((0, 65), np.float32)


def test_row_k_is_at_k_hundredths(speechlike):
    burst = np.zeros(RATE, np.float32)
    burst[8000:8320] = speechlike[4000:4320]  # 20 ms at 0.50 s: the window of row 50
    energy = lld.extract_lld(burst)[:, lld.names().index("pcm_RMSenergy_sma")]
    assert np.argmax(energy) == 50


def test_full_scale_does_not_wrap():
    square = np.sign(tone(1.0, hertz=100) + 1e-6).astype(np.float32)
    rate = lld.names().index("pcm_zcr_sma")
    full, half = lld.extract_lld(1.2 * square), lld.extract_lld(0.5 * square)
    np.testing.assert_allclose(full[:, rate], half[:, rate], atol=1e-3)


def test_input_is_left_alone(speechlike):
    before = speechlike.copy()
    lld.extract_lld(speechlike)
    np.testing.assert_array_equal(speechlike, before)


@pytest.mark.parametrize("level", [0.0, 1.0, -1.0, 1e-9])
def test_constant_sound_is_finite(level):
    assert np.isfinite(lld.extract_lld(np.full(RATE, level, np.float32))).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_not_finite_is_refused(bad):
    samples = tone(0.2)
    samples[7] = bad
    with pytest.raises(ValueError, match="finite"):
        lld.extract_lld(samples)


def test_two_channels_are_refused():
    with pytest.raises(ValueError, match=r"\(N,\)"):
        lld.extract_lld(np.zeros((2, 1000), np.float32))


# ------------------------------------------------------------------ presence


def present(samples, **changes):
    rows = lld.row_count(len(samples))
    return lld.sound_present(samples, rows, **({"floor_dbfs": -80, "min_seconds": 0.3} | changes))


def test_sound_is_present_throughout():
    assert present(tone(1.0)).all()


def test_muted_stretch_is_absent():
    samples = tone(2.0)
    samples[RATE // 2 : RATE] = 0
    expected = np.ones(lld.row_count(2 * RATE), bool)
    expected[50:99] = False  # rows whose 20 ms lie wholly in 0.5 … 1.0 s
    np.testing.assert_array_equal(present(samples), expected)


def test_short_pause_is_present():
    samples = tone(2.0)
    samples[RATE // 2 : RATE // 2 + RATE // 4] = 0
    assert present(samples).all()
    assert not present(samples, min_seconds=0.25).all()


def test_floor_decides():
    quiet = 0.001 * tone(1.0)  # −69 dBFS
    assert present(quiet).all()
    assert not present(quiet, floor_dbfs=-60).any()


def test_silence_throughout_and_no_rows():
    assert not present(np.zeros(RATE, np.float32)).any()
    none = lld.sound_present(np.zeros(0, np.float32), 0, floor_dbfs=-80, min_seconds=0.3)
    assert none.shape == (0,)


def test_rows_past_the_samples_are_silent():
    rows = lld.sound_present(tone(0.5), 100, floor_dbfs=-80, min_seconds=0.3)
    np.testing.assert_array_equal(rows, np.arange(100) < 50)
