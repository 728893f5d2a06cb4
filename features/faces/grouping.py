"""Tracks of one person brought together: agglomerative grouping of their descriptors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAME_PERSON = 0.6
"""Distance of descriptors below which faces are one person's: dlib's own threshold. In two clips of
talking heads those of one person were .26 to .41 apart, those of two .88 to .96."""


def overlapping(spans: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Which spans (n, 2), first and last frame, share a frame: (n, n), false with itself.

    >>> overlapping(np.array([[0, 4], [4, 6], [5, 9]])).astype(int).tolist()
    [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    """
    first, last = spans[:, 0], spans[:, 1]
    shared = (first[:, None] <= last[None]) & (first[None] <= last[:, None])
    np.fill_diagonal(shared, False)
    return shared


def group(
    descriptors: NDArray[np.floating],
    spans: NDArray[np.integer],
    threshold: float = SAME_PERSON,
) -> NDArray[np.int64]:
    """Group tracks, the two nearest groups first, until none are nearer than a threshold.

    The distance of two groups is the mean of those of their tracks (average linkage). Tracks at the
    same time are two people's, so groups with such tracks are never brought together.

    Args:
        descriptors: (n, D) of each track; NaN where it was not described: it stays by itself.
        spans: (n, 2) first and last frame of each track.
        threshold: of the distance.

    Returns:
        (n,): the number of the first track of each one's group.

    >>> spans = np.array([[0, 9], [10, 19], [0, 19]])
    >>> group(np.array([[0.0], [0.1], [0.1]]), spans).tolist()
    [0, 0, 2]
    """
    count = len(spans)
    labels, sizes = np.arange(count), np.ones(count)
    if count < 2:
        return labels
    squares = (descriptors.astype(np.float64) ** 2).sum(axis=1)
    apart = squares[:, None] + squares[None] - 2 * descriptors @ descriptors.T.astype(np.float64)
    apart = np.sqrt(np.maximum(apart, 0))
    # What must not come together is infinitely far apart, and so is any mean that it is part of.
    apart[overlapping(spans) | ~np.isfinite(apart)] = np.inf
    np.fill_diagonal(apart, np.inf)
    nearest = apart.argmin(axis=1)
    while True:
        distances = apart[np.arange(count), nearest]
        one = int(distances.argmin())
        if not distances[one] < threshold:
            return labels
        one, other = sorted((one, int(nearest[one])))
        both = (sizes[one] * apart[one] + sizes[other] * apart[other]) / (sizes[one] + sizes[other])
        both[[one, other]] = np.inf
        apart[one], apart[:, one] = both, both
        apart[other], apart[:, other] = np.inf, np.inf
        sizes[one] += sizes[other]
        labels[labels == other] = one
        # A mean is nowhere below the smaller of its two, so no other row finds a nearer one.
        changed = np.isin(nearest, (one, other))
        changed[one] = True
        nearest[changed] = apart[changed].argmin(axis=1)
