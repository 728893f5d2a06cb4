"""The Zarr stores between stages: a group per item, and attributes that say what made it.

Arrays are sharded: few big files. A store never holds its own copy of an item: items are
hard-linked from where they were made.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import ZstdCodec

from features.errors import InputError

SCHEMA = 1
"""Version of the stores' layout; raised when a reader of the old layout would misread the new."""

_CHUNK_BYTES = 1 << 20
_CHUNKS_PER_SHARD = 32


def write_item(
    path: Path, arrays: Mapping[str, NDArray[Any]], attributes: Mapping[str, Any]
) -> None:
    """Write one item's arrays, (frames or rows, ...), as a Zarr group at `path`."""
    group = zarr.open_group(path, mode="w", attributes={"schema": SCHEMA, **attributes})
    for name, array in arrays.items():
        if array.size == 0:  # cannot be sharded
            chunks = tuple(max(1, n) for n in array.shape)
            group.create_array(name, shape=array.shape, dtype=array.dtype, chunks=chunks)
            continue
        chunks, shards = _layout(array)
        stored = group.create_array(
            name,
            shape=array.shape,
            dtype=array.dtype,
            chunks=chunks,
            shards=shards,
            compressors=ZstdCodec(level=3),
        )
        stored[...] = array


def _layout(array: NDArray[Any]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Chunks of about a megabyte along time, and shards of up to 32 chunks."""
    length, *rest = array.shape
    bytes_per_row = array.dtype.itemsize * int(np.prod(rest))
    rows = min(length, max(1, _CHUNK_BYTES // bytes_per_row))
    per_shard = min(_CHUNKS_PER_SHARD, -(-length // rows))
    return (rows, *rest), (rows * per_shard, *rest)


def assemble(path: Path, items: Mapping[str, Path], attributes: Mapping[str, Any]) -> None:
    """Make the store at `path` from item groups that lie elsewhere, by hard links.

    What was at `path` before is replaced. Files are copied where the file system cannot link.
    """
    shutil.rmtree(path, ignore_errors=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    zarr.open_group(
        path, mode="w", attributes={"schema": SCHEMA, "items": sorted(items), **attributes}
    )
    for name, source in items.items():
        shutil.copytree(source, path / name, copy_function=link_or_copy)


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
    except (FileNotFoundError, ValueError, KeyError) as error:
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
    """Names of the items of a store, sorted."""
    return list(cast("list[str]", store.attrs["items"]))


def read_item(store: zarr.Group, item: str) -> zarr.Group:
    """The group of one item."""
    return cast("zarr.Group", store[item])


def read_array(item: zarr.Group, name: str) -> NDArray[Any]:
    """One array of an item, whole."""
    return np.asarray(cast("zarr.Array[Any]", item[name])[...])


def read_number(item: zarr.Group, name: str) -> float:
    """One numeric attribute of an item."""
    return float(cast("float", item.attrs[name]))
