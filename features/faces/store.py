"""How the faces store holds crops, and whose face they show."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.settings import FaceSettings
from features.stores.store import Store
from features.stores.writing import ItemWriter

NO_TRACK = -1


def crop_codecs(settings: FaceSettings) -> dict[str, Any]:
    """How crops are coded: without loss, or as JPEG."""
    if settings.jpeg is None:
        return {}
    from features.stores.jpeg import jpeg_codecs

    return jpeg_codecs(settings.jpeg, settings.size)


def write_tracks(
    item: ItemWriter,
    identity: NDArray[np.int32],
    seconds: NDArray[np.float32],
    in_view: NDArray[np.uint8],
) -> None:
    """Write who is in a recording; `track` (F,) says which of the tracks a crop shows.

    Args:
        item: where to write.
        identity: (tracks,), whose each is: numbers of people, −1 for nobody's.
        seconds: (tracks,), how long each lasts.
        in_view: (F,), how many people are in view.
    """
    item.write("identity", identity)
    item.write("seconds", seconds)
    item.write("in_view", in_view)


def seconds_of_people(store: Store, item: str) -> NDArray[np.float64]:
    """How long each person is in view, (people,), the longest first."""
    identity, seconds = store.array(item, "identity"), store.array(item, "seconds")
    known = identity >= 0
    return np.asarray(np.bincount(identity[known], seconds[known]), np.float64)


def seconds_together(store: Store, item: str) -> float:
    """For how long more than one person is in view."""
    times = store.array(item, "times")
    if len(times) < 2:
        return 0.0
    lasts = np.append(np.diff(times), np.median(np.diff(times)))
    return float(lasts[store.array(item, "in_view") > 1].sum())
