"""Which row of a stream belongs to a time, and the context around it.

All times are seconds on the recording's clock. Of low-level descriptors row k of a sound that
starts at time s is centred at s + 0.01·k + 0.010 (a 20 ms window every 10 ms).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CONTEXT_RATE = 30
"""Steps per second of the context grid, the paper's frame rate, whatever the video's."""
NO_ROW = -1
"""Index of a context step outside the recording; its features are zero."""

_SAME_TIME = 1e-9  # seconds
_ROUNDING = 1e-6  # rows; exact ties at 60 fps must not depend on float rounding


@dataclass(frozen=True)
class Clock:
    """When the rows of one item of a stream are.

    Attributes:
        times: (T,) second at which each row begins, increasing.
        span: second at which the recording begins, and how many it lasts.
        window: seconds that a row describes; None until the next row begins.
        rate: rows per second where they are regular.
    """

    times: NDArray[np.float64]
    span: tuple[float, float]
    window: float | None = None
    rate: float | None = None

    def rows_at(self, at: NDArray[np.float64]) -> NDArray[np.int32]:
        """Index of the row that is centred nearest to each time, or that contains it.

        A tie goes to the later row; `NO_ROW` where the time lies outside the recording.

        Args:
            at: seconds, any shape; NaN lies outside.
        """
        start, seconds = self.span
        count, elapsed = len(self.times), np.where(np.isnan(at), -np.inf, at) - start
        if self.rate is not None:
            # Row k is centred at k / rate + window / 2: for descriptors floor(100·elapsed − 1/2).
            window = 1 / self.rate if self.window is None else self.window
            nearest = np.floor(self.rate * elapsed - (self.rate * window - 1) / 2 + _ROUNDING)
        elif self.window is None:  # the row whose span contains the time
            nearest = (
                np.searchsorted(
                    self.times - start, elapsed + _ROUNDING / CONTEXT_RATE, side="right"
                )
                - 1.0
            )
        else:
            centres = self.times - start + self.window / 2
            between = (centres[1:] + centres[:-1]) / 2
            nearest = (
                np.searchsorted(between, elapsed + _ROUNDING / CONTEXT_RATE, side="right") + 0.0
            )
        inside = (elapsed >= -_ROUNDING) & (elapsed < seconds) & (count > 0)
        return np.where(inside, np.clip(nearest, 0, count - 1), NO_ROW).astype(np.int32)

    def centres(self) -> NDArray[np.float64]:
        """Centre of each row, (T,) seconds."""
        return frame_centres(self.times) if self.window is None else self.times + self.window / 2


def frames_at(times: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.int32]:
    """The frame that contains each second of `at`, the nearest one where none does.

    Args:
        times: (frames,) start of each frame, increasing; at least one.
        at: seconds.

    >>> frames_at(np.array([0.0, 0.5, 1.0]), np.array([-0.1, 0.5, 0.7, 9.0])).tolist()
    [0, 1, 1, 2]
    """
    frames = np.searchsorted(times, at + _SAME_TIME, side="right") - 1
    return np.clip(frames, 0, len(times) - 1).astype(np.int32)


def frame_centres(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centre of each frame's span [t_i, t_{i+1}), in seconds.

    The last frame is taken to last as long as the median frame; a single frame to be a point.

    Args:
        times: (frames,) start of each frame, increasing.

    >>> frame_centres(np.array([0.0, 1.0, 3.0])).tolist()
    [0.5, 2.0, 3.75]
    """
    if len(times) < 2:
        return times.copy()
    steps = np.diff(times)
    return times + np.append(steps, np.median(steps)) / 2


def context_offsets(seconds: float, *, centred: bool = False) -> NDArray[np.float64]:
    """Times of the context steps relative to the frame's centre, in seconds.

    Causal: the last step is the frame itself, (j − (n − 1)) / 30 s. With 2 s there are 60
    steps, so 60 · 65 = 3900 dimensions (Parthasarathy and Sundaram 2020, section 3.2.2).
    Without any context the frame itself is the only step.

    >>> context_offsets(0).tolist()
    [0.0]
    >>> len(context_offsets(2.0))
    60
    """
    steps = max(1, round(seconds * CONTEXT_RATE))
    last = steps // 2 if centred else 0
    return (np.arange(steps) - (steps - 1) + last) / CONTEXT_RATE
