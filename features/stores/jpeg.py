"""JPEG as a Zarr codec for pictures: a sixth of the size, with a loss that is hardly seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import cv2
import numpy as np
from zarr.abc.codec import ArrayBytesCodec
from zarr.codecs import Crc32cCodec
from zarr.registry import register_codec

if TYPE_CHECKING:
    from zarr.core.array_spec import ArraySpec
    from zarr.core.buffer import Buffer, NDBuffer

# Colours at half the resolution, as is usual, would run from one picture into the next; and so do
# pictures whose sides are not multiples of 8, the pixels that are coded together.
_FULL_COLOUR = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)

MOST_ROWS = 65_500
"""Height of the tallest picture that JPEG can hold."""


@dataclass(frozen=True)
class JpegCodec(ArrayBytesCodec):
    """Codes a chunk of pictures (n, H, W, 3) uint8 RGB as one JPEG of n·H rows.

    Attributes:
        quality: of the JPEG, 1 to 100.
    """

    quality: int
    is_fixed_size = False

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read the codec from an array's metadata."""
        return cls(**data["configuration"])

    def to_dict(self) -> dict[str, Any]:
        """The codec as an array's metadata hold it."""
        return {"name": NAME, "configuration": {"quality": self.quality}}

    def compute_encoded_size(self, _input_byte_length: int, _chunk_spec: ArraySpec) -> int:
        """Unknown before it is done."""
        raise NotImplementedError

    async def _encode_single(self, chunk_array: NDBuffer, chunk_spec: ArraySpec) -> Buffer:
        pictures = chunk_array.as_numpy_array()
        tower = cv2.cvtColor(pictures.reshape(-1, *pictures.shape[2:]), cv2.COLOR_RGB2BGR)
        _, content = cv2.imencode(
            ".jpg", tower, [*_FULL_COLOUR, cv2.IMWRITE_JPEG_QUALITY, self.quality]
        )
        return chunk_spec.prototype.buffer.from_array_like(content.reshape(-1))

    async def _decode_single(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        tower = cv2.imdecode(chunk_bytes.as_numpy_array().view(np.uint8), cv2.IMREAD_COLOR)
        if tower is None:
            raise ValueError("not a JPEG")
        pictures: Any = cv2.cvtColor(tower, cv2.COLOR_BGR2RGB).reshape(chunk_spec.shape)
        return chunk_spec.prototype.nd_buffer.from_ndarray_like(pictures)


NAME = "lacuna.jpeg"


def register() -> None:
    """Have Zarr read arrays in which pictures are JPEG."""
    register_codec(NAME, JpegCodec)


def jpeg_codecs(quality: int, height: int) -> dict[str, Any]:
    """How `ItemWriter.rows` stores pictures of a height as JPEG, with a checksum a chunk.

    Args:
        quality: of the JPEG, 1 to 100.
        height: of a picture; a chunk holds no more than fit into one JPEG.
    """
    register()
    codecs = {"serializer": JpegCodec(quality), "compressors": (Crc32cCodec(),)}
    return {"codecs": codecs, "most_rows": MOST_ROWS // height}
