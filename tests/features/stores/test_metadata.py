"""Metadata that state what no store has, as a store from elsewhere may."""

import json
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numcodecs.zstd import Zstd

from features.errors import InputError
from features.stores import assembling
from features.stores.store import Store, open_store
from features.stores.writing import new_item

Metadata = dict[str, Any]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store of two items with a big array, x, and a small one, y."""
    items = {}
    for name in ("a", "b"):
        items[name] = tmp_path / name
        with new_item(items[name], {}) as writer:
            writer.rows("x", (300, 4), np.float32).append(np.ones((300, 4), np.float32))
            writer.write("y", np.arange(5.0))
    assembling.assemble(tmp_path / "some.zarr", items, {}, {"a": "1", "b": "2"})
    return tmp_path / "some.zarr"


def peak() -> int:
    """The most memory that this process had, in KB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def both(store: Store) -> None:
    store.array("b", "y")
    store.rows("b", "x")[:]


def shape(*lengths: int) -> Callable[[Metadata], None]:
    return lambda stated: stated.update(shape=list(lengths))


def in_one_chunk(*lengths: int) -> Callable[[Metadata], None]:
    def change(stated: Metadata) -> None:
        stated["shape"] = list(lengths)
        stated["chunk_grid"]["configuration"]["chunk_shape"] = list(lengths)

    return change


def foreign(stated: Metadata) -> None:
    stated["codecs"] = [{"name": "numcodecs.pickle", "configuration": {}}]


def foreign_inside(stated: Metadata) -> None:
    stated["codecs"][0]["configuration"]["codecs"][1]["name"] = "numcodecs.pickle"


@pytest.mark.parametrize(
    ("array", "change", "said"),
    [
        ("y", shape(10**9), "a file of it is missing"),
        ("y", shape(10**15), "a length that is none"),
        ("y", shape(-5), "a length that is none"),
        ("y", in_one_chunk(10**10), "chunks that are too large"),
        ("y", foreign, "codecs that stores do not have: numcodecs.pickle"),
        ("x", foreign_inside, "codecs that stores do not have: numcodecs.pickle"),
        ("x", shape(10**15, 4), "a length that is none"),
        ("x", shape(204_800, 10**12), "chunks that are not cut along the first axis"),
        ("x", in_one_chunk(204_800, 10**8), "chunks that are too large"),
        ("offsets/y", shape(10**9), "a file of it is missing"),
    ],
)
def test_it_is_refused_before_anything_is_read(
    path: Path, array: str, change: Callable[[Metadata], None], said: str
) -> None:
    both(open_store(path, stage="faces"))
    file = path / array / "zarr.json"
    stated = json.loads(file.read_text())
    change(stated)
    file.write_text(json.dumps(stated))
    before = peak()
    with pytest.raises(InputError, match=said):
        both(open_store(path, stage="faces"))
    assert peak() - before < 100_000


def test_a_chunk_that_unpacks_to_more_than_it_should_is_refused(path: Path) -> None:
    packed = Zstd(level=1, checksum=True).encode(np.zeros(50_000_000))
    shard = path / "x/c.1.0"
    content = bytearray(shard.read_bytes())
    first = int.from_bytes(content[-4 - 16 * 1024 :][:8], "little")
    content[first : first + len(packed)] = packed[: len(content) - first]
    shard.write_bytes(bytes(content))
    store = open_store(path, stage="faces")
    before = peak()
    with pytest.raises(InputError, match="is damaged"):
        store.rows("b", "x")[:]
    assert peak() - before < 100_000  # of 400,000
