"""Which row of low-level descriptors belongs to which video frame, and the 2 s context around it.

All times are container seconds. Row k of a sound that starts at time s is centred at
s + 0.01·k + 0.010 (a 20 ms window every 10 ms).
"""

import numpy as np
from numpy.typing import NDArray

from features.extractors.lld import ROW_RATE

CONTEXT_RATE = 30
"""Steps per second of the context grid, the paper's frame rate, whatever the video's."""
NO_ROW = -1
"""Index of a context step outside the sound; its features are zero."""

_ROUNDING = 1e-6  # rows; exact ties at 60 fps must not depend on float rounding


def frame_centres(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centre of each frame's span [t_i, t_{i+1}), in seconds.

    The last frame is taken to last as long as the median frame; a single frame to be a point.

    Args:
        times: (frames,) start of each frame, increasing.
    """
    if len(times) < 2:
        return times.copy()
    steps = np.diff(times)
    return times + np.append(steps, np.median(steps)) / 2


def lld_rows(
    at: NDArray[np.float64], *, start: float, duration: float, rows: int
) -> NDArray[np.int32]:
    """Index of the LLD row whose 20 ms window is centred nearest to each time.

    k = clip(floor(100·(t − start) − 1/2), 0, rows − 1), a tie going to the later row;
    `NO_ROW` where the time lies outside the sound.

    Args:
        at: times in container seconds, any shape.
        start: container time of the first sample.
        duration: length of the sound in seconds.
        rows: number of LLD rows.
    """
    elapsed = at - start
    nearest = np.floor(ROW_RATE * elapsed - 0.5 + _ROUNDING)
    inside = (elapsed >= -_ROUNDING) & (elapsed < duration) & (rows > 0)
    return np.where(inside, np.clip(nearest, 0, rows - 1), NO_ROW).astype(np.int32)


def context_offsets(seconds: float, *, centred: bool = False) -> NDArray[np.float64]:
    """Times of the context steps relative to the frame's centre, in seconds.

    Causal: the last step is the frame itself, (j − (n − 1)) / 30 s. With 2 s there are 60
    steps, hence 60 · 65 = 3900 dimensions (Parthasarathy and Sundaram 2020, section 3.2.2).
    """
    steps = round(seconds * CONTEXT_RATE)
    last = steps // 2 if centred else 0
    return (np.arange(steps) - (steps - 1) + last) / CONTEXT_RATE
