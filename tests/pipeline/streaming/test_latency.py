"""How long each part takes, measured on a rendered film."""

import json
from pathlib import Path

import numpy as np
import pytest

from features.errors import InputError
from features.extractors.settings import GivenSettings
from models import recogniser
from pipeline import latency
from tests.helpers.media_factory import make_film
from tests.helpers.trained_models import random_model, sound_model


def test_every_part_is_timed_and_written_with_machine_and_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(latency, "SECONDS", 1.0)
    trained, clip = sound_model(), make_film(tmp_path / "film.mp4", 2.0)
    recogniser.save(tmp_path / "model", trained.card, trained.network.state_dict())
    latency.main([str(clip), "--model", "model"])
    measured = json.loads((tmp_path / "data/latency/random.json").read_text())
    assert 1.0 <= measured["seconds"] < 1.3  # no more of it was read
    assert list(measured["real_time_factor"]) == ["reading", "opensmile", "network"]
    assert min(measured["real_time_factor"].values()) > 0
    assert 0 < measured["ms_per_frame"]["p50"] <= measured["ms_per_frame"]["p95"]
    weights = trained.network.parameters()
    assert measured["parameters"] == sum(parameter.numel() for parameter in weights)
    assert measured["flop_per_second"] > measured["parameters"]
    assert {"machine", "date", "threads", "device"} <= measured.keys()
    assert "MFLOP a second" in capsys.readouterr().err


def test_a_model_of_given_features_is_measured_by_files_of_them(tmp_path: Path) -> None:
    given = GivenSettings(modality="audio", of="voice")
    trained = random_model({"audio": given}, {"audio": 3})
    files = {"voice": tmp_path / "voice.npz"}
    np.savez(files["voice"], features=np.ones((480, 3), np.float32), rate=40.0)
    measured = latency.measure(None, trained, "cpu", files)
    assert measured["seconds"] == latency.SECONDS  # of the twelve
    assert list(measured["real_time_factor"]) == ["network"]
    assert 0 < measured["ms_per_frame"]["p50"] <= measured["ms_per_frame"]["p95"]
    with pytest.raises(InputError, match=r"takes nothing of film\.mp4: all that it sees is given"):
        latency.measure("film.mp4", trained, "cpu", files)
    with pytest.raises(InputError, match="voice is not there"):
        latency.measure("film.mp4", trained, "cpu")
    with pytest.raises(InputError, match="needs a file of media; name one, as CLIP"):
        latency.measure(None, sound_model(), "cpu")
