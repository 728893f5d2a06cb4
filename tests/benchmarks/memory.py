"""Benchmark of memory: what a stage's process takes at most, for a long file and a short one."""

import subprocess
import sys
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from features.media import decoding as media
from features.media.rates import SAMPLE_RATE
from tests.benchmarks import peak
from tests.benchmarks.inputs import Inputs
from tests.benchmarks.timing import Row, compare_sizes
from tests.helpers.media_factory import make_video

HEIGHT, WIDTH = 1080, 1920
FPS = 7.5
"""The slowest of Aff-Wild2: with it an hour has 27,000 frames."""

LOOP_FRAMES, LOOP_PACKETS = 144, 300
"""Frames, and packets of 1024 samples at 16 kHz, of 19.2 s: both are whole."""

FACE_FRAMES = 6
"""Of a loop; fc6 of the others is not computed."""

HOUR, QUARTER = 188, 47
"""Loops of an hour and of a quarter of it."""


def memory(inputs: Inputs) -> list[Row]:
    """The peak of each extraction stage for an hour of 1080p, against that for a quarter of it."""
    loop = _loop(inputs)
    files = {n: repeat(loop, inputs.folder / f"loops-{n}.mp4", n) for n in (HOUR, QUARTER)}
    peaks = {
        work: [_peak(work, path, inputs.folder / f"memory-{n}") for n, path in files.items()]
        for work in peak.WORK
    }
    frames = HOUR * LOOP_FRAMES
    file = f"an hour of 1080p with sound, {frames:,} frames at {FPS}/s"
    rows = {f"peak memory of `{work}`, {file}": peaks[work] for work in ("faces", "fc6", "lld")}
    beyond = [whole - decoded for whole, decoded in zip(peaks["lld"], peaks["sound"], strict=True)]
    rows["of `lld` beyond decoding, which is openSMILE's own"] = beyond
    return [compare_sizes(what, "a quarter of it", *bytes_) for what, bytes_ in rows.items()]


def repeat(source: Path, path: Path, times: int) -> Path:
    """Write a loop's packets over and over, without encoding them again."""
    with av.open(str(source)) as given, av.open(str(path), "w") as container:
        outputs = {s.index: container.add_stream_from_template(s) for s in given.streams}
        left = {"video": LOOP_FRAMES, "audio": LOOP_PACKETS}
        packets = []
        for packet in given.demux():
            left[packet.stream.type] -= 1
            if packet.size and left[packet.stream.type] >= 0:  # the sound has a packet more
                clock = packet.pts, packet.dts, packet.duration, packet.time_base
                packets.append((packet, outputs[packet.stream.index], clock))
        for number in range(times):
            for packet, output, (pts, dts, duration, time_base) in packets:
                late = round(number * LOOP_FRAMES / FPS / time_base)
                packet.stream, packet.time_base = output, time_base
                packet.pts, packet.dts, packet.duration = pts + late, dts + late, duration
                container.mux(packet)
    return path


def _loop(inputs: Inputs) -> Path:
    """A talking face for some frames, then nobody, with sound all the time."""
    faces = [picture for _, picture in media.frames(inputs.video)][:FACE_FRAMES]
    samples, _ = media.sound(inputs.video)
    sound = np.resize(samples, round(LOOP_FRAMES / FPS * SAMPLE_RATE))
    pictures = [_framed(face) for face in faces]
    pictures += [np.full_like(pictures[0], 90)] * (LOOP_FRAMES - FACE_FRAMES)
    return make_video(inputs.folder / "loop.mp4", pictures, FPS, sound=sound)


def _framed(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    wide = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    width = HEIGHT * 4 // 3
    left = (WIDTH - width) // 2
    wide[:, left : left + width] = cv2.resize(picture, (width, HEIGHT))
    return wide


def _peak(work: str, path: Path, folder: Path) -> int:
    """Bytes that a process of its own takes at most for a stage's work on a file."""
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", peak.__name__, work, str(path), str(folder)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
