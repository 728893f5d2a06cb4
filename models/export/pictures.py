"""Faces and the expression network by numpy and onnxruntime alone, for folders without Lacuna.

What OpenCV does in `features` is done here by hand: grey levels differ by rounding.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.faces.causal import CausalFace
from features.faces.cuts import is_cut
from features.faces.landmarks import leaning
from features.faces.search import Sighting

FACE_SCORE, FACE_OVERLAP, FACE_STRIDES = 0.6, 0.3, (8, 16, 32)
"""Least score, the overlap from which the lesser face is dropped, and the network's grids."""

GREY = np.array([9798, 19235, 3735])
"""Of 2^15, weights of red, green and blue (ITU-R BT.601)."""

SIDE = 64
"""Pixels of what the expression network sees."""


def open_session(path: Path, threads: int = 1) -> Any:
    """An onnxruntime session of a file on the processor."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def area_mean(values: NDArray[Any], count: int, axis: int) -> NDArray[np.float64]:
    """Means over `count` equal parts of an axis, whose edges may lie within a value."""
    values = np.moveaxis(values, axis, 0).astype(np.float64)
    sums = np.concatenate((np.zeros_like(values[:1]), np.cumsum(values, axis=0)))
    edges = np.arange(count + 1) * (len(values) / count)
    whole = np.minimum(edges.astype(np.int64), len(values) - 1)
    part = (edges - whole).reshape(-1, *[1] * (values.ndim - 1))
    below = sums[whole] + part * values[whole]
    return np.moveaxis(np.diff(below, axis=0) * (count / len(values)), 0, axis)


def interpolated(values: NDArray[Any], count: int, axis: int) -> NDArray[np.float64]:
    """`count` values between those of an axis, at the centres of as many equal parts."""
    values = np.moveaxis(values, axis, 0).astype(np.float64)
    at = np.clip((np.arange(count) + 0.5) * (len(values) / count) - 0.5, 0, len(values) - 1)
    first = np.minimum(at.astype(np.int64), max(0, len(values) - 2))
    part = (at - first).reshape(-1, *[1] * (values.ndim - 1))
    last = np.minimum(first + 1, len(values) - 1)
    return np.moveaxis((1 - part) * values[first] + part * values[last], 0, axis)


def resized(picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """A picture (H, W, 3) of another size: area means where it is smaller, else interpolated."""
    shrink = area_mean if height < picture.shape[0] else interpolated
    return np.rint(shrink(shrink(picture, height, 0), width, 1)).astype(np.uint8)


def cut_face(
    picture: NDArray[np.uint8],
    box: NDArray[np.floating],
    *,
    margin: float,
    size: int,
    angle: float = 0.0,
) -> NDArray[np.uint8]:
    """A square (size, size, 3) round a box (4,), turned by an angle; the border is repeated."""
    left, top, right, bottom = (float(edge) for edge in box)
    side = max(1, round(max(right - left, bottom - top) * (1 + 2 * margin)))
    height, width = picture.shape[:2]
    if not angle:
        rows = np.arange(side) + round((top + bottom - side) / 2)
        columns = np.arange(side) + round((left + right - side) / 2)
        square = picture[rows.clip(0, height - 1)][:, columns.clip(0, width - 1)]
        return resized(square, size, size)
    cos, sin = np.cos(angle), np.sin(angle)
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    across = ((left + right) / 2 - 0.5 + cos * x - sin * y).clip(0, width - 1)
    down = ((top + bottom) / 2 - 0.5 + sin * x + cos * y).clip(0, height - 1)
    column, row = (np.minimum(across.astype(int), max(0, width - 2)), down.astype(int))
    row = np.minimum(row, max(0, height - 2))
    below, beside = (np.minimum(row + 1, height - 1), np.minimum(column + 1, width - 1))
    v, u = (down - row)[..., None], (across - column)[..., None]
    upper = (1 - u) * picture[row, column] + u * picture[row, beside]
    lower = (1 - u) * picture[below, column] + u * picture[below, beside]
    return resized(np.rint((1 - v) * upper + v * lower).astype(np.uint8), size, size)


class YuNet:
    """Finds faces with YuNet's file, as OpenCV's `FaceDetectorYN` does."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        self.session = open_session(path, threads)
        self.names = [output.name for output in self.session.get_outputs()]

    def find(self, picture: NDArray[np.uint8]) -> tuple[NDArray[np.float32], ...]:
        """Boxes (n, 4), scores (n,) and leaning (n,), best first, of a picture (H, W, 3) RGB."""
        below, right = -picture.shape[0] % 32, -picture.shape[1] % 32
        padded = np.pad(picture[..., ::-1], ((0, below), (0, right), (0, 0)))
        pixels = padded.transpose(2, 0, 1)[None].astype(np.float32)
        answers = self.session.run(None, {self.session.get_inputs()[0].name: pixels})
        found = {name: values[0] for name, values in zip(self.names, answers, strict=True)}
        parts = [self._of_grid(found, stride, padded.shape[1]) for stride in FACE_STRIDES]
        boxes, scores, points = (np.concatenate(part) for part in zip(*parts, strict=True))
        kept = self._best(boxes, scores)
        return boxes[kept], scores[kept], leaning(points[kept])

    @staticmethod
    def _of_grid(
        found: dict[str, NDArray[np.float32]], stride: int, width: int
    ) -> tuple[NDArray[np.float32], ...]:
        classes, objects = (found[f"{name}_{stride}"][:, 0].clip(0, 1) for name in ("cls", "obj"))
        scores = np.sqrt(classes * objects)
        kept = np.flatnonzero(scores >= FACE_SCORE)
        cells = np.stack((kept % (width // stride), kept // (width // stride)), axis=1)
        offsets = found[f"bbox_{stride}"][kept]
        centres, sizes = (cells + offsets[:, :2]) * stride, np.exp(offsets[:, 2:]) * stride
        boxes = np.concatenate((centres - sizes / 2, centres + sizes / 2), axis=1)
        points = (found[f"kps_{stride}"][kept].reshape(-1, 5, 2) + cells[:, None]) * stride
        return boxes.astype(np.float32), scores[kept], points.astype(np.float32)

    @staticmethod
    def _best(boxes: NDArray[np.float32], scores: NDArray[np.float32]) -> list[int]:
        """Faces that no better one overlaps, in whole pixels."""
        corner = boxes[:, :2].astype(np.int64)
        sides = (boxes[:, 2:] - boxes[:, :2]).astype(np.int64)
        kept: list[int] = []
        for face in np.argsort(-scores, kind="stable"):
            first, last = corner[kept], (corner + sides)[kept]
            shared = np.minimum(last, corner[face] + sides[face]) - np.maximum(first, corner[face])
            common = shared.clip(0).prod(axis=1)
            union = sides[kept].prod(axis=1) + sides[face].prod() - common
            if (common <= FACE_OVERLAP * union).all():
                kept.append(int(face))
        return kept


class Faces:
    """Crops of a recording's main face, picture by picture, chosen from the past alone.

    Args:
        folder: of the exported recogniser, with `yunet.onnx`.
        threads: of onnxruntime.
    """

    def __init__(self, folder: str | Path, threads: int = 1) -> None:
        described = json.loads((Path(folder) / "streams.json").read_text())
        self.settings = SimpleNamespace(**described["faces"])
        self.detector = YuNet(Path(folder) / "yunet.onnx", threads)
        self.follow = CausalFace(self.settings)  # type: ignore[arg-type]
        self.before: NDArray[np.float32] | None = None

    def crop(self, picture: NDArray[np.uint8], time: float) -> NDArray[np.uint8] | None:
        """The main face (size, size, 3) of the next picture, or None where there is none.

        Args:
            picture: (H, W, 3) uint8 RGB.
            time: in seconds.
        """
        settings, (height, width) = self.settings, picture.shape[:2]
        shown = picture
        if settings.working_height is not None and settings.working_height != height:
            wide = max(1, round(width * settings.working_height / height))
            shown = resized(picture, settings.working_height, wide)
        boxes, scores, angles = self.detector.find(shown)
        thumbnail = resized(shown, 18, 32).astype(np.float32).ravel()
        starts_shot = self.before is None or is_cut(self.before, thumbnail)
        self.before = thumbnail
        shares = boxes / np.array([shown.shape[1], shown.shape[0]] * 2)
        sighting = Sighting(time, starts_shot, False, shares.astype(np.float32), scores, angles)
        face = self.follow.choose(sighting)
        box = self.follow.smooth(sighting, face) * (width, height, width, height)
        if face < 0:
            return None
        angle = float(angles[face]) if settings.alignment == "landmarks" else 0.0
        return cut_face(picture, box, margin=settings.margin, size=settings.size, angle=angle)


class Expression:
    """Rows of the stream `expression`.

    Args:
        folder: of the exported recogniser, with `expression.onnx`.
        threads: of onnxruntime.
    """

    def __init__(self, folder: str | Path, threads: int = 1) -> None:
        self.session = open_session(Path(folder) / "expression.onnx", threads)

    def rows(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Rows (B, 128) of crops (B, H, W, 3) uint8 RGB."""
        grey = (crops @ GREY + (1 << 14)) >> 15  # (B, H, W)
        small = np.rint(interpolated(interpolated(grey, SIDE, 1), SIDE, 2)).astype(np.float32)
        pictures = (small / np.float32(255) - np.float32(0.5)) * np.float32(2)
        rows: NDArray[np.float32] = self.session.run(None, {"pictures": pictures[:, None]})[0]
        return rows
