"""What an array's metadata state, as Zarr has them, compared with its files before any is read.

A store may come from elsewhere with an item cache or a project: a few bytes of JSON can state an
array of petabytes, a hundred million chunks that are looked for one by one, or a codec that is
anybody's code.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

METADATA = "zarr.json"
"""File of a group's or an array's metadata."""

# Every chunk carries a checksum, so that damage is found where it is read. Level 3 would take three
# times as long to write, and half as long again to read, for 1 to 4 % less.
PACKED: Mapping[str, Any] = MappingProxyType(
    {"name": "zstd", "configuration": {"level": 1, "checksum": True}}
)

# Numbers that are read in every epoch: unpacking them takes ten times as long as copying them.
PLAIN: Mapping[str, Any] = MappingProxyType({"name": "crc32c"})

CODECS = frozenset({"bytes", "zstd", "crc32c", "sharding_indexed", "lacuna.jpeg"})
"""Those that stores are written with."""

MOST_BYTES = 1 << 20
"""Of the metadata of an array."""

MOST_CHUNK = 128 << 20
"""Bytes of a shard, and of an array's chunk that is a shard; they are made of 16 MB or of a row."""


@dataclass(frozen=True)
class Stated:
    """What the metadata of an array state.

    Attributes:
        content: all of it.
        shape: (rows, ...).
        dtype: of the numbers.
        shard: rows of a file.
    """

    content: Mapping[str, Any]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    shard: int


def metadata_of(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    chunk: int,
    shard: int,
    coding: Mapping[str, Any] = PACKED,
) -> dict[str, Any]:
    """The metadata of an array that is cut along its first axis, as Zarr has them.

    Args:
        shape: (rows, ...).
        dtype: of the numbers.
        chunk: rows of a chunk.
        shard: rows of a file.
        coding: PACKED or PLAIN.
    """
    numbers: dict[str, Any] = {"name": "bytes"}
    if dtype.itemsize > 1:
        numbers["configuration"] = {"endian": "little"}
    little = {"name": "bytes", "configuration": {"endian": "little"}}
    sharding = {
        "chunk_shape": [chunk, *shape[1:]],
        "codecs": [numbers, dict(coding)],
        "index_codecs": [little, {"name": "crc32c"}],
        "index_location": "end",
    }
    codecs = [{"name": "sharding_indexed", "configuration": sharding}]
    if 0 in shape:  # cannot be sharded
        codecs = [numbers, {"name": "zstd", "configuration": {"level": 0, "checksum": False}}]
    grid = {"chunk_shape": [max(1, n) for n in (shard, *shape[1:])]}
    return {
        "shape": list(shape),
        "data_type": dtype.name,
        "chunk_grid": {"name": "regular", "configuration": grid},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "."}},
        "fill_value": dtype.type(0).item(),
        "codecs": codecs,
        "attributes": {},
        "zarr_format": 3,
        "node_type": "array",
        "storage_transformers": [],
    }


def read_metadata(metadata: Path) -> Stated:
    """Read metadata; refuse those that state what the files beside them cannot hold.

    Args:
        metadata: zarr.json of an array.

    Raises:
        OSError, ValueError, KeyError, TypeError: they are damaged, name a codec that stores never
            have, or state more than there is.
    """
    if metadata.stat().st_size > MOST_BYTES:
        raise ValueError("metadata of an array are too long")
    stated = json.loads(metadata.read_bytes())
    if stated["node_type"] != "array":
        raise TypeError(f"{metadata.parent.name} is not an array")
    shape, dtype = _numbers(stated["shape"], 0), np.dtype(str(stated["data_type"]))
    chunk = _numbers(stated["chunk_grid"]["configuration"]["chunk_shape"], 1)
    foreign = set(_codecs(stated["codecs"])) - CODECS
    if foreign:
        raise ValueError(f"codecs that stores do not have: {', '.join(sorted(foreign))}")
    if len(shape) != len(chunk) or any(n > c for n, c in zip(shape[1:], chunk[1:], strict=True)):
        raise ValueError("chunks that are not cut along the first axis")
    if math.prod(chunk) * dtype.itemsize > MOST_CHUNK:
        raise ValueError("chunks that are too large")
    return Stated(stated, tuple(shape), dtype, chunk[0])


def check_is_whole(folder: Path, stated: Stated) -> None:
    """Refuse an array of which a file is missing; Zarr would read zeros there.

    Args:
        folder: of the array.
        stated: its metadata.

    Raises:
        FileNotFoundError: so it is.
    """
    files = -(-stated.shape[0] // stated.shard) if 0 not in stated.shape else 0
    if sum(1 for _ in folder.glob("c.*")) < files:
        raise FileNotFoundError("a file of it is missing")


def _numbers(given: list[int], least: int) -> list[int]:
    """Lengths of axes."""
    if not given or not all(type(n) is int and least <= n < 1 << 48 for n in given):
        raise ValueError(f"a length that is none: {given}")
    return given


def _codecs(stated: object) -> Iterator[str]:
    """Names of codecs, those inside others too."""
    if isinstance(stated, Mapping):
        if isinstance(stated.get("name"), str):
            yield stated["name"]
        stated = list(stated.values())
    if isinstance(stated, list):
        for part in stated:
            yield from _codecs(part)
