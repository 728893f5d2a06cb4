"""Windows of features that a corpus gives: vectors of whole items, and features beside media."""

import numpy as np
import pandas as pd
import pytest

from features.corpora.item import Features
from features.extractors.described import Described
from features.extractors.given import Given, GivenSource
from features.extractors.settings import GivenSettings
from features.task import AFFECT, Task
from features.windows.build import windowed
from models.training.data import ClipData
from tests.helpers.corpus_items import corpus_item
from tests.helpers.streams import FACES, SOUND, heard, seen, sources_of, stores_in, windows_in

PICTURE = GivenSettings(modality="video", of="face", normalise=False)
VOICE = GivenSettings(modality="audio", of="voice", normalise=False)
TRUST = Task(level="sequence", outputs=("trust",), ranges={"trust": (0, 100)})


def given(settings: GivenSettings, rows: np.ndarray, rate: float, seconds: float) -> Described:
    """What the extractor makes of a stream of an item."""
    times = np.arange(len(rows)) / rate
    features = {settings.of or "": Features(times, rows, np.ones(len(rows), bool))}
    source = GivenSource(lambda _: features, "a", settings.of or "", seconds)
    return Given(settings, "cpu").extract(source)


VECTOR = np.array([[1, 2, 3]], np.float32)
ROWS = np.random.default_rng(0).normal(size=(80, 2)).astype(np.float32)


@pytest.mark.parametrize("single", ["video", "audio", "both"])
def test_a_vector_of_an_item_stands_for_all_of_it(tmp_path, single):
    picture = VECTOR if single != "audio" else np.repeat(ROWS, 2, axis=1)[:60]
    sound = VECTOR if single != "video" else ROWS
    streams = {
        "face": (PICTURE, {"a": given(PICTURE, picture, 30.0, 2.0)}),
        "voice": (VOICE, {"a": given(VOICE, sound, 40.0, 2.0)}),
    }
    sources = sources_of(tmp_path, streams, gives_features=True)
    labels = {"a": pd.DataFrame({"time": [np.nan], "trust": [0.5]})}
    found, _ = windows_in(tmp_path, sources, [corpus_item("a", path="")], labels, TRUST)
    frames = {"video": 80, "audio": 60, "both": 1}[single]
    assert len(found["a"].arrays["times"]) == frames
    assert found["a"].arrays["face"].all()
    assert found["a"].arrays["sound"].all()
    batch = ClipData(*stores_in(tmp_path, "voice", "face"), ["a"], preload_bytes=0).batch([0])
    inputs = {modality: x[0].numpy() for modality, x in batch.inputs().items()}
    assert all(len(x) == frames for x in inputs.values())
    if single != "audio":
        np.testing.assert_array_equal(inputs["video"], np.repeat(VECTOR, frames, axis=0))
    if single != "video":
        np.testing.assert_array_equal(inputs["audio"], np.repeat(VECTOR, frames, axis=0))
    assert batch.labels.reshape(-1).tolist() == [0.5]


def test_features_lie_beside_sound_of_media(tmp_path):
    sound = np.random.default_rng(1).normal(size=(200, 3)).astype(np.float32)
    rows = np.arange(20, dtype=np.float32)[:, None]
    streams = {
        "face": (PICTURE, {"a": given(PICTURE, rows, 10.0, 2.0)}),
        "lld": (SOUND, {"a": heard(sound)}),
    }
    sources = sources_of(tmp_path, streams, gives_features=True)
    arrays = windowed(corpus_item("a"), None, AFFECT, sources).arrays
    np.testing.assert_allclose(arrays["times"], np.arange(20) / 10)
    assert arrays["face"].all()
    assert arrays["sound"].all()


def test_a_voice_of_one_s_own_lies_beside_pictures_of_media(tmp_path):
    pictures = np.ones((60, 4), np.float16)
    streams = {
        "fc6": (FACES, {"a": seen(pictures, np.arange(60) / 30)}),
        "voice": (VOICE, {"a": given(VOICE, ROWS, 40.0, 2.0)}),
    }
    found, _ = windows_in(tmp_path, sources_of(tmp_path, streams), [corpus_item("a")])
    index = found["a"].streams["voice"].index[:, 0]
    centres = (np.arange(60) + 0.5) / 30
    np.testing.assert_array_equal(index, np.floor(centres * 40 + 1e-9))


def test_targets_over_time_are_given_to_the_rows_of_the_picture(tmp_path):
    over_time = Task(outputs=("trust",), ranges={"trust": (0, 100)})
    rows = np.zeros((20, 1), np.float32)
    streams = {"face": (PICTURE, {"a": given(PICTURE, rows, 10.0, 2.0)})}
    sources = sources_of(tmp_path, streams, gives_features=True)
    times = np.array([0.0, 0.5, 1.0, 1.5])
    units = pd.DataFrame({"time": times, "trust": [0.0, 50.0, 100.0, 150.0]})
    labels = over_time.scaled(units)
    arrays = windowed(corpus_item("a", path=""), labels, over_time, sources).arrays
    assert arrays["labels"][[0, 5, 10], 0].tolist() == [-1, 0, 1]
    assert arrays["valid"][:13].all()
    assert not arrays["valid"][13:].any(), "150 is out of the range"
