"""Write a clip as H.264 and AAC in MP4, the same bytes for the same input."""

from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray


def write_movie(
    path: Path,
    frames: Iterable[NDArray[np.uint8]],
    fps: int,
    samples: NDArray[np.float32],
    sample_rate: int,
) -> None:
    """Encode picture and sound, both starting at 0 s.

    Args:
        path: the file to write.
        frames: (H, W, 3) uint8 RGB each, all of one even size.
        fps: frames a second.
        samples: (samples,) in [−1, 1], one channel.
        sample_rate: in Hz.
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
            file.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(video.encode(None))
        sound = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        sound.sample_rate = sample_rate
        file.mux(audio.encode(sound))
        file.mux(audio.encode(None))
