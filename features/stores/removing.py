"""Taking items out of a store, whose other items stay as they are."""

import json
import shutil
from collections.abc import Collection
from pathlib import Path

from features.stores.assembling import finish, write_places, write_small
from features.stores.metadata import METADATA, read_metadata
from features.stores.store import OFFSETS, Store, reading


def drop_items(store: Store, names: Collection[str]) -> list[Path]:
    """Delete the rows of some items, and all that the store says of them.

    Shards of big arrays are files of one item, and deleted; the numbers of others stay. Small
    arrays are written again without the items.

    Args:
        store: opened for reading; it is to be opened again.
        names: of items; those that are not there are left out.

    Returns:
        The shards that are deleted.

    Raises:
        InputError: the store is damaged.
    """
    path, kept = store.path, [name for name in store.items if name not in names]
    shards: list[Path] = []
    with reading(str(path)):
        for array in _arrays(path):
            offsets = read_metadata(path / OFFSETS / array / METADATA)
            if len(offsets.shape) == 1:
                nothing = store.array(store.items[0], array)[:0]
                parts = [store.array(name, array) for name in kept] or [nothing]
                for place in (path / array, path / OFFSETS / array):
                    shutil.rmtree(place)
                write_small(path, array, parts)
            else:
                shards += _drop_shards(store, array, names)
    (path / METADATA).unlink()
    attributes = {key: value for key, value in store.attributes.items() if key != "schema"}
    keys = {name: key for name, key in attributes.get("keys", {}).items() if name in set(kept)}
    finish(path, {**attributes, "items": kept, **({"keys": keys} if "keys" in attributes else {})})
    return shards


def _arrays(path: Path) -> list[str]:
    """Names of the arrays of items, those of streams too."""
    return sorted(
        metadata.parent.relative_to(path / OFFSETS).as_posix()
        for metadata in (path / OFFSETS).rglob(METADATA)
        if json.loads(metadata.read_text())["node_type"] == "array"
    )


def _drop_shards(store: Store, array: str, names: Collection[str]) -> list[Path]:
    path = store.path
    rows, offsets = read_metadata(path / array / METADATA), path / OFFSETS / array
    places = store.places(array)
    rest = ".0" * (len(rows.shape) - 1)
    deleted, kept = [], []
    for name, (first, length) in zip(store.items, places.tolist(), strict=True):
        if name not in names:
            kept.append((first, length))
            continue
        size = rows.shard
        for number in range(first // size, -(-(first + length) // size)):
            deleted.append(path / array / f"c.{number}{rest}")
            deleted[-1].unlink(missing_ok=True)
    shutil.rmtree(offsets)
    write_places(path, array, kept)
    return deleted
