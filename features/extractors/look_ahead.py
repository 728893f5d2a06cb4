"""How long rows wait for sound that comes after theirs, in live recognition; loads no extractor."""

from features.extractors.settings import OpenSMILESettings, StreamSettings

EVERY = 0.5
"""Seconds of new sound after which a trailing stretch is described again."""

GUARD = 0.1
"""Seconds at the end of a stretch whose rows wait for the sound after them."""

PITCH = 0.2
"""Seconds of sound that openSMILE's rows wait for, because their pitch is smoothed over time."""

DELTA_REACH = 2
"""Rows of openSMILE, 10 ms each, that a delta looks ahead and back."""


def is_fed(stream: StreamSettings) -> bool:
    """Whether openSMILE is fed as sound comes; a config of the user's own is not."""
    return isinstance(stream, OpenSMILESettings) and stream.set in ("IS13", "ComParE_2016")


def look_ahead_of(stream: StreamSettings) -> float:
    """Seconds; 0 for pictures, and for features that a corpus gives.

    >>> look_ahead_of(OpenSMILESettings()), look_ahead_of(OpenSMILESettings(deltas=True))
    (0.3, 0.32)
    """
    if stream.modality == "video" or stream.extractor == "given":
        return 0.0
    if isinstance(stream, OpenSMILESettings) and is_fed(stream):
        reach = DELTA_REACH if stream.deltas else 0
        return round(max(PITCH, stream.silence.min_seconds) + reach / 100, 6)
    return EVERY + GUARD
