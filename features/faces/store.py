"""How the faces store holds crops, and whose face they show."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.settings import FaceSettings
from features.stores.writing import ItemWriter

NO_TRACK = -1


def crop_codecs(settings: FaceSettings) -> dict[str, Any]:
    """How crops are coded: without loss, or as JPEG."""
    if settings.jpeg is None:
        return {}
    from features.stores.jpeg import jpeg_codecs

    return jpeg_codecs(settings.jpeg, settings.size)


def write_tracks(item: ItemWriter, present: NDArray[np.bool_]) -> None:
    """Write `track` (F,), the face that a frame shows, and `identity` (tracks,), whose it is.

    There is one face, of one person.

    Args:
        item: where to write.
        present: (F,), whether a frame shows a face.
    """
    item.write("track", np.where(present, 0, NO_TRACK).astype(np.int32))
    item.write("identity", np.zeros(int(present.any()), np.int32))
