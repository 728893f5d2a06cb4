"""The demo corpus is what it says: checked on the files it writes, with real decoders."""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import av
import cv2
import dlib
import numpy as np
import opensmile
import pandas as pd
import pytest
from pydantic import ValidationError

from features.corpora.demo.corpus import generate, split_of
from features.corpora.demo.script import AFFECT_LIMIT, HEARD, SEEN, affect_paths, cues, write_script
from features.corpora.demo.speakers import PORTRAITS, make_speaker
from features.corpora.demo.voice import SAMPLE_RATE, speak
from features.corpora.settings import DemoSettings
from features.media.decoding import sound
from features.media.pauses import pauses
from tests.helpers.project import ROOT

# Three speakers, four clips each: faces are turned away in clips 0 and 6 and covered in 5 and 11,
# the microphone gives zeros in 1 and 7, there are no pictures for a while in 3 and 9, no sound in 4
# and 10.
SETTINGS = DemoSettings(speakers=3, clips=12, seconds=3.0, fps=15)
CAMERA_OFF, MUTED = {3, 9}, {4, 10}
EDGE_FRAMES = 2


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("demo")
    finished = []
    generate(root, SETTINGS, finished.append)
    assert finished == [1] * SETTINGS.clips
    return root


@pytest.fixture(scope="module")
def items(root):
    return pd.read_csv(root / "items.csv")


@pytest.fixture(scope="module")
def pictures(root, items):
    """The decoded frames of every clip, (F, 240, 240, 3), and their times."""
    decoded = []
    for path in items.path:
        with av.open(str(root / path)) as file:
            frames = list(file.decode(video=0))
        decoded.append(
            (np.stack([f.to_ndarray(format="rgb24") for f in frames]), [f.time for f in frames])
        )
    return decoded


@pytest.fixture(scope="module")
def sounds(root, items):
    """The sound of every clip at 16 kHz."""
    return [_decode_sound(root / path) for path in items.path]


@pytest.fixture(scope="module")
def boxes(pictures):
    """Per clip and frame, the boxes (left, top, right, bottom) of dlib's HOG detector."""
    detector = dlib.get_frontal_face_detector()
    return [
        [[(b.left(), b.top(), b.right(), b.bottom()) for b in detector(f)] for f in frames]
        for frames, _ in pictures
    ]


def _decode_sound(path):
    samples, start = sound(path, 16000)
    assert start == pytest.approx(0, abs=1e-6)
    return samples


def _tables(root, items, folder):
    return [pd.read_csv(root / folder / f"{Path(path).stem}.csv") for path in items.path]


def _digest(root):
    files = sorted(p for p in root.rglob("*") if p.is_file())
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_a_folder_corpus_is_written(root, items):
    assert list(items.columns) == ["path", "speaker", "split", "labels"]
    assert len(items) == SETTINGS.clips
    assert items.speaker.tolist() == [f"speaker_{i % 3:02d}" for i in range(SETTINGS.clips)]
    assert set(items.split) == {"train", "validation", "test"}
    assert (items.groupby("speaker").split.nunique() == 1).all()
    assert all((root / p).is_file() for p in [*items.path, *items.labels])
    assert not list(root.rglob("*.partial"))


