"""Paths that a corpus names: inside its folder, or refused."""

import os
import re
from pathlib import Path

from features.errors import InputError

PICTURE = re.compile(r"[0-9]{5,}\.jpg")
"""Name of the picture of a frame, from 00001.jpg on."""


def inside(root: Path, path: str | Path, where: str, *, must_exist: bool = True) -> Path:
    """The file `path` below `root`.

    Args:
        root: folder of the corpus.
        path: relative to it.
        where: what names the path, for the message: a file, its row and column.
        must_exist: whether a path that is no file is refused here, and not where it is read.

    Raises:
        InputError: there is no such file, or the path or a link leads outside the corpus.
    """
    full = root / path
    try:
        is_inside, is_file = full.resolve().is_relative_to(root.resolve()), full.is_file()
    except (OSError, RuntimeError, ValueError):  # too long, a loop of links, a null byte
        is_inside, is_file = True, False
    if not is_inside:
        raise InputError(
            f"{where}: {path} leads outside the corpus", "move the file into the corpus"
        )
    if must_exist and not is_file:
        raise InputError(
            f"{where}: there is no file {str(path)!r}", "add the file, or drop the row"
        )
    return full


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of frames in a folder, by name; files of other names count for nothing.

    Raises:
        InputError: the folder cannot be read, or what is named as a picture is a folder or a link.
    """
    try:
        with os.scandir(folder) as entries:
            named = [entry for entry in entries if PICTURE.fullmatch(entry.name)]
    except OSError as error:
        raise InputError(
            f"{folder} cannot be read ({error.strerror})", "unpack it again"
        ) from error
    for entry in named:
        if not entry.is_file(follow_symlinks=False):
            raise InputError(f"{entry.path} is no file of its own", "put the picture itself there")
    return sorted(folder / entry.name for entry in named)
