"""What the windows stage makes: frames, steps, presence, labels, z-norms."""

import numpy as np
import pandas as pd
import pytest

from features.errors import InputError
from features.extractors.described import Described
from features.extractors.opensmile.presence import F0, voice_present
from features.extractors.settings import (
    CropsSettings,
    GivenSettings,
    JoinedSettings,
    OpenSMILESettings,
    VGGFaceSettings,
)
from features.task import AFFECT, Task
from features.windows.build import windowed
from features.windows.frames import frames_of
from models.ablation.frame_map import repeats, runs_of
from models.training.data import ClipData
from tests.helpers.corpus_items import corpus_item
from tests.helpers.streams import (
    FACES,
    SOUND,
    heard,
    reader_in,
    seen,
    sources_of,
    stores_in,
    windows_in,
)

ROWS = np.random.default_rng(0).normal([-100, 0, 3e4], [1e-2, 1, 50], (400, 3)).astype(np.float32)
CLASSES = Task(kind="classification", level="sequence", outputs=("a", "b"))


# ------------------------------------------------------------------ z-norm


NAMES = {"a": "train", "b": "train", "v": "validation", "t": "test"}


def fitted(folder, rows, say=print, present=None):
    """The normaliser of a corpus of four items of sound alone."""
    folder.mkdir()
    present = present or {}
    items = {
        n: heard(part, **({"present": present[n]} if n in present else {}))
        for n, part in rows.items()
    }
    sources = sources_of(folder, {"sound": (SOUND, items)})
    corpus = [corpus_item(name, split=split) for name, split in NAMES.items()]
    _, streams = windows_in(folder, sources, corpus, say=say)
    return streams["sound"].normaliser[0]


@pytest.fixture
def parts():
    return dict(zip(NAMES, np.split(ROWS.copy(), [90, 200, 300]), strict=True))


def test_z_norm_uses_training_rows_only(tmp_path, parts):
    before = fitted(tmp_path / "1", parts)
    for name in ("v", "t"):
        parts[name] = np.full_like(parts[name], 1e6)
    after = fitted(tmp_path / "2", parts)
    np.testing.assert_array_equal(before.mean, after.mean)
    np.testing.assert_array_equal(before.std, after.std)
    np.testing.assert_allclose(after.mean, ROWS[:200].mean(axis=0, dtype=float), rtol=1e-12)


@pytest.mark.parametrize("name", ["a", "b"])
def test_every_training_recording_counts(tmp_path, parts, name):
    before = fitted(tmp_path / "1", parts)
    parts[name][7, 1] += 10
    after = fitted(tmp_path / "2", parts)
    assert after.mean[1] == pytest.approx(before.mean[1] + 10 / 200, rel=1e-6)
    assert after.std[1] != before.std[1]
    np.testing.assert_array_equal(before.mean[[0, 2]], after.mean[[0, 2]])


def test_rows_without_sound_do_not_count(tmp_path, parts):
    before = fitted(tmp_path / "1", parts)
    silence = np.full((30, 3), -1e5, np.float32)
    parts["a"] = np.concatenate([parts["a"], silence])
    present = {"a": np.arange(120) < 90}
    np.testing.assert_array_equal(before.mean, fitted(tmp_path / "2", parts, present=present).mean)


def test_without_sound_in_training_rows_are_left_as_they_are(tmp_path, parts):
    said = []
    present = {name: np.zeros(len(parts[name]), bool) for name in ("a", "b")}
    assert fitted(tmp_path / "1", parts, said.append, present) is None
    assert said == ["no sound in the train split: its features are not z-normed"]


# ------------------------------------------------------------------ parts of files

PAUSE = (410, 470)
"""Rows without pitch."""


@pytest.fixture
def ten_seconds(tmp_path):
    """One item in the streams `fc6` and `lld`."""
    frames, rows = 300, 1000
    lld = np.random.default_rng(0).normal(size=(rows, 3)).astype(np.float32)
    lld[:, 1] = (np.arange(rows) < PAUSE[0]) | (np.arange(rows) >= PAUSE[1])
    every = np.ones(rows, bool)
    voice = voice_present(lld, every, ["a", F0, "b"])
    pictures = np.arange(frames, dtype=np.float16)[:, None]
    face = np.arange(frames) % 7 > 0
    return sources_of(
        tmp_path,
        {
            "fc6": (FACES, {"a": seen(pictures, np.arange(frames) / 30, face)}),
            "lld": (OpenSMILESettings(normalise=False), {"a": heard(lld, voice=voice)}),
        },
    )


def test_a_part_of_a_file_is_that_part_of_the_whole(ten_seconds, tmp_path):
    whole, part = corpus_item("a"), corpus_item("a", start=4.0, end=6.5)
    found = windowed(part, None, AFFECT, ten_seconds)
    # A frame is what its centre is, between the centres of two rows.
    row = np.round(((np.arange(120, 195) + 0.5) / 30 - 0.01) * 100)
    paused = (row >= PAUSE[0]) & (row < PAUSE[1])
    np.testing.assert_array_equal(found.arrays["voice"], ~paused)
    assert found.arrays["sound"].all()
    np.testing.assert_allclose(found.arrays["times"], np.arange(120, 195) / 30)
    data = {}
    for item in (whole, part):
        labels = pd.DataFrame({"time": np.nan, "valence": np.linspace(-1, 1, 300), "arousal": 0.0})
        of_item = labels if item is whole else labels.iloc[120:195]
        windows_in(tmp_path, ten_seconds, [item], {"a": of_item}, clip_frames=50)
        data[item.start] = ClipData(*stores_in(tmp_path, "lld", "fc6"), ["a"], preload_bytes=0)
    # Frames 120 to 170 are the first clip of the part, and lie in two of the whole.
    first, whole_clips = data[4.0].batch([0]), data[0.0].batch([2, 3])
    of_whole = whole_clips.inputs()
    for modality, x in first.inputs().items():
        expected = of_whole[modality].flatten(0, 1)[20:70]
        assert np.array_equal(x[0].numpy(), expected.numpy()), modality
    expected = whole_clips.labels.flatten(0, 1)[20:70]
    assert np.array_equal(first.labels[0].numpy(), expected.numpy())


def test_the_z_norm_of_a_part_is_of_the_rows_that_it_looks_at(tmp_path):
    lld = np.random.default_rng(0).normal(size=(1000, 3)).astype(np.float32)
    settings = OpenSMILESettings(context_seconds=0.0)
    sources = sources_of(
        tmp_path,
        {
            "fc6": (FACES, {"a": seen(np.zeros((300, 1), np.float16), np.arange(300) / 30)}),
            "lld": (settings, {"a": heard(lld)}),
        },
    )
    found, streams = windows_in(tmp_path, sources, [corpus_item("a", start=4.0, end=6.5)])
    index = found["a"].streams["lld"].index
    looked_at = lld[index.min() : index.max() + 1]
    assert 240 < len(looked_at) < 260
    expected = looked_at.mean(axis=0, dtype=np.float64)
    np.testing.assert_allclose(streams["lld"].normaliser[0].mean, expected, rtol=1e-9)


def test_an_item_without_frames_is_named(ten_seconds):
    with pytest.raises(InputError, match="a has no frame between its start and its end"):
        frames_of(corpus_item("a", start=20.0, end=30.0), None, ten_seconds)


def test_a_part_without_sound_looks_at_no_row(tmp_path):
    sources = sources_of(
        tmp_path,
        {
            "fc6": (FACES, {"a": seen(np.zeros((300, 1), np.float16), np.arange(300) / 30)}),
            "lld": (SOUND, {"a": heard(ROWS)}),
        },
    )
    found, streams = windows_in(tmp_path, sources, [corpus_item("a", start=8.0, end=9.0)])
    steps = found["a"].streams["lld"]
    assert (steps.index == -1).all()
    assert not steps.present.any()
    assert streams["lld"].normaliser == (None,)
    batch = ClipData(*stores_in(tmp_path, "lld", "fc6"), ["a"], preload_bytes=0).batch([0])
    assert batch.inputs()["audio"].shape == (1, 30, 180)
    assert not batch.inputs()["audio"].any()


# ------------------------------------------------------------------ the recording's clock


@pytest.fixture
def camera_off(tmp_path):
    """A call of 8 s of sound whose camera goes off after 2 s."""
    rows = np.random.default_rng(0).normal(size=(800, 3)).astype(np.float32)
    pictures = 1 + np.random.default_rng(1).random((50, 4)).astype(np.float16)
    streams = {
        "fc6": (FACES, {"a": seen(pictures, np.arange(50) / 25)}),
        "lld": (SOUND, {"a": heard(rows)}),
    }
    return sources_of(tmp_path, streams)


def test_a_call_whose_camera_goes_off_has_all_its_frames_and_labels(camera_off, tmp_path):
    at = np.arange(80) / 10
    labels = pd.DataFrame({"time": at, "valence": np.sin(at), "arousal": 0.5})
    found, _ = windows_in(tmp_path, camera_off, [corpus_item("a", seconds=8.0)], {"a": labels})
    arrays = found["a"].arrays
    assert len(arrays["times"]) == 200
    # The last label is of 7.9 s, and reaches to 7.95 s.
    assert arrays["valid"].tolist() == [True] * 199 + [False]
    assert arrays["sound"].all()
    assert arrays["face"].sum() == 50 + 25
    data = ClipData(*stores_in(tmp_path, "lld", "fc6"), ["a"], preload_bytes=1 << 20)
    batch = data.batch([0, 1])
    video, present = batch.inputs()["video"], batch.received()["video"]
    # Held frames repeat the last picture: they are there, and count as repeats.
    assert present.flatten().tolist() == [True] * 75 + [False] * 125
    repeated = repeats(runs_of(video))[0] & present[0]
    assert repeated.nonzero().flatten().tolist() == list(range(50, 75))
    assert not video.flatten(0, 1)[75:].any()
    assert batch.inputs()["audio"][1, -1].any()


def test_labels_with_a_row_per_frame_count_decoded_pictures_only(tmp_path):
    pictures = np.delete(np.arange(100) / 25, np.arange(30, 60))
    sources = sources_of(
        tmp_path, {"fc6": (FACES, {"a": seen(np.zeros((70, 1), np.float16), pictures)})}
    )
    labels = pd.DataFrame({"time": np.nan, "valence": np.linspace(-1, 1, 70), "arousal": 0.0})
    arrays = windowed(corpus_item("a"), labels, AFFECT, sources).arrays
    assert len(arrays["times"]) == 100
    assert not arrays["valid"][30:60].any()
    found = arrays["labels"][arrays["decoded"], 0]
    np.testing.assert_array_equal(found, np.linspace(-1, 1, 70).astype(np.float32))


def test_a_file_without_pictures_has_30_frames_a_second(tmp_path):
    nothing = seen(np.zeros((0, 4), np.float16), np.zeros(0))
    sources = sources_of(
        tmp_path, {"fc6": (FACES, {"a": nothing}), "lld": (SOUND, {"a": heard(ROWS, start=0.5)})}
    )
    found = windowed(corpus_item("a", has_video=False), None, AFFECT, sources)
    np.testing.assert_allclose(found.arrays["times"], 0.5 + np.arange(120) / 30)
    assert not found.arrays["face"].any()
    assert found.arrays["sound"].all()
    assert (found.streams["fc6"].index == -1).all()


def test_without_a_video_stream_sound_makes_the_frames(tmp_path):
    sources = sources_of(tmp_path, {"lld": (SOUND, {"a": heard(ROWS)})})
    found = windowed(corpus_item("a"), None, AFFECT, sources)
    np.testing.assert_allclose(found.arrays["times"], np.arange(120) / 30)


