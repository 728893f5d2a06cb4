"""Shards of rows that are packed without loss or plain, written and read without Zarr's event loop.

Zarr takes 5 ms of processor time to write or read an array of any size, which is most of what an
item of 3 s costs. The layout is Zarr's (`sharding_indexed` of the Zarr v3 specification): chunks
one after the other, then where each of them begins and how long it is, two little-endian uint64 a
chunk, then the CRC32C of that. A packed chunk is a frame of Zstandard with its checksum, a plain
one its numbers and their CRC32C. Plain rows are read nearly at the speed of memory, from the one
copy that the operating system keeps of a file for all processes that read it.
"""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
from numpy.typing import NDArray

_ABSENT = 2**64 - 1
_CHECKSUM = struct.Struct("<I")


class _Packed:
    """Chunks packed by Zstandard."""

    def __init__(self, level: int) -> None:
        from numcodecs.zstd import Zstd

        self._codec = Zstd(level=level, checksum=True)

    def encode(self, chunk: NDArray[Any]) -> bytes:
        content: bytes = self._codec.encode(chunk)
        return content

    def decode(self, content: bytes, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
        rows = np.empty(shape, dtype)
        self._codec.decode(content, out=rows)  # what holds more is refused
        return rows


class _Plain:
    """Chunks as they are in memory."""

    def encode(self, chunk: NDArray[Any]) -> bytes:
        content = chunk.tobytes()
        return content + _CHECKSUM.pack(google_crc32c.value(content))

    def decode(self, content: bytes, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
        numbers, checksum = content[: -_CHECKSUM.size], content[-_CHECKSUM.size :]
        if _CHECKSUM.pack(google_crc32c.value(numbers)) != checksum:
            raise ValueError("a chunk has another checksum")
        return np.frombuffer(numbers, dtype).reshape(shape)


class Shards:
    """The shards of an array (rows, ...) in a folder.

    Args:
        folder: of the array.
        metadata: of the array, as Zarr has them.
    """

    def __init__(self, folder: Path, metadata: Mapping[str, Any]) -> None:
        self._folder = folder
        self.row: tuple[int, ...] = tuple(metadata["shape"][1:])
        self.dtype: np.dtype[Any] = np.dtype(metadata["data_type"]).newbyteorder("<")
        self.rows: int = metadata["chunk_grid"]["configuration"]["chunk_shape"][0]
        (sharding,) = metadata["codecs"]
        self._chunk: int = sharding["configuration"]["chunk_shape"][0]
        if not 0 < self._chunk <= self.rows or self.rows % self._chunk:
            raise ValueError("chunks that do not fill a shard")
        self._index = struct.Struct(f"<{2 * (self.rows // self._chunk)}Q")
        coding = sharding["configuration"]["codecs"][1]
        self._codec = (
            _Plain() if coding["name"] == "crc32c" else _Packed(coding["configuration"]["level"])
        )

    def path(self, number: int) -> Path:
        """The file of a shard."""
        return self._folder / f"c.{number}{'.0' * len(self.row)}"

    def write(self, first: int, rows: NDArray[Any]) -> None:
        """Write the rows from a shard's first one on; none may lie in another shard."""
        parts, spans, start = [], [], 0
        for low in range(0, len(rows), self._chunk):
            part = np.zeros((self._chunk, *self.row), self.dtype)
            piece = rows[low : low + self._chunk]
            part[: len(piece)] = piece
            parts.append(self._codec.encode(part))
            spans += [start, len(parts[-1])]
            start += len(parts[-1])
        spans += [_ABSENT] * (2 * (self.rows // self._chunk) - len(spans))
        index = self._index.pack(*spans)
        with self.path(first // self.rows).open("xb") as file:
            file.writelines(parts)
            file.write(index + _CHECKSUM.pack(google_crc32c.value(index)))

    def read(self, first: int, last: int) -> NDArray[Any]:
        """Rows [first, last).

        Raises:
            OSError, ValueError, RuntimeError: they are missing or damaged.
        """
        out = np.empty((last - first, *self.row), self.dtype)
        for number in range(first // self.rows, -(-last // self.rows)):
            start = number * self.rows
            low, high = max(first, start), min(last, start + self.rows)
            self._read(number, low - start, high - start, out[low - first : high - first])
        return out

    def _read(self, number: int, low: int, high: int, out: NDArray[Any]) -> None:
        """Rows [low, high) of a shard."""
        with self.path(number).open("rb") as file:
            length = self._index.size + _CHECKSUM.size
            file.seek(-length, 2)
            *spans, checksum = struct.unpack(f"{self._index.format}I", file.read(length))
            if google_crc32c.value(self._index.pack(*spans)) != checksum:
                raise ValueError("the index of a shard has another checksum")
            for chunk in range(low // self._chunk, -(-high // self._chunk)):
                offset, size = spans[2 * chunk : 2 * chunk + 2]
                if offset == _ABSENT:
                    raise ValueError("a chunk of a shard is missing")
                file.seek(offset)
                rows = self._codec.decode(file.read(size), self.dtype, (self._chunk, *self.row))
                start = chunk * self._chunk
                begin, end = max(low, start), min(high, start + self._chunk)
                out[begin - low : end - low] = rows[begin - start : end - start]


def are_readable(metadata: Mapping[str, Any]) -> bool:
    """Whether the shards of an array are coded as `Shards` has them."""
    match metadata:
        case {
            "data_type": "float16" | "float32" | "float64" | "uint8" | "int32" | "int64" | "bool",
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "."}},
            "codecs": [
                {
                    "name": "sharding_indexed",
                    "configuration": {
                        "chunk_shape": _,
                        "codecs": [
                            {"name": "bytes"},
                            {"name": "zstd", "configuration": {"checksum": True}}
                            | {"name": "crc32c"},
                        ],
                        "index_codecs": [{"name": "bytes"}, {"name": "crc32c"}],
                        "index_location": "end",
                    },
                }
            ],
        }:
            return True
    return False
