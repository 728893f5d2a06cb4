"""A finished result: files that lie in a folder, and small ones that a row of the index holds."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from features.files import File, SmallFile
from features.hashes import hash_of_file
from pipeline.engine.entries.rows import DamagedEntryError, Row


@dataclass(frozen=True)
class Result:
    """The files of an entry; `result / "a.json"` is one of them.

    Attributes:
        folder: where the others lie; it need not exist.
        row: of the index, with the small ones.
    """

    folder: Path
    row: Row

    def __truediv__(self, name: str) -> File:
        """A file, by its path within the result."""
        content = self.row.small.get(name)
        return self.folder / name if content is None else SmallFile(name, content, self.row.made)


@dataclass(frozen=True)
class Entry:
    """One finished result.

    Attributes:
        stage: that made it.
        row: of the index.
        folder: of its files that the row does not hold.
        unshared: bytes that deleting it would free: nothing else links to them.
        used: when it was last made or taken, to a day, seconds since 1970.
    """

    stage: str
    row: Row
    folder: Path
    unshared: int
    used: float

    @property
    def key(self) -> str:
        """Hash of all it depends on."""
        return self.row.key

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return self.row.size

    def verify(self) -> None:
        """Compare all its files with what they were.

        Raises:
            DamagedEntryError: one is not what it was.
        """
        check_files(self.folder, self.row, contents=True)


def check_files(folder: Path, row: Row, *, contents: bool = False) -> None:
    """Compare an entry's files with its row.

    Args:
        folder: of the files.
        row: what they should be.
        contents: whether the content of shards is compared, too, whose checksums are compared when
            they are read. It is where one's time of change is another: it may be another's shard.

    Raises:
        DamagedEntryError: a file is missing or not what it was.
    """
    for name, kept in row.kept.items():
        path = f"{folder}/{name}"
        try:
            status = os.stat(path)  # noqa: PTH116
            if status.st_size != kept.size:
                raise DamagedEntryError(f"{name} has {status.st_size} bytes, not {kept.size}")
            is_same = status.st_mtime_ns == kept.modified
            if contents or "/" not in name or not is_same:
                if hash_of_file(Path(path)) != kept.sha256:
                    raise DamagedEntryError(f"{name} has another content")
                if not is_same:  # it was copied with all its folder
                    with suppress(OSError):
                        os.utime(path, ns=(status.st_atime_ns, kept.modified))
        except OSError as error:
            raise DamagedEntryError(f"{name}: {error.strerror}") from error
