"""The voice of the demo corpus: a source and a filter (Fant, 1960).

A train of glottal pulses (Rosenberg, 1971, differentiated for the radiation at the lips) excites
one bank of formant resonators per vowel; the vowels follow each other at the syllable rate.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from scipy.signal import butter, lfilter, sosfilt

from features.corpora.demo.script import Script

SAMPLE_RATE = 48_000
FORMANTS = np.array(
    [
        (800, 1250, 2800, 3700),  # a
        (550, 1900, 2700, 3700),  # e
        (310, 2250, 3000, 3700),  # i
        (500, 950, 2650, 3600),  # o
        (340, 870, 2450, 3500),  # u
    ],
    float,
)
"""Hz; rows are vowels. Means of the classic measurements (Peterson & Barney, 1952)."""
BANDWIDTHS = np.array([70, 100, 140, 200], float)
PITCH_OCTAVES = 0.6
"""Rise of the pitch with arousal 1."""
LOUDNESS_DECIBELS = 12.0
"""Rise of the level with arousal 1."""
BREATH_DECIBELS = (-18.0, -14.0)
"""Level of breath against the voice at valence 0, and its change with valence 1."""


def speak(
    rng: np.random.Generator, script: Script, fps: int, *, pitch: float, tract: float
) -> NDArray[np.float32]:
    """The sound of a clip, (samples,) in [−1, 1] at SAMPLE_RATE.

    Pitch, loudness and syllable rate rise with arousal. With valence the voice grows
    clearer: less breath in it.
    Room and breath noise last as long as the microphone is on; else samples are exactly 0.

    Args:
        rng: the source of randomness.
        script: what is said when.
        fps: frames a second of the script.
        pitch: fundamental frequency at arousal 0, in Hz.
        tract: factor on all formant frequencies.
    """
    count = round(len(script.times) * SAMPLE_RATE / fps)
    seconds = np.arange(count) / SAMPLE_RATE
    valence, arousal, syllables = (
        np.interp(seconds, script.times, path) for path in (*script.heard, script.syllables)
    )
    intonation = 0.04 * np.cos(2 * np.pi * syllables)
    source = _glottal_flow(rng, pitch * 2 ** (PITCH_OCTAVES * arousal + intonation))
    voice = _vowels(rng, source, syllables, tract)
    voice /= np.sqrt(np.mean(voice**2))
    level, change = BREATH_DECIBELS
    voice += 10 ** ((level + change * valence) / 20) * rng.standard_normal(count)
    loudness = (0.02 + 0.98 * np.sin(np.pi * syllables) ** 2) * 10 ** (
        LOUDNESS_DECIBELS * arousal / 20
    )
    sound = 0.045 * voice * loudness + _room(rng, count)
    microphone_on = ~script.missing("silent")
    frame = np.minimum((seconds * fps).astype(np.intp), len(microphone_on) - 1)
    return (np.clip(sound, -0.95, 0.95) * microphone_on[frame]).astype(np.float32)


def _glottal_flow(rng: np.random.Generator, pitch: NDArray[np.float64]) -> NDArray[np.float64]:
    """Differentiated Rosenberg pulses with 1 % jitter and 5 % shimmer."""
    cycles = np.cumsum(pitch) / SAMPLE_RATE
    number = cycles.astype(np.intp)
    jitter = rng.normal(1, 0.01, number[-1] + 1)[number]
    shimmer = rng.normal(1, 0.05, number[-1] + 2)
    cycles = np.cumsum(pitch * jitter) / SAMPLE_RATE
    number = np.minimum(cycles.astype(np.intp), len(shimmer) - 1)
    phase = cycles % 1
    opening = (1 - np.cos(np.pi * phase / 0.4)) / 2
    closing = np.cos(np.pi / 2 * (phase - 0.4) / 0.16)
    flow = np.where(phase < 0.4, opening, np.where(phase < 0.56, closing, 0)) * shimmer[number]
    return np.diff(flow, prepend=0)


def _vowels(
    rng: np.random.Generator, source: NDArray, syllables: NDArray, tract: float
) -> NDArray[np.float64]:
    """The source through a vowel per syllable, neighbours cross-faded over 30 ms."""
    number = syllables.astype(np.intp)
    vowel = rng.integers(0, len(FORMANTS), number[-1] + 1)[number]
    sound = np.zeros_like(source)
    for index, formants in enumerate(FORMANTS * tract):
        resonance = source
        for frequency, bandwidth in zip(formants, BANDWIDTHS, strict=True):
            radius = np.exp(-np.pi * bandwidth / SAMPLE_RATE)
            angle = 2 * np.pi * frequency / SAMPLE_RATE
            poles = np.array([1, -2 * radius * np.cos(angle), radius**2])
            resonance = lfilter([poles.sum()], poles, resonance)
        weight = uniform_filter1d((vowel == index).astype(float), round(0.03 * SAMPLE_RATE))
        sound += weight * resonance
    return sound


def _room(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Room and breath noise, about −66 dBFS below 6 kHz."""
    return sosfilt(butter(1, 6000, fs=SAMPLE_RATE, output="sos"), rng.normal(0, 0.001, count))
