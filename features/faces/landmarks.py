"""Five points of a face, and how far it leans by them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

UPRIGHT = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ]
)
"""Right eye, left eye, tip of the nose, right and left corner of the mouth of an upright face, as
ArcFace places them in a picture of 112 pixels (Deng et al. 2019, insightface's `arcface_dst`)."""


def leaning(points: NDArray[np.floating]) -> NDArray[np.float32]:
    """How far faces lean, in radians, clockwise as seen.

    The rotation that brings the upright points, by least squares, to those of the face once both
    are centred: atan2(Σ u × p, Σ u · p).

    Args:
        points: (n, 5, 2) pixels x and y, in the order of `UPRIGHT`.

    Returns:
        (n,).

    >>> quarter = UPRIGHT @ np.array([[0.0, 1.0], [-1.0, 0.0]])
    >>> np.degrees(leaning(np.stack([UPRIGHT, 3 * quarter + 40]))).round().tolist()
    [0.0, 90.0]
    """
    upright = UPRIGHT - UPRIGHT.mean(axis=0)
    face = points - points.mean(axis=1, keepdims=True)
    cross = (upright[:, 0] * face[..., 1] - upright[:, 1] * face[..., 0]).sum(axis=1)
    return np.arctan2(cross, (upright * face).sum(axis=(1, 2))).astype(np.float32)
