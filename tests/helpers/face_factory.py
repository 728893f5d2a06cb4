"""Pictures of a face and scripted detectors for tests."""

import hashlib
import os
from pathlib import Path

import cv2
import numpy as np
import skimage.data

from features.extractors.crops import open_faces
from features.settings import DetectorModels, FaceSettings, ModelFile
from features.stores.assembling import assemble
from features.stores.writing import new_item

HEIGHT, WIDTH = 240, 320

OF_TRACKS = ("identity", "seconds", "in_view")
"""Arrays that say who is in a recording."""

CLIPS = os.environ.get("LACUNA_TEST_CLIPS")
MODELS = os.environ.get("LACUNA_TEST_MODELS")


def portrait(left=100, *, share=0.45, width=WIDTH):
    """A grey picture with a face of a given share of its height, and about where the face is."""
    face = skimage.data.astronaut()[10:230, 110:340]
    scale = share * HEIGHT / 88  # the face proper is 88 pixels high there
    face = cv2.resize(face, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    picture = np.full((HEIGHT, width, 3), 110, np.uint8)
    rows, columns = min(len(face), HEIGHT), min(face.shape[1], width - left)
    picture[:rows, left : left + columns] = face[:rows, :columns]
    box = np.array([69, 73, 157, 161]) * scale + [left, 0, left, 0]
    return picture, box.astype(np.float32)


def square(left, top=0.0, side=0.2):
    """A box."""
    return [left, top, left + side, top + side]


def film():
    """Path of the edited film clip."""
    return Path(CLIPS) / "short_hamilton_clip.mp4"


def model_file(name):
    """A detector's file among those for tests."""
    path = Path(MODELS) / name
    return ModelFile(path=str(path), sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def yunet(**settings):
    """Settings with the detector `yunet`."""
    models = DetectorModels(yunet=model_file("yunet_2026may.onnx"))
    return FaceSettings(detector="yunet", models=models, **settings)


def ssd(**settings):
    """Settings with the detector `ssd`."""
    return FaceSettings(
        detector="ssd",
        models=DetectorModels(
            ssd=model_file("opencv_face_detector_uint8.pb"),
            ssd_config=model_file("opencv_face_detector.pbtxt"),
        ),
        **settings,
    )


def extracted(folder, path, settings, **arguments):
    """The arrays that `extract_faces` writes."""
    from features.faces.extract import extract_faces

    with new_item(folder / "face", {}) as item:
        extract_faces(path, settings, item, **arguments)
    assemble(folder / "faces.zarr", {"a": folder / "face"}, {})
    store = open_faces(folder / "faces.zarr")
    names = ("boxes", "scores", "present", "interpolated", "times", "track", *OF_TRACKS)
    return {"crops": store.rows("a", "crops")[:]} | {name: store.array("a", name) for name in names}
