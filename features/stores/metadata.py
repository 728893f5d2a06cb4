"""What an array's metadata state, compared with its files before Zarr reads any of them.

A store may come from elsewhere with an item cache or a project: a few bytes of JSON can state an
array of petabytes, a hundred million chunks that are looked for one by one, or a codec that is
anybody's code.
"""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

CODECS = frozenset({"bytes", "zstd", "crc32c", "sharding_indexed", "lacuna.jpeg"})
"""Those that stores are written with."""

MOST_BYTES = 1 << 20
"""Of the metadata of an array."""

MOST_CHUNK = 128 << 20
"""Bytes of a shard, and of an array's chunk that is a shard; they are made of 16 MB or of a row."""


def check_metadata(metadata: Path) -> None:
    """Refuse metadata that state what the files beside them cannot hold.

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
        return
    shape, item = _numbers(stated["shape"], 0), np.dtype(str(stated["data_type"])).itemsize
    chunk = _numbers(stated["chunk_grid"]["configuration"]["chunk_shape"], 1)
    foreign = set(_codecs(stated["codecs"])) - CODECS
    if foreign:
        raise ValueError(f"codecs that stores do not have: {', '.join(sorted(foreign))}")
    if len(shape) != len(chunk) or any(n > c for n, c in zip(shape[1:], chunk[1:], strict=True)):
        raise ValueError("chunks that are not cut along the first axis")
    if math.prod(chunk) * item > MOST_CHUNK:
        raise ValueError("chunks that are too large")


def check_is_whole(metadata: Path) -> None:
    """Refuse an array of which a chunk has no file; Zarr would read zeros there.

    Args:
        metadata: zarr.json of an array, checked.

    Raises:
        FileNotFoundError: so it is.
    """
    stated = json.loads(metadata.read_bytes())
    (rows, *_), configuration = stated["shape"], stated["chunk_grid"]["configuration"]
    chunks = -(-rows // configuration["chunk_shape"][0]) if 0 not in stated["shape"] else 0
    if sum(1 for _ in metadata.parent.glob("c.*")) < chunks:
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
