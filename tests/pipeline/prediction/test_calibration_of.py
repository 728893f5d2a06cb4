"""What a saved recogniser's outputs are worth is read with it, and never of other weights."""

import json
from pathlib import Path

import numpy as np
import pytest

from features.corpora.listing import CALIBRATION, RESULTS, TRUST
from features.errors import InputError
from features.hashes import hash_of_file
from features.task import Task
from models import recogniser
from models.evaluation.calibration import Calibration
from pipeline.prediction.table import table_of
from pipeline.prediction.trained import load_trained
from tests.helpers.trained_models import sound_model


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A saved recogniser that was evaluated, in a project."""
    monkeypatch.chdir(tmp_path)
    trained = sound_model()
    folder = Path("data/models/random/seed-0")
    recogniser.save(folder, trained.card, trained.network.state_dict())
    weights = hash_of_file(folder / recogniser.WEIGHTS)
    published = RESULTS / TRUST / "random.json"
    published.parent.mkdir(parents=True)
    published.write_text(json.dumps({"0": calibration(weights).model_dump()}))
    return folder


def calibration(weights: str) -> Calibration:
    return Calibration(weights=weights, speakers=20, radii={"audio": [0.2, 0.3]})


def test_it_is_found_by_name_and_beside_the_model(folder: Path) -> None:
    found = load_trained("random", 0).calibration
    assert found is not None
    assert found.radii == {"audio": [0.2, 0.3]}
    beside = found.model_copy(update={"speakers": 33})
    (folder / CALIBRATION).write_text(beside.model_dump_json())
    assert load_trained(folder).calibration == beside


def test_that_of_other_weights_is_left_aside_and_a_damaged_one_named(folder: Path) -> None:
    (folder / CALIBRATION).write_text(calibration("of another").model_dump_json())
    assert load_trained(folder).calibration is None
    (folder / CALIBRATION).write_text("{")
    with pytest.raises(InputError, match=r"calibration\.json is damaged"):
        load_trained(folder)


def test_intervals_follow_the_values() -> None:
    values = np.array([[0.9, -0.5]])
    known = calibration("w")
    present = {"audio": np.array([True])}
    table = table_of(Task(), values, np.zeros(1), present, np.array([True]), known)
    assert list(table)[-4:] == ["valence_low", "valence_high", "arousal_low", "arousal_high"]
    assert table.iloc[0, -4:].tolist() == pytest.approx([0.7, 1.0, -0.8, -0.2])


def test_intervals_are_in_the_units_of_a_target() -> None:
    task = Task(outputs=("trust",), ranges={"trust": (0, 100)})
    known = Calibration(weights="w", speakers=20, radii={"audio": [0.2]})
    table = table_of(
        task, np.array([[0.9]]), np.zeros(1), {"audio": np.array([True])}, np.array([True]), known
    )
    assert table[["trust", "trust_low", "trust_high"]].iloc[0].tolist() == pytest.approx(
        [95, 85, 100]
    )
