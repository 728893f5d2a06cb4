"""Pictures and sound of a media file, both on the container's clock (seconds)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.filter import Graph
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from features.arrays import contiguous
from features.errors import InputError
from features.media.container import (
    EXCLUDE,
    MAX_PIXELS,
    audio_stream,
    decode,
    open_media,
    video_stream,
)

SAMPLE_RATE = 16_000
AUDIO_ONLY_RATE = 30
"""Frames per second of the timeline of a file without pictures."""

LONGEST_HOURS = 4
"""Longest sound that is decoded; its samples take a gigabyte."""

MAX_SAMPLE = 32767 / 32768
"""The largest sample that 16-bit integers hold."""

_UPRIGHT = np.eye(2, dtype=np.int32)
_PUSHES, _SAMPLES = 64, 16384  # frames the resampler takes before it is read; samples it gives


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
        InputError: the file is missing, no regular file or no media file, has neither pictures nor
            sound, or has them in a codec or size that is not decoded.
    """
    with open_media(path) as container:
        video, audio = video_stream(path, container), audio_stream(path, container)
        if video is None and audio is None:
            raise InputError(f"{path} has neither a picture nor a sound stream", EXCLUDE)
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

    The first frame's display matrix is honoured in quarter turns and mirrorings. A frame whose time
    is missing or not later than that of the frame before comes one frame duration after it.

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
    # A frame's own converter would be set up anew for each, and use all cores.
    converter = VideoReformatter()
    matrix = None
    for time, frame in _timed_frames(path):
        if matrix is None:
            matrix = _display_matrix(frame)
        turned = bool(abs(matrix[0, 1]) > abs(matrix[0, 0]))
        size = _scaled(path, frame, height, turned=turned)
        try:
            picture = _picture(frame, size, matrix, converter, turned=turned)
        except (av.FFmpegError, OSError) as error:
            reason = f"{path} has colours that FFmpeg cannot convert to RGB, at {time:.2f} s"
            raise InputError(reason, EXCLUDE) from error
        yield time, picture


def frame_times(path: str | Path) -> NDArray[np.float64]:
    """Times of the frames in seconds, (frames,).

    A file without pictures has the times of a 30 Hz grid over the span of its sound, at least one.

    Raises:
        InputError: as `frames` and `sound` do.
    """
    if probe(path).has_video:
        return np.array([time for time, _ in _timed_frames(path)])
    start, end = _span_of_sound(path)
    count = max(1, round((end - start) * AUDIO_ONLY_RATE))
    return start + np.arange(count) / AUDIO_ONLY_RATE


def sound(path: str | Path) -> tuple[NDArray[np.float32], float]:
    """Decode the sound to 16 kHz mono: the mean of two channels, FFmpeg's downmix of more.

    Where the stream's times and samples part by more than 0.1 s, gaps are filled with silence and
    overlaps are dropped, so that sample n is always at start + n / 16000.

    Returns:
        Samples (N,) in [−1, 32767/32768] and the container time of the first in seconds; a file
        without sound gives no samples and 0.

    Raises:
        InputError: the sound is damaged, changes its format, has NaN or infinite samples, is longer
            than LONGEST_HOURS, its clock jumps, or decoding stops before the stated end.
    """
    start, resampler = 0.0, None
    blocks: list[NDArray[np.float32]] = []
    for count, frame in enumerate(_sound_frames(path)):
        if resampler is None:
            start, resampler = frame.time or 0.0, _resampler(frame)
        try:
            resampler.push(frame)
        except av.FFmpegError as error:
            reason = f"{path} changes its sound format after {count} audio frames"
            raise InputError(reason, EXCLUDE) from error
        if count % _PUSHES == 0:
            blocks += _resampled(resampler)
    if resampler is None:
        return np.zeros(0, np.float32), 0.0
    resampler.push(None)
    blocks += _resampled(resampler)
    samples = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
    if not np.isfinite(samples).all():
        raise InputError(f"{path} has sound samples that are not finite", EXCLUDE)
    return np.clip(samples, -1.0, np.float32(MAX_SAMPLE), out=samples), start


