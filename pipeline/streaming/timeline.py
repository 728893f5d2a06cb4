"""The frames of a source as they become known, by the rules of `features.windows.timeline`."""

from collections import deque
from dataclasses import dataclass

import numpy as np

from features.media.pauses import longest_gap
from features.media.rates import AUDIO_ONLY_RATE
from features.windows.timeline import Timeline

LATE = 0.5
"""Seconds by which a picture may come later than sound of its time, before it is a pause."""

_ROUNDING = 1e-6  # frames
_RECENT = 300  # pictures, by which their usual duration is told


@dataclass(eq=False)
class Frame:
    """One frame.

    Attributes:
        time: second at which it begins.
        arrival: when it came, on the clock of the program.
        picture: number of the picture that begins with it; None where none does.
        held: the frame whose picture is shown; None for none.
        dropped: whether its picture was dropped.
        centre: second of its middle; NaN until the next one is known.
    """

    time: float
    arrival: float
    picture: int | None = None
    held: "Frame | None" = None
    dropped: bool = False
    centre: float = np.nan


class LiveTimeline:
    """Turns pictures, and the clock of the sound, into frames.

    Args:
        hold: seconds for which the last picture stays.
        has_pictures: whether frames are those of pictures; else they are 30 a second of sound.
        patient: whether a pause is only taken for one when its end has come, as of a file.
    """

    def __init__(self, hold: float, *, has_pictures: bool, patient: bool) -> None:
        self._hold, self._patient = hold, patient
        self.has_pictures = has_pictures
        self._steps: deque[float] = deque(maxlen=_RECENT)
        self._pictures = 0
        self._shown: Frame | None = None  # the frame with the last picture
        self._start: float | None = None  # of the sound
        self._last: Frame | None = None
        self.frames: list[Frame] = []
        """Those that were not taken yet; the last one has no centre until `finish`."""

    @property
    def latest(self) -> float | None:
        """Second at which the last picture began."""
        return None if self._shown is None else self._shown.time

    @property
    def step(self) -> float:
        """Seconds that a frame usually lasts."""
        return float(np.median(self._steps)) if self._steps else 1 / AUDIO_ONLY_RATE

    def picture(self, time: float, arrival: float, *, dropped: bool = False) -> int:
        """Add a picture, later than all before; gives its number."""
        if self._shown is not None:
            self._pause(time - self.step / 2, time, arrival)
            self._steps.append(time - self._shown.time)
        elif self._start is not None and time - self._start > longest_gap(self.step):
            self._grid(time - self.step / 2, arrival)
        frame = Frame(time, arrival, self._pictures, dropped=dropped)
        frame.held = self._shown = frame
        self._pictures += 1
        self._add(frame)
        return self._pictures - 1

    def row(self, time: float, arrival: float) -> None:
        """Add a frame that begins with a row of sound, as of features without pictures."""
        if self._last is not None:
            self._steps.append(time - self._last.time)
        self._add(Frame(time, arrival))

    def sound(self, start: float, reached: float, arrival: float) -> None:
        """Note that sound goes from one second to another."""
        if self._start is None:
            self._start = start
        if not self.has_pictures:
            self._grid(reached - 1 / AUDIO_ONLY_RATE, arrival)
        elif not self._patient:
            late = reached - longest_gap(self.step) - LATE
            if self._shown is not None:
                self._pause(late, reached, arrival)
            elif late > start:
                self._grid(late, arrival)

    def finish(self, reached: float | None, arrival: float) -> None:
        """Note that nothing more comes, and how far the sound went."""
        if reached is not None and self._start is not None:
            if not self.has_pictures:
                count = max(1, round((reached - self._start) * AUDIO_ONLY_RATE))
                self._grid(self._start + (count - 0.5) / AUDIO_ONLY_RATE, arrival)
            elif self._shown is not None:
                self._pause(reached, reached, arrival)
        if self._last is not None:
            self._last.centre = self._last.time + (self.step / 2 if self._several else 0.0)

    @property
    def _several(self) -> bool:
        return len(self._steps) > 0 or self._last is not self._shown

    def _pause(self, until: float, reached: float, arrival: float) -> None:
        """Add frames from the last picture on, before a second, if no picture came for long."""
        assert self._shown is not None
        step = self.step
        if reached - self._shown.time <= longest_gap(step) + _ROUNDING:
            return
        last = self._last
        assert last is not None
        number = round((last.time - self._shown.time) / step) + 1
        while self._shown.time + number * step < until - _ROUNDING * step:
            after = number * step
            held = self._shown if after <= self._hold + _ROUNDING * step else None
            self._add(Frame(self._shown.time + after, arrival, held=held))
            number += 1

    def _grid(self, until: float, arrival: float) -> None:
        """Add frames of sound without pictures, 30 a second, up to one that begins at a second."""
        assert self._start is not None
        number = 0
        if self._last is not None:
            number = round((self._last.time - self._start) * AUDIO_ONLY_RATE) + 1
        while self._start + number / AUDIO_ONLY_RATE <= until + _ROUNDING:
            self._add(Frame(self._start + number / AUDIO_ONLY_RATE, arrival))
            number += 1

    def _add(self, frame: Frame) -> None:
        if self._last is not None:
            self._last.centre = (self._last.time + frame.time) / 2
        self._last = frame
        self.frames.append(frame)


def timeline_of(frames: list[Frame]) -> Timeline:
    """Frames, all with a centre, as the windows stage has them."""
    return Timeline(
        np.array([frame.time for frame in frames]),
        np.array([frame.centre for frame in frames]),
        np.array([np.nan if frame.held is None else frame.held.centre for frame in frames]),
        np.array([frame.picture is not None for frame in frames]),
    )
