"""The main face chosen from the past alone, and its box smoothed backwards, as live needs it.

Of a whole recording the face is chosen that has most of the picture over all its time; here the one
that has had most of it so far. A box is the mean of those before it, not of those around it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.faces.boxes import MIN_OVERLAP, best_pairs, overlap
from features.faces.search import Sighting
from features.faces.subject import RANKS
from features.faces.track import MAX_GAP
from features.settings import FaceSettings


@dataclass(eq=False)
class CausalTrack:
    """A face that may still be there.

    Attributes:
        box: where it was last found.
        frame: when, by number.
        time: when, in seconds.
        rank: how much of the picture it has had so far.
        begun: when it was first found, in seconds.
        detection: which of the faces of the last frame it is; −1 for none.
    """

    box: NDArray[np.float32]
    frame: int
    time: float
    rank: float
    begun: float
    detection: int = -1


class CausalFace:
    """Follows the main face through a recording, frame by frame.

    Args:
        settings: how the main face is chosen and smoothed.
    """

    def __init__(self, settings: FaceSettings) -> None:
        assert settings.smoothing is not None  # the schema fills it in
        self._rank = RANKS[settings.subject]
        self.tracks: list[CausalTrack] = []
        """Those that may still be there."""
        self._frame = -1
        self._run: deque[NDArray[np.float32]] = deque(maxlen=settings.smoothing)

    def choose(self, sighting: Sighting) -> int:
        """Which of a frame's faces is the main one; −1 for none.

        The track that has had most of the picture so far is the main one while it is alive: no
        other face takes over for the moment in which it goes undetected.
        """
        self._frame += 1
        alive = [t for t in self.tracks if self._lasts(t, sighting)]
        for track in alive:
            track.detection = -1
        ends = np.array([track.box for track in alive]).reshape(-1, 4)
        taken = dict(best_pairs(sighting.boxes, ends).tolist())
        for detection, box in enumerate(sighting.boxes):
            if detection not in taken:
                alive.append(CausalTrack(box, self._frame, sighting.time, 0.0, sighting.time))
            track = alive[taken.get(detection, len(alive) - 1)]
            track.box, track.frame, track.time = box, self._frame, sighting.time
            track.rank += self._rank(box[None])
            track.detection = detection
        self.tracks = alive
        if not alive:
            return -1
        # Of equals the first: the one that has been there longest.
        return max(alive, key=lambda track: track.rank).detection

    def smooth(self, sighting: Sighting, detection: int) -> NDArray[np.float32]:
        """The box (4,) of a frame's main face, the mean of those just before it and itself.

        The mean stays within a run of frames of one shot whose neighbouring boxes overlap.
        """
        if detection < 0:
            self._run.clear()
            return np.zeros(4, np.float32)
        box = sighting.boxes[detection]
        goes_on = self._run and not sighting.starts_shot
        if goes_on and overlap(box[None], self._run[-1][None])[0] < MIN_OVERLAP:
            goes_on = False
        if not goes_on:
            self._run.clear()
        self._run.append(box)
        return np.asarray(np.mean(self._run, axis=0, dtype=np.float64), np.float32)

    def _lasts(self, track: CausalTrack, sighting: Sighting) -> bool:
        if sighting.starts_shot:
            return False
        return self._frame - track.frame == 1 or sighting.time - track.time <= MAX_GAP
