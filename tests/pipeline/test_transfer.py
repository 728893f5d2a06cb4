"""Saved models on another corpus: evaluated as they are, trained further, or refused."""

import json
import shutil
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError
from ruamel.yaml import YAML

from features.errors import InputError
from features.extractors.settings import GivenSettings
from features.task import Task
from models.recogniser import CARD, WEIGHTS, read_card
from models.settings import ModelSettings
from models.transfer import check_fits, differences, read_saved
from pipeline.engine import closure
from tests.helpers.trained_models import random_model

STREAMS = {
    "picture": {"modality": "video", "extractor": "given", "of": "picture", "normalise": True},
    "sound": {"modality": "audio", "extractor": "given", "of": "sound"},
}
HERE = {"network": "crossmodal", "sees": ["sound", "picture"]}


def write_params(folder: Path, seed: int, models: dict[str, dict[str, object]]) -> None:
    """A tiny simulated corpus, and models of it."""
    sizes = {"train": 4, "validation": 0, "test": 3, "frames": 120, "video": 6, "audio": 4}
    content = {
        "corpus": {"name": "simulated", "simulated": {**sizes, "seed": seed}},
        "streams": STREAMS,
        "train": {
            "seeds": [0],
            "epochs": 1,
            "heldout": 0.25,
            "network": {"dim": 8, "heads": 2, "ffn": 8, "layers": 1},
        },
        "models": models,
        "evaluate": {
            "trials": 1,
            "reference": None,
            "conditions": [{"strategy": "clip_zero", "p": [1.0, 0.0]}],
        },
        "execution": {"workers": 1, "cache": str(folder / "cache")},
    }
    YAML().dump(content, folder / "params.yaml")


def run(monkeypatch: pytest.MonkeyPatch, *stages: str) -> None:
    """Run stages here, one after the other."""
    for stage in stages:
        module, *arguments = stage.split()
        monkeypatch.setattr(sys, "argv", [module, *arguments])
        import_module(f"pipeline.{module}").main()


def put_elsewhere(run_file: dict[str, Any], corpus: str) -> None:
    """Put results of this run beside it, as those of a run on another corpus."""
    folder = Path("reports/results/elsewhere/other")
    folder.mkdir(parents=True, exist_ok=True)
    other = {**run_file, "corpus": {**run_file["corpus"], "title": corpus}}
    (folder / "run.json").write_text(json.dumps(other))
    shutil.copy("reports/results/metrics.json", folder)


BEFORE = ("keys", "corpus", "extract picture", "extract sound", "windows")


def test_a_model_goes_to_another_corpus_as_it_is_and_as_a_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_params(tmp_path, 0, {"first": HERE})
    run(monkeypatch, *BEFORE, "train first")
    shutil.copytree("data/models/first", "saved")
    saved = read_card(Path("saved/seed-0"))
    write_params(
        tmp_path,
        1,
        {
            "as_it_is": {"from": "saved", "sees": ["sound", "picture"]},
            "further": {"init": "saved/seed-0", "sees": ["sound", "picture"]},
            "here": HERE,
        },
    )
    run(monkeypatch, *BEFORE)
    for name in ("as_it_is", "further", "here"):
        run(monkeypatch, f"train {name}", f"evaluate {name}")
    run(monkeypatch, "summarise")
    taken = Path("data/models/as_it_is/seed-0")
    assert (taken / WEIGHTS).read_bytes() == Path("saved/seed-0", WEIGHTS).read_bytes()
    card = read_card(taken)
    assert (card.name, card.moments) == ("as_it_is", saved.moments)
    assert read_card(Path("data/models/here/seed-0")).moments != saved.moments
    assert [
        len(read_card(Path("data/models", n, "seed-0")).corpora) for n in ("further", "here")
    ] == [2, 1]
    assert pd.read_csv("reports/results/training/as_it_is.csv").empty
    run_file = json.loads(Path("reports/results/run.json").read_text())
    page = Path("reports/results/index.html").read_text()
    assert "<h2>Across corpora</h2>" in page
    assert page.count(", cross-corpus") == 2
    assert f"tested on {run_file['corpus']['title']}" in page
    assert "The same recognisers" not in page
    put_elsewhere(run_file, "simulated (seed 9)")
    run(monkeypatch, "summarise")
    page = Path("reports/results/index.html").read_text()
    table = page[page.index("The same recognisers tested on several corpora") :]
    assert f"tested on {run_file['corpus']['title']}" in table
    assert "tested on simulated (seed 9)" in table
    put_elsewhere({**run_file, "task": {**run_file["task"], "outputs": ["trust"]}}, "other")
    with pytest.raises(SystemExit):
        run(monkeypatch, "summarise")
    key = Path("data/keys/train/as_it_is").read_text()
    weights = bytearray(Path("saved/seed-0", WEIGHTS).read_bytes())
    weights[-1] ^= 1
    Path("saved/seed-0", WEIGHTS).write_bytes(weights)
    closure.forget()
    run(monkeypatch, "keys")
    assert Path("data/keys/train/as_it_is").read_text() != key


def test_what_the_card_decides_cannot_be_set_and_a_missing_one_is_named(tmp_path: Path) -> None:
    card = random_model({"audio": GivenSettings(modality="audio")}, {"audio": 3}).card
    (tmp_path / CARD).write_text(card.model_dump_json())
    taken = ModelSettings.model_validate({"from": str(tmp_path), "sees": ["voice"]})
    assert (taken.network, taken.presence, taken.size["dim"]) == ("unimodal", "marked", 16)
    with pytest.raises(ValidationError, match="ablation is set, and the card of the model in from"):
        ModelSettings.model_validate({"from": str(tmp_path), "ablation": {"strategy": "none"}})
    with pytest.raises(ValidationError, match="has no saved model: looked for"):
        ModelSettings.model_validate({"init": str(tmp_path / "x")})
    (tmp_path / CARD).write_text(
        card.model_dump_json().replace('"network":"unimodal"', '"network":"extensions.net:Net"')
    )
    with pytest.raises(ValidationError, match=r"write network: extensions\.net:Net if"):
        ModelSettings.model_validate({"from": str(tmp_path), "sees": ["voice"]})
    with pytest.raises(InputError, match="has no model"):
        read_saved(str(tmp_path), 0)


@pytest.mark.parametrize(
    ("task", "seen", "width", "says"),
    [
        (Task(outputs=("valence",)), {"audio": "s"}, 3, "outputs is .'valence',., it was"),
        (Task(), {"audio": "s", "video": "p"}, 3, "sees audio"),
        (Task(), {"audio": "s"}, 4, "has 4 numbers a step, and the saved model takes 3"),
    ],
)
def test_a_model_that_does_not_fit_is_refused(task, seen, width, says) -> None:
    card = random_model({"audio": GivenSettings(modality="audio")}, {"audio": 3}).card
    with pytest.raises(InputError, match=says):
        check_fits(card, "x", task, seen, {"audio": width})
    check_fits(card, "x", Task(), {"audio": "s"}, {"audio": 3})


def test_streams_are_compared_by_their_settings() -> None:
    settings = GivenSettings(modality="audio", of="sound")
    card = random_model({"audio": settings}, {"audio": 3}).card
    assert differences(card, {"audio": "s"}, {"audio": [settings]}) == []
    other = settings.model_copy(update={"of": "voice"})
    assert differences(card, {"audio": "s"}, {"audio": [other]}) == ["s.of is voice, it was sound"]
