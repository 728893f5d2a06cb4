"""Paths that a corpus names: inside its folder, or refused.

A link may lead outside where it leads into DVC's cache, as `dvc add` makes them with `cache.type
symlink`, or anywhere while `corpus.links` is `follow`.
"""

import os
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from features.errors import InputError

PICTURE = re.compile(r"[0-9]{5,}\.jpg")
"""Name of the picture of a frame, from 00001.jpg on."""

MAC_FOLDER, MAC_PREFIX = "__MACOSX", "._"
"""What a Mac leaves beside files: no media, whatever the suffix."""

_DVC_OBJECT = re.compile(r"/files/md5/[0-9a-f]{2}/[0-9a-f]{30}$")
_FOLLOWING: ContextVar[bool] = ContextVar("following", default=False)


@contextmanager
def following_links(follow: bool) -> Iterator[None]:
    """Let links lead anywhere, or only where they may by default."""
    token = _FOLLOWING.set(follow)
    try:
        yield
    finally:
        _FOLLOWING.reset(token)


def is_following() -> bool:
    """Whether links may lead anywhere at present."""
    return _FOLLOWING.get()


def inside(root: Path, path: str | Path, where: str, *, must_exist: bool = True) -> Path:
    """The file `path` below `root`.

    Letters with accents may be spelled in either form of Unicode, composed as Windows and Linux
    write them or decomposed as a Mac does, whichever the file's name has.

    Args:
        root: folder of the corpus.
        path: relative to it.
        where: what names the path, for the message: a file, its row and column.
        must_exist: whether a path that is no file is refused here, and not where it is read.

    Raises:
        InputError: there is no such file, or the path or a link leads outside the corpus.
    """
    full = _as_spelled(root, Path(path))
    try:
        is_outside, is_file = leads_outside(root, full), full.is_file()
    except (OSError, RuntimeError, ValueError):  # too long, a loop of links, a null byte
        is_outside, is_file = False, False
    if is_outside:
        raise InputError(
            f"{where}: {path} leads outside the corpus",
            "move the file into the corpus, or let links lead anywhere with corpus.links: follow",
        )
    if must_exist and not is_file:
        raise InputError(
            f"{where}: there is no file {str(path)!r}", "add the file, or drop the row"
        )
    return full


def leads_outside(root: Path, full: Path) -> bool:
    """Whether a path below a root leads out of it, other than by a link that may.

    Raises:
        OSError: the path is too long.
        RuntimeError: its links lead in a circle.
    """
    place = full.resolve()
    if place.is_relative_to(root.resolve()):
        return False
    climbs = not Path(os.path.normpath(full)).is_relative_to(os.path.normpath(root))
    return climbs or not (_FOLLOWING.get() or is_dvc_object(place))


def is_dvc_object(place: Path) -> bool:
    """Whether a file, its links resolved, is one of DVC's cache.

    >>> is_dvc_object(Path("/data/.dvc/cache/files/md5/0a/" + 15 * "1f"))
    True
    >>> is_dvc_object(Path("/etc/passwd"))
    False
    """
    return _DVC_OBJECT.search(place.as_posix()) is not None


@dataclass
class Listing:
    """What is below a folder.

    Attributes:
        files: all that are no folders, sorted.
        mac: how many of a Mac's own files were left out.
        not_followed: linked folders that lead outside, relative to the folder.
    """

    files: list[Path] = field(default_factory=list)
    mac: int = 0
    not_followed: list[str] = field(default_factory=list)


def files_below(root: Path) -> Listing:
    """List a folder and the folders in it; linked ones if links are followed, each place once."""
    found = Listing()
    seen: set[Path] = set()
    for name, folders, files in os.walk(root, followlinks=True):
        folder = Path(name)
        place = folder.resolve()
        if place in seen:
            folders.clear()
            continue
        seen.add(place)
        found.mac += (MAC_FOLDER in folders) + sum(file.startswith(MAC_PREFIX) for file in files)
        found.files += [folder / file for file in files if not file.startswith(MAC_PREFIX)]
        folders[:] = sorted(
            f for f in folders if f != MAC_FOLDER and _is_entered(folder / f, found, root)
        )
    found.files.sort()
    return found


def _is_entered(folder: Path, found: Listing, root: Path) -> bool:
    if not folder.is_symlink():
        return True
    if folder.resolve().is_relative_to(root.resolve()):
        return False  # its place is listed itself
    if not _FOLLOWING.get():
        found.not_followed.append(folder.relative_to(root).as_posix())
    return _FOLLOWING.get()


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of frames in a folder, by name; files of other names count for nothing.

    Raises:
        InputError: the folder cannot be read, or what is named as a picture is a folder or a link
            that leads elsewhere than into DVC's cache.
    """
    try:
        with os.scandir(folder) as entries:
            named = [entry for entry in entries if PICTURE.fullmatch(entry.name)]
    except OSError as error:
        raise InputError(
            f"{folder} cannot be read ({error.strerror})", "unpack it again"
        ) from error
    for entry in named:
        is_own = entry.is_file(follow_symlinks=False)
        if not is_own and not (entry.is_file() and is_dvc_object(Path(entry.path).resolve())):
            raise InputError(f"{entry.path} is no file of its own", "put the picture itself there")
    return sorted(folder / entry.name for entry in named)


def _as_spelled(root: Path, path: Path) -> Path:
    """The path with its parts spelled as they are in the folders."""
    full = root
    for part in path.parts:
        name = part
        if not part.isascii() and not os.path.lexists(full / part):
            composed = unicodedata.normalize("NFC", part)
            try:
                names = sorted(entry.name for entry in full.iterdir())
            except OSError:
                return root / path
            same = (n for n in names if unicodedata.normalize("NFC", n) == composed)
            name = next(same, part)
        full = full / name
    return full
