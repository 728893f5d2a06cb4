"""Where a recording has no picture or no sound, by the times of packets: nothing is decoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import ArrayLike, NDArray

from features.media.container import open_media, packets
from features.media.tracks import audio_stream, video_stream

PAUSE_SECONDS, PAUSE_FRAMES = 0.25, 4
"""Pictures pause where none comes for longer than both."""

SOUND_GAP = 0.1
"""Seconds from which a gap in the times of sound is one, filled with silence."""

Stretch = tuple[float, float]


@dataclass(frozen=True)
class Pauses:
    """Stretches of a recording, from its first to its last picture or sound, in seconds.

    Attributes:
        without_picture: where no picture comes; all of it without a picture stream.
        without_sound: where there is no sound in the stream; all of it without one.
    """

    without_picture: tuple[Stretch, ...]
    without_sound: tuple[Stretch, ...]


def pauses(path: str | Path) -> Pauses:
    """Find out where a file has no picture and no sound.

    A file that is damaged is read up to there: decoding it will refuse it.

    Raises:
        InputError: as `probe` does.
    """
    begins: dict[str, list[float]] = {"video": [], "audio": []}
    ends: dict[str, list[float]] = {"video": [], "audio": []}
    with open_media(path) as container:
        used = [s for s in (video_stream(path, container), audio_stream(path, container)) if s]
        try:
            for packet in packets(container, *used):
                if packet.size and packet.pts is not None:
                    kind, tick = packet.stream.type, float(packet.time_base)
                    begins[kind].append(packet.pts * tick)
                    ends[kind].append((packet.pts + (packet.duration or 0)) * tick)
        except (av.FFmpegError, OSError):
            pass
    pictures = np.unique(begins["video"])
    step = float(np.median(np.diff(pictures))) if len(pictures) > 1 else 0.0
    tolerated = longest_gap(step) - step
    shown = _joined(pictures, pictures + step, tolerated)
    heard = _joined(begins["audio"], _sounding(begins["audio"], ends["audio"]), SOUND_GAP)
    every = [*shown, *heard]
    if not every:
        return Pauses((), ())
    start, end = min(first for first, _ in every), max(last for _, last in every)
    return Pauses(
        _between(shown, start, end, tolerated), _between(heard, start, end, PAUSE_SECONDS)
    )


def longest_gap(step: float) -> float:
    """Seconds from one picture to the next beyond which pictures pause.

    Args:
        step: seconds that a picture usually lasts.

    >>> longest_gap(0.04), longest_gap(0.1)
    (0.25, 0.4)
    """
    return max(PAUSE_SECONDS, PAUSE_FRAMES * step)


def seconds_within(stretches: Sequence[Stretch], start: float, end: float) -> float:
    """How many seconds of some stretches lie between two times.

    >>> seconds_within([(1.0, 3.0), (5.0, 9.0)], 2.0, 6.0)
    2.0
    """
    return sum(max(0.0, min(last, end) - max(first, start)) for first, last in stretches)


def _sounding(begins: Sequence[float], ends: Sequence[float]) -> NDArray[np.float64]:
    """When packets of sound end, none longer than most: MP4 lets the one before a gap last through.

    >>> _sounding([0.0, 0.5, 1.0, 4.0], [0.5, 1.0, 4.0, 4.5]).tolist()
    [0.5, 1.0, 1.5, 4.5]
    """
    first = np.asarray(begins, float)
    lengths = np.asarray(ends, float) - first
    return first + np.minimum(lengths, np.median(lengths)) if len(first) else first


def _joined(begins: ArrayLike, ends: ArrayLike, tolerated: float) -> list[Stretch]:
    """Stretches that something fills, gaps of up to so many seconds included.

    >>> _joined([0.0, 1.0, 4.0], [1.0, 2.0, 5.0], 0.1)
    [(0.0, 2.0), (4.0, 5.0)]
    """
    first = np.asarray(begins, float)
    if not len(first):
        return []
    order = np.argsort(first, kind="stable")
    first, last = first[order], np.maximum.accumulate(np.asarray(ends, float)[order])
    gaps = np.flatnonzero(first[1:] - last[:-1] > tolerated + 1e-6)
    starts, stops = np.append(first[0], first[gaps + 1]), np.append(last[gaps], last[-1])
    return list(zip(starts.tolist(), stops.tolist(), strict=True))


def _between(
    filled: Sequence[Stretch], start: float, end: float, tolerated: float
) -> tuple[Stretch, ...]:
    """The stretches from start to end that are not filled.

    >>> _between([(0.0, 2.0), (4.0, 5.0)], 0.0, 8.0, 0.25)
    ((2.0, 4.0), (5.0, 8.0))
    """
    edges = [start, *(second for stretch in filled for second in stretch), end]
    empty = list(zip(edges[::2], edges[1::2], strict=True))
    last = len(empty) - 1
    return tuple(
        (first, stop)
        for number, (first, stop) in enumerate(empty)
        if stop - first > (tolerated + 1e-6 if number in {0, last} else 0)
    )
