"""Tiny media files for tests, written with PyAV."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

TICKS = 90_000
"""Ticks per second of the time stamps of the pictures."""


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
    video_codec: str = "libx264",
    audio_codec: str = "aac",
    clockwise: int = 0,
    options: dict[str, str] | None = None,
) -> Path:
    """Write a media file; its container follows from the suffix of the path.

    Args:
        path: where to.
        frames: RGB pictures (H, W, 3) with even sides; None: no picture stream.
        fps: nominal frame rate.
        times: time of each frame in seconds; default: from 0 at the frame rate.
        sound: (N,) or (channels, N) in [−1, 1]; None: no sound stream.
        sound_rate: Hz.
        audio_offset: time of the first sample in seconds.
        audio_gap: from this second of the sound on, all comes so many seconds later.
        video_codec: FFmpeg's name of the encoder.
        audio_codec: FFmpeg's name of the encoder.
        clockwise: display rotation in degrees, 0 or 90, for mp4 only.
        options: of the muxer.

    Returns:
        The path.
    """
    with av.open(str(path), "w", options=options or {}) as container:
        # All streams are added before the header is written with the first packet.
        video = None if frames is None else _add_video(container, frames[0].shape, fps, video_codec)
        audio = None if sound is None else _add_audio(container, sound, sound_rate, audio_codec)
        if video is not None:
            given = times if times is not None else [float(i / fps) for i in range(len(frames))]
            for picture, time in zip(frames, given, strict=True):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture))
                frame.pts, frame.time_base = round(time * TICKS), Fraction(1, TICKS)
                container.mux(video.encode(frame))
            container.mux(video.encode())
        if audio is not None:
            for frame in _sound_frames(sound, sound_rate, audio_offset, audio_gap):
                container.mux(audio.encode(frame))
            container.mux(audio.encode())
    if clockwise == 90:
        _rotate_track(path)
    return path


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


def _add_video(container, shape, fps, codec) -> av.VideoStream:
    stream = container.add_stream(codec, rate=Fraction(fps).limit_denominator(1001))
    stream.height, stream.width, stream.pix_fmt = shape[0], shape[1], "yuv420p"
    stream.codec_context.time_base = Fraction(1, TICKS)
    stream.codec_context.thread_count = 1
    return stream


def _add_audio(container, sound, rate, codec) -> av.AudioStream:
    return container.add_stream(codec, rate=rate, layout="mono" if sound.ndim == 1 else "stereo")


def _sound_frames(sound, rate, offset, gap) -> list[av.AudioFrame]:
    planes = np.atleast_2d(sound).astype(np.float32)
    frames = []
    for first in range(0, planes.shape[1], 1024):
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(planes[:, first : first + 1024]),
            format="fltp",
            layout="mono" if len(planes) == 1 else "stereo",
        )
        late = gap[1] if gap is not None and first >= gap[0] * rate else 0.0
        frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
        frame.pts = first + round((offset + late) * rate)
        frames.append(frame)
    return frames


def _rotate_track(path: Path) -> None:
    """Put a quarter turn clockwise into the first track header of an mp4 file."""
    identity = np.array([1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30], ">i4").tobytes()
    turned = np.array([0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30], ">i4").tobytes()
    content = path.read_bytes()
    at = content.index(identity, content.index(b"tkhd"))
    path.write_bytes(content[:at] + turned + content[at + len(turned) :])
