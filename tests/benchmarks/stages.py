"""Benchmarks of the extraction stages as a project runs them, but for the start of interpreters."""

import os
import shutil
import struct
import time
from collections.abc import Callable
from contextlib import chdir, redirect_stderr
from io import StringIO
from itertools import islice
from pathlib import Path

import torch

from features.corpora.corpus_settings import CorpusSettings
from features.extractors.settings import OpenSMILESettings, VGGFaceSettings
from features.faces.detect import load_detector
from features.media import decoding as media
from features.media.rates import SAMPLE_RATE
from models.settings import ModelSettings
from pipeline import corpus, extract, faces, keys
from pipeline.engine.execution import ExecutionSettings
from pipeline.params import Params, load_params
from tests.benchmarks.faces import widescreen
from tests.benchmarks.fc6 import bare
from tests.benchmarks.inputs import Inputs
from tests.benchmarks.timing import Row, compare, timed
from tests.helpers.media_factory import make_video

CHAIN_ITEMS = 4
ITEMS, ITEM_FRAMES = 50, 8
"""A corpus to which a video is added; its items are short, so that it is made soon."""

ADDED_FRAMES = 75
"""As a clip of CREMA-D."""


class Project:
    """A folder of videos with params.yaml and an item cache of its own.

    Args:
        folder: made again.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.videos = folder / "videos"
        self.cache = folder / "cache"
        self.count = 0
        self.videos.mkdir(parents=True)
        self.params = Params(
            corpus=CorpusSettings(name="folder", root=str(self.videos)),
            streams={
                "fc6": VGGFaceSettings(precision="fp32"),
                "lld": OpenSMILESettings(),
            },
            models={"model": ModelSettings()},
            execution=ExecutionSettings(cache=str(self.cache), device="cpu"),
        )
        (folder / "params.yaml").write_text(self.params.model_dump_json())

    def add(self, video: Path, copies: int = 1) -> None:
        """Add copies of an MP4 file, each of another content by a box that nobody reads."""
        content = video.read_bytes()
        for _ in range(copies):
            box = struct.pack(">I4sI", 12, b"free", self.count)
            (self.videos / f"{self.count:03}.mp4").write_bytes(content + box)
            self.count += 1

    def clear(self) -> None:
        """Remove all videos and all results."""
        shutil.rmtree(self.videos)
        self.videos.mkdir()
        self.forget("corpus", "faces", "extract")

    def forget(self, *stages: str) -> None:
        """Remove stages' results from the item cache."""
        for stage in stages:
            shutil.rmtree(self.cache / stage, ignore_errors=True)

    def run(self, *stages: Callable[[], None]) -> None:
        """Run stages in this process, which has loaded all it needs after the first time.

        Raises:
            RuntimeError: a stage failed, with what it said; else nothing is heard of them.
        """
        said = StringIO()
        try:
            with chdir(self.folder), redirect_stderr(said):
                for stage in stages:
                    stage()
        except SystemExit:
            raise RuntimeError(said.getvalue()) from None

    def extract(self) -> None:
        """Run all stages up to the features."""
        self.run(run_corpus, faces.main, run_fc6, run_lld)


def run_corpus() -> None:
    """The stage `corpus`, after the stage `keys`, which all others ask."""
    keys.main()
    corpus.run(checks_only=False)


def run_fc6() -> None:
    """The stage `extract@fc6`."""
    extract.extract(load_params(), "fc6")


def run_lld() -> None:
    """The stage `extract@lld`."""
    extract.extract(load_params(), "lld")


def chain(inputs: Inputs) -> list[Row]:
    """Stages faces and fc6 on all processors against the bare parts' processor time."""
    video = widescreen(inputs)
    project = Project(inputs.folder / "chain")
    project.add(video, CHAIN_ITEMS)
    project.run(run_corpus)
    cores = len(os.sched_getaffinity(0))
    frames = media.probe(video).frames

    def ours() -> float:
        project.forget("faces", "extract")
        return timed(lambda: project.run(faces.main, run_fc6))()

    settings, fc6 = project.params.faces, project.params.streams["fc6"]
    assert isinstance(fc6, VGGFaceSettings)
    detect = load_detector(settings)
    network = bare(fc6, "cpu", frames)

    def parts() -> float:
        """Of all items, which are alike; one thread, because waiting threads use time too."""
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        begun = time.process_time()
        for _, picture in media.frames(video, height=settings.working_height):
            detect(picture)
        for _ in media.frames(video):
            pass
        network()
        seconds = time.process_time() - begun
        torch.set_num_threads(threads)
        return seconds * CHAIN_ITEMS / cores

    return [
        compare(
            f"stages `faces` and `extract@fc6`, {CHAIN_ITEMS} items of {frames} frames, 640×360",
            f"processor time of decoding twice, bare hog and bare network, over {cores} cores",
            ours,
            parts,
            amount=CHAIN_ITEMS * frames,
            unit="frames/s",
            repeats=2,
        )
    ]


def increment(inputs: Inputs) -> list[Row]:
    """All extraction stages with nothing new, and with one more video."""
    few, many = (_clip(inputs, frames) for frames in (ITEM_FRAMES, ADDED_FRAMES))
    alone, among = Project(inputs.folder / "alone"), Project(inputs.folder / "among")
    among.add(few, ITEMS)
    first = timed(among.extract)()

    def added() -> float:
        among.add(many)
        return timed(among.extract)()

    def new() -> float:
        alone.clear()
        alone.add(many)
        return timed(alone.extract)()

    return [
        compare(
            f"extraction of {ITEMS} items again, nothing new",
            "the first time",
            timed(among.extract),
            lambda: first,
            amount=ITEMS,
            unit="items/s",
        ),
        compare(
            f"extraction of one item of {ADDED_FRAMES} frames more, among {ITEMS}",
            "of that item alone",
            added,
            new,
            amount=1,
            unit="items/s",
            repeats=3,
        ),
    ]


def _clip(inputs: Inputs, frames: int) -> Path:
    """The first frames of the demo clip, with their sound."""
    pictures = [picture for _, picture in islice(media.frames(inputs.video), frames)]
    samples, _ = media.sound(inputs.video)
    sound = samples[: frames * SAMPLE_RATE // 30]
    return make_video(inputs.folder / f"clip-{frames}.mp4", pictures, sound=sound)
