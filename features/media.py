"""Pictures and sound of a media file, both on the container's clock (seconds)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from numpy.typing import NDArray

from features.errors import InputError

SAMPLE_RATE = 16_000
AUDIO_ONLY_RATE = 30
"""Frames per second of the timeline of a file without pictures."""

MAX_SAMPLE = 32767 / 32768
"""The largest sample that 16-bit integers hold."""

TAIL_TOLERANCE = 0.5
"""Seconds by which a stream may end before the end its container states."""

_CLOCK = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")  # hours:minutes:seconds
_EXCLUDE = "repair or re-encode it, or name it in corpus.exclude"


@dataclass(frozen=True)
class MediaInfo:
    """What a media file holds.

    Attributes:
        has_video: there is a picture stream (cover art is none).
        has_audio: there is a sound stream.
        width: coded picture width in pixels, 0 without pictures.
        height: coded picture height in pixels, 0 without pictures.
        rate: average frame rate in Hz, where the container knows it.
        frames: number of pictures as the container states it, else by rate and duration.
        duration: seconds, as the container states them.
    """

    has_video: bool
    has_audio: bool
    width: int
    height: int
    rate: Fraction | None
    frames: int
    duration: float


def probe(path: str | Path) -> MediaInfo:
    """Read the header of a media file.

    Raises:
        InputError: the file is missing, empty or no media file, or has neither pictures nor sound.
    """
    with _open(path) as container:
        video, audio = _video_stream(container), _audio_stream(container)
        if video is None and audio is None:
            raise InputError(f"{path} has neither a picture nor a sound stream", _EXCLUDE)
        rate = video.average_rate if video else None
        duration = (container.duration or 0) / av.time_base
        return MediaInfo(
            has_video=video is not None,
            has_audio=audio is not None,
            width=video.width if video else 0,
            height=video.height if video else 0,
            rate=rate,
            frames=(video.frames if video else 0) or round(duration * (rate or 0)),
            duration=duration,
        )


def frames(
    path: str | Path, *, height: int | None = None
) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """Decode the pictures one by one.

    The display matrix is honoured in steps of 90 degrees. A frame whose time is missing or not
    later than that of the frame before comes one frame duration after it.

    Args:
        path: a file with a picture stream.
        height: height in pixels that every picture is scaled to, its shape kept; None: as coded.

    Yields:
        Time in seconds, strictly increasing, and the picture, uint8 RGB (height, width, 3).

    Raises:
        InputError: no picture can be decoded, or decoding stops before the stated end.
    """
    for time, frame in _timed_frames(path):
        turns = round(frame.rotation / 90)
        if height is None:
            picture = frame.to_ndarray(format="rgb24")
        else:
            coded = (frame.height, frame.width)
            across = max(1, round(height * coded[1 - turns % 2] / coded[turns % 2]))
            size = (across, height) if turns % 2 == 0 else (height, across)
            picture = frame.to_ndarray(
                format="rgb24", width=size[0], height=size[1], interpolation="AREA"
            )
        # FFmpeg's angle is counterclockwise, and so is rot90's.
        yield time, np.ascontiguousarray(np.rot90(picture, turns))


def frame_times(path: str | Path) -> NDArray[np.float64]:
    """Times of the frames in seconds, (frames,).

    A file without pictures has the times of a 30 Hz grid over the span of its sound, at least one.

    Raises:
        InputError: as `frames` and `sound` do.
    """
    if probe(path).has_video:
        return np.array([time for time, _ in _timed_frames(path)])
    samples, start = sound(path)
    count = max(1, len(samples) * AUDIO_ONLY_RATE // SAMPLE_RATE)
    return start + np.arange(count) / AUDIO_ONLY_RATE


def sound(path: str | Path) -> tuple[NDArray[np.float32], float]:
    """Decode the sound to 16 kHz mono: the mean of the channels.

    Gaps in the stream's times of more than 0.1 s are filled with silence, so that sample n is
    always at start + n / 16000.

    Returns:
        Samples (N,) in [−1, 32767/32768] and the container time of the first in seconds; a file
        without sound gives no samples and 0.

    Raises:
        InputError: decoding stops before the stated end, or the sound has NaN or infinite samples.
    """
    with _open(path) as container:
        stream = _audio_stream(container)
        if stream is None:
            return np.zeros(0, np.float32), 0.0
        # `async` compares times with samples; a frame size keeps PyAV from bypassing the filter.
        resampler = av.AudioResampler(
            format="fltp", rate=SAMPLE_RATE, frame_size=1024, options={"async": "1"}
        )
        start: float | None = None
        chunks = []
        for frame in _decode(path, container, stream):
            if start is None:
                start = frame.time or 0.0
            try:
                resampled = resampler.resample(frame)
            except ValueError as error:
                reason = f"{path} changes its sound format at {frame.time:.2f} s"
                raise InputError(reason, _EXCLUDE) from error
            chunks += [_mono(part) for part in resampled]
        chunks += [_mono(part) for part in resampler.resample(None)]
    samples = np.concatenate(chunks) if chunks else np.zeros(0, np.float32)
    if not np.isfinite(samples).all():
        raise InputError(f"{path} has sound samples that are not finite", _EXCLUDE)
    return np.clip(samples, -1.0, np.float32(MAX_SAMPLE), out=samples), start or 0.0


@contextmanager
def _open(path: str | Path) -> Iterator[InputContainer]:
    try:
        container = av.open(str(path), metadata_errors="replace")
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist", "check the path") from error
    except (av.FFmpegError, OSError) as error:
        reason = f"{path} cannot be read as a media file ({_cause(error)})"
        raise InputError(reason, _EXCLUDE) from error
    with container:
        yield container


def _video_stream(container: InputContainer) -> av.VideoStream | None:
    streams = container.streams.video
    return next((s for s in streams if not s.disposition & Disposition.attached_pic), None)


def _audio_stream(container: InputContainer) -> av.AudioStream | None:
    return next(iter(container.streams.audio), None)


def _timed_frames(path: str | Path) -> Iterator[tuple[float, av.VideoFrame]]:
    with _open(path) as container:
        stream = _video_stream(container)
        if stream is None:
            raise InputError(f"{path} has no picture stream", _EXCLUDE)
        step = float(1 / (stream.average_rate or AUDIO_ONLY_RATE))
        time = None
        for frame in _decode(path, container, stream):
            if time is None:
                time = frame.time or 0.0
            elif frame.time is not None and frame.time > time:
                time = frame.time
            else:
                time += step
            yield time, frame
        if time is None:
            raise InputError(f"{path} has a picture stream without pictures", _EXCLUDE)


def _decode(
    path: str | Path, container: InputContainer, stream: av.VideoStream | av.AudioStream
) -> Iterator[Any]:
    # The frames are of the stream's kind; PyAV's types do not tell.
    stream.codec_context.thread_count = 1  # items run in parallel, one process each
    count, reached, cut = 0, 0.0, False
    try:
        for packet in container.demux(stream):
            cut = packet.is_corrupt if packet.size else cut
            for frame in packet.decode():
                count += 1
                reached = _end_time(frame) or reached
                yield frame
    except (av.FFmpegError, OSError) as error:
        reason = f"{path} is damaged after {count} {stream.type} frames, at {reached:.2f} s"
        raise InputError(f"{reason} ({_cause(error)})", _EXCLUDE) from error
    stated = _stated_end(stream)
    if cut or (stated is not None and stated - reached > TAIL_TOLERANCE):
        reason = f"{path} is cut off after {count} {stream.type} frames, at {reached:.2f} s"
        raise InputError(reason, _EXCLUDE)


def _end_time(frame: Any) -> float | None:
    if frame.time is None:
        return None
    if isinstance(frame, av.AudioFrame):
        return frame.time + frame.samples / frame.sample_rate
    return frame.time + float((frame.duration or 0) * frame.time_base)


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


def _mono(frame: av.AudioFrame) -> NDArray[np.float32]:
    return frame.to_ndarray().mean(axis=0)


def _cause(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
