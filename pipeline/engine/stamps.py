"""Whether a file is still as it was read, and whether this process began before it changed."""

import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from features.errors import InputError


class CodeChangedError(InputError):
    """The code that computes a result is not the code of the result's key."""


@dataclass(frozen=True)
class Stamp:
    """What changes with every change of a file, even where its old content comes back.

    Attributes:
        path: of the file.
        size: in bytes.
        modified: nanoseconds since 1970.
        changed: of its content, name or rights; no program can set it back.
        inode: another where the file was replaced.
    """

    path: str
    size: int
    modified: int
    changed: int
    inode: int


def stamp_of(file: str | Path) -> Stamp:
    """The stamp that a file has now.

    Raises:
        OSError: there is no such file.
    """
    status = os.stat(file)  # noqa: PTH116  # asked often: a Path takes longer than the answer
    return Stamp(str(file), status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def check_unchanged(files: Mapping[str, Stamp]) -> None:
    """Make sure that code is as it was read.

    Args:
        files: stamps by names of modules.

    Raises:
        CodeChangedError: some of it is not.
    """
    for name, stamp in files.items():
        try:
            is_same = stamp_of(stamp.path) == stamp
        except OSError:
            is_same = False
        if not is_same:
            raise CodeChangedError(f"the code changed while it ran ({name})", "run again")


def check_loaded(files: Mapping[str, Stamp]) -> None:
    """Make sure that what this process has imported is what was read.

    A module that was imported already may have been another when it was, if its file changed after
    the process began.

    Args:
        files: stamps by names of modules.

    Raises:
        CodeChangedError: a module may be an older one.
    """
    main = getattr(sys.modules["__main__"], "__spec__", None)
    loaded = {*sys.modules, main.name if main else ""}
    for name, stamp in files.items():
        if name in loaded and stamp.changed > began():
            raise CodeChangedError(
                f"the code changed after this process began ({name})",
                "run again; workers of a cluster are to be started again",
            )


@lru_cache
def began() -> int:
    """When this process began, nanoseconds since 1970, at most a clock tick after it did.

    Where the system does not say, it is when this was first asked.
    """
    now = time.time_ns()
    try:
        # The 22nd field; the 2nd is the program's name, which may hold spaces.
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        since_boot = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    except (OSError, AttributeError):
        return now
    tick = 10**9 // os.sysconf("SC_CLK_TCK")
    return min(now, now - since_boot + (ticks + 1) * tick)
