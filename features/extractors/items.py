"""One item described by one extractor, and written."""

from functools import cache
from pathlib import Path
from typing import Any

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
    extractor = _loaded(settings.model_dump_json(), type(settings), device)
    write_described(out, extractor.extract(source))


@cache
def _loaded(content: str, kind: type[StreamSettings], device: str) -> Extract:
    """An extractor, made once a process."""
    return load_extractor(kind.model_validate_json(content), device)
