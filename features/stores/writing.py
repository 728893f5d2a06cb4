"""The arrays of an item of a Zarr store: how they are laid out, and written bit by bit.

Arrays are sharded: few big files. They are written and read in blocks of whole shards, so that
memory is bounded however long a recording is.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import zarr
from numpy.typing import DTypeLike, NDArray
from zarr.codecs import Crc32cCodec, ZstdCodec

from features.stores.jpeg import MOST_ROWS, JpegCodec

_CHUNK_BYTES = 1 << 20
_CHUNKS_PER_SHARD = 32

# Every chunk carries a checksum, so that damage is found where it is read.
_LOSSLESS: Mapping[str, Any] = MappingProxyType(
    {"compressors": (ZstdCodec(level=3, checksum=True),)}
)

# Zarr leaves out what is all zeros, and reads what is not there as zeros. Here all is written, so
# that what is not there was lost.
_WRITE_ALL: Any = MappingProxyType({"write_empty_chunks": True})


class Rows:
    """An array of an item that is written from its first row to its last.

    Args:
        array: the array, (rows, ...).
    """

    def __init__(self, array: "zarr.Array[Any]") -> None:
        self._array = array
        self._buffer = np.zeros((block_rows(array), *array.shape[1:]), array.dtype)
        self._written = 0
        self._waiting = 0

    def append(self, rows: NDArray[Any]) -> None:
        """Add rows (n, ...); whole shards are written at once, the rest waits.

        Raises:
            ValueError: more rows than the array has.
        """
        if self._written + self._waiting + len(rows) > self._array.shape[0]:
            raise ValueError(f"more than {self._array.shape[0]} rows for {self._array.basename}")
        while len(rows):
            taken = min(len(rows), len(self._buffer) - self._waiting)
            self._buffer[self._waiting : self._waiting + taken] = rows[:taken]
            self._waiting += taken
            rows = rows[taken:]
            if self._waiting == len(self._buffer):
                self._flush()

    def finish(self) -> None:
        """Write what waits.

        Raises:
            ValueError: fewer rows came than the array has.
        """
        if self._waiting:
            self._flush()
        if self._written != self._array.shape[0]:
            raise ValueError(
                f"{self._written} rows for {self._array.basename} of {self._array.shape[0]}"
            )

    def _flush(self) -> None:
        self._array[self._written : self._written + self._waiting] = self._buffer[: self._waiting]
        self._written += self._waiting
        self._waiting = 0


class ItemWriter:
    """One item's arrays, (frames or rows, ...), as a Zarr group.

    Args:
        group: the empty group.
    """

    def __init__(self, group: zarr.Group) -> None:
        self._group = group
        self._rows: list[Rows] = []

    def write(self, name: str, array: NDArray[Any]) -> None:
        """Write a whole array."""
        self.rows(name, array.shape, array.dtype).append(array)

    def rows(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: DTypeLike,
        *,
        jpeg_quality: int | None = None,
    ) -> Rows:
        """Begin an array whose rows come bit by bit.

        Args:
            name: of the array.
            shape: (rows, ...).
            dtype: of its numbers.
            jpeg_quality: 1 to 100 for pictures (rows, H, W, 3) that may be stored with a loss.
        """
        kind = np.dtype(dtype)
        if 0 in shape:  # cannot be sharded
            chunks = tuple(max(1, n) for n in shape)
            array = self._group.create_array(name, shape=shape, dtype=kind, chunks=chunks)
        else:
            codecs = _LOSSLESS
            most = shape[0]
            if jpeg_quality is not None:
                codecs = {"serializer": JpegCodec(jpeg_quality), "compressors": (Crc32cCodec(),)}
                most = MOST_ROWS // shape[1]
            chunks, shards = _layout(shape, kind.itemsize, most)
            array = self._group.create_array(
                name,
                shape=shape,
                dtype=kind,
                chunks=chunks,
                shards=shards,
                config=_WRITE_ALL,
                **codecs,
            )
        self._rows.append(Rows(array))
        return self._rows[-1]

    def finish(self) -> None:
        """Write what waits, in every array."""
        for rows in self._rows:
            rows.finish()


def block_rows(array: "zarr.Array[Any]") -> int:
    """Rows of a shard."""
    return (array.shards or array.chunks)[0]


def _layout(
    shape: tuple[int, ...], itemsize: int, most_rows: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Chunks of about a megabyte along time, and shards of up to 32 chunks."""
    length, *rest = shape
    bytes_per_row = itemsize * int(np.prod(rest))
    rows = min(length, most_rows, max(1, _CHUNK_BYTES // bytes_per_row))
    per_shard = min(_CHUNKS_PER_SHARD, -(-length // rows))
    return (rows, *rest), (rows * per_shard, *rest)
