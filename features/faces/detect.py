"""Face detectors behind one protocol, by name."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

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

    def __call__(self, picture: NDArray[np.uint8]) -> tuple[NDArray[np.float32], ...]:
        """Detect faces.

        Args:
            picture: (H, W, 3) RGB.

        Returns:
            Boxes (n, 4), left, top, right, bottom in pixels of the picture, partly outside it
            where the face is; their scores (n,), which each detector scales its own way; and
            where crops are turned upright, the angles (n,) by which faces lean, in radians.
        """
        ...


DETECTORS: Mapping[str, Callable[[FaceSettings], Detector]] = {
    "hog": lambda _: HogDetector(),
    "cnn": lambda _: CnnDetector(),
    "ssd": SsdDetector,
    "yunet": YuNetDetector,
}


class _Loaded(threading.local):
    """The detectors of a thread, neither dlib's nor OpenCV's can be shared, by their settings."""

    def __init__(self) -> None:
        self.detectors: dict[tuple[Any, ...], Detector] = {}


_loaded = _Loaded()


def load_detector(settings: FaceSettings) -> Detector:
    """The detector that the settings name, loaded once per thread.

    From then on OpenCV uses one thread in this process: items are what runs in parallel.

    Raises:
        InputError: a model file is missing, has another hash or is not a model of that detector.
    """
    cv2.setNumThreads(1)
    key = (settings.detector, settings.models, settings.alignment)
    if key not in _loaded.detectors:
        _loaded.detectors[key] = DETECTORS[settings.detector](settings)
    return _loaded.detectors[key]
