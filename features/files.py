"""Files of results, which lie in a folder or, where they are small, in memory."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A place beside `path` to write to, moved there at the end: what fails leaves no half file.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with whole(folder / "a.txt") as place:
    ...     _ = place.write_text("text")
    >>> [file.name for file in folder.iterdir()]
    ['a.txt']
    """
    place = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        yield place
        place.replace(path)
    finally:
        place.unlink(missing_ok=True)


class Files(Protocol):
    """A folder, or a result: `files / "a.json"` is one of its files."""

    def __truediv__(self, name: str, /) -> File:
        """A file, by its path within."""
