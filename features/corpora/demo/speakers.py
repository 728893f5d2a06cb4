"""The speakers of the demo corpus: two public-domain portraits turned into as many as are wanted.

Both portraits are works of the United States government and so in the public domain: Grace Hopper
(official Navy portrait, 1984; matplotlib's `grace_hopper.jpg`) and Eileen Collins (NASA's Great
Images database; scikit-image's `astronaut`). A speaker is one of them, perhaps mirrored, with
another face shape, size, complexion and light, in front of a background of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import skimage.data
from matplotlib.cbook import get_sample_data
from matplotlib.image import imread
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator

FRAME_HEIGHT, FRAME_WIDTH = 240, 240
CANVAS_HEIGHT, CANVAS_WIDTH = 320, 400
FACE_CENTRE = np.array([200.0, 150.0])
FACE_HEIGHT = 115.0
"""Chin to brows as dlib's detector boxes it, in pixels; it finds nothing smaller than 80."""

# Rows of the landmark arrays; left and right are the picture's.
EYES, INNER_BROWS, OUTER_BROWS = slice(0, 2), slice(2, 4), slice(4, 6)
MOUTH_CORNERS, JAW, LIP_LINE, CHIN = slice(6, 8), slice(8, 10), 10, 11
_MIRRORED = [1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 10, 11]


@dataclass(frozen=True)
class Portrait:
    """A photograph and what was read off it, in its pixels.

    Attributes:
        read: returns the photograph, (H, W, 3) uint8 RGB.
        face_height: height of dlib's face box.
        smile: valence its mouth shows.
        landmarks: (12, 2) x, y, rows as named above.
        outline: (n, 2) polygon around head and shoulders.
    """

    read: Callable[[], NDArray[np.uint8]]
    face_height: float
    smile: float
    landmarks: NDArray[np.float64]
    outline: NDArray[np.float64]


@dataclass(frozen=True)
class Speaker:
    """A speaker's looks and voice.

    Attributes:
        picture: (CANVAS_HEIGHT, CANVAS_WIDTH, 4) uint8 RGB and opacity, face at FACE_CENTRE.
        landmarks: (12, 2) x, y on the canvas.
        smile: valence the mouth of the picture shows.
        background: (FRAME_HEIGHT, FRAME_WIDTH, 3) uint8.
        pitch: fundamental frequency at arousal 0, in Hz.
        tract: factor on all formant frequencies.
    """

    picture: NDArray[np.uint8]
    landmarks: NDArray[np.float64]
    smile: float
    background: NDArray[np.uint8]
    pitch: float
    tract: float


# The 68-point landmark model that face_recognition carries, Hopper's eyes (behind glasses) and the
# line between upper teeth and lower lip corrected by eye; the outlines were drawn by hand.
# fmt: off
PORTRAITS = (
    Portrait(
        read=lambda: imread(str(get_sample_data("grace_hopper.jpg", asfileobj=False))),
        face_height=215,
        smile=0.0,
        landmarks=np.array([
            (221, 188), (306, 185), (243, 170), (282, 167), (205, 161), (325, 155),
            (233, 278), (309, 272), (195, 270), (363, 265), (268, 280), (276, 331),
        ], float),
        outline=np.array([
            (22, 600), (29, 450), (32, 417), (46, 392), (70, 374), (120, 359), (170, 340),
            (200, 315), (200, 302), (180, 285), (165, 265), (163, 240), (157, 212), (155, 195),
            (161, 172), (156, 140), (155, 112), (162, 94), (175, 87), (178, 64), (190, 52),
            (215, 42), (225, 32), (250, 25), (280, 28), (299, 42), (323, 47), (341, 62),
            (351, 87), (364, 92), (369, 115), (369, 140), (365, 165), (372, 188), (368, 215),
            (360, 240), (358, 262), (350, 285), (340, 301), (330, 308), (331, 317), (347, 334),
            (380, 352), (420, 364), (460, 375), (488, 390), (503, 430), (511, 450), (511, 600),
        ], float),
    ),
    Portrait(
        read=skimage.data.astronaut,
        face_height=87,
        smile=0.4,
        landmarks=np.array([
            (203, 101), (247, 104), (216, 92), (236, 93), (196, 87), (256, 91),
            (202, 140), (245, 141), (181, 139), (265, 144), (222, 150), (221, 178),
        ], float),
        outline=np.array([
            (20, 400), (40, 275), (60, 254), (80, 237), (100, 222), (114, 208), (116, 191),
            (124, 178), (130, 166), (146, 154), (165, 149), (186, 151), (184, 140), (181, 130),
            (174, 127), (169, 118), (161, 107), (155, 96), (154, 80), (155, 63), (161, 52),
            (172, 44), (188, 38), (197, 29), (212, 21), (230, 17), (252, 21), (271, 31),
            (284, 43), (294, 60), (297, 80), (296, 99), (287, 117), (274, 131), (265, 134),
            (263, 149), (257, 160), (255, 175), (269, 183), (284, 199), (296, 219), (303, 239),
            (324, 251), (339, 266), (349, 290), (357, 325), (360, 400),
        ], float),
    ),
)
# fmt: on


