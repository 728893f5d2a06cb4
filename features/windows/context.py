"""From rows and frames to what a network reads: z-norm, context rows, labels."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.settings import WindowSettings
from features.windows.clocks import context_offsets, frame_centres, lld_rows

STD_FLOOR = 1e-4
"""Smallest standard deviation divided by: silence makes some descriptors constant."""


@dataclass(frozen=True)
class Normaliser:
    """Mean and standard deviation of every descriptor, float64 (descriptors,)."""

    mean: NDArray[np.float64]
    std: NDArray[np.float64]

    @classmethod
    def fit(cls, recordings: Iterable[NDArray[np.float32]]) -> "Normaliser":
        """Fit to the rows (rows, descriptors) of the training recordings, one at a time.

        Moments are pooled as by Chan, Golub and LeVeque 1983; the variance is ÷ n.

        Raises:
            ValueError: there is no row at all.
        """
        count, mean, squares = 0, np.zeros(()), np.zeros(())
        for rows in recordings:
            if not len(rows):
                continue
            own_mean = rows.mean(axis=0, dtype=np.float64)
            delta = own_mean - mean
            total = count + len(rows)
            own_squares = np.square(rows - own_mean).sum(axis=0)
            squares = squares + own_squares + delta**2 * (count * len(rows) / total)
            mean = mean + delta * (len(rows) / total)
            count = total
        if count == 0:
            raise ValueError("no row to fit a normaliser to")
        return cls(mean, np.maximum(np.sqrt(squares / count), STD_FLOOR))

    def apply(self, rows: NDArray[np.float32], present: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Z-normed rows (rows, descriptors); zeros where there is no sound."""
        normed = (rows - self.mean) / self.std
        return np.where(present[:, None], normed, 0).astype(np.float32)


@dataclass(frozen=True)
class Sound:
    """Descriptors of one recording.

    Attributes:
        lld: (rows, descriptors) float32, 100 rows a second.
        present: (rows,) bool.
        start: container time of the first sample in seconds.
        duration: in seconds.
    """

    lld: NDArray[np.float32]
    present: NDArray[np.bool_]
    start: float
    duration: float


def context_rows(
    times: NDArray[np.float64], sound: Sound, settings: WindowSettings
) -> NDArray[np.int32]:
    """The LLD row of every frame and context step, (frames, steps); −1 outside the sound."""
    offsets = context_offsets(settings.context_seconds, centred=settings.context == "centred")
    at = frame_centres(times)[:, None] + offsets
    return lld_rows(at, start=sound.start, duration=sound.duration, rows=len(sound.lld))


def audio_present(times: NDArray[np.float64], sound: Sound) -> NDArray[np.bool_]:
    """Whether there is sound at the centre of each frame, (frames,)."""
    return at_centres(sound.present, times, sound)


def at_centres(
    rows: NDArray[np.bool_], times: NDArray[np.float64], sound: Sound
) -> NDArray[np.bool_]:
    """What is said of the row at the centre of each frame, (frames,); false outside the sound.

    Args:
        rows: (rows,) what is said of each row.
        times: (frames,) start of each frame in container seconds.
        sound: to which the rows belong.
    """
    row = lld_rows(
        frame_centres(times), start=sound.start, duration=sound.duration, rows=len(sound.lld)
    )
    return (row >= 0) & np.append(rows, False)[row]
