"""Arithmetic of boxes: left, top, right, bottom."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MIN_OVERLAP = 0.3
"""Intersection over union from which two boxes of neighbouring frames are the same face."""


def area(boxes: NDArray[np.floating]) -> NDArray[np.floating]:
    """Area of boxes (..., 4)."""
    return (boxes[..., 2:] - boxes[..., :2]).prod(axis=-1)


def heights(boxes: NDArray[np.floating]) -> NDArray[np.floating]:
    """Height of boxes (..., 4)."""
    return boxes[..., 3] - boxes[..., 1]


def centres(boxes: NDArray[np.floating]) -> NDArray[np.floating]:
    """Centre (..., 2) of boxes (..., 4)."""
    return (boxes[..., :2] + boxes[..., 2:]) / 2


def overlap(one: NDArray[np.floating], other: NDArray[np.floating]) -> NDArray[np.float64]:
    """Intersection over union of boxes (..., 4), pair by pair; shapes broadcast."""
    one, other = one.astype(np.float64), other.astype(np.float64)
    sides = np.minimum(one[..., 2:], other[..., 2:]) - np.maximum(one[..., :2], other[..., :2])
    shared = np.maximum(sides, 0).prod(axis=-1)
    union = area(one) + area(other) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def best_pairs(
    one: NDArray[np.floating], other: NDArray[np.floating], least: float = MIN_OVERLAP
) -> NDArray[np.int64]:
    """Pair the boxes of two sets, those that overlap most first.

    Args:
        one: (n, 4).
        other: (m, 4).
        least: intersection over union that a pair must have.

    Returns:
        (pairs, 2): indices into the two sets, none twice.
    """
    pairs = []
    if len(one) and len(other):
        overlaps = overlap(one[:, None], other[None])
        while overlaps.max() >= least:
            pair = np.unravel_index(overlaps.argmax(), overlaps.shape)
            pairs.append(pair)
            overlaps[pair[0]], overlaps[:, pair[1]] = 0, 0
    return np.array(pairs, np.int64).reshape(-1, 2)
