"""The lines of an index: each carries its own hash and stands for itself.

A line is `HASH KIND KEY PLACE CONTENT`. The place is the name of an entry's folder, which no other
entry ever has.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

BEGUN, ROW, USED, GONE = b"begun", b"row", b"used", b"gone"
"""Kinds of lines: its writer began an entry, finished it, took it at a time, or deleted it."""


class DamagedEntryError(Exception):
    """An entry is not what it was when it was made."""


class Line(NamedTuple):
    """A line of an index.

    Attributes:
        kind: of it.
        key: of the entry.
        place: of the entry.
        content: of the row, or the time.
    """

    kind: bytes
    key: str
    place: str
    content: bytes = b""


class Kept(NamedTuple):
    """A file that lies in an entry's folder.

    Attributes:
        size: in bytes.
        modified: nanoseconds since 1970: where it is another, the content is compared.
        sha256: of its content.
    """

    size: int
    modified: int
    sha256: str


@dataclass(frozen=True)
class Row:
    """An entry as the index has it.

    Attributes:
        key: hash of all it depends on.
        place: name of its folder.
        made: when, seconds since 1970.
        kept: its files that lie in the folder, by name.
        small: content of those that do not.
    """

    key: str
    place: str
    made: float
    kept: Mapping[str, Kept]
    small: Mapping[str, bytes]

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        kept = sum(file.size for file in self.kept.values())
        return kept + sum(len(content) for content in self.small.values())

    def line(self) -> Line:
        """As a line."""
        small = {name: base64.b64encode(c).decode() for name, c in self.small.items()}
        content = json.dumps({"made": self.made, "kept": self.kept, "small": small})
        return Line(ROW, self.key, self.place, content.encode())

    @classmethod
    def of(cls, line: Line) -> "Row":
        """From a line whose hash is right."""
        content = json.loads(line.content)
        kept = {name: Kept(*file) for name, file in content["kept"].items()}
        small = {name: base64.b64decode(text) for name, text in content["small"].items()}
        return cls(line.key, line.place, content["made"], kept, small)


def encode(line: Line) -> bytes:
    """A line as it is written.

    >>> encode(Line(GONE, "ab", "ab~1"))[64:].strip()
    b'gone ab ab~1'
    """
    text = b" ".join((line.kind, line.key.encode(), line.place.encode(), line.content))
    return sha256(text).hexdigest().encode() + b" " + text + b"\n"


def parse(text: bytes) -> Line | None:
    """What a line says, if it has the form of one; its hash is not looked at."""
    parts = text.removesuffix(b"\n").split(b" ", 4)
    try:
        _, kind, key, place, content = parts
        return Line(kind, key.decode("ascii"), place.decode("ascii"), content)
    except ValueError:
        return None


def is_intact(text: bytes) -> bool:
    """Whether a line is as it was written.

    >>> is_intact(encode(Line(GONE, "ab", "ab~1")))
    True
    >>> is_intact(encode(Line(GONE, "ab", "ab~1")).replace(b"ab", b"ac"))
    False
    """
    digest, _, rest = text.partition(b" ")
    return rest.endswith(b"\n") and sha256(rest[:-1]).hexdigest().encode() == digest