def _timed_frames(path: str | Path) -> Iterator[tuple[float, av.VideoFrame]]:
    with open_media(path) as container:
        stream = video_stream(path, container)
        if stream is None:
            raise InputError(f"{path} has no picture stream", EXCLUDE)
        step = float(1 / (stream.average_rate or AUDIO_ONLY_RATE))
        time = None
        for frame in decode(path, container, stream):
            if time is None:
                time = frame.time or 0.0
            elif frame.time is not None and frame.time > time:
                time = frame.time
            else:
                time += step
            yield time, frame
        if time is None:
            raise InputError(f"{path} has a picture stream without pictures", EXCLUDE)


def _scaled(
    path: str | Path, frame: av.VideoFrame, height: int | None, *, turned: bool
) -> tuple[int, int]:
    """Width and height to decode a picture to, so that it has that height once it is upright."""
    if height is None:
        return frame.width, frame.height
    scale = height / (frame.width if turned else frame.height)
    width, rows = (max(1, round(scale * side)) for side in (frame.width, frame.height))
    if width * rows > MAX_PIXELS:
        reason = (
            f"pictures of {frame.width}×{frame.height} pixels, such as {path} has, take more than "
            f"{MAX_PIXELS:,} pixels (8K) when they are scaled to a height of {height}"
        )
        raise InputError(reason, "lower faces.working_height")
    return width, rows


def _picture(
    frame: av.VideoFrame,
    size: tuple[int, int],
    matrix: NDArray[np.int32],
    converter: VideoReformatter,
    *,
    turned: bool,
) -> NDArray[np.uint8]:
    """RGB of that size, then made upright: (height, width, 3), contiguous."""
    rgb = converter.reformat(
        frame, *size, "rgb24", interpolation=Interpolation.AREA, threads=1
    ).to_ndarray()
    # FFmpeg pads lines to a multiple of 16 pixels: at other widths this is a view with gaps.
    if matrix is _UPRIGHT:
        return contiguous(np.asarray(rgb, np.uint8))
    shown = rgb.swapaxes(0, 1) if turned else rgb
    across, down = np.sign(matrix[[1, 0], [0, 1]] if turned else matrix.diagonal())
    return contiguous(np.asarray(shown[:: down or 1, :: across or 1], np.uint8))


def _display_matrix(frame: av.VideoFrame) -> NDArray[np.int32]:
    """(2, 2): the pixel (x, y) is shown at (x, y) @ matrix, but for scale and origin.

    To be asked of the first frame only: PyAV's side data keep a frame alive until the next garbage
    collection.
    """
    data: Any = frame.side_data.get("DISPLAYMATRIX")
    return _UPRIGHT if data is None else np.frombuffer(data, np.int32).reshape(3, 3)[:2, :2]


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


def _resampler(frame: av.AudioFrame) -> Graph:
    """From sound such as a frame's to 16 kHz mono.

    PyAV's AudioResampler is this graph, but read after every frame, which takes longer.
    """
    graph = Graph()
    graph.link_nodes(
        graph.add(
            "abuffer",
            sample_rate=str(frame.sample_rate),
            sample_fmt=frame.format.name,
            channel_layout=frame.layout.name,
            time_base=str(frame.time_base),
        ),
        # `async` compares times with samples; `rematrix_maxval` keeps a downmix below full scale.
        graph.add("aresample", **{"async": "1"}, rematrix_maxval="1"),
        graph.add(
            "aformat", sample_rates=str(SAMPLE_RATE), sample_fmts="fltp", channel_layouts="mono"
        ),
        graph.add("abuffersink"),
    ).configure()
    graph.set_audio_frame_size(_SAMPLES)
    return graph


def _resampled(resampler: Graph) -> Iterator[NDArray[np.float32]]:
    """What a resampler has ready, (samples,) at a time."""
    while True:
        try:
            yield resampler.pull().to_ndarray()[0]
        except (av.BlockingIOError, av.EOFError):
            return
