"""The index of a stage: which entries there are, as a set that only grows, in segments.

Every process appends to a segment of its own that it holds locked, one write a line, so that a kill
leaves whole lines, hosts never write to one file, and whoever meets a lock that is free knows that
what its writer began and did not finish is nobody's. Lines add up in any order: rows, less those
deleted. SQLite was not chosen: over a network its locks and its shared memory do not hold, and it
cannot be read where nothing may be written.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple

from pipeline.engine.entries.locks import READ_ONLY
from pipeline.engine.entries.rows import (
    BEGUN,
    GONE,
    ROW,
    USED,
    DamagedEntryError,
    Line,
    Row,
    encode,
    is_intact,
    parse,
)
from pipeline.engine.entries.segments import (
    CLOSED,
    NEW,
    OPEN,
    Segment,
    held,
    open_segment,
    write_closed,
    writer_of,
)

MOST_CLOSED = 16
"""Closed segments that are left as they are; more are made one, but for the largest."""


class _Spot(NamedTuple):
    segment: Segment
    start: int
    length: int

    def read(self) -> bytes:
        return self.segment.line(self.start, self.length)


class Index:
    """The index of a stage.

    Args:
        folder: of its segments.
        root: of the cache.
    """

    def __init__(self, folder: Path, root: Path) -> None:
        self._folder, self._root = folder, root
        self._forget()

    def _forget(self) -> None:
        self._segments: dict[str, Segment] = {}
        self._rows: dict[str, dict[str, _Spot]] = {}
        self._gone: set[str] = set()
        self._used: dict[str, float] = {}
        self.damaged: list[str] = []

    def refresh(self) -> None:
        """Read the lines that came since this was last called."""
        while True:
            try:
                for name in self._names():
                    if name not in self._segments:
                        self._segments[name] = open_segment(self._folder / name)
            except FileNotFoundError:  # segments became one meanwhile
                continue
            break
        for name, segment in self._segments.items():
            for start, text in segment.news():
                self._add(name, _Spot(segment, start, len(text)), text)

    def _names(self) -> list[str]:
        with suppress(FileNotFoundError):
            return sorted(n for n in os.listdir(self._folder) if n.endswith((OPEN, CLOSED)))  # noqa: PTH208
        return []

    def _add(self, name: str, spot: _Spot, text: bytes) -> None:
        line = parse(text)
        if line is None or (line.kind != ROW and not is_intact(text)):
            self.damaged.append(name)
        elif line.kind == ROW:
            self._rows.setdefault(line.key, {})[line.place] = spot
        elif line.kind == GONE:
            self._gone.add(line.place)
        elif line.kind == USED:
            self._used[line.place] = max(self._used.get(line.place, 0.0), float(line.content))

    def places(self, key: str) -> list[str]:
        """Where results of a key lie."""
        return sorted(place for place in self._rows.get(key, ()) if place not in self._gone)

    def entries(self) -> Iterator[tuple[str, str]]:
        """Key and place of every result."""
        return ((key, place) for key in self._rows for place in self.places(key))

    def row(self, key: str, place: str) -> Row:
        """An entry.

        Raises:
            DamagedEntryError: its line is not as it was written.
        """
        text = self._rows[key][place].read()
        line = parse(text)
        if line is None or not is_intact(text):
            raise DamagedEntryError("its row in the index has another content")
        return Row.of(line)

    def used(self, row: Row) -> float:
        """When an entry was last made or taken, seconds since 1970."""
        return max(row.made, self._used.get(row.place, 0.0))

    def write(self, line: Line, *, lasting: bool = False) -> None:
        """Add a line.

        Raises:
            OSError: the disk is full, or nothing may be written.
        """
        writer_of(self._folder, self._root).append(line, lasting=lasting)

    def delete(self, key: str, place: str) -> None:
        """Note that an entry is no more; where that cannot be, its files tell."""
        self._gone.add(place)
        with suppress(OSError):
            self.write(Line(GONE, key, place))

    # -------------------------------------------------------------- sweeping

    def sweep(self, discard: Callable[[str], bool]) -> int:
        """Close the segments of processes that are gone.

        Args:
            discard: deletes the folder of a place; whether there was one.

        Returns:
            How many entries they had begun and not finished.
        """
        unfinished = 0
        for path in self._folder.glob(f"*{OPEN}"):
            with held(path) as is_dead:
                if is_dead:
                    unfinished += sum(discard(place) for place in _unfinished(path))
                    unfinished += _cut_torn(path)
                    with suppress(OSError):
                        path.rename(path.with_suffix(CLOSED))
        for path in self._folder.glob(f"*{NEW}"):
            with held(path) as is_dead:
                if is_dead:
                    path.unlink(missing_ok=True)
        closed = sorted(self._folder.glob(f"*{CLOSED}"), key=_size)
        if len(closed) > MOST_CLOSED:
            try:
                self._merge(closed[:-1])
            except OSError as error:
                if error.errno not in READ_ONLY:
                    raise
        return unfinished

    def _merge(self, paths: list[Path]) -> None:
        """Make one segment of several, those left out that others are merging."""
        with ExitStack() as stack:
            ours = [path for path in paths if stack.enter_context(held(path))]
            write_closed(self._folder, self._root, _merged(ours))
            for path in ours:
                path.unlink()
        self._forget()

    def compact(self) -> int:
        """Make all closed segments one of rows that are whole; returns damaged lines left out.

        Only to be called where the whole cache is held exclusively.
        """
        self._forget()
        self.refresh()
        paths = list(self._folder.glob(f"*{CLOSED}"))
        torn = sum(bool(segment.rest()) for segment in self._segments.values())
        lines, damaged = [], len(self.damaged) + torn
        for spots in self._rows.values():
            for place, spot in spots.items():
                text = spot.read()
                if not is_intact(text):
                    damaged += 1
                elif place not in self._gone:
                    lines.append(text)
        with ExitStack() as stack:
            ours = [path for path in paths if stack.enter_context(held(path))]
            write_closed(self._folder, self._root, [*lines, *self._used_lines()])
            for path in ours:
                path.unlink()
        self._forget()
        self.refresh()
        return damaged

    def live(self) -> set[str]:
        """Places that processes have begun that may live."""
        places = set()
        for path in self._folder.glob(f"*{OPEN}"):
            for _, text in open_segment(path).news():
                line = parse(text)
                if line is not None:
                    places.add(line.place)
        return places

    def _used_lines(self) -> Iterator[bytes]:
        for key, place in self.entries():
            if place in self._used:
                yield encode(Line(USED, key, place, str(self._used[place]).encode()))


def _unfinished(path: Path) -> set[str]:
    """Places that a segment's writer began or deleted, and has no row of."""
    kinds: dict[str, set[bytes]] = defaultdict(set)
    for _, text in open_segment(path).news():
        line = parse(text)
        if line is not None and is_intact(text):
            kinds[line.place].add(line.kind)
    return {p for p, k in kinds.items() if GONE in k or (BEGUN in k and ROW not in k)}


def _cut_torn(path: Path) -> bool:
    """Cut the line off that a kill left half; whether there was one."""
    segment = open_segment(path)
    length = sum(len(text) for _, text in segment.news())
    is_torn = bool(segment.rest())
    if is_torn:
        os.truncate(path, length)
    return is_torn


def _merged(paths: list[Path]) -> Iterator[bytes]:
    """The lines of segments, each once; entries deleted in them are left out with their rows."""
    gone: set[str] = set()
    rows: set[str] = set()
    for path in paths:
        for _, text in open_segment(path).news():
            line = parse(text)
            if line is not None and line.kind == GONE and is_intact(text):
                gone.add(line.place)
            elif line is not None and line.kind == ROW:
                rows.add(line.place)
    seen: set[bytes] = set()
    for path in paths:
        for _, text in open_segment(path).news():
            line = parse(text)
            if line is not None and is_intact(text):
                is_over = line.place in gone and (line.kind != GONE or line.place in rows)
                if is_over or line.kind == BEGUN:
                    continue
            digest = text[:64]
            if digest not in seen:
                seen.add(digest)
                yield text


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0
