import json

import pandas as pd
import pytest
from test_significance import Run

from features.corpora.item import Task
from pipeline import summarise
from pipeline.params import Params
from pipeline.significance import COLUMNS

MODELS = {"plain": {}, "better": {}}


@pytest.fixture
def stage(tmp_path, monkeypatch):
    """Run the stage on result files in a folder, up to the reports."""

    def run(models, **evaluate):
        params = Params.model_validate({"models": models, "evaluate": evaluate})
        task = Task("regression", "frame", ("valence", "arousal"), low=-1, high=1)
        monkeypatch.setattr(summarise, "RESULTS", tmp_path)
        monkeypatch.setattr(summarise, "load_params", lambda: params)
        monkeypatch.setattr(summarise, "read_task", lambda: task)
        monkeypatch.setattr(summarise, "read_items", list)
        monkeypatch.setattr(summarise, "read_facts", lambda: {"gives_features": True})
        built = []
        monkeypatch.setattr(summarise.reports, "build", lambda *given: built.append(given))
        summarise.main()
        assert built == [(tmp_path, list(models), params.train.seeds)]
        tests = pd.read_csv(tmp_path / "significance.csv", keep_default_na=False)
        return json.loads((tmp_path / "run.json").read_text()), tests

    return run


@pytest.mark.parametrize("reference", [None, "better"])
def test_the_models_are_tested_against_the_reference(tmp_path, stage, reference):
    Run(tmp_path, models=list(MODELS))
    described, tests = stage(MODELS, reference=reference)
    assert described["reference"] == (reference or "plain")
    assert set(tests["reference"]) == {described["reference"]}
    assert set(tests["model"]) == {*MODELS} - {described["reference"]}
    assert list(tests) == list(COLUMNS)


def test_of_one_model_there_is_only_the_header(stage):
    _, tests = stage({"plain": {}})
    assert tests.empty
    assert list(tests) == list(COLUMNS)


def test_the_run_says_what_was_lost(stage):
    grid = {"strategy": "burst", "modality": ["both"], "p": [0.5], "burst": [15.0, 30.0]}
    described, _ = stage({"plain": {}}, conditions=[grid], natural=True)
    assert described["conditions"] == [grid | {"fill": "none"}]
    assert described["natural"] is True


def test_a_missing_table_is_reported_in_one_sentence(stage, capsys):
    with pytest.raises(SystemExit):
        stage(MODELS)
    assert "evaluation/plain.csv is missing" in capsys.readouterr().err
