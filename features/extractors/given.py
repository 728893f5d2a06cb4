"""Features that a corpus brings along, as a stream."""

from collections.abc import Callable
from dataclasses import dataclass

from features.corpora.item import Features
from features.extractors.own import Described
from features.extractors.settings import GivenSettings


@dataclass(frozen=True)
class GivenSource:
    """The features of one item.

    Attributes:
        features: of an item, by its name.
        item: its name.
    """

    features: Callable[[str], Features]
    item: str


class Given:
    """Takes one kind of an item's features.

    Args:
        settings: of the stream.
        device: of no use.
    """

    def __init__(self, settings: GivenSettings, device: str) -> None:
        self._modality = settings.modality

    def extract(self, source: GivenSource) -> Described:
        """The features of one item, and when they are present."""
        found = source.features(source.item)
        if self._modality == "audio":
            return Described(found.audio, found.times, found.audio_present, voice=found.voice)
        return Described(found.video, found.times, found.video_present)
