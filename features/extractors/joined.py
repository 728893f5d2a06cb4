"""Streams joined side by side: one row of each, on the first one's clock."""

from collections.abc import Mapping

from features.errors import InputError
from features.extractors.settings import StreamSettings


def parts_of(name: str, streams: Mapping[str, StreamSettings]) -> tuple[str, ...]:
    """Names of the streams with rows that a stream consists of: its own where it joins none.

    Raises:
        InputError: it joins a stream that is not there, is joined itself, or is of the other
            modality.
    """
    settings = streams[name]
    for part in settings.parts:
        if part not in streams:
            reason = f"streams.{name} joins {part}, which is not a stream"
        elif streams[part].parts:
            reason = f"streams.{name} joins {part}, which is joined itself"
        elif streams[part].modality != settings.modality:
            reason = f"streams.{name} is of {settings.modality} and joins {part}, which is not"
        else:
            continue
        raise InputError(reason, "name streams of the same modality that have rows of their own")
    return settings.parts or (name,)
