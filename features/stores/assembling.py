"""Putting a store together from items that were made elsewhere, by hard links."""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.files import File, Files, SmallFile, whole
from features.stores.metadata import METADATA, metadata_of
from features.stores.shards import Shards
from features.stores.store import OFFSETS, SCHEMA, reading
from features.stores.writing import FinishedItem, layout


def assemble(
    path: Path,
    items: Mapping[str, Files],
    attributes: Mapping[str, Any],
    keys: Mapping[str, str] | None = None,
) -> list[str]:
    """Make the store at `path` from items that lie elsewhere, by hard links.

    What was at `path` before is replaced. Files are copied where the file system cannot link. The
    store's own metadata go first and come last: a store that was cut short is not a readable one.

    Args:
        path: the store.
        items: the files of each, as `new_item` wrote them.
        attributes: what holds for all; what the items say of themselves is taken from the first.
        keys: of each item, hash of all that its rows depend on.

    Returns:
        Names of the items whose shards had to be copied.

    Raises:
        InputError: an item is damaged.
    """
    begin(path)
    names = sorted(items)
    finished = []
    for name in names:
        with reading(f"{path}: {name}"):
            finished.append(FinishedItem(items[name]))
    copied: set[str] = set()
    for array in finished[0].metadata if finished else ():
        copied |= _link_rows(path, array, dict(zip(names, finished, strict=True)))
    for array in finished[0].small if finished else ():
        write_small(path, array, [item.small[array] for item in finished])
    first = finished[0].attributes if finished else {}
    finish(path, {**first, **attributes, "items": names, "keys": dict(keys or {})})
    return sorted(copied)


def begin(path: Path) -> None:
    """Make room for a store: from now on none can be read there."""
    if path.is_dir() and not path.is_symlink():
        (path / METADATA).unlink(missing_ok=True)
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    path.mkdir(parents=True)


def finish(path: Path, attributes: Mapping[str, Any]) -> None:
    """Make a store readable, when all else is written."""
    content = {
        "attributes": {"schema": SCHEMA, **attributes},
        "zarr_format": 3,
        "node_type": "group",
    }
    with whole(path / METADATA) as file:
        file.write_text(json.dumps(content, indent=2))


def write_small(path: Path, name: str, parts: Sequence[NDArray[Any]]) -> None:
    """Write a small array of a store, the parts of all items one after the other.

    What was there before has to be deleted first.
    """
    ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
    _write(path / name, np.concatenate(parts))
    _write(path / OFFSETS / name, ends)


def write_places(path: Path, array: str, places: Sequence[tuple[int, int]]) -> None:
    """Write the first row and the number of rows of every item in a big array."""
    _write(path / OFFSETS / array, np.array(places, np.int64).reshape(-1, 2))


def _write(path: Path, values: NDArray[Any]) -> None:
    """Write an array at once: what is small is read whole, so a chunk is as long as a shard."""
    _, shard = layout(values.shape[1:], values.dtype.itemsize)
    length = max(1, min(len(values), shard))
    stated = metadata_of(values.shape, values.dtype, length, length)
    path.mkdir(parents=True)
    if values.size:
        shards = Shards(path, stated)
        for first in range(0, len(values), length):
            shards.write(first, values[first : first + length])
    (path / METADATA).write_text(json.dumps(stated, indent=2))


def _link_rows(path: Path, array: str, items: Mapping[str, FinishedItem]) -> set[str]:
    """Put a big array together; returns the items that had to be copied."""
    metadata = next((item.metadata[array] for item in items.values() if item.lengths[array]), None)
    if metadata is None:  # no item has a row
        metadata = next(iter(items.values())).metadata[array]
    rows = metadata["chunk_grid"]["configuration"]["chunk_shape"][0]
    rest = ".0" * (len(metadata["shape"]) - 1)
    folder = path / array
    folder.mkdir(parents=True)
    places, copied, shard = [], set(), 0
    for name, item in items.items():
        places.append((shard * rows, item.lengths[array]))
        for file in item.shards(array):
            if not link_or_copy(file, folder / f"c.{shard}{rest}"):
                copied.add(name)
            shard += 1
    whole = {**metadata, "shape": [shard * rows, *metadata["shape"][1:]]}
    (folder / METADATA).write_text(json.dumps(whole))
    write_places(path, array, places)
    return copied


def link_or_copy(source: File, target: Path) -> bool:
    """Hard-link a file, or copy it where the file system cannot link; returns whether it did.

    What is in memory is written, and has the time at which it was.
    """
    if isinstance(source, SmallFile):
        target.write_bytes(source.read_bytes())
        os.utime(target, (source.modified, source.modified))
        return True
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copy2(source, target)
        return False
    return True
