"""Where a recording has sound, and where it has a voice, row by row of its descriptors."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from features.extractors.opensmile.descriptors import ROW_RATE
from features.media.decoding import SAMPLE_RATE

F0 = "F0final_sma"
"""The descriptor of the sets known by name that is 0 where nobody speaks with a voice."""

PAUSE_SECONDS = 0.3
"""What is shorter belongs to speech: its consonants have no pitch either."""

_HOP = SAMPLE_RATE // ROW_RATE


def sound_present(
    samples: NDArray[np.float32], rows: int, *, floor_dbfs: float, min_seconds: float
) -> NDArray[np.bool_]:
    """Tell rows with sound from digital silence, such as a muted microphone leaves.

    The level of a row is the root mean square of its 20 ms. Rows below the floor are absent where
    they cover at least `min_seconds` without a break; shorter pauses belong to speech. Noise is
    sound: where a speaker is silent and the room can be heard, nothing is absent.

    Args:
        samples: (N,) at 16 kHz; beyond the last there is silence.
        rows: number of rows, as `extract_lld` gave them.
        floor_dbfs: level in dB of a full-scale square wave.
        min_seconds: shortest silence in seconds that counts as absence.

    Returns:
        (rows,), true where there is sound.
    """
    used = samples[: (rows + 1) * _HOP]
    hops, rest = np.split(used, [len(used) // _HOP * _HOP])
    hops = hops.reshape(-1, _HOP)
    hop_energy = np.zeros(rows + 1)
    hop_energy[: len(hops)] = np.einsum("ij,ij->i", hops, hops, dtype=np.float64)
    hop_energy[len(hops) : len(hops) + 1] = np.square(rest, dtype=np.float64).sum()
    quiet = (hop_energy[:-1] + hop_energy[1:]) / (2 * _HOP) < 10 ** (floor_dbfs / 10)
    return ~_long_runs(quiet, min_seconds)


def voice_present(
    lld: NDArray[np.float32], present: NDArray[np.bool_], names: Sequence[str]
) -> NDArray[np.bool_]:
    """Tell rows of speech from pauses in it, in which there is breath, noise or nothing.

    Args:
        lld: (rows, descriptors), as openSMILE gave them.
        present: (rows,), where there is sound.
        names: of the descriptors. Where `F0` is not among them, as a user's config may have it,
            nothing is known of pauses, and all sound counts as speech.

    Returns:
        (rows,), true where there is sound and no stretch of `PAUSE_SECONDS` or more without pitch.
    """
    if F0 not in names:
        return present
    return present & ~_long_runs(lld[:, names.index(F0)] <= 0, PAUSE_SECONDS)


def _long_runs(rows: NDArray[np.bool_], min_seconds: float) -> NDArray[np.bool_]:
    """The true rows that are in runs of at least so many seconds."""
    edges = np.diff(np.concatenate(([0], rows.astype(np.int8), [0])))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    # n neighbouring rows cover n + 1 hops.
    long = (ends - starts + 1) >= min_seconds * ROW_RATE - 1e-6
    in_run = np.zeros(len(rows), np.bool_)
    for start, end in zip(starts[long], ends[long], strict=True):
        in_run[start:end] = True
    return in_run
