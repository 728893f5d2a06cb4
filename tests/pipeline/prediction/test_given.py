"""Prediction from features in files."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from features.errors import InputError
from features.extractors.settings import GivenSettings
from pipeline.engine.jobs import Failure
from pipeline.prediction import predict, predict_all
from pipeline.prediction.given import files_of
from tests.helpers.trained_models import random_model

STREAMS = {
    "audio": GivenSettings(modality="audio", of="voice"),
    "video": GivenSettings(modality="video", of="face", normalise=False),
}
TRAINED = random_model(STREAMS, {"audio": 3, "video": 4})


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Two modalities of a second at 25 rows a second."""
    rng = np.random.default_rng(0)
    for name, width in (("voice", 3), ("face", 4)):
        rows = rng.standard_normal((25, width)).astype(np.float32)
        np.savez(tmp_path / f"{name}.npz", features=rows, times=np.arange(25) / 25)
    return {name: tmp_path / f"{name}.npz" for name in ("voice", "face")}


def test_a_model_of_given_features_is_given_some(files: dict[str, Path]) -> None:
    table = predict(None, TRAINED, features=files).table
    assert len(table) == 25
    assert set(table["basis"]) == {"both"}
    with np.load(files["voice"]) as voice, np.load(files["face"]) as face:
        normed = ((voice["features"] - 0.1) / 3.0).astype(np.float32)
        arrays = {"audio": normed[:20], "video": face["features"][:20]}
    inputs = {m: torch.from_numpy(rows)[None] for m, rows in arrays.items()}
    masks = {m: torch.ones(1, 20, dtype=torch.bool) for m in inputs}
    with torch.inference_mode():
        expected = TRAINED.network(inputs, masks).fused[0].numpy()
    np.testing.assert_allclose(table[["valence", "arousal"]][:20], expected, atol=1e-5)
    streams = {
        m: s.model_copy(update={"settings": s.settings.model_copy(update={"of": None}), "name": n})
        for (m, s), n in zip(TRAINED.card.streams.items(), ("voice", "face"), strict=True)
    }
    named_by_stream = replace(TRAINED, card=TRAINED.card.model_copy(update={"streams": streams}))
    assert predict(None, named_by_stream, features=files).table.equals(table)
    by_modality = {"audio": files["voice"], "video": files["face"]}
    same = predict(None, TRAINED, features=by_modality).table
    assert same.equals(table)


def test_mistakes_with_features_are_one_sentence(files: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"was trained on features .* face is not there; .*face=F"):
        predict(None, TRAINED, features={"voice": files["voice"]})
    with pytest.raises(InputError, match="takes no features named lips"):
        predict(None, TRAINED, features={**files, "lips": files["face"]})
    swapped = {"voice": files["face"], "face": files["voice"]}
    with pytest.raises(InputError, match="has 4 numbers a row, and random was trained on 3"):
        predict(None, TRAINED, features=swapped)
    (outcome,) = predict_all([], [_saved(tmp_path)], features=swapped)
    assert isinstance(outcome, Failure)
    with pytest.raises(InputError, match="write NAME=FILE"):
        files_of(["face.npz"])
    with pytest.raises(InputError, match="two files of one name"):
        files_of(["face=a.npz", "face=b.npz"])


def _saved(folder: Path) -> Path:
    from models import recogniser

    recogniser.save(folder / "model", TRAINED.card, TRAINED.network.state_dict())
    return folder / "model"
