"""Shot cuts, from thumbnails of neighbouring frames."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

MOST_LIKENESS = 0.65
"""Correlation of thumbnails below which they are of two shots: in an edited film its cuts had 0.06
to 0.3, its fastest motion 0.74. What is cut too often costs detections only."""

LEAST_CHANGE = 5.0
"""Mean difference, of 255 grey levels, that a cut makes at least; less is noise in the dark."""

_SIZE = (32, 18)


def thumbnail(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A picture (H, W, 3) as numbers to compare, independent of its size."""
    small = np.asarray(cv2.resize(picture, _SIZE, interpolation=cv2.INTER_AREA), np.float32)
    return small.ravel()


def is_cut(before: NDArray[np.float32], after: NDArray[np.float32]) -> bool:
    """Whether a shot ends between the thumbnails of two neighbouring frames.

    Their correlation tells: it does not change when the light does, so a fade is not a cut.
    """
    if np.abs(after - before).mean() < LEAST_CHANGE:
        return False
    before, after = before - before.mean(), after - after.mean()
    size = float(np.linalg.norm(before) * np.linalg.norm(after))
    return float(before @ after) < MOST_LIKENESS * size or size == 0
