"""Sound described while it comes, against the description of the whole."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.extractors.described import Described
from features.extractors.live import HeardSound, Trailing, load_live
from features.extractors.opensmile.descriptors import extract_lld
from features.extractors.opensmile.live import LiveOpenSMILE, Presence
from features.extractors.settings import OpenSMILESettings, SilenceSettings
from features.extractors.silence import sound_present

RATE = 16_000


def speech(seconds):
    """A buzz that comes and goes, with stretches of digital silence of .1 to .8 s."""
    rng = np.random.default_rng(0)
    t = np.arange(round(seconds * RATE)) / RATE
    samples = 0.3 * np.sign(np.sin(2 * np.pi * 140 * t)) * np.abs(np.sin(2 * np.pi * 0.7 * t))
    samples += 0.01 * rng.standard_normal(len(t))
    for start, length in ((0.2, 0.1), (0.9, 0.8), (2.2, 0.29), (2.9, 0.31)):
        samples[(t >= start) & (t < start + length)] = 0
    return samples.astype(np.float32)


def fed(extractor, samples, sizes):
    """What comes of samples handed over in parts."""
    parts, first = [], 0
    for size in [*sizes, len(samples)]:
        parts.append(extractor.feed(samples[first : first + size]))
        first += size
    parts.append(extractor.finish())
    names = ("rows", "times", "present")
    filled = [part for part in parts if len(part.times)]
    return [np.concatenate([getattr(part, name) for part in filled]) for name in names]


@pytest.mark.parametrize("deltas", [False, True])
def test_the_rows_are_those_of_the_whole_sound(deltas):
    samples, about = speech(3.5), OpenSMILESettings(deltas=deltas)
    expected = extract_lld(samples, about)
    rows, times, present = fed(load_live(about, "cpu"), samples, [100, 1600, 1600, 20_000, 7])
    np.testing.assert_array_equal(rows, expected)
    np.testing.assert_allclose(times, np.arange(len(expected)) / 100)
    known = sound_present(samples, len(expected), about.silence, hop=160, window=320)
    np.testing.assert_array_equal(present, known)


def test_sound_too_short_for_a_row_gives_none():
    extractor = LiveOpenSMILE(OpenSMILESettings())
    assert len(extractor.feed(np.zeros(500, np.float32)).times) == 0
    assert len(extractor.finish().times) == 0


@settings(max_examples=15, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 9000), max_size=8),
    seed=st.integers(0, 9),
    shortest=st.sampled_from([0.0, 0.05, 0.3]),
)
def test_presence_is_that_of_the_whole_sound(sizes, seed, shortest):
    rng = np.random.default_rng(seed)
    loud = np.repeat(rng.random(40) < 0.5, rng.integers(50, 2500, 40))
    samples = np.where(loud, 0.1, 0).astype(np.float32)
    rows = max(0, (len(samples) - 960) // 160 + 2)
    silence = SilenceSettings(min_seconds=shortest)
    presence, first = Presence(silence), 0
    for size in [*sizes, len(samples)]:
        presence.feed(samples[first : first + size])
        first += size
    presence.finish(rows)
    expected = sound_present(samples, rows, silence, hop=160, window=320)
    np.testing.assert_array_equal(presence.take(rows), expected)


class Loudness:
    """Ten rows a second, each of its own .1 s."""

    def extract(self, source):
        samples, start = source.sound()
        count = len(samples) // 1600
        rows = np.abs(samples[: count * 1600]).reshape(count, 1600).mean(1, keepdims=True)
        times = start + np.arange(count) / 10
        return Described(rows.astype(np.float32), times, rows[:, 0] > 1e-3, rate=10.0)


def test_any_other_extractor_describes_a_trailing_stretch_again(monkeypatch):
    monkeypatch.setattr("features.extractors.live.load_extractor", lambda *_: Loudness())
    samples = speech(9.3)
    expected = Loudness().extract(HeardSound(samples))
    extractor = Trailing(OpenSMILESettings(), "cpu")
    rows, times, present = fed(extractor, samples, [800] * 180)
    np.testing.assert_allclose(rows, expected.rows, atol=1e-7)
    np.testing.assert_allclose(times, expected.times)
    np.testing.assert_array_equal(present, expected.present)
