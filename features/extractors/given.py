"""Features that a corpus brings along, as a stream."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from features.corpora.item import Features
from features.extractors.described import Described
from features.extractors.items import describe_item
from features.extractors.settings import GivenSettings


@dataclass(frozen=True)
class GivenSource:
    """The features of one item.

    Attributes:
        features: of an item, by its name.
        item: its name.
    """

    features: Callable[[str], Mapping[str, Features]]
    item: str


class Given:
    """Takes one kind of an item's features.

    Args:
        settings: of the stream.
        _device: not used.
    """

    def __init__(self, settings: GivenSettings, _device: str) -> None:
        self._name = settings.of

    def extract(self, source: GivenSource) -> Described:
        """The features of one item, and when they are present."""
        features = source.features(source.item)[self._name]
        return Described(features.rows, features.times, features.present, voice=features.voice)


def describe_given(
    settings: GivenSettings,
    features: Callable[[str], Mapping[str, Features]],
    item: str,
    out: Path,
) -> None:
    """Write the features of an item."""
    describe_item(settings, GivenSource(features, item), "cpu", out)
