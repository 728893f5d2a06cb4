"""One item described by one extractor, and written."""

from functools import cache
from pathlib import Path
from typing import Any

from features.extractors.batches import OfCrops
from features.extractors.own import Extract, load_extractor
from features.extractors.settings import StreamSettings
from features.stores.streams import write_described


def describe_item(settings: StreamSettings, source: Any, device: str, out: Path) -> None:
    """Describe one item and write what was found.

    Args:
        settings: of the stream.
        source: what the extractor describes.
        device: where networks run.
        out: folder that is filled.

    Raises:
        InputError: the item cannot be described.
    """
    extractor = loaded(settings, device)
    assert isinstance(extractor, Extract)
    write_described(out, extractor.extract(source))


def loaded(settings: StreamSettings, device: str) -> Extract | OfCrops:
    """The extractor of a stream, made once a process."""
    return _loaded(settings.model_dump_json(), type(settings), device)


@cache
def _loaded(content: str, kind: type[StreamSettings], device: str) -> Extract | OfCrops:
    return load_extractor(kind.model_validate_json(content), device)
