"""Locks that end with their holder, and rights that a folder's content has from the folder."""

import errno
import fcntl
import os
import time
from functools import lru_cache
from pathlib import Path
from typing import IO

from features.errors import InputError

FULL = (errno.ENOSPC, errno.EDQUOT)
"""Errors that concern no item but the disk: going on would only repeat them."""

NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.EBADF)
"""How file systems say that they have no locks."""

READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)
"""How they say that nothing may be written."""

ABANDONED_SECONDS = 7 * 86_400
"""Where there are no locks: time without a change after which a file's writer is gone."""

_GROUP_WRITES = 0o020


def hold(file: int) -> bool | None:
    """Lock an open file for its writer; a kill lets go of it, whatever host or namespace it hits.

    Returns:
        Whether nobody else holds it; None where the file system has no locks.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        return None
    return True


def is_abandoned(file: int) -> bool:
    """Whether the writer of an open file is gone; if so, this process holds it from now on."""
    is_held = hold(file)
    if is_held is None:
        return time.time() - os.fstat(file).st_mtime > ABANDONED_SECONDS
    return is_held


def is_at(file: int, path: Path) -> bool:
    """Whether an open file is still what lies at a path."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def make_folder(path: Path, root: Path) -> None:
    """Make a folder below a root that may be shared: a group that may write there may here."""
    if path.is_dir():
        return
    if path != root:
        make_folder(path.parent, root)
        path.mkdir(exist_ok=True)
        inherit(path, root)
    else:
        path.mkdir(parents=True, exist_ok=True)


def inherit(path: Path, root: Path) -> None:
    """Give a group that may write to the root the same right to a file or folder."""
    rights = root.stat().st_mode & 0o7777
    if rights & _GROUP_WRITES:
        path.chmod(rights if path.is_dir() else rights & 0o666)


@lru_cache
def lock(folder: Path, *, exclusive: bool) -> IO[str] | None:
    """Lock a whole cache; the open file is the lock.

    Where the file system has no locks, or nothing may be written, None: runs go on, deletions do
    not.

    Raises:
        InputError: the folder cannot be used; others hold a lock that excludes this one.
    """
    try:
        file = _open(folder)
    except OSError as error:
        if error.errno in FULL:
            raise
        if error.errno in READ_ONLY and os.access(folder, os.R_OK | os.X_OK) and not exclusive:
            return None
        raise unusable(folder, error) from error
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


def _open(folder: Path) -> IO[str]:
    """The file that is locked, for reading and writing: NFS locks no other files."""
    path = folder / "lock"
    make_folder(folder, folder)
    is_new = not path.exists()
    file = path.open("a+")
    if is_new:
        inherit(path, folder)
    return file


def unusable(folder: Path, error: OSError) -> InputError:
    """What to tell about a cache that cannot be written to."""
    return InputError(
        f"the item cache {folder} cannot be used ({error.strerror})",
        "set execution.cache or LACUNA_CACHE to a folder that you may write to",
    )
