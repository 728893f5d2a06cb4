"""Where a recording has sound, row by row of what describes it."""

from math import ceil, gcd

import numpy as np
from numpy.typing import NDArray

from features.extractors.settings import SilenceSettings
from features.media.rates import SAMPLE_RATE


def sound_present(
    samples: NDArray[np.float32],
    rows: int,
    silence: SilenceSettings,
    *,
    hop: int,
    window: int,
    rate: int = SAMPLE_RATE,
) -> NDArray[np.bool_]:
    """Tell rows with sound from digital silence, such as a muted microphone leaves.

    The level of a row is the root mean square of its window. Rows below the floor are absent where
    they cover at least `min_seconds` without a break; shorter pauses belong to speech. Noise is
    sound: where a speaker is silent and the room can be heard, nothing is absent.

    Args:
        samples: (N,), mono; beyond the last there is silence.
        rows: number of rows.
        silence: the floor, in dB of a full-scale square wave, and the shortest absence.
        hop: samples from one row to the next.
        window: samples that a row describes.
        rate: samples a second.

    Returns:
        (rows,), true where there is sound.
    """
    quiet = quiet_rows(samples, rows, silence, hop=hop, window=window)
    return ~long_runs(quiet, silence.min_seconds, hop=hop / rate, window=window / rate)


def quiet_rows(
    samples: NDArray[np.float32], rows: int, silence: SilenceSettings, *, hop: int, window: int
) -> NDArray[np.bool_]:
    """Which rows are below the floor, however short that lasts, (rows,); as `sound_present`."""
    unit = gcd(hop, window)
    step, width = hop // unit, window // unit
    units = max(0, rows - 1) * step + width
    used = samples[: units * unit]
    whole, rest = np.split(used, [len(used) // unit * unit])
    whole = whole.reshape(-1, unit)
    energy = np.zeros(units)
    energy[: len(whole)] = np.einsum("ij,ij->i", whole, whole, dtype=np.float64)
    energy[len(whole) : len(whole) + 1] = np.square(rest, dtype=np.float64).sum()
    level = np.zeros(rows)
    for part in range(width):
        level += energy[part : part + rows * step : step][:rows]
    quiet: NDArray[np.bool_] = level / window < 10 ** (silence.floor_dbfs / 10)
    return quiet


def shortest_run(min_seconds: float, *, hop: float, window: float) -> int:
    """Neighbouring rows that cover so many seconds: n of them cover n − 1 hops and a window.

    >>> shortest_run(0.3, hop=0.01, window=0.02), shortest_run(0.0, hop=0.01, window=0.02)
    (29, 1)
    """
    return max(1, ceil((min_seconds - 1e-8 - window) / hop) + 1)


def long_runs(
    rows: NDArray[np.bool_], min_seconds: float, *, hop: float, window: float
) -> NDArray[np.bool_]:
    """The true rows (T,) that are in runs of at least so many seconds.

    Args:
        rows: (T,).
        min_seconds: shortest run.
        hop: seconds from one row to the next.
        window: seconds that a row describes.

    >>> long_runs(np.array([True, False, True, True]), 0.03, hop=0.01, window=0.02).tolist()
    [False, False, True, True]
    """
    edges = np.diff(np.concatenate(([0], rows.astype(np.int8), [0])))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    long = ends - starts >= shortest_run(min_seconds, hop=hop, window=window)
    marks = np.zeros(len(rows) + 1, np.int8)
    marks[starts[long]] += 1
    marks[ends[long]] -= 1
    return np.cumsum(marks[:-1]).astype(np.bool_)
