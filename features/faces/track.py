"""Tracks: the detections of one face, linked over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from features.faces.boxes import best_pairs
from features.faces.search import Sighting

MAX_GAP = 0.5
"""Seconds that a face may go undetected and still be the same track; one frame where frames are
farther apart than that. Of every k-th frame only the ends of gaps are searched more finely, so it
holds for every k."""


@dataclass(eq=False)
class Track:
    """One face in one shot.

    Attributes:
        frames: in which it was found, increasing.
        detections: which of each frame's boxes it is.
        boxes: those boxes, (4,) each.
        scores: of the detector.
        interpolated: whether the frame was not searched.
    """

    frames: list[int] = field(default_factory=list)
    detections: list[int] = field(default_factory=list)
    boxes: list[NDArray[np.float32]] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    interpolated: list[bool] = field(default_factory=list)

    @property
    def span(self) -> slice:
        """From the first frame to the last."""
        return slice(self.frames[0], self.frames[-1] + 1)


def link(sightings: Sequence[Sighting]) -> list[Track]:
    """Extend tracks with the boxes that overlap them most, best pair first; none crosses a cut."""
    finished: list[Track] = []
    alive: list[Track] = []
    for frame, sighting in enumerate(sightings):
        lasts = [not sighting.starts_shot and _lasts(t, frame, sightings) for t in alive]
        finished += [track for track, goes_on in zip(alive, lasts, strict=True) if not goes_on]
        alive = [track for track, goes_on in zip(alive, lasts, strict=True) if goes_on]
        ends = np.array([track.boxes[-1] for track in alive]).reshape(-1, 4)
        taken = dict(best_pairs(sighting.boxes, ends))
        for detection, box in enumerate(sighting.boxes):
            if detection in taken:
                track = alive[taken[detection]]
            else:
                alive.append(track := Track())
            track.frames.append(frame)
            track.detections.append(detection)
            track.boxes.append(box)
            track.scores.append(float(sighting.scores[detection]))
            track.interpolated.append(sighting.interpolated)
    return finished + alive


def _lasts(track: Track, frame: int, sightings: Sequence[Sighting]) -> bool:
    last = track.frames[-1]
    return frame - last == 1 or sightings[frame].time - sightings[last].time <= MAX_GAP
