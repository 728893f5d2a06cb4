"""The faces of every frame of a video: found in every k-th, interpolated between.

Pictures are held for k frames at most. Both sides of a shot cut are searched, and nothing is
interpolated across it. Where the faces at the two ends of a stretch are not the same ones, its
middle is searched too, and so on with both halves: so a face that comes or goes does so at the
right frame, and no box is carried over its absence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.faces.boxes import best_pairs, heights
from features.faces.cuts import is_cut, thumbnail
from features.faces.detect import Detector

SAME_PLACE = 0.7
"""Intersection over union, at the two ends of a stretch, from which a face is interpolated."""


@dataclass(frozen=True)
class Sighting:
    """The faces of one frame.

    Attributes:
        time: of the frame in seconds.
        starts_shot: there is a cut before this frame, or nothing.
        interpolated: the frame was not searched.
        boxes: (n, 4) left, top, right, bottom as shares of the picture's width and height.
        scores: (n,).
        angles: (n,) by which faces lean, in radians; None where crops are not turned.
    """

    time: float
    starts_shot: bool
    interpolated: bool
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    angles: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class _Frame:
    time: float
    starts_shot: bool
    picture: NDArray[np.uint8]


def search(
    frames: Iterable[tuple[float, NDArray[np.uint8]]], detect: Detector, every: int
) -> Iterator[Sighting]:
    """Find the faces of every frame.

    Args:
        frames: time in seconds and RGB picture (H, W, 3), whose size may change.
        detect: the detector.
        every: frames from one that is searched to the next, at most.
    """
    start: Sighting
    for first, *rest in _stretches(frames, every):
        if first.starts_shot:
            start = _look(first, detect)
            yield start
        if rest:
            end = _look(rest[-1], detect)
            yield from _between(start, rest[:-1], end, detect)
            yield end
            start = end
        del first, rest  # before the next ones are decoded


def _stretches(
    frames: Iterable[tuple[float, NDArray[np.uint8]]], every: int
) -> Iterator[list[_Frame]]:
    """Cut a video into stretches; each begins with the last frame of the one before, or a shot."""
    stretch: list[_Frame] = []
    before = None
    for time, picture in frames:
        small = thumbnail(picture)
        starts_shot = before is None or is_cut(before, small)
        before = small
        if starts_shot and stretch:
            yield stretch
            stretch = []
        stretch.append(_Frame(time, starts_shot, picture))
        if len(stretch) > every:
            yield stretch
            stretch = stretch[-1:]
    if stretch:
        yield stretch


def _look(frame: _Frame, detect: Detector) -> Sighting:
    boxes, scores, *angles = detect(frame.picture)
    height, width = frame.picture.shape[:2]
    shares = boxes / np.array([width, height, width, height])
    shares = shares.astype(np.float32)
    return Sighting(frame.time, frame.starts_shot, False, shares, scores, *angles)


def _between(
    start: Sighting, frames: Sequence[_Frame], end: Sighting, detect: Detector
) -> Iterator[Sighting]:
    """The faces of the frames between two that were searched."""
    if not frames:
        return
    pairs = _same_faces(start.boxes, end.boxes)
    if pairs is not None:
        for frame in frames:
            yield _interpolated(start, end, pairs, frame.time)
        return
    middle = len(frames) // 2
    halfway = _look(frames[middle], detect)
    yield from _between(start, frames[:middle], halfway, detect)
    yield halfway
    yield from _between(halfway, frames[middle + 1 :], end, detect)


def _same_faces(first: NDArray[np.float32], last: NDArray[np.float32]) -> NDArray[np.int64] | None:
    """Pairs of boxes; None where a face at least half as tall as the tallest has no partner."""
    pairs = best_pairs(first, last, SAME_PLACE)
    for boxes, paired in zip((first, last), pairs.T, strict=True):
        tall = heights(boxes)
        large = np.flatnonzero(tall >= tall.max(initial=0) / 2)
        if not np.isin(large, paired).all():
            return None
    return pairs


def _interpolated(
    start: Sighting, end: Sighting, pairs: NDArray[np.int64], time: float
) -> Sighting:
    share = np.float32((time - start.time) / (end.time - start.time))
    first, last = pairs.T
    boxes = (1 - share) * start.boxes[first] + share * end.boxes[last]
    scores = (1 - share) * start.scores[first] + share * end.scores[last]
    angles = None
    if start.angles is not None and end.angles is not None:
        way = end.angles[last] - start.angles[first]
        way = (way + np.float32(np.pi)) % np.float32(2 * np.pi) - np.float32(np.pi)  # the short one
        angles = start.angles[first] + share * way
    return Sighting(time, False, True, boxes, scores, angles)
