"""The main face of a recording: detections linked over time, one chosen a frame, boxes smoothed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MIN_OVERLAP = 0.3
"""Intersection over union from which two boxes of neighbouring frames are the same face."""

MAX_GAP = 0.5
"""Seconds that a face may go undetected and still be the same track."""


@dataclass
class _Track:
    frames: list[int]
    detections: list[int]
    last_box: NDArray[np.float32]
    area: float


def main_face(
    boxes: Sequence[NDArray[np.float32]], times: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Choose a detection a frame.

    Detections that overlap from frame to frame form tracks. The main face of a frame is the track
    of the largest total area among those alive, from a track's first frame to its last. So a
    larger face does not take over for the moment in which the main one goes undetected, and each
    shot of an edited film has a main face of its own.

    Args:
        boxes: detections of each frame, (n, 4): left, top, right, bottom.
        times: of the frames in seconds, (frames,).

    Returns:
        (frames,): index into the frame's detections; −1 where there is no face or only others.
    """
    tracks = _link(boxes, times)
    chosen = np.full(len(boxes), -1)
    taken = np.zeros(len(boxes), np.bool_)
    for track in sorted(tracks, key=lambda track: (-track.area, track.frames[0])):
        frames = np.array(track.frames)
        free = ~taken[frames]
        chosen[frames[free]] = np.array(track.detections)[free]
        taken[frames[0] : frames[-1] + 1] = True
    return chosen


def smooth_boxes(
    boxes: NDArray[np.float32], present: NDArray[np.bool_], length: int
) -> NDArray[np.float32]:
    """Average boxes over time: those of HOG come in steps, and their width jitters by a fifth.

    The mean is centred and stays within a run of frames whose neighbouring boxes overlap; near the
    ends of a run it takes the frames there are.

    Args:
        boxes: (frames, 4).
        present: (frames,), where there is a box.
        length: of the mean in frames; an even one counts as one more.

    Returns:
        (frames, 4), zeros where there is no box.
    """
    smooth = np.zeros_like(boxes)
    same_run = np.zeros(len(boxes), np.bool_)
    same_run[1:] = (
        present[1:] & present[:-1] & (_paired_overlap(boxes[1:], boxes[:-1]) >= MIN_OVERLAP)
    )
    starts = np.flatnonzero(present & ~same_run)
    ends = np.flatnonzero(present & ~np.append(same_run[1:], False)) + 1
    reach = length // 2
    for start, end in zip(starts, ends, strict=True):
        run = np.arange(start, end)
        total = np.zeros((end - start + 1, 4))
        np.cumsum(boxes[start:end], axis=0, out=total[1:], dtype=np.float64)
        first, last = np.maximum(run - reach, start), np.minimum(run + reach + 1, end)
        mean = (total[last - start] - total[first - start]) / (last - first)[:, None]
        smooth[start:end] = mean
    return smooth


def overlap(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float64]:
    """Intersection over union of every box of one set with every box of another, (n, m)."""
    return _paired_overlap(one[:, None], other[None])


def _paired_overlap(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float64]:
    one, other = one.astype(np.float64), other.astype(np.float64)
    sides = np.minimum(one[..., 2:], other[..., 2:]) - np.maximum(one[..., :2], other[..., :2])
    shared = np.maximum(sides, 0).prod(axis=-1)
    union = _area(one) + _area(other) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def _area(boxes: NDArray[np.floating]) -> NDArray[np.floating]:
    return (boxes[..., 2:] - boxes[..., :2]).prod(axis=-1)


def _link(boxes: Sequence[NDArray[np.float32]], times: NDArray[np.float64]) -> list[_Track]:
    """Extend tracks with the detections that overlap them most, best pair first."""
    finished: list[_Track] = []
    alive: list[_Track] = []
    for frame, detections in enumerate(boxes):
        is_recent = [times[frame] - times[track.frames[-1]] <= MAX_GAP for track in alive]
        finished += [track for track, recent in zip(alive, is_recent, strict=True) if not recent]
        alive = [track for track, recent in zip(alive, is_recent, strict=True) if recent]
        areas = _area(detections)
        pairs = _best_pairs(detections, alive)
        for detection, box in enumerate(detections):
            if detection not in pairs:
                track = _Track([], [], box, 0.0)
                alive.append(track)
            else:
                track = alive[pairs[detection]]
            track.frames.append(frame)
            track.detections.append(detection)
            track.last_box = box
            track.area += float(areas[detection])
    return finished + alive


def _best_pairs(detections: NDArray[np.float32], tracks: list[_Track]) -> dict[int, int]:
    if not tracks or len(detections) == 0:
        return {}
    overlaps = overlap(detections, np.stack([track.last_box for track in tracks]))
    pairs = {}
    while overlaps.max() >= MIN_OVERLAP:
        detection, track = np.unravel_index(overlaps.argmax(), overlaps.shape)
        pairs[int(detection)] = int(track)
        overlaps[detection], overlaps[:, track] = 0, 0
    return pairs
