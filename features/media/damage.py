"""Tracks so damaged that FFmpeg takes a file for one without them.

A header says in two places that a track is one of pictures or of sound. Where FFmpeg finds none
but one of these places names one, the other is damaged.
"""

import re
from pathlib import Path

from av.container import InputContainer

from features.errors import InputError
from features.media.mp4 import MOST_HEADER, box
from features.media.tracks import EXCLUDE

_SIGNS = {
    "mov,mp4,m4a,3gp,3g2,mj2": {
        "picture": re.compile(rb"vmhd|hdlr.{8}vide", re.DOTALL),
        "sound": re.compile(rb"smhd|hdlr.{8}soun", re.DOTALL),
    },
    "matroska,webm": {  # the type of a track, and its codec
        "picture": re.compile(rb"\x83\x81\x01|\x86[\x80-\xff]V_", re.DOTALL),
        "sound": re.compile(rb"\x83\x81\x02|\x86[\x80-\xff]A_", re.DOTALL),
    },
    "avi": {  # the type of a stream, and the size of its format
        "picture": re.compile(rb"vids|strf.{4}\x28\0\0\0", re.DOTALL),
        "sound": re.compile(rb"auds|strf[\x10\x12]\0\0\0", re.DOTALL),
    },
}

_STREAMS = frozenset(["aac", "ac3", "h264", "hevc", "ivf", "m4v", "mp3", "mpegvideo"])
"""Formats of one stream alone, in which FFmpeg may read what is inside a container."""

_BEGINNINGS = re.compile(
    rb"RIFF|.{8}(AVI |WAVE)|\x1a\x45\xdf\xa3|.{,40}(matroska|webm)|FLV\x01|OggS"
    rb"|\x30\x26\xb2\x75|.{4}(ftyp|moov|mdat)",
    re.DOTALL,
)
"""How files of containers begin."""

_HEADS = {"mov,mp4,m4a,3gp,3g2,mj2": b"moov", "matroska,webm": b"\x16\x54\xae\x6b", "avi": b"hdrl"}
"""Name of the part in which tracks are described."""


def check_tracks(path: str | Path, container: InputContainer, found: dict[str, bool]) -> None:
    """Refuse a file whose header names a track of a kind of which none was found.

    A container of which FFmpeg found one of the streams alone is refused too.

    Args:
        path: of the file.
        container: the file, opened.
        found: `picture` and `sound`, whether there is a track of it.

    Raises:
        InputError: there is one that is damaged.
    """
    if container.format.name in _STREAMS and _BEGINNINGS.match(_beginning(path)):
        raise InputError(f"{path} has a header that is damaged", EXCLUDE)
    signs = _SIGNS.get(container.format.name)
    if signs is None or all(found.values()):
        return
    head = _head(Path(path), container.format.name)
    if container.format.name == "avi" and _streams_stated(head) > len(container.streams):
        raise InputError(f"{path} has a track that is damaged", EXCLUDE)
    for what, is_there in found.items():
        if not is_there and signs[what].search(head):
            raise InputError(f"{path} has a {what} track that is damaged", EXCLUDE)


def _streams_stated(head: bytes) -> int:
    """How many streams an AVI says that it has; 0 where it does not."""
    at = head.find(b"avih")
    return int.from_bytes(head[at + 32 : at + 36], "little") if at >= 0 else 0


def _beginning(path: str | Path) -> bytes:
    with Path(path).open("rb") as file:
        return file.read(64)


def _head(path: Path, form: str) -> bytes:
    """What describes the tracks, as far as it can be told; empty where it is not found."""
    name = _HEADS[form]
    with path.open("rb") as file:
        if form == "mov,mp4,m4a,3gp,3g2,mj2":
            return box(file, name)
        start = file.read(MOST_HEADER)
    at = start.find(name)
    if at < 0:
        return b""
    if form == "avi":
        end = start.find(b"movi", at)
        return start[at : end if end > 0 else None]
    width = 9 - start[at + 4].bit_length()  # of an element's size
    size = int.from_bytes(start[at + 4 : at + 4 + width], "big") & ((1 << 7 * width) - 1)
    return start[at + 4 + width : at + 4 + width + size]
