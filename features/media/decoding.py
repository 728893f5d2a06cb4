"""Pictures and sound of a media file, both on the container's clock (seconds)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.filter import Graph
from numpy.typing import NDArray

from features.errors import InputError
from features.media import tone
from features.media.container import decode, open_media
from features.media.damage import check_tracks
from features.media.pictures import Projector, pixel_aspect
from features.media.rates import AUDIO_ONLY_RATE, SAMPLE_RATE
from features.media.tracks import (
    EXCLUDE,
    audio_stream,
    described,
    picture_tracks,
    video_stream,
)

LONGEST_HOURS = 4
"""Longest sound that is decoded; its samples take a gigabyte."""

MOST_CHANNELS = 64
"""Channels that FFmpeg mixes."""

MAX_SAMPLE = 32767 / 32768
"""The largest sample that 16-bit integers hold."""

_PUSHES, _SAMPLES = 64, 16384  # frames the resampler takes before it is read; samples it gives


@dataclass(frozen=True)
class MediaInfo:
    """What a media file holds.

    Attributes:
        has_video: there is a picture stream (cover art is none).
        has_audio: there is a sound stream.
        width: picture width in pixels as displayed before it is turned, 0 without pictures.
        height: coded picture height in pixels, 0 without pictures.
        rate: average frame rate in Hz, where the container knows it.
        frames: number of pictures as the container states it, else by rate and duration.
        duration: seconds, as the container states them.
        notes: what is done about what is unusual in it, a sentence each.
    """

    has_video: bool
    has_audio: bool
    width: int
    height: int
    rate: Fraction | None
    frames: int
    duration: float
    notes: tuple[str, ...] = ()


def probe(path: str | Path) -> MediaInfo:
    """Read the header of a media file.

    Raises:
        InputError: the file is missing, no regular file or no media file, has neither pictures nor
            sound, or has them in a codec or size that is not decoded.
    """
    with open_media(path) as container:
        video, audio = video_stream(path, container), audio_stream(path, container)
        found = {"picture": video is not None, "sound": audio is not None}
        check_tracks(path, container, found)
        if video is None and audio is None:
            raise InputError(f"{path} has neither a picture nor a sound stream", EXCLUDE)
        rate = video.average_rate if video else None
        duration = (container.duration or 0) / av.time_base
        return MediaInfo(
            has_video=video is not None,
            has_audio=audio is not None,
            width=round(video.width * pixel_aspect(video)) if video else 0,
            height=video.height if video else 0,
            rate=rate,
            frames=(video.frames if video else 0) or round(duration * (rate or 0)),
            duration=duration,
            notes=(
                *described("picture", picture_tracks(container), video),
                *described("sound", container.streams.audio, audio),
                *(_notes_of_pictures(video) if video else ()),
                *(_notes_of_sound(audio) if audio else ()),
            ),
        )


def _notes_of_pictures(stream: av.VideoStream) -> Iterator[str]:
    transfer = tone.NAMES.get(stream.codec_context.color_trc)
    if transfer is not None:
        yield f"high dynamic range ({transfer}): pictures are brought to the ordinary range"


def _notes_of_sound(stream: av.AudioStream) -> Iterator[str]:
    if _has_no_layout(stream.layout):
        yield f"{stream.layout.nb_channels} channels of sound without a layout: their mean is used"


def _has_no_layout(layout: av.AudioLayout) -> bool:
    """Whether it is a mere number of channels; FFmpeg has a layout of its own for up to eight."""
    return layout.name == f"{layout.nb_channels} channels"


def frames(
    path: str | Path, *, height: int | None = None
) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """Decode the pictures one by one.

    They are as displayed: pixels that are not square are widened or narrowed to the shape that the
    container states, else the coded stream; the first frame's display matrix is honoured in quarter
    turns and mirrorings; PQ and HLG are brought to the ordinary range (`features.media.tone`). A
    frame whose time is missing or not later than that of the frame before comes one frame duration
    after it.

    Args:
        path: a file with a picture stream.
        height: height in pixels that every picture is scaled to, its shape kept; None: as coded.

    Yields:
        Time in seconds, strictly increasing, and the picture, uint8 RGB (height, width, 3),
        contiguous, whose size may change within a file.

    Raises:
        InputError: no picture can be decoded, one is damaged, its colours are in a space that
            FFmpeg does not convert, the height makes it larger than MAX_PIXELS, the clock jumps
            back, or decoding stops before the stated end.
    """
    projector = Projector(path, height)
    for time, frame, aspect in _timed_frames(path):
        yield time, projector.show(frame, aspect, time)


def frame_times(path: str | Path) -> NDArray[np.float64]:
    """Times of the frames in seconds, (frames,).

    A file without pictures has the times of a 30 Hz grid over the span of its sound, at least one.

    Raises:
        InputError: as `frames` and `sound` do.
    """
    if probe(path).has_video:
        return np.array([time for time, *_ in _timed_frames(path)])
    start, end = _span_of_sound(path)
    count = max(1, round((end - start) * AUDIO_ONLY_RATE))
    return start + np.arange(count) / AUDIO_ONLY_RATE


def sound(path: str | Path, rate: int = SAMPLE_RATE) -> tuple[NDArray[np.float32], float]:
    """Decode the sound to mono: FFmpeg's downmix, the mean of two channels.

    Of channels without a layout, up to MOST_CHANNELS, it is the mean.

    Where the stream's times and samples part by more than 0.1 s, gaps are filled with silence and
    overlaps are dropped, so that sample n is always at start + n / rate.

    Args:
        path: the file.
        rate: samples a second.

    Returns:
        Samples (N,) in [−1, 32767/32768] and the container time of the first in seconds; a file
        without sound gives no samples and 0.

    Raises:
        InputError: the sound is damaged, changes its format, has NaN or infinite samples or more
            than MOST_CHANNELS, is longer than LONGEST_HOURS, its clock jumps, or decoding stops
            before the stated end.
    """
    start, resampler = 0.0, None
    samples = _Samples(path)
    for count, frame in enumerate(_sound_frames(path)):
        if resampler is None:
            start, resampler = frame.time or 0.0, resampler_for(path, frame, rate)
        try:
            resampler.push(frame)
        except av.FFmpegError as error:
            reason = f"{path} changes its sound format after {count} audio frames"
            raise InputError(reason, EXCLUDE) from error
        if count % _PUSHES == 0:
            samples.take(resampler)
    if resampler is not None:
        resampler.push(None)
        samples.take(resampler)
    return samples.all(), start


class _Samples:
    """Samples that grow in place: no second copy of long sound is ever held."""

    def __init__(self, path: str | Path) -> None:
        self._path = path
        self._array = np.zeros(SAMPLE_RATE, np.float32)
        self._count = 0

    def take(self, resampler: Graph) -> None:
        """Add what a resampler has ready.

        Raises:
            InputError: a sample is not finite.
        """
        while True:
            try:
                block = resampler.pull().to_ndarray()[0]
            except (av.BlockingIOError, av.EOFError):
                return
            if not np.isfinite(block).all():
                raise InputError(f"{self._path} has sound samples that are not finite", EXCLUDE)
            end = self._count + len(block)
            if end > len(self._array):
                self._array.resize(max(end, len(self._array) * 5 // 4), refcheck=False)
            np.clip(block, -1.0, np.float32(MAX_SAMPLE), out=self._array[self._count : end])
            self._count = end

    def all(self) -> NDArray[np.float32]:
        """All of them, (N,); none can be added afterwards."""
        self._array.resize(self._count, refcheck=False)
        return self._array


def _timed_frames(path: str | Path) -> Iterator[tuple[float, av.VideoFrame, Fraction]]:
    """Time, frame, and the aspect of its pixels."""
    with open_media(path) as container:
        stream = video_stream(path, container)
        if stream is None:
            raise InputError(f"{path} has no picture stream", EXCLUDE)
        step = float(1 / (stream.average_rate or AUDIO_ONLY_RATE))
        aspect = pixel_aspect(stream)
        time = None
        for frame in decode(path, container, stream):
            if time is None:
                time = frame.time or 0.0
            elif frame.time is not None and frame.time > time:
                time = frame.time
            else:
                time += step
            yield time, frame, aspect
        if time is None:
            raise InputError(f"{path} has a picture stream without pictures", EXCLUDE)


def _sound_frames(path: str | Path) -> Iterator[av.AudioFrame]:
    """The decoded sound, nothing where there is no sound stream.

    It ends at LONGEST_HOURS of time, not of samples: gaps and low rates make few bytes long.
    """
    with open_media(path) as container:
        stream = audio_stream(path, container)
        if stream is None:
            return
        start = end = None
        for frame in decode(path, container, stream):
            begin = frame.time if frame.time is not None else end or 0.0
            start = begin if start is None else start
            end = begin + frame.samples / frame.sample_rate
            if end - start > LONGEST_HOURS * 3600:
                reason = f"{path} has more than {LONGEST_HOURS} hours of sound"
                raise InputError(reason, "cut the file into parts, or name it in corpus.exclude")
            yield frame


def _span_of_sound(path: str | Path) -> tuple[float, float]:
    start = end = None
    for frame in _sound_frames(path):
        start = (frame.time or 0.0) if start is None else start
        end = (start if end is None else end) if frame.time is None else frame.time
        end += frame.samples / frame.sample_rate
    return start or 0.0, end or 0.0


def resampler_for(
    path: str | Path, frame: av.AudioFrame, rate: int = SAMPLE_RATE, size: int = _SAMPLES
) -> Graph:
    """From sound such as a frame's to mono of a rate, in blocks of so many samples.

    PyAV's AudioResampler is this graph, but read after every frame, which takes longer.

    Raises:
        InputError: there are more than MOST_CHANNELS.
    """
    channels = frame.layout.nb_channels
    if channels > MOST_CHANNELS:
        reason = f"{path} has {channels} channels of sound, of which {MOST_CHANNELS} can be mixed"
        raise InputError(reason, EXCLUDE)
    graph = Graph()
    mix = []
    if _has_no_layout(frame.layout):
        parts = "+".join(f"{1 / channels}*c{channel}" for channel in range(channels))
        mix = [graph.add("pan", f"mono|c0={parts}")]
    graph.link_nodes(
        graph.add(
            "abuffer",
            sample_rate=str(frame.sample_rate),
            sample_fmt=frame.format.name,
            channel_layout=frame.layout.name,
            time_base=str(frame.time_base),
        ),
        *mix,
        # `async` compares times with samples; `rematrix_maxval` keeps a downmix below full scale.
        graph.add("aresample", **{"async": "1"}, rematrix_maxval="1"),
        graph.add("aformat", sample_rates=str(rate), sample_fmts="fltp", channel_layouts="mono"),
        graph.add("abuffersink"),
    ).configure()
    graph.set_audio_frame_size(size)
    return graph
