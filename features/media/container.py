"""Opening and decoding media files, whatever they are: they are used right or refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.stream import Disposition

from features.errors import InputError

TAIL_TOLERANCE = 0.5
"""Seconds by which a stream may end before the end its container states."""

MAX_PIXELS = 7680 * 4320
"""Largest picture that is decoded: 8K."""

MAX_GAP = 3600.0
"""Seconds that the times of sound may jump ahead, all jumps of a file together."""

MAX_OVERLAP = 1.0
"""Seconds that the times of a stream may jump back from one frame to the next."""

FORMATS = (
    "aac,ac3,aiff,amr,asf,au,avi,caf,dv,flac,flv,gif,h264,hevc,ivf,m4v,matroska,mov,mp3,mpeg,"
    "mpegts,mpegvideo,mxf,nut,ogg,rm,w64,wav,yuv4mpegpipe"
)
"""FFmpeg's names of the formats that are read. Playlists, scripts and devices are not among them:
FFmpeg would open what else they name."""

EXCLUDE = "repair or re-encode it, or name it in corpus.exclude"
"""What to do about a file that cannot be used."""

CODEC_OPTIONS = {"max_pixels": str(MAX_PIXELS)}
"""FFmpeg's options for every decoder."""

_CLOCK = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")  # hours:minutes:seconds


@contextmanager
def open_media(path: str | Path) -> Iterator[InputContainer]:
    """Open a media file for reading.

    Raises:
        InputError: the file is missing, no regular file, unreadable, or in no format of FORMATS.
    """
    try:
        if not Path(path).exists():
            raise InputError(f"{path} does not exist", "check the path")
        if not Path(path).is_file():
            raise InputError(f"{path} is no regular file", "name a media file")
        container = av.open(
            f"file:{path}",  # else a name such as http:a.mp4 is taken for an address
            container_options={"format_whitelist": FORMATS, "protocol_whitelist": "file"},
            options=CODEC_OPTIONS,
            metadata_errors="replace",
        )
    except (av.FFmpegError, OSError) as error:
        # FFmpeg calls a format that is not on the list an invalid argument.
        unlisted = isinstance(error, av.ArgumentError)
        cause = "its format is not among those read" if unlisted else _cause(error)
        raise InputError(f"{path} cannot be read as a media file ({cause})", EXCLUDE) from error
    with container:
        yield container


def video_stream(path: str | Path, container: InputContainer) -> av.VideoStream | None:
    """The first picture stream that is no cover art.

    Raises:
        InputError: FFmpeg has no decoder for it, or its pictures have no known size or more than
            MAX_PIXELS.
    """
    streams = container.streams.video
    stream = next((s for s in streams if not s.disposition & Disposition.attached_pic), None)
    if stream is None:
        return None
    _check_decoder(path, stream)
    # Where FFmpeg has tried to decode, it leaves no size of one beyond max_pixels.
    if not 0 < stream.width * stream.height <= MAX_PIXELS:
        reason = f"{path} has pictures of unknown size or of more than {MAX_PIXELS:,} pixels (8K)"
        raise InputError(reason, EXCLUDE)
    return stream


def audio_stream(path: str | Path, container: InputContainer) -> av.AudioStream | None:
    """The first sound stream.

    Raises:
        InputError: FFmpeg has no decoder for it.
    """
    stream = next(iter(container.streams.audio), None)
    if stream is not None:
        _check_decoder(path, stream)
    return stream


def decode(
    path: str | Path, container: InputContainer, stream: av.VideoStream | av.AudioStream
) -> Iterator[Any]:
    """The frames of a stream in order, as PyAV's VideoFrame or AudioFrame.

    Raises:
        InputError: a frame is damaged, the times jump ahead by more than MAX_GAP in all (of sound)
            or back by more than MAX_OVERLAP, or the frames stop before the stated end.
    """
    stream.codec_context.thread_count = 1  # items run in parallel, one process each
    stream.codec_context.options = CODEC_OPTIONS
    tick = float(stream.time_base or 0)
    count, reached, gaps, cut = 0, 0.0, 0.0, False

    def refusal(what: str) -> InputError:
        place = f"after {count} {stream.type} frames, at {reached:.2f} s"
        return InputError(f"{path} {what} {place}", EXCLUDE)

    try:
        for packet in container.demux(stream):
            cut = packet.is_corrupt if packet.size else cut
            frames: list[Any] = packet.decode()  # of the stream's kind, which the types do not tell
            for frame in frames:
                if frame.is_corrupt:
                    raise refusal("is damaged")
                if count and frame.time is not None:
                    if frame.time < reached - MAX_OVERLAP:
                        raise refusal("jumps back in time")
                    gaps += max(0.0, frame.time - reached)
                    if stream.type == "audio" and gaps > MAX_GAP:
                        raise refusal("jumps ahead in time")
                count += 1
                reached = _end_time(frame, tick) or reached
                yield frame
            if not packet.size and packet.dts is None:
                break  # the end; PyAV would go on to flush streams that it does not know
    except (av.FFmpegError, OSError) as error:
        raise refusal("is damaged") from error
    stated = _stated_end(stream)
    if cut or (stated is not None and stated - reached > TAIL_TOLERANCE):
        raise refusal("is cut off")


def _end_time(frame: av.VideoFrame | av.AudioFrame, tick: float) -> float | None:
    if frame.time is None:
        return None
    if isinstance(frame, av.AudioFrame):  # Matroska rounds durations to milliseconds
        return frame.time + frame.samples / frame.sample_rate
    return frame.time + (frame.duration or 0) * tick


def _check_decoder(path: str | Path, stream: av.VideoStream | av.AudioStream) -> None:
    if stream.codec_context is None:
        reason = f"{path} has {stream.type} in a codec that FFmpeg cannot decode"
        raise InputError(reason, EXCLUDE)


def _stated_end(stream: av.VideoStream | av.AudioStream) -> float | None:
    """End of a stream in seconds according to its container, None where that is unknown."""
    if stream.duration and stream.time_base:
        return float(((stream.start_time or 0) + stream.duration) * stream.time_base)
    # Matroska has no duration for a stream, but muxers leave one in this tag.
    clock = _CLOCK.fullmatch(stream.metadata.get("DURATION", ""))
    if clock is None:
        return None
    hours, minutes, seconds = map(float, clock.groups())
    return 3600 * hours + 60 * minutes + seconds


def _cause(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