@lru_cache(maxsize=16)
def make_speaker(seed: int, index: int) -> Speaker:
    """Speaker `index` of the corpus; four in a row differ in portrait or mirroring."""
    rng = np.random.default_rng([seed, 0, index])
    portrait = PORTRAITS[index % 2]
    scale = FACE_HEIGHT * rng.uniform(0.96, 1.06) / portrait.face_height
    picture, landmarks = _cut_out(portrait, scale, mirrored=index // 2 % 2 == 1)
    picture, landmarks = _reshape_face(rng, picture, landmarks)
    picture[..., :3] = _relight(rng, picture[..., :3])
    return Speaker(
        picture=picture,
        landmarks=landmarks,
        smile=portrait.smile,
        background=_paint_background(rng),
        pitch=rng.uniform(135, 195),
        tract=rng.uniform(0.95, 1.15),
    )


def _cut_out(portrait: Portrait, scale: float, *, mirrored: bool) -> tuple[NDArray, NDArray]:
    """The person on a canvas, RGB and opacity, and the landmarks there."""
    photograph = portrait.read()
    inside = np.zeros(photograph.shape[:2], np.uint8)
    cv2.fillPoly(inside, [portrait.outline.astype(np.int32)], 255)
    picture = np.dstack([_extend_colours(photograph, inside > 0), inside])
    landmarks = portrait.landmarks
    if mirrored:
        picture = picture[:, ::-1]
        landmarks = (landmarks * (-1, 1) + (picture.shape[1] - 1, 0))[_MIRRORED]
    if scale < 1:  # averaged before it is sampled, or it would alias
        picture = cv2.GaussianBlur(picture, (0, 0), 0.4 / scale)
    shift = FACE_CENTRE - scale * _centre(landmarks)
    transform = np.column_stack([np.eye(2) * scale, shift])
    picture = cv2.warpAffine(
        picture,
        transform,
        (CANVAS_WIDTH, CANVAS_HEIGHT),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    picture[..., 3] = cv2.GaussianBlur(picture[..., 3], (0, 0), 1.2)
    return picture, landmarks * scale + shift


def _extend_colours(photograph: NDArray, inside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Replace what is not the person by the person's colours nearby, so that no edge shows it."""
    weight = inside[..., None].astype(np.float32)
    spread = cv2.GaussianBlur(np.dstack([photograph * weight, weight]), (0, 0), 12)
    colours = spread[..., :3] / np.maximum(spread[..., 3:], 1e-6)
    return np.where(inside[..., None], photograph, colours).astype(np.uint8)


def _centre(landmarks: NDArray) -> NDArray:
    return (landmarks[EYES].mean(axis=0) + landmarks[LIP_LINE]) / 2


def _reshape_face(
    rng: np.random.Generator, picture: NDArray, landmarks: NDArray
) -> tuple[NDArray, NDArray]:
    """Another identity: distances between landmarks change by up to a tenth or so."""
    centre = _centre(landmarks)
    factors = np.ones((len(landmarks), 2))
    for rows, width, height in (
        (EYES, 0.08, 0.08),
        (INNER_BROWS, 0.15, 0.08),
        (OUTER_BROWS, 0.08, 0.08),
        (MOUTH_CORNERS, 0.18, 0.10),
        (JAW, 0.10, 0.10),
        (CHIN, 0.0, 0.10),
    ):
        factors[rows] = 1 + rng.uniform(-1, 1, 2) * (width, height)
    factors[LIP_LINE, 1] = factors[MOUTH_CORNERS.start, 1]
    moved = centre + (landmarks - centre) * factors
    angle = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    fixed = centre + FACE_HEIGHT * 1.05 * np.column_stack([np.cos(angle), np.sin(angle)])
    backwards = RBFInterpolator(
        np.vstack([moved, fixed]), np.vstack([landmarks, fixed]), kernel="thin_plate_spline"
    )
    grid = np.indices((CANVAS_HEIGHT, CANVAS_WIDTH))[::-1].reshape(2, -1).T
    inside = np.linalg.norm(grid - centre, axis=1) < FACE_HEIGHT * 1.05
    source = grid.astype(np.float32)
    source[inside] = backwards(grid[inside])
    source_x, source_y = source.T.reshape(2, CANVAS_HEIGHT, CANVAS_WIDTH)
    return cv2.remap(picture, source_x, source_y, cv2.INTER_CUBIC), moved


def _relight(rng: np.random.Generator, picture: NDArray) -> NDArray[np.uint8]:
    """Another complexion (saturation, gamma, tint) and light from another side."""
    colour = picture / 255.0
    grey = colour.mean(axis=2, keepdims=True)
    colour = np.clip(grey + (colour - grey) * rng.uniform(0.55, 1.0), 0, 1)
    colour **= rng.uniform(0.9, 1.1)
    colour *= rng.uniform(0.95, 1.03, 3)
    sideways = (np.arange(CANVAS_WIDTH)[:, None] - FACE_CENTRE[0]) / CANVAS_WIDTH
    colour *= 1 + sideways * rng.uniform(-0.35, 0.35)
    return (np.clip(colour, 0, 1) * 255).astype(np.uint8)


def _paint_background(rng: np.random.Generator) -> NDArray[np.uint8]:
    """A wall: one colour, darker downwards, with a soft texture."""
    colour = rng.uniform(90, 190, 3)
    fade = np.linspace(1.1, 0.8, FRAME_HEIGHT)[:, None, None]
    coarse = rng.normal(0, 7, (24, 24)).astype(np.float32)
    texture = cv2.resize(coarse, (FRAME_WIDTH, FRAME_HEIGHT), interpolation=cv2.INTER_CUBIC)
    return np.clip(colour * fade + texture[..., None], 0, 255).astype(np.uint8)
