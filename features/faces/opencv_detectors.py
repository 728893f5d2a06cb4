"""Detectors that OpenCV runs from model files, which are the user's to supply."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from features.arrays import contiguous
from features.errors import InputError
from features.faces.landmarks import leaning
from features.hashes import verify_sha256
from features.settings import DETECTOR_FILES, FaceSettings, ModelFile

_MEAN_BGR = (104, 177, 123)
_SSD_SIDE = 300
_TRIAL_SIDE = 96


class SsdDetector:
    """The ResNet-10 SSD of OpenCV's samples, from its Caffe or its TensorFlow files.

    Whatever the size of a picture, the network sees it as 300×300 pixels, which it was trained
    for: at other sizes it reports faces beside the real ones and outside the picture. Scores are
    probabilities.

    Args:
        settings: with its two files in `models`.
    """

    MIN_SCORE = 0.5
    """The value of OpenCV's sample."""

    def __init__(self, settings: FaceSettings) -> None:
        model = _verified(settings, "ssd")
        config = _verified(settings, "ssd_config")
        read = {
            ".caffemodel": lambda: cv2.dnn.readNetFromCaffe(config, model),
            ".pb": lambda: cv2.dnn.readNetFromTensorflow(model, config),
        }.get(Path(model).suffix)
        if read is None:
            raise InputError(
                f"faces.models.ssd is {model}, whose suffix is neither .caffemodel nor .pb",
                _remedy("ssd", "ssd"),
            )
        with _loading(settings):
            self._network = read()
            self(np.zeros((_TRIAL_SIDE, _TRIAL_SIDE, 3), np.uint8))

    def __call__(
        self, picture: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Detect faces, as `Detector` says."""
        height, width = picture.shape[:2]
        side = (_SSD_SIDE, _SSD_SIDE)
        blob = cv2.dnn.blobFromImage(contiguous(picture), 1.0, side, _MEAN_BGR, swapRB=True)
        self._network.setInput(blob)
        # Columns: picture, class, score, left, top, right, bottom as shares of the picture.
        rows = self._network.forward()[0, 0]
        rows = rows[rows[:, 2] >= self.MIN_SCORE]
        boxes = rows[:, 3:7] * np.array([width, height, width, height], np.float32)
        return boxes, rows[:, 2].copy()


class YuNetDetector:
    """YuNet (Wu et al. 2023, doi 10.1007/s11633-023-1423-y) from its ONNX file.

    It finds faces of 10 to 300 pixels, turned ones too, fastest of all detectors here. Scores are
    in [0, 1].

    Args:
        settings: with its file in `models`.
    """

    MIN_SCORE = 0.6
    """Half-profiles of dark shots score 0.6 to 0.7."""

    def __init__(self, settings: FaceSettings) -> None:
        model = _verified(settings, "yunet")
        self._aligns = settings.alignment == "landmarks"
        with _loading(settings):
            self._network = cv2.FaceDetectorYN.create(
                model, "", (_TRIAL_SIDE, _TRIAL_SIDE), self.MIN_SCORE
            )
            self(np.zeros((_TRIAL_SIDE, _TRIAL_SIDE, 3), np.uint8))

    def __call__(self, picture: NDArray[np.uint8]) -> tuple[NDArray[np.float32], ...]:
        """Detect faces, as `Detector` says."""
        height, width = picture.shape[:2]
        self._network.setInputSize((width, height))
        _, rows = self._network.detect(cv2.cvtColor(contiguous(picture), cv2.COLOR_RGB2BGR))
        if rows is None:
            rows = np.zeros((0, 15), np.float32)
        # Columns: left, top, width, height, five landmarks (x, y), score.
        boxes = np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:4]], axis=1)
        found = boxes.astype(np.float32), rows[:, 14].astype(np.float32)
        if not self._aligns:
            return found
        return *found, leaning(rows[:, 4:14].reshape(-1, 5, 2).astype(np.float32))


def _verified(settings: FaceSettings, key: str) -> str:
    """Path of a model file whose content is the one that was meant."""
    file: ModelFile = getattr(settings.models, key)
    described = f"the file of faces.models.{key},"
    verify_sha256(file.path, file.sha256, described, _remedy(settings.detector, key))
    return file.path


def _remedy(detector: str, key: str) -> str:
    return f"name in faces.models.{key} a file of {DETECTOR_FILES[detector][key]}"


@contextmanager
def _loading(settings: FaceSettings) -> Iterator[None]:
    try:
        yield
    except cv2.error as error:
        keys = DETECTOR_FILES[settings.detector]
        files = " with ".join(getattr(settings.models, key).path for key in keys)
        remedy = "; ".join(_remedy(settings.detector, key) for key in keys)
        reason = f"{files} is not a model of the detector {settings.detector}"
        raise InputError(reason, remedy) from error
