"""Features that a corpus brings along, as a stream."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from features.corpora.item import Features
from features.extractors.described import Described
from features.extractors.settings import GivenSettings, StreamSettings
from features.settings import Modality


@dataclass(frozen=True)
class GivenSource:
    """The features of one item.

    Attributes:
        features: of an item, by its name.
        item: its name.
        of: the stream's name in the corpus.
        seconds: how long the item lasts: so long does a single row stand for it.
    """

    features: Callable[[str], Mapping[str, Features]]
    item: str
    of: str
    seconds: float


class Given:
    """Takes one kind of an item's features.

    Args:
        _settings: of the stream; no row depends on them.
        _device: not used.
    """

    def __init__(self, _settings: GivenSettings, _device: str) -> None:
        pass

    def extract(self, source: GivenSource) -> Described:
        """The features of one item, and when they are present."""
        features = source.features(source.item)[source.of]
        return Described(
            features.rows,
            features.times,
            features.present,
            span=(0.0, source.seconds) if len(features.times) == 1 else None,
            voice=features.voice,
        )


def describe_given(settings: GivenSettings, source: GivenSource, out: Path) -> None:
    """Write the features of an item."""
    from features.extractors.items import describe_item

    describe_item(settings, source, "cpu", out)


def shows_media(streams: Mapping[str, StreamSettings]) -> bool:
    """Whether a stream describes pictures of media, so that faces have to be found."""
    return any(
        settings.modality == "video"
        and not isinstance(settings, GivenSettings)
        and not settings.parts
        for settings in streams.values()
    )


def streams_given(streams: Mapping[str, StreamSettings]) -> dict[str, Modality]:
    """The modality of the features that streams take from the corpus, by their names there.

    >>> streams_given({"face": GivenSettings(modality="video")})
    {'face': 'video'}
    """
    return {
        settings.of or name: settings.modality
        for name, settings in streams.items()
        if isinstance(settings, GivenSettings)
    }
