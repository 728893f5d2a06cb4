"""A file to predict for: what its header says, read once."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from features.corpora.listing import CorpusItem
from features.errors import InputError
from features.hashes import hash_of_file
from features.media.decoding import MediaInfo, probe

CLIP = "clip"
"""The one item's name; draws of a network hang on none."""

_SOURCE = re.compile(r"\d+|-|[A-Za-z][A-Za-z0-9+.-]*://.*|/dev/.*")
"""What is no file name: a camera's number, a pipe, an address, a device."""


@dataclass(frozen=True)
class Recording:
    """A media file whose header was read.

    Attributes:
        path: of the file.
        info: what the header says.
        sha256: of its content.
    """

    path: Path
    info: MediaInfo
    sha256: str

    @property
    def is_media(self) -> bool:
        """Whether there is anything to decode; else features stand for it."""
        return self.info.has_video or self.info.has_audio

    @property
    def item(self) -> CorpusItem:
        """The whole file as an item of a corpus."""
        info = self.info
        return CorpusItem(
            item=CLIP,
            path=str(self.path),
            speaker="",
            split="test",
            side="",
            labelled=False,
            start=0.0,
            end=np.nan,
            crops="",
            sha256=self.sha256,
            crops_sha256="",
            has_video=info.has_video,
            has_audio=info.has_audio,
            width=info.width,
            height=info.height,
            rate=float(info.rate or np.nan),
            seconds=info.duration,
        )


def open_recording(path: str | Path) -> Recording:
    """Read the header and the hash of a file.

    Raises:
        InputError: it is no file, or no media file; a camera, a pipe or an address; or its name
            is not UTF-8.
    """
    if _SOURCE.fullmatch(str(path)) and not Path(path).is_file():
        raise InputError(
            f"{path} is not a file",
            f"use `python -m pipeline.live {path}`, which takes cameras, pipes and addresses",
        )
    readable = os.fsencode(path).decode("utf-8", "backslashreplace")
    if readable != str(path):  # results, and what is said, are text
        raise InputError(f"the name of {readable} is not UTF-8", "rename the file")
    with clip_errors(Path(path)):
        info = probe(path)
        return Recording(Path(path), info, hash_of_file(path))


@contextmanager
def clip_errors(clip: Path) -> Iterator[None]:
    """Give advice on an unreadable clip that fits one clip; the stages' advice is on a corpus."""
    try:
        yield
    except InputError as error:
        if "corpus" not in error.remedy:
            raise
        remedy = f"give a readable video or sound file instead of {clip.name}"
        raise InputError(error.reason, remedy) from error
