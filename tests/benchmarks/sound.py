"""Benchmarks of the sound: what decoding and the stage lld cost on top of PyAV and openSMILE."""

from pathlib import Path

import av
import numpy as np
import opensmile

from features.extractors.settings import OpenSMILESettings
from features.extractors.sound import describe_sound
from features.media import decoding as media
from features.media.rates import SAMPLE_RATE
from tests.benchmarks.inputs import Inputs
from tests.benchmarks.timing import Row, compare, timed
from tests.helpers.media_factory import make_video

UNIT = "s of sound/s"
LONG_MINUTES = 10


def lld(inputs: Inputs) -> list[Row]:
    """The stage's work on a file, from decoding to writing, against openSMILE on ready samples."""
    return [
        _lld(inputs.sound, inputs.folder, "one minute", repeats=9),
        _lld(_long(inputs), inputs.folder, f"{LONG_MINUTES} minutes", repeats=3),
    ]


def decode(inputs: Inputs) -> list[Row]:
    """Our samples against those of bare PyAV."""
    path = _long(inputs)

    def bare() -> None:
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=SAMPLE_RATE)
        with av.open(str(path)) as container:
            container.streams.audio[0].codec_context.thread_count = 1
            for frame in container.decode(audio=0):
                for part in resampler.resample(frame):
                    part.to_ndarray()

    row = compare(
        f"`media.sound`, {LONG_MINUTES} minutes of AAC",
        "bare PyAV to 16 kHz mono, one thread",
        timed(lambda: media.sound(path)),
        timed(bare),
        amount=60 * LONG_MINUTES,
        unit=UNIT,
        repeats=7,
    )
    return [row]


def _lld(path: Path, folder: Path, length: str, *, repeats: int) -> Row:
    samples, _ = media.sound(path)
    smile = opensmile.Smile(
        feature_set=opensmile.FeatureSet.IS13,
        feature_level=opensmile.FeatureLevel.LowLevelDescriptors,
    )
    return compare(
        f"stage `extract@lld` from file to store, {length}",
        "bare openSMILE on ready samples",
        timed(lambda: describe_sound(OpenSMILESettings(), path, "cpu", folder / "lld")),
        timed(lambda: smile(samples, SAMPLE_RATE)),
        amount=len(samples) / SAMPLE_RATE,
        unit=UNIT,
        repeats=repeats,
    )


def _long(inputs: Inputs) -> Path:
    """The minute of sound, over and over."""
    path = inputs.folder / "long.m4a"
    if not path.exists():
        samples, _ = media.sound(inputs.sound)
        make_video(path, None, sound=np.tile(samples, LONG_MINUTES))
    return path
