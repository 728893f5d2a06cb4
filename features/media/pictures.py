"""Decoded pictures as they are displayed: upright, in their shape and in ordinary RGB."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from features.arrays import contiguous
from features.errors import InputError
from features.media import tone
from features.media.tracks import EXCLUDE, MAX_PIXELS

WIDEST = 4
"""Pixels are no more than so many times as wide as high, or as high as wide: else it is a fault."""

_UPRIGHT = np.eye(2, dtype=np.int32)


def pixel_aspect(stream: av.VideoStream) -> Fraction:
    """How many times as wide as high a pixel is displayed; 1 where nothing sensible is stated."""
    stated = stream.sample_aspect_ratio  # the container's, else the coded stream's
    return stated if stated and Fraction(1, WIDEST) <= stated <= WIDEST else Fraction(1)


class Projector:
    """Turns the frames of one file into pictures.

    The first frame's display matrix is honoured in quarter turns and mirrorings.

    Args:
        path: of the file, for messages.
        height: of the pictures in pixels; None: as coded.
    """

    def __init__(self, path: str | Path, height: int | None) -> None:
        self._path, self._height = path, height
        # A frame's own converter would be set up again for each, and use all cores.
        self._converter = VideoReformatter()
        self._matrix: NDArray[np.int32] | None = None

    def show(self, frame: av.VideoFrame, aspect: Fraction, time: float) -> NDArray[np.uint8]:
        """The picture of a frame, uint8 RGB (height, width, 3), contiguous.

        Args:
            frame: decoded.
            aspect: of its pixels, width by height.
            time: of the frame in seconds, for messages.

        Raises:
            InputError: its colours are in a space that FFmpeg does not convert, or it would take
                more than MAX_PIXELS.
        """
        if self._matrix is None:
            self._matrix = _display_matrix(frame)
        turned = bool(abs(self._matrix[0, 1]) > abs(self._matrix[0, 0]))
        size = self._size(frame, aspect, turned=turned)
        try:
            rgb = self._rgb(frame, size)
        except (av.FFmpegError, OSError) as error:
            reason = f"{self._path} has colours that FFmpeg cannot convert to RGB, at {time:.2f} s"
            raise InputError(reason, EXCLUDE) from error
        # FFmpeg pads lines to a multiple of 16 pixels: at other widths this is a view with gaps.
        if self._matrix is _UPRIGHT:
            return contiguous(rgb)
        shown = rgb.swapaxes(0, 1) if turned else rgb
        signs = self._matrix[[1, 0], [0, 1]] if turned else self._matrix.diagonal()
        across, down = np.sign(signs)
        return contiguous(shown[:: down or 1, :: across or 1])

    def _size(self, frame: av.VideoFrame, aspect: Fraction, *, turned: bool) -> tuple[int, int]:
        """Width and height of a picture before it is turned."""
        wide = float(frame.width * aspect)
        scale = 1.0
        if self._height is not None:
            scale = self._height / (wide if turned else frame.height)
        width, rows = (max(1, round(scale * side)) for side in (wide, frame.height))
        if width * rows > MAX_PIXELS:
            to = "their width" if self._height is None else f"a height of {self._height}"
            reason = (
                f"pictures of {frame.width}×{frame.height} pixels, such as {self._path} has, take "
                f"more than {MAX_PIXELS:,} pixels (8K) when they are scaled to {to}"
            )
            raise InputError(
                reason, EXCLUDE if self._height is None else "lower faces.working_height"
            )
        return width, rows

    def _rgb(self, frame: av.VideoFrame, size: tuple[int, int]) -> NDArray[np.uint8]:
        how: Any = {"interpolation": Interpolation.AREA, "threads": 1}
        if frame.color_trc not in tone.NAMES:
            rgb = self._converter.reformat(frame, *size, "rgb24", **how).to_ndarray()
            return np.asarray(rgb, np.uint8)
        deep = self._converter.reformat(frame, *size, "rgb48le", **how).to_ndarray()
        return tone.curve(int(frame.color_trc))[deep]


def _display_matrix(frame: av.VideoFrame) -> NDArray[np.int32]:
    """(2, 2): the pixel (x, y) is shown at (x, y) @ matrix, but for scale and origin.

    To be asked of the first frame only: PyAV's side data keep a frame alive until the next garbage
    collection.
    """
    data: Any = frame.side_data.get("DISPLAYMATRIX")
    return _UPRIGHT if data is None else np.frombuffer(data, np.int32).reshape(3, 3)[:2, :2]
