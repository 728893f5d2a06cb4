"""One item of a store, as a folder: shards of big arrays, written bit by bit, and small arrays.

A big array (rows, ...) is cut into shards of about 16 MB, each a file, with chunks of about 100
rows inside. The length of a shard hangs on the size of a row alone, so that the shards of all items
fit into one array of the corpus. A shard is written once, whole: memory is bounded however long a
recording is.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import zarr
from numpy.typing import DTypeLike, NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save
from zarr.codecs import Crc32cCodec, ZstdCodec
from zarr.core.buffer import default_buffer_prototype
from zarr.storage import MemoryStore

from features.files import File, Files
from features.stores.shards import Shards

SMALL = "item.safetensors"
"""File of an item's small arrays and attributes; the other files are shards."""

METADATA = "zarr.json"
"""File of a group's or an array's metadata."""

_ATTRIBUTES = "attributes"
_ARRAYS = "arrays"
_CHUNK_ROWS = 100
_CHUNK_BYTES = 4 << 20
_SHARD_BYTES = 16 << 20
_PLAIN_CHUNK_BYTES = 128 << 10
_MOST_CHUNKS = 1024
"""Of a shard: each takes 16 bytes in every file, however short."""

# Every chunk carries a checksum, so that damage is found where it is read. Level 3 would take three
# times as long to write, and half as long again to read, for 1 to 4 % less.
LOSSLESS: Mapping[str, Any] = MappingProxyType(
    {"compressors": (ZstdCodec(level=1, checksum=True),)}
)

# Numbers that are read in every epoch: unpacking them takes ten times as long as copying them.
PLAIN: Mapping[str, Any] = MappingProxyType({"compressors": (Crc32cCodec(),)})

# Zarr leaves out what is all zeros, and reads what is not there as zeros. Here all is written, so
# that what is not there was lost.
WRITE_ALL: Any = MappingProxyType({"write_empty_chunks": True})

FLAT: Any = MappingProxyType({"name": "default", "separator": "."})
"""Shards are files side by side: a folder for each would double their number."""


class Rows:
    """A big array of an item that is written from its first row to its last.

    Args:
        name: of the array.
        shards: where whole shards are written.
        length: rows that there will be.
    """

    def __init__(self, name: str, shards: "Shards | ZarrShards", length: int) -> None:
        self._name = name
        self._shards = shards
        self._length = length
        self._buffer: NDArray[Any] | None = None  # of a shard, or less
        self._written = 0
        self._waiting = 0

    def append(self, rows: NDArray[Any]) -> None:
        """Add rows (n, ...); whole shards are written at once, the rest waits.

        Raises:
            ValueError: more rows than the array has.
        """
        if self._written + self._waiting + len(rows) > self._length:
            raise ValueError(f"more than {self._length} rows for {self._name}")
        if self._buffer is None:
            length = min(self._length, self._shards.rows)
            self._buffer = np.zeros((length, *self._shards.row), self._shards.dtype)
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
        if self._written != self._length:
            raise ValueError(f"{self._written} rows for {self._name} of {self._length}")

    def _flush(self) -> None:
        assert self._buffer is not None
        self._shards.write(self._written, self._buffer[: self._waiting])
        self._written += self._waiting
        self._waiting = 0


class ZarrShards:
    """An array that Zarr writes, since its codecs are not those of `Shards`.

    Args:
        array: the array, (whole shards, ...).
    """

    def __init__(self, array: "zarr.Array[Any]") -> None:
        self._array = array
        self.row, self.dtype = array.shape[1:], array.dtype
        self.rows = shard_rows(array)

    def write(self, first: int, rows: NDArray[Any]) -> None:
        """Write the rows from a shard's first one on."""
        self._array[first : first + len(rows)] = rows


