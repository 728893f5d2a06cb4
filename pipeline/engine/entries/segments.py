"""Segments of an index: files of lines, each appended to by one process or closed for good."""

import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

from pipeline.engine.entries.locks import (
    hold,
    inherit,
    is_abandoned,
    is_at,
    make_folder,
)
from pipeline.engine.entries.rows import Line, encode

OPEN, CLOSED, NEW = ".open", ".rows", ".new"
"""Suffixes of segments: of a process that may live, of none, of one that is being merged."""

_BLOCK = 8 << 20


class Segment:
    """A segment that is read, as far as it is written.

    Args:
        file: open for reading; closed with this object.
        closes: whether it is.
    """

    def __init__(self, file: int, *, closes: bool = True) -> None:
        self._file, self._closes = file, closes
        self._read = 0

    def __del__(self) -> None:
        if self._closes:
            os.close(self._file)

    def news(self) -> Iterator[tuple[int, bytes]]:
        """Whole lines that came since this was last asked, and where each begins."""
        rest = b""
        while block := os.pread(self._file, _BLOCK, self._read + len(rest)):
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                start = self._read
                self._read += len(line) + 1
                yield start, line + b"\n"

    def rest(self) -> bytes:
        """What stands behind the last whole line."""
        return os.pread(self._file, _BLOCK, self._read)

    def line(self, start: int, length: int) -> bytes:
        """The line at a place."""
        return os.pread(self._file, length, start)


class Writer:
    """The segment that this process appends to; that it lives shows by its lock.

    Args:
        folder: of the index.
        root: of the cache.

    Attributes:
        path: of the segment.
    """

    def __init__(self, folder: Path, root: Path) -> None:
        make_folder(folder, root)
        while True:
            self.path = folder / f"{uuid.uuid4().hex}{OPEN}"
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o666)
            inherit(self.path, root)
            # Who sweeps may have thought it a dead process's before it was locked.
            if hold(self._file) is not False and is_at(self._file, self.path):
                break
            os.close(self._file)
        self._guard = Lock()
        self._length = 0

    def append(self, line: Line, *, lasting: bool = False) -> None:
        """Add a line, whole or not at all.

        Args:
            line: the line.
            lasting: whether other hosts are to see it at once.

        Raises:
            OSError: the disk is full.
        """
        content = encode(line)
        with self._guard:
            try:
                written = os.write(self._file, content)
                while written < len(content):
                    written += os.write(self._file, content[written:])
                if lasting:
                    os.fsync(self._file)
            except OSError:
                os.ftruncate(self._file, self._length)
                raise
            self._length += len(content)

    def segment(self) -> Segment:
        """What was written, without opening it again: to close a file lets go of locks on NFS."""
        return Segment(self._file, closes=False)


_writers: dict[Path, Writer] = {}
"""Of this process, by the folder of the index."""

os.register_at_fork(after_in_child=_writers.clear)


def writer_of(folder: Path, root: Path) -> Writer:
    """The segment that this process appends to, made when it is first needed."""
    writer = _writers.get(folder)
    if writer is None or not writer.path.exists():
        writer = _writers[folder] = Writer(folder, root)
    return writer


def present_writer(path: Path) -> Writer | None:
    """The writer of a segment, if that is this process."""
    writer = _writers.get(path.parent)
    return writer if writer is not None and writer.path == path else None


def open_segment(path: Path) -> Segment:
    """A segment to read.

    Raises:
        FileNotFoundError: it was merged meanwhile.
    """
    writer = present_writer(path)
    if writer is not None:
        return writer.segment()
    return Segment(os.open(path, os.O_RDONLY))


@contextmanager
def held(path: Path) -> Iterator[bool]:
    """Hold a segment whose writer is gone; False where it lives, or another holds it or did."""
    if present_writer(path) is not None:
        yield False
        return
    try:
        file = os.open(path, os.O_RDWR)
    except OSError:  # it was merged meanwhile, or may not be written
        yield False
        return
    try:
        yield is_abandoned(file) and is_at(file, path)
    finally:
        os.close(file)


def write_closed(folder: Path, root: Path, lines: Iterable[bytes]) -> Path:
    """Write a segment of lines at once; a kill leaves none, a full disk neither.

    Raises:
        OSError: the disk is full.
    """
    make_folder(folder, root)
    path = folder / f"{uuid.uuid4().hex}{NEW}"
    try:
        with path.open("xb") as file:
            hold(file.fileno())
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
            inherit(path, root)
            return path.rename(path.with_suffix(CLOSED))
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise
