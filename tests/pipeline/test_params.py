from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from features.errors import InputError
from models.settings import NetworkSize, TrainSettings
from pipeline.engine.execution import ExecutionSettings
from pipeline.params import advice_on, load_params

OWN = Path(__file__).parents[2] / "params.yaml"


@pytest.fixture
def load(tmp_path):
    """Load a params.yaml of this text."""

    def load(text):
        file = tmp_path / "params.yaml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_params(file)

    return load


def test_the_repositorys_own_file_loads():
    loaded = load_params(OWN)
    strategies = {name: model.ablation.strategy for name, model in loaded.models.items()}
    assert strategies == {
        "baseline": "none",
        "clip_zero": "clip_zero",
        "frame_zero": "frame_zero",
        "frame_repeat": "frame_repeat",
        "video_only": "none",
        "audio_only": "none",
        "lacuna": "frame_zero",
    }
    assert loaded.corpus.is_synthetic


def test_small_crops_and_large_networks_are_advised_on(load, tmp_path):
    streams = "streams:\n  fc6: {modality: video, extractor: vggface, input_size: 224}\n"
    text = streams + "models:\n  a: {network: unimodal, sees: [fc6]}\n"
    folder = tmp_path / "models"
    assert list(advice_on(load(OWN.read_text()), folder)) == []
    assert list(advice_on(load(text + "faces: {size: 224}\n"), folder)) == []
    (small,) = advice_on(load(text), folder)
    assert small.startswith("streams.fc6 enlarges the crops of 96 pixels to 224: faces.size: 224")
    (folder / "a/seed-0").mkdir(parents=True)
    weights = {"w": np.zeros((2001, 1000), np.float16), "b": np.zeros((), np.float32)}
    save_file(weights, folder / "a/seed-0/model.safetensors")
    *_, large = advice_on(load(text), folder)
    assert large.startswith("models.a has 2.0 million parameters: more train.threads than 1")
    assert len(list(advice_on(load(text + "train: {threads: 2}\n"), folder))) == 1


def test_crops_as_a_stream_are_not_coded(load):
    text = "streams:\n  face: {modality: video, extractor: crops}\n"
    text += "models:\n  a: {network: unimodal, sees: [face]}\n"
    assert load(text).streams["face"].normalise is False
    with pytest.raises(InputError, match=r"faces\.jpeg codes them: set faces\.jpeg to null"):
        load(text + "faces: {jpeg: 95}\n")


SHOWN = """\
streams:
  crops: {modality: video, extractor: crops}
  fc6: {modality: video, extractor: vggface}
"""


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("{network: picture_fusion, sees: [fc6]}", r"streams\.fc6 is not of extractor: crops"),
        (
            "{network: picture_fusion, sees: [crops]}\nfaces: {size: 100}",
            r"multiple of 16, and faces\.size is 100",
        ),
        (
            "{network: fusion, sees: [crops], weights: {path: x, sha256: HASH}}",
            "network fusion has no part of published weights: choose picture_fusion",
        ),
    ],
)
def test_a_network_of_pictures_sees_crops(load, more, said):
    assert load(f"{SHOWN}models:\n  a: {{network: picture_fusion, sees: [crops]}}\n")
    with pytest.raises(InputError, match=said):
        load(f"{SHOWN}models:\n  a: {more}\n".replace("HASH", "ab" * 32))


def test_crops_are_spread_where_they_have_a_rate_of_their_own(load):
    text = "streams:\n  crops: {modality: video, extractor: crops, pictures: 15MORE}\n"
    text += "models:\n  a: {network: picture_fusion, sees: [crops]}\n"
    stream = load(text.replace("MORE", ", align: none")).streams["crops"]
    assert (stream.spread, "pictures" in stream.of_rows()) == (15, False)
    with pytest.raises(InputError, match="pictures is set, and align is frames"):
        load(text.replace("MORE", ""))


def test_saved_params_load_as_they_were(load):
    loaded = load_params(OWN)
    assert load(loaded.model_dump_json()) == loaded


def test_the_defaults_are_the_papers(load):
    loaded = load("models: {baseline: {}}")
    assert loaded.train.network == NetworkSize(dim=512, heads=4, ffn=512, layers=2)
    assert TrainSettings().learning_rate == 1e-4
    assert loaded.streams["lld"].context_seconds == 2
    assert loaded.windows.clip_frames == 100
    assert loaded.faces.size == 96
    lost = {grid.strategy: grid.p for grid in loaded.evaluate.conditions}
    assert lost == {
        "clip_zero": [1, 0.7, 0.5, 0.3, 0],
        "frame_zero": [1, 0.95, 0.9, 0.85, 0],
        "frame_repeat": [1, 0.95, 0.9, 0.85, 0],
    }
    assert all(grid.modality == ["audio", "video"] for grid in loaded.evaluate.conditions)
    assert loaded.evaluate.trials == 10


def test_what_a_model_comes_to(load):
    loaded = load(
        "{train: {epochs: 7}, models: {a: {}, b: {preset: parthasarathy2021, size: {dim: 64}}}}"
    )
    assert loaded.resolved("a").train == loaded.train
    b = loaded.resolved("b")
    assert (b.size.dim, b.train.learning_rate, b.train.epochs) == (64, 1e-5, 7)
    with pytest.raises(InputError, match="no model named c"):
        loaded.resolved("c")


def test_a_model_that_is_not_there(load):
    loaded = load("models: {one: {}, two: {}}")
    assert loaded.model("two").network == "crossmodal"
    with pytest.raises(InputError, match="no model named three; it has one, two"):
        loaded.model("three")


# ------------------------------------------------------------------ execution


def test_the_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("LACUNA_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert ExecutionSettings().cache_folder == tmp_path / ".cache/lacuna"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert ExecutionSettings().cache_folder == tmp_path / "xdg/lacuna"
    monkeypatch.setenv("LACUNA_CACHE", "~/mine")
    assert ExecutionSettings().cache_folder == tmp_path / "mine"
    assert ExecutionSettings(cache="~/set").cache_folder == tmp_path / "set"


def test_processes_and_device():
    assert ExecutionSettings(workers=3).processes == 3
    assert ExecutionSettings().processes >= 1
    assert ExecutionSettings(device="cpu").torch_device == "cpu"
