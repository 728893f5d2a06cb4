"""The main face: one track at a time, chosen among those alive."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from features.faces.boxes import area, centres, heights
from features.faces.track import Track

if TYPE_CHECKING:
    from features.corpora.item import Side

MIDDLE = 0.5


def total_area(boxes: NDArray[np.floating]) -> float:
    """Of boxes (n, 4), shares of the picture, the sum of areas."""
    return float(area(boxes).sum())


def total_nearness(boxes: NDArray[np.floating]) -> float:
    """Of boxes (n, 4), summed: 1 in the middle of the picture, 0 in its corners and beyond."""
    away = np.abs(centres(boxes) - MIDDLE) / MIDDLE
    return float(np.maximum(1 - np.sqrt((away**2).mean(axis=-1)), 0).sum())


RANKS: Mapping[str, Callable[[NDArray[np.floating]], float]] = {
    "largest": total_area,
    "central": total_nearness,
    "person": lambda boxes: float(len(boxes)),
}
"""How much of the picture boxes (n, 4) have, by `subject`: the most makes the main face."""


def is_picture(person: str) -> bool:
    """Whether a person is named by a picture: neither by a side nor by a number.

    >>> [is_picture(person) for person in ("", "left", "2", "faces/ann.jpg")]
    [False, False, False, True]
    """
    return person not in ("", "left", "right") and not person.isdecimal()


def choose(tracks: Sequence[Track], frames: int, *, subject: str, side: Side) -> NDArray[np.int64]:
    """Choose a detection a frame.

    The main face of a frame is that of the highest-ranking track alive, from a track's first frame
    to its last. So no other face takes over for the moment in which the main one goes undetected,
    and each shot of an edited film has a main face of its own.

    Args:
        tracks: boxes as shares of the picture.
        frames: their number.
        subject: `largest` ranks tracks by their area, `central` by their nearness to the middle of
            the picture, both summed over the track's frames: a brief detection outranks nobody.
            `person` is who is longest there; whose tracks are given is chosen before.
        side: left or right: only tracks of that side are chosen, as in `on_side`.

    Returns:
        (frames,): index into the frame's detections; −1 where there is no face or only others.
    """
    if side:
        tracks = on_side(tracks, frames, side)
    rank = RANKS[subject]
    chosen = np.full(frames, -1)
    taken = np.zeros(frames, np.bool_)
    ranks = {id(track): rank(np.array(track.boxes, np.float64)) for track in tracks}
    for track in sorted(tracks, key=lambda track: (-ranks[id(track)], track.frames[0])):
        frames_of_track = np.array(track.frames)
        free = ~taken[frames_of_track]
        chosen[frames_of_track[free]] = np.array(track.detections)[free]
        taken[track.span] = True
    return chosen


def on_side(tracks: Sequence[Track], frames: int, side: Side) -> list[Track]:
    """The tracks of the left or of the right one of two people.

    A track is the left one if for most of the time that it shares the picture with others, its mean
    centre is the left-most. If it is always alone, the half of the picture in which it is decides.
    Tracks less than half as tall as the tallest at their time are nobody's.

    Args:
        tracks: boxes as shares of the picture.
        frames: their number.
        side: left or right.
    """
    across = [_mean_centre(track) for track in tracks]
    if side == "right":
        across = [1 - centre for centre in across]
    tall = [_mean_height(track) for track in tracks]
    tallest = np.zeros(frames)
    for track, height in zip(tracks, tall, strict=True):
        tallest[track.span] = np.maximum(tallest[track.span], height)
    people = [i for i, t in enumerate(tracks) if tall[i] >= tallest[t.span].mean() / 2]
    count = np.zeros(frames, np.int64)
    foremost = np.full(frames, np.inf)
    for i in people:
        span = tracks[i].span
        count[span] += 1
        foremost[span] = np.minimum(foremost[span], across[i])
    chosen = []
    for i in people:
        span = tracks[i].span
        shared = count[span] > 1
        is_foremost = foremost[span][shared] == across[i]
        if is_foremost.mean() > 0.5 if shared.any() else across[i] < MIDDLE:
            chosen.append(tracks[i])
    return chosen


def _mean_centre(track: Track) -> float:
    return float(centres(np.array(track.boxes))[:, 0].mean())


def _mean_height(track: Track) -> float:
    return float(heights(np.array(track.boxes)).mean())
