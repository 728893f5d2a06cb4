"""What windows are made of: the streams' stores, and when pictures begin."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.extractors.settings import GivenSettings, StreamSettings
from features.settings import Modality
from features.stores.streams import StreamStore
from features.windows.clocks import Clock


@dataclass(frozen=True)
class Sources:
    """What windows are made of.

    Attributes:
        settings: of every stream, by its name.
        stores: of those that have rows.
        pictures: when an item's pictures begin, (P,) seconds, by its name; None where no stream
            shows any.
        gives_features: whether pictures, or where no stream shows any the sound, are features that
            the corpus gives.
        hold: seconds for which the last picture stays.
    """

    settings: Mapping[str, StreamSettings]
    stores: Mapping[str, StreamStore]
    pictures: Callable[[str], NDArray[np.float64]] | None
    gives_features: bool
    hold: float

    def first(self, modality: Modality) -> StreamStore | None:
        """The store of the first stream of a modality: it says where there is a face or sound."""
        names = [name for name, s in self.settings.items() if s.modality == modality]
        return next((self.stores[name] for name in names if name in self.stores), None)

    def is_given(self, modality: Modality) -> bool:
        """Whether the first stream of a modality is of features that the corpus gives."""
        streams = [s for s in self.settings.values() if s.modality == modality and not s.parts]
        return bool(streams) and isinstance(streams[0], GivenSettings)


def clock_of(store: StreamStore, item: str) -> Clock:
    """When an item's rows are."""
    return Clock(store.times(item), store.span(item), store.window, store.rate)
