"""A Zarr store of a whole corpus: one array per quantity, and attributes that say what made it.

A big array holds the items' rows one after the other, each item from a shard's boundary on; a store
never holds its own copy of a shard: shards are hard-linked from where items were made. Small arrays
are written again. `offsets/NAME` says where each item's rows are: first row and number of rows of a
big array, ends of the items of a small one.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.stores.metadata import METADATA, Stated, check_is_whole, read_metadata
from features.stores.shards import Shards, are_readable

SCHEMA = 4
"""Version of the stores' layout; raised when a reader of one would misread another."""

OFFSETS = "offsets"

# What a damaged file leads to depends on the byte: Zarr, its codecs and its metadata each complain
# in their own way.
DAMAGE = (OSError, ValueError, KeyError, RuntimeError, TypeError, AttributeError)


class ByZarr:
    """An array that Zarr reads, since its codecs are not those of `Shards`.

    Args:
        folder: of the array.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def _array(self) -> Any:
        import zarr

        from features.stores.jpeg import register

        register()
        return zarr.open_array(self._folder, mode="r")

    def read(self, first: int, last: int) -> NDArray[Any]:
        """Rows [first, last)."""
        return np.asarray(self._array[first:last])


class ItemRows:
    """Rows of one item of a big array; slices of it are read when they are asked for.

    Args:
        array: of the corpus, as its metadata state it.
        files: of the array.
        place: first row, and number of rows.
        where: for messages.
    """

    def __init__(
        self,
        array: Stated,
        files: Shards | ByZarr,
        place: tuple[int, int],
        where: str,
    ) -> None:
        self._array, self._files = array, files
        self._first, self._length = place
        self._where = where

    def __len__(self) -> int:
        return self._length

    @property
    def shape(self) -> tuple[int, ...]:
        """(rows, ...)."""
        return (self._length, *self._array.shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the numbers."""
        return self._array.dtype

    @property
    def nbytes(self) -> int:
        """Bytes of all rows in memory."""
        return int(np.prod(self.shape)) * self.dtype.itemsize

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        """Some consecutive rows.

        Raises:
            InputError: they are damaged.
        """
        start, stop, _ = rows.indices(self._length)
        first, last = self._first + start, self._first + max(start, stop)
        with reading(self._where):
            return self._files.read(first, last)

    def blocks(self, rows: int | None = None) -> Iterator[NDArray[Any]]:
        """All rows, so many at a time; by default those of a shard, which reads no chunk twice.

        Raises:
            InputError: they are damaged.
        """
        step = rows or self._array.shard
        for first in range(0, self._length, step):
            yield self[first : first + step]


