"""A loss of rows against recordings in which sound and picture are really cut.

Clip 1 of an intact film loses its sound, or its picture; in another film that stretch was never
coded. The inputs are the same to the bit, but for what openSMILE sees across the cut: its windows
reach over it, so that rows within 60 ms of either side differ; behind it a filter of the auditory
spectra and the trackers of pitch and jitter remember it, which is less than .05 standard deviations
in the mean of the descriptors after .4 s, and nothing after 1.5 s.
"""

from itertools import count
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from features.extractors.opensmile.extractor import OpenSMILE
from features.extractors.settings import OpenSMILESettings, VGGFaceSettings
from features.extractors.sound import AudioSource
from models.settings import Ablation, Modality
from models.training.batch import Batch
from models.training.batches import lose
from models.training.data import ClipData
from tests.helpers.corpus_items import corpus_item
from tests.helpers.media_factory import flat_frames, make_video
from tests.helpers.streams import seen, sources_of, stores_in, windows_in

FPS, CLIP, CLIPS = 25, 40, 5
CUT = (CLIP / FPS, 2 * CLIP / FPS)
"""Clip 1, 1.6 to 3.2 s: whole blocks of sound, of 64 ms."""
HERTZ = 16_000
NAMES = ("intact", "soundless", "pictureless")


def film(path: Path, name: str) -> Path:
    rng = np.random.default_rng(0)
    times = np.arange(CLIPS * CLIP) / FPS
    shown = (times < CUT[0]) | (times >= CUT[1]) | (name != "pictureless")
    frames = flat_frames(len(times))
    seconds = np.arange(round(times[-1] * HERTZ + HERTZ / FPS)) / HERTZ
    pitch = 2 * np.pi * np.cumsum(140 + 40 * np.sin(2 * np.pi * 0.6 * seconds)) / HERTZ
    voice = sum(np.sin(k * pitch) / k for k in range(1, 9)) * np.abs(np.sin(2 * np.pi * seconds))
    return make_video(
        path / f"{name}.mkv",
        [frame for frame, there in zip(frames, shown, strict=True) if there],
        FPS,
        times=times[shown].tolist(),
        sound=(0.2 * voice + 0.01 * rng.standard_normal(len(seconds))).astype(np.float32),
        no_sound=[CUT] if name == "soundless" else (),
        video_codec="ffv1",
        audio_codec="pcm_f32le",
    )


@pytest.fixture(scope="module")
def batches(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Batch]:
    """All clips of each film, read from the files."""
    folder = tmp_path_factory.mktemp("films")
    smile = OpenSMILE(OpenSMILESettings(), "cpu")
    sounds, pictures = {}, {}
    for name in NAMES:
        path = film(folder, name)
        sounds[name] = smile.extract(AudioSource(path))
        with av.open(str(path)) as container:
            decoded = [(f.time, f.to_ndarray(format="rgb24")) for f in container.decode(video=0)]
        grey = np.array([picture.mean() for _, picture in decoded])
        rows = np.stack([grey, grey**2], axis=1).astype(np.float32)
        pictures[name] = seen(rows, np.array([time for time, _ in decoded], np.float64))
    sources = sources_of(
        folder,
        {
            "fc6": (VGGFaceSettings(normalise=True), pictures),
            "lld": (OpenSMILESettings(), sounds),
        },
        hold=0.0,
    )
    windows_in(folder, sources, [corpus_item(name) for name in NAMES], clip_frames=CLIP)
    stores = stores_in(folder, "lld", "fc6")
    return {
        name: ClipData(*stores, [name], preload_bytes=1 << 30).batch(range(CLIPS)) for name in NAMES
    }


def losing_clip_1(batch: Batch, modality: Modality) -> tuple[torch.Tensor, torch.Tensor]:
    """The inputs that are left, and which frames there are."""
    ablation = Ablation(strategy="clip_zero", modality=modality, p=0.5, unit="signal")
    wanted = [False, True, False, False, False]
    for seed in count():
        fate = batch.draws(seed, modality=modality).per_clip(modality)[:, 0] < 0.5
        if fate.tolist() == wanted:
            lost = lose(batch, ablation, (seed,)).lost[modality]
            return lost.inputs, lost.received
    raise AssertionError


def test_the_films_have_the_same_frames(batches: dict[str, Batch]) -> None:
    for batch in batches.values():
        assert batch.mask.shape == (CLIPS, CLIP)
        assert batch.mask.all()


def test_a_picture_that_is_lost_is_a_picture_that_was_never_coded(
    batches: dict[str, Batch],
) -> None:
    inputs, received = losing_clip_1(batches["intact"], "video")
    cut = batches["pictureless"].streams["video"]
    assert torch.equal(received, cut.present)
    assert not received[1].any()
    assert torch.equal(inputs, cut.inputs())


def test_a_sound_that_is_lost_is_a_sound_that_was_never_coded(batches: dict[str, Batch]) -> None:
    inputs, received = losing_clip_1(batches["intact"], "audio")
    cut = batches["soundless"].streams["audio"]
    assert torch.equal(received, cut.present)
    # (clips · frames, steps, descriptors)
    lossy, coded = (x.flatten(0, 1).unflatten(1, (60, -1)) for x in (inputs, cut.inputs()))
    at = torch.arange(CLIPS * CLIP)[:, None] / FPS + 0.5 / FPS + (torch.arange(60) - 59) / 30
    apart = (lossy - coded).abs().amax(-1)
    first, last = CUT
    assert (apart[at < first - 0.06] == 0).all()
    within = (at > first + 0.04) & (at < last - 0.04)
    assert (lossy[within] == 0).all()
    assert (coded[within] == 0).all()
    behind = (lossy - coded).abs().mean(-1)
    assert behind[at > last + 0.4].max() < 0.05
    assert apart[at > last + 1.5].max() < 1e-3
    assert behind[(at > last) & (at < last + 0.1)].max() > 0.05  # so that there is a bound
    # The contexts of the next clips lack it, in either film.
    assert (lossy[2 * CLIP + 5] == 0).any()
