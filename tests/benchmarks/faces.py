"""Benchmarks of faces: decoding, detectors, every k-th frame, and the stage on top of them.

What needs files of detectors or real clips is measured where LACUNA_TEST_MODELS and
LACUNA_TEST_CLIPS say where they are.
"""

from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from features.faces.boxes import overlap
from features.faces.detect import load_detector
from features.faces.extract import MainFace, extract_faces, find_main_face
from features.media import decoding as media
from features.settings import FaceSettings
from features.stores.writing import new_item
from tests.benchmarks.inputs import Inputs
from tests.benchmarks.timing import Row, Timer, compare, timed
from tests.helpers.face_factory import CLIPS, MODELS, film, ssd, yunet
from tests.helpers.media_factory import make_video

STEPS = (3, 5, 10)
FRAMES = 100
SLOW_FRAMES = 4
HEIGHT, WIDTH = 360, 640


def decode(inputs: Inputs) -> list[Row]:
    """Our pictures against bare PyAV's, as coded and scaled to half."""
    path, frames = inputs.video, media.probe(inputs.video).frames

    def ours(height: int | None) -> None:
        for _ in media.frames(path, height=height):
            pass

    def bare() -> None:
        with av.open(str(path)) as container:
            container.streams.video[0].codec_context.thread_count = 1
            for frame in container.decode(video=0):
                frame.to_ndarray(format="rgb24")

    return [
        compare(
            f"`media.frames`, 320×240{note}",
            "bare PyAV to rgb24, one thread",
            timed(lambda height=height: ours(height)),
            timed(bare),
            amount=frames,
            unit="frames/s",
            repeats=9,
        )
        for height, note in ((None, ""), (120, " to 160×120"))
    ]


def faces(inputs: Inputs) -> list[Row]:
    """The stage on a 360p file against bare detection of ready pictures, and its other parts."""
    path, item = widescreen(inputs), inputs.folder / "faces"
    pictures = [picture for _, picture in media.frames(path)]
    settings = FaceSettings()
    detect = load_detector(settings)

    def stage() -> None:
        with new_item(item, {}) as writer:
            extract_faces(path, settings, writer)

    def detection() -> None:
        for picture in pictures:
            detect(picture)

    def decoding() -> None:
        for height in (settings.working_height, None):
            for _ in media.frames(path, height=height):
                pass

    parts = (("detection of ready pictures, bare dlib", detection), ("decoding twice", decoding))
    return [
        compare(
            "`extract_faces`, hog, 640×360, stored",
            part,
            timed(stage),
            timed(work),
            amount=len(pictures),
            unit="frames/s",
        )
        for part, work in parts
    ]


def detectors(inputs: Inputs) -> list[Row]:
    """Each other detector against hog, on a few pictures of 640×360."""
    path = film() if CLIPS else widescreen(inputs)
    every = media.probe(path).frames // SLOW_FRAMES
    pictures = [picture for _, picture in media.frames(path)][::every][:SLOW_FRAMES]
    others = [FaceSettings(detector="cnn")]
    if MODELS:
        others += [ssd(), yunet()]

    def work(settings: FaceSettings) -> Timer:
        detect = load_detector(settings)
        return timed(lambda: [detect(picture) for picture in pictures])

    return [
        compare(
            f"detector {other.detector}, 640×360",
            "detector hog",
            work(other),
            work(FaceSettings()),
            amount=len(pictures),
            unit="frames/s",
            repeats=3,
        )
        for other in others
    ]


def steps(inputs: Inputs) -> list[Row]:
    """Detection in every k-th frame against every frame: the speed, and the IoU that it costs."""
    rows = _steps("a talking head", inputs.video, FaceSettings())
    if MODELS:
        rows += _steps("a talking head", inputs.video, yunet())
    if MODELS and CLIPS:
        for settings in (FaceSettings(), ssd(), yunet()):
            rows += _steps("an edited film", film(), settings)
    return rows


def _steps(name: str, path: Path, settings: FaceSettings) -> list[Row]:
    """One run each: they take long, and differ by far more than such runs do."""
    found: dict[int, MainFace] = {}

    def find(every: int) -> None:
        found[every] = find_main_face(path, settings.model_copy(update={"every": every}))

    speeds = {}
    for every in (1, *STEPS):
        seconds = timed(lambda every=every: find(every))()
        speeds[every] = len(found[every].times) / seconds
    rows = []
    for every in STEPS:
        what = (
            f"`every: {every}`, {settings.detector}, {name}; {_agreement(found[1], found[every])}"
        )
        ratio = speeds[every] / speeds[1]
        unit = "frames/s"
        rows.append(Row(what, "every frame", unit, speeds[every], speeds[1], ratio, ratio, ratio))
    return rows


def _agreement(full: MainFace, sparse: MainFace) -> str:
    both = full.present & sparse.present
    iou = overlap(full.boxes[both], sparse.boxes[both]).mean()
    same = (full.present == sparse.present).mean()
    return f"IoU {iou:.3f}, a face or none as there in {same:.1%}"


def widescreen(inputs: Inputs) -> Path:
    """The first frames of the demo clip at 480×360 in the middle of 640×360."""
    path = inputs.folder / "widescreen.mp4"
    if not path.exists():
        first = islice(media.frames(inputs.video), FRAMES)
        make_video(path, [padded(picture) for _, picture in first])
    return path


def padded(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture of 4:3 in the middle of a wide one."""
    wide = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    wide[:, 80:560] = cv2.resize(picture, (480, HEIGHT), interpolation=cv2.INTER_LINEAR)
    return wide
