"""One item of a store, as a folder: shards of big arrays, written bit by bit, and small arrays.

A big array (rows, ...) is cut into shards of about 16 MB, each a file, with chunks of about 100
rows inside. The length of a shard hangs on the size of a row alone, so that the shards of all items
fit into one array of the corpus. A shard is written once, whole: memory is bounded however long a
recording is.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from features.files import File, Files
from features.stores.metadata import METADATA, PACKED, PLAIN, metadata_of
from features.stores.shards import Shards

SMALL = "item.safetensors"
"""File of an item's small arrays and attributes; the other files are shards."""

_ATTRIBUTES = "attributes"
_ARRAYS = "arrays"
_CHUNK_ROWS = 100
_CHUNK_BYTES = 4 << 20
_SHARD_BYTES = 16 << 20
_PLAIN_CHUNK_BYTES = 128 << 10
_MOST_CHUNKS = 1024
"""Of a shard: each takes 16 bytes in every file, however short."""

# Zarr leaves out what is all zeros, and reads what is not there as zeros. Here all is written, so
# that what is not there was lost.
WRITE_ALL: Any = MappingProxyType({"write_empty_chunks": True})

FLAT: Any = MappingProxyType({"name": "default", "separator": "."})
"""Shards are files side by side: a folder for each would double their number."""


class Rows:
    """A big array of an item that is written from its first row to its last.

    Args:
        name: of the array.
        shards: where whole shards are written; None where there will be no number.
        length: rows that there will be.
    """

    def __init__(self, name: str, shards: "Shards | ZarrShards | None", length: int) -> None:
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
        if self._shards is None:
            return
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
        assert self._shards is not None
        assert self._buffer is not None
        self._shards.write(self._written, self._buffer[: self._waiting])
        self._written += self._waiting
        self._waiting = 0


class ZarrShards:
    """An array that Zarr writes, since its codecs are not those of `Shards`.

    Args:
        path: of the array.
        shape: (whole shards, ...).
        dtype: of the numbers.
        lengths: rows of a chunk and of a shard.
        codecs: how chunks are coded, as arguments of `zarr.create_array`.
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        lengths: tuple[int, int],
        codecs: Mapping[str, Any],
    ) -> None:
        import zarr

        chunk, self.rows = lengths
        self._path = path
        self.row, self.dtype = shape[1:], dtype
        self._array = zarr.create_array(
            path,
            shape=shape,
            dtype=dtype,
            chunks=(chunk, *shape[1:]),
            shards=(self.rows, *shape[1:]),
            chunk_key_encoding=FLAT,
            config=WRITE_ALL,
            **codecs,
        )

    def metadata(self) -> dict[str, Any]:
        """Take the metadata from where Zarr wrote them."""
        file = self._path / METADATA
        content: dict[str, Any] = json.loads(file.read_text())
        file.unlink()
        return content

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
        codecs: Mapping[str, Any] = PACKED,
        most_rows: int = _CHUNK_ROWS,
    ) -> Rows:
        """Begin a big array, whose rows come bit by bit.

        Args:
            name: of the array.
            shape: (rows, ...).
            dtype: of its numbers.
            codecs: how chunks are coded: PACKED, PLAIN, or the arguments that Zarr has for it.
            most_rows: of a chunk, where the codecs bound them.
        """
        kind = np.dtype(dtype)
        chunk, shard = layout(shape[1:], kind.itemsize, most_rows)
        whole = -(-shape[0] // shard) * shard
        path, shape_of_shards = self._folder / name, (whole, *shape[1:])
        shards: Shards | ZarrShards | None = None
        if 0 in shape or "name" in codecs:
            path.mkdir()
            metadata = metadata_of(shape_of_shards, kind, chunk, shard, codecs)
            shards = None if 0 in shape else Shards(path, metadata)
        else:
            shards = ZarrShards(path, shape_of_shards, kind, (chunk, shard), codecs)
            metadata = shards.metadata()
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


def plain_codecs(row: tuple[int, ...], dtype: DTypeLike) -> dict[str, Any]:
    """How `ItemWriter.rows` is to write rows as they are, in chunks short enough for short items.

    >>> plain_codecs((4096,), np.float16)["most_rows"]  # features of faces
    16
    """
    row_bytes = np.dtype(dtype).itemsize * max(1, int(np.prod(row)))
    return {"codecs": PLAIN, "most_rows": max(1, _PLAIN_CHUNK_BYTES // row_bytes)}


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
