"""Face crops as a network in an ONNX file takes them."""

import cv2
import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.extractors.onnx.model_file import Model
from features.extractors.onnx.settings import PictureSettings


def prepared(crops: NDArray[np.uint8], settings: PictureSettings) -> NDArray[np.float32]:
    """Crops (B, H, W, 3) uint8 RGB as the input of a network, (B, C, S, S) or (B, S, S, C).

    >>> white = np.full((1, 8, 8, 3), 255, np.uint8)
    >>> values = prepared(white, PictureSettings(size=8, mean=[0.5], std=[0.25]))
    >>> values.shape, float(values.max())
    ((1, 3, 8, 8), 2.0)
    """
    side = settings.size
    if crops.shape[1:3] != (side, side):
        way = cv2.INTER_AREA if crops.shape[1] > side else cv2.INTER_LINEAR
        crops = np.stack([cv2.resize(crop, (side, side), interpolation=way) for crop in crops])
    if settings.colour == "grey":
        crops = np.stack([cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY) for crop in crops])[..., None]
    elif settings.colour == "bgr":
        crops = crops[..., ::-1]
    mean = np.array(settings.mean, np.float32)
    std = np.array(settings.std, np.float32)
    values = (crops.astype(np.float32) / np.float32(255) - mean) / std  # (B, S, S, C)
    if settings.layout == "NCHW":
        values = values.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(values)


def blank(settings: PictureSettings) -> NDArray[np.uint8]:
    """The crop (S, S, 3) that is nearest to an input of zeros: of the mean colour."""
    colour = np.broadcast_to(np.array(settings.mean), (settings.channels,))
    colour = np.broadcast_to(colour[::-1] if settings.colour == "bgr" else colour, (3,))
    shade = np.clip(np.round(colour * 255), 0, 255).astype(np.uint8)
    return np.tile(shade, (settings.size, settings.size, 1))


def check_pictures(model: Model, path: str, settings: PictureSettings) -> int:
    """The numbers of a row, tried out on two blank pictures.

    Raises:
        InputError: the network takes or gives something else than rows of pictures.
    """
    side, channels = settings.size, settings.channels
    axes = (channels, side, side) if settings.layout == "NCHW" else (side, side, channels)
    batch, *rest = model.shape or [None]
    if len(rest) != 3 or any(n not in (None, axis) for n, axis in zip(rest, axes, strict=True)):
        shown = ", ".join("?" if n is None else str(n) for n in model.shape)
        raise InputError(
            f"{path} takes an input of ({shown}), not of (batch, {', '.join(map(str, axes))})",
            "correct size, colour and layout under picture, or export it anew",
        )
    if batch is not None:
        raise InputError(
            f"{path} takes batches of {batch} pictures alone",
            "export it with a first axis that is dynamic",
        )
    rows = model.run(prepared(np.stack([blank(settings)] * 2), settings))
    if rows.ndim < 2 or rows.shape[0] != 2 or rows.size != 2 * rows.shape[1]:
        raise InputError(
            f"{path} gives {rows.shape} for two pictures, not (2, numbers)",
            "choose another output, or export one that is pooled to a vector",
        )
    return rows.shape[1]
