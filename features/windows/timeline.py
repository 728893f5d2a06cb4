"""The frames of an item: those of its pictures, and where no picture comes frames without one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.media.pauses import longest_gap
from features.media.rates import AUDIO_ONLY_RATE
from features.windows.clocks import frame_centres

NONE = -1

_ROUNDING = 1e-6  # frames


@dataclass(frozen=True)
class Timeline:
    """Frames of an item on the recording's clock.

    Attributes:
        times: (F,) second at which each frame begins.
        centres: (F,) second at its centre.
        shown: (F,) second at the centre of the picture that it shows, NaN for none.
        decoded: (F,) bool, whether a picture begins with it; all true where there are no pictures.
    """

    times: NDArray[np.float64]
    centres: NDArray[np.float64]
    shown: NDArray[np.float64]
    decoded: NDArray[np.bool_]

    def part(self, start: float, end: float) -> "Timeline":
        """The frames that begin within [start, end)."""
        first, last = np.searchsorted(self.times, (start, end))
        frames = slice(int(first), int(last))
        return Timeline(
            self.times[frames], self.centres[frames], self.shown[frames], self.decoded[frames]
        )


def timeline_of(
    pictures: NDArray[np.float64], extents: list[tuple[float, float]], hold: float
) -> Timeline:
    """The frames of a recording with pictures.

    Where no picture comes for longer than `longest_gap` (jitter so grows no frames),
    frames follow at the median picture's duration: between pictures, and before the first and after
    the last one while sound or labels go on. They show the picture before for up to `hold` seconds.

    Args:
        pictures: (P,) second at which each begins, increasing; at least one.
        extents: first and last second of sound, and of labels over time.
        hold: seconds.

    >>> line = timeline_of(np.arange(4) / 4, [(0.0, 3.0)], hold=1.0)
    >>> line.times.tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5, 2.75]
    >>> line.shown.tolist()
    [0.125, 0.375, 0.625, 0.875, 0.875, 0.875, 0.875, 0.875, nan, nan, nan, nan]
    """
    step = float(np.median(np.diff(pictures))) if len(pictures) > 1 else 1 / AUDIO_ONLY_RATE
    pause = longest_gap(step)
    start = min([first for first, _ in extents], default=np.inf)
    end = max([last for _, last in extents], default=-np.inf)
    times, picture = [pictures], [np.arange(len(pictures))]
    if pictures[0] - start > pause + _ROUNDING:
        before = _steps(pictures[0] - start, step, included=True)
        times.append(pictures[0] - before)
        picture.append(np.full(len(before), NONE))
    ends = np.append(pictures[1:] - step / 2, end)
    for number in np.flatnonzero(np.append(pictures[1:], end) - pictures > pause + _ROUNDING):
        after = _steps(ends[number] - pictures[number], step, included=False)
        times.append(pictures[number] + after)
        picture.append(np.where(after <= hold + _ROUNDING * step, number, NONE))
    every = np.concatenate(times)
    order = np.argsort(every, kind="stable")
    ordered, decoded = every[order], order < len(pictures)
    centres = frame_centres(ordered)
    # NaN, the last one, is what index −1 takes.
    shown = np.append(centres[decoded], np.nan)[np.concatenate(picture)[order]]
    return Timeline(ordered, centres, shown, decoded)


def timeline_without_pictures(start: float, seconds: float) -> Timeline:
    """The frames of a recording of sound alone: 30 a second, at least one."""
    count = max(1, round(seconds * AUDIO_ONLY_RATE))
    return timeline_of_rows(start + np.arange(count) / AUDIO_ONLY_RATE)


def timeline_of_rows(times: NDArray[np.float64]) -> Timeline:
    """Frames that begin with the rows of a stream of sound."""
    nowhere, every = np.full(len(times), np.nan), np.ones(len(times), np.bool_)
    return Timeline(times, frame_centres(times), nowhere, every)


def _steps(last: float, step: float, *, included: bool) -> NDArray[np.floating]:
    """Seconds step, 2 step, … before the last; or up to it, if it is included."""
    rounding = _ROUNDING if included else -_ROUNDING
    count = int(np.ceil(last / step + rounding)) - 1
    return step * np.arange(1, max(0, count) + 1)
