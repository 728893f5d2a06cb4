"""The given features of CMU-MOSEI, facet and covarep, through the stages."""

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from features.stores.windows import open_windows
from tests.helpers.project import Project

PADDED, AUDIO, VIDEO = 12, 4, 3


def features(seed: int, count: int, width: int) -> NDArray[np.float64]:
    """Rows behind zeros, to the same length in all sentences, as the pickles have them."""
    rows = np.random.default_rng(seed).normal(size=(count, width))
    return np.concatenate((np.zeros((PADDED - count, width)), rows))


def section(videos: str) -> dict[str, NDArray[np.generic]]:
    """Two sentences of each video, with 7 rows of sound and 4 of picture."""
    ids = [[video, str(start), str(start + 2.0)] for video in videos for start in (0.0, 3.0)]
    numbers = [100 * ord(video) + place for video in videos for place in range(2)]
    return {
        "audio": np.stack([features(number, 7, AUDIO) for number in numbers]),
        "vision": np.stack([features(number + 50, 4, VIDEO) for number in numbers]),
        "text": np.zeros((len(ids), PADDED, 2)),
        "labels": np.array([(n % 5) - 1.9 for n in numbers], np.float32).reshape(-1, 1, 1),
        "id": np.array(ids),
    }


@pytest.fixture(scope="module")
def mosei(make_project: Callable[[], Project]) -> Project:
    """A tiny CMU-MOSEI whose windows are made."""
    project = make_project()
    root = project.folder / "mosei"
    root.mkdir()
    sections = {"train": section("abcd"), "valid": section("ef"), "test": section("gh")}
    (root / "mosei_senti_data_noalign.pkl").write_bytes(pickle.dumps(sections, 4))
    stream = {"extractor": "given", "normalise": True, "align": "none"}
    project.params({"corpus": {"name": "cmu_mosei", "root": "mosei"}})
    project.replace(
        streams={
            "facet": {"modality": "video", "of": "facet", **stream},
            "covarep": {"modality": "audio", "of": "covarep", **stream},
        },
        models={"mult": {"network": "mult", "sees": ["covarep", "facet"]}},
    )
    project.params({"evaluate": {"reference": None}})
    project.params({"train": {"epochs": 2, "network": {"dim": 16, "ffn": 16, "layers": 1}}})
    for stage in ("keys", "corpus", "faces", "extract facet", "extract covarep", "windows"):
        project.run("python", "-m", *f"pipeline.{stage}".split())
    return project


def test_a_sentence_has_the_rows_of_its_sound_in_both_streams(
    mosei: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(mosei.folder)
    windows = open_windows(Path("data/windows.zarr"))
    assert len(windows.items) == 16
    steps = {
        (len(windows.steps(item, "covarep").index), len(windows.steps(item, "facet").index))
        for item in windows.items
    }
    assert steps == {(7, 7)}  # the reader brings the picture to the sound's clock


def test_a_network_that_attends_learns_from_both(mosei: Project) -> None:
    mosei.run("python", "-m", "pipeline.train", "mult")
    mosei.run("python", "-m", "pipeline.evaluate", "mult")
    table = pd.read_csv(mosei.folder / "reports/results/evaluation/mult.csv")
    assert set(table["target"]) == {"sentiment"}
    intact = table[(table["p"] == 0) & (table["speakers"] == "reported")]
    assert intact["mae"].nunique() == 1
    assert table["mae"].notna().all()


def test_a_network_that_cannot_says_so_before_training(mosei: Project) -> None:
    mosei.params({"models": {"recurrent": {"network": "recurrent", "sees": ["covarep", "facet"]}}})
    for stage in ("keys", "windows"):
        mosei.run("python", "-m", f"pipeline.{stage}")
    said = mosei.run("python", "-m", "pipeline.train", "recurrent", fails=True)
    assert "recurrent" in said
    assert "align" in said
    assert "Traceback" not in said
    assert not (mosei.folder / "data/models/recurrent").exists()
