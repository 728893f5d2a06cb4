"""Tiny media files for tests, written with PyAV."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

TICKS = 60_000
"""Ticks per second of the time stamps of the pictures; MPEG-4 admits 65535."""


def make_video(
    path: Path,
    frames: Sequence[NDArray[np.uint8]] | None,
    fps: float | Fraction = 30,
    *,
    times: Sequence[float] | None = None,
    sound: NDArray[np.float32] | None = None,
    sound_rate: int = 16_000,
    audio_offset: float = 0.0,
    audio_gap: tuple[float, float] | None = None,
    no_sound: Sequence[tuple[float, float]] = (),
    video_codec: str = "libx264",
    audio_codec: str = "aac",
    pix_fmt: str = "yuv420p",
    layout: str | None = None,
    aspect: Fraction | None = None,
    display: tuple[int, int, int, int] | None = None,
    options: dict[str, str] | None = None,
    codec_options: dict[str, str] | None = None,
    muxer: str | None = None,
) -> Path:
    """Write a media file.

    Args:
        path: where to.
        frames: RGB pictures (H, W, 3), with even sides in yuv420p; None: no picture stream.
        fps: nominal frame rate.
        times: time of each frame in seconds; default: from 0 at the frame rate.
        sound: (N,) or (channels, N) in [−1, 1]; None: no sound stream.
        sound_rate: Hz.
        audio_offset: time of the first sample in seconds.
        audio_gap: from this second of the sound on, all comes so many seconds later.
        no_sound: stretches of the sound, in seconds, that are not coded, in blocks of 1024 samples.
        video_codec: FFmpeg's name of the encoder.
        audio_codec: FFmpeg's name of the encoder.
        pix_fmt: FFmpeg's name of the layout of pixels.
        layout: of the channels, FFmpeg's name; None: mono or stereo.
        aspect: how many times as wide as high a pixel is displayed; None: not stated.
        display: a, b, c, d of the display matrix, for mp4 only: (x, y) is shown at
            (a x + c y, b x + d y).
        options: of the muxer.
        codec_options: of the encoder of the pictures.
        muxer: FFmpeg's name of the container; None: by the suffix of the path.

    Returns:
        The path.
    """
    layout = layout or ("mono" if sound is None or sound.ndim == 1 else "stereo")
    with av.open(f"file:{path}", "w", format=muxer, options=options or {}) as container:
        # All streams are added before the header is written with the first packet.
        video = audio = None
        if frames is not None:
            video = container.add_stream(
                video_codec, rate=Fraction(fps).limit_denominator(1001), options=codec_options
            )
            video.height, video.width = frames[0].shape[:2]
            video.pix_fmt = pix_fmt
            if aspect is not None:
                video.codec_context.sample_aspect_ratio = aspect
            video.codec_context.thread_count = 1
            if times is not None:
                video.codec_context.time_base = Fraction(1, TICKS)
        if sound is not None:
            audio = container.add_stream(audio_codec, rate=sound_rate, layout=layout)
            if audio_codec == "wmav2":
                audio.bit_rate = 128_000  # it has no default
        if video is not None:
            given = times if times is not None else [float(i / fps) for i in range(len(frames))]
            for picture, time in zip(frames, given, strict=True):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture))
                frame.pts, frame.time_base = round(time * TICKS), Fraction(1, TICKS)
                container.mux(video.encode(frame))
            container.mux(video.encode())
        if audio is not None:
            for frame in _sound_frames(sound, sound_rate, layout, audio_offset, audio_gap):
                if any(first <= frame.time - audio_offset < last for first, last in no_sound):
                    continue
                container.mux(audio.encode(frame))
            container.mux(audio.encode())
    if display is not None:
        _set_display_matrix(path, display)
    return path


def make_film(
    path: Path,
    seconds: float,
    fps: int = 25,
    *,
    no_picture: Sequence[tuple[float, float]] = (),
    no_sound: Sequence[tuple[float, float]] = (),
    **options,
) -> Path:
    """Write a film in which the camera and the microphone are off for a while.

    What is off is not in the file: no pictures and no samples are coded for that time.

    Args:
        path: where to.
        seconds: length of the film.
        fps: frame rate.
        no_picture: stretches from one second to another.
        no_sound: the same; they begin and end with a block of 64 ms.
        **options: of `make_video`.

    Returns:
        The path.
    """
    times = [
        i / fps
        for i in range(round(seconds * fps))
        if not any(first <= i / fps < last for first, last in no_picture)
    ]
    return make_video(
        path,
        [flat_frames(i + 1)[-1] for i in range(len(times))],
        fps,
        times=times,
        sound=tone(seconds),
        no_sound=no_sound,
        **options,
    )


def flat_frames(
    count: int, *, height: int = 48, width: int = 64, first: int = 40
) -> list[NDArray[np.uint8]]:
    """Grey pictures that grow lighter by 4 a frame, to tell frames from one another."""
    return [np.full((height, width, 3), first + 4 * i % 160, np.uint8) for i in range(count)]


def tone(seconds: float, rate: int = 16_000, *, hertz: float = 200.0) -> NDArray[np.float32]:
    """A sine at half of full scale, (samples,)."""
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(
        np.float32
    )


def _sound_frames(sound, rate, layout, offset, gap) -> list[av.AudioFrame]:
    planes = np.atleast_2d(sound).astype(np.float32)
    frames = []
    for first in range(0, planes.shape[1], 1024):
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(planes[:, first : first + 1024]),
            format="fltp",
            layout=layout,
        )
        late = gap[1] if gap is not None and first >= gap[0] * rate else 0.0
        frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
        frame.pts = first + round((offset + late) * rate)
        frames.append(frame)
    return frames


def _set_display_matrix(path: Path, display: tuple[int, int, int, int]) -> None:
    """Put a matrix into the first track header of an mp4 file."""
    a, b, c, d = (value << 16 for value in display)
    identity = np.array([1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30], ">i4").tobytes()
    matrix = np.array([a, b, 0, c, d, 0, 0, 0, 1 << 30], ">i4").tobytes()
    content = path.read_bytes()
    at = content.index(identity, content.index(b"tkhd"))
    path.write_bytes(content[:at] + matrix + content[at + len(matrix) :])
