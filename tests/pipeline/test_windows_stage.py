"""The windows stage: what it says, and the manifest of every model."""

import json

import numpy as np
import pandas as pd
import pytest

from features.extractors.described import Described
from features.extractors.settings import GivenSettings, JoinedSettings, OpenSMILESettings
from features.settings import WindowSettings
from features.task import AFFECT, Task
from models.settings import ModelSettings
from models.training.data import ClipData
from models.training.stores import Inputs, read_inputs
from pipeline import windows
from pipeline.params import Params
from tests.helpers.corpus_items import corpus_item
from tests.helpers.streams import FACES, SOUND, heard, seen, sources_of, stores_in, windows_in

ROWS = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
PICTURES = np.random.default_rng(1).random((60, 4)).astype(np.float16)


def test_counts_that_differ_are_reported(tmp_path, capsys):
    pictures = seen(np.zeros((10, 4), np.float16), np.arange(10) / 30)
    sources = sources_of(tmp_path, {"fc6": (FACES, {"a": pictures})})
    for count in (8, 10, 12):
        labels = pd.DataFrame({"time": np.full(count, np.nan), "valence": 0.0, "arousal": 0.0})
        found, _ = windows_in(tmp_path, sources, [corpus_item("a")], {"a": labels})
        windows.say_if_counts_differ(corpus_item("a"), labels, AFFECT, found["a"])
    assert capsys.readouterr().err.splitlines() == [
        "a: 8 labels for 10 frames, the last 2 frames are without a label",
        "a: 12 labels for 10 frames, the last 2 labels are left out",
    ]


# ------------------------------------------------------------------ given features


def given_features(name: str) -> dict[str, Described]:
    rng = np.random.default_rng(len(name))
    frames = 20 + len(name)
    times = np.arange(frames) / 10
    sound = rng.normal(3, 2, (frames, 4)).astype(np.float32)
    picture = rng.normal(-1, 5, (frames, 6)).astype(np.float32)
    return {
        "sound": Described(sound, times, np.arange(frames) > 2),
        "picture": Described(picture, times, np.arange(frames) % 5 > 0),
    }


@pytest.mark.parametrize("video_too", [False, True])
def test_given_features_reach_the_model(tmp_path, video_too):
    items = [corpus_item("a"), corpus_item("bbb", split="test")]
    task = Task(kind="sentiment", level="sequence", outputs=("sentiment",), low=-3.0, high=3.0)
    features = {item.item: given_features(item.item) for item in items}
    streams = {
        name: (settings, {item: of[name] for item, of in features.items()})
        for name, settings in {
            "picture": GivenSettings(modality="video", of="picture", normalise=video_too),
            "sound": GivenSettings(modality="audio", of="sound"),
        }.items()
    }
    sources = sources_of(tmp_path, streams, gives_features=True)
    labels = {"a": pd.DataFrame({"time": [np.nan], "sentiment": [2.5]})}
    windows_in(tmp_path, sources, items, labels, task, clip_frames=10)
    data = ClipData(*stores_in(tmp_path, "sound", "picture"), ["a", "bbb"], preload_bytes=0)
    assert data.features == {"audio": 4, "video": 6}
    assert len(data.clips) == 2  # sequences are whole
    batch = data.batch([0, 1])
    assert batch.labels.tolist() == [[[2.5]], [[0.0]]]
    assert batch.valid.tolist() == [[True], [False]]
    sound, picture = features["a"].values()
    assert not data.item_array("a", "voice")[:3].any()  # not known: all sound counts
    assert data.item_array("a", "voice")[3:].all()
    audio, video = (batch.inputs()[m][0, : len(sound.times)].numpy() for m in ("audio", "video"))
    assert (audio[~sound.present] == 0).all()
    np.testing.assert_allclose(audio[sound.present].mean(0), 0, atol=1e-5)
    if video_too:
        np.testing.assert_allclose(video[picture.present].mean(0), 0, atol=1e-5)
        assert (video[~picture.present] == 0).all()
    else:
        np.testing.assert_array_equal(video, picture.rows)


def test_given_sound_alone_makes_the_frames(tmp_path):
    sound = {"a": given_features("a")["sound"]}
    settings = GivenSettings(modality="audio", of="sound")
    sources = sources_of(tmp_path, {"sound": (settings, sound)}, gives_features=True)
    found, _ = windows_in(tmp_path, sources, [corpus_item("a")])
    np.testing.assert_array_equal(found["a"].arrays["times"], sound["a"].times)


# ------------------------------------------------------------------ manifests


