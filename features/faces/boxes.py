"""Arithmetic of boxes: left, top, right, bottom."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MIN_OVERLAP = 0.3
"""Intersection over union from which two boxes of neighbouring frames are the same face."""


def area(boxes: NDArray[np.floating]) -> NDArray[np.floating]:
    """Area of boxes (..., 4).

    >>> area(np.array([[0, 0, 2, 3], [1, 1, 2, 2]])).tolist()
    [6, 1]
    """
    return (boxes[..., 2:] - boxes[..., :2]).prod(axis=-1)


def heights(boxes: NDArray[np.floating]) -> NDArray[np.floating]:
    """Height of boxes (..., 4).

    >>> heights(np.array([[0, 0, 2, 3]])).tolist()
    [3]
    """
    return boxes[..., 3] - boxes[..., 1]


def centres(boxes: NDArray[np.floating]) -> NDArray[np.floating]:
    """Centre (..., 2) of boxes (..., 4).

    >>> centres(np.array([0, 0, 2, 3])).tolist()
    [1.0, 1.5]
    """
    return (boxes[..., :2] + boxes[..., 2:]) / 2


def overlap(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.float64]:
    """Intersection over union of boxes (..., 4), pair by pair; shapes broadcast.

    >>> square, beside = np.array([0, 0, 2, 2]), np.array([1, 0, 3, 2])
    >>> overlap(square, beside).round(3)  # 2 of 6
    np.float64(0.333)
    """
    a, b = a.astype(np.float64), b.astype(np.float64)
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    shared = np.maximum(sides, 0).prod(axis=-1)  # boxes apart have a negative side
    union = area(a) + area(b) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def best_pairs(
    a: NDArray[np.floating], b: NDArray[np.floating], least: float = MIN_OVERLAP
) -> NDArray[np.int64]:
    """Pair the boxes of two sets, those that overlap most first.

    Args:
        a: (n, 4).
        b: (m, 4).
        least: intersection over union that a pair must have.

    Returns:
        (pairs, 2): indices into the two sets, none twice.

    >>> first = np.array([[0, 0, 2, 2], [8, 8, 9, 9]])
    >>> best_pairs(first, np.array([[8, 8, 9, 9], [0, 0, 2, 3], [0, 0, 2, 2]])).tolist()
    [[0, 2], [1, 0]]
    """
    pairs = []
    if len(a) and len(b):
        overlaps = overlap(a[:, None], b[None])  # (n, m)
        while overlaps.max() >= least:
            pair = np.unravel_index(overlaps.argmax(), overlaps.shape)
            pairs.append(pair)
            overlaps[pair[0]], overlaps[:, pair[1]] = 0, 0
    return np.array(pairs, np.int64).reshape(-1, 2)
