"""The item cache: a result per item and stage, addressed by a hash of all it depends on.

An entry is a folder: `result/`, and `entry.json` with the size and hash of every file of it. It is
made under a temporary name and then renamed, so a killed run leaves no half result.
"""

import errno
import fcntl
import json
import os
import shutil
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO

from features.errors import InputError
from features.hashes import hash_of_file
from pipeline.engine.console import say
from pipeline.engine.keys import Key

RESULT = "result"
RECORD = "entry.json"
ABANDONED_SECONDS = 7 * 86_400
"""Time without a change after which an unfinished entry of another machine is abandoned."""

FULL = (errno.ENOSPC, errno.EDQUOT)
"""Errors that concern no item but the disk: going on would only repeat them."""

NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.EBADF)
"""How file systems say that they have no locks."""


class DamagedEntryError(Exception):
    """An entry is not what it was when it was made."""


@dataclass(frozen=True)
class Entry:
    """One finished result.

    Attributes:
        stage: that made it.
        path: its folder.
        size: bytes of its files.
        unshared: bytes of those that nothing else links to, which deleting it would free.
        used: when it was last made or taken, seconds since 1970.
    """

    stage: str
    path: Path
    size: int
    unshared: int
    used: float


class Cache:
    """The item cache in a folder.

    Args:
        folder: made when it is first written to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()

    def place(self, stage: str, key: str) -> Path:
        """Where an entry lies, whether it exists or not."""
        return self.folder / stage / key[:2] / key

    def result(self, stage: str, key: str) -> Path:
        """Where the files of an entry lie."""
        return self.place(stage, key) / RESULT

    def take(self, stage: str, key: str) -> Path | None:
        """The result of an entry; None where it does not exist.

        An entry with a file missing or of another size is removed, with a message.
        """
        entry = self.place(stage, key)
        if not entry.exists():
            return None
        try:
            check_sizes(entry)
        except DamagedEntryError as error:
            say(f"{stage}: a result in the item cache is damaged ({error}) and is made again")
            delete(entry)
            return None
        with suppress(OSError):  # another user's entry is as good
            os.utime(entry / RECORD)
        return entry / RESULT

    @contextmanager
    def new(self, stage: str, key: str) -> Iterator[Path]:
        """Make an entry: yields the folder for its files; it becomes the entry when all went well.

        Where another process was faster, its result stays: it is as good.

        Raises:
            CodeChangedError: the code of the key is not what it was; nothing is kept.
        """
        entry = self.place(stage, key)
        partial = _partial(entry)
        try:
            (partial / RESULT).mkdir(parents=True)
            yield partial / RESULT
            if isinstance(key, Key):
                key.check()
            (partial / RECORD).write_text(json.dumps(_record(partial / RESULT)))
            try:
                partial.rename(entry)
            except OSError:
                if not entry.is_dir():
                    raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def entries(self) -> Iterator[Entry]:
        """All entries, in no order."""
        for record in self.folder.glob(f"*/??/*/{RECORD}"):
            entry = record.parent
            if not entry.name.endswith(".partial"):
                sizes = [(s.st_size, s.st_nlink) for s in map(Path.stat, _files(entry / RESULT))]
                yield Entry(
                    stage=entry.parts[-3],
                    path=entry,
                    size=sum(size for size, _ in sizes),
                    unshared=sum(size for size, links in sizes if links == 1),
                    used=record.stat().st_mtime,
                )

    def sweep(self) -> int:
        """Delete what killed processes left unfinished; returns how many entries."""
        abandoned = [p for p in self.folder.glob("*/??/*.partial") if _is_abandoned(p)]
        for partial in abandoned:
            with suppress(InputError):  # another user's
                delete(partial)
        return len(abandoned)

    def lock(self, *, exclusive: bool) -> None:
        """Keep others from deleting entries until this process ends, or also from using them.

        Raises:
            InputError: the folder cannot be used; a run is using the cache that is wanted
                exclusively, or the other way round.
        """
        _lock(self.folder, exclusive)


def check_sizes(entry: Path) -> dict[str, str]:
    """Compare an entry's files with its record.

    Returns:
        The SHA-256 that every file should have.

    Raises:
        DamagedEntryError: a file is missing, has another size, or the record cannot be read.
    """
    try:
        record = json.loads((entry / RECORD).read_text())
        for name, (size, _) in record.items():
            actual = (entry / RESULT / name).stat().st_size
            if actual != size:
                raise DamagedEntryError(f"{name} has {actual} bytes, not {size}")
        return {name: sha256 for name, (_, sha256) in record.items()}
    except OSError as error:
        raise DamagedEntryError(f"{error.filename}: {error.strerror}") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise DamagedEntryError(f"{RECORD} cannot be read") from error


def check_hashes(entry: Path) -> None:
    """Compare the content of an entry's files with its record.

    Raises:
        DamagedEntryError: a file is not what it was.
    """
    for name, sha256 in check_sizes(entry).items():
        if hash_of_file(entry / RESULT / name) != sha256:
            raise DamagedEntryError(f"{name} has another content")


def delete(entry: Path) -> None:
    """Delete an entry: it is gone at once, its files one after the other.

    Raises:
        InputError: that is not allowed.
    """
    partial = _partial(entry)
    try:
        entry.rename(partial)
    except FileNotFoundError:  # another process was faster
        return
    except OSError as error:
        raise InputError(
            f"{entry} cannot be deleted ({error.strerror})", "have its owner delete it"
        ) from error
    shutil.rmtree(partial, ignore_errors=True)


def _record(result: Path) -> dict[str, tuple[int, str]]:
    return {
        file.relative_to(result).as_posix(): (file.stat().st_size, hash_of_file(file))
        for file in sorted(_files(result))
    }


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _partial(entry: Path) -> Path:
    """A name for an entry that this process makes or deletes: `sweep` finds it after a kill."""
    key = entry.name.split("~")[0]
    unique = f"{socket.gethostname()}~{os.getpid()}~{uuid.uuid4().hex[:8]}"
    return entry.with_name(f"{key}~{unique}.partial")


def _is_abandoned(partial: Path) -> bool:
    """Whether the process that made it is gone; of another machine's, whether nothing happens."""
    match partial.name.split("~"):
        case [_, host, pid, _] if host == socket.gethostname():
            return not _is_running(pid)
    try:
        changed = max(path.lstat().st_mtime for path in [partial, *partial.rglob("*")])
    except FileNotFoundError:  # it was finished meanwhile
        return False
    return time.time() - changed > ABANDONED_SECONDS


def _is_running(pid: str) -> bool:
    """Whether a process of this machine lives; one that nobody has waited for is dead."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


@lru_cache
def _lock(folder: Path, exclusive: bool) -> IO[str] | None:
    """Lock a folder; the open file is the lock, and a kill lets go of it.

    Where the file system has no locks, None: runs go on, deletions do not.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Opened for reading and writing: NFS locks no other files.
        file = (folder / "lock").open("a+")
    except OSError as error:
        if error.errno in FULL:
            raise
        raise InputError(
            f"the item cache {folder} cannot be used ({error.strerror})",
            "set execution.cache or LACUNA_CACHE to a folder that you may write to",
        ) from error
    try:
        fcntl.flock(file, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError as error:
        doing = "a run is using" if exclusive else "entries are being deleted from"
        raise InputError(f"{doing} the item cache {folder}", "wait for its end") from error
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        if exclusive:
            raise InputError(
                f"the file system of the item cache {folder} has no locks, so that nothing can be "
                "deleted safely",
                "delete the folder while nothing runs",
            ) from error
        return None
    return file
