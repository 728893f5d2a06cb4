"""From a media file to the crops of its main face."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from features import media
from features.faces.crop import crop_face
from features.faces.detect import DETECTORS
from features.faces.track import main_face, smooth_boxes
from features.settings import FaceSettings


@dataclass(frozen=True)
class Faces:
    """The main face of a recording, frame by frame.

    Attributes:
        crops: (F, size, size, 3) RGB, zeros where there is no face.
        boxes: (F, 4) left, top, right, bottom in pixels of the file, smoothed, without the margin.
        scores: (F,) of the detector, 0 where there is no face.
        present: (F,), whether there is a face.
        times: (F,) seconds on the container's clock.
    """

    crops: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    present: NDArray[np.bool_]
    times: NDArray[np.float64]


def extract_faces(
    path: str | Path,
    settings: FaceSettings,
    progress: Callable[[int], None] | None = None,
) -> Faces:
    """Detect, follow and cut out the main face of a media file.

    The file is decoded twice, for detection and for cutting: which face is the main one is known
    only at the end, and so the frames need not be kept. A file without pictures has no faces and
    the timeline of `media.frame_times`.

    Args:
        path: a media file.
        settings: how to do it.
        progress: called with 1 after each frame that was searched.

    Raises:
        InputError: the file cannot be decoded.
    """
    detect = DETECTORS[settings.detector](settings.working_height)
    if not media.probe(path).has_video:
        return _no_faces(media.frame_times(path), settings.size)
    times, found = [], []
    for time, picture in media.frames(path):
        times.append(time)
        found.append(detect(picture))
        if progress is not None:
            progress(1)
    faces = _no_faces(np.array(times), settings.size)
    chosen = main_face([boxes for boxes, _ in found], faces.times)
    for frame in np.flatnonzero(chosen >= 0):
        boxes, scores = found[frame]
        faces.boxes[frame], faces.scores[frame] = boxes[chosen[frame]], scores[chosen[frame]]
    faces.present[:] = chosen >= 0
    faces.boxes[:] = smooth_boxes(faces.boxes, faces.present, settings.smoothing)
    if faces.present.any():
        _cut(path, faces, settings)
    return faces


def _no_faces(times: NDArray[np.float64], size: int) -> Faces:
    count = len(times)
    return Faces(
        crops=np.zeros((count, size, size, 3), np.uint8),
        boxes=np.zeros((count, 4), np.float32),
        scores=np.zeros(count, np.float32),
        present=np.zeros(count, np.bool_),
        times=times,
    )


def _cut(path: str | Path, faces: Faces, settings: FaceSettings) -> None:
    for frame, (_, picture) in enumerate(media.frames(path)):
        if faces.present[frame]:
            faces.crops[frame] = crop_face(
                picture, faces.boxes[frame], margin=settings.margin, size=settings.size
            )
