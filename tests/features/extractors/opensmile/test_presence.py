import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.extractors.opensmile.descriptors import extract_lld, names, row_count
from features.extractors.opensmile.presence import F0, PAUSE_SECONDS, voice_present
from features.extractors.settings import OpenSMILESettings, SilenceSettings
from features.extractors.silence import sound_present
from tests.helpers.media_factory import tone

RATE = 16_000


def present(samples, **changes):
    rows = row_count(len(samples))
    return of_rows(samples, rows, **changes)


def of_rows(samples, rows, **changes):
    silence = SilenceSettings(**({"floor_dbfs": -80.0, "min_seconds": 0.3} | changes))
    return sound_present(samples, rows, silence, hop=160, window=320)


def test_sound_is_present_throughout():
    assert present(tone(1.0)).all()


def test_muted_stretch_is_absent():
    samples = tone(2.0)
    samples[RATE // 2 : RATE] = 0
    expected = np.ones(row_count(2 * RATE), bool)
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
    none = of_rows(np.zeros(0, np.float32), 0)
    assert none.shape == (0,)


def test_rows_past_the_samples_are_silent():
    rows = of_rows(tone(0.5), 100)
    np.testing.assert_array_equal(rows, np.arange(100) < 50)


def spoken(*stretches: tuple[float, bool]) -> np.ndarray:
    """Seconds with or without a voice of 200 Hz, in the noise of a room."""
    voice = np.concatenate([tone(seconds) * is_voice for seconds, is_voice in stretches])
    room = 0.003 * np.random.default_rng(0).standard_normal(len(voice))
    return (voice + room).astype(np.float32)


@pytest.mark.parametrize("name", ["IS13", "ComParE_2016"])
def test_a_pause_in_speech_has_sound_but_no_voice(name: str) -> None:
    settings = OpenSMILESettings(set=name)
    samples = spoken((1, True), (1, False), (1, True))
    lld = extract_lld(samples, settings)
    everything = present(samples)
    assert everything.all()
    voiced = voice_present(lld, everything, names(settings))
    assert voiced[:95].all()
    assert not voiced[107:193].any()
    assert voiced[207:].all()


def test_a_pause_shorter_than_consonants_is_speech() -> None:
    samples = spoken((1, True), (0.15, False), (1, True))
    lld = extract_lld(samples, OpenSMILESettings())
    assert (lld[:, 0] == 0).any()
    assert voice_present(lld, present(samples), names(OpenSMILESettings())).all()


def test_where_there_is_no_sound_there_is_no_voice() -> None:
    samples = tone(2.0)
    samples[RATE // 2 : RATE] = 0
    sound = present(samples)
    voiced = voice_present(
        extract_lld(samples, OpenSMILESettings()), sound, names(OpenSMILESettings())
    )
    assert not (voiced & ~sound).any()


def test_without_pitch_among_the_descriptors_all_sound_counts() -> None:
    sound = np.array([True, False, True])
    np.testing.assert_array_equal(voice_present(np.zeros((3, 1)), sound, ["loudness"]), sound)


@given(st.lists(st.booleans(), max_size=200))
def test_rows_without_voice_are_the_long_runs_without_pitch(pitch: list[bool]) -> None:
    lld = np.array(pitch, np.float32).reshape(-1, 1) * 120
    found = voice_present(lld, np.ones(len(pitch), bool), [F0])
    least = round(PAUSE_SECONDS * 100) - 1  # n rows cover n + 1 hops
    for row, is_voiced in enumerate(pitch):
        first, last = row, row
        while first > 0 and not pitch[first - 1]:
            first -= 1
        while last + 1 < len(pitch) and not pitch[last + 1]:
            last += 1
        assert found[row] == (is_voiced or last - first + 1 < least)