# ------------------------------------------------------------------ streams of any kind


@pytest.mark.parametrize("columns", [65, 130])
def test_context_belongs_to_the_stream(tmp_path, columns):
    rows = np.random.default_rng(0).normal(size=(200, columns)).astype(np.float32)
    wide, narrow = OpenSMILESettings(), OpenSMILESettings(context_seconds=0.0)
    sources = sources_of(
        tmp_path,
        {
            "fc6": (FACES, {"a": seen(np.zeros((60, 8), np.float16), np.arange(60) / 30)}),
            "wide": (wide, {"a": heard(rows)}),
            "narrow": (narrow, {"a": heard(rows)}),
        },
    )
    windows_in(tmp_path, sources, [corpus_item("a")], clip_frames=60)
    inputs = {}
    for name, steps in (("wide", 60), ("narrow", 1)):
        clips = ClipData(*stores_in(tmp_path, name, "fc6"), ["a"], preload_bytes=0)
        assert clips.features == {"audio": steps * columns, "video": 8}
        inputs[name] = clips.batch([0]).inputs()["audio"]
    assert inputs["wide"].shape == (1, 60, 60 * columns)
    # The last step of a causal context is the frame itself.
    assert np.array_equal(inputs["wide"][..., -columns:], inputs["narrow"])
    normed = reader_in(tmp_path, "wide").rows("a", 0, 200)
    np.testing.assert_allclose(normed.mean(axis=0, dtype=float), 0, atol=1e-4)


def test_joined_streams_lie_side_by_side_on_the_first_one_s_clock(tmp_path):
    rng = np.random.default_rng(0)
    faces = rng.random((60, 8)).astype(np.float16)
    slow = rng.normal(5, 3, (20, 2)).astype(np.float32)  # a row for every third picture
    there = np.arange(20) != 4
    sources = sources_of(
        tmp_path,
        {
            "fc6": (FACES, {"a": seen(faces, np.arange(60) / 30, np.arange(60) % 20 > 0)}),
            "slow": (
                GivenSettings(modality="video", of="x"),
                {"a": Described(slow, np.arange(20) / 10, there)},
            ),
        },
        joined={"both": JoinedSettings(modality="video", of=["fc6", "slow"])},
    )
    found, streams = windows_in(tmp_path, sources, [corpus_item("a")])
    assert streams["both"].width == 10
    clips = ClipData(*stores_in(tmp_path, "both"), ["a"], preload_bytes=0)
    video = clips.batch([0]).inputs()["video"][0].numpy()
    np.testing.assert_array_equal(video[:, :8], faces.astype(np.float32))
    fitted = streams["slow"].normaliser[0]
    expected = np.repeat(fitted.apply(slow, there), 3, axis=0)
    np.testing.assert_array_equal(video[:, 8:], expected)
    # There is something where either part has something.
    assert found["a"].streams["both"].present.tolist() == [
        bool(frame % 20) or frame // 3 != 4 for frame in range(60)
    ]
    for preload in (0, 1 << 20):
        again = ClipData(*stores_in(tmp_path, "both"), ["a"], preload_bytes=preload)
        assert np.array_equal(again.batch([0]).inputs()["video"][0].numpy(), video)


