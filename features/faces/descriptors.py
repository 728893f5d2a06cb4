"""Descriptors of faces: 128 numbers that lie near each other for faces of one person.

The network is dlib's ResNet, which `face_recognition` carries, read as its detectors are. What it
makes of a face is biometric data: it stays in memory, and is written nowhere.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from features.arrays import contiguous
from features.errors import InputError
from features.faces.boxes import heights
from features.faces.detect import load_detector
from features.faces.dlib_detectors import POINTS, RESNET, descriptor_file
from features.faces.track import Track
from features.settings import FaceSettings

LENGTH = 128
"""Numbers of a descriptor."""

SECONDS_A_SIGHTING = 3.0
"""Of a track: a descriptor takes as long as `hog` for five frames of 640×360."""

MOST_SIGHTINGS = 5
"""Of a track, however long it is."""

_SIDE, _PADDING = 150, 0.25  # of the upright square that the network was trained on

Numbered = tuple[float, NDArray[np.uint8]]
"""A frame: its second and its picture."""


class Describer:
    """dlib's ResNet behind its five landmarks.

    Raises:
        InputError: the package that its files come with is not installed.
    """

    def __init__(self) -> None:
        import dlib

        self._points = dlib.shape_predictor(str(descriptor_file(POINTS)))
        self._network = dlib.face_recognition_model_v1(str(descriptor_file(RESNET)))

    def __call__(
        self, picture: NDArray[np.uint8], box: NDArray[np.floating]
    ) -> NDArray[np.float32]:
        """Describe a face.

        Args:
            picture: (H, W, 3) RGB.
            box: left, top, right, bottom in pixels.

        Returns:
            (128,), of length 1 or so; faces of one person are less than .6 apart.
        """
        import dlib

        whole = contiguous(picture)
        left, top, right, bottom = (round(float(edge)) for edge in box)
        points = self._points(whole, dlib.rectangle(left, top, right - 1, bottom - 1))
        chip = dlib.get_face_chip(whole, points, size=_SIDE, padding=_PADDING)
        return np.array(self._network.compute_face_descriptor(chip), np.float32)


class _Loaded(threading.local):
    """The networks of a thread: dlib's cannot be shared."""

    describer: Describer | None = None


_loaded = _Loaded()


def load_describer() -> Describer:
    """The network, loaded once per thread, where a face is first described."""
    if _loaded.describer is None:
        _loaded.describer = Describer()
    return _loaded.describer


# ------------------------------------------------------------------ of tracks


def good_sightings(track: Track, seconds: float) -> NDArray[np.int64]:
    """The frames of a track in which its face is to be described.

    The track without a fifth at both ends, where faces come, go and turn away, is cut into as many
    parts as it gets descriptors, and of each part the sighting with the highest score times height
    is taken: detectors score a frontal face highest. A frame that was not searched is taken only
    where no other is there.

    Args:
        track: of at least one frame.
        seconds: that it lasts.

    Returns:
        (n,) indices into the track's lists, n from 1 to `MOST_SIGHTINGS`.

    >>> track = Track([3, 4, 5], [0, 0, 0], [np.array([0, 0, 1, 1])] * 3, [0.1, 0.9, 0.8])
    >>> good_sightings(track, 1.0).tolist()
    [1]
    """
    worth = np.array(track.scores) * heights(np.array(track.boxes))
    worth[np.array(track.interpolated, np.bool_)] = -np.inf
    count = min(max(1, round(seconds / SECONDS_A_SIGHTING)), MOST_SIGHTINGS, len(worth))
    end = min(len(worth) // 5, (len(worth) - count) // 2)
    parts = np.array_split(np.arange(end, len(worth) - end), count)
    return np.array([part[worth[part].argmax()] for part in parts])


def medoid(descriptors: NDArray[np.floating]) -> NDArray[np.floating]:
    """Of descriptors (n, D) the one whose distances to the others are the smallest in sum.

    >>> medoid(np.array([[0.0], [1.0], [5.0]])).tolist()
    [1.0]
    """
    apart = np.linalg.norm(descriptors[:, None] - descriptors[None], axis=-1)
    return np.asarray(descriptors[apart.sum(axis=0).argmin()])


class Describing:
    """Describes tracks while the pictures of their recording go by.

    Args:
        tracks: boxes as shares of the picture.
        seconds: that each lasts.
        wanted: the tracks to describe, by number.
    """

    def __init__(
        self, tracks: Sequence[Track], seconds: NDArray[np.floating], wanted: Iterable[int]
    ) -> None:
        self._wanted: dict[int, list[tuple[int, NDArray[np.float32]]]] = {}
        self._found: dict[int, list[NDArray[np.float32]]] = {}
        for number in wanted:
            track = tracks[number]
            for index in good_sightings(track, float(seconds[number])):
                seen = self._wanted.setdefault(track.frames[index], [])
                seen.append((number, track.boxes[index]))

    @property
    def last(self) -> int:
        """The last frame in which there is anything to describe; −1 for none."""
        return max(self._wanted, default=-1)

    def watch(self, frames: Iterable[Numbered]) -> Iterator[Numbered]:
        """Hand on frames from the first one on, and describe those that are wanted."""
        for frame, (time, picture) in enumerate(frames):
            height, width = picture.shape[:2]
            for number, box in self._wanted.get(frame, ()):
                pixels = box * np.array([width, height, width, height], np.float32)
                found = self._found.setdefault(number, [])
                found.append(load_describer()(picture, pixels))
            yield time, picture

    @property
    def found(self) -> Mapping[int, NDArray[np.float32]]:
        """The descriptor (128,) of each track, the medoid of those of its sightings."""
        return {number: medoid(np.stack(rows)) for number, rows in self._found.items()}


def describe_picture(path: Path, settings: FaceSettings) -> NDArray[np.float32]:
    """The descriptor (128,) of the largest face in a picture.

    Args:
        path: of the picture.
        settings: how faces are found.

    Raises:
        InputError: it is no picture, or shows no face.
    """
    remedy = "give a picture in which one face is large and seen from the front"
    stored = cv2.imread(str(path)) if path.is_file() else None
    if stored is None:
        raise InputError(f"{path} is not a picture", remedy)
    picture = np.asarray(cv2.cvtColor(stored, cv2.COLOR_BGR2RGB), np.uint8)
    boxes, *_ = load_detector(settings)(picture)
    if not len(boxes):
        raise InputError(f"{settings.detector} finds no face in {path}", remedy)
    return load_describer()(picture, boxes[heights(boxes).argmax()])