class Corpus:
    """A corpus of two items, whose manifests are written for some params."""

    def __init__(self, folder, monkeypatch):
        self.folder, self.monkeypatch = folder, monkeypatch
        self.count = 0

    def inputs(self, *, rows=ROWS, labels=0.5, streams=None, task=AFFECT, **params):
        """The manifest of every model."""
        self.count += 1
        folder = self.folder / str(self.count)
        folder.mkdir()
        self.monkeypatch.chdir(folder)
        self.monkeypatch.setattr(windows, "read_task", lambda: task)
        settings = {"fc6": FACES, "lld": SOUND} | (streams or {})
        described = {
            "audio": {"a": heard(rows), "b": heard(ROWS[:150])},
            "video": {name: seen(PICTURES, np.arange(60) / 30) for name in "ab"},
        }
        sources = sources_of(
            folder,
            {n: (s, described[s.modality]) for n, s in settings.items() if not s.parts},
            joined={n: s for n, s in settings.items() if isinstance(s, JoinedSettings)},
        )
        table = pd.DataFrame({"time": np.nan, "valence": np.full(60, labels), "arousal": 0.0})
        items = [corpus_item("a"), corpus_item("b", split="test")]
        found, described = windows_in(folder, sources, items, {"a": table}, task)
        models = params.pop("models", {"both": ModelSettings()})
        whole = Params(streams=settings, models=models, **params)
        windows.write_inputs(whole, items, found, described, sources)
        return {name: read_inputs(name) for name in models}


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    return Corpus(tmp_path, monkeypatch)


def training(inputs: Inputs, items="ab"):
    return json.dumps(inputs.for_training(items))  # as key_of takes it


def test_what_a_model_reads_is_in_its_manifest(corpus):
    usual = training(corpus.inputs()["both"])
    assert training(corpus.inputs()["both"]) == usual
    for changes in (
        {"windows": WindowSettings(clip_frames=50)},
        {"windows": WindowSettings(hold=0.5)},
        {"streams": {"lld": OpenSMILESettings(context_seconds=1.0)}},
        {"streams": {"lld": OpenSMILESettings(deltas=True)}},
        {"streams": {"lld": OpenSMILESettings(normalise=False)}},
        {"rows": ROWS + 1},  # another z-norm
        {"labels": 0.25},
        {"task": AFFECT.model_copy(update={"outputs": ("arousal", "valence")})},
    ):
        assert training(corpus.inputs(**changes)["both"]) != usual, changes


def test_a_manifest_speaks_of_chosen_items_alone(corpus):
    inputs = corpus.inputs()["both"]
    assert inputs.items["b"]["split"] == "test"
    assert training(inputs, "a") != training(inputs, "b") != training(inputs, "ab")
    assert inputs.for_evaluation("a") != inputs.for_training("a")


def test_a_model_hangs_on_the_streams_that_it_sees(corpus):
    models = {
        "both": ModelSettings(),
        "deaf": ModelSettings(network="unimodal", sees=["fc6"]),
        "wide": ModelSettings(sees=["lld130", "fc6"]),
    }
    streams = {"lld130": OpenSMILESettings(deltas=True)}
    before = corpus.inputs(models=models, streams=streams)
    streams = {"lld130": OpenSMILESettings(deltas=True, context_seconds=1.0)}
    after = corpus.inputs(models=models, streams=streams)
    same = {name: training(before[name]) == training(after[name]) for name in models}
    assert same == {"both": True, "deaf": True, "wide": False}


def test_names_of_models_and_streams_are_in_no_manifest(corpus):
    models = {"one": ModelSettings(), "two": ModelSettings(sees=["other", "fc6"])}
    inputs = corpus.inputs(models=models, streams={"other": OpenSMILESettings()})
    # The planted key of a row has the name of its stream.
    one, two = (training(inputs[name]).replace("other of", "lld of") for name in models)
    assert one == two
    joined = corpus.inputs(
        models={"one": ModelSettings(sees=["x", "fc6"]), "two": ModelSettings(sees=["y", "fc6"])},
        streams={
            "x": JoinedSettings(modality="audio", of=["lld", "lld"]),
            "y": JoinedSettings(modality="audio", of=["lld", "lld"]),
        },
    )
    assert training(joined["one"]) == training(joined["two"])


def test_the_manifest_of_a_model_that_is_gone_is_gone(corpus, tmp_path):
    corpus.inputs(models={"one": ModelSettings(), "two": ModelSettings()})
    folder = tmp_path / "1" / "data/inputs"
    assert {file.name for file in folder.iterdir()} == {"one.json", "two.json"}
    (folder / "two.json").rename(folder / "three.json")
    windows.remove_others(folder, ["one"])
    assert {file.name for file in folder.iterdir()} == {"one.json"}
