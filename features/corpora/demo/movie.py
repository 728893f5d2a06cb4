"""Write a clip as H.264 and AAC in MP4, the same bytes for the same input."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

BLOCK = 1024
"""Samples that AAC codes together."""


def write_movie(
    path: Path,
    frames: Iterable[NDArray[np.uint8]],
    fps: int,
    samples: NDArray[np.float32],
    sample_rate: int,
    *,
    camera_off: NDArray[np.bool_],
    muted: NDArray[np.bool_],
) -> None:
    """Encode picture and sound, both starting at 0 s.

    What is off is not in the file: no pictures and no sound are coded for that time.

    Args:
        path: the file to write.
        frames: (H, W, 3) uint8 RGB each, all of one even size.
        fps: frames a second.
        samples: (samples,) in [−1, 1], one channel.
        sample_rate: in Hz.
        camera_off: (F,) whether a frame is left out.
        muted: (F,) whether the sound of a frame is left out, in blocks of the codec.
    """
    # Bit-exact muxing writes no dates; one x264 thread, or the bytes depend on the machine, and its
    # cpu-independent functions, since the others read memory that nobody has written; no B-frames,
    # so that the first picture is at 0 s without an edit list.
    with av.open(str(path), "w", format="mp4", container_options={"fflags": "+bitexact"}) as file:
        video = file.add_stream("libx264", rate=fps)
        video.pix_fmt = "yuv420p"
        video.options = {
            "preset": "veryfast",
            "crf": "21",
            "threads": "1",
            "bf": "0",
            "x264-params": "cpu-independent=1",
        }
        audio = file.add_stream("aac", rate=sample_rate, layout="mono")
        audio.bit_rate = 96_000
        for index, picture in enumerate(frames):
            if index == 0:
                video.height, video.width = picture.shape[:2]
            if not camera_off[index]:
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts, frame.time_base = index, Fraction(1, fps)
                file.mux(video.encode(frame))
        file.mux(video.encode(None))
        for start in range(0, len(samples), BLOCK):
            if not muted[min(start * fps // sample_rate, len(muted) - 1)]:
                block = samples[None, start : start + BLOCK]
                sound = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
                sound.sample_rate, sound.pts = sample_rate, start
                sound.time_base = Fraction(1, sample_rate)
                file.mux(audio.encode(sound))
        file.mux(audio.encode(None))
