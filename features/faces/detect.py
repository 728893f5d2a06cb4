"""Face detectors behind one protocol."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import dlib


class Detector(Protocol):
    """Finds the faces in one picture."""

    def __call__(
        self, picture: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Detect faces.

        Args:
            picture: (H, W, 3) RGB.

        Returns:
            Boxes (n, 4), left, top, right, bottom in pixels of the picture, partly outside it
            where the face is; and their scores (n,).
        """
        ...


class HogDetector:
    """dlib's histogram-of-gradients detector, the one that `face_recognition` uses.

    It finds frontal faces from about 60 pixels of height on. Its time is in proportion to the area
    of the picture.

    Args:
        working_height: height in pixels that pictures are scaled to, None: as they are.
    """

    def __init__(self, working_height: int | None) -> None:
        self.working_height = working_height

    def __call__(
        self, picture: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """See `Detector`; the scores are distances to the decision border, in order downwards."""
        scaled = self._scale(picture)
        found, scores, _ = _hog().run(scaled, 0, 0.0)
        # dlib's right and bottom are the last pixel inside.
        boxes = [(box.left(), box.top(), box.right() + 1, box.bottom() + 1) for box in found]
        height, width = picture.shape[:2]
        back = np.array([width / scaled.shape[1], height / scaled.shape[0]] * 2)
        return (
            (np.array(boxes).reshape(-1, 4) * back).astype(np.float32),
            np.array(scores, np.float32),
        )

    def _scale(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        height, width = picture.shape[:2]
        if self.working_height in (None, height):
            return picture
        size = (max(1, round(width * self.working_height / height)), self.working_height)
        method = cv2.INTER_AREA if self.working_height < height else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(picture, size, interpolation=method), np.uint8)


DETECTORS = {"hog": HogDetector}


@cache
def _hog() -> dlib.fhog_object_detector:
    # Taken from dlib: importing face_recognition would load all of its other models as well.
    import dlib

    return dlib.get_frontal_face_detector()
