"""Files of results, which lie in a folder or, where they are small, in memory."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class SmallFile:
    """A file in memory, to be read as a path is.

    Attributes:
        name: of the file.
        content: of the file.
        modified: when it was written, seconds since 1970.

    >>> SmallFile("a.txt", b"text", 0.0).read_text()
    'text'
    """

    name: str
    content: bytes
    modified: float

    def read_bytes(self) -> bytes:
        """The content."""
        return self.content

    def read_text(self) -> str:
        """The content, of a text in UTF-8."""
        return self.content.decode("utf-8")


File = Path | SmallFile
"""A file that can be read."""


class Files(Protocol):
    """A folder, or a result: `files / "a.json"` is one of its files."""

    def __truediv__(self, name: str, /) -> File:
        """A file, by its path within."""
