"""Square pictures of faces."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def crop_face(
    picture: NDArray[np.uint8], box: NDArray[np.float32], *, margin: float, size: int
) -> NDArray[np.uint8]:
    """Cut a square around a box and scale it.

    Args:
        picture: (H, W, 3).
        box: left, top, right, bottom in pixels; may reach outside the picture.
        margin: added on every side, as a part of the box's longer side.
        size: side of the result in pixels.

    Returns:
        (size, size, 3); beyond the picture its border is repeated.
    """
    left, top, right, bottom = (float(edge) for edge in box)
    side = max(1, round(max(right - left, bottom - top) * (1 + 2 * margin)))
    height, width = picture.shape[:2]
    rows = round((top + bottom - side) / 2) + np.arange(side)
    columns = round((left + right - side) / 2) + np.arange(side)
    square = picture[rows.clip(0, height - 1)[:, None], columns.clip(0, width - 1)]
    method = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(square, (size, size), interpolation=method), np.uint8)
