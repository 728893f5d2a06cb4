"""Which trained model, which seed of it, and how it is run."""

from pathlib import Path

import pytest

from features.corpora.listing import MODELS, RESULTS
from features.errors import InputError
from pipeline.engine.execution import ExecutionSettings
from pipeline.prediction.trained import (
    execution_settings,
    load_trained,
    model_folder,
    preferred_seed,
)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_model_without_a_finished_seed_is_no_trained_model(elsewhere: Path) -> None:
    (elsewhere / MODELS / "baseline" / "seed-0").mkdir(parents=True)
    with pytest.raises(InputError, match="no trained model named baseline"):
        model_folder("baseline", None)
    with pytest.raises(InputError, match="no trained model named baseline"):
        load_trained("baseline")


def test_a_folder_beside_the_seeds_is_no_seed(elsewhere: Path) -> None:
    for name in ("seed-3", "seed-old"):
        (elsewhere / MODELS / "baseline" / name).mkdir(parents=True)
        (elsewhere / MODELS / "baseline" / name / "config.json").write_text("{}")
    assert model_folder("baseline", None).name == "seed-3"
    with pytest.raises(InputError, match=r"no seed 4; choose one of \[3\]"):
        model_folder("baseline", 4)


def test_a_model_of_stray_folders_alone_is_no_trained_model(elsewhere: Path) -> None:
    for name in ("seed-old", "seed-"):
        (elsewhere / MODELS / "baseline" / name).mkdir(parents=True)
        (elsewhere / MODELS / "baseline" / name / "config.json").write_text("{}")
    with pytest.raises(InputError, match="no trained model named baseline; run"):
        model_folder("baseline", None)


def test_where_nothing_tells_the_first_seed_is_taken_and_it_is_said(elsewhere: Path) -> None:
    assert preferred_seed("a", [4]) == (4, "")
    seed, said = preferred_seed("a", [2, 5])
    assert seed == 2
    assert "seed 2, the first: no evaluation says which is preferred" in said


def test_the_seed_that_the_choosing_speakers_prefer_is_taken(elsewhere: Path) -> None:
    file = elsewhere / RESULTS / "choice.json"
    file.parent.mkdir(parents=True)
    file.write_text('{"seeds": {"a": 5}}')
    assert preferred_seed("a", [2, 5]) == (
        5,
        "a: seed 5, which the speakers who choose prefer of 2",
    )
    seed, said = preferred_seed("a", [2, 7])  # another one was preferred, and is not there
    assert seed == 2
    assert "the first" in said


def test_the_device_is_that_of_params_where_they_are_valid(elsewhere: Path) -> None:
    params = elsewhere / "params.yaml"
    assert execution_settings() == ExecutionSettings()
    params.write_text(
        "models: {a: {network: unimodal, sees: [lld], ablation: {strategy: none}}}\n"
        "execution: {device: cpu}\n"
    )
    assert execution_settings().device == "cpu"
    params.write_text("execution: {device: cpu, colour: red}\n")
    assert execution_settings() == ExecutionSettings()