class Store:
    """A store that was opened for reading.

    Args:
        path: the store.
        attributes: what made it.

    Attributes:
        path: likewise.
        attributes: likewise.
    """

    def __init__(self, path: Path, attributes: Mapping[str, Any]) -> None:
        self.path = path
        self.attributes = dict(attributes)
        self._small: dict[str, tuple[NDArray[Any], NDArray[np.int64]]] = {}
        self._big: dict[str, tuple[Stated, Shards | ByZarr, NDArray[np.int64]]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        # Other processes each open the store again, once.
        return _reopened, (self.path, (self.path / METADATA).stat().st_mtime_ns)

    @cached_property
    def items(self) -> tuple[str, ...]:
        """Names of the items, sorted.

        Raises:
            InputError: the store does not tell.
        """
        return tuple(self.attribute("items"))

    def attribute(self, name: str) -> Any:
        """The facts that the store holds of itself.

        Raises:
            InputError: it does not.
        """
        with reading(str(self.path)):
            return self.attributes[name]

    def key(self, item: str) -> str:
        """Hash of all that an item's rows depend on.

        Raises:
            InputError: the store does not tell.
        """
        with reading(f"{self.path}: {item}"):
            return self.attributes["keys"][item]

    def has(self, name: str) -> bool:
        """Whether there is an array of that name."""
        return name in self._names

    def array(self, item: str, name: str) -> NDArray[Any]:
        """A small array of an item, whole.

        Raises:
            InputError: it is missing or damaged.
        """
        with reading(f"{self.path}/{name}"):
            if name not in self._small:
                self._small[name] = self._read(name), self._read(f"{OFFSETS}/{name}")
            values, ends = self._small[name]
            number = self._number(item)
            return values[ends[number - 1] if number else 0 : ends[number]]

    def rows(self, item: str, name: str) -> ItemRows:
        """A big array of an item.

        Raises:
            InputError: it is missing or damaged; a shard that is missing would read as zeros.
        """
        where = f"{self.path}/{name} of {item}"
        with reading(where):
            if name not in self._big:
                stated = self._stated(name)
                files = _files(self.path / name, stated)
                self._big[name] = stated, files, self._read(f"{OFFSETS}/{name}")
            array, files, places = self._big[name]
            first, length = (int(n) for n in places[self._number(item)])
            shard, rest = array.shard, ".0" * (len(array.shape) - 1)
            for number in range(first // shard, -(-(first + length) // shard)):
                if not (self.path / name / f"c.{number}{rest}").exists():
                    raise FileNotFoundError("a file of it is missing")
        return ItemRows(array, files, (first, length), where)

    def places(self, name: str) -> NDArray[np.int64]:
        """(items, 2), the first row and the number of rows of every item in a big array.

        Raises:
            InputError: they are missing or damaged.
        """
        with reading(f"{self.path}/{name}"):
            return self._read(f"{OFFSETS}/{name}")

    def width(self, name: str) -> int:
        """Numbers of a row of a big array, all its axes together; 0 where there is no item.

        Raises:
            InputError: its metadata are damaged.
        """
        if not self.items:
            return 0
        with reading(f"{self.path}/{name}"):
            return int(np.prod(self._stated(name).shape[1:]))

    @cached_property
    def _names(self) -> set[str]:
        return {file.parent.name for file in self.path.glob(f"*/{METADATA}")}

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.items)}

    def _number(self, item: str) -> int:
        return self._numbers[item]

    def _stated(self, name: str) -> Stated:
        return read_metadata(self.path / name / METADATA)

    def _read(self, name: str) -> NDArray[Any]:
        """A whole array of the corpus.

        Raises:
            FileNotFoundError: a file is missing, which Zarr would read as zeros.
        """
        folder, stated = self.path / name, self._stated(name)
        check_is_whole(folder, stated)
        if 0 in stated.shape:
            return np.zeros(stated.shape, stated.dtype)
        return _files(folder, stated).read(0, stated.shape[0])


def _files(folder: Path, stated: Stated) -> Shards | ByZarr:
    """What reads the files of an array."""
    return Shards(folder, stated.content) if are_readable(stated.content) else ByZarr(folder)


def open_store(path: Path, *, stage: str) -> Store:
    """Open a store for reading.

    Args:
        path: the store.
        stage: the stage that writes it, named when it has to run again.

    Raises:
        InputError: when the store is missing, unreadable, or of another schema.
    """
    try:
        content = json.loads((path / METADATA).read_bytes())
        if content["node_type"] != "group":
            raise TypeError("an array")
        attributes = dict(content["attributes"])
    except DAMAGE as error:
        raise InputError(
            f"{path} is missing or not a readable store", f"run `dvc repro {stage}`"
        ) from error
    schema = attributes.get("schema")
    if schema != SCHEMA:
        raise InputError(
            f"{path} has store schema {schema}, this version of Lacuna reads {SCHEMA}",
            f"run `dvc repro --force {stage}`",
        )
    return Store(path, attributes)


@lru_cache(maxsize=2)
def _reopened(path: Path, _changed: int) -> Store:
    """A store from another process; one that was written again has another time of change."""
    return open_store(path, stage=path.stem)


@contextmanager
def reading(place: str) -> Iterator[None]:
    """Turn what a damaged file leads to into one sentence."""
    try:
        yield
    except InputError:
        raise
    except DAMAGE as error:
        raise InputError(
            f"{place} is damaged ({type(error).__name__}: {error})",
            "run `python -m pipeline.cache --verify`, then `dvc repro --force` of its stage",
        ) from error
