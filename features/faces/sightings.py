"""What was seen in every frame of a recording, kept in a few large pieces of memory."""

from array import array
from collections.abc import Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from features.faces.search import Sighting

NUMBERS = 6
"""Of a face: its box, its score and its angle."""


class Sightings(Sequence[Sighting]):
    """Sightings in the order of the frames.

    Two small arrays a frame, kept while pictures come and go, would lie in the gaps that pictures
    leave, and the next picture would need new memory: gigabytes in an hour of video.
    """

    def __init__(self) -> None:
        self._frames: list[tuple[float, bool, bool]] = []
        self._ends = array("q", [0])
        self._numbers = array("f")

    def append(self, sighting: Sighting) -> None:
        """Add the next frame's."""
        self._frames.append((sighting.time, bool(sighting.starts_shot), sighting.interpolated))
        angles = sighting.angles
        if angles is None:
            angles = np.zeros(len(sighting.scores), np.float32)
        faces = np.column_stack([sighting.boxes, sighting.scores, angles]).astype(np.float32)
        self._numbers.frombytes(faces.tobytes())
        self._ends.append(self._ends[-1] + len(faces))

    def __len__(self) -> int:
        return len(self._frames)

    @overload
    def __getitem__(self, index: int) -> Sighting: ...

    @overload
    def __getitem__(self, index: slice) -> list[Sighting]: ...

    def __getitem__(self, index: int | slice) -> Sighting | list[Sighting]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        index = range(len(self))[index]  # from the end, where it is negative
        time, starts_shot, interpolated = self._frames[index]
        first, last = self._ends[index], self._ends[index + 1]
        faces: NDArray[np.float32] = np.frombuffer(
            self._numbers[NUMBERS * first : NUMBERS * last], np.float32
        ).reshape(-1, NUMBERS)
        boxes, scores, angles = faces[:, :4], faces[:, 4], faces[:, 5]
        return Sighting(time, starts_shot, interpolated, boxes, scores, angles)
