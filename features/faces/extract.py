"""From a media file to the crops of its main face."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from features.faces.causal import CausalFace
from features.faces.crop import crop_face
from features.faces.descriptors import Describing
from features.faces.detect import load_detector
from features.faces.people import describe, describing, people_of, tracks_of
from features.faces.search import Sighting, search
from features.faces.sightings import Sightings
from features.faces.smooth import smooth_boxes
from features.faces.store import NO_TRACK, crop_codecs, write_tracks
from features.faces.subject import choose, is_picture
from features.faces.track import Track, link
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
        track: (F,) number of its track; −1 where there is no face.
    """

    times: NDArray[np.float64]
    present: NDArray[np.bool_]
    interpolated: NDArray[np.bool_]
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    angles: NDArray[np.float32]
    track: NDArray[np.int32]


@dataclass(frozen=True)
class Seen:
    """All faces of a recording.

    Attributes:
        sightings: of every frame.
        tracks: in them.
        times: (F,) seconds on the container's clock.
    """

    sightings: Sightings
    tracks: list[Track]
    times: NDArray[np.float64]


def extract_faces(
    path: str | Path,
    settings: FaceSettings,
    item: ItemWriter,
    *,
    side: Side = "",
    person: str = "",
    seen: Seen | None = None,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Detect, follow and cut out the main face of a media file.

    The file is decoded twice, at the working height for detection and as it is for cutting: which
    face is the main one is known only at the end, and so the frames need not be kept. Where people
    have to be told apart before one of them is the main face, it is decoded once more.

    Written are `crops` (F, size, size, 3) uint8 RGB, `boxes` (F, 4) float32 in pixels of the file,
    the other arrays of `MainFace`, and of all tracks whose they are and how long they last, as
    `write_tracks` says; where there is no face all are zeros, crops stored as JPEG nearly so.

    Args:
        path: a media file.
        settings: how to do it.
        item: where to write.
        side: which one of two people.
        person: whose face, where `subject` is `person`, as of `people.tracks_of`.
        seen: what `look` found in it, where that is known.
        progress: called with 1 after each frame of the first pass.

    Raises:
        InputError: the file cannot be decoded, a file of the detector cannot be used, or there is
            no such person.
    """
    seen = seen or look(path, settings, progress=progress)
    found = describing(seen.tracks, seen.times, every=is_picture(person))
    tracks = seen.tracks
    if settings.subject == "person":
        describe(found, media.frames(path))
        people = people_of(tracks, seen.times, found)
        face = follow(seen, settings, tracks_of(person, people, tracks, settings, str(path)), side)
        boxes = _cut_out(path, face, settings, item)
    else:
        face = follow(seen, settings, tracks, side)
        boxes = _cut_out(path, face, settings, item, found)
        people = people_of(tracks, seen.times, found)
    item.write("boxes", boxes)
    for name in ("scores", "present", "interpolated", "times", "track"):
        item.write(name, getattr(face, name))
    write_tracks(item, people.identity, people.seconds, people.in_view)


def look(
    path: str | Path, settings: FaceSettings, *, progress: Callable[[int], None] | None = None
) -> Seen:
    """Find and follow all faces of a media file; one without pictures has no frames."""
    detect = load_detector(settings)
    sightings = Sightings()
    if media.probe(path).has_video:
        pictures = media.frames(path, height=settings.working_height)
        for sighting in search(pictures, detect, settings.every):
            sightings.append(sighting)
            if progress is not None:
                progress(1)
    times = np.array([sighting.time for sighting in sightings], np.float64)
    return Seen(sightings, link(sightings), times)


def find_main_face(path: str | Path, settings: FaceSettings, *, side: Side = "") -> MainFace:
    """The main face of `extract_faces`, which is largest or central."""
    seen = look(path, settings)
    return follow(seen, settings, seen.tracks, side)


def follow(
    seen: Seen, settings: FaceSettings, tracks: Sequence[Track], side: Side = ""
) -> MainFace:
    """The main face among tracks.

    Args:
        seen: all faces.
        settings: how the main one is chosen and smoothed.
        tracks: of those who may be the main one.
        side: which one of two people.
    """
    sightings, face = seen.sightings, _main_face(seen.times)
    if settings.causal:
        chosen = _followed(face, sightings, settings)
    else:
        chosen = choose(tracks, len(sightings), subject=settings.subject, side=side)
        for frame, detection in enumerate(chosen):
            if detection >= 0:
                _fill(face, frame, sightings[frame], detection)
        starts_shot = np.array([s.starts_shot for s in sightings], np.bool_)
        assert settings.smoothing is not None  # the schema fills it in
        face.boxes[:] = smooth_boxes(face.boxes, face.present, starts_shot, settings.smoothing)
    for number, track in enumerate(seen.tracks):
        frames = np.array(track.frames)
        face.track[frames[chosen[frames] == np.array(track.detections)]] = number
    return face


def _followed(face: MainFace, sightings: Sightings, settings: FaceSettings) -> NDArray[np.int64]:
    """Fill in the main face as it is known frame by frame; gives the detections, −1 for none."""
    follow = CausalFace(settings)
    chosen = np.full(len(sightings), -1)
    for frame, sighting in enumerate(sightings):
        chosen[frame] = detection = follow.choose(sighting)
        if detection >= 0:
            _fill(face, frame, sighting, detection)
        face.boxes[frame] = follow.smooth(sighting, detection)
    return chosen


def _main_face(times: NDArray[np.float64]) -> MainFace:
    """A main face that is never there."""
    return MainFace(
        times=times,
        present=np.zeros(len(times), np.bool_),
        interpolated=np.zeros(len(times), np.bool_),
        boxes=np.zeros((len(times), 4), np.float32),
        scores=np.zeros(len(times), np.float32),
        angles=np.zeros(len(times), np.float32),
        track=np.full(len(times), NO_TRACK, np.int32),
    )


def _fill(face: MainFace, frame: int, sighting: Sighting, detection: int) -> None:
    face.present[frame] = True
    face.interpolated[frame] = sighting.interpolated
    face.boxes[frame] = sighting.boxes[detection]
    face.scores[frame] = sighting.scores[detection]
    if sighting.angles is not None:
        face.angles[frame] = sighting.angles[detection]


def _cut_out(
    path: str | Path,
    face: MainFace,
    settings: FaceSettings,
    item: ItemWriter,
    found: Describing | None = None,
) -> NDArray[np.float32]:
    """Write the crops, and describe tracks as their pictures come; returns the boxes in pixels."""
    count, size = len(face.times), settings.size
    crops = item.rows("crops", (count, size, size, 3), np.uint8, **crop_codecs(settings))
    blank = np.zeros((1, size, size, 3), np.uint8)
    boxes = np.zeros_like(face.boxes)
    last = int(np.flatnonzero(face.present).max(initial=-1))
    done = 0
    pictures: Iterable[tuple[float, NDArray[np.uint8]]] = ()
    if found is not None and found.last >= 0:
        pictures, last = found.watch(media.frames(path)), max(last, found.last)
    elif last >= 0:
        pictures = media.frames(path)
    if last >= 0:
        for frame, (_, picture) in enumerate(pictures):
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
