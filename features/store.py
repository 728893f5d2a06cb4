"""The Zarr stores between stages: a group per item, and attributes that say what made it.

Arrays are sharded: few big files. They are written and read in blocks of whole shards, so that
memory is bounded however long a recording is. A store never holds its own copy of an item: items
are hard-linked from where they were made.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import zarr
from numpy.typing import DTypeLike, NDArray
from zarr.codecs import Crc32cCodec, ZstdCodec

from features.errors import InputError
from features.jpeg import MOST_ROWS, JpegCodec

SCHEMA = 3
"""Version of the stores' layout; raised when a reader of one would misread another."""

METADATA = "zarr.json"
"""File of a group's or an array's metadata."""

_CHUNK_BYTES = 1 << 20
_CHUNKS_PER_SHARD = 32

# Every chunk carries a checksum, so that damage is found where it is read.
_LOSSLESS: Mapping[str, Any] = MappingProxyType(
    {"compressors": (ZstdCodec(level=3, checksum=True),)}
)

# Zarr leaves out what is all zeros, and reads what is not there as zeros. Here all is written, so
# that what is not there was lost.
_WRITE_ALL: Any = MappingProxyType({"write_empty_chunks": True})

# What a damaged file leads to depends on the byte: Zarr, its codecs and its metadata each complain
# in their own way.
_DAMAGE = (OSError, ValueError, KeyError, RuntimeError, TypeError, AttributeError)


class Rows:
    """An array of an item that is written from its first row to its last.

    Args:
        array: the array, (rows, ...).
    """

    def __init__(self, array: "zarr.Array[Any]") -> None:
        self._array = array
        self._buffer = np.zeros((_block_rows(array), *array.shape[1:]), array.dtype)
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


@contextmanager
def new_item(path: Path, attributes: Mapping[str, Any]) -> Iterator[ItemWriter]:
    """Write one item as a Zarr group at `path`; what was there is replaced."""
    group = zarr.open_group(path, mode="w", attributes={"schema": SCHEMA, **attributes})
    writer = ItemWriter(group)
    yield writer
    writer.finish()


def write_item(
    path: Path, arrays: Mapping[str, NDArray[Any]], attributes: Mapping[str, Any]
) -> None:
    """Write one item's arrays, all at hand, as a Zarr group at `path`."""
    with new_item(path, attributes) as item:
        for name, array in arrays.items():
            item.write(name, array)


def _layout(
    shape: tuple[int, ...], itemsize: int, most_rows: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Chunks of about a megabyte along time, and shards of up to 32 chunks."""
    length, *rest = shape
    bytes_per_row = itemsize * int(np.prod(rest))
    rows = min(length, most_rows, max(1, _CHUNK_BYTES // bytes_per_row))
    per_shard = min(_CHUNKS_PER_SHARD, -(-length // rows))
    return (rows, *rest), (rows * per_shard, *rest)


def _block_rows(array: "zarr.Array[Any]") -> int:
    """Rows of a shard."""
    return (array.shards or array.chunks)[0]


def assemble(path: Path, items: Mapping[str, Path], attributes: Mapping[str, Any]) -> None:
    """Make the store at `path` from item groups that lie elsewhere, by hard links.

    What was at `path` before is replaced. Files are copied where the file system cannot link. The
    group's own metadata go first and come last: a store that was cut short is not a readable one.
    """
    if path.is_dir() and not path.is_symlink():
        (path / METADATA).unlink(missing_ok=True)
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    path.mkdir(parents=True)
    for name, source in items.items():
        _link_folder(source, path / name)
    attributes = {"schema": SCHEMA, "items": sorted(items), **attributes}
    zarr.open_group(path, mode="a", attributes=attributes)


def _link_folder(source: Path, target: Path) -> None:
    """Link all files below a folder; unlike `shutil.copytree`, end at the first error."""
    target.mkdir()
    for entry in sorted(source.iterdir()):
        if entry.is_dir():
            _link_folder(entry, target / entry.name)
        else:
            link_or_copy(entry, target / entry.name)


def link_or_copy(source: str | Path, target: str | Path) -> None:
    """Hard-link a file, or copy it where the file system cannot link."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def open_store(path: Path, *, stage: str) -> zarr.Group:
    """Open a store for reading.

    Args:
        path: the store.
        stage: the stage that writes it, named when it has to run again.

    Raises:
        InputError: when the store is missing, unreadable, or of another schema.
    """
    try:
        group = zarr.open_group(path, mode="r")
    except _DAMAGE as error:
        raise InputError(
            f"{path} is missing or not a readable store", f"run `dvc repro {stage}`"
        ) from error
    schema = group.attrs.get("schema")
    if schema != SCHEMA:
        raise InputError(
            f"{path} has store schema {schema}, this version of Lacuna reads {SCHEMA}",
            f"run `dvc repro --force {stage}`",
        )
    return group


def item_names(store: zarr.Group) -> list[str]:
    """Names of the items of a store, sorted.

    Raises:
        InputError: the store does not tell.
    """
    with _reading(str(store.store_path)):
        return list(cast("list[str]", store.attrs["items"]))


def read_item(store: zarr.Group, item: str) -> zarr.Group:
    """The group of one item.

    Raises:
        InputError: it is missing or its metadata are damaged.
    """
    with _reading(f"{store.store_path}/{item}"):
        return cast("zarr.Group", store[item])


def read_array(item: zarr.Group, name: str) -> NDArray[Any]:
    """One array of an item, whole.

    Raises:
        InputError: it is missing or damaged.
    """
    with _reading(f"{item.store_path}/{name}"):
        return np.asarray(_array(item, name)[...])


def iterate_rows(item: zarr.Group, name: str, *, rows: int | None = None) -> Iterator[NDArray[Any]]:
    """One array of an item in blocks, in order.

    Args:
        item: the item.
        name: of the array.
        rows: of a block; None for those of a shard, which reads no chunk twice.

    Raises:
        InputError: it is missing or damaged.
    """
    with _reading(f"{item.store_path}/{name}"):
        array = _array(item, name)
        step = rows or _block_rows(array)
    for first in range(0, array.shape[0], step):
        with _reading(f"{item.store_path}/{name}"):
            block = np.asarray(array[first : first + step])
        yield block


def read_number(item: zarr.Group, name: str) -> float:
    """One numeric attribute of an item.

    Raises:
        InputError: it is missing or damaged.
    """
    with _reading(str(item.store_path)):
        return float(cast("float", item.attrs[name]))


def read_key(item: zarr.Group) -> str:
    """The attribute `key` of an item: hash of all that it depends on.

    Raises:
        InputError: it is missing.
    """
    with _reading(str(item.store_path)):
        return cast("str", item.attrs["key"])


def _array(item: zarr.Group, name: str) -> "zarr.Array[Any]":
    """Open an array.

    Raises:
        FileNotFoundError: a shard is missing, which Zarr would read as zeros.
    """
    array = cast("zarr.Array[Any]", item[name])
    if array.size and array.nchunks_initialized < array.nchunks:
        raise FileNotFoundError("a file of it is missing")
    return array


@contextmanager
def _reading(place: str) -> Iterator[None]:
    """Turn what a damaged file leads to into one sentence."""
    try:
        yield
    except _DAMAGE as error:
        place = place.removeprefix("file://")
        raise InputError(
            f"{place} is damaged ({type(error).__name__}: {error})",
            "run `python -m pipeline.cache --verify`, then `dvc repro --force` of its stage",
        ) from error
