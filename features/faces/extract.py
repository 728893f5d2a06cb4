"""From a media file to the crops of its main face."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from features.faces.causal import CausalFace
from features.faces.crop import crop_face
from features.faces.detect import load_detector
from features.faces.search import Sighting, search
from features.faces.sightings import Sightings
from features.faces.smooth import smooth_boxes
from features.faces.store import crop_codecs, write_tracks
from features.faces.subject import choose
from features.faces.track import link
from features.media import decoding as media
from features.settings import FaceSettings
from features.stores.writing import ItemWriter

if TYPE_CHECKING:
    from features.corpora.item import Side


@dataclass(frozen=True)
class MainFace:
    """The main face of a recording, frame by frame.

    Attributes:
        times: (F,) seconds on the container's clock.
        present: (F,), whether there is a face.
        interpolated: (F,), whether its box is interpolated between those of other frames.
        boxes: (F, 4) left, top, right, bottom as shares of the picture's width and height,
            smoothed, without the margin; 0 where there is no face.
        scores: (F,) of the detector, 0 where there is no face.
        angles: (F,) by which the face leans, in radians; 0 where crops are not turned.
    """

    times: NDArray[np.float64]
    present: NDArray[np.bool_]
    interpolated: NDArray[np.bool_]
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    angles: NDArray[np.float32]


def extract_faces(
    path: str | Path,
    settings: FaceSettings,
    item: ItemWriter,
    *,
    side: Side = "",
    progress: Callable[[int], None] | None = None,
) -> None:
    """Detect, follow and cut out the main face of a media file.

    The file is decoded twice, at the working height for detection and as it is for cutting: which
    face is the main one is known only at the end, and so the frames need not be kept.

    Written are `crops` (F, size, size, 3) uint8 RGB, `boxes` (F, 4) float32 in pixels of the file,
    the other arrays of `MainFace`, and the track of every frame with its identity; where there is
    no face all are zeros, crops stored as JPEG nearly so.

    Args:
        path: a media file.
        settings: how to do it.
        item: where to write.
        side: which one of two people.
        progress: called with 1 after each frame of the first pass.

    Raises:
        InputError: the file cannot be decoded, or a file of the detector cannot be used.
    """
    face = find_main_face(path, settings, side=side, progress=progress)
    boxes = _cut_out(path, face, settings, item)
    item.write("boxes", boxes)
    for name in ("scores", "present", "interpolated", "times"):
        item.write(name, getattr(face, name))
    write_tracks(item, face.present)


def find_main_face(
    path: str | Path,
    settings: FaceSettings,
    *,
    side: Side = "",
    progress: Callable[[int], None] | None = None,
) -> MainFace:
    """Detect and follow the main face of `extract_faces`.

    A file without pictures has no frames.
    """
    detect = load_detector(settings)
    if not media.probe(path).has_video:
        return _main_face(np.zeros(0))
    sightings = Sightings()
    for sighting in search(
        media.frames(path, height=settings.working_height), detect, settings.every
    ):
        sightings.append(sighting)
        if progress is not None:
            progress(1)
    face = _main_face(np.array([sighting.time for sighting in sightings]))
    if settings.causal:
        return _followed(face, sightings, settings)
    chosen = choose(link(sightings), len(sightings), subject=settings.subject, side=side)
    for frame, detection in enumerate(chosen):
        if detection >= 0:
            _fill(face, frame, sightings[frame], detection)
    starts_shot = np.array([sighting.starts_shot for sighting in sightings])
    assert settings.smoothing is not None  # the schema fills it in
    face.boxes[:] = smooth_boxes(face.boxes, face.present, starts_shot, settings.smoothing)
    return face


def _followed(face: MainFace, sightings: Sightings, settings: FaceSettings) -> MainFace:
    """The main face as it is known frame by frame."""
    follow = CausalFace(settings)
    for frame, sighting in enumerate(sightings):
        detection = follow.choose(sighting)
        if detection >= 0:
            _fill(face, frame, sighting, detection)
        face.boxes[frame] = follow.smooth(sighting, detection)
    return face


def _main_face(times: NDArray[np.float64]) -> MainFace:
    """A main face that is never there."""
    return MainFace(
        times=times,
        present=np.zeros(len(times), np.bool_),
        interpolated=np.zeros(len(times), np.bool_),
        boxes=np.zeros((len(times), 4), np.float32),
        scores=np.zeros(len(times), np.float32),
        angles=np.zeros(len(times), np.float32),
    )


def _fill(face: MainFace, frame: int, sighting: Sighting, detection: int) -> None:
    face.present[frame] = True
    face.interpolated[frame] = sighting.interpolated
    face.boxes[frame] = sighting.boxes[detection]
    face.scores[frame] = sighting.scores[detection]
    if sighting.angles is not None:
        face.angles[frame] = sighting.angles[detection]


def _cut_out(
    path: str | Path, face: MainFace, settings: FaceSettings, item: ItemWriter
) -> NDArray[np.float32]:
    """Write the crops; returns the boxes in pixels."""
    count, size = len(face.times), settings.size
    crops = item.rows("crops", (count, size, size, 3), np.uint8, **crop_codecs(settings))
    blank = np.zeros((1, size, size, 3), np.uint8)
    boxes = np.zeros_like(face.boxes)
    last = np.flatnonzero(face.present).max(initial=-1)
    done = 0
    if last >= 0:
        for frame, (_, picture) in enumerate(media.frames(path)):
            if face.present[frame]:
                height, width = picture.shape[:2]
                boxes[frame] = face.boxes[frame] * (width, height, width, height)
                how = {"margin": settings.margin, "angle": float(face.angles[frame])}
                crop = crop_face(picture, boxes[frame], size=size, **how)
                crops.append(crop[None])
            else:
                crops.append(blank)
            done = frame + 1
            if frame == last:
                break
    crops.append(np.broadcast_to(blank, (count - done, size, size, 3)))
    return boxes