def test_a_stream_at_its_own_rate_has_steps_and_a_mask_of_its_own(tmp_path):
    rows = np.random.default_rng(0).normal(size=(150, 3)).astype(np.float32)
    settings = OpenSMILESettings(align="none", context_seconds=0.0, normalise=False)
    sources = sources_of(
        tmp_path,
        {
            "fc6": (
                FACES,
                {
                    n: seen(np.ones((k, 2), np.float16), np.arange(k) / 30)
                    for n, k in (("a", 45), ("b", 30))
                },
            ),
            "lld": (settings, {"a": heard(rows), "b": heard(rows[:100])}),
        },
    )
    windows_in(tmp_path, sources, [corpus_item("a"), corpus_item("b")], task=CLASSES)
    clips = ClipData(*stores_in(tmp_path, "lld", "fc6"), ["a", "b"], preload_bytes=0)
    batch = clips.batch([0, 1])
    assert batch.mask.sum(1).tolist() == [45, 30]
    assert {m: mask.sum(1).tolist() for m, mask in batch.masks().items()} == {
        "audio": [150, 100],
        "video": [45, 30],
    }
    np.testing.assert_array_equal(batch.inputs()["audio"][0].numpy(), rows)
    assert not batch.inputs()["audio"][1, 100:].any()
    # What frames lose, the rows within them lose: row k is centred at 0.01 k + 0.01 s.
    lost = batch.mask.clone()
    lost[:, 10:] = False
    centres = (np.arange(150) + 1) / 100
    expected = np.floor(centres * 30 + 1e-9) < 10
    found = batch.streams["audio"].of_frames(lost)
    assert found[0].tolist() == expected.tolist()
    assert found[1].tolist() == [*expected[:100], *[False] * 50]
    own = batch.draws(0, modality="audio")
    assert own.mask.shape == (2, 150)
    assert set(own.received) == {"audio"}
    assert batch.draws(0).mask.shape == (2, 45)


def test_a_stream_at_its_own_rate_of_a_part_has_the_part_s_rows(tmp_path):
    settings = OpenSMILESettings(align="none", context_seconds=0.0)
    streams = {
        "fc6": (FACES, {"a": seen(np.ones((120, 2), np.float16), np.arange(120) / 30)}),
        "lld": (settings, {"a": heard(ROWS)}),
    }
    sources = sources_of(tmp_path, streams)
    found = windowed(corpus_item("a", start=1.0, end=2.0), None, CLASSES, sources)
    steps = found.streams["lld"]
    assert steps.index.flatten().tolist() == list(range(99, 199))
    assert (np.diff(steps.frame) >= 0).all()
    assert (steps.frame[0], steps.frame[-1]) == (0, 29)


def test_pictures_may_be_spread_over_an_item_or_its_part(tmp_path):
    settings = CropsSettings(align="none", pictures=4)
    rows = np.zeros((120, 2, 2, 3), np.uint8)
    sources = sources_of(tmp_path, {"crops": (settings, {"a": seen(rows, np.arange(120) / 30)})})
    whole = windowed(corpus_item("a"), None, CLASSES, sources).streams["crops"]
    assert whole.index.flatten().tolist() == whole.frame.tolist() == [15, 45, 75, 105]
    part = windowed(corpus_item("a", start=1.0, end=2.0), None, CLASSES, sources).streams["crops"]
    middle = part.index.flatten()
    assert len(middle) == 4
    assert np.abs(middle - [33, 40, 48, 55]).max() <= 1
    assert part.frame.tolist() == (middle - middle[0] + part.frame[0]).tolist()


def test_frames_with_labels_of_their_own_need_aligned_streams(tmp_path):
    sources = sources_of(tmp_path, {"lld": (OpenSMILESettings(align="none"), {"a": heard(ROWS)})})
    with pytest.raises(InputError, match=r"streams\.lld\.align is none, and the corpus has labels"):
        windows_in(tmp_path, sources, [corpus_item("a")])


def test_pictures_may_be_normalised(tmp_path):
    faces = np.random.default_rng(0).normal(3, 2, (60, 8)).astype(np.float16)
    present = np.arange(60) % 5 > 0
    faces[~present] = 0
    settings = VGGFaceSettings(normalise=True)
    sources = sources_of(
        tmp_path, {"fc6": (settings, {"a": seen(faces, np.arange(60) / 30, present)})}
    )
    windows_in(tmp_path, sources, [corpus_item("a")])
    clips = ClipData(*stores_in(tmp_path, "fc6"), ["a"], preload_bytes=0)
    video = clips.batch([0]).inputs()["video"][0].numpy()
    np.testing.assert_allclose(video[present].mean(0), 0, atol=1e-5)
    assert (video[~present] == 0).all()
