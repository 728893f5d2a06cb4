"""Opening and decoding media files, whatever they are: they are used right or refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.stream import Stream

from features.errors import InputError
from features.media.lengths import Reading
from features.media.tracks import EXCLUDE, MAX_PIXELS

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

CODEC_OPTIONS = {"max_pixels": str(MAX_PIXELS)}
"""FFmpeg's options for every decoder."""


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


def packets(container: InputContainer, *streams: Stream) -> Iterator[av.Packet]:
    """The packets of some streams; empty ones at the end flush their decoders.

    A stream that begins in the middle of a file, such as a text in FLV, PyAV would flush too, which
    it does not know: it comes after the others, and ends them.
    """
    with suppress(IndexError):
        yield from container.demux(*streams)


def decode(
    path: str | Path, container: InputContainer, stream: av.VideoStream | av.AudioStream
) -> Iterator[Any]:
    """The frames of a stream in order, as PyAV's VideoFrame or AudioFrame.

    A picture's time is compared with the last picture's: what a container states as a picture's
    duration belongs to the order of decoding, not to that of times.

    Raises:
        InputError: a frame is damaged, the times jump ahead by more than MAX_GAP in all (of sound)
            or back by more than MAX_OVERLAP, or the frames stop before the stated end.
    """
    stream.codec_context.thread_count = 1  # items run in parallel, one process each
    stream.codec_context.options = CODEC_OPTIONS
    reading = Reading(Path(path), container, stream)
    count, reached, gaps = 0, 0.0, 0.0

    def refusal(what: str) -> InputError:
        place = f"after {count} {stream.type} frames, at {reached:.2f} s"
        return InputError(f"{path} {what} {place}", EXCLUDE)

    try:
        for packet in packets(container):
            reading.take(packet)
            if packet.stream.index != stream.index:  # the last packet has no index of its own
                continue
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
                reached = reading.decoded(frame)
                yield frame
    except (av.FFmpegError, OSError) as error:
        raise refusal("is damaged") from error
    if reading.is_cut_off():
        raise refusal("is cut off")


def _cause(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
