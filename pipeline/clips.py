"""The two stores that training and evaluation read, and what their content depends on."""

from collections.abc import Iterable

import zarr

from features.store import item_names, open_store, read_item
from pipeline.outputs import FC6, WINDOWS, CorpusItem


def open_stores() -> tuple[zarr.Group, zarr.Group]:
    """The stores windows and fc6.

    Raises:
        InputError: a stage before this one has not run.
    """
    return open_store(WINDOWS, stage="windows"), open_store(FC6, stage="fc6")


def keys_of(items: Iterable[CorpusItem]) -> list[list[object]]:
    """Each item's name, and hashes of what it holds in the stores."""
    windows, fc6 = open_stores()
    described = set(item_names(fc6))  # none of a corpus that gives features
    keys: list[list[object]] = []
    for item in items:
        stores = [windows, fc6] if item.item in described else [windows]
        keys.append([item.item, *(read_item(store, item.item).attrs["key"] for store in stores)])
    return keys
