"""Square pictures of faces."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def crop_face(
    picture: NDArray[np.uint8],
    box: NDArray[np.float32],
    *,
    margin: float,
    size: int,
    angle: float = 0.0,
) -> NDArray[np.uint8]:
    """Cut a square around a box, turn it upright and scale it.

    Args:
        picture: (H, W, 3).
        box: left, top, right, bottom in pixels; may reach outside the picture.
        margin: added on every side, as a part of the box's longer side.
        size: side of the result in pixels.
        angle: by which the face leans clockwise, in radians; the square leans with it.

    Returns:
        (size, size, 3); beyond the picture its border is repeated.
    """
    left, top, right, bottom = (float(edge) for edge in box)
    side = max(1, round(max(right - left, bottom - top) * (1 + 2 * margin)))
    height, width = picture.shape[:2]
    method = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
    square: NDArray[Any]
    if angle:
        square = _leaning(picture, ((left + right) / 2, (top + bottom) / 2), side, angle)
    else:
        rows, above, below = _span(round((top + bottom - side) / 2), side, height)
        columns, before, after = _span(round((left + right - side) / 2), side, width)
        square = cv2.copyMakeBorder(
            picture[rows, columns], above, below, before, after, cv2.BORDER_REPLICATE
        )
    return np.asarray(cv2.resize(square, (size, size), interpolation=method), np.uint8)


def _leaning(
    picture: NDArray[np.uint8], centre: tuple[float, float], side: int, angle: float
) -> NDArray[np.uint8]:
    """A square (side, side, 3) that leans by an angle, beyond the picture its border repeated."""
    cos, sin = np.cos(angle), np.sin(angle)
    # Pixel (x, y) of the square lies at centre + R(angle)·((x, y) − middle); pixels have centres.
    turn, middle = np.array([[cos, -sin], [sin, cos]]), np.full(2, (side - 1) / 2)
    shift = np.array(centre) - 0.5 - turn @ middle
    return np.asarray(
        cv2.warpAffine(
            picture,
            np.column_stack([turn, shift]),
            (side, side),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.uint8,
    )


def _span(first: int, count: int, length: int) -> tuple[slice, int, int]:
    """The part of a run of pixels that lies inside, and how many lie before and behind it.

    >>> _span(-2, 5, 10), _span(8, 5, 10), _span(2, 5, 10)
    ((slice(0, 3, None), 2, 0), (slice(8, 10, None), 0, 3), (slice(2, 7, None), 0, 0))
    """
    start = min(max(first, 0), length - 1)
    stop = min(max(first + count, start + 1), length)
    outside = count - (stop - start)
    before = min(max(-first, 0), outside)
    return slice(start, stop), before, outside - before
