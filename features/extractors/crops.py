"""The face crops of an item, as extractors take them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from features.stores.store import Store, open_store


@dataclass(frozen=True)
class VideoSource:
    """The faces of one item.

    Attributes:
        faces: the store of crops.
        item: its name there.
    """

    faces: Store
    item: str

    @property
    def times(self) -> NDArray[np.float64]:
        """(F,) seconds at which each picture begins."""
        return self.faces.array(self.item, "times")

    @property
    def present(self) -> NDArray[np.bool_]:
        """(F,), whether a picture shows a face; elsewhere crops are zeros."""
        return self.faces.array(self.item, "present")

    def __len__(self) -> int:
        return len(self.present)

    def crops(self) -> Iterator[NDArray[np.uint8]]:
        """Crops (n, size, size, 3) uint8 RGB, block by block."""
        return self.faces.rows(self.item, "crops").blocks()


def open_faces(path: Path, *, stage: str = "faces") -> Store:
    """The store of crops.

    Raises:
        InputError: the stage faces has not run.
    """
    return open_store(path, stage=stage)
