"""The face of the demo corpus: a portrait warped by valence and arousal and moved like a head."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from features.corpora.demo import speakers
from features.corpora.demo.script import Script, smooth_noise
from features.corpora.demo.speakers import FACE_CENTRE, FACE_HEIGHT, Speaker

FRAME_CENTRE = (120.0, 128.0)
TURNED_AWAY = np.deg2rad(100)
_MOUTH_INTERIOR = np.array([52, 20, 22], np.float32)
_REACH = 100
"""Half the side of the square around the face that expressions warp, in pixels."""


@dataclass(frozen=True)
class Acting:
    """What the face does, one value a frame: shape (F,) each.

    Attributes:
        smile: rise of the mouth corners, pixels.
        frown: fall of the inner brows, pixels.
        brows: rise of the whole brows, pixels.
        eyes: how much wider the eyes are than in the portrait, 0 is as wide.
        mouth: opening of the mouth, pixels.
        x: head position to the right, pixels.
        y: head position downwards, pixels.
        roll: head tilt in the picture plane, radians.
        yaw: head turn, radians.
        cover: how far something covers the face, 0 to 1.
    """

    smile: NDArray[np.float64]
    frown: NDArray[np.float64]
    brows: NDArray[np.float64]
    eyes: NDArray[np.float64]
    mouth: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    roll: NDArray[np.float64]
    yaw: NDArray[np.float64]
    cover: NDArray[np.float64]


def act(rng: np.random.Generator, script: Script, fps: int, portrait_smile: float) -> Acting:
    """Turn a script into movements.

    Mouth corners, brows and a mouth that opens with the smile show valence; eyes, brows and the
    motion of head and lips show arousal.

    Args:
        rng: the source of randomness.
        script: what happens in the clip.
        fps: frames a second of the script.
        portrait_smile: valence that the mouth of the undistorted portrait shows.
    """
    frames = len(script.times)
    valence, arousal = script.seen
    level = (1 + arousal) / 2
    spoken = (1 - np.cos(2 * np.pi * script.syllables)) / 2
    x, y, roll, yaw = smooth_noise(rng, (4, frames), 0.25 * fps) * (0.15 + 0.85 * level)
    turned, covered = (
        gaussian_filter1d(script.missing(loss).astype(float), 0.06 * fps, mode="nearest")
        for loss in ("turned", "covered")
    )
    side = rng.choice([-1, 1])
    return Acting(
        smile=0.12 * FACE_HEIGHT * (valence - portrait_smile),
        frown=-0.06 * FACE_HEIGHT * valence,
        brows=0.05 * FACE_HEIGHT * arousal,
        eyes=0.6 * arousal,
        mouth=FACE_HEIGHT * (0.12 * (1 + valence) / 2 + 0.04 * (0.3 + 0.7 * level) * spoken),
        x=4 * x,
        y=2.5 * y,
        roll=np.deg2rad(2) * roll,
        yaw=np.deg2rad(5) * yaw * (1 - turned) + side * TURNED_AWAY * turned,
        cover=covered,
    )


class Renderer:
    """Draws one speaker.

    An expression is a sum of smooth displacement fields around the landmarks plus an opening along
    the line between the lips. A head turn rolls the picture around a cylinder that has the outline
    of the head: the far side of the cylinder shows the hair at the edge of the portrait.
    """

    def __init__(self, speaker: Speaker, cover_colour: NDArray[np.uint8]) -> None:
        self._speaker = speaker
        self._cover = _cover_picture(cover_colour)
        self._opacity = speaker.picture[..., 3].astype(np.float32) / 255
        self._background = speaker.background.astype(np.float32)
        self._corner = (FACE_CENTRE - _REACH).astype(np.intp)
        grid = np.indices((2 * _REACH, 2 * _REACH), np.float32)[::-1]
        self._points = grid + self._corner[:, None, None].astype(np.float32)
        self._fields = _expression_fields(self._points, speaker.landmarks)
        left, right = _head_edges(self._opacity)
        self._head_middle, self._head_radius = (left + right) / 2, (right - left) / 2
        rows = np.arange(speakers.CANVAS_HEIGHT, dtype=np.float32)
        chin = float(speaker.landmarks[speakers.CHIN, 1])
        self._turning = 1 - _smoothstep((rows - chin) / (0.25 * FACE_HEIGHT))
        frame_y, frame_x = np.indices((speakers.FRAME_HEIGHT, speakers.FRAME_WIDTH), np.float32)
        self._frame_x, self._frame_y = frame_x - FRAME_CENTRE[0], frame_y - FRAME_CENTRE[1]

    def frames(self, acting: Acting) -> Iterator[NDArray[np.uint8]]:
        """The frames, (FRAME_HEIGHT, FRAME_WIDTH, 3) uint8 RGB."""
        for i in range(len(acting.smile)):
            picture = self._express(acting, i)
            frame = self._pose(picture, acting, i)
            yield self._hide(frame, float(acting.cover[i]))

    def _express(self, acting: Acting, i: int) -> NDArray[np.uint8]:
        """The portrait with its expression changed, RGB on the canvas."""
        opening = float(acting.mouth[i])
        weights = np.array(
            [acting.smile[i], acting.frown[i], acting.brows[i], acting.eyes[i], 0.6 * opening],
            np.float32,
        )
        # Backward mapping; the fields are smooth and small enough for d(x) to stand in for the
        # displacement at the source.
        source = self._points - np.tensordot(weights, self._fields, 1)
        interior = self._open_mouth(source, opening)
        x, y = self._corner.tolist()
        picture = self._speaker.picture[..., :3].copy()
        square = picture[y : y + 2 * _REACH, x : x + 2 * _REACH]
        warped = cv2.remap(
            square, source[0] - x, source[1] - y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        ).astype(np.float32)
        warped += interior[..., None] * (_MOUTH_INTERIOR - warped)
        square[:] = warped
        return picture

    def _open_mouth(self, source: NDArray[np.float32], opening: float) -> NDArray[np.float32]:
        """Part `source` along the line between the lips, in place.

        Returns:
            How much of each pixel is mouth interior, 0 to 1.
        """
        (left_x, left_y), (right_x, right_y) = self._speaker.landmarks[speakers.MOUTH_CORNERS]
        lip_y = self._speaker.landmarks[speakers.LIP_LINE, 1]
        across = (source[0] - (left_x + right_x) / 2) / ((right_x - left_x) / 2)
        arch = np.maximum(1 - across**2, 0)
        corners_y = (left_y + right_y) / 2 + across * (right_y - left_y) / 2
        line_y = corners_y + (lip_y - (left_y + right_y) / 2) * arch
        gap = opening * arch
        below = source[1] - line_y
        depth = np.minimum(below, gap - below)
        reach = 0.4 * FACE_HEIGHT  # where the skin below the lip is at rest again
        closed = np.where(below < reach, (below - gap) * reach / (reach - gap), below)
        source[1] = np.where(below > gap, line_y + closed, source[1])
        return np.clip(depth + 0.5, 0, 1) * (gap > 0.5)

    def _pose(self, picture: NDArray[np.uint8], acting: Acting, i: int) -> NDArray[np.uint8]:
        """The person in front of the background, head turned, tilted and moved."""
        cos, sin = math.cos(acting.roll[i]), math.sin(acting.roll[i])
        x = self._frame_x - float(acting.x[i])
        y = self._frame_y - float(acting.y[i])
        centre_x, centre_y = FACE_CENTRE.tolist()
        canvas_x = cos * x + sin * y + centre_x
        canvas_y = cos * y - sin * x + centre_y
        opacity = cv2.remap(
            self._opacity, canvas_x, canvas_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        turned_x = self._turn(canvas_x, canvas_y, float(acting.yaw[i]))
        person = cv2.remap(
            picture, turned_x, canvas_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        blend = self._background + opacity[..., None] * (person - self._background)
        return blend.astype(np.uint8)

    def _turn(self, x: NDArray, y: NDArray, yaw: float) -> NDArray[np.float32]:
        """The canvas column that a head turned by `yaw` radians shows at each (x, y)."""
        row = np.clip(y, 0, speakers.CANVAS_HEIGHT - 1).astype(np.intp)
        middle, radius = self._head_middle[row], self._head_radius[row]
        across = (x - middle) / radius
        angle = np.arcsin(np.clip(across, -1, 1)) - yaw * self._turning[row]
        turned = np.sin(np.clip(angle, -math.pi / 2, math.pi / 2)) * 0.96  # inside the outline
        return np.where(np.abs(across) < 1, middle + turned * radius, x)

    def _hide(self, frame: NDArray[np.uint8], cover: float) -> NDArray[np.uint8]:
        """Slide a board up in front of the face."""
        rows = round(cover * len(self._cover))
        if rows:
            frame[len(frame) - rows :] = self._cover[:rows]
        return frame


def _expression_fields(points: NDArray[np.float32], landmarks: NDArray) -> NDArray[np.float32]:
    """Displacements of unit size: smile, frown, brows, eyes, jaw; shape (5, 2, h, w)."""
    fields = np.zeros((5, *points.shape), np.float32)
    for side, out in enumerate((-1, 1)):
        corner = landmarks[speakers.MOUTH_CORNERS][side]
        eye = landmarks[speakers.EYES][side]
        inner = landmarks[speakers.INNER_BROWS][side]
        outer = landmarks[speakers.OUTER_BROWS][side]
        fields[0] += _push(points, corner, 0.13, 0.5 * out, -1)
        fields[0] += _push(points, (corner + eye) / 2, 0.13, 0, -0.3)
        fields[1] += _push(points, inner, 0.10, -0.5 * out, 1)
        fields[2] += _push(points, (inner + outer) / 2, 0.14, 0, -1)
        fields[3] += _push(points, eye, 0.09, 0, 1) * (points - eye[:, None, None])
    fields[0] += _push(points, landmarks[speakers.LIP_LINE], 0.10, 0, 0.35)
    fields[4] += _push(points, landmarks[speakers.CHIN], 0.22, 0, 1)
    return fields


def _push(points: NDArray, centre: NDArray, width: float, x: float, y: float) -> NDArray:
    """The displacement (x, y) at `centre`, falling off as a Gaussian; shape (2, h, w).

    Args:
        points: (2, h, w) x, y where the displacement is wanted.
        centre: (2,) where it is greatest.
        width: standard deviation of the Gaussian, in face heights.
        x: displacement to the right at the centre.
        y: displacement downwards at the centre.
    """
    squares = ((points - centre[:, None, None]) ** 2).sum(axis=0)
    falloff = np.exp(-squares / (2 * (width * FACE_HEIGHT) ** 2))
    return np.stack([x * falloff, y * falloff])


def _head_edges(opacity: NDArray) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Left and right edge of the head in every row of the canvas.

    Below the mouth, where the shoulders may begin, they stay as at the mouth.
    """
    inside = opacity > 0.5
    top = int(np.argmax(inside.any(axis=1)))
    mouth = int(FACE_CENTRE[1] + 0.25 * FACE_HEIGHT)
    rows = np.clip(np.arange(len(inside)), top, mouth)
    left = np.argmax(inside, axis=1)[rows]
    right = inside.shape[1] - 1 - np.argmax(inside[:, ::-1], axis=1)[rows]
    edges = np.stack([left - 1, right + 1]).astype(np.float32)
    left, right = gaussian_filter1d(edges, 3, mode="nearest")
    return left, right


def _cover_picture(colour: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A board with stripes, as wide as the frame and tall enough to hide face and forehead."""
    height = speakers.FRAME_HEIGHT - 30
    stripes = (np.arange(speakers.FRAME_WIDTH) // 16 % 2 * 24).astype(np.uint8)
    return np.broadcast_to(colour + stripes[None, :, None], (height, speakers.FRAME_WIDTH, 3))


def _smoothstep(x: NDArray) -> NDArray:
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)
