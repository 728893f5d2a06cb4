"""Low-level descriptors of ComParE 2013 (openSMILE's IS13 set): 65 values a row, 100 rows a second.

Row k describes the sound around 0.01·k + 0.010 s after the first sample.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from features.media import MAX_SAMPLE, SAMPLE_RATE

if TYPE_CHECKING:
    import opensmile

DESCRIPTORS = 65
ROW_RATE = 100
"""Rows per second."""

LONGEST_WINDOW = 0.06
"""Seconds of sound that the first row needs (the window of F0, jitter and shimmer)."""


def names() -> tuple[str, ...]:
    """Names of the 65 descriptors, in the order of the columns, as openSMILE gives them."""
    return tuple(_smile().feature_names)


def row_count(samples: int) -> int:
    """Rows that openSMILE makes of so many samples at 16 kHz: floor((N − 960) / 160) + 2."""
    shortest = round(LONGEST_WINDOW * SAMPLE_RATE)
    return (samples - shortest) // (SAMPLE_RATE // ROW_RATE) + 2 if samples >= shortest else 0


def extract_lld(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute the descriptors of a whole recording.

    A part of a recording gives other rows than the whole (RASTA filtering starts up during the
    first 0.8 s), so pass all of it at once.

    Args:
        samples: (N,) at 16 kHz, mono. Values outside the range of 16 bits are clipped: openSMILE
            would let them wrap around.

    Returns:
        (`row_count(N)`, 65), all finite.

    Raises:
        ValueError: the samples are not one-dimensional or not all finite.
    """
    if samples.ndim != 1:
        raise ValueError(f"samples must be (N,), not {samples.shape}")
    if not np.isfinite(samples).all():
        raise ValueError("samples must be finite: openSMILE takes NaN for silence")
    rows = row_count(len(samples))
    if rows == 0:
        return np.zeros((0, DESCRIPTORS), np.float32)
    clipped = np.clip(samples, -1.0, MAX_SAMPLE).astype(np.float32)
    descriptors = _smile()(clipped, SAMPLE_RATE)[0].T
    if descriptors.shape != (rows, DESCRIPTORS):
        raise RuntimeError(f"openSMILE gave {descriptors.shape}, expected {(rows, DESCRIPTORS)}")
    return np.ascontiguousarray(descriptors, np.float32)


def sound_present(
    samples: NDArray[np.float32], rows: int, *, floor_dbfs: float, min_seconds: float
) -> NDArray[np.bool_]:
    """Tell rows with sound from digital silence, such as a muted microphone leaves.

    The level of a row is the root mean square of its 20 ms. Rows below the floor are absent where
    they cover at least `min_seconds` without a break; shorter pauses belong to speech.

    Args:
        samples: (N,) at 16 kHz; beyond the last there is silence.
        rows: number of rows, as `extract_lld` gave them.
        floor_dbfs: level in dB of a full-scale square wave.
        min_seconds: shortest silence in seconds that counts as absence.

    Returns:
        (rows,), true where there is sound.
    """
    hop = SAMPLE_RATE // ROW_RATE
    padded = np.zeros((rows + 1) * hop)
    used = samples[: len(padded)]
    padded[: len(used)] = used
    hop_power = np.square(padded).reshape(rows + 1, hop).mean(axis=1)
    quiet = (hop_power[:-1] + hop_power[1:]) / 2 < 10 ** (floor_dbfs / 10)
    edges = np.diff(np.concatenate(([0], quiet.astype(np.int8), [0])))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    # n neighbouring rows cover n + 1 hops.
    long = (ends - starts + 1) >= min_seconds * ROW_RATE - 1e-6
    present = np.ones(rows, np.bool_)
    for start, end in zip(starts[long], ends[long], strict=True):
        present[start:end] = False
    return present


@cache
def _smile() -> opensmile.Smile:
    import opensmile

    return opensmile.Smile(
        feature_set=opensmile.FeatureSet.IS13,
        feature_level=opensmile.FeatureLevel.LowLevelDescriptors,
    )
