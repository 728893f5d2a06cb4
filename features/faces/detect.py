"""Face detectors behind one protocol, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from features.faces.dlib_detectors import CnnDetector, HogDetector
from features.faces.opencv_detectors import SsdDetector, YuNetDetector
from features.settings import FaceSettings


class Detector(Protocol):
    """Finds the faces in one picture.

    Boxes of different detectors mean different things: those of `hog` overlap those of `yunet` by
    0.7, those of `ssd` by 0.93 (intersection over union). Crops of two are not interchangeable.
    """

    smoothing: int
    """Frames over which its boxes are averaged where the settings do not say; 1 for none."""

    def __call__(
        self, picture: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Detect faces.

        Args:
            picture: (H, W, 3) RGB.

        Returns:
            Boxes (n, 4), left, top, right, bottom in pixels of the picture, partly outside it
            where the face is; and their scores (n,), which each detector scales its own way.
        """
        ...


DETECTORS: Mapping[str, Callable[[FaceSettings], Detector]] = {
    "hog": lambda _: HogDetector(),
    "cnn": lambda _: CnnDetector(),
    "ssd": SsdDetector,
    "yunet": YuNetDetector,
}


def load_detector(settings: FaceSettings) -> Detector:
    """Make the detector that the settings name.

    From then on OpenCV uses one thread in this process: items are what runs in parallel.

    Raises:
        InputError: a model file is missing, has another hash or is none of that detector.
    """
    cv2.setNumThreads(1)
    return DETECTORS[settings.detector](settings)
