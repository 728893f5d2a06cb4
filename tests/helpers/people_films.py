"""Tiny films of two people, from two public-domain portraits, and who is where in every frame."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from features.corpora.demo.speakers import PORTRAITS
from features.faces.boxes import centres
from features.faces.track import Track
from tests.helpers.media_factory import make_video, tone

RATE = 10
HEIGHT, WIDTH = 240, 480
FACE = 96
"""Height of a face as dlib boxes it; it finds none below 80."""

LEFT, RIGHT, MIDDLE = 130, 350, 240
"""Where a face's centre is, from the left."""


@dataclass(frozen=True)
class Face:
    """A face in a picture.

    Attributes:
        who: 0 or 1, which portrait.
        across: where its centre is, in pixels from the left.
        height: of its box.
        down: where its centre is, from the top.
    """

    who: int
    across: float
    height: float = FACE
    down: float = 120.0


Frames = list[list[Face]]


def side_by_side() -> Frames:
    """Both for all of the time, the second one nearer."""
    return [[Face(0, LEFT), Face(1, RIGHT, 110)] for _ in range(8)]


def swapped() -> Frames:
    """Both for all of the time, who change places in a cut."""
    return [[Face(0, LEFT), Face(1, RIGHT)]] * 8 + [[Face(1, LEFT), Face(0, RIGHT)]] * 6


def cut() -> Frames:
    """Whoever speaks: one, the other, and the first again, in the same place."""
    return [[Face(0, MIDDLE)]] * 7 + [[Face(1, MIDDLE, 110)]] * 5 + [[Face(0, MIDDLE)]] * 4


def picture_in_picture() -> Frames:
    """One large, the other in a corner; then large and small change."""
    small, large = 84, 120
    first = [Face(0, 150, large), Face(1, 400, small, 70)]
    return [first] * 8 + [[Face(1, 150, large), Face(0, 400, small, 70)]] * 6


def back_again() -> Frames:
    """One, then nobody for as long as ends a track, then the same one elsewhere."""
    return [[Face(0, LEFT)]] * 6 + [[]] * 8 + [[Face(0, RIGHT, 110)]] * 6


def poster() -> Frames:
    """A face on the wall, and somebody in front of it who moves and leaves."""
    return [
        [Face(1, 390, 84, 80), *([Face(0, LEFT + 4 * i, 120)] if i < 8 else [])] for i in range(12)
    ]


FILMS: Mapping[str, Callable[[], Frames]] = {
    "side by side": side_by_side,
    "swapped": swapped,
    "cut": cut,
    "picture-in-picture": picture_in_picture,
    "leaving and coming back": back_again,
    "a poster on the wall": poster,
}


def whose(frames: Frames, track: Track) -> int:
    """Which portrait a track shows: that whose centre is the nearest in its middle frame."""
    index = len(track.frames) // 2
    at = centres(track.boxes[index]) * (WIDTH, HEIGHT)
    faces = frames[track.frames[index]]
    apart = [np.hypot(*(at - (face.across, face.down))) for face in faces]
    return faces[int(np.argmin(apart))].who


def mistakes(frames: Frames, tracks: list[Track], identity: NDArray[np.int32]) -> int:
    """How many tracks of a film are of another person than their identity, or of nobody.

    An identity is of the portrait that most of its frames show, and each portrait has one.
    """
    seen = np.zeros((2, max(len(tracks), 1)))
    for track, number in zip(tracks, identity, strict=True):
        if number >= 0:
            seen[whose(frames, track), number] += len(track.frames)
    of = {who: int(seen[who].argmax()) for who in (0, 1) if seen[who].any()}
    if len(set(of.values())) < len(of):
        del of[int(seen[:, of[0]].argmin())]
    pairs = zip(tracks, identity, strict=True)
    return sum(of.get(whose(frames, track)) != number for track, number in pairs)


def make_film(path: Path, frames: Frames, *, sound: float = 0.0) -> Path:
    """Write a film, with so many seconds of a tone."""
    heard = tone(sound) if sound else None
    return make_video(path, list(_pictures(frames)), RATE, sound=heard)


def _pictures(frames: Frames) -> Iterator[NDArray[np.uint8]]:
    for faces in frames:
        picture = np.full((HEIGHT, WIDTH, 3), 110, np.uint8)
        for face in faces:
            _paste(picture, face)
        yield picture


def _paste(picture: NDArray[np.uint8], face: Face) -> None:
    """Put a portrait's head and shoulders where a face is to be."""
    portrait = PORTRAITS[face.who]
    photograph, opacity = _cut_out(face.who)
    scale = face.height / portrait.face_height
    centre = portrait.landmarks[[0, 1, 10]].mean(axis=0)
    shift = np.array([face.across, face.down]) - scale * centre
    way = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    height, width = picture.shape[:2]
    shown = cv2.warpAffine(photograph, way, (width, height), flags=cv2.INTER_AREA)
    there = cv2.warpAffine(opacity, way, (width, height), flags=cv2.INTER_AREA) > 127
    picture[there] = shown[there]


@cache
def _cut_out(who: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    portrait = PORTRAITS[who]
    photograph = np.ascontiguousarray(portrait.read())
    opacity = np.zeros(photograph.shape[:2], np.uint8)
    cv2.fillPoly(opacity, [portrait.outline.astype(np.int32)], 255)
    return photograph, opacity
