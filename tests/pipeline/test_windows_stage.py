"""The windows stage: no leak into the normaliser, parts of files, given features, any width."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from features.corpora.item import Features
from features.corpora.labels import labels_of
from features.errors import InputError
from features.extractors.lld import extract_lld, names
from features.extractors.presence import F0
from features.settings import LLDSettings, WindowSettings
from features.stores.store import assemble, open_store, read_array, read_item, write_item
from features.task import AFFECT, Task
from features.windows.context import Normaliser
from features.windows.recordings import Given, Recording, Stores, extracted, part_of
from models.training import stores as clips
from models.training.data import ClipData
from pipeline.windows import (
    attributes_of,
    fit_normalisers,
    make_windows,
    say_if_counts_differ,
    write_windows,
)
from tests.helpers.corpus_items import corpus_item

ROWS = np.random.default_rng(0).normal([-100, 0, 3e4], [1e-2, 1, 50], (400, 3)).astype(np.float32)


class Planted:
    """A source of recordings of nothing but rows of sound."""

    def __init__(self, rows):
        self.rows = {name: part.copy() for name, part in rows.items()}
        self.present = {name: np.ones(len(part), bool) for name, part in rows.items()}

    def key(self, item):
        return item.item

    def read(self, item):
        frames = np.zeros(5, bool)
        return Recording(
            times=np.arange(5) / 30,
            lld=self.rows[item.item],
            present=self.present[item.item],
            rows=np.zeros((5, 1), np.int32),
            audio_present=frames,
            voice_present=frames,
            video_present=frames,
        )


def fit(items, source):
    return fit_normalisers(items, source, video_too=False)["audio"]


@pytest.fixture
def three_splits():
    names = {"a": "train", "b": "train", "v": "validation", "t": "test"}
    parts = dict(zip(names, np.split(ROWS, [90, 200, 300]), strict=True))
    return [corpus_item(name, split=split) for name, split in names.items()], Planted(parts)


def test_z_norm_uses_training_rows_only(three_splits):
    items, source = three_splits
    before = fit(items, source)
    for name in ("v", "t"):
        source.rows[name][...] = 1e6
    after = fit(items, source)
    np.testing.assert_array_equal(before.mean, after.mean)
    np.testing.assert_array_equal(before.std, after.std)
    np.testing.assert_allclose(after.mean, ROWS[:200].mean(axis=0, dtype=float), rtol=1e-12)


@pytest.mark.parametrize("name", ["a", "b"])
def test_every_training_recording_counts(three_splits, name):
    items, source = three_splits
    before = fit(items, source)
    source.rows[name][7, 1] += 10
    after = fit(items, source)
    assert after.mean[1] == pytest.approx(before.mean[1] + 10 / 200, rel=1e-6)
    assert after.std[1] != before.std[1]
    np.testing.assert_array_equal(before.mean[[0, 2]], after.mean[[0, 2]])


def test_rows_without_sound_do_not_count(three_splits):
    items, source = three_splits
    before = fit(items, source)
    silence = np.full((30, 3), -1e5, np.float32)
    source.rows["a"] = np.concatenate([source.rows["a"], silence])
    source.present["a"] = np.arange(120) < 90
    np.testing.assert_array_equal(before.mean, fit(items, source).mean)


def test_without_sound_in_training_rows_are_left_as_they_are(three_splits, capsys):
    items, source = three_splits
    for name in ("a", "b"):
        source.present[name][...] = False
    normaliser = fit(items, source)
    assert normaliser.mean.tolist() == [0, 0, 0]
    assert normaliser.std.tolist() == [1, 1, 1]
    assert "no audio in the train split" in capsys.readouterr().err


# ------------------------------------------------------------------ sources


PAUSE = (410, 470)
"""Rows without pitch."""


@pytest.fixture
def stores(tmp_path):
    """Ten seconds of one item in the stores faces, lld and fc6."""
    frames, rows = 300, 1000
    rng = np.random.default_rng(0)
    present = np.arange(frames) % 7 > 0
    write_item(
        tmp_path / "f", {"times": np.arange(frames) / 30, "present": present}, {"key": "face"}
    )
    lld = rng.normal(size=(rows, 3)).astype(np.float32)
    lld[:, 1] = (np.arange(rows) < PAUSE[0]) | (np.arange(rows) >= PAUSE[1])
    write_item(
        tmp_path / "l",
        {"lld": lld, "present": np.ones(rows, bool)},
        {"key": "sound", "start": 0.0, "duration": 10.0, "names": ["a", F0, "b"]},
    )
    fc6 = np.arange(frames, dtype=np.float16)[:, None]
    write_item(tmp_path / "c", {"fc6": fc6}, {"key": "fc6"})
    for name, part in (("faces", "f"), ("lld", "l"), ("fc6", "c")):
        assemble(tmp_path / f"{name}.zarr", {"a": tmp_path / part}, {})
    return [open_store(tmp_path / f"{name}.zarr", stage=name) for name in ("faces", "lld", "fc6")]


def test_a_part_of_a_file_is_that_part_of_the_whole(stores, tmp_path):
    faces, lld, fc6 = stores
    settings = WindowSettings(clip_frames=50)
    source = Stores(faces, lld, settings)
    whole, part = corpus_item("a"), corpus_item("a", start=4.0, end=6.5)
    assert source.key(whole) != source.key(part)
    recording = source.read(part)
    assert recording.first == 120
    # A frame is what its centre is, between the centres of two rows.
    row = np.round(((np.arange(120, 195) + 0.5) / 30 - 0.01) * 100)
    paused = (row >= PAUSE[0]) & (row < PAUSE[1])
    np.testing.assert_array_equal(recording.voice_present, ~paused)
    assert recording.audio_present.all()
    np.testing.assert_allclose(recording.times, np.arange(120, 195) / 30)
    normaliser = Normaliser(np.zeros(3), np.ones(3))
    data = {}
    for item in (whole, part):
        out = tmp_path / f"w{item.start}"
        labels = pd.DataFrame({"time": np.nan, "valence": np.linspace(-1, 1, 300), "arousal": 0.0})
        make_windows(
            out,
            item=item,
            source=source,
            labels=labels if item is whole else labels.iloc[120:195],
            task=AFFECT,
            normalisers={"audio": normaliser},
            key="",
        )
        assemble(tmp_path / "windows.zarr", {"a": out}, attributes_of(settings, AFFECT, normaliser))
        windows = open_store(tmp_path / "windows.zarr", stage="windows")
        data[item.start] = ClipData(windows, fc6, ["a"], preload_bytes=0)
    # Frames 120 to 170 are the first clip of the part, and lie in two of the whole.
    first, whole_clips = data[4.0].batch([0]), data[0.0].batch([2, 3])
    of_whole = whole_clips.inputs()
    for modality, x in first.inputs().items():
        expected = of_whole[modality].flatten(0, 1)[20:70]
        assert np.array_equal(x[0].numpy(), expected.numpy()), modality
    expected = whole_clips.labels.flatten(0, 1)[20:70]
    assert np.array_equal(first.labels[0].numpy(), expected.numpy())


def test_parts_without_sound_or_frames_are_empty(stores):
    recording = Stores(*stores[:2], WindowSettings()).read(corpus_item("a"))
    nothing = part_of(recording, 20.0, 30.0)
    assert (len(nothing.times), len(nothing.lld)) == (0, 0)
    deaf = replace(recording, rows=np.full_like(recording.rows, -1))
    assert len(part_of(deaf, 1.0, 2.0).lld) == 0


def test_an_item_without_frames_is_named(stores, tmp_path):
    with pytest.raises(InputError, match="a has no frame between its start and its end"):
        make_windows(
            tmp_path / "w",
            item=corpus_item("a", start=20.0, end=30.0),
            source=Stores(*stores[:2], WindowSettings()),
            labels=None,
            task=AFFECT,
            normalisers={"audio": Normaliser(np.zeros(3), np.ones(3))},
            key="",
        )


def test_what_is_common_to_all_windows_is_in_the_keys(tmp_path, monkeypatch):
    monkeypatch.setattr(clips, "WINDOWS", tmp_path / "w.zarr")
    monkeypatch.setattr(clips, "FC6", tmp_path / "fc6.zarr")
    write_item(tmp_path / "a", {"x": np.zeros(1)}, {"key": "1"})
    assemble(tmp_path / "fc6.zarr", {}, {})
    normaliser = Normaliser(np.zeros(3), np.ones(3))

    def keys(settings, task):
        attributes = attributes_of(settings, task, normaliser)
        assemble(tmp_path / "w.zarr", {"a": tmp_path / "a"}, attributes)
        return clips.keys_of([corpus_item("a")])

    usual = keys(WindowSettings(), AFFECT)
    assert json.dumps(usual)  # as hash_of takes it
    assert keys(WindowSettings(), AFFECT) == usual
    assert keys(WindowSettings(clip_frames=50), AFFECT) != usual
    assert keys(WindowSettings(context_seconds=1), AFFECT) != usual
    assert (
        keys(WindowSettings(), AFFECT.model_copy(update={"outputs": ("arousal", "valence")}))
        != usual
    )


def test_counts_that_differ_are_reported_from_the_store(tmp_path, capsys):
    write_item(tmp_path / "a", {"times": np.arange(10) / 30}, {})
    assemble(tmp_path / "w.zarr", {"a": tmp_path / "a"}, {})
    windows = open_store(tmp_path / "w.zarr", stage="windows")
    for count in (8, 10, 12):
        labels = pd.DataFrame({"time": np.full(count, np.nan), "valence": 0.0, "arousal": 0.0})
        say_if_counts_differ(corpus_item("a"), labels, AFFECT, windows)
    assert capsys.readouterr().err.splitlines() == [
        "a: 8 labels for 10 frames, the last 2 frames are without a label",
        "a: 12 labels for 10 frames, the last 2 labels are left out",
    ]


def given(name: str) -> dict[str, Features]:
    rng = np.random.default_rng(len(name))
    frames = 20 + len(name)
    times = np.arange(frames) / 10
    sound = rng.normal(3, 2, (frames, 4)).astype(np.float32)
    picture = rng.normal(-1, 5, (frames, 6)).astype(np.float32)
    return {
        "sound": Features(times, sound, np.arange(frames) > 2),
        "picture": Features(times, picture, np.arange(frames) % 5 > 0),
    }


@pytest.mark.parametrize("video_too", [False, True])
def test_given_features_reach_the_model(tmp_path, video_too):
    source = Given({"sound": "audio", "picture": "video"}, given)
    items = [corpus_item("a"), corpus_item("bbb", split="test")]
    task = Task(kind="sentiment", level="sequence", outputs=("sentiment",), low=-3.0, high=3.0)
    normalisers = fit_normalisers(items, source, video_too=video_too)
    results = {}
    for item in items:
        results[item.item] = tmp_path / item.item
        labels = pd.DataFrame({"time": [np.nan], "sentiment": [2.5]})
        make_windows(
            results[item.item],
            item=item,
            source=source,
            labels=labels if item.split == "train" else None,
            task=task,
            normalisers=normalisers,
            key="",
        )
    settings = WindowSettings(clip_frames=10)
    assemble(tmp_path / "w.zarr", results, attributes_of(settings, task, normalisers["audio"]))
    assemble(tmp_path / "fc6.zarr", {}, {})
    windows, fc6 = (open_store(tmp_path / f"{n}.zarr", stage=n) for n in ("w", "fc6"))
    data = ClipData(windows, fc6, ["a", "bbb"], preload_bytes=0)
    assert data.features == {"audio": 4, "video": 6}
    assert len(data.clips) == 2  # sequences are whole
    batch = data.batch([0, 1])
    assert batch.labels.tolist() == [[[2.5]], [[0.0]]]
    assert batch.valid.tolist() == [[True], [False]]
    sound, picture = given("a").values()
    assert not data.item_array("a", "voice_present")[:3].any()  # not known: all sound counts
    assert data.item_array("a", "voice_present")[3:].all()
    audio, video = (batch.inputs()[m][0, : len(sound.times)].numpy() for m in ("audio", "video"))
    assert (audio[~sound.present] == 0).all()
    np.testing.assert_allclose(audio[sound.present].mean(0), 0, atol=1e-5)
    if video_too:
        np.testing.assert_allclose(video[picture.present].mean(0), 0, atol=1e-5)
        assert (video[~picture.present] == 0).all()
    else:
        np.testing.assert_array_equal(video, picture.rows)


# ------------------------------------------------------------------ any number of descriptors


@pytest.mark.parametrize(
    ("lld_settings", "columns"),
    [
        (LLDSettings(), 65),
        (LLDSettings(deltas=True), 130),
        (LLDSettings(set="ComParE_2016"), 65),
        (LLDSettings(set="ComParE_2016", deltas=True), 130),
    ],
)
def test_every_set_reaches_the_model(tmp_path, lld_settings, columns):
    samples = np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32)
    lld = extract_lld(samples, lld_settings)
    write_item(
        tmp_path / "f", {"times": np.arange(60) / 30, "present": np.ones(60, bool)}, {"key": "f"}
    )
    write_item(
        tmp_path / "l",
        {"lld": lld, "present": np.ones(len(lld), bool)},
        {"key": "l", "start": 0.0, "duration": 2.0, "names": list(names(lld_settings))},
    )
    write_item(tmp_path / "c", {"fc6": np.zeros((60, 8), np.float16)}, {})
    for name, part in (("faces", "f"), ("lld", "l"), ("fc6", "c")):
        assemble(tmp_path / f"{name}.zarr", {"a": tmp_path / part}, {})
    faces, sounds, fc6 = (
        open_store(tmp_path / f"{name}.zarr", stage=name) for name in ("faces", "lld", "fc6")
    )
    recording = extracted(read_item(faces, "a"), read_item(sounds, "a"), WindowSettings())
    normaliser = Normaliser.fit([recording.sound])
    labels = labels_of(None, recording.times, AFFECT)
    write_windows(tmp_path / "w", recording, labels, {"audio": normaliser}, {"key": ""})
    attributes = attributes_of(WindowSettings(clip_frames=60), AFFECT, normaliser)
    assemble(tmp_path / "windows.zarr", {"a": tmp_path / "w"}, attributes)
    windows = open_store(tmp_path / "windows.zarr", stage="windows")
    normed = read_array(read_item(windows, "a"), "lld")
    assert normed.shape == (len(lld), columns)
    np.testing.assert_allclose(normed.mean(axis=0, dtype=float), 0, atol=1e-4)
    clips = ClipData(windows, fc6, ["a"], preload_bytes=0)
    assert clips.features == {"audio": 60 * columns, "video": 8}
    assert clips.batch([0]).inputs()["audio"].shape == (1, 60, 60 * columns)
