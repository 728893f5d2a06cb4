"""The boxes of an MP4 that describe its tracks, and whether they hold together."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.media.tracks import EXCLUDE

MOST_HEADER = 8 << 20
"""Bytes of a header that are searched."""

_MOST_TABLES = 256 << 20
"""Bytes of a header whose tables are read."""

_NEEDED = (
    ("mdia", {"tkhd", "mdia"}),
    ("minf", {"mdhd", "hdlr", "minf"}),
    ("stbl", {"stbl"}),
    ("", {"stsd", "stts", "stsc"}),
)
"""What a track has, level by level, and the box that holds the next (ISO/IEC 14496-12)."""


def box(file: BinaryIO, name: bytes, most: int = MOST_HEADER) -> bytes:
    """The content of a box at the top of an MP4, no more than `most` bytes of it.

    Raises:
        InputError: the file ends before the box does.
    """
    while len(head := file.read(8)) == 8:
        size, taken = int.from_bytes(head[:4], "big"), 8
        if size == 1:
            size, taken = int.from_bytes(file.read(8), "big"), 16
        if head[4:] == name:
            wanted = min(most, max(0, size - taken)) if size else most
            content = file.read(wanted)
            if size and len(content) < wanted:
                raise InputError(f"{file.name} has a header that is damaged", EXCLUDE)
            return content
        if size < taken:
            break
        file.seek(size - taken, 1)
    return b""


def has_damaged_tables(path: Path) -> bool:
    """Whether a track lacks a header or table, or its tables differ in how many samples it has.

    Samples that are together longer than the file, or begin beyond it, are damage too. A header of
    more than 256 MB is not looked at, nor are tracks whose samples all have one size, such as PCM:
    not all programs count them alike.
    """
    length = path.stat().st_size
    with path.open("rb") as file:
        header = box(file, b"moov", _MOST_TABLES)
    if len(header) == _MOST_TABLES:
        return False
    tracks = [content for name, content in _boxes(header) if name == b"trak"]
    return any(_is_damaged(track, length) for track in tracks)


def _is_damaged(track: bytes, length: int) -> bool:
    tables = _tables_of(track)
    return tables is None or (b"stsz" in tables and _disagree(tables, length))


def _tables_of(track: bytes) -> dict[bytes, bytes] | None:
    """The tables of a track's samples by their names; None where something is missing."""
    content, tables = track, dict[bytes, bytes]()
    for inner, needed in _NEEDED:
        tables = dict(_boxes(content))
        if not tables.keys() >= {name.encode() for name in needed}:
            return None
        content = tables.get(inner.encode(), b"")
    has_both = {b"stco", b"co64"} & tables.keys() and {b"stsz", b"stz2"} & tables.keys()
    return tables if has_both else None


def _disagree(tables: dict[bytes, bytes], length: int) -> bool:
    """Whether tables are not of the same samples, or not of a file of so many bytes."""
    if len(tables[b"stsz"]) < 12:
        return True
    # A version, the size of all samples or 0, their count, the size of each.
    same, count = _numbers(tables[b"stsz"][4:12])
    sizes = _numbers(tables[b"stsz"][12 : 12 + 4 * int(count)])
    if same:
        return False
    name, wide = (b"stco", 4) if b"stco" in tables else (b"co64", 8)
    places = tables[name]
    chunks, codecs, runs = (
        int(_numbers(table[4:8]).sum()) for table in (places, tables[b"stsd"], tables[b"stsc"])
    )
    starts = np.frombuffer(places[8 : len(places) // wide * wide], f">u{wide}")
    # Runs of chunks that hold equally many samples: the first chunk, samples in each, their codec.
    numbers = _numbers(tables[b"stsc"][8 : 8 + 12 * runs])
    first, each, codec = numbers[: len(numbers) // 3 * 3].reshape(-1, 3).T
    in_chunks = int((np.diff(first, append=chunks + 1) * each).sum())
    is_known = bool(((codec >= 1) & (codec <= codecs)).all())
    is_within = sizes.sum() <= length and bool((starts <= length).all())
    return not (len(sizes) == count == in_chunks and is_known and is_within)


def _numbers(content: bytes) -> NDArray[np.int64]:
    return np.frombuffer(content[: len(content) // 4 * 4], ">u4").astype(np.int64)


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of the boxes that lie in one, as far as they fit into it."""
    at = 0
    while at + 8 <= len(content):
        size, taken = int.from_bytes(content[at : at + 4], "big"), 8
        if size == 1:
            size, taken = int.from_bytes(content[at + 8 : at + 16], "big"), 16
        size = size or len(content) - at
        if size < taken or at + size > len(content):
            return
        yield content[at + 4 : at + 8], content[at + taken : at + size]
        at += size
