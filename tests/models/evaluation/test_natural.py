from pathlib import Path

import numpy as np
import pytest
import torch

from models.evaluation.evaluator import pooled_scores, predict
from models.evaluation.natural import chosen_labels, natural_scores
from models.evaluation.registry import SUBSETS, metrics_of
from models.evaluation.scores import score
from models.networks.build import build
from models.settings import ModelSettings, NetworkSize
from models.training.data import ClipData
from tests.helpers.planted import DESCRIPTORS, FC6, STEPS, planted_sequences, planted_stores


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ClipData:
    stores = planted_stores(
        tmp_path_factory.mktemp("s"), items=3, frames=60, clip_frames=25, missing=0.3
    )
    return ClipData(*stores, ["item-0", "item-1", "item-2"], preload_bytes=0)


def test_frames_are_scored_by_what_was_found_in_them(data: ClipData) -> None:
    torch.manual_seed(0)
    features = {"audio": STEPS * DESCRIPTORS, "video": FC6}
    network = build(ModelSettings(), features, NetworkSize(dim=8, ffn=8), data.task).eval()
    predictions = predict(network, data, torch.device("cpu"), 4)
    found = natural_scores(data, predictions, metrics_of(data.task))
    assert tuple(found) == tuple(SUBSETS)

    def together(name: str) -> np.ndarray:
        return np.concatenate([data.item_array(item, name) for item in data.items])

    x = np.concatenate([predictions[item] for item in data.items])
    y, valid = together("labels"), together("valid")
    face, sound = together("face"), together("sound")
    where = {
        "no_face": together("picture") & ~face,
        "no_picture": ~together("picture"),
        "no_sound": ~sound,
        "no_voice": sound & ~together("voice"),
        "face_and_sound": face & sound,
    }
    for subset, frames in where.items():
        scored = frames & valid
        assert 0 < scored.sum() < valid.sum(), subset
        assert found[subset].n.tolist() == [scored.sum()] * 2
        expected = score(metrics_of(data.task), x[scored], y[scored]).values()
        for name, value in found[subset].values().items():
            assert np.allclose(value, expected[name], atol=1e-12)
    # Of every label it is known what was there; where there was neither, in two subsets.
    neither = (~face & ~sound & valid).sum()
    total = sum(scores.n[0] for subset, scores in found.items() if subset != "no_voice")
    assert total == pooled_scores(data, predictions, metrics_of(data.task)).n[0] + neither


def test_a_subset_without_frames_has_no_score(tmp_path: Path) -> None:
    stores = planted_stores(tmp_path, items=1, frames=30, clip_frames=25)
    data = ClipData(*stores, ["item-0"], preload_bytes=0)
    found = natural_scores(data, {"item-0": np.zeros((30, 2), np.float32)}, metrics_of(data.task))
    assert {subset: scores.n.tolist() for subset, scores in found.items()} == {
        "no_picture": [0, 0],
        "no_face": [0, 0],
        "no_sound": [0, 0],
        "no_voice": [0, 0],
        "face_and_sound": [27, 27],
    }
    assert all(np.isnan(value).all() for value in found["no_face"].values().values())


@pytest.mark.parametrize(
    ("pictures", "faces", "sounds", "voices", "subsets"),
    [
        ((1, 1, 1, 1), (1, 1, 1, 1), (1, 1, 1, 0), (1, 1, 1, 0), {"face_and_sound"}),
        ((1, 1, 1, 1), (1, 1, 1, 1), (1, 1, 1, 1), (0, 0, 0, 1), {"face_and_sound", "no_voice"}),
        ((1, 1, 1, 1), (1, 0, 0, 0), (1, 1, 1, 1), (1, 1, 1, 1), {"no_face"}),
        ((1, 0, 0, 0), (1, 0, 0, 0), (1, 1, 1, 1), (1, 1, 1, 1), {"no_picture"}),
        ((1, 1, 1, 1), (1, 0, 0, 0), (0, 0, 0, 1), (0, 0, 0, 1), {"no_face", "no_sound"}),
        ((1, 1, 1, 1), (1, 1, 0, 0), (1, 1, 1, 1), (1, 1, 1, 1), set()),  # half is not most
    ],
)
def test_a_sequence_is_what_most_of_its_frames_are(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pictures: tuple,
    faces: tuple,
    sounds: tuple,
    voices: tuple,
    subsets: set,
) -> None:
    data = ClipData(*planted_sequences(tmp_path, items=1), ["item-0"], preload_bytes=0)
    arrays = {"picture": pictures, "face": faces, "sound": sounds, "voice": voices}
    monkeypatch.setattr(data, "item_array", lambda _, name: np.array(arrays[name], bool))
    assert {s for s in SUBSETS if chosen_labels(data, "item-0", s).item()} == subsets
