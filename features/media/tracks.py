"""Which picture and which sound track of a media file is used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import av
from av.container import InputContainer
from av.stream import Disposition

from features.errors import InputError

MAX_PIXELS = 7680 * 4320
"""Largest picture that is decoded: 8K."""

EXCLUDE = "repair or re-encode it, or name it in corpus.exclude"
"""What to do about a file that cannot be used."""

Track = TypeVar("Track", av.VideoStream, av.AudioStream)


def picture_tracks(container: InputContainer) -> list[av.VideoStream]:
    """The picture streams that are no cover art."""
    streams = container.streams.video
    return [s for s in streams if not s.disposition & Disposition.attached_pic]


def video_stream(path: str | Path, container: InputContainer) -> av.VideoStream | None:
    """The picture stream that is used: the first default one that can be decoded, else the first.

    Raises:
        InputError: there are some, but FFmpeg has no decoder for any, or their pictures have no
            known size or more than MAX_PIXELS.
    """
    return _usable(path, picture_tracks(container), _check_pictures)


def audio_stream(path: str | Path, container: InputContainer) -> av.AudioStream | None:
    """The sound stream that is used: the first default one that can be decoded, else the first.

    Raises:
        InputError: there are some, but FFmpeg has no decoder for any.
    """
    return _usable(path, container.streams.audio, _check_decoder)


def described(what: str, tracks: Sequence[Track], used: Track | None) -> list[str]:
    """A sentence where there are several tracks.

    Args:
        what: kind of track, for the sentence.
        tracks: all of that kind.
        used: the one that is used.
    """
    if used is None or len(tracks) < 2:
        return []
    number = [track.index for track in tracks].index(used.index) + 1
    return [f"{len(tracks)} {what} tracks: number {number} is used"]


def _usable(
    path: str | Path, tracks: Sequence[Track], check: Callable[[str | Path, Track], None]
) -> Track | None:
    refusal = None
    for track in sorted(tracks, key=lambda track: not track.disposition & Disposition.default):
        try:
            check(path, track)
        except InputError as error:
            refusal = refusal or error
        else:
            return track
    if refusal is not None:
        raise refusal
    return None


def _check_pictures(path: str | Path, stream: av.VideoStream) -> None:
    _check_decoder(path, stream)
    # Where FFmpeg has tried to decode, it leaves no size of one beyond max_pixels.
    if not 0 < stream.width * stream.height <= MAX_PIXELS:
        reason = f"{path} has pictures of unknown size or of more than {MAX_PIXELS:,} pixels (8K)"
        raise InputError(reason, EXCLUDE)


def _check_decoder(path: str | Path, stream: av.VideoStream | av.AudioStream) -> None:
    if stream.codec_context is None:
        reason = f"{path} has {stream.type} in a codec that FFmpeg cannot decode"
        raise InputError(reason, EXCLUDE)
