"""States of unfinished trainings, which the cache keeps beside its entries."""

from dataclasses import dataclass
from pathlib import Path

from features.hashes import unsealed
from pipeline.engine.entries.rows import DamagedEntryError

TRAINING = "training"
"""Folder of the cache with the states of unfinished trainings."""


@dataclass(frozen=True)
class State:
    """The state of an unfinished training, or of a part of it.

    Attributes:
        path: its file.
        size: in bytes.
        used: when it was written, seconds since 1970.
    """

    path: Path
    size: int
    used: float

    @property
    def stage(self) -> str:
        """Under which it is shown."""
        return TRAINING

    @property
    def unshared(self) -> int:
        """Bytes that deleting it would free."""
        return self.size

    def verify(self) -> None:
        """Compare its content with the hash at its end.

        Raises:
            DamagedEntryError: it is not what it was.
        """
        try:
            is_whole = unsealed(self.path.read_bytes()) is not None
        except OSError as error:
            raise DamagedEntryError(f"{self.path.name} cannot be read") from error
        if not is_whole:
            raise DamagedEntryError(f"{self.path.name} has another content")
