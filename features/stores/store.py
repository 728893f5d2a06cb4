"""The Zarr stores between stages: a group per item, and attributes that say what made it.

A store never holds its own copy of an item: items are hard-linked from where they were made.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
import zarr
from numpy.typing import NDArray

from features.errors import InputError
from features.stores.writing import ItemWriter, block_rows

SCHEMA = 3
"""Version of the stores' layout; raised when a reader of one would misread another."""

METADATA = "zarr.json"
"""File of a group's or an array's metadata."""

# What a damaged file leads to depends on the byte: Zarr, its codecs and its metadata each complain
# in their own way.
_DAMAGE = (OSError, ValueError, KeyError, RuntimeError, TypeError, AttributeError)


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
        step = rows or block_rows(array)
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


def read_names(item: zarr.Group) -> list[str]:
    """The attribute `names` of an item: those of its columns.

    Raises:
        InputError: it is missing.
    """
    with _reading(str(item.store_path)):
        return cast("list[str]", item.attrs["names"])


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