class ItemWriter:
    """One item's arrays, (frames or rows, ...), and attributes.

    Args:
        folder: where to.
        attributes: what there is to say of the item: JSON.
    """

    def __init__(self, folder: Path, attributes: Mapping[str, Any]) -> None:
        self._folder = folder
        self._attributes = dict(attributes)
        self._small: dict[str, Any] = {}
        self._big: dict[str, tuple[Rows, int, dict[str, Any]]] = {}

    def write(self, name: str, array: NDArray[Any]) -> None:
        """Write a small array."""
        self._small[name] = array

    def note(self, **attributes: Any) -> None:
        """Add to the attributes."""
        self._attributes |= attributes

    def rows(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: DTypeLike,
        *,
        codecs: Mapping[str, Any] = LOSSLESS,
        most_rows: int = _CHUNK_ROWS,
    ) -> Rows:
        """Begin a big array, whose rows come bit by bit.

        Args:
            name: of the array.
            shape: (rows, ...).
            dtype: of its numbers.
            codecs: how chunks are coded; by default packed without loss.
            most_rows: of a chunk, where the codecs bound them.
        """
        kind = np.dtype(dtype)
        chunk, shard = layout(shape[1:], kind.itemsize, most_rows)
        whole = -(-shape[0] // shard) * shard
        path, shape_of_shards = self._folder / name, (whole, *shape[1:])
        shards: Shards | ZarrShards
        if 0 not in shape and (codecs is LOSSLESS or codecs is PLAIN):
            is_plain = codecs is PLAIN
            one = _metadata(shape[1:], kind.str, chunk, shard, is_plain=is_plain)
            metadata = {**one, "shape": shape_of_shards}
            path.mkdir()
            shards = Shards(path, metadata)
        else:
            array = create_array(path, shape_of_shards, kind, chunk, shard, codecs)
            shards, metadata = ZarrShards(array), json.loads((path / METADATA).read_text())
            (path / METADATA).unlink()
        self._big[name] = Rows(name, shards, shape[0]), shape[0], metadata
        return self._big[name][0]

    def finish(self) -> None:
        """Write what waits, in every array, and then what is small."""
        arrays = {}
        for name, (rows, length, metadata) in self._big.items():
            rows.finish()
            arrays[name] = {"length": length, "metadata": metadata}
        texts = {_ATTRIBUTES: json.dumps(self._attributes), _ARRAYS: json.dumps(arrays)}
        content = {name: np.frombuffer(text.encode(), np.uint8) for name, text in texts.items()}
        content |= {name: np.ascontiguousarray(array) for name, array in self._small.items()}
        (self._folder / SMALL).write_bytes(save(content))


@contextmanager
def new_item(folder: Path, attributes: Mapping[str, Any]) -> Iterator[ItemWriter]:
    """Write one item into a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    writer = ItemWriter(folder, attributes)
    yield writer
    writer.finish()


class FinishedItem:
    """One item as `new_item` wrote it.

    Args:
        files: of the item.

    Attributes:
        small: its small arrays by name.
        attributes: what it says of itself.
        lengths: rows of each big array.
        metadata: of each big array, as Zarr has them.

    Raises:
        OSError, ValueError, KeyError: it is damaged.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        try:
            content = load((files / SMALL).read_bytes())
        except SafetensorError as error:
            raise ValueError(f"{SMALL} cannot be read: {error}") from error
        self.attributes: dict[str, Any] = json.loads(content.pop(_ATTRIBUTES).tobytes())
        arrays = json.loads(content.pop(_ARRAYS).tobytes())
        self.small: dict[str, NDArray[Any]] = content
        self.lengths: dict[str, int] = {name: array["length"] for name, array in arrays.items()}
        self.metadata: dict[str, Any] = {name: array["metadata"] for name, array in arrays.items()}

    def shards(self, name: str) -> list[File]:
        """The files of a big array, in order."""
        rows = self.metadata[name]["chunk_grid"]["configuration"]["chunk_shape"][0]
        rest = ".0" * (len(self.metadata[name]["shape"]) - 1)
        count = -(-self.lengths[name] // rows)
        return [self._files / f"{name}/c.{number}{rest}" for number in range(count)]


@lru_cache
def _metadata(
    row: tuple[int, ...], dtype: str, chunk: int, shard: int, *, is_plain: bool
) -> dict[str, Any]:
    """What Zarr says of an array of one shard, coded without loss."""
    codecs = PLAIN if is_plain else LOSSLESS
    array = create_array(MemoryStore(), (shard, *row), np.dtype(dtype), chunk, shard, codecs)
    (content,) = array.metadata.to_buffer_dict(default_buffer_prototype()).values()
    return json.loads(content.to_bytes())


def create_array(
    path: Path | MemoryStore,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    chunk: int,
    shard: int,
    codecs: Mapping[str, Any] = LOSSLESS,
) -> "zarr.Array[Any]":
    """An array of whole shards, cut along its first axis."""
    if 0 in shape:  # cannot be sharded
        return zarr.create_array(
            path,
            shape=shape,
            dtype=dtype,
            chunks=tuple(max(1, n) for n in (shard, *shape[1:])),
            chunk_key_encoding=FLAT,
        )
    return zarr.create_array(
        path,
        shape=shape,
        dtype=dtype,
        chunks=(chunk, *shape[1:]),
        shards=(shard, *shape[1:]),
        chunk_key_encoding=FLAT,
        config=WRITE_ALL,
        **codecs,
    )


def plain_codecs(row: tuple[int, ...], dtype: DTypeLike) -> dict[str, Any]:
    """How `ItemWriter.rows` is to write rows as they are, in chunks short enough for short items.

    >>> plain_codecs((4096,), np.float16)["most_rows"]  # features of faces
    16
    """
    row_bytes = np.dtype(dtype).itemsize * max(1, int(np.prod(row)))
    return {"codecs": PLAIN, "most_rows": max(1, _PLAIN_CHUNK_BYTES // row_bytes)}


def shard_rows(array: "zarr.Array[Any]") -> int:
    """Rows of a shard."""
    return (array.shards or array.chunks)[0]


def layout(row: tuple[int, ...], itemsize: int, most_rows: int = _CHUNK_ROWS) -> tuple[int, int]:
    """Rows of a chunk and of a shard, for rows of a shape.

    >>> layout((4096,), 2)  # features of faces
    (100, 2000)
    >>> layout((65,), 4)  # descriptors of sound
    (100, 64500)
    >>> layout((1024, 1024, 3), 1)  # large crops
    (1, 5)
    """
    row_bytes = max(1, itemsize * int(np.prod(row)))
    chunk = max(1, min(_CHUNK_ROWS, most_rows, _CHUNK_BYTES // row_bytes))
    chunks = min(_MOST_CHUNKS, max(1, _SHARD_BYTES // (chunk * row_bytes)))
    return chunk, chunk * chunks