def test_streams_are_h264_and_aac(root, items):
    with av.open(str(root / items.path[0])) as file:
        video, audio = file.streams.video[0], file.streams.audio[0]
        assert (video.codec_context.name, video.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert video.average_rate == SETTINGS.fps
        assert (audio.codec_context.name, audio.rate, audio.channels) == ("aac", 48000, 1)


def _shown(truth, number):
    """The frames whose pictures are in the file."""
    return truth.face.to_numpy() == 1 if number in CAMERA_OFF else np.ones(len(truth), bool)


def test_one_label_row_per_frame_at_its_time(root, items, pictures):
    for number, (labels, truth, (frames, times)) in enumerate(
        zip(_tables(root, items, "labels"), _tables(root, items, "truth"), pictures, strict=True)
    ):
        assert list(labels.columns) == ["time", "valence", "arousal"]
        assert list(truth.columns) == ["time", "face", "voice"]
        assert len(labels) == round(SETTINGS.seconds * SETTINGS.fps)
        shown = _shown(truth, number)
        assert len(frames) == np.count_nonzero(shown)
        np.testing.assert_allclose(labels.time[shown], times, atol=1e-5)
        np.testing.assert_array_equal(labels.time, truth.time)


def test_what_is_off_is_not_in_the_file(root, items):
    for number, (path, truth) in enumerate(
        zip(items.path, _tables(root, items, "truth"), strict=True)
    ):
        found = pauses(root / path)
        for kind, stretches, off in (
            ("face", found.without_picture, number in CAMERA_OFF),
            ("voice", found.without_sound, number in MUTED),
        ):
            gone = truth.time[truth[kind] == 0] if off else ()
            assert len(stretches) == bool(off)
            for start, stop in stretches:  # sound in blocks of the codec
                assert start == pytest.approx(min(gone), abs=0.03)
                assert stop == pytest.approx(max(gone) + 1 / SETTINGS.fps, abs=0.03)


def test_face_is_found_when_and_only_when_it_is_to_be_seen(root, items, boxes):
    found_visible, hidden_frames = [], 0
    for number, (truth, clip) in enumerate(zip(_tables(root, items, "truth"), boxes, strict=True)):
        visible = truth.face.to_numpy()[_shown(truth, number)] == 1
        count = np.array([len(b) for b in clip])
        found_visible.append(count[visible] == 1)
        near_an_edge = np.convolve(visible, np.ones(2 * EDGE_FRAMES + 1), "same") > 0
        assert not count[~near_an_edge].any()
        hidden_frames += np.count_nonzero(~near_an_edge)
    assert np.concatenate(found_visible).mean() >= 0.95
    assert hidden_frames > 20


def test_muted_stretches_and_only_they_are_digital_silence(root, items, sounds):
    muted = 0
    for truth, heard in zip(_tables(root, items, "truth"), sounds, strict=True):
        silent = truth.voice.to_numpy() == 0
        edge = 0.06  # the codec's windows overlap by 43 ms
        if silent.any():
            start, stop = truth.time[silent].min(), truth.time[silent].max() + 1 / SETTINGS.fps
            assert not heard[round((start + edge) * 16000) : round((stop - edge) * 16000)].any()
            muted += 1
        near = np.convolve(silent, np.ones(2 * EDGE_FRAMES + 1), "same") > 0
        loudest = [np.abs(part).max() for part in np.array_split(heard, len(truth))]
        assert (np.array(loudest)[~near] > 0).all()
    assert muted == 4


def test_pitch_and_loudness_follow_arousal(root, items, sounds):
    smile = opensmile.Smile(opensmile.FeatureSet.IS13, opensmile.FeatureLevel.LowLevelDescriptors)
    found = []
    for labels, heard in zip(_tables(root, items, "labels"), sounds, strict=True):
        rows = smile.process_signal(heard, 16000)
        arousal = np.interp(0.01 * np.arange(len(rows)) + 0.03, labels.time, labels.arousal)
        voiced = rows["F0final_sma"].to_numpy() > 0
        assert voiced.mean() > 0.3
        told = rows[["F0final_sma", "pcm_RMSenergy_sma"]].to_numpy()[voiced].T
        found.append(np.corrcoef([*told, arousal[voiced]])[-1, :2])
    pitch, energy = np.mean(found, axis=0)
    assert pitch > 0.7
    assert energy > 0.3


def test_breath_tells_valence():
    script = write_script(np.random.default_rng(0), 30, 10, None)
    shares = []
    for valence in (-0.8, 0.8):
        heard = np.stack([np.full(30, valence), np.zeros(30)])
        voice = speak(
            np.random.default_rng(1), replace(script, heard=heard), 10, pitch=160, tract=1.0
        )
        power = np.abs(np.fft.rfft(voice)) ** 2
        hertz = np.fft.rfftfreq(len(voice), 1 / SAMPLE_RATE)
        shares.append(power[hertz > 5000].sum() / power.sum())
    assert shares[0] > 10 * shares[1]


def test_a_modality_tells_as_much_as_it_should():
    rng = np.random.default_rng(0)
    affect = affect_paths(rng, 6000, 10)
    for shares in (SEEN, HEARD):
        cue = cues(rng, affect, 10, shares)
        assert np.abs(cue).max() <= 1
        found = [np.corrcoef(cue[i], affect[i])[0, 1] for i in range(2)]
        np.testing.assert_allclose(found, shares, atol=0.15)


def test_pixels_carry_valence(root, items, pictures, boxes):
    """Ridge regression on the pixels of the face, one clip left out at a time."""
    truths, labels = (_tables(root, items, folder) for folder in ("truth", "labels"))
    x, y, clip = [], [], []
    for number, ((frames, _), found) in enumerate(zip(pictures, boxes, strict=True)):
        shown = np.flatnonzero(_shown(truths[number], number))  # frame of each picture
        face = truths[number].face.to_numpy()[shown]
        used = [i for i in np.flatnonzero(face) if len(found[i]) == 1]
        left, top, right, bottom = np.median([found[i][0] for i in used], axis=0).astype(int)
        grey = frames[used, top:bottom, left:right].mean(axis=-1)
        pixels = np.stack([cv2.resize(g, (16, 16), interpolation=cv2.INTER_AREA) for g in grey])
        path = labels[number].valence.to_numpy()[shown[used]]
        x.append((pixels - pixels.mean(axis=0)).reshape(len(used), -1))
        y.append(path - path.mean())
        clip.append(np.full(len(used), number))
    x, y, clip = np.concatenate(x), np.concatenate(y), np.concatenate(clip)
    predicted = np.zeros_like(y)
    for number in range(len(pictures)):
        fit, test = clip != number, clip == number
        gram = x[fit] @ x[fit].T
        ridge = 0.01 * np.trace(gram) / len(gram) * np.eye(len(gram))
        predicted[test] = x[test] @ x[fit].T @ np.linalg.solve(gram + ridge, y[fit])
    assert np.corrcoef(predicted, y)[0, 1] > 0.6


def _generate_with_filled_memory(root, settings):
    """Generate where glibc fills memory that it hands out with 254 instead of leaving it be."""
    code = (
        "import pathlib, sys; from features.corpora.demo.corpus import generate;"
        "from features.corpora.settings import DemoSettings;"
        "generate(pathlib.Path(sys.argv[1]), DemoSettings.model_validate_json(sys.argv[2]))"
    )
    environment = {**os.environ, "MALLOC_PERTURB_": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, str(root), settings.model_dump_json()]
    subprocess.run(command, env=environment, check=True)


def test_the_bytes_depend_on_the_settings_alone(tmp_path):
    tiny = {"speakers": 3, "clips": 3, "seconds": 1.0}
    generate(tmp_path / "a", DemoSettings(**tiny))
    generate(tmp_path / "b", DemoSettings(**tiny), n_jobs=2)
    generate(tmp_path / "c", DemoSettings(**tiny, seed=1))
    _generate_with_filled_memory(tmp_path / "d", DemoSettings(**tiny))
    a, b, c, d = (_digest(tmp_path / name) for name in "abcd")
    assert len(a) == 1 + 3 * 3
    assert a == b == d
    assert a.keys() == c.keys()
    assert all(a[name] != c[name] for name in a if name.endswith(".mp4"))


def test_paths_are_bounded_uncorrelated_and_cover_a_range():
    for seed in range(20):
        valence, arousal = affect_paths(np.random.default_rng(seed), 240, 30)
        for path in (valence, arousal):
            assert np.abs(path).max() <= AFFECT_LIMIT
            assert np.ptp(path) > 0.6
            assert np.abs(np.diff(path)).max() < 0.1
        assert abs(np.corrcoef(valence, arousal)[0, 1]) < 1e-9


@pytest.mark.parametrize(
    ("speakers", "expected"), [(3, (1, 1, 1)), (4, (2, 1, 1)), (8, (5, 1, 2)), (16, (10, 2, 4))]
)
def test_every_split_has_speakers(speakers, expected):
    splits = [split_of(i, speakers) for i in range(speakers)]
    assert tuple(map(splits.count, ("train", "validation", "test"))) == expected


def test_speakers_differ():
    first = [make_speaker(0, i) for i in range(8)]
    pictures = np.stack([s.picture[80:220, 130:270, :3].astype(float) for s in first])
    for i in range(8):
        for j in range(i):
            assert np.abs(pictures[i] - pictures[j]).mean() > 5
    assert len({s.pitch for s in first}) == 8
    assert {s.smile for s in first[:5]} == {p.smile for p in PORTRAITS}  # both train by default


@pytest.mark.parametrize("wrong", [{"speakers": 2}, {"clips": 0}, {"seconds": 0.5}, {"fps": 1}])
def test_impossible_settings_are_refused_by_name(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        DemoSettings(**wrong)
