"""The two stores that training and evaluation read, and what their content depends on."""

from collections.abc import Iterable

import zarr

from features.corpora.listing import FC6, WINDOWS, CorpusItem
from features.stores.store import item_names, open_store, read_item, read_key

COMMON = ("task", "clip_frames", "settings")
"""Attributes of the windows store that training and evaluation depend on."""


def open_stores() -> tuple[zarr.Group, zarr.Group]:
    """The stores windows and fc6.

    Raises:
        InputError: a stage before this one has not run.
    """
    return open_store(WINDOWS, stage="windows"), open_store(FC6, stage="fc6")


def keys_of(items: Iterable[CorpusItem]) -> list[list[object]]:
    """What is common to all windows, then each item's name and hashes of what the stores hold.

    What is common, such as the length of a clip, changes no item's windows but how they are used.
    """
    windows, fc6 = open_stores()
    described = set(item_names(fc6))  # none of a corpus that gives features
    common = [windows.attrs.get(name) for name in COMMON]
    keys: list[list[object]] = [[*common, fc6.attrs.get("blank")]]
    for item in items:
        stores = [windows, fc6] if item.item in described else [windows]
        keys.append([item.item, *(read_key(read_item(store, item.item)) for store in stores)])
    return keys
